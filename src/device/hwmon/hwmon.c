/* SPDX-License-Identifier: Apache-2.0
 *
 * Power and energy meters of the node: /sys/class/hwmon (Linux
 * Documentation/hwmon/sysfs-interface.rst), among them the ACPI power meter (acpi_power_meter.rst;
 * on NVIDIA Grace its channels are "Grace Power Socket 0" and so on), and the counters of HPE Cray
 * EX nodes, /sys/cray/pm_counters.
 *
 * A channel that measures power or energy is a device: "hwmon:power_meter/power1". A second chip of
 * the same name is "hwmon:power_meter.1/power1", in the order of the kernel's numbers. Chips of
 * GPUs are left to their back ends, and so are per-core counters.
 */
#include "device/backend.h"
#include "device/sysfs.h"

#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HWMON "sys/class/hwmon"
#define CRAY "sys/cray/pm_counters"
#define MICRO 1e6 /* of them make one */

struct channel {
    char id[WTL_LIMIT_NAME];
    struct wtl_sysfs_dir dir;
    char power[32], energy[32]; /* files; "" where there is none */
    bool average;               /* power is an average */
    bool cray;
    uint64_t sensors;
};

/* "192 W 1398363712000000 us" of pm_counters: the value before its unit. */
static enum wtl_absence read_cray(const struct wtl_sysfs_dir *dir, const char *file, double *value)
{
    char text[96];
    enum wtl_absence absence = wtl_sysfs_text(dir, file, text, sizeof text);
    if (absence == WTL_PRESENT && !wtl_parse_double(text, strcspn(text, " "), value))
        absence = WTL_ABSENT_FAILED;
    return absence;
}

static int channel_read(void *state, uint64_t wanted, struct wtl_reading *out,
                        struct wtl_error *err)
{
    const struct channel *c = state;
    double value = 0;
    if (c->cray) {
        enum wtl_absence absence = read_cray(&c->dir, c->power, &value);
        wtl_reading_set(out, WTL_M_power_w, wanted, absence, value);
        absence = read_cray(&c->dir, c->energy, &value);
        wtl_reading_set(out, WTL_M_energy_counter_j, wanted, absence, value);
    } else {
        if (c->power[0])
            wtl_sysfs_sense(&c->dir, c->power, MICRO, WTL_M_power_w, wanted, out);
        if (c->energy[0])
            wtl_sysfs_sense(&c->dir, c->energy, MICRO, WTL_M_energy_counter_j, wanted, out);
    }
    return wtl_sysfs_read_done(out, wanted, c->sensors, c->id, err);
}

static void channel_close(void *state)
{
    wtl_sysfs_dir_close(&((struct channel *)state)->dir);
}

static const struct wtl_sensor_ops sensors = {.read = channel_read, .close = channel_close};

/* ---- Finding ----------------------------------------------------------------------------------*/

/* Chips that other back ends read, or that measure something else than a part of the node. */
static bool is_for_others(const char *chip)
{
    static const char *const others[] = {"amdgpu", "radeon", "nouveau", "i915", "xe", "nvidia"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(chip, others[i]) == 0)
            return true;
    return false;
}

/* What the channel is called: powerN_label, or the text that ACPI gives ("Grace Power Socket 0").
 */
static void label_of(const struct wtl_sysfs_dir *dir, const char *channel, char *buf, size_t size)
{
    char file[64];
    snprintf(file, sizeof file, "%s_label", channel);
    if (wtl_sysfs_text(dir, file, buf, size) == WTL_PRESENT && buf[0])
        return;
    snprintf(file, sizeof file, "%s_oem_info", channel);
    if (wtl_sysfs_text(dir, file, buf, size) == WTL_PRESENT && buf[0])
        return;
    buf[0] = '\0';
}

static enum wtl_device_kind kind_of(const char *label)
{
    return strstr(label, "CPU") || strncmp(label, "Esocket", 7) == 0 ? WTL_DEVICE_CPU
                                                                     : WTL_DEVICE_NODE;
}

