/* SPDX-License-Identifier: Apache-2.0
 * Quoting: names of workloads and GPUs come from traces and may hold anything. */
#include "deploy/internal.h"

#include <string.h>

static bool is_plain(const char *text)
{
    for (; *text; text++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._+-", *text))
            return false;
    return true;
}

void wtl_quote_shell(const char *text, struct wtl_buf *out)
{
    if (is_plain(text)) {
        wtl_buf_printf(out, "'%s'", text);
        return;
    }
    wtl_buf_puts(out, "$'");
    for (; *text; text++) {
        char one[2] = {*text, '\0'};
        if (is_plain(one))
            wtl_buf_putc(out, *text);
        else
            wtl_buf_printf(out, "\\%03o", (unsigned)(unsigned char)*text);
    }
    wtl_buf_putc(out, '\'');
}

void wtl_quote_systemd_program(const char *path, struct wtl_buf *out)
{
    wtl_buf_putc(out, '"');
    for (; *path; path++) {
        unsigned char c = (unsigned char)*path;
        if (c == '%')
            wtl_buf_puts(out, "%%");
        else if (c == '"' || c == '\\')
            wtl_buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            wtl_buf_printf(out, "\\x%02x", c);
        else
            wtl_buf_putc(out, (char)c);
    }
    wtl_buf_putc(out, '"');
}

void wtl_quote_plain(const char *text, struct wtl_buf *out)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        wtl_buf_putc(out, c < 0x20 || c == 0x7f || c == '`' ? '?' : (char)c);
    }
}
