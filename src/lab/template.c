/* SPDX-License-Identifier: Apache-2.0
 * Templates of commands. */
#include "lab/template.h"

#include <stdio.h>
#include <string.h>

enum { MOST_NAMES = 4 + WTL_N_SETTINGS, LONGEST = 32 };

static int names(const char *out[MOST_NAMES])
{
    int n = 0;
    out[n++] = "clock_mhz";
    out[n++] = "mem_clock_mhz";
    out[n++] = "variant";
    out[n++] = "share_percent";
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++)
        out[n++] = wtl_setting_info((enum wtl_setting)s)->name;
    return n;
}

/* The next part of a word: text up to a brace, a doubled brace, or a name. */
struct part {
    struct wtl_view text;
    bool is_name;
};

static int next_part(const char **at, struct part *out, struct wtl_error *err)
{
    const char *p = *at;
    if ((p[0] == '{' || p[0] == '}') && p[1] == p[0]) {
        *out = (struct part){{p, 1}, false};
        *at = p + 2;
        return 0;
    }
    if (p[0] != '{') {
        size_t n = p[0] == '}' ? 1 : strcspn(p, "{}");
        *out = (struct part){{p, n}, false};
        *at = p + n;
        return 0;
    }
    const char *end = strchr(p, '}');
    if (!end || end - p > LONGEST)
        return WTL_FAIL(err, WTL_USAGE, "\"%.60s\": \"{\" without \"}\" (\"{{\" is a brace)", *at);
    *out = (struct part){{p + 1, (size_t)(end - p - 1)}, true};
    *at = end + 1;
    return 0;
}

int wtl_template_check(const char *word, struct wtl_error *err)
{
    const char *known[MOST_NAMES];
    const int n = names(known);
    for (const char *at = word; *at;) {
        struct part part;
        char name[LONGEST + 1];
        bool found = false;
        int rc = next_part(&at, &part, err);
        if (rc < 0)
            return rc;
        (void)wtl_view_copy(part.text, name, sizeof name);
        for (int i = 0; part.is_name && i < n; i++)
            found = found || strcmp(name, known[i]) == 0;
        if (!part.is_name || found)
            continue;
        const char *near = wtl_did_you_mean(name, known, n);
        rc = WTL_FAIL(err, WTL_USAGE, "\"%.60s\": there is no {%s}", word, name);
        if (near)
            wtl_error_hint(err, "did you mean {%s}?", near);
        return rc;
    }
    return 0;
}

static uint32_t part_of(const char *name)
{
    if (strcmp(name, "clock_mhz") == 0)
        return WTL_PART(WTL_PART_clock_mhz);
    if (strcmp(name, "mem_clock_mhz") == 0)
        return WTL_PART(WTL_PART_mem_clock_mhz);
    if (strcmp(name, "variant") == 0)
        return WTL_PART(WTL_PART_variant);
    const enum wtl_setting s =
        wtl_setting_by_name(strcmp(name, "share_percent") == 0 ? "share" : name);
    return s == WTL_N_SETTINGS ? 0 : WTL_PART(s);
}

uint32_t wtl_template_parts(const struct wtl_yaml_strings *words)
{
    uint32_t parts = 0;
    for (size_t i = 0; i < words->n; i++)
        for (const char *at = words->values[i]; *at;) {
            struct part part;
            char name[LONGEST + 1];
            if (next_part(&at, &part, NULL) < 0)
                break;
            if (part.is_name && wtl_view_copy(part.text, name, sizeof name))
                parts |= part_of(name);
        }
    return parts;
}

static bool value_of(const struct wtl_lab_point *p, const char *name, char buf[WTL_VARIANT_NAME])
{
    double value = 0;
    bool has = false;
    const bool percent = strcmp(name, "share_percent") == 0;
    if (strcmp(name, "variant") == 0) {
        memcpy(buf, p->point.variant, WTL_VARIANT_NAME);
        return buf[0] != '\0';
    }
    if (strcmp(name, "clock_mhz") == 0 || strcmp(name, "mem_clock_mhz") == 0) {
        value = name[0] == 'c' ? p->clock_mhz : p->mem_clock_mhz;
        has = value > 0;
    } else {
        const enum wtl_setting s = wtl_setting_by_name(percent ? "share" : name);
        has = s != WTL_N_SETTINGS && wtl_point_has(&p->point, s);
        value = has ? p->point.value[s] * (percent ? 100 : 1) : 0;
    }
    char text[WTL_DOUBLE_TEXT];
    (void)snprintf(buf, WTL_VARIANT_NAME, "%s", wtl_format_double(value, text));
    return has;
}

int wtl_template_fill(struct wtl_arena *arena, const char *word, const struct wtl_lab_point *point,
                      const char **out, struct wtl_error *err)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 16);
    int rc = 0;
    for (const char *at = word; rc == 0 && *at;) {
        struct part part;
        char name[LONGEST + 1], value[WTL_VARIANT_NAME];
        rc = next_part(&at, &part, err);
        if (rc == 0 && !part.is_name) {
            wtl_buf_add(&text, part.text.s, part.text.n);
        } else if (rc == 0) {
            (void)wtl_view_copy(part.text, name, sizeof name);
            if (value_of(point, name, value))
                wtl_buf_puts(&text, value);
            else
                rc = WTL_FAIL(err, WTL_USAGE, "\"%.60s\": the point sets no %s", word, name);
        }
    }
    const char *copy = rc ? NULL : wtl_arena_strdup(arena, wtl_buf_str(&text));
    if (rc == 0 && (!copy || text.failed))
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    wtl_buf_fini(&text);
    if (rc == 0)
        *out = copy;
    return rc;
}
