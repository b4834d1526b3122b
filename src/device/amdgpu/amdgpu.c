/* SPDX-License-Identifier: Apache-2.0
 *
 * AMD GPUs through the files of the amdgpu driver (Linux Documentation/gpu/amdgpu/thermal.rst and
 * driver-misc.rst): hwmon for power, limits, clocks and temperatures, gpu_metrics for the energy
 * counter, gpu_busy_percent and mem_info_vram_* for the rest. No library is needed.
 *
 * Reads go to the board's firmware and may block; a card that sleeps (runtime power management) is
 * not woken. Knobs are not offered yet: see docs/devices.md.
 */
#include "device/amdgpu/metrics.h"
#include "device/drm.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define MICRO 1e6 /* of them make one */
#define MILLI 1e3
#define PERCENT 100

struct card {
    char id[WTL_LIMIT_NAME];
    struct wtl_sysfs_dir dir; /* sys/class/drm/cardN */
    struct wtl_sysfs_dir hwmon;
    bool has_hwmon;
    char temp[24], mem_temp[24], gfx_clock[24], mem_clock[24]; /* files of hwmon; "": none */
    bool average;                                              /* hwmon has power1_average */
    uint64_t sensors;                                          /* claimed */
    uint64_t answered; /* of those, the ones that were ever there */
};

/* ---- Reading ----------------------------------------------------------------------------------*/

#define HWMON_METRICS                                                                              \
    (WTL_METRIC_BIT(WTL_M_power_w) | WTL_METRIC_BIT(WTL_M_power_average_w) |                       \
     WTL_METRIC_BIT(WTL_M_power_instant_w) | WTL_METRIC_BIT(WTL_M_power_limit_w) |                 \
     WTL_METRIC_BIT(WTL_M_temp_c) | WTL_METRIC_BIT(WTL_M_mem_temp_c) |                             \
     WTL_METRIC_BIT(WTL_M_sm_clock_mhz) | WTL_METRIC_BIT(WTL_M_gr_clock_mhz) |                     \
     WTL_METRIC_BIT(WTL_M_mem_clock_mhz))

static void read_hwmon(const struct card *c, uint64_t wanted, struct wtl_reading *out)
{
    const struct wtl_sysfs_dir *h = &c->hwmon;
    wtl_sysfs_sense(h, "power1_average", MICRO, WTL_M_power_w, wanted, out);
    if (out->absence[WTL_M_power_w] == WTL_ABSENT_UNSUPPORTED)
        wtl_sysfs_sense(h, "power1_input", MICRO, WTL_M_power_w, wanted, out);
    wtl_sysfs_sense(h, "power1_average", MICRO, WTL_M_power_average_w, wanted, out);
    wtl_sysfs_sense(h, "power1_input", MICRO, WTL_M_power_instant_w, wanted, out);
    wtl_sysfs_sense(h, "power1_cap", MICRO, WTL_M_power_limit_w, wanted, out);
    if (c->temp[0])
        wtl_sysfs_sense(h, c->temp, MILLI, WTL_M_temp_c, wanted, out);
    if (c->mem_temp[0])
        wtl_sysfs_sense(h, c->mem_temp, MILLI, WTL_M_mem_temp_c, wanted, out);
    if (c->gfx_clock[0]) {
        wtl_sysfs_sense(h, c->gfx_clock, MICRO, WTL_M_sm_clock_mhz, wanted, out);
        wtl_sysfs_sense(h, c->gfx_clock, MICRO, WTL_M_gr_clock_mhz, wanted, out);
    }
    if (c->mem_clock[0])
        wtl_sysfs_sense(h, c->mem_clock, MICRO, WTL_M_mem_clock_mhz, wanted, out);
}

