/* SPDX-License-Identifier: Apache-2.0
 *
 * What the public functions share: arguments checked, a flow to call, results as JSON text. Private
 * to flow/api*.c.
 */
#ifndef WTL_FLOW_API_IMPL_H
#define WTL_FLOW_API_IMPL_H

#include "base/text.h"
#include "flow/flow.h"
#include "store/plan_file.h"
#include "store/policy_file.h"
#include "store/predictor_file.h"
#include "store/verdict_file.h"
#include "wattle/wattle.h"

#include <locale.h>

/* What every call needs while it works. Not to be moved: log.ctx points into it. */
struct api_call {
    struct wtl_arena arena;
    struct wtl_observer observer;
    struct wtl_log log;
    struct wtl_flow flow;
    struct wtl_campaign *campaign;
    locale_t plain, callers; /* "C" while the call lasts: documents have decimal points */
};

/* A call that ends with the scope; it may stay zeros. */
#define API_CALL(name) __attribute__((cleanup(api_fini))) struct api_call name = {0}
void api_fini(struct api_call *call);

int api_begin(struct api_call *call, const struct wtl_observer *observer, struct wtl_error *err);
int api_open(struct api_call *call, const char *campaign, enum wtl_campaign_mode mode,
             struct wtl_error *err);

/* Copies a caller's struct, older (smaller) or newer (larger) than ours, into ours. NULL: zeros. */
int api_take(const char *name, const void *given, void *ours, size_t size, struct wtl_error *err);
int api_check_flags(const char *name, uint64_t flags, uint64_t known, struct wtl_error *err);
int api_need(const void *p, const char *what, struct wtl_error *err);

/* Settings of operating points as text; *out is NULL where `text` is. `at` must outlive *out. */
int api_read_at(const char *text, struct wtl_at *at, const struct wtl_at **out,
                struct wtl_error *err);

/* The policy file that a caller names or gives as text; none: *out stays NULL. */
int api_read_policy(struct wtl_arena *arena, const char *policy, const char *policy_yaml,
                    const char *category, const struct wtl_policy_file **out,
                    struct wtl_error *err);

/* Documents that come as text; `name` is the argument's, for messages. -WTL_USAGE for NULL. */
int api_read_plans(struct wtl_arena *arena, const char *name, const char *text,
                   struct wtl_plan_file *out, struct wtl_error *err);
int api_read_verdict(struct wtl_arena *arena, const char *name, const char *text,
                     struct wtl_verdict_file *out, struct wtl_error *err);
int api_read_model(struct wtl_arena *arena, const char *name, const char *text,
                   struct wtl_predictor_file *out, struct wtl_error *err);

/* Hands a document to the caller: the text of a buffer on the system allocator; JSON, whose
 * reference is dropped; plans. On failure nothing is left behind. */
int api_give_text(struct wtl_buf *text, char **json_out, struct wtl_error *err);
int api_give_json(json_t *document, char **json_out, struct wtl_error *err);
int api_give_plans(const struct wtl_plan_file *file, char **json_out, struct wtl_error *err);

/* The end of a call that has more to do after its text is made: hands it over when rc is 0, else
 * frees it. Returns rc. */
int api_hand_over(int rc, char **text, char **out);

#endif
