/* SPDX-License-Identifier: Apache-2.0
 *
 * All back ends of small files over a tree of the fuzzer's making. A line is a file, "PATH TEXT",
 * with "\n" for a line end in TEXT. Whatever stands there: devices or findings come out, values are
 * finite, ids are words.
 */
#include "fuzz/fuzz.h"

#include "base/limits.h"
#include "codec/tar.h"
#include "device/device.h"
#include "device/sysfs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void add_file(struct wtl_buf *tar, const char *line, size_t n)
{
    char path[WTL_TAR_PATH], text[4200];
    struct wtl_error ignored;
    const char *blank = memchr(line, ' ', n);
    size_t k = 0, path_n = blank ? (size_t)(blank - line) : n;
    if (path_n == 0 || path_n >= sizeof path || memchr(line, 0, n))
        return;
    memcpy(path, line, path_n);
    path[path_n] = '\0';
    for (size_t i = path_n + 1; i < n && k < sizeof text; i++) {
        bool end = line[i] == '\\' && i + 1 < n && line[i + 1] == 'n';
        text[k++] = end ? '\n' : line[i];
        i += end;
    }
    (void)wtl_tar_add(tar, path, text, k, &ignored);
}

static void check_device(struct wtl_device *d)
{
    WTL_ARENA(arena);
    const struct wtl_device_info *info = wtl_device_info(d);
    struct wtl_reading r;
    struct wtl_error err = {0};
    struct wtl_knob_state state;
    struct wtl_knob_range range;
    fuzz_check(info->id[0] && !strchr(info->id, '\n'), "an id is a word");
    fuzz_check(info->writable == 0, "nothing is set in a recorded tree");
    if (wtl_device_read(d, UINT64_MAX, &r, &err) == 0)
        for (int m = 0; m < (int)WTL_N_METRICS; m++)
            fuzz_check(!wtl_reading_has(&r, (enum wtl_metric)m) || isfinite(r.value[m]), "finite");
    else
        fuzz_check(err.message[0] != '\0', "errors say why");
    for (int k = 0; k < (int)WTL_N_KNOBS; k++) {
        if (!(info->knobs & WTL_KNOB_BIT(k)))
            continue;
        if (wtl_device_knob(d, (enum wtl_knob)k, &state, &err) == 0 && state.known &&
            !state.requested.released)
            fuzz_check(isfinite(state.requested.lo) && state.requested.lo <= state.requested.hi,
                       "a range has its ends in order");
        if (wtl_device_knob_range(d, (enum wtl_knob)k, &arena, &range, &err) == 0)
            fuzz_check(isfinite(range.min) && isfinite(range.max), "finite ends");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WTL_ARENA(arena);
    static int64_t now;
    struct wtl_buf tar;
    struct wtl_sysfs *files = NULL;
    struct wtl_machine *machine = NULL;
    struct wtl_error err = {0};
    wtl_buf_init(&tar, wtl_alloc_system(), 64 << 20);
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t n = end ? (size_t)(end - data) - at : size - at;
        add_file(&tar, (const char *)data + at, n);
        at += n + 1;
    }
    wtl_tar_end(&tar);
    int rc = wtl_sysfs_open_archive(&arena, "fuzz", tar.data, tar.len, &files, &err);
    fuzz_check(rc == 0 || err.message[0], "errors say why");
    const struct wtl_machine_options options = {
        .clock = wtl_clock_fixed(&now), .files = files, .nvml = ""};
    if (rc == 0 && wtl_machine_open(wtl_alloc_system(), &options, &machine, &err) == 0)
        for (size_t i = 0; i < wtl_machine_count(machine); i++)
            check_device(wtl_machine_device(machine, i));
    wtl_machine_close(machine);
    wtl_sysfs_close(files);
    wtl_buf_fini(&tar);
    return 0;
}