/* The table last: what hwmon gives is finer than its whole watts and degrees. */
static void read_table(const struct card *c, uint64_t wanted, struct wtl_reading *out)
{
    unsigned char table[WTL_AMDGPU_METRICS_MAX];
    struct wtl_amdgpu_metrics m;
    size_t n = 0;
    if (!(wanted & ~out->valid))
        return;
    enum wtl_absence a = wtl_sysfs_bytes(&c->dir, "device/gpu_metrics", table, sizeof table, &n);
    if (a == WTL_PRESENT && !wtl_amdgpu_metrics(table, n, &m))
        a = WTL_ABSENT_FAILED;
    if (a != WTL_PRESENT) {
        wtl_reading_set(out, WTL_M_energy_counter_j, wanted, a, 0);
        wtl_reading_set(out, WTL_M_event_reasons, wanted, a, 0);
        return;
    }
    const struct {
        bool has;
        enum wtl_metric metric;
        double value;
    } fields[] = {
        {m.has_energy, WTL_M_energy_counter_j, m.energy_j},
        {m.has_reasons, WTL_M_event_reasons, m.reasons},
        {m.has_power, WTL_M_power_w, m.power_w},
        {m.has_hotspot, WTL_M_temp_c, m.hotspot_c},
        {m.has_mem_temp, WTL_M_mem_temp_c, m.mem_temp_c},
        {m.has_gfx_util, WTL_M_gpu_util, m.gfx_util},
        {m.has_mem_util, WTL_M_mem_util, m.mem_util},
        {m.has_gfx_clock, WTL_M_sm_clock_mhz, m.gfx_clock_mhz},
        {m.has_gfx_clock, WTL_M_gr_clock_mhz, m.gfx_clock_mhz},
        {m.has_mem_clock, WTL_M_mem_clock_mhz, m.mem_clock_mhz},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (fields[i].has)
            wtl_reading_set(out, fields[i].metric, wanted, WTL_PRESENT, fields[i].value);
}

static void read_memory(const struct card *c, uint64_t wanted, struct wtl_reading *out)
{
    const uint64_t both = WTL_METRIC_BIT(WTL_M_fb_total_b) | WTL_METRIC_BIT(WTL_M_fb_used_b);
    if (!(wanted & (both | WTL_METRIC_BIT(WTL_M_fb_free_b))))
        return;
    wtl_sysfs_sense(&c->dir, "device/mem_info_vram_total", 1, WTL_M_fb_total_b, both, out);
    wtl_sysfs_sense(&c->dir, "device/mem_info_vram_used", 1, WTL_M_fb_used_b, both, out);
    if (wtl_reading_has(out, WTL_M_fb_total_b) && wtl_reading_has(out, WTL_M_fb_used_b))
        wtl_reading_set(out, WTL_M_fb_free_b, wanted, WTL_PRESENT,
                        out->value[WTL_M_fb_total_b] - out->value[WTL_M_fb_used_b]);
    else
        wtl_reading_set(out, WTL_M_fb_free_b, wanted, out->absence[WTL_M_fb_used_b], 0);
}

static void read_all(const struct card *c, uint64_t wanted, struct wtl_reading *out)
{
    if (c->has_hwmon && (wanted & HWMON_METRICS))
        read_hwmon(c, wanted, out);
    wtl_sysfs_sense(&c->dir, "device/gpu_busy_percent", PERCENT, WTL_M_gpu_util, wanted, out);
    wtl_sysfs_sense(&c->dir, "device/mem_busy_percent", PERCENT, WTL_M_mem_util, wanted, out);
    read_memory(c, wanted, out);
    read_table(c, wanted, out);
}

static int card_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    struct card *c = state;
    wanted &= c->sensors;
    if (wtl_drm_suspended(&c->dir)) {
        wtl_drm_all_not_yet(wanted, c->sensors, out);
        return 0;
    }
    read_all(c, wanted, out);
    return wtl_drm_read_done(&c->dir, c->sensors, &c->answered, wanted, c->id, out, err);
}

static void card_close(void *state)
{
    struct card *c = state;
    wtl_sysfs_dir_close(&c->dir);
    if (c->has_hwmon)
        wtl_sysfs_dir_close(&c->hwmon);
}

static const struct wtl_sensor_ops sensors = {.read = card_read, .close = card_close};

/* ---- Finding ----------------------------------------------------------------------------------*/

