/* SPDX-License-Identifier: Apache-2.0
 * Lines of markers. */
#include "markers/line.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

struct word {
    const char *text;
    size_t length;
};

/* The next word of the line; false at its end. */
static bool next(const char **at, const char *end, struct word *out)
{
    while (*at < end && (**at == ' ' || **at == '\t' || **at == '\r'))
        (*at)++;
    out->text = *at;
    while (*at < end && **at != ' ' && **at != '\t' && **at != '\r')
        (*at)++;
    out->length = (size_t)(*at - out->text);
    return out->length > 0;
}

static bool is(const struct word *w, const char *text)
{
    return w->length == strlen(text) && memcmp(w->text, text, w->length) == 0;
}

/* U+0080 to U+009F: some terminals take them for escape sequences. */
static bool is_control(const char *at)
{
    const unsigned char c = (unsigned char)at[0];
    return c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)at[1] < 0xa0);
}

/* One word that can be shown: without control characters, and "?" for what is not UTF-8. */
static bool copy(const struct word *w, char *out, size_t size)
{
    if (w->length == 0 || w->length >= size)
        return false;
    memcpy(out, w->text, w->length);
    out[w->length] = '\0';
    for (char *at = out; *at;) {
        const size_t n = wtl_utf8_sequence(at);
        if (is_control(at))
            return false;
        if (n == 0)
            *at = '?';
        at += n ? n : 1;
    }
    return strlen(out) == w->length; /* no NUL in it */
}

static bool number(const struct word *w, double *out)
{
    return w->length > 0 && wtl_parse_double(w->text, w->length, out) && isfinite(*out);
}

/* "ID:X,ID:X" */
static bool requests(struct word w, struct wtl_marker_line *out)
{
    while (w.length > 0) {
        const char *comma = memchr(w.text, ',', w.length);
        size_t length = comma ? (size_t)(comma - w.text) : w.length;
        const char *colon = memrchr(w.text, ':', length);
        if (!colon || out->n == WTL_MARKER_SHARES)
            return false;
        struct wtl_marker_request *r = &out->request[out->n];
        struct word id = {w.text, (size_t)(colon - w.text)};
        struct word work = {colon + 1, length - id.length - 1};
        if (!copy(&id, r->id, sizeof r->id) || !number(&work, &r->work) || r->work < 0)
            return false;
        out->n++;
        size_t step = comma ? length + 1 : length;
        w = (struct word){w.text + step, w.length - step};
    }
    return out->n > 0;
}

static bool field(const struct word *w, struct wtl_marker_line *out)
{
    const char *equals = memchr(w->text, '=', w->length);
    if (!equals)
        return false;
    struct word key = {w->text, (size_t)(equals - w->text)};
    struct word value = {equals + 1, w->length - key.length - 1};
    double x = 0;
    if (is(&key, "t"))
        return wtl_parse_int(value.text, value.length, &out->t_ns) && out->t_ns > 0;
    if (is(&key, "tid"))
        return wtl_parse_int(value.text, value.length, &out->tid);
    if (is(&key, "work"))
        return out->has_work = number(&value, &out->work) && out->work >= 0;
    if (is(&key, "unit"))
        return copy(&value, out->unit, sizeof out->unit);
    if (is(&key, "latency"))
        return out->has_latency = number(&value, &out->latency_s) && out->latency_s >= 0;
    if (is(&key, "requests"))
        return requests(value, out);
    if (is(&key, "reply") || is(&key, "cancel")) {
        bool good = number(&value, &x);
        *(is(&key, "reply") ? &out->reply : &out->cancel) = good && x != 0;
        return good;
    }
    return key.length > 0;
}

static bool latencies(const char *at, const char *end, struct wtl_marker_line *out)
{
    struct word w;
    while (next(&at, end, &w)) {
        if (out->n == WTL_MARKER_SHARES)
            return false;
        if (!number(&w, &out->latencies_s[out->n]) || out->latencies_s[out->n] < 0)
            return false;
        out->n++;
    }
    return out->n > 0;
}

bool wtl_marker_parse(const char *line, size_t length, struct wtl_marker_line *out)
{
    const char *at = line, *end = line + length;
    struct word w;
    out->name[0] = out->unit[0] = '\0';
    out->t_ns = out->tid = 0;
    out->has_work = out->reply = out->cancel = out->has_latency = false;
    out->n = 0;
    if (!next(&at, end, &w))
        return false;
    if (is(&w, "ready")) {
        out->kind = WTL_MARKER_READY;
        return true;
    }
    if (is(&w, "devices")) {
        out->kind = WTL_MARKER_DEVICES;
        return true;
    }
    if (is(&w, "latency")) {
        out->kind = WTL_MARKER_LATENCY;
        return latencies(at, end, out);
    }
    if (!is(&w, "begin") && !is(&w, "end"))
        return false;
    out->kind = is(&w, "begin") ? WTL_MARKER_BEGIN : WTL_MARKER_END;
    if (!next(&at, end, &w) || !copy(&w, out->name, sizeof out->name))
        return false;
    while (next(&at, end, &w))
        if (!field(&w, out))
            return false;
    return true;
}
