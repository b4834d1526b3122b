/* SPDX-License-Identifier: Apache-2.0
 * Chooses a reader by content and drives it over an input. What no reader shall see (byte order
 * marks, NUL bytes, endless lines) is taken out here. */
#include "trace/trace.h"

#include "base/file.h"
#include "base/limits.h"
#include "trace/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Add a reader: one line. The mapped one stays last. */
static const struct wtl_reader *const readers[] = {
    &wtl_reader_samples_csv, &wtl_reader_samples_json, &wtl_reader_dcgmi,
    &wtl_reader_nvidia_smi,  &wtl_reader_table,        &wtl_reader_timing,
    &wtl_reader_experiment,  &wtl_reader_perf_times,   &wtl_reader_zeus,
    &wtl_reader_perf_stat,   &wtl_reader_power_meter,  &wtl_reader_mapped,
};
enum { N_READERS = sizeof readers / sizeof *readers };

/* Sub-readings for lines of other dialects, one a reader, begun when first needed. */
struct wtl_handover {
    const struct wtl_reader *main;
    struct wtl_reading sub[N_READERS];
    bool begun[N_READERS];
};

/* One whole reading. */
struct drive {
    struct wtl_reading reading;
    struct wtl_handover handover;
    const struct wtl_reader *reader; /* NULL until detected */
    bool begun;
    bool in_binary_line; /* a piece of a long line was counted already */
    bool started;        /* the byte order mark is behind us */
    char *clean;         /* scratch of clean_copy() */
    size_t clean_size;
};

const char *wtl_drop_name(enum wtl_drop drop)
{
    static const char *const names[WTL_N_DROPS] = {
#define X(name, text) #name,
        WTL_DROPS(X)
#undef X
    };
    return names[drop];
}

const char *wtl_drop_text(enum wtl_drop drop)
{
    static const char *const texts[WTL_N_DROPS] = {
#define X(name, text) text,
        WTL_DROPS(X)
#undef X
    };
    return texts[drop];
}

bool wtl_trace_reader_at(int i, const char **name_out, const char **title_out)
{
    if (i < 0 || i >= N_READERS)
        return false;
    *name_out = readers[i]->name;
    *title_out = readers[i]->title;
    return true;
}

void wtl_reading_drop(struct wtl_reading *r, enum wtl_drop drop, int64_t line)
{
    struct wtl_read_report *report = r->report;
    report->rows_dropped++;
    report->dropped[drop]++;
    if (report->first_dropped_line == 0 || line < report->first_dropped_line)
        report->first_dropped_line = line;
}

/* True when `part` is one of the parts of `list`. */
static bool has_part(const char *list, const char *separator, const char *part)
{
    size_t n = strlen(part);
    for (;;) {
        if (strncmp(list, part, n) == 0 &&
            (list[n] == '\0' || wtl_starts_with(list + n, separator)))
            return true;
        list = strstr(list, separator);
        if (!list)
            return false;
        list += strlen(separator);
    }
}

/* Appends `part` to a list in a fixed buffer, unless it stands there or finds no room. */
static void add_once(char *list, size_t size, const char *separator, const char *part)
{
    size_t used = strlen(list);
    size_t gap = used ? strlen(separator) : 0;
    size_t n = strlen(part);
    if (n == 0 || (used && has_part(list, separator, part)) || used + gap + n + 1 > size)
        return;
    snprintf(list + used, size - used, "%s%s", used ? separator : "", part);
}

void wtl_reading_dialect(struct wtl_reading *r, const char *format, ...)
{
    char part[sizeof r->report->dialect];
    va_list args;
    va_start(args, format);
    vsnprintf(part, sizeof part, format, args);
    va_end(args);
    add_once(r->report->dialect, sizeof r->report->dialect, " + ", part);
}

void wtl_reading_unknown_column(struct wtl_reading *r, struct wtl_view name)
{
    char part[64];
    wtl_view_copy(name, part, sizeof part);
    add_once(r->report->unknown_columns, sizeof r->report->unknown_columns, ",", part);
}

static int begin_sub(struct wtl_reading *r, int i, struct wtl_error *err)
{
    struct wtl_handover *h = r->handover;
    h->sub[i] = *r;
    h->sub[i].handover = NULL; /* what the owner cannot read either is dropped */
    h->sub[i].state = NULL;
    h->begun[i] = true;
    add_once(r->report->reader, sizeof r->report->reader, "+", readers[i]->name);
    return readers[i]->begin(&h->sub[i], err);
}

