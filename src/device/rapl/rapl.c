/* SPDX-License-Identifier: Apache-2.0
 *
 * CPU packages, their memory and the platform through RAPL: /sys/class/powercap (Linux
 * Documentation/power/powercap/powercap.rst, ABI/testing/sysfs-class-powercap). AMD processors show
 * the same tree, without limits.
 *
 * Zones are "intel-rapl:P" with a `name` "package-0", "package-0-die-1" or "psys", and below them
 * "intel-rapl:P:S" with "dram", "core", "uncore". The numbers follow the order of probing, the
 * names do not: ids are made of names. "core" and "uncore" are parts of their package and no
 * devices of their own. A package that several interfaces count (MSR, TPMI, the MMIO copy
 * "intel-rapl-mmio:0") is one device; the lowest of its limits holds.
 *
 * The power limit of a package is its long-term constraint. Switched off (`enabled` 0) is
 * "released".
 *
 * The same counters go through perf (rapl/perf.h). A package is counted once: by powercap where its
 * energy_uj can be read; by perf where that is for root alone, or where there is no powercap.
 */
#include "device/rapl/rapl.h"
#include "device/world.h"

#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define POWERCAP "sys/class/powercap"
#define MICRO 1e6 /* of them make one */
#define MAX_W 1e5 /* of any limit; firmware writes 4095 W for none */

/* Energy is counted in steps of about 61 uJ (2^-14 J) and updated every millisecond: Intel SDM
 * volume 3, "RAPL Interfaces". The step is read from a register that sysfs does not show. */
#define PERIOD_NS 1000000

enum { TWINS = 3, CONSTRAINTS = 4 };

/* One interface of a package, with its long-term limit. */
struct face {
    struct wtl_sysfs_dir dir;
    int constraint; /* the limit's number there; -1: it has none */
};

struct zone {
    char id[WTL_LIMIT_NAME];
    struct face own;
    struct face twin[TWINS]; /* the same package by other interfaces */
    int n_twins;
    struct wtl_perf_counter perf; /* ops NULL: powercap counts */
    double max_w;                 /* the highest limit that may be asked for */
    double default_w;
    bool has_default;
    uint64_t sensors;
};

/* ---- Files ------------------------------------------------------------------------------------*/

static void constraint_file(const struct face *f, const char *what, char buf[64])
{
    snprintf(buf, 64, "constraint_%d_%s", f->constraint, what);
}

static int long_term(const struct wtl_sysfs_dir *dir)
{
    for (int k = 0; k < CONSTRAINTS; k++) {
        char file[64], text[64];
        snprintf(file, sizeof file, "constraint_%d_name", k);
        if (wtl_sysfs_text(dir, file, text, sizeof text) == WTL_PRESENT &&
            strcmp(text, "long_term") == 0)
            return k;
    }
    return -1;
}

/* A limit as it stands there, in force or not. A zone without a switch is on. */
static enum wtl_absence read_limit(const struct face *f, double *limit_w, bool *on)
{
    char file[64];
    double enabled = 1, uw = 0;
    constraint_file(f, "power_limit_uw", file);
    enum wtl_absence absence = wtl_sysfs_number(&f->dir, file, &uw);
    if (absence != WTL_PRESENT)
        return absence;
    absence = wtl_sysfs_number(&f->dir, "enabled", &enabled);
    if (absence != WTL_PRESENT && absence != WTL_ABSENT_UNSUPPORTED)
        return absence;
    *limit_w = uw / MICRO;
    *on = enabled > 0 && uw > 0;
    return WTL_PRESENT;
}

/* What a limit is; false: there is none, or it is switched off. */
static bool limit_of(const struct face *f, double *limit_w)
{
    double w = 0;
    bool on = false;
    if (f->constraint < 0 || read_limit(f, &w, &on) != WTL_PRESENT || !on)
        return false;
    *limit_w = w;
    return true;
}

