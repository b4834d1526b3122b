/* SPDX-License-Identifier: Apache-2.0
 * Failures as text and as JSON. */
#include "cli/failure.h"

#include "base/limits.h"
#include "codec/json.h"

#include <string.h>

static json_t *number_or_null(int64_t number)
{
    return number > 0 ? json_integer((json_int_t)number) : json_null();
}

/* Without memory there is none: the text has said it. */
static void print_object(const struct wtl_error *err, int status, FILE *out)
{
    struct wtl_buf line;
    json_auto_t *root = json_pack(
        "{s:{s:s, s:o, s:o, s:i, s:o, s:o, s:o}}", "error", "status", wtl_code_name(err->code),
        "message", wtl_json_text(err->message), "hint", wtl_json_text_or_null(err->hint), "exit",
        status, "file", wtl_json_text_or_null(err->input_file), "line",
        number_or_null(err->input_line), "column", number_or_null(err->input_column));
    wtl_buf_init(&line, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    if (root && wtl_json_write_line(root, &line)) {
        fprintf(out, "%s\n", wtl_buf_str(&line));
        (void)fflush(out);
    }
    wtl_buf_fini(&line);
}

int wtl_show_failure(const struct wtl_error *err, int rc, FILE *json)
{
    int status = wtl_exit_status(rc);
    if (err->code == WTL_OK)
        return status;
    char text[1200];
    wtl_error_format(err, text, sizeof text);
    fprintf(stderr, "%s\n", text);
    if (json && !ferror(json))
        print_object(err, status, json);
    return status;
}

bool wtl_asks_for_json(int argc, const char *const *argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}
