/* SPDX-License-Identifier: Apache-2.0
 * Policy files, board files and lists of clocks. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "board/board_file.h"
#include "core/clocks.h"
#include "store/policy_file.h"

static void check_clocks(const struct wtl_clocks *c)
{
    fuzz_check(c->n > 0, "a list is not empty");
    for (size_t i = 0; i < c->n; i++) {
        fuzz_check(c->mhz[i] > 0, "clocks are positive");
        fuzz_check(i == 0 || c->mhz[i] > c->mhz[i - 1], "clocks ascend");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WTL_ARENA(arena);
    struct wtl_policy_file file;
    struct wtl_board board;
    struct wtl_clocks clocks;
    struct wtl_error err = {0};
    char *text = wtl_arena_strndup(&arena, (const char *)data, size);
    if (!text)
        return 0;
    if (wtl_policy_file_parse(&arena, (const char *)data, size, "fuzz", &file, &err) == 0) {
        struct wtl_policy policy = wtl_policy_default();
        fuzz_check(wtl_policy_file_apply(&file, "A100", "llama", NULL, &policy, NULL, &err) == 0,
                   "a good file applies");
        fuzz_check(policy.confidence > 0 && policy.confidence < 1, "confidence is a share");
        fuzz_check(policy.n_slo >= 0 && policy.n_slo <= WTL_SLO_MAX, "latencies fit");
    } else {
        fuzz_check(err.message[0] != '\0', "errors say why");
    }
    if (wtl_board_parse(&arena, (const char *)data, size, "fuzz", &board, NULL) == 0)
        check_clocks(&board.clocks);
    if (wtl_clocks_parse(&arena, text, &clocks, NULL) == 0)
        check_clocks(&clocks);
    return 0;
}
