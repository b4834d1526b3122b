/* SPDX-License-Identifier: Apache-2.0
 * Tables of arrivals: times ascend and can be played, or there is an error that says something. */
#include "fuzz/fuzz.h"

#include "load/arrival_trace.h"
#include "load/arrivals.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_arrival_trace t = {0};
    int rc = wtl_arrival_trace_parse(&arena, "fuzz", data, size, &t, &err);
    if (rc < 0) {
        fuzz_check(err.message[0] && !t.time_ns && t.n == 0, "a failure says why, and no more");
        return 0;
    }
    fuzz_check(t.n > 0, "a trace has arrivals");
    struct wtl_arrivals a = wtl_arrivals_of_trace(t.time_ns, t.n, 0.5);
    int64_t last = 0, now;
    size_t n = 0;
    for (; wtl_arrivals_next(&a, &now); n++) {
        fuzz_check(now >= last, "arrivals do not descend");
        last = now;
    }
    fuzz_check(n == t.n, "every row is an arrival");
    return 0;
}
