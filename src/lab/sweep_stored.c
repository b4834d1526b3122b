/* SPDX-License-Identifier: Apache-2.0
 * A sweep in its campaign: made there, found again, and whether it is still the same. */
#include "lab/sweep_impl.h"

#include "codec/hash.h"
#include "codec/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *json_string_of(struct wtl_arena *arena, const json_t *value, struct wtl_error *err)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    char *copy =
        value && wtl_json_write(value, &text) ? wtl_arena_strdup(arena, wtl_buf_str(&text)) : NULL;
    wtl_buf_fini(&text);
    if (!copy)
        (void)WTL_FAIL(err, WTL_NOMEM, "out of memory");
    return copy;
}

static int refuse_changed(const struct sweep *s, const char *what, bool extends,
                          struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_USAGE, "sweep \"%s\" of \"%s\" was another one: %s", s->spec->name,
                      wtl_campaign_path(s->q->campaign), what);
    if (extends)
        wtl_error_hint(err, "--extend takes these into the stored sweep");
    else
        wtl_error_hint(err, "give it another `name`, or another campaign with -o");
    return rc;
}

int sweep_put_state(struct sweep *s, struct wtl_error *err)
{
    json_t *document = wtl_sweep_document(s->plan);
    char *text = json_string_of(s->arena, document, err);
    char *state = json_string_of(s->arena, s->state, err);
    json_decref(document);
    return text && state ? wtl_campaign_update_sweep(s->q->campaign, s->id, text, state, err)
                         : -(int)WTL_NOMEM;
}

/* The last block that earlier starts came to; 0: none. */
int sweep_last_stored_block(const struct sweep *s)
{
    int last = 0;
    for (size_t i = 0; i < s->n_stored; i++)
        last = s->stored[i].block > last ? s->stored[i].block : last;
    return last;
}

/* What was added, and what nothing was measured of, is visited in blocks of its own, each with its
 * own anchors: points that are measured now are not compared with a reference of then. */
static void begin_anew(struct sweep *s, json_t *only)
{
    if (only)
        wtl_json_put(&s->state, "only", only);
    else
        (void)json_object_del(s->state, "only");
    (void)json_object_del(s->state, "unmeasured");
    wtl_json_put(&s->state, "first_block", json_integer(sweep_last_stored_block(s) + 1));
}

/* The document as it reads back: what is stored is compared with it. */
static int present_document(struct sweep *s, json_t **out, struct wtl_error *err)
{
    json_t *made = wtl_sweep_document(s->plan);
    char *text = json_string_of(s->arena, made, err);
    json_decref(made);
    return text ? wtl_json_parse(text, strlen(text), "the sweep", out, err) : -(int)WTL_NOMEM;
}

/* What differs between the stored sweep and this one, whose points take the order of the stored.
 * -WTL_USAGE: it may not. */
static int compare(struct sweep *s, const struct wtl_stored_sweep *stored,
                   char what[WTL_SWEEP_DIFFERENCE], struct wtl_error *err)
{
    json_t *was = NULL, *is = NULL;
    bool extends = false;
    what[0] = '\0';
    int rc =
        wtl_json_parse(stored->document, strlen(stored->document), "the stored sweep", &was, err);
    rc = rc ? rc : wtl_sweep_plan_align(s->arena, s->q->plan, was, err);
    rc = rc ? rc : present_document(s, &is, err);
    if (rc == 0) {
        wtl_sweep_difference(was, is, what, &extends);
        if (what[0] && !(extends && s->q->extend))
            rc = refuse_changed(s, what, extends, err);
    }
    json_decref(was);
    json_decref(is);
    return rc;
}