/* The files of a channel that can be used, from the names of its directory. */
static void fill_files(struct channel *c, const struct wtl_sysfs_dir *dir, const char *name)
{
    static const char *const power[] = {"average", "input"};
    double value;
    char file[48];
    if (wtl_starts_with(name, "energy")) {
        snprintf(c->energy, sizeof c->energy, "%.16s_input", name);
        return;
    }
    for (int i = 0; i < 2 && !c->power[0]; i++) {
        snprintf(file, sizeof file, "%.16s_%s", name, power[i]);
        if (wtl_sysfs_number(dir, file, &value) == WTL_ABSENT_UNSUPPORTED)
            continue;
        memcpy(c->power, file, sizeof c->power);
        c->average = i == 0;
    }
}

static void fill_info(struct channel *c, const char *chip, const char *label, int64_t window_ns,
                      struct wtl_device_info *info)
{
    snprintf(info->id, sizeof info->id, "%s", c->id);
    snprintf(info->name, sizeof info->name, "%s", label[0] ? label : c->id + strlen("hwmon:"));
    snprintf(info->driver, sizeof info->driver, "%s", chip);
    info->kind = kind_of(label);
    info->parent = info->index = -1;
    if (c->power[0]) {
        info->sensors |= WTL_METRIC_BIT(WTL_M_power_w);
        info->sensor[WTL_M_power_w].resolution = c->cray ? 1 : 1 / MICRO;
        info->sensor[WTL_M_power_w].window_ns = c->average ? window_ns : 0;
    }
    if (c->energy[0])
        info->sensors |= WTL_METRIC_BIT(WTL_M_energy_counter_j);
    c->sensors = info->sensors;
}

/* One chip while its channels are looked for. */
struct chip {
    char path[64];
    char name[64];
    char id[80]; /* the same, ".1" behind it when it is the second */
};

static int add_channel(const struct wtl_backend_host *host, const struct chip *chip,
                       const char *name, struct wtl_error *err)
{
    char label[64], file[64];
    struct channel *c = WTL_NEW(host->arena, struct channel);
    struct wtl_device_info *info = WTL_NEW(host->arena, struct wtl_device_info);
    if (!c || !info)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_sysfs_dir_open(host->files, host->arena, chip->path, &c->dir, err);
    if (rc <= 0)
        return rc;
    fill_files(c, &c->dir, name);
    label_of(&c->dir, name, label, sizeof label);
    if ((!c->power[0] && !c->energy[0]) || wtl_starts_with(label, "Ecore")) {
        channel_close(c);
        return 0;
    }
    double ms = 0;
    snprintf(file, sizeof file, "%.16s_average_interval", name);
    (void)wtl_sysfs_number(&c->dir, file, &ms);
    snprintf(c->id, sizeof c->id, "hwmon:%s/%.16s", chip->id, name);
    fill_info(c, chip->name, label, ms > 0 && ms < 1e9 ? (int64_t)(ms * 1e6) : 0, info);
    rc = wtl_backend_add(host, info, &sensors, NULL, c, false, err);
    if (rc < 0)
        channel_close(c);
    return rc < 0 ? rc : 1;
}

/* "power12" of "power12_average": the channel that a file is of; false: it is none of a meter. */
static bool channel_of(const char *file, char buf[24])
{
    size_t word = wtl_starts_with(file, "power") ? 5 : wtl_starts_with(file, "energy") ? 6 : 0;
    size_t digits = word ? strspn(file + word, "0123456789") : 0;
    if (digits == 0 || digits > 4 ||
        (strcmp(file + word + digits, "_average") != 0 &&
         strcmp(file + word + digits, "_input") != 0))
        return false;
    snprintf(buf, 24, "%.*s", (int)(word + digits), file);
    return true;
}

