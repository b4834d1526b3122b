/* SPDX-License-Identifier: Apache-2.0
 * What a listener answers to a monitor: whoever holds the socket may send anything. */
#include "fuzz/fuzz.h"

#include "flow/monitor.h"

#include <math.h>
#include <string.h>

static struct wtl_window_result result;

static void check_device(const struct wtl_window_device *d, int with_energy)
{
    fuzz_check(memchr(d->id, '\0', sizeof d->id) != NULL, "an id ends");
    fuzz_check(memchr(d->kind, '\0', sizeof d->kind) != NULL, "a kind ends");
    fuzz_check(d->index >= -1, "a number, or none");
    const struct wtl_energy *e = &d->energy;
    fuzz_check(with_energy || e->method == WTL_ENERGY_NONE, "a list has no energies");
    fuzz_check(isfinite(e->energy_j) && isfinite(e->lo_j) && isfinite(e->hi_j), "finite joules");
    fuzz_check(e->lo_j <= e->energy_j && e->energy_j <= e->hi_j, "an interval is around its value");
    fuzz_check(e->time_s >= 0, "time does not run back");
}

static void check(const uint8_t *data, size_t size, int with_energy)
{
    struct wtl_error err = {0};
    memset(&result, 0, sizeof result);
    const int rc = with_energy ? wtl_window_read_answer((const char *)data, size, &result, &err)
                               : wtl_window_read_devices((const char *)data, size, &result, &err);
    fuzz_check(result.n <= WTL_WINDOW_DEVICES, "no more than there is room for");
    fuzz_check(rc == 0 || err.message[0], "an error says something");
    for (size_t i = 0; i < result.n; i++)
        check_device(&result.device[i], with_energy);
    if (rc < 0)
        return;
    const struct wtl_marker_end end = {.name = "a"};
    json_t *documents[] = {wtl_window_json(&result, &end), wtl_window_devices_json(&result)};
    for (int i = 0; i < 2; i++) {
        fuzz_check(documents[i] != NULL, "what was read can be told");
        json_decref(documents[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= WTL_MARKERS_REPLY)
        return 0;
    check(data, size, 1);
    check(data, size, 0);
    return 0;
}