/* The lowest of the limits of all interfaces. */
static bool enforced_limit(const struct zone *z, double *limit_w)
{
    bool any = limit_of(&z->own, limit_w);
    for (int i = 0; i < z->n_twins; i++) {
        double w;
        if (!limit_of(&z->twin[i], &w))
            continue;
        *limit_w = any ? fmin(*limit_w, w) : w;
        any = true;
    }
    return any;
}

/* ---- Reading ----------------------------------------------------------------------------------*/

static void read_energy(const struct zone *z, uint64_t wanted, struct wtl_reading *out)
{
    double joules = 0;
    if (!z->perf.ops) {
        wtl_sysfs_sense(&z->own.dir, "energy_uj", MICRO, WTL_M_energy_counter_j, wanted, out);
    } else if (wanted & WTL_METRIC_BIT(WTL_M_energy_counter_j)) {
        enum wtl_absence absence = wtl_perf_counter_read(&z->perf, &joules);
        wtl_reading_set(out, WTL_M_energy_counter_j, wanted, absence, joules);
    }
}

static int zone_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    const struct zone *z = state;
    double w = 0;
    read_energy(z, wanted, out);
    if (wanted & z->sensors & WTL_METRIC_BIT(WTL_M_power_limit_w)) {
        bool on = limit_of(&z->own, &w);
        wtl_reading_set(out, WTL_M_power_limit_w, wanted, on ? WTL_PRESENT : WTL_ABSENT_NOT_YET, w);
    }
    if (wanted & z->sensors & WTL_METRIC_BIT(WTL_M_power_limit_enforced_w)) {
        bool on = enforced_limit(z, &w);
        wtl_reading_set(out, WTL_M_power_limit_enforced_w, wanted,
                        on ? WTL_PRESENT : WTL_ABSENT_NOT_YET, w);
    }
    return wtl_sysfs_read_done(out, wanted, z->sensors & WTL_METRIC_BIT(WTL_M_energy_counter_j),
                               z->id, err);
}

static void zone_close(void *state)
{
    struct zone *z = state;
    wtl_perf_counter_close(&z->perf);
    wtl_sysfs_dir_close(&z->own.dir);
    for (int i = 0; i < z->n_twins; i++)
        wtl_sysfs_dir_close(&z->twin[i].dir);
}

/* ---- The power limit --------------------------------------------------------------------------*/

static int zone_get(void *state, enum wtl_knob knob, struct wtl_knob_state *out,
                    struct wtl_error *err)
{
    const struct zone *z = state;
    double w = 0;
    bool on = false;
    (void)knob;
    enum wtl_absence absence = read_limit(&z->own, &w, &on);
    if (absence == WTL_ABSENT_UNSUPPORTED || absence == WTL_ABSENT_LOST)
        return WTL_FAIL(err, WTL_LOST, "%s is gone", z->id);
    if (absence != WTL_PRESENT)
        return WTL_FAIL(err, absence == WTL_ABSENT_DENIED ? WTL_PERMISSION : WTL_FAILED,
                        "the power limit of %s cannot be read", z->id);
    out->known = true;
    out->requested = wtl_knob_at(w);
    out->requested.released = !on;
    out->has_enforced = enforced_limit(z, &out->enforced);
    return 0;
}

static int zone_range(void *state, enum wtl_knob knob, struct wtl_arena *arena,
                      struct wtl_knob_range *out, struct wtl_error *err)
{
    const struct zone *z = state;
    (void)knob;
    (void)arena;
    (void)err;
    /* The interface states no minimum. Watts below the idle power cannot be held, and are the
     * caller's to avoid; 0 would mean no limit to some firmware. */
    out->min = 1;
    out->max = z->max_w;
    out->has_default = z->has_default;
    out->default_value = z->default_w;
    return 0;
}

