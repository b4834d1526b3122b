/* SPDX-License-Identifier: Apache-2.0
 * Verdicts as JSON, both ways. */
#include "store/verdict_file.h"

#include "codec/json.h"
#include "store/configuration_json.h"
#include "store/plan_fields.h"
#include "store/plan_file.h"

#include <string.h>

#define FORMAT "wattle-verdict"

enum { ENTRIES_MAX = 100000 };

enum wtl_verdict_kind wtl_verdict_file_overall(const struct wtl_verdict_file *file)
{
    size_t judged = 0, confirmed = 0;
    for (size_t i = 0; i < file->n; i++) {
        if (!file->entries[i].judged)
            continue;
        judged++;
        if (file->entries[i].verdict.kind == WTL_VERDICT_REFUTED)
            return WTL_VERDICT_REFUTED;
        confirmed += file->entries[i].verdict.kind == WTL_VERDICT_CONFIRMED;
    }
    return judged && confirmed == judged ? WTL_VERDICT_CONFIRMED : WTL_VERDICT_UNDECIDED;
}

/* ---- Writing ----------------------------------------------------------------------------------*/

static json_t *claim_json(const struct wtl_claim *c, const struct wtl_estimate *planned)
{
    return json_pack("{s:s, s:o, s:o, s:o}", "state", wtl_verdict_name(c->state), "fresh",
                     wtl_estimate_to_json(&c->fresh), "limit", wtl_json_finite(c->limit), "planned",
                     wtl_estimate_to_json(planned));
}

static json_t *notes_json(const struct wtl_verdict *v)
{
    json_t *array = json_array();
    for (size_t i = 0; i < v->n_notes; i++)
        wtl_json_add(&array, json_string(v->notes[i]));
    return array;
}

static json_t *clock_json(int mhz)
{
    return mhz ? json_integer(mhz) : json_null();
}

static json_t *judgement_json(const struct wtl_verdict_entry *e)
{
    const struct wtl_verdict *v = &e->verdict;
    if (!e->judged)
        return json_pack("{s:s, s:s, s:n, s:s, s:I}", "gpu", v->gpu, "workload", v->workload,
                         "verdict", "why", e->why, "n_known", (json_int_t)e->n_known);
    return json_pack(
        "{s:s, s:s, s:I, s:s, s:o, s:o, s:s, s:o, s:o, s:i, s:i, s:i, s:i, s:o, s:o}", "gpu",
        v->gpu, "workload", v->workload, "n_known", (json_int_t)e->n_known, "verdict",
        wtl_verdict_name(v->kind), "clock_mhz", clock_json(v->clock_mhz), "baseline_clock_mhz",
        clock_json(v->baseline_clock_mhz), "method", wtl_verdict_method_name(v->method), "saving",
        claim_json(&v->saving, &v->planned_saving), "slowdown",
        claim_json(&v->slowdown, &v->planned_slowdown), "n_candidate", v->n_candidate, "n_baseline",
        v->n_baseline, "n_rejected", v->n_rejected, "n_blocks", v->n_blocks, "more_blocks",
        v->more_blocks < 0 ? json_null() : json_integer(v->more_blocks), "notes", notes_json(v));
}

static json_t *entry_json(const struct wtl_verdict_entry *e)
{
    json_t *o = judgement_json(e);
    wtl_configuration_put(&o, &e->verdict.at);
    if (e->verdict.of_point)
        wtl_json_put(&o, "baseline_configuration",
                     wtl_configuration_to_json(&e->verdict.baseline_at));
    return o;
}

