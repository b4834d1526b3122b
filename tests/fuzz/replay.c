/* SPDX-License-Identifier: Apache-2.0
 * Runs every file of a folder through a fuzz target, without libFuzzer: `replay-NAME FOLDER`.
 * TAP: one line a file; a broken promise aborts. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/limits.h"

static int replay_file(void *ctx, const char *path, int64_t size, struct wtl_error *err)
{
    int *n = ctx;
    (void)size;
    WTL_ARENA(arena);
    char *data = NULL;
    size_t length = 0;
    int rc = wtl_file_read(&arena, path, WTL_LIMIT_DOCUMENT_BYTES, &data, &length, err);
    if (rc != 0)
        return rc;
    /* in memory of its exact size, so that sanitizers see the first byte too many */
    uint8_t *copy = malloc(length ? length : 1);
    if (!copy)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < length; i++)
        copy[i] = (uint8_t)data[i];
    LLVMFuzzerTestOneInput(copy, length);
    LLVMFuzzerTestOneInput(copy, length / 2); /* and cut in half */
    free(copy);
    printf("ok %d - %s\n", ++*n, wtl_path_base(path));
    return 0;
}

int main(int argc, char **argv)
{
    int n = 0;
    struct wtl_error err = {0};
    for (int i = 1; i < argc; i++)
        if (wtl_walk(argv[i], replay_file, &n, &err) != 0) {
            char text[1024];
            wtl_error_format(&err, text, sizeof text);
            fprintf(stderr, "%s\n", text);
            return 1;
        }
    printf("1..%d\n", n);
    return n ? 0 : 1; /* an empty corpus tests nothing */
}