static int explain_write(const struct zone *z, int rc, struct wtl_error *err)
{
    if (rc == -WTL_UNSUPPORTED && wtl_sysfs_live(z->own.dir.files)) /* its files were there */
        return WTL_FAIL(err, WTL_LOST, "%s is gone", z->id);
    if (rc == -WTL_PERMISSION)
        wtl_error_hint(err, "as root; if root is refused, the firmware has locked the limit of %s",
                       z->id);
    return rc;
}

static int zone_set(void *state, enum wtl_knob knob, struct wtl_knob_value value,
                    struct wtl_error *err)
{
    const struct zone *z = state;
    char file[64], text[32];
    (void)knob;
    double enabled = 1;
    enum wtl_absence absence = wtl_sysfs_number(&z->own.dir, "enabled", &enabled);
    bool has_switch = absence == WTL_PRESENT;
    if (!has_switch && absence != WTL_ABSENT_UNSUPPORTED)
        return WTL_FAIL(err, WTL_FAILED, "the switch of %s cannot be read", z->id);
    if (value.released && !has_switch)
        return WTL_FAIL(err, WTL_UNSUPPORTED, "the limit of %s has no switch", z->id);
    /* The upper end of the range is for those who ask; what was there before must go back, however
     * high the firmware had set it. */
    if (!value.released && !(value.hi >= 1 && value.hi <= MAX_W))
        return WTL_FAIL(err, WTL_USAGE, "%g W is outside the range of %s, 1 to %g W", value.hi,
                        z->id, z->max_w);
    constraint_file(&z->own, "power_limit_uw", file);
    snprintf(text, sizeof text, "%.0f", value.hi * MICRO);
    int rc = 0;
    if (value.released && enabled > 0)
        rc = wtl_sysfs_write(&z->own.dir, "enabled", "0", err);
    if (rc == 0 && value.hi > 0)
        rc = wtl_sysfs_write(&z->own.dir, file, text, err);
    if (rc == 0 && !value.released && has_switch && enabled <= 0)
        rc = wtl_sysfs_write(&z->own.dir, "enabled", "1", err);
    return explain_write(z, rc, err);
}

static const struct wtl_sensor_ops sensors = {.read = zone_read, .close = zone_close};
static const struct wtl_knob_ops knobs = {.get = zone_get, .range = zone_range, .set = zone_set};

/* ---- Finding ----------------------------------------------------------------------------------*/

/* A directory of powercap and what it calls itself. */
struct found {
    const char *zone; /* "intel-rapl:0:1" */
    char path[128];
    char name[64];
    char id[WTL_LIMIT_NAME]; /* of the device; "": none of its own */
    enum wtl_device_kind kind;
    bool mmio;
    int twin_of;              /* index of the one that is the device; -1: itself */
    int device;               /* index in the machine; -1: not added */
    enum wtl_absence counter; /* of a device: how it could be read here */
    bool by_perf;             /* its energy is */
};

/* What has been found so far. */
struct search {
    const struct wtl_backend_host *host;
    struct found *all;
    size_t n;
    const struct wtl_perf_ops *ops;
    struct wtl_perf_power power;
    int n_perf_alone; /* devices that only perf shows */
    int why;          /* -errno that perf gave when it refused; 0: it did not */
};

/* "package-1", "package-0-die-1" to "1", "0.1". */
static bool package_number(const char *name, char buf[16])
{
    static const char digits[] = "0123456789";
    if (!wtl_starts_with(name, "package-"))
        return false;
    const char *package = name + strlen("package-");
    size_t n = strspn(package, digits);
    const char *rest = package + n;
    const char *die = wtl_starts_with(rest, "-die-") ? rest + strlen("-die-") : "";
    size_t k = strspn(die, digits);
    if (n == 0 || n > 3 || k > 3 || (*die ? k == 0 || die[k] : *rest != '\0'))
        return false;
    snprintf(buf, 16, "%.*s%s%.*s", (int)n, package, k ? "." : "", (int)k, die);
    return true;
}

