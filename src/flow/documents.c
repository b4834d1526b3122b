/* SPDX-License-Identifier: Apache-2.0
 * Plans, predictors and verdicts inside a campaign. */
#include "flow/documents.h"

#include "base/text.h"
#include "codec/json.h"

#include <stdio.h>
#include <string.h>

static const char *const kinds[WTL_N_DOCUMENT_KINDS] = {"plan", "predictor", "verdict"};

static enum wtl_document_kind kind_of(struct wtl_view name)
{
    int k = 0;
    while (k < (int)WTL_N_DOCUMENT_KINDS && !wtl_view_is(name, kinds[k]))
        k++;
    return (enum wtl_document_kind)k;
}

/* ---- Keeping ----------------------------------------------------------------------------------*/

int wtl_document_check_name(const char *name, struct wtl_error *err)
{
    if (!name)
        return 0;
    size_t n = strlen(name);
    bool good = n > 0 && n < WTL_LIMIT_NAME && name[0] != ' ' && name[n - 1] != ' ';
    for (size_t i = 0; good && i < n; i++)
        good = (unsigned char)name[i] >= ' ' && name[i] != 127 && name[i] != '/';
    if (good)
        return 0;
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%.60s\" cannot be the name of a stored document", name);
    wtl_error_hint(err, "1 to %d bytes, without '/', control characters and blanks at the ends",
                   WTL_LIMIT_NAME - 1);
    return rc;
}

enum wtl_campaign_mode wtl_document_mode(const char *name)
{
    return name ? WTL_CAMPAIGN_WRITE : WTL_CAMPAIGN_READ;
}

int wtl_document_open_probe(const char *name, const char *probe, struct wtl_clock clock,
                            struct wtl_campaign **campaign_out, struct wtl_error *err)
{
    bool campaign = false;
    struct wtl_campaign *c = NULL;
    int rc = wtl_document_check_name(name, err);
    if (rc == 0 && name && probe)
        rc = wtl_campaign_detect(probe, &campaign, err);
    if (rc == 0 && name && !campaign) {
        rc = WTL_FAIL(err, WTL_USAGE,
                      "a predicted plan is kept in the campaign of its probe: %s%s%s",
                      probe ? "\"" : "there is no probe", probe ? probe : "",
                      probe ? "\" is no campaign" : "");
        wtl_error_hint(err, "make one with `wattle import RUNS -o CAMPAIGN`, and probe that");
    }
    if (rc == 0 && name)
        rc = wtl_campaign_open(probe, WTL_CAMPAIGN_WRITE, clock, &c, err);
    if (rc == 0)
        *campaign_out = c;
    return rc;
}

/* Stores what a buffer holds, and empties it. */
static int keep(struct wtl_campaign *c, enum wtl_document_kind kind, const char *name, int rc,
                struct wtl_buf *text, struct wtl_error *err)
{
    rc = rc ? rc : wtl_document_check_name(name, err);
    if (rc == 0 && text->failed)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory storing a document");
    if (rc == 0)
        rc = wtl_campaign_put_document(c, kinds[kind], name, wtl_buf_str(text), err);
    wtl_buf_fini(text);
    return rc;
}

int wtl_keep_plans(struct wtl_campaign *c, const char *name, const struct wtl_plan_file *file,
                   struct wtl_error *err)
{
    struct wtl_buf text;
    if (!name)
        return 0;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    int rc = wtl_plan_file_text(file, &text, err);
    return keep(c, WTL_DOCUMENT_PLAN, name, rc, &text, err);
}

int wtl_keep_predictor(struct wtl_campaign *c, const char *name,
                       const struct wtl_predictor_file *file, struct wtl_error *err)
{
    struct wtl_buf text;
    if (!name)
        return 0;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    int rc = wtl_predictor_file_text(file, &text, err);
    return keep(c, WTL_DOCUMENT_PREDICTOR, name, rc, &text, err);
}

int wtl_keep_verdict(struct wtl_campaign *c, const char *name, const struct wtl_verdict_file *file,
                     struct wtl_error *err)
{
    struct wtl_buf text;
    if (!name)
        return 0;
    json_auto_t *root = wtl_verdict_to_json(file);
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    int rc = root && wtl_json_write(root, &text)
                 ? 0
                 : WTL_FAIL(err, WTL_NOMEM, "out of memory writing a verdict");
    return keep(c, WTL_DOCUMENT_VERDICT, name, rc, &text, err);
}

/* ---- What there is ----------------------------------------------------------------------------*/

/* Room for the contents of a document of any kind. */
union content {
    struct wtl_plan_file plans;
    struct wtl_predictor_file predictor;
    struct wtl_verdict_file verdict;
};