int wtl_reading_hand_over(struct wtl_reading *r, const char *line, size_t n, int64_t number,
                          bool *taken_out, struct wtl_error *err)
{
    struct wtl_handover *h = r->handover;
    *taken_out = false;
    for (int i = 0; h && i < N_READERS; i++) {
        if (readers[i] == h->main || !readers[i]->owns_line || !readers[i]->owns_line(line, n))
            continue;
        int rc = h->begun[i] ? 0 : begin_sub(r, i, err);
        h->sub[i].line = number;
        if (rc == 0) /* with its '\n' where it has one */
            rc = readers[i]->block(&h->sub[i], line, n + (line[n] == '\n'), err);
        *taken_out = rc == 0;
        return rc;
    }
    return 0;
}

int wtl_reading_end(const struct wtl_reader *reader, struct wtl_reading *r, int rc,
                    struct wtl_error *err)
{
    int ended = reader->end ? reader->end(r, rc != 0, rc == 0 ? err : NULL) : 0;
    return rc ? rc : ended;
}

/* Ends the main reading and the sub-readings; keeps the first error. */
static int end_all(struct drive *d, int rc, struct wtl_error *err)
{
    for (int i = 0; i < N_READERS; i++)
        if (d->handover.begun[i])
            rc = wtl_reading_end(readers[i], &d->handover.sub[i], rc, err);
    return d->begun ? wtl_reading_end(d->reader, &d->reading, rc, err) : rc;
}

/* "dcgmi, nvidia-smi, ..." */
static void list_readers(char *buf, size_t size)
{
    buf[0] = '\0';
    for (int i = 0; i < N_READERS; i++)
        add_once(buf, size, ", ", readers[i]->name);
}

static int reader_by_name(const char *name, const struct wtl_reader **out, struct wtl_error *err)
{
    const char *names[N_READERS];
    for (int i = 0; i < N_READERS; i++) {
        names[i] = readers[i]->name;
        if (strcmp(name, names[i]) == 0) {
            *out = readers[i];
            return 0;
        }
    }
    int rc = WTL_FAIL(err, WTL_USAGE, "there is no reader \"%.40s\"", name);
    const char *near = wtl_did_you_mean(name, names, N_READERS);
    char all[256];
    list_readers(all, sizeof all);
    wtl_error_hint(err, near ? "did you mean \"%s\"? readers: %s" : "%sreaders: %s",
                   near ? near : "", all);
    return rc;
}

/* A mapping that was given and does not fit: what it misses, in its reader's own words. 0: nothing.
 */
static int ask_mapping(const struct drive *d, const char *head, size_t n, struct wtl_error *err)
{
    if (!d->reading.options->mapping)
        return 0;
    struct wtl_read_report report = {0};
    struct wtl_reading r = d->reading;
    r.report = &report;
    int rc = wtl_reader_mapped.begin(&r, err);
    rc = rc ? rc : wtl_reader_mapped.block(&r, head, n, err);
    (void)wtl_reading_end(&wtl_reader_mapped, &r, -WTL_FAILED, NULL); /* nothing to be delivered */
    return rc;
}

/* "2025/07/09 01:17:36.754, ...": a log of nvidia-smi whose columns nothing tells. */
static bool is_stamped_row(const char *head, size_t n)
{
    static const char form[] = "0000/00/00 00:00:00.000,";
    if (n < sizeof form - 1)
        return false;
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == '0' ? head[i] < '0' || head[i] > '9' : head[i] != form[i])
            return false;
    return true;
}

static int unknown_content(const struct drive *d, const char *head, size_t n, struct wtl_error *err)
{
    int rc = ask_mapping(d, head, n, err);
    if (rc != 0)
        return rc;
    bool utf16 = n >= 2 && (memcmp(head, "\xff\xfe", 2) == 0 || memcmp(head, "\xfe\xff", 2) == 0);
    rc = utf16 ? WTL_FAIL(err, WTL_PARSE, "the file is UTF-16 text")
               : WTL_FAIL(err, WTL_PARSE, "no reader knows this content");
    char all[256];
    list_readers(all, sizeof all);
    if (utf16)
        wtl_error_hint(err, "convert it: iconv -f UTF-16 -t UTF-8");
    else if (is_stamped_row(head, n))
        wtl_error_hint(err, "nvidia-smi without header? write its --query-gpu list as the first"
                            " line, or name the columns in a mapping with `header: false`");
    else
        wtl_error_hint(err, "readers: %s; any other CSV can be read through a mapping", all);
    wtl_error_input(err, d->reading.name, d->reading.line, 0);
    return rc;
}

