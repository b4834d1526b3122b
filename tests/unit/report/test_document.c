/* SPDX-License-Identifier: Apache-2.0
 * The report as HTML, PDF and Markdown: complete, escaped, self-contained, reproducible. */
#include "report_sample.h"

#include "report/content.h"
#include "report/html.h"
#include "report/pages.h"

#include <stdlib.h>

enum form { HTML, PDF, MARKDOWN };

static int write_form(const struct wtl_report *r, enum form form, struct wtl_alloc alloc,
                      struct wtl_buf *out, struct wtl_error *err)
{
    struct wtl_arena own;
    struct wtl_document d;
    wtl_arena_init(&own, alloc);
    int rc = wtl_content_build(&own, r, NULL, &d, err);
    if (rc == 0 && form == HTML)
        rc = wtl_html_render(&d, fonts, alloc, out, err);
    else if (rc == 0 && form == PDF)
        rc = wtl_pages_render(&d, fonts, alloc, out, err);
    else if (rc == 0)
        rc = wtl_content_markdown(r, alloc, out, err);
    wtl_arena_fini(&own);
    return rc;
}

/* The text of a form, in the arena: made anew. */
static const char *fresh_text(const struct wtl_report *r, enum form form, size_t *size_out)
{
    struct wtl_buf out;
    struct wtl_error err = {0};
    wtl_buf_init(&out, wtl_alloc_system(), 1 << 28);
    assert_ok(write_form(r, form, wtl_alloc_system(), &out, &err), &err);
    char *copy = wtl_arena_memdup(&arena, out.data, out.len + 1);
    *size_out = out.len;
    wtl_buf_fini(&out);
    return copy;
}

