/* SPDX-License-Identifier: Apache-2.0
 *
 * DCGM dmon text, both styles, any field list. There are no timestamps: rows are only ordered.
 *
 * A row is: entity (two words, "GPU 0"; four in "GPU 0 LINK 3"), one word a column, and the device
 * name (DVNAM) of any number of words. So cells before the name are found from the left and cells
 * behind it from the right.
 *
 * Decisions:
 *  - Rows before the first header (a file whose head was lost) wait for it: they are delivered when
 *    their number of cells agrees with it, else dropped as `no_header`.
 *  - A last line without line end is dropped as `truncated_row`, unless blanks behind its last cell
 *    or the length of the row before it prove it whole: "17" may have been "1785".
 *  - A stream is an entity, its device name and its set of metrics. When any of them changes, a new
 *    stream begins: two samplers wrote the file.
 *  - "N/A" and the like, blanks of DCGM (dcgm_fields.h) and values cut with "..." are missing.
 */
#include "trace/dcgmi.h"

#include "trace/tokens.h"

#include <stdio.h>
#include <string.h>

enum {
    NAME_WORDS = 12, /* of a device name: real ones have up to 5 */
    MAX_WORDS = WTL_LIMIT_COLUMNS + NAME_WORDS + 4,
    MAX_PENDING = 64, /* rows that wait for a header; dmon repeats it every 14 */
    PROBE_LINES = 64,
    N_PATTERNS = 2,
};

/* One stream and the bytes by which its rows are recognised at once. */
struct source {
    struct wtl_stream stream;
    struct wtl_view entity, name; /* in the arena */
    char canonical[32];           /* the entity with single blanks */
};

struct pending {
    const char *line;
    size_t n;
    int64_t number;
};

/* Where the words of an earlier row were. A table of fixed columns has few such patterns, and they
 * take turns: a row with and a row without profiling values. */
struct pattern {
    size_t n; /* bytes of the line; 0: none yet */
    uint64_t ink[WTL_INK_WORDS];
    int n_words;
    uint16_t edge[64 * WTL_INK_WORDS + 64 + 2];
};

struct dcgmi {
    struct wtl_reading *r;
    bool modern; /* the processor has AVX2 and BMI2 */
    bool has_layout;
    struct dcgmi_layout layout;
    struct wtl_view header; /* the line that `layout` was read from */
    size_t header_size;     /* of its memory */
    struct source *last;    /* stream of the row before */
    struct source *sources[WTL_LIMIT_STREAMS];
    int n_sources;
    size_t row_length; /* of the row before */
    struct pending pending[MAX_PENDING];
    int n_pending;
    uint16_t edge[2 * MAX_WORDS + 64 + 2]; /* of a line too long for a pattern */
    int last_pattern;
    struct pattern pattern[N_PATTERNS];
};

/* A row, split. */
struct row {
    const char *line;
    size_t n;
    int64_t number;
    const uint16_t *edge;
    int n_words;
    int entity_words;
};

WTL_INLINE struct wtl_view words(const struct row *row, int from, int to)
{
    size_t start = row->edge[2 * from];
    return (struct wtl_view){row->line + start, row->edge[2 * to - 1] - start};
}

static bool view_equal(struct wtl_view a, struct wtl_view b)
{
    return a.n == b.n && memcmp(a.s, b.s, a.n) == 0;
}

/* ---- cells ---- */

/* Blanks of DCGM: int32 0x7ffffff0, int64 0x7ffffffffffffff0, fp64 2^47, each plus a reason. */
static bool is_sentinel(double v, struct wtl_view text, bool wide)
{
    if (v >= 9223372036854775792.0)
        return true;
    bool fraction = memchr(text.s, '.', text.n) != NULL;
    if (v >= 140737488355328.0 && v < 140737488355344.0)
        return fraction || !wide;
    return v >= 2147483632.0 && v <= 2147483647.0 && !wide && !fraction;
}