/* Goes on with the stored sweep, extended or not. */
static int resume(struct sweep *s, const struct wtl_stored_sweep *stored, struct wtl_error *err)
{
    char what[WTL_SWEEP_DIFFERENCE];
    s->id = stored->id;
    s->source_id = stored->source_id;
    int rc = compare(s, stored, what, err);
    rc = rc ? rc
            : wtl_json_parse(stored->state, strlen(stored->state), "the stored sweep", &s->state,
                             err);
    rc = rc ? rc
            : wtl_campaign_visits(s->q->campaign, s->id, s->arena, &s->stored, &s->n_stored, err);
    json_t *unmeasured = json_object_get(s->state, "unmeasured");
    if (rc == 0 && (what[0] || unmeasured)) {
        begin_anew(s, what[0] ? NULL : json_incref(unmeasured));
        rc = sweep_put_state(s, err);
    }
    return rc;
}

/* Where its runs come from, for reports and for telling fresh runs from those of a plan. */
static int add_source(struct sweep *s, const char *document, struct wtl_error *err)
{
    struct wtl_source source = {.size_bytes = (int64_t)strlen(document), .scope = s->spec->name};
    char *path = realpath(s->q->spec_path, NULL);
    int rc = wtl_sha256(document, strlen(document), source.sha256, err);
    source.path = path ? path : s->q->spec_path;
    (void)snprintf(source.reader, sizeof source.reader, "sweep");
    (void)snprintf(source.dialect, sizeof source.dialect, "sweep runs");
    rc = rc ? rc : wtl_campaign_add_source(s->q->campaign, &source, &s->source_id, err);
    free(path);
    return rc;
}

static int create(struct sweep *s, struct wtl_error *err)
{
    json_t *document = wtl_sweep_document(s->plan);
    s->state = json_object();
    char *text = json_string_of(s->arena, document, err);
    json_decref(document);
    if (!text || !s->state)
        return -(int)WTL_NOMEM;
    int rc = wtl_campaign_begin(s->q->campaign, err);
    rc = rc ? rc : add_source(s, text, err);
    struct wtl_stored_sweep sweep = {
        .name = s->spec->name, .document = text, .state = "{}", .source_id = s->source_id};
    rc = rc ? rc : wtl_campaign_add_sweep(s->q->campaign, &sweep, &s->id, err);
    rc = rc ? rc : wtl_campaign_commit(s->q->campaign, err);
    if (rc < 0)
        wtl_campaign_rollback(s->q->campaign);
    return rc;
}

/* The stored sweep of this name; NULL: there is none. */
static int find_stored(struct sweep *s, const struct wtl_stored_sweep **out, struct wtl_error *err)
{
    struct wtl_stored_sweep *all = NULL;
    size_t n = 0;
    int rc = wtl_campaign_sweeps(s->q->campaign, s->arena, &all, &n, err);
    *out = NULL;
    for (size_t i = 0; rc == 0 && i < n && !*out; i++)
        if (strcmp(all[i].name, s->spec->name) == 0)
            *out = &all[i];
    return rc;
}

int sweep_open_stored(struct sweep *s, struct wtl_error *err)
{
    const struct wtl_stored_sweep *stored;
    int rc = find_stored(s, &stored, err);
    if (rc < 0)
        return rc;
    return stored ? resume(s, stored, err) : create(s, err);
}

int wtl_sweep_look(struct wtl_arena *arena, struct wtl_sweep_plan *plan, struct wtl_campaign *c,
                   bool extend, struct wtl_sweep_before *out, struct wtl_error *err)
{
    const struct wtl_sweep_request q = {.plan = plan, .campaign = c, .extend = extend};
    struct sweep s = {.q = &q, .plan = plan, .spec = plan->spec, .arena = arena};
    const struct wtl_stored_sweep *stored;
    *out = (struct wtl_sweep_before){.campaign = wtl_campaign_path(c)};
    int rc = find_stored(&s, &stored, err);
    if (rc < 0 || !stored)
        return rc;
    out->found = true;
    rc = compare(&s, stored, out->added, err);
    rc = rc ? rc : wtl_campaign_visits(c, stored->id, arena, &s.stored, &s.n_stored, err);
    out->n_visits = s.n_stored;
    for (size_t i = 0; i < s.n_stored; i++)
        out->n_runs += s.stored[i].outcome == WTL_VISIT_done;
    return rc;
}