static const char *describe_plans(struct wtl_arena *arena, const struct wtl_plan_file *file)
{
    char text[120];
    size_t used = (size_t)snprintf(text, sizeof text, "%zu plan%s", file->n_plans,
                                   file->n_plans == 1 ? "" : "s");
    const char *sign = ": ";
    for (int s = WTL_PLAN_OK; s <= (int)WTL_PLAN_INFEASIBLE; s++) {
        int n = 0;
        for (size_t i = 0; i < file->n_plans; i++)
            n += file->plans[i].status == (enum wtl_plan_status)s;
        if (n && used < sizeof text) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%d %s", sign, n,
                                     wtl_plan_status_name((enum wtl_plan_status)s));
            sign = ", ";
        }
    }
    return wtl_arena_strdup(arena, text);
}

static const char *describe_predictor(struct wtl_arena *arena, const struct wtl_predictor_file *f)
{
    const struct wtl_predictor *p = &f->predictor;
    char objective[64], limit[40] = "";
    if (p->has_max_slowdown)
        snprintf(limit, sizeof limit, ", %g %% slower", 100 * p->max_slowdown);
    if (p->n_heldout == 0)
        return wtl_arena_printf(arena, "%zu sets, no held-out errors", p->n_trained);
    return wtl_arena_printf(arena, "%zu sets, held-out errors for %s%s", p->n_trained,
                            wtl_objective_format(&p->objective, objective, sizeof objective),
                            limit);
}

static const char *describe_verdict(struct wtl_arena *arena, const struct wtl_verdict_file *file)
{
    size_t judged = 0;
    for (size_t i = 0; i < file->n; i++)
        judged += file->entries[i].judged;
    return wtl_arena_printf(arena, "%s, %zu of %zu plans judged",
                            wtl_verdict_name(wtl_verdict_file_overall(file)), judged, file->n);
}

/* What `wattle record` keeps beside its runs: the document of `wattle stat`, of these runs always.
 */
static bool is_recording(const struct wtl_stored_document *stored)
{
    return strcmp(stored->kind, "recording") == 0;
}

static const char *describe_recording(struct wtl_arena *arena, const json_t *root)
{
    const size_t devices = json_array_size(json_object_get(root, "devices"));
    const size_t windows = json_array_size(json_object_get(root, "windows"));
    const char *names = windows ? wtl_arena_printf(arena, ", %zu name%s of windows", windows,
                                                   wtl_plural((int64_t)windows))
                                : "";
    return wtl_arena_printf(arena, "%.3g s, %zu device%s%s",
                            json_number_value(json_object_get(root, "time_s")), devices,
                            wtl_plural((int64_t)devices), names ? names : "");
}

/* Reads by kind; the fingerprint of the runs behind it, and one line on it. */
static int open_content(struct wtl_arena *arena, enum wtl_document_kind kind, const char *name,
                        const json_t *root, union content *content, const char **fingerprint,
                        const char **line, struct wtl_error *err)
{
    int rc = -(int)WTL_CORRUPT;
    switch (kind) {
    case WTL_DOCUMENT_PLAN:
        rc = wtl_plan_from_json(arena, name, root, &content->plans, err);
        if (rc == 0) {
            *fingerprint = content->plans.fingerprint;
            *line = describe_plans(arena, &content->plans);
        }
        break;
    case WTL_DOCUMENT_PREDICTOR:
        rc = wtl_predictor_from_json(arena, name, root, &content->predictor, err);
        if (rc == 0) {
            *fingerprint = content->predictor.predictor.fingerprint;
            *line = describe_predictor(arena, &content->predictor);
        }
        break;
    case WTL_DOCUMENT_VERDICT:
        rc = wtl_verdict_from_json(arena, name, root, &content->verdict, err);
        if (rc == 0) {
            *fingerprint = content->verdict.fingerprint;
            *line = describe_verdict(arena, &content->verdict);
        }
        break;
    case WTL_N_DOCUMENT_KINDS:
        rc = WTL_FAIL(err, WTL_CORRUPT, "documents of this kind are not known to this wattle");
        break;
    }
    return rc;
}

static int read_one(struct wtl_arena *arena, const struct wtl_stored_document *stored,
                    const char *fingerprint, struct wtl_document_info *info, struct wtl_error *err)
{
    json_auto_t *root = NULL;
    struct wtl_error why = {0};
    union content *content = WTL_NEW(arena, union content);
    const char *of = "", *line = "";
    *info = (struct wtl_document_info){.stored = *stored, .document = content};
    int rc = content ? wtl_json_parse(stored->json, strlen(stored->json), stored->name, &root, &why)
                     : -(int)WTL_NOMEM;
    if (rc == 0 && is_recording(stored)) {
        of = fingerprint;
        line = describe_recording(arena, root);
    } else if (rc == 0) {
        rc = open_content(arena, kind_of(wtl_view_of(stored->kind)), stored->name, root, content,
                          &of, &line, &why);
    }
    info->readable = rc == 0;
    info->of_these_runs = rc == 0 && strcmp(of, fingerprint) == 0;
    info->content = rc == 0 ? line : wtl_arena_strdup(arena, why.message);
    if (rc == -(int)WTL_NOMEM || !info->content)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory reading the documents of the campaign");
    return 0;
}

