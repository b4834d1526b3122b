/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/nvml_fixture.h"

#include "base/file.h"
#include "tests/support/support.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Strikes a NUL-delimited name wherever it stands. */
static void strike(char *data, size_t size, const char *name)
{
    size_t n = strlen(name) + 1;
    bool found = false;
    for (size_t i = 1; i + n <= size; i++)
        if (data[i - 1] == '\0' && memcmp(data + i, name, n) == 0) {
            data[i] = '-';
            found = true;
        }
    assert_true(found);
}

void nvml_fixture_load(struct nvml_fixture *f, const char *folder, const char *const *hidden)
{
    WTL_ARENA(arena);
    char source[4096], *data;
    size_t size;
    struct wtl_error err;
    *f = (struct nvml_fixture){.now_ns = 1000000000};
    snprintf(source, sizeof source, "%s/tests/libfake-nvml.so", getenv("WATTLE_BUILD"));
    snprintf(f->path, sizeof f->path, "%s/libnvidia-ml.so.1", in_test_directory(folder));
    assert_ok(wtl_file_read(&arena, source, 64 << 20, &data, &size, &err), &err);
    for (; hidden && *hidden; hidden++)
        strike(data, size, *hidden);
    write_file(f->path, data, size);
    f->handle = dlopen(f->path, RTLD_NOW | RTLD_LOCAL);
    if (!f->handle)
        fail_msg("%s", dlerror());
    struct fake_nvml *(*state)(void);
    void *address = dlsym(f->handle, "fake_nvml_state");
    assert_non_null(address);
    memcpy(&state, &address, sizeof address);
    f->fake = state();
    f->fake->n_gpus = 1;
    f->fake->gpu[0] = fake_a100();
}

void nvml_fixture_unload(struct nvml_fixture *f)
{
    nvml_fixture_close(f);
    assert_int_equal(f->fake->inits, 0);
    assert_int_equal(f->fake->gpm_samples, 0);
    dlclose(f->handle);
}

static int64_t monotonic(void *ctx)
{
    return ((struct nvml_fixture *)ctx)->now_ns;
}

static int64_t wall(void *ctx)
{
    (void)ctx;
    return INT64_C(1800000000) * WTL_NS_PER_S;
}

int nvml_fixture_try(struct nvml_fixture *f, struct wtl_alloc alloc, struct wtl_error *err)
{
    struct wtl_machine_options options = {
        .clock = {.monotonic_ns = monotonic, .wall_ns = wall, .ctx = f},
        .nvml = f->path[0] ? f->path : NULL,
        .only = f->only,
        .files = f->files,
    };
    return wtl_machine_open(alloc, &options, &f->machine, err);
}

void nvml_fixture_open(struct nvml_fixture *f)
{
    struct wtl_error err;
    assert_ok(nvml_fixture_try(f, wtl_alloc_system(), &err), &err);
}

void nvml_fixture_close(struct nvml_fixture *f)
{
    wtl_machine_close(f->machine);
    f->machine = NULL;
}

struct wtl_device *nvml_fixture_device(const struct nvml_fixture *f, size_t i)
{
    assert_true(i < wtl_machine_count(f->machine));
    return wtl_machine_device(f->machine, i);
}

bool nvml_fixture_finds(const struct nvml_fixture *f, enum wtl_finding_level level,
                        const char *text)
{
    size_t n;
    const struct wtl_finding *findings = wtl_machine_findings(f->machine, &n);
    for (size_t i = 0; i < n; i++)
        if (findings[i].level == level &&
            (strstr(findings[i].text, text) || strstr(findings[i].fix, text)))
            return true;
    return false;
}

/* ---- GPUs ------------------------------------------------------------------------------------ */

struct fake_field *fake_field(struct fake_gpu *g, uint32_t field, uint32_t scope)
{
    for (unsigned i = 0; i < g->n_fields; i++)
        if (g->field[i].field == field && g->field[i].scope == scope)
            return &g->field[i];
    assert_true(g->n_fields < FAKE_FIELDS);
    g->field[g->n_fields] = (struct fake_field){.field = field, .scope = scope};
    return &g->field[g->n_fields++];
}

void fake_no_field(struct fake_gpu *g, uint32_t field)
{
    for (unsigned i = 0; i < g->n_fields; i++)
        if (g->field[i].field == field)
            g->field[i] = g->field[--g->n_fields];
}

static void add_uint(struct fake_gpu *g, uint32_t field, unsigned value, int64_t t_us)
{
    struct fake_field *f = fake_field(g, field, 0);
    f->type = NVML_VALUE_UINT;
    f->value.u = value;
    f->timestamp_us = t_us;
}

static void add_ull(struct fake_gpu *g, uint32_t field, uint64_t value, int64_t t_us)
{
    struct fake_field *f = fake_field(g, field, 0);
    f->type = NVML_VALUE_ULONG_LONG;
    f->value.ull = value;
    f->timestamp_us = t_us;
}

static void add_clocks(struct fake_gpu *g, unsigned low, unsigned high, unsigned step)
{
    g->n_sm_clocks = 0;
    for (unsigned mhz = high; mhz >= low && g->n_sm_clocks < FAKE_LIST; mhz -= step)
        g->sm_clocks[g->n_sm_clocks++] = mhz; /* as NVML lists them: from the highest */
}

