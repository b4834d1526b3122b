/* SPDX-License-Identifier: Apache-2.0
 * Fonts and text of the canvas. */
#include "report/canvas_impl.h"

#include "report/font_data.h"
#include "report/svg.h"

#include <cairo-ft.h>
#include <ft2build.h>
#include <math.h>
#include <string.h>
#include FT_FREETYPE_H

/* One line of text on a page; longer strings are wrapped or shortened by the caller. */
enum { LINE_BYTES = 2048 };

/* cairo keeps scaled fonts in a cache of its own and may drop our faces long after we did, so the
 * library lives until the last of its users is gone. */
struct library {
    struct wtl_alloc alloc;
    FT_Library ft;
    int users;
};

struct wtl_fonts {
    struct wtl_alloc alloc;
    cairo_font_face_t *face[2]; /* regular, bold */
    FT_Face letters[2];         /* the same; owned by `face` */
};

static void library_release(struct library *library)
{
    if (--library->users > 0)
        return;
    FT_Done_FreeType(library->ft);
    library->alloc.resize(library->alloc.ctx, library, 0);
}

static int library_open(struct wtl_alloc alloc, struct library **out, struct wtl_error *err)
{
    struct library *library = alloc.resize(alloc.ctx, NULL, sizeof *library);
    if (!library)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory loading the fonts");
    *library = (struct library){.alloc = alloc, .users = 1};
    if (FT_Init_FreeType(&library->ft) != 0) {
        alloc.resize(alloc.ctx, library, 0);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory loading the fonts");
    }
    *out = library;
    return 0;
}

static void face_destroyed(void *data)
{
    FT_Face face = data;
    struct library *library = face->generic.data;
    FT_Done_Face(face);
    library_release(library);
}

