/* SPDX-License-Identifier: Apache-2.0
 * The registry: asks the back ends what is here, keeps what was asked for, finds by name. */
#include "base/file.h"
#include "base/text.h"
#include "device/machine_impl.h"
#include "device/sysfs.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEADLINE_NS (5 * WTL_NS_PER_S)

/* Named starts of ids shorter than this are too easily somebody else's. */
enum { START_MIN = 8 };

/* In the order in which devices are listed. */
static const struct wtl_backend *const backends[] = {
    /* GPUs, */
    &wtl_backend_nvml,
    &wtl_backend_amdgpu,
    &wtl_backend_intelgpu,
    /* then CPUs, */
    &wtl_backend_rapl,
    &wtl_backend_cpufreq,
    &wtl_backend_cgroup,
    /* then the node, */
    &wtl_backend_hwmon,
    &wtl_backend_ipmi,
    /* then those that exist only when named. */
    &wtl_backend_redfish,
    &wtl_backend_meter,
    &wtl_backend_virtual,
    &wtl_backend_replay,
    &wtl_backend_estimate,
    &wtl_backend_faulty,
    NULL,
};
enum { N_BACKENDS = sizeof backends / sizeof backends[0] - 1 };

/* ---- What back ends say ---------------------------------------------------------------------- */

int wtl_machine_keep(struct wtl_machine *m, struct wtl_device *d, struct wtl_error *err)
{
    if (wtl_machine_by_id(m, d->info.id)) {
        int rc = WTL_FAIL(err, WTL_FAILED, "two devices go by the id %s", d->info.id);
        if (wtl_starts_with(d->info.id, "meter:"))
            wtl_error_hint(err, "each meter needs a name of its own: name=...");
        return rc;
    }
    if (wtl_grow(&m->arena, &m->devices, m->n, &m->cap) < 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    m->devices[m->n++] = d;
    return 0;
}

int wtl_machine_add(struct wtl_machine *m, const struct wtl_device_info *info,
                    const struct wtl_device_ops *ops, struct wtl_error *err)
{
    struct wtl_device *d = WTL_NEW(&m->arena, struct wtl_device);
    if (!d)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    d->info = *info;
    d->ops = *ops;
    d->machine = m;
    d->asked = m->asking;
    int rc = wtl_worker_init(d, err);
    if (rc == 0)
        rc = wtl_machine_keep(m, d, err);
    if (rc < 0) {
        wtl_worker_fini(d);
        return rc;
    }
    return (int)m->n - 1;
}

int wtl_backend_add(const struct wtl_backend_host *host, const struct wtl_device_info *info,
                    const struct wtl_sensor_ops *sensors, const struct wtl_knob_ops *knobs,
                    void *state, bool blocks, struct wtl_error *err)
{
    struct wtl_device_ops ops = {sensors, knobs, state, blocks};
    return wtl_machine_add(host->machine, info, &ops, err);
}

int wtl_backend_name(const char *text, char name_out[64], struct wtl_error *err)
{
    size_t n = strlen(text);
    bool good = n > 0 && n < 64;
    for (size_t i = 0; i < n; i++)
        good = good && (isalnum((unsigned char)text[i]) || strchr("._-", text[i]));
    if (!good)
        return WTL_FAIL(err, WTL_USAGE,
                        "\"name=%.80s\": a name is up to 63 letters, digits, '.', '_' and '-'",
                        text);
    memcpy(name_out, text, n + 1);
    return 0;
}

void wtl_backend_finding(const struct wtl_backend_host *host, enum wtl_finding_level level,
                         const char *subject, const char *fix, const char *format, ...)
{
    struct wtl_machine *m = host->machine;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct wtl_finding f = {.level = level,
                            .text = wtl_arena_strdup(&m->arena, text),
                            .fix = fix ? wtl_arena_strdup(&m->arena, fix) : ""};
    snprintf(f.subject, sizeof f.subject, "%s", subject);
    if (!f.text || !f.fix || wtl_grow(&m->arena, &m->findings, m->n_findings, &m->cap_findings) < 0)
        return; /* arena.failed tells wtl_machine_open() */
    m->findings[m->n_findings++] = f;
}

void wtl_backend_epoch(const struct wtl_backend_host *host, char epoch_out[WTL_LIMIT_NAME])
{
    struct wtl_machine *m = host->machine;
    if (!m->has_epoch)
        wtl_sysfs_epoch(m->files, m->epoch);
    m->has_epoch = true;
    memcpy(epoch_out, m->epoch, sizeof m->epoch);
}

/* ---- Opening --------------------------------------------------------------------------------- */

struct wtl_backend_host wtl_backend_host_of(struct wtl_machine *m, const char *wanted)
{
    return (struct wtl_backend_host){.arena = &m->arena,
                                     .clock = m->clock,
                                     .root_fd = m->root_fd,
                                     .files = m->files,
                                     .live = m->live,
                                     .nvml = m->nvml,
                                     .wanted = wanted,
                                     .machine = m};
}

/* The back end of "prefix:...", or NULL; *rest_out is what follows the colon. */
static const struct wtl_backend *backend_of(const char *name, const char **rest_out)
{
    for (int i = 0; i < N_BACKENDS; i++) {
        size_t n = strlen(backends[i]->prefix);
        if (strncmp(name, backends[i]->prefix, n) == 0 && name[n] == ':') {
            *rest_out = name + n + 1;
            return backends[i];
        }
    }
    return NULL;
}

static int open_all(struct wtl_machine *m, struct wtl_error *err)
{
    int rc = 0;
    for (int i = 0; i < N_BACKENDS && rc == 0; i++)
        if (!backends[i]->named_only && !(m->for_knobs && backends[i]->slow_meter))
            rc = wtl_backend_open(m, backends[i], NULL, false, err);
    return rc;
}

static bool listed(const struct wtl_machine *m, const struct wtl_device *d)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->devices[i] == d)
            return true;
    return false;
}