/* The same; of the sample report, which most tests read, made once. */
static const char *text_of(const struct wtl_report *r, enum form form, size_t *size_out)
{
    static const char *kept[MARKDOWN + 1];
    static size_t size[MARKDOWN + 1];
    if (r != &report)
        return fresh_text(r, form, size_out);
    if (!kept[form])
        kept[form] = fresh_text(r, form, &size[form]);
    *size_out = size[form];
    return kept[form];
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

static void page_is_self_contained(void **state)
{
    (void)state;
    size_t size;
    const char *html = text_of(&report, HTML, &size);
    assert_memory_equal(html, "<!DOCTYPE html>", 15);
    assert_null(strstr(html, "<script"));
    assert_null(strstr(html, "<link"));
    assert_null(strstr(html, "@import"));
    assert_null(strstr(html, "url(h"));
    assert_null(strstr(html, "src="));
    /* Every address in the page is an XML name space, every link stays inside. */
    assert_int_equal(count(html, "http"), count(html, "http://www.w3.org/2000/svg") +
                                              count(html, "http://www.w3.org/1999/xlink"));
    assert_int_equal(count(html, "href=\""), count(html, "href=\"#"));
}

/* Every letter, word or style that a figure uses, up to a quote behind `use`, is in the page
 * between `before` and `behind`. Those are a letter and a number: each is looked up once. */
static void everything_is_defined(const char *html, const char *use, const char *before,
                                  const char *behind)
{
    enum { NUMBERS = 20000 };
    static bool seen[256][NUMBERS];
    memset(seen, 0, sizeof seen);
    for (const char *s = html; (s = strstr(s, use)); s++) {
        char wanted[200];
        const char *name = s + strlen(use);
        long number = strtol(name + 1, NULL, 10);
        bool *known = number > 0 && number < NUMBERS ? &seen[(unsigned char)*name][number] : NULL;
        if (known && *known)
            continue;
        snprintf(wanted, sizeof wanted, "%s%.*s%s", before, (int)strcspn(name, "\""), name, behind);
        if (strstr(html, wanted) == NULL)
            fail_msg("%s is not defined", wanted);
        if (known)
            *known = true;
    }
}

static void page_has_everything(void **state)
{
    (void)state;
    size_t size;
    const char *html = text_of(&report, HTML, &size);
    /* A heading per set; a row per plan; a row per rejected run and per source; every note. */
    size_t rejected = 0;
    for (size_t i = 0; i < report.n_sets; i++) {
        char heading[200];
        snprintf(heading, sizeof heading, ">%s, %s</h3>", report.sets[i].set->gpu,
                 report.sets[i].set->workload);
        assert_int_equal(count(html, heading), 1);
        rejected += (size_t)report.sets[i].plan->n_rejected;
    }
    assert_int_equal(count(html, "<span class=\"st "), report.n_sets);
    assert_int_equal(count(html, "where other runs at"), rejected);
    assert_non_null(strstr(html, report.notes[0]));
    assert_non_null(strstr(html, "/data/&lt;sweep&gt; &amp; &quot;more&quot;/runs.csv"));
    assert_non_null(strstr(html, report.fingerprint));
    /* Link targets exist, once each. */
    size_t links = 0;
    for (const char *s = html; (s = strstr(s, "<a href=\"#")); s++) {
        char id[200];
        size_t n = strcspn(s + 10, "\"");
        snprintf(id, sizeof id, " id=\"%.*s\"", (int)n, s + 10);
        assert_int_equal(count(html, id), 1);
        links++;
    }
    assert_true(links > report.n_sets);
    everything_is_defined(html, " href=\"#", " id=\"", "\"");
    everything_is_defined(html, "<path class=\"", ".", "{");
}

static const struct wtl_figure *small_figure(double panel_height_pt)
{
    static const double at[] = {1, 2, 3};
    struct wtl_figure *f = wtl_figure_new(&arena, 1, 1, panel_height_pt);
    assert_non_null(f);
    f->name = "small";
    f->title = "Small";
    f->footer = "n = 3";
    f->panels[0].x = (struct wtl_axis){"x", "s", .lo = 0, .hi = 4};
    f->panels[0].y = (struct wtl_axis){"y", "W", .lo = 0, .hi = 4};
    struct wtl_layer *l = wtl_chart_add(&f->panels[0], WTL_LAYER_LINE, NULL, WTL_COLOR_BLUE);
    l->n = 3;
    l->x = l->y = at;
    return f;
}

static void figures_of_one_name_are_told_apart(void **state)
{
    (void)state;
    static const char *const expected[] = {"small", "small-2", "small-3"};
    struct wtl_document d;
    struct wtl_error err = {0};
    wtl_document_init(&d, &arena);
    for (int i = 0; i < 3; i++)
        wtl_document_figure(&d, small_figure(100));
    assert_ok(wtl_document_check(&d, &err), &err);
    assert_int_equal(d.n_blocks, 3);
    for (int i = 0; i < 3; i++)
        assert_string_equal(d.blocks[i].figure->name, expected[i]);
}

static void no_figure_is_lost(void **state)
{
    (void)state;
    struct wtl_document d;
    struct wtl_error err = {0};
    assert_ok(wtl_content_build(&arena, &report, NULL, &d, &err), &err);
    size_t figures = 0, size;
    for (size_t i = 0; i < d.n_blocks; i++) {
        if (d.blocks[i].kind != WTL_BLOCK_FIGURE)
            continue;
        figures++;
        for (size_t k = 0; k < i; k++)
            if (d.blocks[k].kind == WTL_BLOCK_FIGURE)
                assert_string_not_equal(d.blocks[i].figure->name, d.blocks[k].figure->name);
    }
    /* 3 of all sets; 4 per set (3 where there is no curve); validation and samples for 2 sets. */
    assert_int_equal(figures, 3 + 8 * 4 - 1 + 2 * 4);
    const char *html = text_of(&report, HTML, &size);
    assert_int_equal(count(html, "<figure "), figures);
    assert_int_equal(count(html, "<svg "), figures);
    assert_non_null(strstr(html, "no power samples"));
}

static void bytes_are_reproducible(void **state)
{
    (void)state;
    for (int form = HTML; form <= MARKDOWN; form++) {
        size_t size, again;
        const char *first = text_of(&report, (enum form)form, &size);
        const char *second = fresh_text(&report, (enum form)form, &again);
        assert_int_equal(size, again);
        assert_memory_equal(first, second, size);
    }
}

static void pdf_has_pages(void **state)
{
    (void)state;
    size_t size;
    const char *pdf = text_of(&report, PDF, &size);
    assert_memory_equal(pdf, "%PDF-1.", 7);
    assert_memory_equal(pdf + size - 6, "%%EOF\n", 6);
    assert_true(size > 100000);
}

/* --- pages ------------------------------------------------------------------------------------ */

/* Number of pages, as the file's tree of pages states it. */
static long pages_of(const struct wtl_document *d)
{
    struct wtl_buf out;
    struct wtl_error err = {0};
    long n = 0;
    wtl_buf_init(&out, wtl_alloc_system(), 1 << 24);
    assert_ok(wtl_pages_render(d, fonts, wtl_alloc_system(), &out, &err), &err);
    for (size_t i = 0; i + 8 < out.len; i++)
        if (memcmp(out.data + i, "/Count ", 7) == 0 && strtol(out.data + i + 7, NULL, 10) > n)
            n = strtol(out.data + i + 7, NULL, 10);
    wtl_buf_fini(&out);
    if (n == 0)
        skip(); /* a cairo that packs the tree of pages */
    return n;
}

static long pages_with_figures(int n, double panel_height_pt)
{
    struct wtl_document d;
    wtl_document_init(&d, &arena);
    d.title = "Figures";
    for (int i = 0; i < n; i++)
        wtl_document_figure(&d, small_figure(panel_height_pt));
    return pages_of(&d);
}

/* Three figures that miss a page by little share it; much too high ones do not. */
static void figures_shrink_to_fill_a_page(void **state)
{
    (void)state;
    assert_int_equal(pages_with_figures(3, 150), 1);
    assert_int_equal(pages_with_figures(3, 200), 1); /* a sixth of the panels too high */
    assert_int_equal(pages_with_figures(3, 300), 2);
    assert_int_equal(pages_with_figures(6, 200), 2);
}

/* A text that is longer than a page runs over it, and leaves no lines behind its end. */
static void long_texts_run_over_pages(void **state)
{
    (void)state;
    struct wtl_document d;
    char *text = wtl_arena_calloc(&arena, 24001, 1);
    assert_non_null(text);
    for (int i = 0; i < 24000; i++)
        text[i] = i % 8 ? 'x' : ' ';
    wtl_document_init(&d, &arena);
    d.title = "Text";
    wtl_document_heading(&d, 1, "Long");
    wtl_document_paragraph(&d, "%s", text);
    assert_in_range(pages_of(&d), 4, 6);
}

static void units_stay_with_their_numbers(void **state)
{
    (void)state;
    static const struct wtl_column_head heads[] = {{"a", WTL_CELL_TEXT}, {"b", WTL_CELL_NUMBER}};
    struct wtl_document d;
    wtl_document_init(&d, &arena);
    wtl_document_paragraph(&d, "%s", "it takes 10.74 s and 5 % more");
    assert_string_equal(d.blocks[0].text, "it takes 10.74\xc2\xa0s and 5\xc2\xa0% more");
    struct wtl_doc_table *t = wtl_document_table(&d, heads, 2, NULL);
    wtl_document_row(&d, t, (const char *const[]){"at 32 W", "5 %"});
    assert_string_equal(t->cells[0], "at 32\xc2\xa0W");
    assert_string_equal(t->cells[1], "5 %"); /* such cells do not wrap: found as it is written */
}

static void markdown_is_a_table(void **state)
{
    (void)state;
    size_t size;
    struct wtl_workset set = *report.sets[0].set;
    struct wtl_report_set sets[2] = {report.sets[0], report.sets[2]};
    struct wtl_report r = report;
    snprintf(set.workload, sizeof set.workload, "a|b<script>\n# c");
    sets[0].set = &set;
    r.sets = sets;
    r.n_sets = 2;
    const char *text = text_of(&r, MARKDOWN, &size);
    assert_non_null(strstr(text, "| V100 | a\\|b&lt;script&gt; \\# c | ok | "));
    assert_non_null(strstr(text, "| V100 | whisper | undecided | \\("));
    size_t rows = 0;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (*line != '|')
            continue;
        size_t bars = 0;
        for (const char *c = line; *c && *c != '\n'; c++)
            bars += *c == '|' && (c == line || c[-1] != '\\');
        assert_int_equal(bars, 10);
        rows++;
    }
    assert_int_equal(rows, 4);
}