static int face_open(struct library *library, const unsigned char *data, unsigned size,
                     cairo_font_face_t **out, FT_Face *letters_out, struct wtl_error *err)
{
    static const cairo_user_data_key_t key;
    FT_Face face;
    if (FT_New_Memory_Face(library->ft, data, (FT_Long)size, 0, &face) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory loading the fonts");
    face->generic.data = library;
    cairo_font_face_t *made = cairo_ft_font_face_create_for_ft_face(face, FT_LOAD_NO_HINTING);
    if (cairo_font_face_set_user_data(made, &key, face, face_destroyed) != CAIRO_STATUS_SUCCESS) {
        cairo_font_face_destroy(made);
        FT_Done_Face(face);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory loading the fonts");
    }
    library->users++;
    *out = made;
    *letters_out = face;
    return 0;
}

int wtl_fonts_open(struct wtl_alloc alloc, struct wtl_fonts **fonts_out, struct wtl_error *err)
{
    struct wtl_fonts *fonts = alloc.resize(alloc.ctx, NULL, sizeof *fonts);
    if (!fonts)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory loading the fonts");
    *fonts = (struct wtl_fonts){.alloc = alloc};
    struct library *library = NULL;
    int rc = library_open(alloc, &library, err);
    if (rc == 0 && library) {
        rc = face_open(library, wtl_font_regular, wtl_font_regular_size, &fonts->face[0],
                       &fonts->letters[0], err);
        if (rc == 0)
            rc = face_open(library, wtl_font_bold, wtl_font_bold_size, &fonts->face[1],
                           &fonts->letters[1], err);
        library_release(library);
    }
    if (rc < 0) {
        wtl_fonts_close(fonts);
        return rc;
    }
    *fonts_out = fonts;
    return 0;
}

void wtl_fonts_close(struct wtl_fonts *fonts)
{
    if (!fonts)
        return;
    for (int i = 0; i < 2; i++)
        if (fonts->face[i])
            cairo_font_face_destroy(fonts->face[i]);
    fonts->alloc.resize(fonts->alloc.ctx, fonts, 0);
}

/* Metrics of the unhinted outline, so that text has one width on every back end. */
static void set_font(struct wtl_canvas *c, struct wtl_font font)
{
    cairo_set_font_face(c->cr, c->fonts->face[font.bold]);
    cairo_set_font_size(c->cr, font.size_pt);
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(c->cr, options);
    cairo_font_options_destroy(options);
}

/* Clean text, what the font has no letter for as "?": a gap would hide that something is there. */
static void clean_line(const struct wtl_canvas *c, const char *text, bool bold, char *line,
                       size_t size)
{
    wtl_utf8_clean(text, line, size);
    FT_Face letters = c->fonts->letters[bold];
    size_t to = 0;
    for (size_t at = 0, n; (n = wtl_utf8_next(line + at)); at += n) {
        if (FT_Get_Char_Index(letters, wtl_utf8_code_point(line + at, n)) == 0) {
            line[to++] = '?';
            continue;
        }
        memmove(line + to, line + at, n);
        to += n;
    }
    line[to] = '\0';
}

static double clean_width(struct wtl_canvas *c, const char *clean)
{
    cairo_text_extents_t extents;
    cairo_text_extents(c->cr, clean, &extents);
    return extents.x_advance;
}

double wtl_canvas_text_width(struct wtl_canvas *c, const char *text, struct wtl_font font)
{
    char clean[LINE_BYTES];
    clean_line(c, text, font.bold, clean, sizeof clean);
    set_font(c, font);
    return clean_width(c, clean);
}

/* Roboto: capitals are 0.711 em high, ascenders of lower-case letters 0.74 em. */
static double baseline_shift(struct wtl_font font)
{
    if (font.valign == WTL_VALIGN_MIDDLE)
        return 0.711 / 2 * font.size_pt;
    return font.valign == WTL_VALIGN_TOP ? 0.74 * font.size_pt : 0;
}

void wtl_canvas_text(struct wtl_canvas *c, double x, double y, const char *text,
                     struct wtl_font font)
{
    char clean[LINE_BYTES];
    clean_line(c, text, font.bold, clean, sizeof clean);
    set_font(c, font);
    double width = font.align == WTL_ALIGN_LEFT ? 0 : clean_width(c, clean);
    cairo_save(c->cr);
    cairo_translate(c->cr, x, y);
    if (font.angle != 0)
        cairo_rotate(c->cr, -font.angle);
    double x0 = font.align == WTL_ALIGN_CENTRE ? -width / 2 : -width;
    double y0 = baseline_shift(font);
    if (font.align == WTL_ALIGN_LEFT)
        x0 = 0;
    if (font.halo && c->format == WTL_CANVAS_SVG) {
        /* Outlines of letters are long: white letters get their seam in svg.c. */
        cairo_set_source_rgba(c->cr, 1, 1, 1, WTL_SVG_HALO_OPACITY);
        cairo_move_to(c->cr, x0, y0);
        cairo_show_text(c->cr, clean);
    } else if (font.halo) {
        cairo_set_source_rgba(c->cr, 1, 1, 1, WTL_SVG_HALO_OPACITY);
        cairo_set_line_width(c->cr, font.size_pt * 0.28);
        cairo_set_dash(c->cr, NULL, 0, 0);
        cairo_move_to(c->cr, x0, y0);
        cairo_text_path(c->cr, clean);
        cairo_stroke(c->cr);
    }
    cairo_set_source_rgb(c->cr, font.color.r, font.color.g, font.color.b);
    cairo_move_to(c->cr, x0, y0);
    cairo_show_text(c->cr, clean);
    cairo_restore(c->cr);
}

/* Whether a word too long for a line may end behind this character. */
static bool joins_words(char c)
{
    return c == '-' || c == '_' || c == '/';
}

/* Bytes of the longest start of `text` that fits; whole words if one does, else parts of a word
 * that a sign joins, else characters, at least one. */
static size_t fitting_bytes(struct wtl_canvas *c, const char *text, struct wtl_font font,
                            double width_pt)
{
    char line[LINE_BYTES];
    size_t at = 0, words = 0, parts = 0, characters = 0;
    for (;;) {
        size_t next = wtl_utf8_next(text + at);
        bool boundary = next == 0 || text[at] == ' ';
        if (at && (boundary || !words)) {
            memcpy(line, text, at);
            line[at] = '\0';
            if (wtl_canvas_text_width(c, line, font) > width_pt)
                break;
            characters = at;
            if (joins_words(text[at - 1]))
                parts = at;
            if (boundary)
                words = at;
        }
        if (next == 0 || at + next >= sizeof line)
            break;
        at += next;
    }
    if (words || parts > characters / 2)
        return words ? words : parts;
    return characters ? characters : wtl_utf8_next(text);
}

int wtl_canvas_wrap(struct wtl_canvas *c, struct wtl_arena *arena, const char *text,
                    struct wtl_font font, double width_pt, const char *const **lines_out,
                    size_t *n_out, struct wtl_error *err)
{
    const char **lines = NULL;
    size_t n = 0, cap = 0;
    while (*text == ' ')
        text++;
    do {
        size_t bytes = fitting_bytes(c, text, font, width_pt);
        char *line = wtl_arena_strndup(arena, text, bytes);
        c->failed = c->failed || !line || wtl_grow(arena, &lines, n, &cap);
        if (c->failed)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory setting text");
        lines[n++] = line;
        text += bytes;
        while (*text == ' ')
            text++;
    } while (*text);
    *lines_out = lines;
    *n_out = n;
    return 0;
}

const char *wtl_canvas_fit(struct wtl_canvas *c, const char *text, struct wtl_font font,
                           double width_pt, char *buf, size_t size)
{
    char clean[LINE_BYTES];
    wtl_utf8_clean(text, clean, sizeof clean);
    wtl_utf8_clean(text, buf, size);
    size_t n = strlen(clean);
    while (n && wtl_canvas_text_width(c, buf, font) > width_pt) {
        do
            n--;
        while (n && ((unsigned char)clean[n] & 0xc0) == 0x80);
        clean[n] = '\0';
        char joined[LINE_BYTES + 4];
        snprintf(joined, sizeof joined, "%s\xe2\x80\xa6", clean);
        wtl_utf8_clean(joined, buf, size);
    }
    return buf;
}
