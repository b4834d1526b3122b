/* SPDX-License-Identifier: Apache-2.0
 * What plans were made from, as JSON. */
#include "store/made_from_json.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

/* ---- Writing ----------------------------------------------------------------------------------*/

/* "0123456789ab cdef01234567" */
static json_t *keys_json(const uint64_t *keys, size_t n)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    for (size_t i = 0; i < n; i++)
        wtl_buf_printf(&text, "%s%0*" PRIx64, i ? " " : "", WTL_RUN_KEY_DIGITS, keys[i]);
    json_t *value = text.failed ? NULL : json_string(wtl_buf_str(&text));
    wtl_buf_fini(&text);
    return value;
}

json_t *wtl_made_from_to_json(const struct wtl_made_from *m)
{
    json_t *o = json_object();
    wtl_json_put(&o, "board", wtl_json_text_or_null(m->board));
    wtl_json_put(&o, "sources", keys_json(m->sources, m->n_sources));
    wtl_json_put(&o, "runs", keys_json(m->runs, m->n_runs));
    return o;
}

/* ---- Reading ----------------------------------------------------------------------------------*/

/* The next key of a list, 12 digits and ascending; -1: it is none. */
static int take_key(const char **text, uint64_t *key_out)
{
    uint64_t key = 0;
    for (int i = 0; i < WTL_RUN_KEY_DIGITS; i++) {
        char c = (*text)[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return -1;
        key = key << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *text += WTL_RUN_KEY_DIGITS;
    *key_out = key;
    return 0;
}

static int read_keys(struct wtl_arena *arena, const struct wtl_json *o, const char *name,
                     const uint64_t **keys_out, size_t *n_out, struct wtl_error *err)
{
    const char *text = "";
    struct wtl_json at = wtl_json_member(o, name);
    int rc = wtl_json_string_opt(o, name, &text, err);
    if (rc < 0)
        return rc;
    uint64_t *keys = WTL_NEW_ARRAY(arena, uint64_t, strlen(text) / WTL_RUN_KEY_DIGITS + 1);
    size_t n = 0;
    if (!keys)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    while (*text) {
        if ((n && *text++ != ' ') || take_key(&text, &keys[n]) < 0)
            return wtl_json_fail(&at, err, "key %zu is not of %d hexadecimal digits", n + 1,
                                 WTL_RUN_KEY_DIGITS);
        if (n && keys[n] <= keys[n - 1])
            return wtl_json_fail(&at, err, "keys are not ascending");
        n++;
    }
    *keys_out = keys;
    *n_out = n;
    return 0;
}

static int read_board(const struct wtl_json *o, char *buf, size_t size, struct wtl_error *err)
{
    buf[0] = '\0';
    return wtl_json_name_opt(o, "board", buf, size, err);
}

int wtl_made_from_from_json(struct wtl_arena *arena, const struct wtl_json *parent,
                            struct wtl_made_from *out, struct wtl_error *err)
{
    static const char *const keys[] = {"board", "sources", "runs"};
    struct wtl_made_from m = {.n_runs = 0};
    struct wtl_json o;
    if (!wtl_json_find(parent, "made_from", &o))
        return 0;
    int rc = json_is_object(o.value) ? 0 : wtl_json_fail(&o, err, "expected an object");
    rc = rc ? rc : wtl_json_only(&o, keys, sizeof keys / sizeof keys[0], err);
    rc = rc ? rc : read_board(&o, m.board, sizeof m.board, err);
    rc = rc ? rc : read_keys(arena, &o, "sources", &m.sources, &m.n_sources, err);
    rc = rc ? rc : read_keys(arena, &o, "runs", &m.runs, &m.n_runs, err);
    if (rc == 0)
        *out = m;
    return rc;
}