/* The zone that a subzone "intel-rapl:0:1" is in; NULL: it is none. */
static const struct found *zone_above(const struct found *all, size_t n, const struct found *f)
{
    const char *first = strchr(f->zone, ':');
    const char *second = first ? strchr(first + 1, ':') : NULL;
    for (size_t i = 0; second && i < n; i++)
        if (strlen(all[i].zone) == (size_t)(second - f->zone) &&
            strncmp(all[i].zone, f->zone, (size_t)(second - f->zone)) == 0)
            return &all[i];
    return NULL;
}

static void identify(struct found *all, size_t n, struct found *f)
{
    char number[16];
    const struct found *above = zone_above(all, n, f);
    f->kind = WTL_DEVICE_CPU;
    if (!above && package_number(f->name, number)) {
        snprintf(f->id, sizeof f->id, "rapl:%s", number);
    } else if (strncmp(f->name, "psys", 4) == 0 &&
               strspn(f->name + 4, "-0123456789") == strlen(f->name + 4)) {
        f->kind = WTL_DEVICE_NODE; /* "psys-1" is that of the second socket */
        snprintf(f->id, sizeof f->id, "rapl:%s", f->name);
    } else if (above && strcmp(f->name, "dram") == 0 && package_number(above->name, number)) {
        f->kind = WTL_DEVICE_DRAM;
        snprintf(f->id, sizeof f->id, "rapl:%s/dram", number);
    }
}

static size_t look(const struct wtl_backend_host *host, char **names, size_t n, struct found *all)
{
    const struct wtl_sysfs_dir root = wtl_sysfs_root(host->files);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct found *f = &all[kept];
        char file[160];
        *f = (struct found){.zone = names[i], .twin_of = -1, .device = -1};
        if (!strchr(names[i], ':') || strlen(names[i]) > 64)
            continue;
        f->mmio = wtl_starts_with(names[i], "intel-rapl-mmio");
        snprintf(f->path, sizeof f->path, POWERCAP "/%s", names[i]);
        snprintf(file, sizeof file, "%s/name", f->path);
        kept += wtl_sysfs_text(&root, file, f->name, sizeof f->name) == WTL_PRESENT;
    }
    for (size_t i = 0; i < kept; i++)
        identify(all, kept, &all[i]);
    return kept;
}

/* Which of the same id is the device: the first that is no MMIO copy. */
static void pair(struct found *all, size_t n)
{
    for (int mmio = 0; mmio < 2; mmio++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; all[i].mmio == mmio && all[i].twin_of < 0 && all[i].id[0] && j < n;
                 j++)
                if (j != i && all[j].twin_of < 0 && strcmp(all[i].id, all[j].id) == 0)
                    all[j].twin_of = (int)i;
}

static void fill_limits(struct zone *z)
{
    char file[64];
    double uw = 0, w = 0;
    z->own.constraint = long_term(&z->own.dir);
    if (z->own.constraint < 0)
        return;
    constraint_file(&z->own, "max_power_uw", file);
    z->has_default = wtl_sysfs_number(&z->own.dir, file, &uw) == WTL_PRESENT && uw > 0;
    z->default_w = z->has_default ? uw / MICRO : 0;
    z->max_w = z->default_w;
    constraint_file(&z->own, "power_limit_uw", file);
    if (wtl_sysfs_number(&z->own.dir, file, &w) == WTL_PRESENT)
        z->max_w = fmax(z->max_w, w / MICRO); /* what is set must be settable again */
}

/* `name` is what powercap calls a platform. */
static void describe(const char *id, enum wtl_device_kind kind, const char *name,
                     struct wtl_device_info *info)
{
    snprintf(info->id, sizeof info->id, "%s", id);
    if (kind == WTL_DEVICE_NODE)
        snprintf(info->name, sizeof info->name, "platform (%s)", name);
    else if (kind == WTL_DEVICE_DRAM)
        snprintf(info->name, sizeof info->name, "memory of package %s", id + strlen("rapl:"));
    else
        snprintf(info->name, sizeof info->name, "package %s", id + strlen("rapl:"));
    info->name[strcspn(info->name, "/")] = '\0';
    info->kind = kind;
    info->parent = info->index = -1;
    info->sensors = WTL_METRIC_BIT(WTL_M_energy_counter_j);
    info->sensor[WTL_M_energy_counter_j].period_ns = PERIOD_NS;
}