static void channel_file(const struct card *c, const char *what, const char *label, char file[24])
{
    int n = wtl_drm_channel(&c->hwmon, what, label);
    if (n > 0)
        snprintf(file, 24, "%s%d_input", what, n);
}

static void look_at_hwmon(struct card *c)
{
    channel_file(c, "temp", "junction", c->temp);
    channel_file(c, "temp", "edge", c->temp); /* where both are, edge is what tools call its own */
    channel_file(c, "temp", "mem", c->mem_temp);
    channel_file(c, "freq", "sclk", c->gfx_clock);
    channel_file(c, "freq", "mclk", c->mem_clock);
    c->average = wtl_sysfs_exists(&c->hwmon, "power1_average");
}

/* What the files of a card that sleeps promise: none of them is read. */
static uint64_t promised(const struct card *c)
{
    const uint64_t clocks = WTL_METRIC_BIT(WTL_M_sm_clock_mhz) | WTL_METRIC_BIT(WTL_M_gr_clock_mhz);
    const uint64_t table =
        WTL_METRIC_BIT(WTL_M_energy_counter_j) | WTL_METRIC_BIT(WTL_M_event_reasons);
    const struct {
        const struct wtl_sysfs_dir *dir;
        const char *file; /* "": none */
        uint64_t metrics;
    } files[] = {
        {&c->hwmon, "power1_average",
         WTL_METRIC_BIT(WTL_M_power_w) | WTL_METRIC_BIT(WTL_M_power_average_w)},
        {&c->hwmon, "power1_input",
         WTL_METRIC_BIT(WTL_M_power_w) | WTL_METRIC_BIT(WTL_M_power_instant_w)},
        {&c->hwmon, "power1_cap", WTL_METRIC_BIT(WTL_M_power_limit_w)},
        {&c->hwmon, c->temp, WTL_METRIC_BIT(WTL_M_temp_c)},
        {&c->hwmon, c->mem_temp, WTL_METRIC_BIT(WTL_M_mem_temp_c)},
        {&c->hwmon, c->gfx_clock, clocks},
        {&c->hwmon, c->mem_clock, WTL_METRIC_BIT(WTL_M_mem_clock_mhz)},
        {&c->dir, "device/gpu_busy_percent", WTL_METRIC_BIT(WTL_M_gpu_util)},
        {&c->dir, "device/mem_busy_percent", WTL_METRIC_BIT(WTL_M_mem_util)},
        {&c->dir, "device/mem_info_vram_total", WTL_METRIC_BIT(WTL_M_fb_total_b)},
        {&c->dir, "device/mem_info_vram_used",
         WTL_METRIC_BIT(WTL_M_fb_used_b) | WTL_METRIC_BIT(WTL_M_fb_free_b)},
        {&c->dir, "device/gpu_metrics", table},
    };
    uint64_t metrics = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if ((files[i].dir != &c->hwmon || c->has_hwmon) && files[i].file[0] &&
            wtl_sysfs_exists(files[i].dir, files[i].file))
            metrics |= files[i].metrics;
    return metrics;
}

/* What can be read is what does not say "unsupported" when it is tried once. */
static void find_sensors(struct card *c)
{
    struct wtl_reading r = {0};
    if (wtl_drm_suspended(&c->dir)) {
        c->sensors = promised(c);
        return;
    }
    memset(r.absence, WTL_ABSENT_UNSUPPORTED, sizeof r.absence);
    read_all(c, UINT64_MAX, &r);
    c->sensors = c->answered = wtl_drm_answered(&r);
}

static void fill_sensor_info(const struct card *c, struct wtl_device_info *info)
{
    struct wtl_sensor_info *s = info->sensor;
    s[WTL_M_power_w].resolution = s[WTL_M_power_limit_w].resolution = 1;
    s[WTL_M_power_w].instant = c->has_hwmon && !c->average;
    s[WTL_M_power_instant_w].instant = true;
    s[WTL_M_energy_counter_j].resolution = 0x1p-16; /* of 64 bits: it never wraps */
    s[WTL_M_gpu_util].resolution = s[WTL_M_mem_util].resolution = 0.01;
}

