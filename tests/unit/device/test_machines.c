/* SPDX-License-Identifier: Apache-2.0
 * The back ends of small files over the recorded trees of tests/machines: what they find, read and
 * say of each is in NAME.txt beside the tree, line by line. */
#include "support/support.h"

#include "base/file.h"
#include "base/text.h"
#include "device/backend.h"
#include "device/knob.h"
#include "device/sysfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t now;

static void put_knob(struct wtl_device *d, enum wtl_knob knob, struct wtl_buf *out)
{
    WTL_ARENA(arena);
    struct wtl_knob_state state;
    struct wtl_knob_range range;
    struct wtl_error err = {0};
    char text[WTL_KNOB_TEXT];
    assert_ok(wtl_device_knob(d, knob, &state, &err), &err);
    assert_ok(wtl_device_knob_range(d, knob, &arena, &range, &err), &err);
    wtl_buf_printf(out, "    knob %s: %s", wtl_knob_info(knob)->name,
                   wtl_knob_format(knob, state.requested, text));
    if (state.has_enforced)
        wtl_buf_printf(out, ", enforced %g", state.enforced);
    wtl_buf_printf(out, ", range %g to %g", range.min, range.max);
    if (range.has_default)
        wtl_buf_printf(out, ", default %g", range.default_value);
    for (size_t i = 0; i < range.n_steps; i++)
        wtl_buf_printf(out, "%s%g", i ? " " : ", steps ", range.steps[i]);
    wtl_buf_puts(out, "\n");
}

static void put_reading(struct wtl_device *d, struct wtl_buf *out)
{
    static const char *const words[] = {"", "unsupported", "denied", "not yet", "failed", "lost"};
    const struct wtl_device_info *info = wtl_device_info(d);
    struct wtl_reading r;
    struct wtl_error err = {0};
    int rc = wtl_device_read(d, UINT64_MAX, &r, &err);
    if (rc < 0) {
        wtl_buf_printf(out, "    error %d: %s\n", -rc, err.message);
        return;
    }
    for (int m = 0; m < (int)WTL_N_METRICS; m++) {
        char value[WTL_DOUBLE_TEXT];
        bool has = wtl_reading_has(&r, (enum wtl_metric)m);
        if (!((info->sensors >> m) & 1) && !has)
            continue;
        assert_true((info->sensors >> m) & 1); /* nothing is read that was not announced */
        wtl_buf_printf(out, "    %s %s", wtl_metric_info((enum wtl_metric)m)->name,
                       has ? wtl_format_double(r.value[m], value) : words[r.absence[m]]);
        if (info->sensor[m].wraps_at > 0)
            wtl_buf_printf(out, ", wraps at %g", info->sensor[m].wraps_at);
        wtl_buf_puts(out, "\n");
    }
}

static void put_device(struct wtl_machine *m, size_t i, struct wtl_buf *out)
{
    struct wtl_device *d = wtl_machine_device(m, i);
    const struct wtl_device_info *info = wtl_device_info(d);
    wtl_buf_printf(out, "%s: %s \"%s\", %s", info->id, wtl_device_kind_name(info->kind), info->name,
                   info->driver);
    if (info->pci[0])
        wtl_buf_printf(out, ", %s, number %d", info->pci, info->index);
    if (info->parent >= 0)
        wtl_buf_printf(out, ", in %s",
                       wtl_device_info(wtl_machine_device(m, (size_t)info->parent))->id);
    wtl_buf_puts(out, "\n");
    put_reading(d, out);
    for (int k = 0; k < (int)WTL_N_KNOBS; k++)
        if (info->knobs & WTL_KNOB_BIT(k))
            put_knob(d, (enum wtl_knob)k, out);
    assert_int_equal(info->writable, 0); /* nothing is set in a recorded tree */
}

/* All that is to be known of a machine. */
static void describe(const char *root, struct wtl_buf *out)
{
    static const char *const levels[] = {"ok", "note", "lack", "problem"};
    const struct wtl_machine_options options = {
        .clock = wtl_clock_fixed(&now), .root = root, .nvml = ""};
    struct wtl_machine *m = NULL;
    struct wtl_error err = {0};
    size_t n = 0;
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &m, &err), &err);
    for (size_t i = 0; i < wtl_machine_count(m); i++)
        put_device(m, i, out);
    const struct wtl_finding *f = wtl_machine_findings(m, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(f[i].subject, "nvml") == 0) /* not of these back ends */
            continue;
        wtl_buf_printf(out, "%s %s: %s\n", levels[f[i].level], f[i].subject, f[i].text);
        if (f[i].fix[0])
            wtl_buf_printf(out, "    fix: %s\n", f[i].fix);
    }
    wtl_machine_close(m);
}

static void compare(const char *name)
{
    WTL_ARENA(arena);
    char relative[128], path[4096], want_path[4104];
    struct wtl_error err = {0};
    struct wtl_buf out;
    char *want = NULL;
    size_t n = 0;
    wtl_buf_init(&out, wtl_alloc_system(), 1 << 20);
    snprintf(relative, sizeof relative, "tests/machines/%s", name);
    snprintf(path, sizeof path, "%s", source_path(relative));
    snprintf(want_path, sizeof want_path, "%s.txt", path);
    describe(path, &out);
    if (getenv("WATTLE_UPDATE_EXPECTED")) /* then look at the difference */
        write_text(want_path, wtl_buf_str(&out));
    assert_ok(wtl_file_read(&arena, want_path, 1 << 20, &want, &n, &err), &err);
    assert_string_equal(wtl_buf_str(&out), want);
    wtl_buf_fini(&out);
}

#define MACHINE(function, name)                                                                    \
    static void function(void **state)                                                             \
    {                                                                                              \
        (void)state;                                                                               \
        compare(name);                                                                             \
    }
MACHINE(dual_xeon, "xeon-2s")
MACHINE(dual_xeon_of_a_user, "xeon-2s-user")
MACHINE(dual_xeon_by_perf, "xeon-perf")
MACHINE(dual_epyc, "epyc-2s")
MACHINE(amd_gpus, "amd-gpus")
MACHINE(intel_gpus, "intel-gpus")
MACHINE(grace_and_cray, "grace-cray")

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dual_xeon),         cmocka_unit_test(dual_xeon_of_a_user),
        cmocka_unit_test(dual_xeon_by_perf), cmocka_unit_test(dual_epyc),
        cmocka_unit_test(amd_gpus),          cmocka_unit_test(intel_gpus),
        cmocka_unit_test(grace_and_cray),
    };
    return cmocka_run_group_tests_name("device/machines", tests, NULL, NULL);
}