static void fill_info(const struct found *f, struct zone *z, struct wtl_device_info *info)
{
    double range = 0;
    char file[64];
    describe(f->id, f->kind, f->name, info);
    snprintf(info->driver, sizeof info->driver, "%.*s", (int)strcspn(f->zone, ":"), f->zone);
    struct wtl_sensor_info *counter = &info->sensor[WTL_M_energy_counter_j];
    if (wtl_sysfs_number(&z->own.dir, "max_energy_range_uj", &range) == WTL_PRESENT && range > 0)
        counter->wraps_at = range / MICRO;
    z->own.constraint = -1;
    if (f->kind == WTL_DEVICE_CPU) /* those of memory and platform are rarely in force anywhere */
        fill_limits(z);
    if (z->own.constraint < 0)
        return;
    info->sensors |=
        WTL_METRIC_BIT(WTL_M_power_limit_w) | WTL_METRIC_BIT(WTL_M_power_limit_enforced_w);
    if (z->max_w <= 1)
        return;
    info->knobs = WTL_KNOB_BIT(WTL_KNOB_power_limit_w);
    constraint_file(&z->own, "power_limit_uw", file);
    if (wtl_sysfs_writable(&z->own.dir, file))
        info->writable = info->knobs;
}

static int add_twin(const struct wtl_backend_host *host, const char *path, struct zone *z,
                    struct wtl_error *err)
{
    struct face *twin = &z->twin[z->n_twins];
    int rc = z->n_twins == TWINS
                 ? 0
                 : wtl_sysfs_dir_open(host->files, host->arena, path, &twin->dir, err);
    if (rc <= 0)
        return rc;
    twin->constraint = long_term(&twin->dir);
    z->n_twins++;
    return 0;
}

/* ---- Through perf -----------------------------------------------------------------------------*/

/* Opens the counter of a device; 1: the PMU has none, or refused (s->why). `number` as in perf.h.
 */
static int open_perf(struct search *s, const char *id, enum wtl_device_kind kind,
                     const char *number, struct wtl_perf_counter *out, struct wtl_error *err)
{
    enum wtl_perf_domain domain = kind == WTL_DEVICE_CPU    ? WTL_PERF_PKG
                                  : kind == WTL_DEVICE_DRAM ? WTL_PERF_RAM
                                                            : WTL_PERF_PSYS;
    if (wtl_perf_counter_open(&s->power, s->ops, domain, number, out) < 0)
        return 1;
    if (out->why == -EMFILE || out->why == -ENFILE)
        return WTL_FAIL(err, WTL_IO, "cannot count the energy of %s: %s", id, strerror(-out->why));
    if (out->why < 0)
        s->why = out->why;
    return out->why < 0;
}

/* Of "rapl:0.1", "rapl:0.1/dram", "rapl:psys" (package 0 has no number there), "rapl:psys-1". */
static void number_in(const char *id, char buf[16])
{
    const char *rest = id + strlen("rapl:");
    if (wtl_starts_with(rest, "psys"))
        rest = rest[4] == '-' ? rest + 5 : "0";
    snprintf(buf, 16, "%.*s", (int)strcspn(rest, "/"), rest);
}