json_t *wtl_verdict_to_json(const struct wtl_verdict_file *f)
{
    json_t *entries = json_array();
    for (size_t i = 0; i < f->n; i++)
        wtl_json_add(&entries, entry_json(&f->entries[i]));
    return json_pack("{s:s, s:i, s:s, s:s, s:s, s:{s:o, s:s}, s:{s:s, s:o, s:s}, s:o, s:o, s:o}",
                     "format", FORMAT, "version", WTL_VERDICT_FILE_VERSION, "tool", f->tool,
                     "created", f->created, "verdict",
                     wtl_verdict_name(wtl_verdict_file_overall(f)), "campaign", "path",
                     wtl_json_text(f->campaign), "fingerprint", f->fingerprint, "plan", "created",
                     f->plan_created, "campaign", wtl_json_text(f->plan_campaign), "fingerprint",
                     f->plan_fingerprint, "confidence", wtl_json_finite(f->confidence), "margin",
                     wtl_json_finite(f->margin), "verdicts", entries);
}

/* ---- Reading ----------------------------------------------------------------------------------*/

static int no_memory(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory reading a verdict");
}

static int read_text(struct wtl_arena *arena, const struct wtl_json *o, const char *key,
                     const char **out, struct wtl_error *err)
{
    const char *text = NULL;
    int rc = wtl_json_string(o, key, &text, err);
    if (rc < 0)
        return rc;
    *out = wtl_arena_strdup(arena, text);
    return *out ? 0 : no_memory(err);
}

static int read_kind(const struct wtl_json *o, const char *key, enum wtl_verdict_kind *out,
                     struct wtl_error *err)
{
    const char *text = NULL;
    int rc = wtl_json_string(o, key, &text, err);
    if (rc == 0 && !wtl_verdict_by_name(text, out))
        rc = wtl_json_fail(o, err, "\"%s\" is none of confirmed, refuted, undecided", text);
    return rc;
}

static int read_claim(const struct wtl_json *entry, const char *key, struct wtl_claim *claim,
                      struct wtl_estimate *planned, struct wtl_error *err)
{
    struct wtl_json o;
    int rc = wtl_json_object(entry, key, &o, err);
    rc = rc ? rc : read_kind(&o, "state", &claim->state, err);
    rc = rc ? rc : wtl_estimate_from_json(&o, "fresh", &claim->fresh, err);
    rc = rc ? rc : wtl_json_number(&o, "limit", &claim->limit, err);
    return rc ? rc : wtl_estimate_from_json(&o, "planned", planned, err);
}

static int read_int(const struct wtl_json *o, const char *key, int64_t min, int64_t max, int *out,
                    struct wtl_error *err)
{
    int64_t value = 0;
    int rc = wtl_json_integer(o, key, min, max, &value, err);
    if (rc == 0)
        *out = (int)value;
    return rc;
}

/* null: a point without a clock. */
static int read_clock(const struct wtl_json *o, const char *key, bool of_point, int *out,
                      struct wtl_error *err)
{
    struct wtl_json found;
    if (of_point && !wtl_json_find(o, key, &found))
        return 0;
    return read_int(o, key, 0, WTL_LIMIT_CLOCK_MHZ, out, err);
}

static int read_counts(const struct wtl_json *o, struct wtl_verdict *v, struct wtl_error *err)
{
    struct wtl_json found;
    int rc = read_clock(o, "clock_mhz", v->of_point, &v->clock_mhz, err);
    rc = rc ? rc : read_clock(o, "baseline_clock_mhz", v->of_point, &v->baseline_clock_mhz, err);
    rc = rc ? rc : read_int(o, "n_candidate", 0, WTL_LIMIT_RUNS, &v->n_candidate, err);
    rc = rc ? rc : read_int(o, "n_baseline", 0, WTL_LIMIT_RUNS, &v->n_baseline, err);
    rc = rc ? rc : read_int(o, "n_rejected", 0, WTL_LIMIT_RUNS, &v->n_rejected, err);
    rc = rc ? rc : read_int(o, "n_blocks", 0, WTL_LIMIT_RUNS, &v->n_blocks, err);
    v->more_blocks = -1;
    if (rc == 0 && wtl_json_find(o, "more_blocks", &found))
        rc = read_int(o, "more_blocks", 0, WTL_LIMIT_RUNS, &v->more_blocks, err);
    return rc;
}