static bool any_without_backend(const char *const *names)
{
    const char *rest;
    for (; *names; names++)
        if (!backend_of(*names, &rest))
            return true;
    return false;
}

/* 0 where a name that is nowhere may be left out; else the failure, handed on. */
static int unless_left_out(const struct wtl_machine *m, int rc, const struct wtl_error *why,
                           struct wtl_error *err)
{
    if (rc == -(int)WTL_NOTFOUND && m->only_those_here)
        return 0;
    if (rc < 0 && err)
        *err = *why;
    return rc;
}

/* Opens what the names may mean: each back end once, but for the named-only ones. */
static int open_for(struct wtl_machine *m, const char *const *names, struct wtl_error *err)
{
    bool opened[N_BACKENDS + 1] = {false};
    struct wtl_error why = {0};
    int rc = 0;
    if (any_without_backend(names)) { /* a UUID, a PCI address, a number */
        rc = open_all(m, err);
        for (int i = 0; i < N_BACKENDS; i++)
            opened[i] = !backends[i]->named_only;
    }
    for (size_t k = 0; names[k] && rc == 0; k++) {
        const char *rest = NULL;
        const struct wtl_backend *b = backend_of(names[k], &rest);
        if (!b)
            continue;
        int i = 0;
        while (backends[i] != b)
            i++;
        bool each = b->named_only || b->by_name;
        bool again = !each && opened[i];
        for (size_t j = 0; j < k && each; j++)
            again = again || strcmp(names[j], names[k]) == 0;
        if (!again)
            rc = unless_left_out(m, wtl_backend_open(m, b, rest, true, &why), &why, err);
        opened[i] = !each;
    }
    return rc;
}

/* Makes room to hide so many more devices. */
static int reserve_hidden(struct wtl_machine *m, size_t more, struct wtl_error *err)
{
    while (m->cap_hidden < m->n_hidden + more)
        if (wtl_grow(&m->arena, &m->hidden, m->cap_hidden, &m->cap_hidden) < 0)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    return 0;
}

/* Makes `chosen` the machine's devices; what else was found is kept until close. */
static int restrict_to(struct wtl_machine *m, struct wtl_device **chosen, size_t n,
                       struct wtl_error *err)
{
    struct wtl_device **all = m->devices;
    size_t n_all = m->n;
    int rc = reserve_hidden(m, n_all, err);
    if (rc < 0)
        return rc;
    m->devices = chosen;
    m->n = n;
    m->cap = n;
    m->found = all;
    m->n_found = n_all;
    for (size_t i = 0; i < n_all; i++)
        if (!listed(m, all[i]))
            m->hidden[m->n_hidden++] = all[i];
    for (size_t i = 0; i < n; i++) {
        struct wtl_device_info *info = &chosen[i]->info;
        const struct wtl_device *parent = info->parent >= 0 ? all[info->parent] : NULL;
        info->parent = -1;
        for (size_t j = 0; j < n; j++)
            if (chosen[j] == parent)
                info->parent = (int)j;
    }
    return 0;
}

static void choose(struct wtl_device **chosen, size_t *n, struct wtl_device *d)
{
    for (size_t i = 0; i < *n; i++)
        if (chosen[i] == d)
            return;
    chosen[(*n)++] = d;
}

