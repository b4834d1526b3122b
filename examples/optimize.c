/* SPDX-License-Identifier: Apache-2.0
 *
 * Imports traces or tables into a campaign and prints the plan: the clock with the least
 * energy-delay product that is at most 5 % slower.
 *
 *   cc optimize.c $(pkg-config --cflags --libs wattle) -o optimize
 *   ./optimize CAMPAIGN PATH...
 */
#include <stdio.h>

#include <wattle/wattle.h>

static const char policy[] = "name: example\n"
                             "defaults:\n"
                             "  objective: edp\n"
                             "  max_slowdown: 5%\n";

static void say(void *ctx, int level, const char *text)
{
    (void)ctx;
    if (level == WTL_MESSAGE_WARNING)
        fprintf(stderr, "warning: %s\n", text);
}

static int fail(const struct wtl_error *err)
{
    fprintf(stderr, "%s\n%s%s%s", err->message, err->hint[0] ? "hint: " : "", err->hint,
            err->hint[0] ? "\n" : "");
    return 1;
}

int main(int argc, char **argv)
{
    struct wtl_error err;
    char *plan = NULL;
    if (argc < 3) {
        fprintf(stderr, "usage: %s CAMPAIGN PATH...\n", argv[0]);
        return 2;
    }
    const struct wtl_observer observer = {.size = sizeof observer, .message = say};
    const struct wtl_import_args import = {.size = sizeof import, .observer = &observer};
    if (wtl_import(argv[1], (const char *const *)argv + 2, (size_t)(argc - 2), &import, NULL,
                   &err) < 0)
        return fail(&err);

    const struct wtl_optimize_args optimize = {
        .size = sizeof optimize, .observer = &observer, .policy_yaml = policy};
    if (wtl_optimize(argv[1], &optimize, &plan, &err) < 0)
        return fail(&err);
    int rc = fputs(plan, stdout) < 0;
    wtl_free(plan);
    return rc;
}