static int read_notes(struct wtl_arena *arena, const struct wtl_json *o, struct wtl_verdict *v,
                      struct wtl_error *err)
{
    struct wtl_json array;
    int rc = wtl_json_array(o, "notes", &array, err);
    if (rc < 0)
        return rc;
    size_t n = wtl_json_count(&array);
    const char **notes = WTL_NEW_ARRAY(arena, const char *, n + 1);
    if (!notes)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        struct wtl_json item = wtl_json_item(&array, i);
        if (!json_is_string(item.value))
            return wtl_json_fail(&item, err, "is no text");
        notes[i] = wtl_arena_strdup(arena, json_string_value(item.value));
        if (!notes[i])
            return no_memory(err);
    }
    v->notes = notes;
    v->n_notes = n;
    return 0;
}

static int read_judgement(struct wtl_arena *arena, const struct wtl_json *o, struct wtl_verdict *v,
                          struct wtl_error *err)
{
    const char *method = NULL;
    int rc = read_kind(o, "verdict", &v->kind, err);
    rc = rc ? rc : wtl_json_string(o, "method", &method, err);
    if (rc == 0 && !wtl_verdict_method_by_name(method, &v->method))
        rc = wtl_json_fail(o, err, "the method \"%.60s\" is not known", method);
    rc = rc ? rc : read_claim(o, "saving", &v->saving, &v->planned_saving, err);
    rc = rc ? rc : read_claim(o, "slowdown", &v->slowdown, &v->planned_slowdown, err);
    rc = rc ? rc : read_counts(o, v, err);
    return rc ? rc : read_notes(arena, o, v, err);
}

/* Of an operating point; a clock's baseline is in the same configuration. */
static int read_baseline(const struct wtl_json *o, struct wtl_verdict *v, struct wtl_error *err)
{
    struct wtl_json found;
    v->of_point = wtl_json_find(o, "baseline_configuration", &found);
    if (!v->of_point) {
        v->baseline_at = v->at;
        return 0;
    }
    return wtl_configuration_read(o, "baseline_configuration", &v->baseline_at, err);
}

static int read_entry(struct wtl_arena *arena, const struct wtl_json *o,
                      struct wtl_verdict_entry *out, struct wtl_error *err)
{
    static const char *const keys[] = {"gpu",         "workload",      "verdict",
                                       "why",         "clock_mhz",     "baseline_clock_mhz",
                                       "method",      "saving",        "slowdown",
                                       "notes",       "n_candidate",   "n_baseline",
                                       "more_blocks", "n_rejected",    "n_blocks",
                                       "n_known",     "configuration", "baseline_configuration"};
    struct wtl_verdict_entry e = {.why = ""};
    struct wtl_json found;
    int64_t n_known = 0;
    int rc = wtl_json_only(o, keys, sizeof keys / sizeof keys[0], err);
    rc = rc ? rc : wtl_json_name(o, "gpu", e.verdict.gpu, sizeof e.verdict.gpu, err);
    rc = rc ? rc : wtl_json_name(o, "workload", e.verdict.workload, sizeof e.verdict.workload, err);
    rc = rc ? rc : wtl_configuration_from_json(o, &e.verdict.at, err);
    rc = rc ? rc : read_baseline(o, &e.verdict, err);
    rc = rc ? rc : wtl_json_integer(o, "n_known", 0, WTL_LIMIT_RUNS, &n_known, err);
    if (rc < 0)
        return rc;
    e.n_known = (size_t)n_known;
    e.judged = wtl_json_find(o, "verdict", &found);
    rc = e.judged ? read_judgement(arena, o, &e.verdict, err)
                  : read_text(arena, o, "why", &e.why, err);
    if (rc == 0)
        *out = e;
    return rc;
}

