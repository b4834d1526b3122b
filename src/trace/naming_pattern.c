/* SPDX-License-Identifier: Apache-2.0
 * User patterns: "{gpu}/{workload}/clock{clock}_rep{rep}.csv". */
#include "trace/naming_pattern.h"

#include "base/limits.h"
#include "trace/document.h"

#include <stdio.h>
#include <string.h>

enum { MAX_TOKENS = 32 };

enum token_kind {
    TOKEN_GPU,
    TOKEN_WORKLOAD,
    TOKEN_JOB,
    TOKEN_SEQ,
    TOKEN_REP,
    TOKEN_CLOCK,
    N_FIELDS,
    TOKEN_ANY = N_FIELDS, /* * */
    TOKEN_LITERAL,
};
static const char *const field_names[N_FIELDS] = {"gpu", "workload", "job", "seq", "rep", "clock"};

struct token {
    enum token_kind kind;
    struct wtl_view literal;
};

struct pattern {
    char name[32];
    const char *text;
    const struct wtl_yaml_node *node;
    char gpu[WTL_LIMIT_NAME];
    char workload[WTL_LIMIT_NAME];
    char job[WTL_LIMIT_NAME];
    int mode;
    int rep_base;
    bool trace;
    struct token tokens[MAX_TOKENS];
    int n_tokens;
    int n_slashes;
};

struct wtl_naming {
    const struct pattern *patterns;
    size_t n;
};

/* ---- Loading --------------------------------------------------------------------------------- */

static int parse_pattern_node(struct wtl_arena *arena, const struct wtl_yaml_node *node,
                              void *field, struct wtl_error *err)
{
    (void)arena;
    if (node->kind != WTL_YAML_SCALAR)
        return wtl_yaml_fail(node, err, "pattern: expected text");
    memcpy(field, &node, sizeof node);
    return 0;
}

static const struct wtl_yaml_choice modes[] = {
    {"unknown", WTL_MODE_UNKNOWN, NULL},
    {"sweep", WTL_MODE_SWEEP, "The clock was set, in a sweep over clocks."},
    {"custom", WTL_MODE_CUSTOM, "The clock was set, from a list."},
    {"baseline", WTL_MODE_BASELINE, "The clock was not set: the label may be wrong."},
    {0},
};

#define AT(member) .offset = offsetof(struct pattern, member)
#define NAMED(member) AT(member), .size = sizeof(((struct pattern *)0)->member)
static const struct wtl_yaml_key keys[] = {
    {"pattern", WTL_YAML_T_CUSTOM, AT(node), .required = true, .parse = parse_pattern_node,
     .form = "path pattern",
     .doc = "Last components of the path. `{gpu} {workload} {job}` match text without `/`, "
            "`{seq} {rep} {clock}` match digits, `*` matches anything without `/`. Compression "
            "suffixes are not part of it."},
    {"name", WTL_YAML_T_NAME, NAMED(name), .fallback = "user",
     .doc = "Name of the scheme in messages and in `wattle show`."},
    {"gpu", WTL_YAML_T_NAME, NAMED(gpu), .doc = "The GPU, where the path does not say it."},
    {"workload", WTL_YAML_T_NAME, NAMED(workload),
     .doc = "The workload, where the path does not say it."},
    {"job", WTL_YAML_T_NAME, NAMED(job), .doc = "The job, where the path does not say it."},
    {"mode", WTL_YAML_T_CHOICE, AT(mode), .fallback = "sweep", .choices = modes,
     .doc = "How the clock was asked for."},
    {"rep_base", WTL_YAML_T_INT, AT(rep_base), .fallback = "1", .min = 0, .max = 1,
     .doc = "Number of the first repetition in the names: 1, or 0 where they count from 0."},
    {"trace", WTL_YAML_T_BOOL, AT(trace), .fallback = "true",
     .doc = "False for logs and outputs: they are not read as samples."},
};
const struct wtl_yaml_table wtl_naming_table = {
    "naming pattern", "Each entry of `naming` is a pattern; the first that matches a path is used.",
    sizeof(struct pattern), keys, sizeof keys / sizeof *keys};

