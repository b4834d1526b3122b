/* SPDX-License-Identifier: Apache-2.0
 *
 * Two kinds of work marked as windows, and the energy of each. By itself it measures the devices
 * that are named (all of them when none is); under `wattle stat` that command does, and this
 * program's windows stand in its summary, too.
 *
 *   cc windows.c $(pkg-config --cflags --libs wattle) -o windows
 *   ./windows [DEVICE...]
 *   wattle stat -- ./windows
 */
#include <stdio.h>
#include <time.h>

#include <wattle/wattle.h>

static int fail(const struct wtl_error *err)
{
    fprintf(stderr, "%s\n%s%s%s", err->message, err->hint[0] ? "hint: " : "", err->hint,
            err->hint[0] ? "\n" : "");
    return 1;
}

/* Stands for real work. */
static void batch(void)
{
    const clock_t begin = clock();
    while (clock() - begin < CLOCKS_PER_SEC / 20)
        ;
}

int main(int argc, char **argv)
{
    struct wtl_error err;
    struct wtl_monitor *monitor = NULL;
    char *json = NULL;
    const struct wtl_monitor_args args = {.size = sizeof args,
                                          .ids = (const char *const *)argv + 1,
                                          .n_ids = argc > 1 ? (size_t)(argc - 1) : 0};
    if (wtl_monitor_open(&args, &monitor, &err) < 0)
        return fail(&err);

    int rc = wtl_window_begin(monitor, "all", &err);
    for (int i = 0; i < 10 && rc == 0; i++) {
        /* Marks alone: a microsecond each. */
        const struct wtl_window_end_args images = {
            .size = sizeof images, .work = 8, .unit = "images"};
        rc = wtl_window_begin(monitor, "batch", &err);
        batch();
        if (rc == 0)
            rc = wtl_window_end(monitor, "batch", &images, NULL, &err);
    }
    const struct wtl_window_end_args end = {
        .size = sizeof end, .flags = WTL_WINDOW_SETTLED, .work = 80, .unit = "images"};
    if (rc == 0)
        rc = wtl_window_end(monitor, "all", &end, &json, &err);
    if (rc == 0) {
        rc = fputs(json, stdout) < 0;
        wtl_free(json);
    } else {
        rc = fail(&err);
    }
    wtl_monitor_close(monitor);
    return rc;
}
