/* SPDX-License-Identifier: Apache-2.0
 * The device that a Redfish chassis is: where its power stands, and reading it. */
#include "device/redfish/redfish.h"

#include "device/asking.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define GAP_NS WTL_NS_PER_S
#define REST_NS (5 * WTL_NS_PER_S) /* after a failure */

/* Sensors of one chassis that are looked at for its total. */
enum { SENSORS_MAX = 512, CANDIDATES_MAX = 8 };

struct source {
    enum wtl_redfish_kind kind;
    char path[WTL_REDFISH_PATH];
};

struct bmc {
    char id[WTL_LIMIT_NAME];
    char host[WTL_LIMIT_NAME];
    struct wtl_asking asking;
    struct wtl_redfish_service service;
    struct wtl_buf body;
    struct source main;   /* has the power; the energy where there is none */
    struct source energy; /* has the energy; path "": main has what there is */
    uint64_t sensors;
    struct wtl_redfish_values last;
};

/* ---- Asking ---------------------------------------------------------------------------------- */

/* The document at `path`; the caller's: json_decref(). */
static int fetch(struct bmc *d, const char *path, json_t **root_out, struct wtl_error *err)
{
    int rc = d->service.get(d->service.ctx, path, &d->body, err);
    if (rc < 0)
        return rc;
    rc = wtl_json_parse(wtl_buf_str(&d->body), d->body.len, path, root_out, err);
    if (rc < 0)
        wtl_error_context(err, "%s answers with what is no JSON", d->host);
    return rc;
}

static int fetch_values(struct bmc *d, const struct source *source, struct wtl_redfish_values *out,
                        struct wtl_error *err)
{
    json_t *root = NULL;
    int rc = fetch(d, source->path, &root, err);
    if (rc < 0)
        return rc;
    struct wtl_json at = wtl_json_root(root, source->path);
    rc = wtl_redfish_values(&at, source->kind, out, err);
    json_decref(root);
    return rc;
}

/* After which the service is left alone: it is not there, or locks accounts. */
static bool is_final(int rc)
{
    return rc == -WTL_TIMEOUT || rc == -WTL_PERMISSION;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* The power, and the energy where another resource has it: a failure of that is no failure, unless
 * the service is not to be asked any more. */
static int fetch_both(struct bmc *d, struct wtl_redfish_values *out, struct wtl_error *err)
{
    struct wtl_redfish_values v = {0}, more = {0};
    int rc = fetch_values(d, &d->main, &v, err);
    if (rc == 0 && d->energy.path[0]) {
        struct wtl_error why = {0};
        rc = fetch_values(d, &d->energy, &more, &why);
        if (rc < 0 && is_final(rc))
            *err = why;
        else
            rc = 0;
        v.has_energy = more.has_energy;
        v.energy_j = more.energy_j;
    }
    if (rc == 0)
        *out = v;
    return rc;
}

static int refresh(struct bmc *d, struct wtl_error *err)
{
    struct wtl_error why = {0};
    int rc;
    if (!wtl_asking_due(&d->asking, &rc, err))
        return rc;
    rc = fetch_both(d, &d->last, &why);
    return wtl_asking_ends(&d->asking, rc, &why, GAP_NS,
                           rc == -WTL_PERMISSION ? WTL_ASKING_NEVER : REST_NS, err);
}

static void put(const struct bmc *d, struct wtl_reading *out, uint64_t wanted, enum wtl_metric m,
                bool has, double value)
{
    if (d->sensors & WTL_METRIC_BIT(m))
        wtl_asking_put(&d->asking, out, wanted, m, has ? WTL_PRESENT : WTL_ABSENT_NOT_YET, value);
}

static int bmc_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    struct bmc *d = state;
    int rc = refresh(d, err);
    if (rc < 0)
        return rc;
    put(d, out, wanted, WTL_M_power_w, d->last.has_power, d->last.power_w);
    put(d, out, wanted, WTL_M_energy_counter_j, d->last.has_energy, d->last.energy_j);
    return 0;
}

static void bmc_interrupt(void *state)
{
    struct bmc *d = state;
    d->service.interrupt(d->service.ctx);
}

static void bmc_close(void *state)
{
    struct bmc *d = state;
    d->service.close(d->service.ctx);
    wtl_buf_fini(&d->body);
}

static const struct wtl_sensor_ops sensors = {
    .read = bmc_read, .interrupt = bmc_interrupt, .close = bmc_close};

/* ---- Finding the chassis --------------------------------------------------------------------- */