/* Probes all readers; the highest wins. */
static int detect(struct drive *d, const char *head, size_t n, struct wtl_error *err)
{
    if (d->reading.options->reader)
        return reader_by_name(d->reading.options->reader, &d->reader, err);
    const struct wtl_reader *best = NULL;
    const struct wtl_reader *second = NULL; /* as good as the best */
    int highest = 0;
    /* What the user maps is his to say, so the last reader is asked first. A mark of a dialect's
     * own ends the search: most files are of the first reader. */
    for (int k = 0; k < N_READERS && highest < WTL_PROBE_CERTAIN; k++) {
        const struct wtl_reader *reader = readers[k ? k - 1 : N_READERS - 1];
        int score = reader->probe(head, n, d->reading.options);
        if (score < 0)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory detecting the format");
        if (score > highest) {
            highest = score;
            best = reader;
            second = NULL;
        } else if (score == highest && score > 0) {
            second = reader;
        }
    }
    if (!best)
        return unknown_content(d, head, n, err);
    if (second) {
        int rc = WTL_FAIL(err, WTL_PARSE, "the content may be of \"%s\" or of \"%s\"", best->name,
                          second->name);
        wtl_error_hint(err, "name the reader");
        wtl_error_input(err, d->reading.name, 0, 0);
        return rc;
    }
    d->reader = best;
    return 0;
}

static int begin(struct drive *d, const char *head, size_t n, struct wtl_error *err)
{
    int rc = detect(d, head, n, err);
    if (rc != 0)
        return rc;
    add_once(d->reading.report->reader, sizeof d->reading.report->reader, "+", d->reader->name);
    d->handover.main = d->reader;
    d->begun = true;
    return d->reader->begin(&d->reading, err);
}

static int64_t count_newlines(const char *p, size_t n)
{
    int64_t count = 0;
    while (n) {
        size_t chunk = n < 255 * 16 ? n : 255 * 16; /* 16 byte counters cannot overflow */
        unsigned char lanes[16] = {0};
        size_t i = 0;
        for (; i + 16 <= chunk; i += 16)
            for (int k = 0; k < 16; k++)
                lanes[k] = (unsigned char)(lanes[k] + (p[i + (size_t)k] == '\n'));
        for (int k = 0; k < 16; k++)
            count += lanes[k];
        for (; i < chunk; i++)
            count += p[i] == '\n';
        p += chunk;
        n -= chunk;
    }
    return count;
}

/* Whole lines without NUL bytes: to the reader. */
static int feed_clean(struct drive *d, const char *data, size_t n, struct wtl_error *err)
{
    if (n == 0)
        return 0;
    struct wtl_read_report *report = d->reading.report;
    d->reading.line = report->lines + 1;
    int rc = d->begun ? 0 : begin(d, data, n, err);
    if (rc == 0)
        rc = d->reader->block(&d->reading, data, n, err);
    report->lines += count_newlines(data, n) + (data[n - 1] != '\n');
    return rc;
}

static void count_binary_line(struct drive *d, bool ends)
{
    if (!d->in_binary_line)
        wtl_reading_drop(&d->reading, WTL_DROP_binary, ++d->reading.report->lines);
    d->in_binary_line = !ends;
}

