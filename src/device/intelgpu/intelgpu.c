/* SPDX-License-Identifier: Apache-2.0
 *
 * Intel GPUs through the files of i915 and xe (Linux ABI/testing/sysfs-driver-intel-i915-hwmon and
 * sysfs-driver-intel-xe-hwmon; frequencies: drivers/gpu/drm/xe/xe_gt_freq.c,
 * i915/gt/intel_gt_sysfs_pm.c). Power is not given, energy is: in uJ, for the card or for its
 * package. The engines' busy time and the use of memory come from perf and from clients' fdinfo,
 * not from files: not read here.
 *
 * A card that sleeps (runtime power management) is not woken. Knobs are not offered yet: see
 * docs/devices.md.
 */
#include "device/drm.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define MICRO 1e6 /* of them make one */
#define MILLI 1e3

struct gpu {
    char id[WTL_LIMIT_NAME];
    struct wtl_sysfs_dir dir; /* sys/class/drm/cardN */
    struct wtl_sysfs_dir hwmon;
    bool xe;
    char energy[24], limit[24], temp[24], mem_temp[24]; /* files of hwmon; "": none */
    uint64_t sensors;                                   /* claimed */
    uint64_t answered; /* of those, the ones that were ever there */
};

/* ---- Reading ----------------------------------------------------------------------------------*/

static const struct {
    const char *name;
    unsigned bit;
} reasons[] = {
    {"pl1", WTL_DRM_REASON_POWER_CAP},      {"pl2", WTL_DRM_REASON_POWER_CAP},
    {"pl4", WTL_DRM_REASON_POWER_CAP},      {"thermal", WTL_DRM_REASON_THERMAL},
    {"ratl", WTL_DRM_REASON_THERMAL},       {"vr_thermalert", WTL_DRM_REASON_HW_THERMAL},
    {"vr_tdc", WTL_DRM_REASON_HW_SLOWDOWN}, {"prochot", WTL_DRM_REASON_HW_THERMAL},
};
enum { N_REASONS = sizeof reasons / sizeof reasons[0], REASON_FILE = 80 };

/* A file per reason that holds 1 while it applies; the xe driver and i915 prefix them differently.
 */
static const char *reason_file(const struct gpu *g, int i, char file[REASON_FILE])
{
    snprintf(file, REASON_FILE, "%s%s",
             g->xe ? "device/tile0/gt0/freq0/throttle/reason_" : "gt/gt0/throttle_reason_",
             reasons[i].name);
    return file;
}

static enum wtl_absence read_reasons(const struct gpu *g, double *bits_out)
{
    unsigned bits = 0;
    enum wtl_absence absence = WTL_ABSENT_UNSUPPORTED;
    for (int i = 0; i < N_REASONS; i++) {
        char file[REASON_FILE];
        double value = 0;
        enum wtl_absence a = wtl_sysfs_number(&g->dir, reason_file(g, i, file), &value);
        if (a == WTL_PRESENT && value > 0)
            bits |= reasons[i].bit;
        if (a == WTL_PRESENT || absence == WTL_ABSENT_UNSUPPORTED)
            absence = a;
    }
    *bits_out = bits;
    return absence;
}

/* Files of the graphics clock, the best first; NULL ends them. */
static const char *const *clock_files(const struct gpu *g)
{
    static const char *const xe[] = {"device/tile0/gt0/freq0/act_freq", NULL};
    static const char *const i915[] = {"gt/gt0/rps_act_freq_mhz", "gt_act_freq_mhz", NULL};
    return g->xe ? xe : i915;
}

static void read_clocks(const struct gpu *g, uint64_t wanted, struct wtl_reading *out)
{
    for (const char *const *file = clock_files(g); *file; file++) {
        wtl_sysfs_sense(&g->dir, *file, 1, WTL_M_sm_clock_mhz, wanted, out);
        wtl_sysfs_sense(&g->dir, *file, 1, WTL_M_gr_clock_mhz, wanted, out);
    }
}