static int check_document(const struct wtl_json *root, struct wtl_error *err)
{
    const char *format = json_string_value(json_object_get(root->value, "format"));
    int64_t version = 0;
    if (!format || strcmp(format, FORMAT) != 0) {
        int rc = WTL_FAIL(err, WTL_CORRUPT, "\"%s\" is not a verdict", root->file);
        wtl_error_hint(err, "a verdict is what `wattle validate --json` prints; it has the key "
                            "\"format\": \"" FORMAT "\"");
        return rc;
    }
    int rc = wtl_json_integer(root, "version", 1, INT64_MAX, &version, err);
    if (rc == 0 && version > WTL_VERDICT_FILE_VERSION) {
        rc =
            WTL_FAIL(err, WTL_CORRUPT, "the verdict is of version %lld, this wattle reads up to %d",
                     (long long)version, WTL_VERDICT_FILE_VERSION);
        wtl_error_hint(err, "use the wattle that wrote it, or a newer one");
    }
    return rc;
}

static int read_head(struct wtl_arena *arena, const struct wtl_json *root,
                     struct wtl_verdict_file *f, struct wtl_error *err)
{
    static const char *const keys[] = {"format",   "version", "tool",       "created", "verdict",
                                       "campaign", "plan",    "confidence", "margin",  "verdicts"};
    struct wtl_json campaign, plan;
    int rc = wtl_json_only(root, keys, sizeof keys / sizeof keys[0], err);
    rc = rc ? rc : read_text(arena, root, "tool", &f->tool, err);
    rc = rc ? rc : read_text(arena, root, "created", &f->created, err);
    rc = rc ? rc : wtl_json_object(root, "campaign", &campaign, err);
    rc = rc ? rc : read_text(arena, &campaign, "path", &f->campaign, err);
    rc = rc ? rc : read_text(arena, &campaign, "fingerprint", &f->fingerprint, err);
    rc = rc ? rc : wtl_json_object(root, "plan", &plan, err);
    rc = rc ? rc : read_text(arena, &plan, "created", &f->plan_created, err);
    rc = rc ? rc : read_text(arena, &plan, "campaign", &f->plan_campaign, err);
    rc = rc ? rc : read_text(arena, &plan, "fingerprint", &f->plan_fingerprint, err);
    rc = rc ? rc : wtl_json_number(root, "confidence", &f->confidence, err);
    return rc ? rc : wtl_json_number(root, "margin", &f->margin, err);
}

int wtl_verdict_from_json(struct wtl_arena *arena, const char *name, const json_t *root_value,
                          struct wtl_verdict_file *file_out, struct wtl_error *err)
{
    struct wtl_json root = wtl_json_root(root_value, name), array, o;
    struct wtl_verdict_file f = {.tool = ""};
    int rc = check_document(&root, err);
    rc = rc ? rc : read_head(arena, &root, &f, err);
    rc = rc ? rc : wtl_json_array(&root, "verdicts", &array, err);
    if (rc < 0)
        return rc;
    f.n = wtl_json_count(&array);
    if (f.n > ENTRIES_MAX)
        return WTL_FAIL(err, WTL_LIMIT, "%zu verdicts, at most %d", f.n, ENTRIES_MAX);
    f.entries = WTL_NEW_ARRAY(arena, struct wtl_verdict_entry, f.n + 1);
    if (!f.entries)
        return no_memory(err);
    for (size_t i = 0; rc == 0 && i < f.n; i++) {
        rc = wtl_json_item_object(&array, i, &o, err);
        rc = rc ? rc : read_entry(arena, &o, &f.entries[i], err);
    }
    if (rc == 0)
        *file_out = f;
    return rc;
}

int wtl_verdict_file_read(struct wtl_arena *arena, const char *path,
                          struct wtl_verdict_file *file_out, struct wtl_error *err)
{
    json_auto_t *root = NULL;
    int rc = wtl_json_read_file(path, &root, err);
    return rc ? rc : wtl_verdict_from_json(arena, path, root, file_out, err);
}