struct fake_gpu fake_a100(void)
{
    struct fake_gpu g = {
        .name = "NVIDIA A100-PCIE-40GB",
        .uuid = "GPU-aaaaaaaa-0000-1111-2222-333333333333",
        .bus = 0x3b,
        .architecture = NVML_ARCH_AMPERE,
        .capability_major = 8,
        .persistence = 1,
        .restricted = 1,
        .power_mw = 201500,
        .limit_mw = 230000,
        .enforced_mw = 220000,
        .min_mw = 150000,
        .max_mw = 250000,
        .default_mw = 250000,
        .energy_mj = 7654321000,
        .reasons = NVML_REASON_SW_POWER_CAP | NVML_REASON_SW_THERMAL,
        .clock_mhz = {1110, 1125, 1215, 1000},
        .pstate = 2,
        .util_gpu = 97,
        .util_memory = 43,
        .encoder = 11,
        .decoder = 12,
        .fan = 30,
        .temp_c = 61,
        .memory = {.total = 40000000000,
                   .reserved = 500000000,
                   .free = 30000000000,
                   .used = 9500000000},
        .violation_ns = {111, 222},
        .events = NVML_EVENT_XID | NVML_EVENT_CLOCK,
        .mem_clocks = {1215, 810},
        .n_mem_clocks = 2,
    };
    add_clocks(&g, 1110, 1410, 15);
    add_uint(&g, NVML_FIELD_POWER_INSTANT, 203250, 1800000000000100);
    add_ull(&g, NVML_FIELD_TOTAL_ENERGY, 7654321987, 1800000000000200);
    add_uint(&g, NVML_FIELD_POWER_REQUESTED_LIMIT, 230000, 1800000000000300);
    add_uint(&g, NVML_FIELD_POWER_CURRENT_LIMIT, 220000, 1800000000000300);
    add_uint(&g, NVML_FIELD_MEMORY_TEMP, 72, 1800000000000400);
    add_ull(&g, NVML_FIELD_POWER_VIOLATION, 5000000123, 1800000000000500);
    add_ull(&g, NVML_FIELD_THERMAL_VIOLATION, 42, 1800000000000500);
    for (unsigned i = 0; i < 5; i++) {
        g.ring[NVML_SAMPLES_TOTAL_POWER][i].timestamp_us = 1000000 + 20000 * i;
        g.ring[NVML_SAMPLES_TOTAL_POWER][i].value.u = 200000 + 1000 * i;
    }
    g.n_ring[NVML_SAMPLES_TOTAL_POWER] = 5;
    return g;
}

struct fake_gpu fake_v100(void)
{
    struct fake_gpu g = fake_a100();
    snprintf(g.name, sizeof g.name, "Tesla V100-PCIE-32GB");
    snprintf(g.uuid, sizeof g.uuid, "GPU-bbbbbbbb-0000-1111-2222-333333333333");
    g.architecture = NVML_ARCH_VOLTA;
    g.capability_major = 7;
    fake_no_field(&g, NVML_FIELD_POWER_INSTANT);
    fake_no_field(&g, NVML_FIELD_POWER_REQUESTED_LIMIT);
    fake_no_field(&g, NVML_FIELD_POWER_CURRENT_LIMIT);
    return g;
}

struct fake_gpu fake_3080ti(void)
{
    struct fake_gpu g = fake_a100();
    snprintf(g.name, sizeof g.name, "NVIDIA GeForce RTX 3080 Ti");
    snprintf(g.uuid, sizeof g.uuid, "GPU-cccccccc-0000-1111-2222-333333333333");
    g.capability_minor = 6;
    add_uint(&g, NVML_FIELD_POWER_AVERAGE, 190000, 1800000000000100);
    return g;
}

struct fake_gpu fake_h100(void)
{
    struct fake_gpu g = fake_3080ti();
    snprintf(g.name, sizeof g.name, "NVIDIA H100 NVL");
    snprintf(g.uuid, sizeof g.uuid, "GPU-dddddddd-0000-1111-2222-333333333333");
    g.architecture = NVML_ARCH_HOPPER;
    g.capability_major = 9;
    g.capability_minor = 0;
    g.gpm = true;
    g.gpm_value = 50;
    return g;
}

void fake_mig(struct fake_nvml *fake)
{
    fake->n_gpus = 1;
    fake->gpu[0] = fake_h100();
    fake->gpu[0].mig = 1;
    fake->gpu[0].n_slices = 4;
    memcpy(fake->gpu[0].slice, (int[]){2, -1, 3, -1}, 4 * sizeof(int));
    for (unsigned i = 2; i < 4; i++) {
        struct fake_gpu *g = &fake->gpu[i];
        *g = (struct fake_gpu){.gpu_instance = i == 2 ? 1 : 5, .compute_instance = 0};
        snprintf(g->name, sizeof g->name, "NVIDIA H100 NVL MIG 3g.47gb");
        snprintf(g->uuid, sizeof g->uuid, "MIG-eeeeeee%u-0000-1111-2222-333333333333", i);
        g->memory.total = 47000000000;
        g->memory.free = 46000000000;
        g->memory.used = 1000000000 * i;
    }
}