/* The field that "{...}" names; its length with braces in *length. */
static int parse_field(const struct pattern *p, const char *at, enum token_kind *kind,
                       size_t *length, struct wtl_error *err)
{
    const char *close = strchr(at, '}');
    if (!close)
        return wtl_yaml_fail(p->node, err, "pattern: \"%.60s\" lacks a closing brace", at);
    struct wtl_view inside = {at + 1, (size_t)(close - at) - 1};
    *length = inside.n + 2;
    for (int i = 0; i < N_FIELDS; i++)
        if (wtl_view_is(inside, field_names[i])) {
            *kind = (enum token_kind)i;
            return 0;
        }
    char name[64];
    wtl_view_copy(inside, name, sizeof name);
    int rc = wtl_yaml_fail(p->node, err, "pattern: unknown field \"{%s}\"", name);
    const char *near = wtl_did_you_mean(name, field_names, N_FIELDS);
    if (near)
        wtl_error_hint(err, "did you mean \"{%s}\"?", near);
    else
        wtl_error_hint(err, "fields: {gpu} {workload} {job} {seq} {rep} {clock}, and *");
    return rc;
}

static bool is_wild(enum token_kind kind)
{
    return kind != TOKEN_LITERAL;
}

static int add_token(struct pattern *p, enum token_kind kind, struct wtl_view literal,
                     struct wtl_error *err)
{
    if (p->n_tokens == MAX_TOKENS)
        return wtl_yaml_fail(p->node, err, "pattern: more than %d parts", MAX_TOKENS);
    for (int i = 0; kind < N_FIELDS && i < p->n_tokens; i++)
        if (p->tokens[i].kind == kind)
            return wtl_yaml_fail(p->node, err, "pattern: {%s} occurs twice", field_names[kind]);
    if (p->n_tokens && is_wild(kind) && is_wild(p->tokens[p->n_tokens - 1].kind))
        return wtl_yaml_fail(p->node, err, "pattern: two fields without text between them");
    p->tokens[p->n_tokens++] = (struct token){kind, literal};
    return 0;
}

static int compile(struct pattern *p, struct wtl_error *err)
{
    struct wtl_view text = wtl_view_of(p->node->text);
    wtl_strip_compression(&text);
    while (text.n && text.s[0] == '/') {
        text.s++;
        text.n--;
    }
    if (text.n == 0)
        return wtl_yaml_fail(p->node, err, "pattern: empty");
    for (const char *at = text.s; at < text.s + text.n;) {
        size_t length = 0;
        enum token_kind kind = TOKEN_LITERAL;
        int rc = 0;
        if (*at == '{') {
            rc = parse_field(p, at, &kind, &length, err);
        } else if (*at == '*') {
            kind = TOKEN_ANY;
            while (at[length] == '*')
                length++;
        } else {
            while (at + length < text.s + text.n && !strchr("{*", at[length]))
                p->n_slashes += at[length++] == '/';
        }
        if (rc == 0)
            rc = add_token(p, kind, (struct wtl_view){at, length}, err);
        if (rc)
            return rc;
        at += length;
    }
    return 0;
}

int wtl_naming_load(struct wtl_arena *arena, const char *yaml, size_t n, const char *path,
                    const struct wtl_naming **naming_out, struct wtl_error *err)
{
    struct wtl_trace_document document = {0};
    int rc = wtl_trace_document_load(arena, yaml, n, path, &document, err);
    if (rc)
        return rc;
    struct wtl_naming *naming = WTL_NEW(arena, struct wtl_naming);
    struct pattern *patterns = WTL_NEW_ARRAY(arena, struct pattern, document.naming.n + 1);
    if (!naming || !patterns)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (document.naming.n)
        memcpy(patterns, document.naming.items, document.naming.n * sizeof *patterns);
    for (size_t i = 0; i < document.naming.n; i++) {
        rc = compile(&patterns[i], err);
        if (rc)
            return rc;
    }
    naming->patterns = patterns;
    naming->n = document.naming.n;
    *naming_out = naming;
    return 0;
}

/* ---- Matching ------------------------------------------------------------------------------ */

