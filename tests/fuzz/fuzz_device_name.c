/* SPDX-License-Identifier: Apache-2.0
 * What stands behind "faulty:", "virtual:" and "replay:"; nothing is opened. */
#include "fuzz/fuzz.h"

#include "device/faulty/plan.h"
#include "device/replay/replay.h"
#include "device/virtual/virtual.h"

#include <string.h>

static void check_plan(const char *text)
{
    struct wtl_fault_plan plan;
    struct wtl_error err = {0};
    if (wtl_fault_plan_parse(text, &plan, &err) < 0) {
        fuzz_check(err.message[0] != '\0', "a refusal says why");
        return;
    }
    fuzz_check(plan.n >= 0 && plan.n <= WTL_FAULT_RULES, "rules fit");
    struct wtl_fault_progress progress;
    wtl_fault_progress_init(&progress, &plan);
    for (int i = 0; i < 20; i++) {
        unsigned fired =
            wtl_fault_decide(&progress, &plan, (enum wtl_fault_call)(i % WTL_N_CALLS), UINT64_MAX);
        fuzz_check(fired >> plan.n == 0, "only rules of the plan fire");
    }
}

static void check_virtual(const char *text)
{
    struct wtl_virtual_options o;
    struct wtl_error err = {0};
    if (wtl_virtual_parse(text, &o, &err) < 0) {
        fuzz_check(err.message[0] != '\0', "a refusal says why");
        return;
    }
    fuzz_check(o.board[0] != '\0' && o.index >= 0 && o.index < 32, "a board with a number");
    for (int i = 0; i < o.n_loads; i++) {
        fuzz_check(o.load[i].share > 0 && o.load[i].share <= 1, "a share");
        fuzz_check(o.load[i].batch >= 0, "a batch");
        fuzz_check(o.load[i].pattern.on_ms <= o.load[i].pattern.period_ms, "a pattern");
    }
}

static void check_replay(const char *text)
{
    struct wtl_replay_options o;
    struct wtl_error err = {0};
    if (wtl_replay_parse(text, &o, &err) < 0) {
        fuzz_check(err.message[0] != '\0', "a refusal says why");
        return;
    }
    fuzz_check(o.path[0] != '\0' && o.period_ns > 0 && o.speed > 0, "a file with a period");
    fuzz_check(o.stream >= -1 && o.stream < WTL_LIMIT_STREAMS, "a stream");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WTL_ARENA(arena);
    const char *text = wtl_arena_strndup(&arena, (const char *)data, size);
    if (!text)
        return 0;
    check_plan(text);
    check_virtual(text);
    check_replay(text);
    return 0;
}