/* "1, 2" of ".../Chassis/1", ".../Chassis/2". */
static void list_members(const struct wtl_json *collection, size_t n, char *buf, size_t size)
{
    size_t len = 0, all = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < n && len + WTL_REDFISH_PATH / 4 < size; i++) {
        char path[WTL_REDFISH_PATH];
        if (wtl_redfish_member(collection, i, &all, path))
            len += (size_t)snprintf(buf + len, size - len, "%s%.60s", len ? ", " : "", path);
    }
}

/* The chassis that there is; several are for the user to choose from. */
static int only_chassis(struct bmc *d, char path[WTL_REDFISH_PATH], struct wtl_error *err)
{
    json_t *root = NULL;
    char here[256];
    size_t n = 0;
    int rc = fetch(d, "/redfish/v1/Chassis", &root, err);
    if (rc < 0)
        return rc;
    struct wtl_json collection = wtl_json_root(root, d->host);
    bool is_link = wtl_redfish_member(&collection, 0, &n, path);
    list_members(&collection, n, here, sizeof here);
    if (n != 1 || !is_link) {
        rc = WTL_FAIL(err, n > 1 ? WTL_USAGE : WTL_NOTFOUND, "%s has %zu chassis", d->host, n);
        if (here[0])
            wtl_error_hint(err, "name one of them behind the host: %s", here);
    }
    json_decref(root);
    return rc;
}

/* ---- Finding its power ----------------------------------------------------------------------- */

/* The first resource that was broken: what it said is told where no other has the power. */
struct broken {
    int rc; /* 0: none was */
    struct wtl_error why;
};

/* After a failure: 0, and it is kept; what no other resource would mend is returned. */
static int passed_over(int rc, const struct wtl_error *why, struct broken *first,
                       struct wtl_error *err)
{
    if (rc < 0 && is_final(rc)) {
        if (err)
            *err = *why;
        return rc;
    }
    if (rc < 0 && rc != -WTL_NOTFOUND && first->rc == 0) { /* that would be a link to nothing */
        first->rc = rc;
        first->why = *why;
    }
    return 0;
}

/* Whether a resource has the power, or the energy. One that is broken is passed over, since another
 * may have the same. */
static int try_resource(struct bmc *d, const char *path, enum wtl_redfish_kind kind,
                        struct broken *first, struct wtl_error *err)
{
    struct wtl_redfish_values v;
    struct wtl_error why = {0};
    struct source at = {.kind = kind};
    snprintf(at.path, sizeof at.path, "%s", path);
    int rc = fetch_values(d, &at, &v, &why);
    if (rc < 0)
        return passed_over(rc, &why, first, err);
    if (v.knows_power || (v.knows_energy && !d->last.knows_energy)) {
        d->energy = d->main; /* which has the energy alone, or is none yet */
        d->main = at;
        v.knows_energy = v.knows_energy || d->last.knows_energy;
        d->last = v;
    }
    return 0;
}

static bool has_word(const char *text, const char *word)
{
    return strcasestr(text, word) != NULL;
}

/* "Sensors/total_power", "Sensors/PowerTotal". */
static bool may_be_total(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && has_word(slash, "power") &&
           (has_word(slash, "total") || has_word(slash, "sys"));
}

static int try_sensors(struct bmc *d, const char *collection_path, struct broken *first,
                       struct wtl_error *err)
{
    struct wtl_error why = {0};
    char candidate[CANDIDATES_MAX][WTL_REDFISH_PATH];
    json_t *root = NULL;
    size_t n = 1, n_candidates = 0;
    int rc = fetch(d, collection_path, &root, &why);
    if (rc < 0)
        return passed_over(rc, &why, first, err);
    struct wtl_json collection = wtl_json_root(root, d->host);
    for (size_t i = 0; i < n && i < SENSORS_MAX && n_candidates < CANDIDATES_MAX; i++)
        n_candidates += wtl_redfish_member(&collection, i, &n, candidate[n_candidates]) &&
                        may_be_total(candidate[n_candidates]);
    json_decref(root);
    for (size_t i = 0; i < n_candidates && rc == 0 && !d->last.knows_power; i++)
        rc = try_resource(d, candidate[i], WTL_REDFISH_SENSOR, first, err);
    return rc;
}