/* "replay:FILE" is every GPU of the file: "replay:FILE#0", "replay:FILE#1" ..., unless there is one
 * of that very name. */
static bool choose_numbered(struct wtl_machine *m, const char *name, struct wtl_device **chosen,
                            size_t *n)
{
    size_t length = strlen(name);
    bool any = false;
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->devices[i]->info.id, name) == 0)
            return false;
    for (size_t i = 0; i < m->n; i++) {
        const char *id = m->devices[i]->info.id;
        if (strncmp(id, name, length) != 0 || id[length] != '#')
            continue;
        choose(chosen, n, m->devices[i]);
        any = true;
    }
    return any;
}

static int select_devices(struct wtl_machine *m, const char *const *names, struct wtl_error *err)
{
    size_t n = 0;
    struct wtl_error why = {0};
    struct wtl_device **chosen = WTL_NEW_ARRAY(&m->arena, struct wtl_device *, m->n + 1);
    if (!chosen)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (; *names; names++) {
        struct wtl_device *d = NULL;
        if (choose_numbered(m, *names, chosen, &n))
            continue;
        int rc = unless_left_out(m, wtl_machine_find(m, *names, &d, &why), &why, err);
        if (rc < 0)
            return rc;
        if (d)
            choose(chosen, &n, d);
    }
    return restrict_to(m, chosen, n, err);
}

static int open_root(struct wtl_machine *m, const struct wtl_machine_options *options,
                     struct wtl_error *err)
{
    int rc = 0;
    m->files = options->files;
    if (!m->files) {
        rc = wtl_sysfs_open(&m->arena, options->root ? options->root : "/", &m->own_files, err);
        m->files = m->own_files;
    }
    if (rc < 0)
        return rc;
    m->root_fd = wtl_sysfs_root_fd(m->files);
    m->live = wtl_sysfs_live(m->files);
    return 0;
}

static void open_also(struct wtl_machine *m, const char *const *names)
{
    struct wtl_error why = {0};
    for (; names && *names; names++) {
        const struct wtl_backend_host host = wtl_backend_host_of(m, *names);
        if (open_for(m, (const char *const[]){*names, NULL}, &why) < 0)
            wtl_backend_finding(&host, WTL_FINDING_NOTE, *names, NULL, "%s", why.message);
    }
}

static int fill(struct wtl_machine *m, const struct wtl_machine_options *options,
                struct wtl_error *err)
{
    int rc = open_root(m, options, err);
    if (rc == 0)
        rc = options->only ? open_for(m, options->only, err) : open_all(m, err);
    if (rc == 0 && options->only)
        rc = select_devices(m, options->only, err);
    if (rc == 0 && !options->only)
        open_also(m, options->also);
    if (rc == 0 && m->arena.failed)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    return rc;
}

int wtl_machine_open(struct wtl_alloc alloc, const struct wtl_machine_options *options,
                     struct wtl_machine **machine_out, struct wtl_error *err)
{
    struct wtl_arena arena;
    wtl_arena_init(&arena, alloc);
    struct wtl_machine *m = WTL_NEW(&arena, struct wtl_machine);
    if (!m)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    m->arena = arena;
    m->clock = options->clock;
    m->deadline_ns = options->deadline_ns > 0 ? options->deadline_ns : DEADLINE_NS;
    m->root_fd = -1;
    m->nvml = options->nvml;
    m->only_those_here = options->only_those_here;
    m->for_knobs = options->for_knobs;
    int rc = fill(m, options, err);
    if (rc < 0)
        wtl_machine_close(m);
    else
        *machine_out = m;
    return rc;
}

static bool close_devices(struct wtl_device **devices, size_t n)
{
    bool all = true;
    for (size_t i = n; i-- > 0;) {
        struct wtl_device *d = devices[i];
        bool ended = wtl_worker_fini(d);
        if (ended && d->ops.sensors->close)
            d->ops.sensors->close(d->ops.state);
        all = all && ended;
    }
    return all;
}

void wtl_machine_close(struct wtl_machine *m)
{
    if (!m)
        return;
    bool ended = close_devices(m->devices, m->n);
    ended = close_devices(m->hidden, m->n_hidden) && ended;
    for (struct wtl_machine *p = m->parts; p; p = p->next_part)
        ended = close_devices(p->devices, p->n) && ended;
    if (!ended || m->abandoned)
        return; /* a thread that hangs in a driver may yet write there */
    wtl_sysfs_close(m->own_files);
    for (struct wtl_machine *p = m->parts, *next; p; p = next) {
        next = p->next_part;
        struct wtl_arena of_part = p->arena;
        wtl_arena_fini(&of_part);
    }
    struct wtl_arena arena = m->arena;
    wtl_arena_fini(&arena);
}