static bool is_missing(struct wtl_view text)
{
    static const char *const spellings[] = {"N/A", "NAN", "-NAN", "-", "[N/A]", "NotSupported"};
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        if (wtl_view_is_nocase(text, spellings[i]))
            return true;
    return text.n > 3 && memcmp(text.s + text.n - 3, "...", 3) == 0;
}

/* Everything that is not of the common shape. Returns 1 for a value, 0 for a missing cell, -1 for
 * what is neither. */
static __attribute__((noinline)) int uncommon_cell(struct wtl_view text, bool wide, double *value,
                                                   int64_t *sentinels)
{
    if (is_missing(text))
        return 0;
    if (!wtl_parse_double(text.s, text.n, value))
        return -1;
    if (!is_sentinel(*value, text, wide))
        return 1;
    ++*sentinels;
    return 0;
}

/* Puts one cell into the batch; false: it is neither a number nor missing. */
WTL_INLINE bool take_cell(struct wtl_stream *s, struct wtl_batch *b, int row,
                          const struct dcgmi_cell *cell, const char *p, size_t n,
                          int64_t *sentinels)
{
    double v;
    if (n == 3 && memcmp(p, "N/A", 3) == 0) {
        wtl_stream_missing(s, (enum wtl_metric)cell->metric);
        return true;
    }
    if (__builtin_expect(!wtl_parse_common(p, n, &v) || (n >= 10 && v >= 2147483632.0), 0)) {
        double careful = 0;
        int kind = uncommon_cell((struct wtl_view){p, n}, cell->wide, &careful, sentinels);
        if (kind < 0)
            return false;
        if (kind == 0) {
            wtl_stream_missing(s, (enum wtl_metric)cell->metric);
            return true;
        }
        v = careful;
    }
    if (cell->convert == DCGMI_DIVIDE)
        v /= cell->factor;
    else if (cell->convert == DCGMI_MULTIPLY)
        v *= cell->factor;
    b->column[cell->metric].value[row] = v;
    return true;
}

WTL_INLINE bool take_cells(struct wtl_stream *s, const struct dcgmi_cell *cells, int n,
                           const struct row *row, int first, int64_t *sentinels)
{
    struct wtl_batch *b = s->batch;
    int at = b->n;
    for (int i = 0; i < n; i++) {
        const uint16_t *e = row->edge + 2 * (first + cells[i].word);
        if (!take_cell(s, b, at, &cells[i], row->line + e[0], (size_t)(e[1] - e[0]), sentinels))
            return false;
    }
    return true;
}

/* ---- streams ---- */

/* "GPU  0" -> "GPU 0". */
static void canonical_entity(const struct row *row, char *dst, size_t size)
{
    size_t n = 0;
    for (int i = 0; i < row->entity_words; i++) {
        struct wtl_view w = words(row, i, i + 1);
        if (n && n + 1 < size)
            dst[n++] = ' ';
        for (size_t k = 0; k < w.n && n + 1 < size; k++)
            dst[n++] = w.s[k];
    }
    dst[n] = '\0';
}

static bool is_prefix(struct wtl_view shorter, struct wtl_view longer)
{
    return shorter.n < longer.n && memcmp(shorter.s, longer.s, shorter.n) == 0;
}

static bool keep_view(struct wtl_arena *arena, struct wtl_view v, struct wtl_view *out)
{
    out->s = wtl_arena_strndup(arena, v.s, v.n);
    out->n = v.n;
    return out->s != NULL;
}