/* Where the counter in powercap is not to be read, perf's takes its place. */
static int replace_counter(struct search *s, struct found *f, struct zone *z,
                           struct wtl_device_info *info, struct wtl_error *err)
{
    double uj = 0;
    char number[16];
    struct wtl_perf_counter perf;
    f->counter = wtl_sysfs_number(&z->own.dir, "energy_uj", &uj);
    if (f->counter != WTL_ABSENT_DENIED && f->counter != WTL_ABSENT_UNSUPPORTED)
        return 0;
    number_in(f->id, number);
    int rc = open_perf(s, f->id, f->kind, number, &perf, err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    z->perf = perf;
    f->by_perf = true;
    info->sensor[WTL_M_energy_counter_j].wraps_at = 0; /* the kernel adds up */
    return 0;
}

/* A device that powercap does not show. One that perf refuses is there, too: its value is denied.
 */
static int add_perf_device(struct search *s, const char *id, enum wtl_device_kind kind,
                           const char *number, int parent, struct wtl_error *err)
{
    struct wtl_device_info *info = WTL_NEW(s->host->arena, struct wtl_device_info);
    struct zone *z = WTL_NEW(s->host->arena, struct zone);
    if (!info || !z)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    z->own.dir.fd = -1;
    int rc = open_perf(s, id, kind, number, &z->perf, err);
    if (rc < 0)
        return rc;
    assert(z->perf.ops); /* ids are made of what the PMU has */
    describe(id, kind, "psys", info);
    snprintf(info->driver, sizeof info->driver, "perf");
    info->parent = parent;
    wtl_backend_epoch(s->host, info->epoch);
    memcpy(z->id, info->id, sizeof z->id);
    z->sensors = info->sensors;
    rc = wtl_backend_add(s->host, info, &sensors, NULL, z, false, err);
    if (rc < 0)
        zone_close(z);
    else
        s->n_perf_alone++;
    return rc;
}

/* The device of that id that powercap shows; -1: none. */
static int shown(const struct search *s, const char *id)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->all[i].device >= 0 && strcmp(s->all[i].id, id) == 0)
            return s->all[i].device;
    return -1;
}

static bool platform_shown(const struct search *s)
{
    bool any = false;
    for (size_t i = 0; i < s->n; i++)
        any = any || (s->all[i].kind == WTL_DEVICE_NODE && s->all[i].device >= 0);
    return any;
}

static int add_perf_devices(struct search *s, struct wtl_error *err)
{
    const struct wtl_perf_event *event = s->power.event;
    char id[WTL_LIMIT_NAME];
    int rc = 0;
    for (int i = 0; s->power.has && i < s->power.n && rc >= 0; i++) {
        const char *number = s->power.package[i].number;
        snprintf(id, sizeof id, "rapl:%s", number);
        int package = shown(s, id);
        if (package < 0 && event[WTL_PERF_PKG].has)
            rc = package = add_perf_device(s, id, WTL_DEVICE_CPU, number, -1, err);
        snprintf(id, sizeof id, "rapl:%s/dram", number);
        if (rc >= 0 && event[WTL_PERF_RAM].has && shown(s, id) < 0)
            rc = add_perf_device(s, id, WTL_DEVICE_DRAM, number, package, err);
    }
    if (rc >= 0 && s->power.has && event[WTL_PERF_PSYS].has && !platform_shown(s))
        rc = add_perf_device(s, "rapl:psys", WTL_DEVICE_NODE, NULL, -1, err);
    return rc < 0 ? rc : 0;
}

/* ---- Through powercap -------------------------------------------------------------------------*/