struct matching {
    const struct pattern *pattern;
    struct wtl_view path;
    struct wtl_view found[N_FIELDS];
    /* Bit per (token, position) that is known to fail: keeps backtracking polynomial. */
    uint64_t failed[MAX_TOKENS][WTL_LIMIT_PATH / 64 + 1];
};

static bool accepts(enum token_kind kind, char c)
{
    if (kind == TOKEN_SEQ || kind == TOKEN_REP || kind == TOKEN_CLOCK)
        return c >= '0' && c <= '9';
    return c != '/';
}

static bool match_from(struct matching *m, int token, size_t at)
{
    if (token == m->pattern->n_tokens)
        return at == m->path.n;
    if ((m->failed[token][at / 64] >> (at % 64)) & 1)
        return false;
    const struct token *t = &m->pattern->tokens[token];
    size_t rest = m->path.n - at;
    if (t->kind == TOKEN_LITERAL) {
        if (rest >= t->literal.n && memcmp(m->path.s + at, t->literal.s, t->literal.n) == 0 &&
            match_from(m, token + 1, at + t->literal.n))
            return true;
    } else {
        size_t least = t->kind == TOKEN_ANY ? 0 : 1;
        for (size_t k = 0; k <= rest; k++) {
            if (k >= least && match_from(m, token + 1, at + k)) {
                if (t->kind < N_FIELDS)
                    m->found[t->kind] = (struct wtl_view){m->path.s + at, k};
                return true;
            }
            if (k == rest || !accepts(t->kind, m->path.s[at + k]))
                break;
        }
    }
    m->failed[token][at / 64] |= UINT64_C(1) << (at % 64);
    return false;
}

/* The last n_slashes + 1 components. */
static bool last_components(struct wtl_view path, int n_slashes, struct wtl_view *out)
{
    size_t from = path.n;
    while (from > 0) {
        if (path.s[from - 1] == '/' && n_slashes-- == 0)
            break;
        from--;
    }
    *out = (struct wtl_view){path.s + from, path.n - from};
    return n_slashes <= 0 && out->n < WTL_LIMIT_PATH;
}

static bool take_int(struct wtl_view v, int64_t max, int64_t *out)
{
    if (v.n == 0)
        return true;
    int64_t value = 0;
    if (!wtl_parse_int(v.s, v.n, &value) || value > max)
        return false;
    *out = value;
    return true;
}

static bool take_name(struct wtl_view v, const char *constant, char *out)
{
    if (v.n == 0)
        v = wtl_view_of(constant);
    return wtl_view_copy(v, out, WTL_LIMIT_NAME);
}

static bool fill_key(const struct pattern *p, const struct wtl_view *found,
                     struct wtl_name_key *key)
{
    int64_t rep = p->rep_base - 1;
    int64_t clock = 0;
    key->scheme = p->name;
    key->mode = (enum wtl_run_mode)p->mode;
    key->is_trace = p->trace;
    bool ok = take_name(found[TOKEN_GPU], p->gpu, key->gpu) &&
              take_name(found[TOKEN_WORKLOAD], p->workload, key->workload) &&
              take_name(found[TOKEN_JOB], p->job, key->job) &&
              take_int(found[TOKEN_SEQ], INT64_MAX, &key->seq) &&
              take_int(found[TOKEN_REP], 1000000000, &rep) &&
              take_int(found[TOKEN_CLOCK], 1000000, &clock);
    key->rep = (int)(rep - p->rep_base + 1);
    key->clock_mhz = (int)clock;
    return ok;
}

bool wtl_naming_match_user(const struct wtl_naming *naming, struct wtl_view path,
                           struct wtl_name_key *key_out)
{
    for (size_t i = 0; naming && i < naming->n; i++) {
        struct matching m = {.pattern = &naming->patterns[i]};
        struct wtl_name_key key = {0};
        if (last_components(path, m.pattern->n_slashes, &m.path) && match_from(&m, 0, 0) &&
            fill_key(m.pattern, m.found, &key)) {
            *key_out = key;
            return true;
        }
    }
    return false;
}