static void read_limit(const struct gpu *g, uint64_t wanted, struct wtl_reading *out)
{
    double uw = 0;
    if (!g->limit[0] || !(wanted & WTL_METRIC_BIT(WTL_M_power_limit_w)))
        return;
    enum wtl_absence a = wtl_sysfs_number(&g->hwmon, g->limit, &uw);
    if (a == WTL_PRESENT && uw <= 0) /* 0: the limit is switched off */
        a = WTL_ABSENT_NOT_YET;
    wtl_reading_set(out, WTL_M_power_limit_w, wanted, a, uw / MICRO);
}

static void read_all(const struct gpu *g, uint64_t wanted, struct wtl_reading *out)
{
    double bits = 0;
    if (g->energy[0])
        wtl_sysfs_sense(&g->hwmon, g->energy, MICRO, WTL_M_energy_counter_j, wanted, out);
    if (g->temp[0])
        wtl_sysfs_sense(&g->hwmon, g->temp, MILLI, WTL_M_temp_c, wanted, out);
    if (g->mem_temp[0])
        wtl_sysfs_sense(&g->hwmon, g->mem_temp, MILLI, WTL_M_mem_temp_c, wanted, out);
    read_limit(g, wanted, out);
    read_clocks(g, wanted, out);
    if (wanted & WTL_METRIC_BIT(WTL_M_event_reasons)) {
        enum wtl_absence a = read_reasons(g, &bits);
        wtl_reading_set(out, WTL_M_event_reasons, wanted, a, bits);
    }
}

static int gpu_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    struct gpu *g = state;
    wanted &= g->sensors;
    if (wtl_drm_suspended(&g->dir)) {
        wtl_drm_all_not_yet(wanted, g->sensors, out);
        return 0;
    }
    read_all(g, wanted, out);
    return wtl_drm_read_done(&g->dir, g->sensors, &g->answered, wanted, g->id, out, err);
}

static void gpu_close(void *state)
{
    struct gpu *g = state;
    wtl_sysfs_dir_close(&g->dir);
    wtl_sysfs_dir_close(&g->hwmon);
}

static const struct wtl_sensor_ops sensors = {.read = gpu_read, .close = gpu_close};

/* ---- Finding ----------------------------------------------------------------------------------*/

/* The channel labelled so, else the first of those that have no label. */
static void choose(const struct gpu *g, const char *what, const char *label, const char *suffix,
                   int unlabelled, char file[24])
{
    int n = wtl_drm_channel(&g->hwmon, what, label);
    if (n == 0)
        n = unlabelled;
    snprintf(file, 24, "%s%d%s", what, n, suffix);
    if (n == 0 || !wtl_sysfs_exists(&g->hwmon, file))
        file[0] = '\0';
}

static void look_at_hwmon(struct gpu *g)
{
    choose(g, "energy", "card", "_input", 1, g->energy);
    if (!g->energy[0])
        choose(g, "energy", "pkg", "_input", 2, g->energy);
    choose(g, "power", "card", "_max", 1, g->limit);
    if (!g->limit[0])
        choose(g, "power", "pkg", "_max", 2, g->limit);
    choose(g, "temp", "pkg", "_input", g->xe ? 0 : 1, g->temp);
    choose(g, "temp", "vram", "_input", 0, g->mem_temp);
}

static const char *known_name(const char *ids)
{
    static const char *const names[][2] = {
        {"8086:0BD5", "Intel Data Center GPU Max 1550"},
        {"8086:0BDA", "Intel Data Center GPU Max 1100"},
        {"8086:56C0", "Intel Data Center GPU Flex 170"},
        {"8086:56C1", "Intel Data Center GPU Flex 140"},
        {"8086:56A0", "Intel Arc A770"},
        {"8086:E20B", "Intel Arc B580"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i][0], ids) == 0)
            return names[i][1];
    return NULL;
}