static int add_zone(struct search *s, struct found *f, struct wtl_error *err)
{
    const struct wtl_backend_host *host = s->host;
    struct found *all = s->all;
    const size_t n = s->n;
    struct wtl_device_info *info = WTL_NEW(host->arena, struct wtl_device_info);
    struct zone *z = WTL_NEW(host->arena, struct zone);
    if (!info || !z)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_sysfs_dir_open(host->files, host->arena, f->path, &z->own.dir, err);
    if (rc <= 0)
        return rc;
    fill_info(f, z, info);
    rc = replace_counter(s, f, z, info, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        if (all[i].twin_of == f - all)
            rc = add_twin(host, all[i].path, z, err);
    wtl_backend_epoch(host, info->epoch);
    memcpy(z->id, info->id, sizeof z->id);
    z->sensors = info->sensors;
    const struct found *above = zone_above(all, n, f);
    if (above && above->twin_of >= 0)
        above = &all[above->twin_of];
    if (above)
        info->parent = above->device;
    if (rc == 0)
        rc = wtl_backend_add(host, info, &sensors, info->knobs ? &knobs : NULL, z, false, err);
    if (rc < 0) {
        zone_close(z);
        return rc;
    }
    f->device = rc;
    return 0;
}

/* ---- What is to be said -----------------------------------------------------------------------*/

#define GRANT_READ "sudo chmod a+r /" POWERCAP "/intel-rapl*:*/energy_uj"

#define GRANT_PERF "sudo sysctl kernel.perf_event_paranoid=0"

/* "kernel.perf_event_paranoid is 2" */
static const char *paranoia(const struct search *s, char buf[64])
{
    if (s->power.has_paranoid)
        snprintf(buf, 64, "kernel.perf_event_paranoid is %g", s->power.paranoid);
    else
        snprintf(buf, 64, "kernel.perf_event_paranoid is not known");
    return buf;
}

/* What perf counts in the place of powercap, could count, or counts as well. */
static void say_perf(const struct search *s, int by_powercap, int by_perf, int denied)
{
    const bool refused = s->why == -EACCES || s->why == -EPERM ||
                         (!s->ops && s->power.has_paranoid && s->power.paranoid > 0);
    char is[64];
    if (!s->power.has)
        return;
    if (by_perf)
        wtl_backend_finding(s->host, WTL_FINDING_OK, "rapl", NULL,
                            "%d energy counter%s read through perf (the power PMU): energy_uj is"
                            " for root only",
                            by_perf, by_perf == 1 ? " is" : "s are");
    if (denied && refused)
        wtl_backend_finding(s->host, WTL_FINDING_NOTE, "rapl", GRANT_PERF,
                            "perf counts the same (the power PMU), and is refused: %s, it takes 0"
                            " or less, or CAP_PERFMON",
                            paranoia(s, is));
    else if (by_powercap && !by_perf && !s->n_perf_alone)
        wtl_backend_finding(s->host, WTL_FINDING_NOTE, "rapl", NULL,
                            "perf counts the same (the power PMU): powercap is read, and nothing"
                            " counted twice");
    if (!s->n_perf_alone)
        return;
    if (!s->ops)
        wtl_backend_finding(s->host, WTL_FINDING_NOTE, "rapl", NULL,
                            "%d energy counter%s there through perf alone (the power PMU), which a"
                            " recorded machine cannot show",
                            s->n_perf_alone, s->n_perf_alone == 1 ? " is" : "s are");
    else if (refused)
        wtl_backend_finding(s->host, WTL_FINDING_LACK, "rapl", GRANT_PERF,
                            "%d energy counter%s there through perf alone (the power PMU), and"
                            " refused: %s, it takes 0 or less, or CAP_PERFMON; that lets every user"
                            " see fine-grained energy, which leaks secrets (CVE-2020-8694)",
                            s->n_perf_alone, s->n_perf_alone == 1 ? " is" : "s are",
                            paranoia(s, is));
    else if (s->why)
        wtl_backend_finding(s->host, WTL_FINDING_PROBLEM, "rapl", NULL,
                            "the energy counters of perf (the power PMU) cannot be opened: %s",
                            strerror(-s->why));
    else
        wtl_backend_finding(s->host, WTL_FINDING_OK, "rapl", NULL,
                            "%d energy counter%s read through perf (the power PMU)",
                            s->n_perf_alone, s->n_perf_alone == 1 ? " is" : "s are");
}

static void say_what_works(const struct search *s)
{
    const struct wtl_backend_host *host = s->host;
    int devices = 0, denied = 0, broken = 0, by_perf = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct found *f = &s->all[i];
        by_perf += f->by_perf;
        if (f->device < 0 || f->by_perf)
            continue;
        devices++;
        denied += f->counter == WTL_ABSENT_DENIED;
        broken += f->counter != WTL_ABSENT_DENIED && f->counter != WTL_PRESENT;
    }
    if (denied)
        wtl_backend_finding(host, WTL_FINDING_LACK, "rapl", GRANT_READ,
                            "%d of %d energy counters are for root only, since fine-grained energy"
                            " leaks secrets (CVE-2020-8694); the command opens them to every user"
                            " until the next boot",
                            denied, devices + by_perf);
    if (broken)
        wtl_backend_finding(host, WTL_FINDING_PROBLEM, "rapl", NULL,
                            "%d of %d energy counters cannot be read", broken, devices + by_perf);
    if (devices > denied + broken)
        wtl_backend_finding(host, WTL_FINDING_OK, "rapl", NULL, "%d energy counter%s can be read",
                            devices - denied - broken, wtl_plural(devices - denied - broken));
    say_perf(s, devices - denied - broken, by_perf, denied);
}