static int find_power(struct bmc *d, const char *chassis, struct wtl_error *err)
{
    struct broken first = {.rc = 0};
    json_t *root = NULL;
    char environment[WTL_REDFISH_PATH] = "", power[WTL_REDFISH_PATH] = "",
         collection[WTL_REDFISH_PATH] = "";
    int rc = fetch(d, chassis, &root, err);
    if (rc < 0)
        return rc;
    struct wtl_json at = wtl_json_root(root, chassis);
    (void)wtl_redfish_link(&at, "EnvironmentMetrics", environment);
    (void)wtl_redfish_link(&at, "Power", power);
    (void)wtl_redfish_link(&at, "Sensors", collection);
    json_decref(root);
    if (environment[0])
        rc = try_resource(d, environment, WTL_REDFISH_ENVIRONMENT, &first, err);
    if (rc == 0 && power[0] && !d->last.knows_power)
        rc = try_resource(d, power, WTL_REDFISH_POWER, &first, err);
    if (rc == 0 && collection[0] && !d->last.knows_power)
        rc = try_sensors(d, collection, &first, err);
    if (rc < 0 || d->main.path[0])
        return rc;
    if (first.rc < 0) {
        if (err)
            *err = first.why;
        return first.rc;
    }
    rc = WTL_FAIL(err, WTL_UNSUPPORTED, "%s tells no power of %s", d->host, chassis);
    wtl_error_hint(err,
                   "looked for in EnvironmentMetrics, Power and Sensors of the chassis; another "
                   "chassis of that service may have it");
    return rc;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static void identify(struct bmc *d, const struct wtl_redfish_options *o, const char *chassis)
{
    const char *slash = strrchr(chassis, '/');
    if (o->name[0])
        snprintf(d->id, sizeof d->id, "redfish:%s", o->name);
    else
        snprintf(d->id, sizeof d->id, "redfish:%.60s/%.20s", o->host, slash ? slash + 1 : "");
    for (char *p = d->id; *p; p++)
        if (!isgraph((unsigned char)*p))
            *p = '_';
}

static const char *kind_title(enum wtl_redfish_kind kind)
{
    return kind == WTL_REDFISH_ENVIRONMENT ? "EnvironmentMetrics"
           : kind == WTL_REDFISH_POWER     ? "PowerControl"
                                           : "Sensor";
}

static void describe(struct bmc *d, struct wtl_device_info *info)
{
    *info = (struct wtl_device_info){.kind = WTL_DEVICE_NODE, .parent = -1, .index = -1};
    if (d->last.knows_power)
        d->sensors |= WTL_METRIC_BIT(WTL_M_power_w);
    if (d->last.knows_energy)
        d->sensors |= WTL_METRIC_BIT(WTL_M_energy_counter_j);
    snprintf(info->id, sizeof info->id, "%s", d->id);
    snprintf(info->name, sizeof info->name, "node (BMC at %.70s)", d->host);
    snprintf(info->driver, sizeof info->driver, "Redfish %s", kind_title(d->main.kind));
    info->sensors = d->sensors;
    int64_t period = d->last.period_ns > GAP_NS ? d->last.period_ns : GAP_NS;
    info->sensor[WTL_M_power_w].period_ns = info->sensor[WTL_M_energy_counter_j].period_ns = period;
}

static int open_chassis(const struct wtl_backend_host *host, struct bmc *d,
                        const struct wtl_redfish_options *o, struct wtl_error *err)
{
    char chassis[WTL_REDFISH_PATH];
    struct wtl_device_info *info = WTL_NEW(host->arena, struct wtl_device_info);
    if (!info)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    snprintf(chassis, sizeof chassis, "%s", o->path);
    int rc = chassis[0] ? 0 : only_chassis(d, chassis, err);
    rc = rc ? rc : find_power(d, chassis, err);
    if (rc < 0)
        return rc;
    identify(d, o, chassis);
    describe(d, info);
    return wtl_backend_add(host, info, &sensors, NULL, d, true, err);
}

int wtl_redfish_open(const struct wtl_backend_host *host, const struct wtl_redfish_options *options,
                     const struct wtl_redfish_service *service, struct wtl_error *err)
{
    struct bmc *d = WTL_NEW(host->arena, struct bmc);
    if (!d) {
        service->close(service->ctx);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    d->asking.clock = host->clock;
    d->service = *service;
    snprintf(d->host, sizeof d->host, "%s", options->host);
    wtl_buf_init(&d->body, host->arena->alloc, WTL_REDFISH_ANSWER);
    int rc = open_chassis(host, d, options, err);
    if (rc < 0)
        bmc_close(d);
    return rc < 0 ? rc : 0;
}

static int backend_open(const struct wtl_backend_host *host, struct wtl_error *err)
{
    struct wtl_redfish_options o;
    struct wtl_redfish_service service;
    if (!host->wanted)
        return 0;
    int rc = wtl_redfish_parse(host->wanted, &o, err);
    rc = rc ? rc : wtl_redfish_connect(host->arena, &o, &service, err);
    return rc ? rc : wtl_redfish_open(host, &o, &service, err);
}

const struct wtl_backend wtl_backend_redfish = {
    .prefix = "redfish",
    .summary = "BMCs over the network (Redfish)",
    .named_only = true,
    .reaches_out = true,
    .opening_blocks = true,
    .open = backend_open,
};
