/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans, predictors and verdicts inside a campaign. They are kept because somebody asked for it
 * under a name (--save NAME), never as a side effect; another one of the kind and name is replaced,
 * and `wattle delete` deletes.
 * The text is that of the file or of --json, byte by byte: `wattle show C --document KIND/NAME`
 * gives it back.
 *
 * A document carries the version of its own format and the fingerprint of the runs behind it. After
 * a further import it stays, and is said to be of other runs. One of a newer version, or a damaged
 * one, is listed as such and stands in nobody's way.
 */
#ifndef WTL_FLOW_DOCUMENTS_H
#define WTL_FLOW_DOCUMENTS_H

#include "flow/flow.h"
#include "store/plan_file.h"
#include "store/predictor_file.h"
#include "store/verdict_file.h"

enum wtl_document_kind {
    WTL_DOCUMENT_PLAN,
    WTL_DOCUMENT_PREDICTOR,
    WTL_DOCUMENT_VERDICT,
    WTL_N_DOCUMENT_KINDS
};

/* A name has 1 to 95 bytes, no '/', no control characters and no blank at its ends. NULL is fine:
 * nothing is to be kept. -WTL_USAGE. */
int wtl_document_check_name(const char *name, struct wtl_error *err);

/* How a campaign is opened by a command that may keep something: for reading without a name. */
enum wtl_campaign_mode wtl_document_mode(const char *name);

/* The campaign that predicted plans are kept in: the one that the probe is, opened for writing;
 * NULL without a name. -WTL_USAGE when the probe is none. */
int wtl_document_open_probe(const char *name, const char *probe, struct wtl_clock clock,
                            struct wtl_campaign **campaign_out, struct wtl_error *err);

/* Keep in the campaign, in one step. NULL for the name: nothing is done. */
int wtl_keep_plans(struct wtl_campaign *c, const char *name, const struct wtl_plan_file *file,
                   struct wtl_error *err);
int wtl_keep_predictor(struct wtl_campaign *c, const char *name,
                       const struct wtl_predictor_file *file, struct wtl_error *err);
int wtl_keep_verdict(struct wtl_campaign *c, const char *name, const struct wtl_verdict_file *file,
                     struct wtl_error *err);

/* What came of reading a stored document. */
struct wtl_document_info {
    struct wtl_stored_document stored;
    bool readable;        /* else `content` says why not */
    bool of_these_runs;   /* readable, and its fingerprint is the campaign's */
    const char *content;  /* one line: "8 plans: 3 ok, 5 unusable" */
    const void *document; /* struct wtl_plan_file, _predictor_file or _verdict_file, by kind */
};

/* All of the campaign, or of one kind (WTL_N_DOCUMENT_KINDS: all), in order of kind and name. */
int wtl_flow_documents(struct wtl_campaign *c, enum wtl_document_kind kind, struct wtl_arena *arena,
                       struct wtl_document_info **infos_out, size_t *n_out, struct wtl_error *err);

/* The text of "KIND/NAME". -WTL_USAGE for another form or kind; -WTL_NOTFOUND, the hint lists what
 * there is. */
int wtl_flow_document(struct wtl_campaign *c, const char *which, struct wtl_arena *arena,
                      const char **json_out, struct wtl_error *err);

/* Deletes the documents "KIND/NAME", all in one step or none: also those of kinds that this wattle
 * does not know, and damaged ones. -WTL_USAGE for another form, or one that is named twice;
 * -WTL_NOTFOUND, the hint lists what there is. */
int wtl_flow_delete_documents(struct wtl_campaign *c, const char *const *which, size_t n,
                              struct wtl_arena *arena, struct wtl_error *err);

/* As JSON, for `wattle show --json`. NULL when memory is out. */
json_t *wtl_documents_json(const struct wtl_document_info *infos, size_t n);

#endif