static int add_chip(const struct wtl_backend_host *host, const struct chip *chip,
                    struct wtl_error *err)
{
    char **files = NULL;
    char name[24], last[24] = "";
    size_t n = 0;
    int rc = wtl_sysfs_list(host->files, host->arena, chip->path, "", &files, &n, err);
    int found = 0;
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        if (!channel_of(files[i], name) || strcmp(name, last) == 0)
            continue;
        memcpy(last, name, sizeof last);
        rc = add_channel(host, chip, name, err);
        found += rc > 0;
    }
    return rc < 0 ? rc : found;
}

static int add_chips(const struct wtl_backend_host *host, struct wtl_error *err)
{
    const struct wtl_sysfs_dir root = wtl_sysfs_root(host->files);
    char **names = NULL;
    size_t n = 0;
    int found = 0;
    int rc = wtl_sysfs_list(host->files, host->arena, HWMON, "hwmon", &names, &n, err);
    struct chip *chips = WTL_NEW_ARRAY(host->arena, struct chip, n + 1);
    if (rc == 0 && !chips)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        char file[96];
        int same = 0;
        snprintf(chips[i].path, sizeof chips[i].path, HWMON "/%.32s", names[i]);
        snprintf(file, sizeof file, "%s/name", chips[i].path);
        if (wtl_sysfs_text(&root, file, chips[i].name, sizeof chips[i].name) != WTL_PRESENT ||
            is_for_others(chips[i].name))
            continue;
        for (char *p = chips[i].name; *p; p++) /* ids are words */
            if (!isalnum((unsigned char)*p) && !strchr("_-.", *p))
                *p = '_';
        for (size_t j = 0; j < i; j++)
            same += strcmp(chips[j].name, chips[i].name) == 0;
        snprintf(chips[i].id, sizeof chips[i].id, same ? "%s.%d" : "%s", chips[i].name, same);
        rc = add_chip(host, &chips[i], err);
        found += rc > 0 ? rc : 0;
    }
    return rc < 0 ? rc : found;
}

/* HPE Cray EX: the node's own power and energy. */
static int add_cray(const struct wtl_backend_host *host, struct wtl_error *err)
{
    struct channel *c = WTL_NEW(host->arena, struct channel);
    struct wtl_device_info *info = WTL_NEW(host->arena, struct wtl_device_info);
    double w;
    if (!c || !info)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_sysfs_dir_open(host->files, host->arena, CRAY, &c->dir, err);
    if (rc <= 0)
        return rc;
    c->cray = true;
    snprintf(c->id, sizeof c->id, "hwmon:cray");
    snprintf(c->power, sizeof c->power, "power");
    snprintf(c->energy, sizeof c->energy, "energy");
    if (read_cray(&c->dir, "power", &w) == WTL_ABSENT_UNSUPPORTED) {
        channel_close(c);
        return 0;
    }
    fill_info(c, "pm_counters", "node (Cray pm_counters)", 0, info);
    info->sensor[WTL_M_power_w].period_ns = info->sensor[WTL_M_energy_counter_j].period_ns =
        WTL_NS_PER_S / 10; /* the counters' own raw_scan_hz is 10 */
    rc = wtl_backend_add(host, info, &sensors, NULL, c, false, err);
    if (rc < 0)
        channel_close(c);
    return rc < 0 ? rc : 1;
}

static int hwmon_open(const struct wtl_backend_host *host, struct wtl_error *err)
{
    int chips = add_chips(host, err);
    int cray = chips < 0 ? chips : add_cray(host, err);
    if (cray < 0)
        return cray;
    if (chips + cray > 0)
        wtl_backend_finding(host, WTL_FINDING_OK, "hwmon", NULL, "%d power meter%s of the node",
                            chips + cray, wtl_plural(chips + cray));
    else
        wtl_backend_finding(host, WTL_FINDING_NOTE, "hwmon", NULL,
                            "no power meter of the node (ACPI, PMBus, pm_counters): what the fans"
                            " and the rest draw is not seen");
    return 0;
}

const struct wtl_backend wtl_backend_hwmon = {
    .prefix = "hwmon",
    .summary = "power meters of the node through hwmon",
    .open = hwmon_open,
};