static void empty_report(void **state)
{
    (void)state;
    struct wtl_report none = {.campaign = "x.wattle", .fingerprint = "", .tool = "wattle"};
    size_t size;
    assert_non_null(strstr(text_of(&none, HTML, &size), "no plan"));
    assert_memory_equal(text_of(&none, PDF, &size), "%PDF", 4);
    assert_non_null(strstr(text_of(&none, MARKDOWN, &size), "no plan"));
}

/* One small set, so that every point of failure is reached. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct wtl_workset set = *report.sets[7].set;
    struct wtl_report_set small = {.set = &set, .plan = report.sets[7].plan};
    struct wtl_report r = report;
    set.n_runs = 20;
    r.sets = &small;
    r.n_sets = 1;
    for (int form = HTML; form <= MARKDOWN; form++)
        for (long at = 1;; at++) {
            assert_true(at < 3000);
            struct wtl_alloc_failing failing;
            struct wtl_alloc alloc = wtl_alloc_failing(&failing, at);
            struct wtl_buf out;
            struct wtl_error err = {0};
            wtl_buf_init(&out, alloc, 1 << 28);
            int rc = write_form(&r, (enum form)form, alloc, &out, &err);
            wtl_buf_fini(&out);
            if (rc == 0)
                break;
            assert_int_equal(rc, -WTL_NOMEM);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_is_self_contained),
        cmocka_unit_test(page_has_everything),
        cmocka_unit_test(no_figure_is_lost),
        cmocka_unit_test(figures_of_one_name_are_told_apart),
        cmocka_unit_test(bytes_are_reproducible),
        cmocka_unit_test(pdf_has_pages),
        cmocka_unit_test(markdown_is_a_table),
        cmocka_unit_test(figures_shrink_to_fill_a_page),
        cmocka_unit_test(long_texts_run_over_pages),
        cmocka_unit_test(units_stay_with_their_numbers),
        cmocka_unit_test(empty_report),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
