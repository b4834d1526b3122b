/* SPDX-License-Identifier: Apache-2.0
 * Quoting: names of workloads and GPUs come from traces and may hold anything. */
#include "deploy/internal.h"

void wtl_quote_shell(const char *text, struct wtl_buf *out)
{
    wtl_buf_putc(out, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            wtl_buf_puts(out, "'\\''");
        else
            wtl_buf_putc(out, *text);
    }
    wtl_buf_putc(out, '\'');
}

void wtl_quote_systemd(const char *text, struct wtl_buf *out)
{
    wtl_buf_putc(out, '"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '%' || c == '$')
            wtl_buf_printf(out, "%c%c", c, c);
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