static void say_zones(const struct wtl_backend_host *host, const struct found *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (all[i].twin_of >= 0 && all[i].kind != WTL_DEVICE_DRAM)
            wtl_backend_finding(host, WTL_FINDING_NOTE, all[i].id, NULL,
                                "%s shows the same %s once more: counted once, and the lower of the"
                                " two limits holds",
                                all[i].zone,
                                all[i].kind == WTL_DEVICE_NODE ? "platform" : "package");
        if (all[i].kind == WTL_DEVICE_NODE && all[i].device >= 0)
            wtl_backend_finding(host, WTL_FINDING_NOTE, all[i].id, NULL,
                                "psys counts the whole platform, packages included: never add it"
                                " to them");
    }
}

/* Virtual machines have no such counters, and containers are not shown them: no fault of theirs. */
static void say_nothing_here(const struct wtl_backend_host *host)
{
    struct wtl_world world;
    wtl_world_look(host->files, &world);
    wtl_backend_finding(host, WTL_FINDING_NOTE, "rapl",
                        world.container ? NULL : "sudo modprobe intel_rapl_msr",
                        "no energy counters of CPUs: no /" POWERCAP "/intel-rapl* (hidden from"
                        " virtual machines and containers; elsewhere the module may be missing)");
}

int wtl_rapl_open(const struct wtl_backend_host *host, const struct wtl_perf_ops *perf,
                  struct wtl_error *err)
{
    struct search s = {.host = host, .ops = perf};
    char **names = NULL;
    size_t n = 0;
    int rc = wtl_sysfs_list(host->files, host->arena, POWERCAP, "intel-rapl", &names, &n, err);
    if (rc < 0)
        return rc;
    s.all = WTL_NEW_ARRAY(host->arena, struct found, n + 1);
    if (!s.all)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    wtl_perf_power_look(host->files, &s.power);
    s.n = look(host, names, n, s.all);
    pair(s.all, s.n);
    for (size_t i = 0; i < s.n && rc == 0; i++)
        if (s.all[i].id[0] && s.all[i].twin_of < 0)
            rc = add_zone(&s, &s.all[i], err);
    if (rc == 0)
        rc = add_perf_devices(&s, err);
    if (rc < 0)
        return rc;
    if (s.n == 0 && s.n_perf_alone == 0)
        say_nothing_here(host);
    say_what_works(&s);
    say_zones(host, s.all, s.n);
    return 0;
}

static int rapl_open(const struct wtl_backend_host *host, struct wtl_error *err)
{
    return wtl_rapl_open(host, host->live ? wtl_perf_ops_system() : NULL, err);
}

const struct wtl_backend wtl_backend_rapl = {
    .prefix = "rapl",
    .summary = "CPU packages and memory through RAPL (powercap, perf)",
    .open = rapl_open,
};