/* What the files of a card that sleeps promise: none of them is read. */
static uint64_t promised(const struct gpu *g)
{
    uint64_t metrics = (g->energy[0] ? WTL_METRIC_BIT(WTL_M_energy_counter_j) : 0) |
                       (g->limit[0] ? WTL_METRIC_BIT(WTL_M_power_limit_w) : 0) |
                       (g->temp[0] ? WTL_METRIC_BIT(WTL_M_temp_c) : 0) |
                       (g->mem_temp[0] ? WTL_METRIC_BIT(WTL_M_mem_temp_c) : 0);
    char file[REASON_FILE];
    for (const char *const *clock = clock_files(g); *clock; clock++)
        if (wtl_sysfs_exists(&g->dir, *clock))
            metrics |= WTL_METRIC_BIT(WTL_M_sm_clock_mhz) | WTL_METRIC_BIT(WTL_M_gr_clock_mhz);
    for (int i = 0; i < N_REASONS; i++)
        if (wtl_sysfs_exists(&g->dir, reason_file(g, i, file)))
            metrics |= WTL_METRIC_BIT(WTL_M_event_reasons);
    return metrics;
}

static void find_sensors(struct gpu *g)
{
    struct wtl_reading r = {0};
    if (wtl_drm_suspended(&g->dir)) {
        g->sensors = promised(g);
        return;
    }
    memset(r.absence, WTL_ABSENT_UNSUPPORTED, sizeof r.absence);
    read_all(g, UINT64_MAX, &r);
    g->sensors = g->answered = wtl_drm_answered(&r);
}

static void fill_info(const struct wtl_backend_host *host, const struct wtl_drm_card *d,
                      struct gpu *g, int index, struct wtl_device_info *info)
{
    const char *name = known_name(d->ids);
    snprintf(info->id, sizeof info->id, "%s", g->id);
    if (name)
        snprintf(info->name, sizeof info->name, "%s", name);
    else
        snprintf(info->name, sizeof info->name, "Intel GPU %s", d->ids);
    memcpy(info->pci, d->pci, sizeof info->pci);
    snprintf(info->driver, sizeof info->driver, "%s", d->driver);
    info->kind = WTL_DEVICE_GPU;
    info->parent = -1;
    info->index = index;
    find_sensors(g);
    info->sensors = g->sensors;
    info->sensor[WTL_M_energy_counter_j].resolution = 1 / MICRO;
    wtl_backend_epoch(host, info->epoch);
}

static int add_gpu(const struct wtl_backend_host *host, const struct wtl_drm_card *d, int index,
                   struct wtl_error *err)
{
    struct gpu *g = WTL_NEW(host->arena, struct gpu);
    struct wtl_device_info *info = WTL_NEW(host->arena, struct wtl_device_info);
    if (!g || !info)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_sysfs_dir_open(host->files, host->arena, d->path, &g->dir, err);
    if (rc <= 0)
        return rc;
    g->xe = strcmp(d->driver, "xe") == 0;
    snprintf(g->id, sizeof g->id, "intelgpu:%s", d->pci);
    rc = d->hwmon[0] ? wtl_sysfs_dir_open(host->files, host->arena, d->hwmon, &g->hwmon, err) : 0;
    if (rc < 0) {
        gpu_close(g);
        return rc;
    }
    if (rc > 0)
        look_at_hwmon(g);
    fill_info(host, d, g, index, info);
    if (!g->energy[0])
        wtl_backend_finding(
            host, WTL_FINDING_NOTE, g->id, NULL,
            "no energy counter: an integrated GPU (its package counts it, see rapl),"
            " a virtual function, or a kernel before 6.2");
    rc = wtl_backend_add(host, info, &sensors, NULL, g, true, err);
    if (rc < 0)
        gpu_close(g);
    return rc < 0 ? rc : 0;
}

static int intelgpu_open(const struct wtl_backend_host *host, struct wtl_error *err)
{
    static const char *const drivers[] = {"i915", "xe", NULL};
    struct wtl_drm_card *cards = NULL;
    size_t n = 0;
    int rc = wtl_drm_cards(host, drivers, &cards, &n, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = add_gpu(host, &cards[i], (int)i, err);
    if (rc == 0 && n > 0)
        wtl_backend_finding(host, WTL_FINDING_NOTE, "intelgpu", NULL,
                            "%zu Intel GPU%s: sensors are read, power limits and clocks cannot be"
                            " set yet",
                            n, wtl_plural((int64_t)n));
    return rc;
}

const struct wtl_backend wtl_backend_intelgpu = {
    .prefix = "intelgpu",
    .summary = "Intel GPUs through the files of i915 and xe",
    .open = intelgpu_open,
};