static int open_source(struct dcgmi *d, const struct row *row, struct wtl_view entity,
                       struct wtl_view name, const char *canonical, struct wtl_error *err)
{
    struct source *s = WTL_NEW(d->r->arena, struct source);
    if (!s || !keep_view(d->r->arena, entity, &s->entity) ||
        !keep_view(d->r->arena, name, &s->name))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    snprintf(s->canonical, sizeof s->canonical, "%s", canonical);
    struct wtl_trace_stream *info = &s->stream.info;
    snprintf(info->entity, sizeof info->entity, "%s", canonical);
    if (!wtl_view_is_nocase(name, "N/A"))
        wtl_view_copy(name, info->device, sizeof info->device);
    snprintf(info->dialect, sizeof info->dialect, "dcgmi-%c", d->layout.style);
    info->present = d->layout.present;
    int64_t block_line = d->r->line;
    d->r->line = row->number; /* for the message, should there be one */
    int rc = wtl_stream_open(d->r, &s->stream, err);
    d->r->line = block_line;
    if (rc != 0)
        return rc;
    d->sources[d->n_sources++] = s;
    d->last = s;
    return 0;
}

/* Finds or opens the stream of a row. *drop_out says when the name shows that cells are lost (a
 * part of a known name) or added (more than a known name). */
static int find_source(struct dcgmi *d, const struct row *row, struct wtl_view entity,
                       struct wtl_view name, enum wtl_drop *drop_out, struct wtl_error *err)
{
    char canonical[32];
    canonical_entity(row, canonical, sizeof canonical);
    for (int i = 0; i < d->n_sources; i++) {
        struct source *s = d->sources[i];
        if (strcmp(s->canonical, canonical) != 0 || s->stream.info.present != d->layout.present)
            continue;
        if (view_equal(s->name, name)) {
            d->last = s;
            return 0;
        }
        if (is_prefix(name, s->name) || is_prefix(s->name, name)) {
            *drop_out = name.n < s->name.n ? WTL_DROP_truncated_row : WTL_DROP_too_many_cells;
            return 0;
        }
    }
    return open_source(d, row, entity, name, canonical, err);
}

/* ---- rows ---- */

