/* SPDX-License-Identifier: Apache-2.0
 * The HTML page. */
#include "report/html.h"

#include "report/escape.h"
#include "report/svg.h"

#include "base/clock.h"

#include <string.h>

/* In the dark scheme figures are inverted and their hues turned back: white paper becomes the
 * page's background, colours keep their names. */
static const char style[] =
    ":root{--bg:#fff;--fg:#1a1a1a;--muted:#5c5c5c;--line:#d6d6d6;--soft:#f5f6f7;--link:#00599c}\n"
    "@media (prefers-color-scheme:dark){:root{--bg:#121212;--fg:#e8e8e8;--muted:#a8a8a8;"
    "--line:#3a3a3a;--soft:#1c1d1f;--link:#7cc0ff}"
    "@media screen{figure svg{filter:invert(.93) hue-rotate(180deg)}}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:66rem;background:var(--bg);"
    "color:var(--fg);font:16px/1.55 system-ui,-apple-system,\"Segoe UI\",Roboto,"
    "\"Helvetica Neue\",Arial,sans-serif;overflow-wrap:break-word}\n"
    "h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem}\n"
    "h2{font-size:1.4rem;margin:2.6rem 0 .6rem;padding-top:.5rem;border-top:1px solid "
    "var(--line)}\n"
    "h3{font-size:1.12rem;margin:2rem 0 .4rem}\n"
    "p{margin:.5rem 0;max-width:46rem}ul{margin:.5rem 0;padding-left:1.3rem;max-width:46rem}\n"
    "li{margin:0;padding:.125rem 0}a{color:var(--link)}\n"
    ".sub{color:var(--muted);margin:0 0 1.2rem}\n"
    "nav{background:var(--soft);border:1px solid var(--line);border-radius:6px;"
    "padding:.8rem 1.2rem;margin:1.5rem 0}\n"
    "nav h2{border:0;margin:0 0 .3rem;padding:0;font-size:1rem}\n"
    "nav ul{columns:2 18rem;max-width:none;margin:0;list-style:none;padding:0;font-size:.93rem}\n"
    "nav li.l2{padding-left:1.1rem}nav li.l1{break-after:avoid}\n"
    "figure{margin:1.4rem 0;break-inside:avoid}\n"
    "figure .scroll{margin:0}\n"
    "figure svg{display:block;width:100%;min-width:36rem;max-width:52rem;height:auto}\n"
    "figcaption{color:var(--muted);font-size:.9rem;max-width:46rem}\n"
    ".scroll{overflow-x:auto;margin:1rem 0}\n"
    "table{border-collapse:collapse;font-size:.84rem;font-variant-numeric:tabular-nums}\n"
    "caption{caption-side:top;text-align:left;color:var(--muted);padding:.2rem 0;font-size:.9rem}\n"
    "th,td{padding:.3rem .5rem;text-align:left;vertical-align:top;border-bottom:1px solid "
    "var(--line)}\n"
    "th{border-bottom:2px solid var(--line);font-weight:600}\n"
    "td.n,th.n{text-align:right;white-space:nowrap}\n"
    "td.w{white-space:nowrap}td.l{min-width:10rem;overflow-wrap:anywhere}\n"
    "td.c{font-family:ui-monospace,\"DejaVu Sans Mono\",monospace;font-size:.82rem;"
    "overflow-wrap:anywhere;min-width:9rem}\n"
    ".st{display:inline-block;padding:0 .5em;border-radius:1em;border:1px solid currentColor;"
    "font-weight:600;white-space:nowrap}\n"
    ".ok,.confirmed{color:#00704f}.undecided{color:#8a5a00}.unusable{color:#5c5c5c}"
    ".infeasible,.refuted{color:#a83f00}\n"
    "@media (prefers-color-scheme:dark){.ok,.confirmed{color:#4fd1a5}.undecided{color:#f0b74a}"
    ".unusable{color:#b5b5b5}.infeasible,.refuted{color:#ff9a5c}}\n"
    "details{margin:1rem 0}summary{cursor:pointer;color:var(--link)}\n"
    "footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:.6rem;color:var(--muted);"
    "font-size:.85rem}\n"
    "@media print{@page{size:A4;margin:18mm 16mm}:root{--bg:#fff;--fg:#000;--muted:#444;"
    "--line:#bbb;--soft:#fff;--link:#000}body{padding:0;max-width:none;font-size:10pt}"
    "h2,h3{break-after:avoid}tr{break-inside:avoid}thead{display:table-header-group}"
    ".scroll{overflow:visible}figure svg{min-width:0}"
    "details::details-content{content-visibility:visible;display:block;block-size:auto}"
    ".ok,.undecided,.unusable,.infeasible{color:#000}a{text-decoration:none}}\n";