/* The lines without NUL bytes of a block that has some, for detection. */
static int clean_copy(struct drive *d, const char *data, size_t n, size_t *n_out,
                      struct wtl_error *err)
{
    if (d->clean_size < n) {
        d->clean = wtl_arena_calloc(d->reading.arena, 1, n + WTL_INPUT_MARGIN);
        d->clean_size = d->clean ? n : 0;
        if (!d->clean)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    size_t used = 0;
    for (size_t at = 0; at < n;) {
        const char *newline = memchr(data + at, '\n', n - at);
        size_t length = newline ? (size_t)(newline - data) + 1 - at : n - at;
        if (!memchr(data + at, '\0', length)) {
            memcpy(d->clean + used, data + at, length);
            used += length;
        }
        at += length;
    }
    *n_out = used;
    return 0;
}

/* A block with NUL bytes: the lines between those that have them. */
static int feed_between(struct drive *d, const char *data, size_t n, struct wtl_error *err)
{
    if (!d->begun) {
        size_t clean = 0;
        int rc = clean_copy(d, data, n, &clean, err);
        if (rc == 0 && clean)
            rc = begin(d, d->clean, clean, err);
        if (rc != 0)
            return rc;
    }
    size_t from = 0; /* clean lines wait from here */
    for (size_t at = 0; at < n;) {
        const char *newline = memchr(data + at, '\n', n - at);
        size_t length = newline ? (size_t)(newline - data) + 1 - at : n - at;
        if (memchr(data + at, '\0', length)) {
            int rc = feed_clean(d, data + from, at - from, err);
            if (rc != 0)
                return rc;
            count_binary_line(d, true);
            from = at + length;
        }
        at += length;
    }
    return feed_clean(d, data + from, n - from, err);
}

static int feed(struct drive *d, const char *data, size_t n, bool long_line, struct wtl_error *err)
{
    if (long_line) {
        count_binary_line(d, data[n - 1] == '\n');
        return 0;
    }
    d->in_binary_line = false;
    if (!d->started && n >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        data += 3;
        n -= 3;
    }
    d->started = true;
    if (n && memchr(data, '\0', n))
        return feed_between(d, data, n, err);
    return feed_clean(d, data, n, err);
}

/* What people convert or decompress by hand. */
static const char *advice_on(const char *data, size_t n)
{
    const unsigned char *p = (const unsigned char *)data;
    bool nul_second = n >= 4 && p[0] && !p[1] && p[2] && !p[3];
    bool nul_first = n >= 4 && !p[0] && p[1] && !p[2] && p[3];
    if ((n >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff))) ||
        nul_second || nul_first)
        return "the file is UTF-16 text: convert it with `iconv -f UTF-16 -t UTF-8`";
    if (n >= 4 && memcmp(p, "BZh", 3) == 0)
        return "the file is compressed by bzip2: decompress it, or use gzip, zstd or xz";
    if (n >= 4 && memcmp(p, "PK\3\4", 4) == 0)
        return "the file is a ZIP archive (or a spreadsheet): unpack it, or export it as CSV";
    if (wtl_begins_as_campaign(data, n))
        return "the file is a campaign already (or another SQLite database), see `wattle show`; to "
               "add its runs to another one: `wattle export A.wattle -o a.csv`, then `wattle "
               "import a.csv -o B.wattle`";
    return NULL;
}

static int read_all(struct drive *d, struct wtl_input *input, struct wtl_error *err)
{
    for (;;) {
        const char *data = NULL;
        size_t n = 0;
        int rc = wtl_input_next(input, &data, &n, err);
        if (rc == 0 && n == 0)
            break;
        const char *advice = rc == 0 && !d->started ? advice_on(data, n) : NULL;
        if (advice) {
            d->reading.report->advice = advice;
            rc = WTL_FAIL(err, WTL_PARSE, "%s", advice);
            wtl_error_input(err, d->reading.name, 0, 0);
        }
        if (rc == 0)
            rc = feed(d, data, n, wtl_input_in_long_line(input), err);
        if (rc != 0)
            return rc;
    }
    if (d->begun)
        return 0;
    d->reading.report->empty = d->reading.report->lines == 0;
    int rc = d->reading.report->empty ? WTL_FAIL(err, WTL_PARSE, "the file is empty")
                                      : WTL_FAIL(err, WTL_PARSE, "the file holds no line of text");
    wtl_error_input(err, d->reading.name, 0, 0);
    return rc;
}

int wtl_trace_read(struct wtl_input *input, const struct wtl_trace_options *options,
                   const struct wtl_trace_sink *sink, struct wtl_read_report *report_out,
                   struct wtl_error *err)
{
    static const struct wtl_trace_options no_options = {0};
    if (!options)
        options = &no_options;
    struct wtl_trace_scratch *own = NULL;
    int rc = options->scratch ? 0 : wtl_trace_scratch_new(wtl_alloc_system(), &own, err);
    if (rc != 0)
        return rc;
    struct wtl_trace_scratch *scratch = own ? own : options->scratch;
    wtl_trace_scratch_reset(scratch);
    struct drive d = {
        .reading = {.arena = wtl_trace_scratch_arena(scratch),
                    .scratch = scratch,
                    .options = options,
                    .sink = sink,
                    .report = report_out,
                    .name = wtl_input_name(input),
                    .line = 1},
    };
    d.reading.handover = &d.handover;
    *report_out = (struct wtl_read_report){0};
    rc = read_all(&d, input, err);
    rc = end_all(&d, rc, err);
    wtl_trace_scratch_free(own);
    return rc;
}