static bool is_integer(struct wtl_view w)
{
    for (size_t i = 0; i < w.n; i++)
        if (w.s[i] < '0' || w.s[i] > '9')
            return false;
    return w.n > 0;
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* A row begins with a kind and a number: "GPU 0", "GPU-I 3", "GPU-CI 5". */
WTL_INLINE bool is_row(const struct row *row)
{
    if (row->n_words < 2 || !is_letter(row->line[row->edge[0]]))
        return false;
    return is_integer(words(row, 1, 2));
}

/* Words of the entity: 2, or more in "GPU 0 LINK3" and "GPU 0 LINK 3". */
static int count_entity_words(const struct dcgmi_layout *h, const struct row *row)
{
    struct wtl_view third = row->n_words > 2 ? words(row, 2, 3) : (struct wtl_view){"", 0};
    if (third.n < 4 || memcmp(third.s, "LINK", 4) != 0)
        return 2;
    if (third.n > 4 || row->n_words < 4 || !is_integer(words(row, 3, 4)))
        return 3;
    return h->has_name || row->n_words == h->n_columns + 4 ? 4 : 3;
}

/* Number of cells against the header; WTL_N_DROPS: it fits. */
WTL_INLINE enum wtl_drop check_shape(const struct dcgmi_layout *h, const struct row *row)
{
    int name_words = row->n_words - row->entity_words - h->n_before - h->n_after;
    if (name_words < h->has_name)
        return WTL_DROP_truncated_row;
    if (name_words > (h->has_name ? NAME_WORDS : 0))
        return WTL_DROP_too_many_cells;
    return WTL_N_DROPS;
}

/* Delivers a row whose shape fits; *drop_out says when it had to be dropped. */
WTL_INLINE int deliver(struct dcgmi *d, const struct row *row, enum wtl_drop *drop_out,
                       struct wtl_error *err)
{
    const struct dcgmi_layout *h = &d->layout;
    int left = row->entity_words;
    int right = row->n_words - h->n_after;
    struct wtl_view entity = words(row, 0, left);
    struct wtl_view name = {"", 0};
    if (h->has_name)
        name = words(row, left + h->n_before, right);
    struct source *s = d->last;
    if (!s || !view_equal(s->entity, entity) || !view_equal(s->name, name) ||
        s->stream.info.present != h->present) {
        int rc = find_source(d, row, entity, name, drop_out, err);
        if (rc != 0 || *drop_out != WTL_N_DROPS)
            return rc;
        s = d->last;
    }
    int64_t sentinels = 0;
    if (!take_cells(&s->stream, h->left, h->n_left, row, left, &sentinels) ||
        !take_cells(&s->stream, h->right, h->n_right, row, right, &sentinels)) {
        wtl_stream_forget(&s->stream);
        *drop_out = WTL_DROP_bad_number;
        return 0;
    }
    d->r->report->cells_sentinel += sentinels;
    return wtl_stream_push(d->r, &s->stream, err);
}

/* Keeps a row until a header explains it. */
static int keep_pending(struct dcgmi *d, const struct row *row, struct wtl_error *err)
{
    if (d->n_pending == MAX_PENDING) {
        wtl_reading_drop(d->r, WTL_DROP_no_header, row->number);
        return 0;
    }
    char *copy = wtl_arena_calloc(d->r->arena, 1, row->n + WTL_INPUT_MARGIN);
    if (!copy)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    memcpy(copy, row->line, row->n);
    d->pending[d->n_pending++] = (struct pending){copy, row->n, row->number};
    return 0;
}

/* Lines that dmon prints around its table. */
static bool is_chatter(struct wtl_view line)
{
    static const char stopped[] = "dmon was stopped";
    return line.n == 0 ||
           (line.n >= sizeof stopped - 1 && memcmp(line.s, stopped, sizeof stopped - 1) == 0);
}

static bool is_units(struct wtl_view line)
{
    return line.n >= 2 && (line.s[0] == 'I') && (line.s[1] == 'D' || line.s[1] == 'd') &&
           (line.n == 2 || line.s[2] == ' ');
}

static int take_header(struct dcgmi *d, const char *line, size_t n, struct wtl_error *err);

/* Anything that is not a row of the present layout. */
static __attribute__((noinline)) int other_line(struct dcgmi *d, const char *line, size_t n,
                                                int64_t number, struct wtl_error *err)
{
    struct wtl_view text = wtl_view_trim((struct wtl_view){line, n});
    if (is_chatter(text) || is_units(text) || wtl_line_is_note(text))
        return 0;
    if (dcgmi_is_header(text.s, text.n))
        return line[n] == '\n' ? take_header(d, line, n, err) : 0;
    bool taken = false;
    int rc = wtl_reading_hand_over(d->r, line, n, number, &taken, err);
    if (rc == 0 && !taken)
        wtl_reading_drop(d->r, WTL_DROP_unknown_row, number);
    return rc;
}

/* A last line without '\n' that may have lost its end. */
static bool may_be_cut(const struct dcgmi *d, const struct row *row)
{
    return row->edge[2 * row->n_words - 1] == row->n && row->n != d->row_length;
}

WTL_INLINE bool same_ink(const struct pattern *p, const uint64_t *ink, size_t n_ink, size_t n)
{
    uint64_t difference = p->n ^ n;
    for (size_t i = 0; i < n_ink; i++)
        difference |= p->ink[i] ^ ink[i];
    return difference == 0;
}

static void learn_pattern(struct pattern *p, const uint64_t *ink, size_t n_ink, size_t n)
{
    uint64_t carry = 0;
    int count = 0;
    for (size_t i = 0; i < n_ink; i++) {
        p->ink[i] = ink[i];
        count = wtl_edges_of(ink[i], &carry, 64 * i, p->edge, count);
    }
    if (count & 1)
        p->edge[count++] = (uint16_t)n;
    p->n = n;
    p->n_words = count / 2;
}

/* Splits a row, from what is remembered where its blanks are those of an earlier one. */
WTL_INLINE void split(struct dcgmi *d, struct row *row)
{
    if (row->n > 64 * WTL_INK_WORDS) {
        row->n_words = wtl_split_words(row->line, row->n, d->edge, MAX_WORDS);
        row->edge = d->edge;
        return;
    }
    uint64_t ink[WTL_INK_WORDS];
    size_t n_ink = wtl_ink_of(row->line, row->n, ink);
    int at = d->last_pattern ^ 1; /* they take turns */
    if (!same_ink(&d->pattern[at], ink, n_ink, row->n)) {
        if (same_ink(&d->pattern[at ^ 1], ink, n_ink, row->n))
            at ^= 1;
        else
            learn_pattern(&d->pattern[at], ink, n_ink, row->n);
    }
    d->last_pattern = at;
    row->n_words = d->pattern[at].n_words;
    row->edge = d->pattern[at].edge;
}

/* Repeated headers and units at once, without a look at their words. */
WTL_INLINE bool is_known_line(const struct dcgmi *d, const char *line, size_t n)
{
    if (line[0] == '#')
        return d->has_layout && view_equal(d->header, (struct wtl_view){line, n});
    return line[0] == 'I' && is_units((struct wtl_view){line, n});
}

WTL_INLINE int take_line(struct dcgmi *d, const char *line, size_t n, int64_t number, bool ended,
                         struct wtl_error *err)
{
    if (is_known_line(d, line, n))
        return 0;
    struct row row = {.line = line, .n = n, .number = number};
    split(d, &row);
    if (!is_row(&row))
        return other_line(d, line, n, number, err);
    enum wtl_drop drop = WTL_N_DROPS;
    if (row.n_words > MAX_WORDS)
        drop = WTL_DROP_too_many_cells;
    else if (!ended && may_be_cut(d, &row))
        drop = WTL_DROP_truncated_row;
    else if (!d->has_layout)
        return keep_pending(d, &row, err);
    if (drop == WTL_N_DROPS) {
        row.entity_words = 2;
        if (row.n_words > 2 && line[row.edge[4]] == 'L')
            row.entity_words = count_entity_words(&d->layout, &row);
        drop = check_shape(&d->layout, &row);
    }
    if (drop == WTL_N_DROPS) {
        int rc = deliver(d, &row, &drop, err);
        if (rc != 0)
            return rc;
    }
    if (drop != WTL_N_DROPS)
        wtl_reading_drop(d->r, drop, number);
    d->row_length = n;
    return 0;
}

/* ---- headers ---- */

/* Rows that came before the first header: they are explained by it or dropped. */
static int take_pending(struct dcgmi *d, struct wtl_error *err)
{
    int n = d->n_pending;
    d->n_pending = 0;
    for (int i = 0; i < n; i++) {
        const struct pending *p = &d->pending[i];
        struct row row = {.line = p->line, .n = p->n, .number = p->number, .edge = d->edge};
        row.n_words = wtl_split_words(p->line, p->n, d->edge, MAX_WORDS);
        row.entity_words = count_entity_words(&d->layout, &row);
        enum wtl_drop drop = WTL_DROP_no_header;
        if (check_shape(&d->layout, &row) == WTL_N_DROPS) {
            drop = WTL_N_DROPS;
            int rc = deliver(d, &row, &drop, err);
            if (rc != 0)
                return rc;
        }
        if (drop != WTL_N_DROPS)
            wtl_reading_drop(d->r, drop, p->number);
    }
    return 0;
}

/* Keeps the header line, so that its repetitions cost a comparison. */
static int keep_header(struct dcgmi *d, const char *line, size_t n, struct wtl_error *err)
{
    if (n > d->header_size) {
        d->header_size = 2 * n;
        d->header.s = wtl_arena_calloc(d->r->arena, 1, d->header_size);
        if (!d->header.s) {
            d->header_size = d->header.n = 0;
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        }
    }
    memcpy((char *)(uintptr_t)d->header.s, line, n);
    d->header.n = n;
    return 0;
}

static int take_header(struct dcgmi *d, const char *line, size_t n, struct wtl_error *err)
{
    int rc = dcgmi_read_header(d->r, line, n, &d->layout, err);
    if (rc == 0)
        rc = keep_header(d, line, n, err);
    if (rc != 0)
        return rc;
    d->has_layout = true;
    wtl_reading_dialect(d->r, "%d fields, style %c", d->layout.n_columns,
                        d->layout.style == 'a' ? 'A' : 'B');
    return take_pending(d, err);
}

/* ---- the reader ---- */

/* Lines of one block, compiled once more for processors with AVX2 and BMI. */
WTL_INLINE int take_block(struct dcgmi *d, const char *data, size_t n, struct wtl_error *err)
{
    const char *end = data + n;
    int64_t number = d->r->line;
    for (const char *line = data; line < end; number++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline ? newline : end;
        int rc = take_line(d, line, (size_t)(stop - line), number, newline != NULL, err);
        if (rc != 0)
            return rc;
        line = stop + 1;
    }
    return 0;
}

#if defined(__x86_64__)
__attribute__((target("avx2,bmi,bmi2,popcnt"))) static int
take_block_avx2(struct dcgmi *d, const char *data, size_t n, struct wtl_error *err)
{
    return take_block(d, data, n, err);
}
#endif

static int block(struct wtl_reading *r, const char *data, size_t n, struct wtl_error *err)
{
    struct dcgmi *d = r->state;
#if defined(__x86_64__)
    if (d->modern)
        return take_block_avx2(d, data, n, err);
#endif
    return take_block(d, data, n, err);
}

static int begin(struct wtl_reading *r, struct wtl_error *err)
{
    struct dcgmi *d = WTL_NEW(r->arena, struct dcgmi);
    if (!d)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    d->r = r;
#if defined(__x86_64__)
    d->modern = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
#endif
    r->state = d;
    return 0;
}

static int end(struct wtl_reading *r, bool failed, struct wtl_error *err)
{
    struct dcgmi *d = r->state;
    if (!d || failed)
        return 0;
    for (int i = 0; i < d->n_pending; i++)
        wtl_reading_drop(r, WTL_DROP_no_header, d->pending[i].number);
    for (int i = 0; i < d->n_sources; i++) {
        int rc = wtl_stream_flush(r, &d->sources[i]->stream, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* "GPU 0 0.000 ..." */
static bool looks_like_row(struct wtl_view text)
{
    if (text.n < 6 || memcmp(text.s, "GPU", 3) != 0)
        return false;
    size_t i = 3;
    while (i < text.n && (text.s[i] == '-' || text.s[i] == 'C' || text.s[i] == 'I'))
        i++;
    size_t blanks = i;
    while (i < text.n && text.s[i] == ' ')
        i++;
    size_t digits = i;
    while (i < text.n && text.s[i] >= '0' && text.s[i] <= '9')
        i++;
    return digits > blanks && i > digits && i < text.n && text.s[i] == ' ';
}

static bool owns_line(const char *line, size_t n)
{
    struct wtl_view text = wtl_view_trim((struct wtl_view){line, n});
    return looks_like_row(text) || is_units(text) || dcgmi_is_header(text.s, text.n);
}

static int probe(const char *head, size_t n, const struct wtl_trace_options *options)
{
    (void)options;
    const char *stop = head + n;
    int score = 0;
    int lines = 0;
    for (const char *line = head; line < stop && lines < PROBE_LINES;) {
        const char *newline = memchr(line, '\n', (size_t)(stop - line));
        const char *line_end = newline ? newline : stop;
        struct wtl_view text = wtl_view_trim((struct wtl_view){line, (size_t)(line_end - line)});
        line = line_end + 1;
        if (text.n == 0)
            continue;
        if (dcgmi_is_header(text.s, text.n))
            return lines == 0 ? 95 : 85;
        if (looks_like_row(text))
            score = 40;
        lines++;
    }
    return score;
}

const struct wtl_reader wtl_reader_dcgmi = {
    .name = "dcgmi",
    .title = "DCGM dmon text (dcgmi dmon)",
    .probe = probe,
    .begin = begin,
    .block = block,
    .end = end,
    .owns_line = owns_line,
};