static void put_head(struct wtl_buf *out, const struct wtl_document *d)
{
    wtl_buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    wtl_escape_xml(out, d->title);
    wtl_buf_puts(out, "</title>\n<style>\n");
    wtl_buf_puts(out, style);
    wtl_buf_puts(out, "</style>\n</head>\n<body>\n<header>\n<h1>");
    wtl_escape_xml(out, d->title);
    wtl_buf_puts(out, "</h1>\n<p class=\"sub\">");
    wtl_escape_xml(out, d->subtitle);
    wtl_buf_puts(out, "</p>\n</header>\n");
}

static void put_contents(struct wtl_buf *out, const struct wtl_document *d)
{
    wtl_buf_puts(out, "<nav aria-label=\"Contents\">\n<h2>Contents</h2>\n<ul>\n");
    for (size_t i = 0; i < d->n_blocks; i++) {
        const struct wtl_block *b = &d->blocks[i];
        if (b->kind != WTL_BLOCK_HEADING)
            continue;
        wtl_buf_printf(out, "<li class=\"l%d\"><a href=\"#%s\">", b->level, b->id);
        wtl_escape_xml(out, b->text);
        wtl_buf_puts(out, "</a></li>\n");
    }
    wtl_buf_puts(out, "</ul>\n</nav>\n");
}

/* Short texts keep to one line, so that a table's rows stay low. */
enum { SHORT_TEXT = 26 };

static const char *cell_class(enum wtl_cell_kind kind, const char *text)
{
    if (kind == WTL_CELL_NUMBER)
        return " class=\"n\"";
    if (kind == WTL_CELL_CODE)
        return " class=\"c\"";
    return strlen(text) <= SHORT_TEXT ? " class=\"w\"" : " class=\"l\"";
}

static void put_cell(struct wtl_buf *out, enum wtl_cell_kind kind, const char *text)
{
    wtl_buf_printf(out, "<td%s>", cell_class(kind, text));
    if (kind == WTL_CELL_STATUS) {
        char class_name[40];
        wtl_slug(text, class_name, sizeof class_name);
        wtl_buf_printf(out, "<span class=\"st %s\">", class_name);
    }
    wtl_escape_xml(out, text);
    wtl_buf_puts(out, kind == WTL_CELL_STATUS ? "</span></td>" : "</td>");
}

static void put_table(struct wtl_buf *out, const struct wtl_doc_table *t)
{
    if (t->folded) {
        wtl_buf_puts(out, "<details>\n<summary>");
        wtl_escape_xml(out, t->caption ? t->caption : "Table");
        wtl_buf_printf(out, " (%zu rows)</summary>\n", t->n_rows);
    }
    wtl_buf_puts(out, "<div class=\"scroll\"><table>\n");
    if (t->caption && !t->folded) {
        wtl_buf_puts(out, "<caption>");
        wtl_escape_xml(out, t->caption);
        wtl_buf_puts(out, "</caption>\n");
    }
    wtl_buf_puts(out, "<thead><tr>");
    for (size_t i = 0; i < t->n_columns; i++) {
        wtl_buf_printf(out, "<th scope=\"col\"%s>",
                       t->columns[i].kind == WTL_CELL_NUMBER ? " class=\"n\"" : "");
        wtl_escape_xml(out, t->columns[i].title);
        wtl_buf_puts(out, "</th>");
    }
    wtl_buf_puts(out, "</tr></thead>\n<tbody>\n");
    for (size_t r = 0; r < t->n_rows; r++) {
        wtl_buf_puts(out, "<tr>");
        for (size_t i = 0; i < t->n_columns; i++)
            put_cell(out, t->columns[i].kind, t->cells[r * t->n_columns + i]);
        wtl_buf_puts(out, "</tr>\n");
    }
    wtl_buf_puts(out, "</tbody></table></div>\n");
    if (t->folded)
        wtl_buf_puts(out, "</details>\n");
}