int wtl_flow_documents(struct wtl_campaign *c, enum wtl_document_kind kind, struct wtl_arena *arena,
                       struct wtl_document_info **infos_out, size_t *n_out, struct wtl_error *err)
{
    struct wtl_stored_document *stored = NULL;
    char fingerprint[65];
    size_t n = 0;
    int rc = wtl_campaign_documents(c, arena, kind < WTL_N_DOCUMENT_KINDS ? kinds[kind] : NULL,
                                    &stored, &n, err);
    rc = rc ? rc : wtl_campaign_fingerprint(c, fingerprint, err);
    if (rc < 0)
        return rc;
    struct wtl_document_info *infos = WTL_NEW_ARRAY(arena, struct wtl_document_info, n + 1);
    if (!infos)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory reading the documents of the campaign");
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = read_one(arena, &stored[i], fingerprint, &infos[i], err);
    if (rc == 0) {
        *infos_out = infos;
        *n_out = n;
    }
    return rc;
}

static int no_such_document(struct wtl_campaign *c, const char *which, struct wtl_arena *arena,
                            struct wtl_error *err)
{
    struct wtl_stored_document *all = NULL;
    char list[300] = "";
    size_t n = 0;
    int rc = wtl_campaign_documents(c, arena, NULL, &all, &n, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s/%s", i ? ", " : "", all[i].kind,
                 all[i].name);
    }
    rc = WTL_FAIL(err, WTL_NOTFOUND, "the campaign has no document \"%.120s\"", which);
    wtl_error_hint(err, "%s%s",
                   n ? "it has: " : "--save NAME of optimize, predict, fit and validate keeps one",
                   list);
    return rc;
}

int wtl_flow_document(struct wtl_campaign *c, const char *which, struct wtl_arena *arena,
                      const char **json_out, struct wtl_error *err)
{
    const char *slash = strchr(which, '/');
    struct wtl_view kind = {which, slash ? (size_t)(slash - which) : 0};
    char *json = NULL;
    if (kind_of(kind) == WTL_N_DOCUMENT_KINDS) {
        int rc = WTL_FAIL(err, WTL_USAGE, "\"%.120s\" names no document", which);
        wtl_error_hint(err, "write plan/NAME, predictor/NAME or verdict/NAME");
        return rc;
    }
    int rc = wtl_campaign_get_document(c, arena, kinds[kind_of(kind)], slash + 1, &json, err);
    if (rc == 0 && !json)
        rc = no_such_document(c, which, arena, err);
    if (rc == 0)
        *json_out = json;
    return rc;
}

/* One of them, within a transaction. */
static int delete_one(struct wtl_campaign *c, const char *which, struct wtl_arena *arena,
                      bool *dropped_out, struct wtl_error *err)
{
    const char *slash = strchr(which, '/');
    if (!slash) {
        int rc = WTL_FAIL(err, WTL_USAGE, "\"%.120s\" names no document", which);
        wtl_error_hint(err, "write plan/NAME, predictor/NAME or verdict/NAME");
        return rc;
    }
    const char *kind = wtl_arena_strndup(arena, which, (size_t)(slash - which));
    return kind ? wtl_campaign_drop_document(c, kind, slash + 1, dropped_out, err)
                : WTL_FAIL(err, WTL_NOMEM, "out of memory deleting a document");
}

int wtl_flow_delete_documents(struct wtl_campaign *c, const char *const *which, size_t n,
                              struct wtl_arena *arena, struct wtl_error *err)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(which[i], which[k]) == 0)
                return WTL_FAIL(err, WTL_USAGE, "\"%.120s\" is named twice", which[i]);
    int rc = wtl_campaign_begin(c, err);
    if (rc < 0)
        return rc;
    bool dropped = true;
    size_t i = 0;
    for (; rc == 0 && dropped && i < n; i++)
        rc = delete_one(c, which[i], arena, &dropped, err);
    if (rc == 0 && dropped)
        rc = wtl_campaign_commit(c, err);
    wtl_campaign_rollback(c);
    return rc || dropped ? rc : no_such_document(c, which[i - 1], arena, err);
}

static json_t *info_json(const struct wtl_document_info *d)
{
    char stored[32];
    return json_pack("{s:o, s:o, s:s, s:I, s:b, s:b, s:o}", "kind", wtl_json_text(d->stored.kind),
                     "name", wtl_json_text(d->stored.name), "stored",
                     wtl_format_utc(d->stored.stored_ns, stored, sizeof stored), "bytes",
                     (json_int_t)strlen(d->stored.json), "readable", d->readable, "of_these_runs",
                     d->of_these_runs, "content", wtl_json_text(d->content));
}

json_t *wtl_documents_json(const struct wtl_document_info *infos, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        wtl_json_add(&array, info_json(&infos[i]));
    return array;
}