/* ---- Looking --------------------------------------------------------------------------------- */

struct wtl_sysfs *wtl_machine_files(const struct wtl_machine *m)
{
    return m->files;
}

size_t wtl_machine_count(const struct wtl_machine *m)
{
    return m->n;
}

struct wtl_device *wtl_machine_device(struct wtl_machine *m, size_t index)
{
    return m->devices[index];
}

struct wtl_device *wtl_machine_by_id(const struct wtl_machine *m, const char *id)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->devices[i]->info.id, id) == 0)
            return m->devices[i];
    return NULL;
}

const struct wtl_device_info *wtl_device_info(const struct wtl_device *device)
{
    return &device->info;
}

const struct wtl_finding *wtl_machine_findings(const struct wtl_machine *m, size_t *n_out)
{
    *n_out = m->n_findings;
    return m->findings;
}

/* "00000000:3B:00.0", "0000:3b:00.0" and "3b:00.0" are one address. */
static void fold_pci(const char *text, char *dst, size_t size)
{
    const char *first = strchr(text, ':');
    const char *second = first ? strchr(first + 1, ':') : NULL;
    unsigned long domain = second ? strtoul(text, NULL, 16) : 0;
    snprintf(dst, size, "%04lx:%s", domain, second ? first + 1 : text);
    for (char *p = dst; *p; p++)
        *p = (char)tolower((unsigned char)*p);
}

static bool is_pci(const struct wtl_device_info *info, const char *name)
{
    char a[64], b[64];
    if (info->pci[0] == '\0' || !strchr(name, ':') || !strchr(name, '.'))
        return false;
    fold_pci(info->pci, a, sizeof a);
    fold_pci(name, b, sizeof b);
    return strcmp(a, b) == 0;
}

static bool is_number(const struct wtl_device_info *info, const char *name)
{
    int64_t number;
    return info->kind == WTL_DEVICE_GPU && wtl_parse_int(name, strlen(name), &number) &&
           info->index >= 0 && number == info->index;
}

static bool is_named(const struct wtl_device *d, const char *name)
{
    const struct wtl_device_info *info = &d->info;
    return strcmp(info->id, name) == 0 || (d->asked && strcmp(d->asked, name) == 0) ||
           (info->uuid[0] && strcmp(info->uuid, name) == 0) || is_pci(info, name) ||
           is_number(info, name);
}

static bool starts(const struct wtl_device_info *info, const char *name)
{
    return strlen(name) >= START_MIN &&
           (wtl_starts_with(info->id, name) || wtl_starts_with(info->uuid, name));
}

const char *wtl_machine_hang(const struct wtl_machine *m)
{
    if (!m->abandoned)
        return NULL;
    return m->hang ? m->hang : "a driver hangs";
}

void wtl_machine_hang_hint(struct wtl_error *err)
{
    wtl_error_hint(err, "the driver's own tools (nvidia-smi) hang then, too; `wattle doctor` and "
                        "`sudo dmesg` may say why, `ps -eo pid,stat,comm | grep ' D'` shows "
                        "processes that it holds");
}

/* The numbers that GPUs go by, "0 to 3"; "": they have none, or with gaps. */
static const char *numbers_here(const struct wtl_machine *m, char buf[48])
{
    int n = 0, lo = 0, hi = 0;
    for (size_t i = 0; i < m->n; i++) {
        const struct wtl_device_info *info = &m->devices[i]->info;
        if (info->kind != WTL_DEVICE_GPU || info->index < 0)
            continue;
        lo = n == 0 || info->index < lo ? info->index : lo;
        hi = n == 0 || info->index > hi ? info->index : hi;
        n++;
    }
    buf[0] = '\0';
    if (n == 1)
        snprintf(buf, 48, "GPU %d; ", lo);
    else if (n > 1 && hi - lo + 1 == n)
        snprintf(buf, 48, "GPUs %d to %d; ", lo, hi);
    return buf;
}