/* What every block is rendered with. */
struct page {
    const struct wtl_document *d;
    struct wtl_fonts *fonts;
    struct wtl_svg_shared *shared;
    struct wtl_alloc alloc;
    struct wtl_buf *out;
};

static int put_figure(const struct page *p, const struct wtl_figure *f, struct wtl_error *err)
{
    struct wtl_buf *out = p->out, svg;
    wtl_buf_init(&svg, p->alloc, out->max);
    int rc = wtl_figure_render_inline(f, p->fonts, p->shared, p->alloc, &svg, err);
    if (rc == 0) {
        wtl_buf_printf(out, "<figure id=\"%s\">\n", f->name);
        wtl_buf_puts(out, "<div class=\"scroll\">\n");
        wtl_buf_puts(out, wtl_svg_inline(wtl_buf_str(&svg)));
        wtl_buf_puts(out, "</div>\n");
        if (f->caption) {
            wtl_buf_puts(out, "<figcaption>");
            wtl_escape_xml(out, f->caption);
            wtl_buf_puts(out, "</figcaption>\n");
        }
        wtl_buf_puts(out, "</figure>\n");
    }
    wtl_buf_fini(&svg);
    return rc;
}

static void put_text(struct wtl_buf *out, const struct wtl_block *b)
{
    if (b->kind == WTL_BLOCK_HEADING) {
        wtl_buf_printf(out, "<h%d id=\"%s\">", b->level + 1, b->id);
        wtl_escape_xml(out, b->text);
        wtl_buf_printf(out, "</h%d>\n", b->level + 1);
        return;
    }
    const char *tag = b->kind == WTL_BLOCK_BULLET ? "li" : "p";
    wtl_buf_printf(out, "<%s>", tag);
    wtl_escape_xml(out, b->text);
    wtl_buf_printf(out, "</%s>\n", tag);
}

static int put_block(const struct page *p, size_t i, struct wtl_error *err)
{
    const struct wtl_document *d = p->d;
    const struct wtl_block *b = &d->blocks[i];
    bool bullet = b->kind == WTL_BLOCK_BULLET;
    if (bullet && (i == 0 || d->blocks[i - 1].kind != WTL_BLOCK_BULLET))
        wtl_buf_puts(p->out, "<ul>\n");
    if (b->kind == WTL_BLOCK_TABLE)
        put_table(p->out, b->table);
    else if (b->kind == WTL_BLOCK_FIGURE)
        return put_figure(p, b->figure, err);
    else
        put_text(p->out, b);
    if (bullet && (i + 1 == d->n_blocks || d->blocks[i + 1].kind != WTL_BLOCK_BULLET))
        wtl_buf_puts(p->out, "</ul>\n");
    return 0;
}

static void put_foot(struct wtl_buf *out, const struct wtl_document *d)
{
    char date[24];
    wtl_format_utc(d->wall_ns, date, sizeof date);
    wtl_buf_puts(out, "</main>\n<footer>");
    wtl_escape_xml(out, d->tool);
    wtl_buf_printf(out, " \xc2\xb7 %s</footer>\n</body>\n</html>\n", date);
}

int wtl_html_render(const struct wtl_document *d, struct wtl_fonts *fonts, struct wtl_alloc alloc,
                    struct wtl_buf *out, struct wtl_error *err)
{
    struct wtl_arena arena;
    wtl_arena_init(&arena, alloc);
    struct page page = {d, fonts, wtl_svg_shared_new(&arena), alloc, out};
    int rc = page.shared ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory writing the page");
    put_head(out, d);
    put_contents(out, d);
    wtl_buf_puts(out, "<main>\n");
    for (size_t i = 0; i < d->n_blocks && rc == 0; i++)
        rc = put_block(&page, i, err);
    put_foot(out, d);
    wtl_arena_fini(&arena);
    if (rc == 0 && out->failed)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory writing the page");
    return rc;
}