static void fill_info(const struct wtl_backend_host *host, const struct wtl_drm_card *d,
                      struct card *c, int index, struct wtl_device_info *info)
{
    char text[64];
    snprintf(info->id, sizeof info->id, "%s", c->id);
    if (wtl_sysfs_text(&c->dir, "device/product_name", info->name, sizeof info->name) !=
            WTL_PRESENT ||
        !info->name[0])
        snprintf(info->name, sizeof info->name, "AMD GPU %s", d->ids);
    if (wtl_sysfs_text(&c->dir, "device/unique_id", text, sizeof text) == WTL_PRESENT && text[0])
        snprintf(info->uuid, sizeof info->uuid, "%s", text);
    memcpy(info->pci, d->pci, sizeof info->pci);
    snprintf(info->driver, sizeof info->driver, "amdgpu");
    info->kind = WTL_DEVICE_GPU;
    info->parent = -1;
    info->index = index;
    find_sensors(c);
    info->sensors = c->sensors;
    fill_sensor_info(c, info);
    wtl_backend_epoch(host, info->epoch);
}

static void say(const struct wtl_backend_host *host, const struct card *c)
{
    unsigned char table[WTL_AMDGPU_METRICS_MAX];
    struct wtl_amdgpu_metrics m = {0};
    size_t n = 0;
    if (!c->has_hwmon)
        wtl_backend_finding(host, WTL_FINDING_LACK, c->id, NULL,
                            "no hwmon folder: the driver gives no power (a virtual function?)");
    if (wtl_drm_suspended(&c->dir)) {
        wtl_backend_finding(host, WTL_FINDING_NOTE, c->id, NULL,
                            "sleeps (runtime power management) and is not woken to be read");
        return;
    }
    if (wtl_sysfs_bytes(&c->dir, "device/gpu_metrics", table, sizeof table, &n) == WTL_PRESENT &&
        !wtl_amdgpu_metrics(table, n, &m))
        wtl_backend_finding(host, WTL_FINDING_NOTE, c->id, NULL,
                            "gpu_metrics of revision %d.%d is not known here: no energy counter",
                            m.format, m.content);
}

static int add_card(const struct wtl_backend_host *host, const struct wtl_drm_card *d, int index,
                    struct wtl_error *err)
{
    struct card *c = WTL_NEW(host->arena, struct card);
    struct wtl_device_info *info = WTL_NEW(host->arena, struct wtl_device_info);
    if (!c || !info)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_sysfs_dir_open(host->files, host->arena, d->path, &c->dir, err);
    if (rc <= 0)
        return rc;
    snprintf(c->id, sizeof c->id, "amdgpu:%s", d->pci);
    rc = d->hwmon[0] ? wtl_sysfs_dir_open(host->files, host->arena, d->hwmon, &c->hwmon, err) : 0;
    if (rc < 0) {
        card_close(c);
        return rc;
    }
    c->has_hwmon = rc > 0;
    if (c->has_hwmon)
        look_at_hwmon(c);
    fill_info(host, d, c, index, info);
    say(host, c);
    rc = wtl_backend_add(host, info, &sensors, NULL, c, true, err);
    if (rc < 0)
        card_close(c);
    return rc < 0 ? rc : 0;
}

static int amdgpu_open(const struct wtl_backend_host *host, struct wtl_error *err)
{
    static const char *const drivers[] = {"amdgpu", NULL};
    struct wtl_drm_card *cards = NULL;
    size_t n = 0;
    int rc = wtl_drm_cards(host, drivers, &cards, &n, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = add_card(host, &cards[i], (int)i, err);
    if (rc == 0 && n > 0)
        wtl_backend_finding(host, WTL_FINDING_NOTE, "amdgpu", NULL,
                            "%zu AMD GPU%s: sensors are read, power limits and clocks cannot be set"
                            " yet",
                            n, wtl_plural((int64_t)n));
    return rc;
}

const struct wtl_backend wtl_backend_amdgpu = {
    .prefix = "amdgpu",
    .summary = "AMD GPUs through the files of amdgpu",
    .open = amdgpu_open,
};