/* "devices here: GPUs 0 to 1; A, B and 3 more" as the hint. */
static void hint_what_is_here(const struct wtl_machine *m, struct wtl_error *err)
{
    char text[WTL_ERROR_HINT_MAX - 112] = "", numbers[48];
    size_t len = 0, i = 0;
    for (; i < m->n && len + WTL_LIMIT_NAME + 4 < sizeof text; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? ", " : "",
                                m->devices[i]->info.id);
    if (m->n == 0)
        wtl_error_hint(err, "no device was found; `wattle doctor` says why");
    else if (i < m->n)
        wtl_error_hint(err, "devices here: %s%s and %zu more", numbers_here(m, numbers), text,
                       m->n - i);
    else
        wtl_error_hint(err, "devices here: %s%s", numbers_here(m, numbers), text);
}

int wtl_machine_find(struct wtl_machine *m, const char *name, struct wtl_device **device_out,
                     struct wtl_error *err)
{
    struct wtl_device *found = NULL;
    size_t n = 0;
    for (int pass = 0; pass < 2 && n == 0; pass++)
        for (size_t i = 0; i < m->n; i++) {
            const struct wtl_device *d = m->devices[i];
            if (pass == 0 ? !is_named(d, name) : !starts(&d->info, name))
                continue;
            found = m->devices[i];
            n++;
        }
    if (n == 1) {
        *device_out = found;
        return 0;
    }
    const char *hang = wtl_machine_hang(m);
    if (n == 0 && hang) {
        int rc = WTL_FAIL(err, WTL_TIMEOUT, "device \"%s\" cannot be looked for: %s", name, hang);
        wtl_machine_hang_hint(err);
        return rc;
    }
    int rc = n == 0 ? WTL_FAIL(err, WTL_NOTFOUND, "there is no device \"%s\"", name)
                    : WTL_FAIL(err, WTL_USAGE, "\"%s\" may be any of %zu devices", name, n);
    hint_what_is_here(m, err);
    return rc;
}

/* All devices are kept until close, and are none of the machine's. Without memory for that they are
 * closed now. */
static int hide_all(struct wtl_machine *m, struct wtl_error *err)
{
    int rc = reserve_hidden(m, m->n, err);
    if (rc < 0)
        m->abandoned = !close_devices(m->devices, m->n) || m->abandoned;
    for (size_t i = 0; i < m->n && rc == 0; i++)
        m->hidden[m->n_hidden++] = m->devices[i];
    return rc;
}

int wtl_backend_wrap(const struct wtl_backend_host *host, const char *id,
                     const struct wtl_device_info **info_out, struct wtl_device_ops *ops_out,
                     struct wtl_error *err)
{
    struct wtl_machine *m = host->machine;
    struct wtl_device **devices = m->devices, *found = NULL;
    const size_t n = m->n, cap = m->cap;
    const char *const names[] = {id, NULL};
    /* On a list of its own: the machine may have a device of that name, too. */
    m->devices = NULL;
    m->n = m->cap = 0;
    int rc = open_for(m, names, err);
    if (rc == 0)
        rc = wtl_machine_find(m, id, &found, err);
    int hidden = hide_all(m, rc < 0 ? NULL : err);
    m->devices = devices;
    m->n = n;
    m->cap = cap;
    if (rc < 0 || hidden < 0)
        return rc < 0 ? rc : hidden;
    *info_out = &found->info;
    *ops_out = found->ops;
    return 0;
}

const char *wtl_device_kind_title(enum wtl_device_kind kind)
{
    static const char *const titles[] = {
        [WTL_DEVICE_GPU] = "GPU",
        [WTL_DEVICE_GPU_SLICE] = "MIG instance",
        [WTL_DEVICE_CPU] = "CPU package",
        [WTL_DEVICE_DRAM] = "memory of a package",
        [WTL_DEVICE_CPU_CLOCK] = "CPU clock",
        [WTL_DEVICE_CGROUP] = "control group",
        [WTL_DEVICE_NODE] = "node",
    };
    return titles[kind];
}

const char *wtl_process_kind_name(enum wtl_process_kind kind)
{
    static const char *const names[] = {[WTL_PROCESS_COMPUTE] = "compute",
                                        [WTL_PROCESS_GRAPHICS] = "graphics",
                                        [WTL_PROCESS_MPS_CLIENT] = "mps_client"};
    return names[kind];
}

const char *wtl_device_kind_name(enum wtl_device_kind kind)
{
    static const char *const names[] = {
        [WTL_DEVICE_GPU] = "gpu",
        [WTL_DEVICE_GPU_SLICE] = "gpu_slice",
        [WTL_DEVICE_CPU] = "cpu",
        [WTL_DEVICE_DRAM] = "dram",
        [WTL_DEVICE_CPU_CLOCK] = "cpu_clock",
        [WTL_DEVICE_CGROUP] = "cgroup",
        [WTL_DEVICE_NODE] = "node",
    };
    return names[kind];
}
