/* SPDX-License-Identifier: Apache-2.0
 * The words of a report: its formats in, its files out as JSON. */
#include "flow/report.h"

#include "base/text.h"
#include "codec/json.h"

#include <string.h>

int wtl_report_formats_parse(const char *text, bool formats[WTL_N_CANVAS_FORMATS],
                             struct wtl_error *err)
{
    if (strcmp(text, "none") == 0)
        return 0;
    for (const char *s = text; s; s = strchr(s, ',')) {
        s += *s == ',';
        struct wtl_view word = {.s = s, .n = strcspn(s, ",")};
        int k = 0;
        while (k < WTL_N_CANVAS_FORMATS &&
               !wtl_view_is(word, wtl_canvas_format_name((enum wtl_canvas_format)k)))
            k++;
        if (k == WTL_N_CANVAS_FORMATS)
            return WTL_FAIL(err, WTL_USAGE,
                            "\"%.*s\" is no format of figures: svg, png, pdf or none",
                            word.n > 40 ? 40 : (int)word.n, word.s);
        formats[k] = true;
    }
    return 0;
}

json_t *wtl_report_json(const struct wtl_report_result *r)
{
    json_t *files = json_array(), *notes = json_array();
    for (size_t i = 0; i < r->n_files; i++)
        wtl_json_add(&files, json_pack("{s:s, s:I}", "path", r->files[i].path, "bytes",
                                       (json_int_t)r->files[i].bytes));
    for (size_t i = 0; i < r->n_notes; i++)
        wtl_json_add(&notes, json_string(r->notes[i]));
    return json_pack("{s:o, s:I, s:o}", "files", files, "figures", (json_int_t)r->n_figures,
                     "notes", notes);
}
