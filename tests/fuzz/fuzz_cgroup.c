/* SPDX-License-Identifier: Apache-2.0
 * Where a control group is, and what its quota says: mountinfo, a zero, /proc/self/cgroup, a zero,
 * cpu.max. */
#include "fuzz/fuzz.h"

#include "device/cgroup/cgroup.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wtl_cgroup_place p;
    char *text = malloc(size + 3);
    double cpus = 0, period = 0;
    bool limited = false;
    fuzz_check(text != NULL, "memory");
    memcpy(text, data, size);
    memset(text + size, 0, 3);
    const char *cgroup = text + strlen(text) + (strlen(text) < size);
    const char *max = cgroup + strlen(cgroup) + (cgroup + strlen(cgroup) < text + size);
    if (wtl_cgroup_place(text, cgroup, &p)) {
        fuzz_check(p.path[0] == '/', "the path is one");
        fuzz_check(p.mount[0] != '/' && p.mount[0] != '\0', "the mount is relative");
        fuzz_check(!p.v2 || p.usage[0] == '\0', "version 2 has one hierarchy");
    }
    if (wtl_cgroup_parse_max(max, &limited, &cpus, &period))
        fuzz_check(period >= 1 && (!limited || cpus > 0), "quota and period are above 0");
    free(text);
    return 0;
}
