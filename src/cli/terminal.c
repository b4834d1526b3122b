/* SPDX-License-Identifier: Apache-2.0
 * Messages and the progress bar. */
#include "cli/terminal.h"

#include <stdio.h>
#include <string.h>

enum { BAR_WIDTH = 24 };

static void erase_bar(struct wtl_terminal *t)
{
    if (t->drawn)
        fputs("\r\033[K", t->ctx->messages);
    t->drawn = false;
}

static void on_message(void *opaque, enum wtl_log_level level, const char *message)
{
    struct wtl_terminal *t = opaque;
    int verbosity = t->ctx->verbosity;
    if (level == WTL_LOG_DEBUG && verbosity < 1)
        return;
    if (level == WTL_LOG_INFO && verbosity < 0)
        return;
    erase_bar(t);
    fprintf(t->ctx->messages, "%s%s\n", level == WTL_LOG_WARNING ? "warning: " : "", message);
}

static void draw_bar(struct wtl_terminal *t, int64_t done, int64_t total, int64_t bytes,
                     double elapsed)
{
    double share = total > 0 ? (double)done / (double)total : 0;
    int filled = (int)(share * BAR_WIDTH);
    char bar[BAR_WIDTH + 1];
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)filled);
    bar[BAR_WIDTH] = '\0';
    fprintf(t->ctx->messages, "\r\033[K%s [%s] %lld/%lld", t->what, bar, (long long)done,
            (long long)total);
    if (bytes > 0)
        fprintf(t->ctx->messages, "  %.0f MB/s", (double)bytes / elapsed / 1e6);
    if (share > 0)
        fprintf(t->ctx->messages, "  %.0f s left", elapsed * (1 - share) / share);
    fflush(t->ctx->messages);
    t->drawn = true;
}

static void on_progress(void *opaque, const char *what, int64_t done, int64_t total, int64_t bytes)
{
    struct wtl_terminal *t = opaque;
    int64_t now = t->ctx->clock.monotonic_ns(t->ctx->clock.ctx);
    if (strcmp(t->what, what) != 0) {
        erase_bar(t);
        snprintf(t->what, sizeof t->what, "%s", what);
        t->start_ns = now;
        t->last_ns = now;
    }
    bool long_enough = now - t->start_ns > WTL_NS_PER_S / 2;
    bool due = now - t->last_ns > WTL_NS_PER_S / 10;
    if (!t->ctx->terminal || t->ctx->verbosity < 0 || !long_enough || !due || total <= 0)
        return;
    t->last_ns = now;
    draw_bar(t, done, total, bytes, (double)(now - t->start_ns) / 1e9);
}

void wtl_terminal_init(struct wtl_terminal *t, struct wtl_context *ctx)
{
    *t = (struct wtl_terminal){.ctx = ctx};
    ctx->log = (struct wtl_log){.message = on_message, .progress = on_progress, .ctx = t};
}

void wtl_terminal_fini(struct wtl_terminal *t)
{
    erase_bar(t);
}
