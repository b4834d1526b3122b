/* SPDX-License-Identifier: Apache-2.0
 * Steady rates of a set of tenants. */
#include "sim/workload.h"

#include <math.h>
#include <string.h>

void wtl_sim_workload_plain(struct wtl_sim_workload *out)
{
    static const struct wtl_sim_workload plain = {
        .name = "plain",
        .unit = "images",
        .n_phases = 1,
        .phases = {{.n_fits = 1,
                    .fits = {{.mem_mhz = 1000,
                              .launch_s = 4e-3,
                              .overlap = 4,
                              .copy_s = 1e-4,
                              .copy_large_s = 1e-4,
                              .copy_knee = 64,
                              .compute_s = 2e-3,
                              .fill_batch = 8,
                              .share_power = 0.8,
                              .memory_share = 0.3,
                              .roof_s = 2e-3,
                              .host_s = 1e-3,
                              .corner = 3,
                              .active_w = 25,
                              .occupancy_w = 20,
                              .item_j = 0.1,
                              .item_memory_j = 0.02,
                              .memory_s = 8e-4}}}},
        .process_mib = 400,
        .item_mib = 12,
        .batch_default = 8,
        .batch_max = 256,
    };
    *out = plain;
}

/* ---- What makes sense ------------------------------------------------------------------------ */

/* One line, with an end; "" only where it may be. */
static bool good_text(const char *text, size_t size, bool may_be_empty)
{
    const size_t n = strnlen(text, size);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    return n < size && (n > 0 || may_be_empty);
}

/* A finite number in [low, high]; false for NaN. */
static bool within(double x, double low, double high)
{
    return x >= low && x <= high;
}

/* At most an item every compute_s: no more than this for a tenant. */
#define ITEM_W_MAX 1e4

static int check_fit(const struct wtl_sim_fit *f, const char *name, struct wtl_error *err)
{
#define CHECK(member, low, high)                                                                   \
    if (!within(f->member, low, high))                                                             \
        return WTL_FAIL(err, WTL_USAGE, "%s of workload '%s' is %g: expected %g to %g", #member,   \
                        name, f->member, (double)(low), (double)(high));
    WTL_SIM_FIT_BOUNDS(CHECK)
#undef CHECK
    if (f->item_j + f->item_memory_j > ITEM_W_MAX * f->compute_s)
        return WTL_FAIL(err, WTL_USAGE, "an item of workload '%s' draws more than %g W", name,
                        ITEM_W_MAX);
    return 0;
}

static int check_phase(const struct wtl_sim_phase *p, const char *name, struct wtl_error *err)
{
    if (!good_text(p->name, sizeof p->name, true) || p->n_fits < 1 || p->n_fits > WTL_SIM_FITS ||
        !within(p->work_per_item, 0, 1e9))
        return WTL_FAIL(err, WTL_USAGE, "a phase of workload '%s' makes no sense", name);
    for (int i = 0; i < p->n_fits; i++) {
        int rc = check_fit(&p->fits[i], name, err);
        if (rc)
            return rc;
        if (i > 0 && p->fits[i].mem_mhz <= p->fits[i - 1].mem_mhz)
            return WTL_FAIL(err, WTL_USAGE, "memory clocks of workload '%s' do not rise at %g MHz",
                            name, p->fits[i].mem_mhz);
    }
    return 0;
}

int wtl_sim_workload_check(const struct wtl_sim_workload *w, struct wtl_error *err)
{
    if (!good_text(w->name, sizeof w->name, false))
        return WTL_FAIL(err, WTL_USAGE, "a workload needs a name");
    if (!good_text(w->unit, sizeof w->unit, false))
        return WTL_FAIL(err, WTL_USAGE, "workload '%s' needs a unit", w->name);
    if (!within(w->process_mib, 0, 1e7) || !within(w->item_mib, 0, 1e7))
        return WTL_FAIL(err, WTL_USAGE, "memory of workload '%s': expected 0 to 1e7 MiB", w->name);
    if (w->batch_max < 1 || w->batch_max > WTL_SIM_BATCH_MAX || w->batch_default < 1 ||
        w->batch_default > WTL_SIM_BATCH_MAX)
        return WTL_FAIL(err, WTL_USAGE, "batches of workload '%s': expected 1 to %d", w->name,
                        WTL_SIM_BATCH_MAX);
    if (w->n_phases < 1 || w->n_phases > WTL_SIM_PHASES)
        return WTL_FAIL(err, WTL_USAGE, "workload '%s' has %d phases: expected 1 to %d", w->name,
                        w->n_phases, WTL_SIM_PHASES);
    for (int i = 0; i < w->n_phases; i++) {
        int rc = check_phase(&w->phases[i], w->name, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- Rates ----------------------------------------------------------------------------------- */

enum { N_PARAMETERS = sizeof(struct wtl_sim_fit) / sizeof(double) };

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* (a^p + b^p)^(1/p), without overflow. */
static double smooth_max(double a, double b, double p)
{
    const double high = fmax(a, b), low = fmin(a, b);
    return low <= 0 ? high : high * pow(1 + pow(low / high, p), 1 / p);
}

/* The fit at a memory clock: between two fits every parameter is interpolated; below all of them
 * the part of the chip's time that waits for memory stretches with 1/clock (*stretch_out). */
static void fit_at(const struct wtl_sim_tenant *t, double mem_mhz, struct wtl_sim_fit *out,
                   double *stretch_out)
{
    const struct wtl_sim_phase *phase =
        &t->workload.phases[t->phase >= 0 && t->phase < t->workload.n_phases ? t->phase : 0];
    int k = 0;
    while (k < phase->n_fits && phase->fits[k].mem_mhz < mem_mhz)
        k++;
    *stretch_out = k == 0 && mem_mhz > 0 ? phase->fits[0].mem_mhz / mem_mhz : 1;
    *out = phase->fits[k < phase->n_fits ? k : phase->n_fits - 1];
    if (k == 0 || k == phase->n_fits)
        return;
    const struct wtl_sim_fit *low = &phase->fits[k - 1];
    const double w = (mem_mhz - low->mem_mhz) / (out->mem_mhz - low->mem_mhz);
    double p[N_PARAMETERS], q[N_PARAMETERS];
    memcpy(p, low, sizeof p);
    memcpy(q, out, sizeof q);
    for (int i = 0; i < N_PARAMETERS; i++)
        q[i] = p[i] + w * (q[i] - p[i]);
    memcpy(out, q, sizeof q);
}

/* While kernels are launched more slowly than the chip works them off, one is still resident in
 * this share of the time. Chosen on the anchor grids, whose utilization.gpu is then met within 2 to
 * 20 points on average, by workload. */
static const double RESIDENT = 0.65;

/* A tenant by itself. */
struct solo {
    struct wtl_sim_fit fit;
    double clock_stretch; /* clk of workload.h */
    double chip_s, alone_s;
    double toggle_s; /* of chip_s, without what a slow uncore adds */
    double busy;     /* toggle_s/alone_s */
    double idle_s;   /* of alone_s, without a kernel resident */
};

/* x: clock over the highest; uncore: its speed there; stretch: of the memory's time. */
static void by_itself(struct solo *o, const struct wtl_sim_tenant *t, double x, double uncore,
                      double stretch)
{
    const struct wtl_sim_fit *f = &o->fit;
    const double b = t->batch, knee = f->copy_knee / b, memory = f->memory_share * stretch;
    const double chip =
        f->compute_s * (b + f->fill_batch * t->share) * pow(t->share, -f->share_power);
    o->clock_stretch = (1 - f->memory_share) / x + memory / uncore;
    o->chip_s = chip * o->clock_stretch;
    o->toggle_s = chip * ((1 - f->memory_share) / x + memory);
    const double kernels_s = smooth_max(f->launch_s, o->chip_s, f->overlap);
    o->alone_s = kernels_s + b * (f->copy_s + f->copy_large_s / (1 + knee * knee * knee * knee));
    o->busy = o->toggle_s / o->alone_s;
    o->idle_s = o->alone_s - o->chip_s - RESIDENT * fmax(kernels_s - o->chip_s, 0);
}

/* Everything about one tenant that its rivals and the sums need. */
struct part {
    struct solo now, top;            /* at this clock, at the highest */
    double chip_demand, host_demand; /* phi of workload.h, at the highest clock */
    bool same_as_before;             /* in every respect as the tenant before it */
};

static void set_part(struct part *p, const struct wtl_sim_silicon *s,
                     const struct wtl_sim_tenant *t, double sm_mhz, double mem_mhz)
{
    const double highest = s->sm_mhz_max;
    double stretch;
    fit_at(t, mem_mhz, &p->now.fit, &stretch);
    p->top.fit = p->now.fit;
    by_itself(&p->now, t, sm_mhz / highest, wtl_sim_uncore(s, sm_mhz), stretch);
    by_itself(&p->top, t, 1, wtl_sim_uncore(s, highest), stretch);
    double batches = 1 / p->top.alone_s;
    if (t->offered_per_s > 0)
        batches = fmin(batches, t->offered_per_s / t->batch);
    p->chip_demand = batches * t->batch * p->top.fit.roof_s * p->top.clock_stretch;
    p->host_demand = batches * p->top.fit.host_s;
}

/* What it adds to the demand for the SMs that it shares. */
static double crowding(const struct part *p, const struct wtl_sim_tenant *t)
{
    return t->part ? p->chip_demand / t->part_size : p->chip_demand;
}

/* Seconds for an item beside the others. */
static double item_s(const struct solo *o, int batch, double chips, double hosts)
{
    const double roof = chips * o->fit.roof_s * o->clock_stretch;
    const double host = hosts * o->fit.host_s / batch;
    const double high = fmax(fmax(roof, host), o->alone_s / batch), p = o->fit.corner;
    return high * pow(pow(roof / high, p) + pow(host / high, p) + pow(o->alone_s / batch / high, p),
                      1 / p);
}

static void set_rate(struct wtl_sim_tenant_rate *r, const struct part *p,
                     const struct wtl_sim_tenant *t, double chips, double hosts, double *duty_out)
{
    const double item = item_s(&p->now, t->batch, chips, hosts);
    r->latency_s = item * t->batch;
    r->capacity_per_s = 1 / item;
    r->work_per_s = r->capacity_per_s;
    *duty_out = p->now.busy;
    if (t->offered_per_s > 0 && t->offered_per_s < r->capacity_per_s)
        r->work_per_s = t->offered_per_s;
    /* Kernels are stretched by rivals as at the highest clock; taken at this clock, power could
     * fall as it rises. */
    if (t->offered_per_s > 0) {
        const double crowd = item_s(&p->top, t->batch, chips, hosts) * t->batch / p->top.alone_s;
        *duty_out = fmin(*duty_out, crowd * r->work_per_s * p->now.toggle_s / t->batch);
    }
    r->busy = clamp(r->work_per_s / r->capacity_per_s * (1 - p->now.idle_s / r->latency_s), 0, 1);
    r->sm_active = r->work_per_s * p->now.fit.roof_s * p->now.clock_stretch;
}

/* Whether the tenant's memory fits behind those before it. */
static bool place(const struct wtl_sim_silicon *s, const struct wtl_sim_tenant *t,
                  struct wtl_sim_rates *out, struct wtl_sim_tenant_rate *rate)
{
    const double need = t->workload.process_mib + t->batch * t->workload.item_mib;
    rate->out_of_memory = out->vram_used_mib + need > s->vram_mib;
    if (rate->out_of_memory)
        return false;
    rate->vram_mib = need;
    out->vram_used_mib += need;
    return true;
}

/* Power of every tenant, from their rates and duty cycles. What all share (a chip that is awake)
 * is split by the duty cycles at the highest clock, which the clock does not move. */
static void add_power(const struct wtl_sim_silicon *s, const struct wtl_sim_tenant *tenants,
                      const struct part *parts, const double *duty, double sm_mhz,
                      struct wtl_sim_rates *out)
{
    const double v = wtl_sim_voltage(s, sm_mhz) / s->v_max, x = sm_mhz / s->sm_mhz_max;
    double held = 0, idle = 1, top = 0;
    for (int i = 0; i < out->n; i++)
        if (!out->tenants[i].out_of_memory) {
            held += tenants[i].share * duty[i];
            idle *= 1 - duty[i];
            top += parts[i].top.busy;
        }
    for (int i = 0; i < out->n; i++) {
        struct wtl_sim_tenant_rate *r = &out->tenants[i];
        const struct wtl_sim_fit *f = &parts[i].now.fit;
        if (r->out_of_memory)
            continue;
        const double awake = (1 - idle) * parts[i].top.busy / top;
        const double hold = tenants[i].share * duty[i] / fmax(1, held);
        r->dynamic_w =
            v * v *
                (f->item_j * r->work_per_s + f->active_w * x * awake + f->occupancy_w * x * hold) +
            f->item_memory_j * r->work_per_s;
        out->dynamic_w += r->dynamic_w;
    }
}

static void add_sums(const struct part *parts, struct wtl_sim_rates *out)
{
    double absent = 1;
    for (int i = 0; i < out->n; i++) {
        const struct wtl_sim_tenant_rate *r = &out->tenants[i];
        if (r->out_of_memory)
            continue;
        out->work_per_s += r->work_per_s;
        out->mem_util += r->work_per_s * parts[i].now.fit.memory_s;
        out->sm_active += r->sm_active;
        absent *= 1 - r->busy;
    }
    out->sm_util = 1 - absent;
    out->mem_util = clamp(out->mem_util, 0, 1);
    out->sm_active = clamp(out->sm_active, 0, 1);
}

/* Whether two tenants are one and the same; padding that differs costs time only. */
static bool same_bytes(const void *a, const void *b, size_t n)
{
    return memcmp(a, b, n) == 0;
}

void wtl_sim_rates(const struct wtl_sim_silicon *s, const struct wtl_sim_tenant *tenants, int n,
                   double sm_mhz, double mem_mhz, struct wtl_sim_rates *out)
{
    const double f = clamp(sm_mhz, s->sm_mhz_min, s->sm_mhz_max);
    struct part parts[WTL_SIM_TENANTS];
    double duty[WTL_SIM_TENANTS], chips[WTL_SIM_PARTS] = {0}, hosts = 0;
    memset(out, 0, sizeof *out);
    out->n = n;
    out->vram_used_mib = s->vram_reserved_mib;
    for (int i = 0; i < n; i++) {
        if (!place(s, &tenants[i], out, &out->tenants[i]))
            continue;
        const bool same = i > 0 && !out->tenants[i - 1].out_of_memory &&
                          same_bytes(&tenants[i], &tenants[i - 1], sizeof *tenants);
        if (same)
            parts[i] = parts[i - 1];
        else
            set_part(&parts[i], s, &tenants[i], f, mem_mhz);
        parts[i].same_as_before = same;
        chips[tenants[i].part] += crowding(&parts[i], &tenants[i]);
        hosts += parts[i].host_demand;
    }
    for (int i = 0; i < n; i++) {
        struct wtl_sim_tenant_rate *r = &out->tenants[i];
        if (r->out_of_memory)
            continue;
        if (parts[i].same_as_before) {
            *r = out->tenants[i - 1];
            duty[i] = duty[i - 1];
            continue;
        }
        set_rate(r, &parts[i], &tenants[i], chips[tenants[i].part] / parts[i].chip_demand,
                 hosts / parts[i].host_demand, &duty[i]);
    }
    add_power(s, tenants, parts, duty, f, out);
    add_sums(parts, out);
}

static double excess_w(const struct wtl_sim_silicon *s, const struct wtl_sim_tenant *tenants, int n,
                       double sm_mhz, double mem_mhz, double limit_w, struct wtl_sim_rates *out)
{
    wtl_sim_rates(s, tenants, n, sm_mhz, mem_mhz, out);
    return wtl_sim_static_w(s, sm_mhz, mem_mhz, s->leak_ref_c) + out->dynamic_w - limit_w;
}

double wtl_sim_rates_limited(const struct wtl_sim_silicon *s, const struct wtl_sim_tenant *tenants,
                             int n, double sm_mhz, double mem_mhz, double limit_w,
                             struct wtl_sim_rates *out)
{
    double low = s->sm_mhz_min, high = clamp(sm_mhz, low, s->sm_mhz_max);
    double high_w = excess_w(s, tenants, n, high, mem_mhz, limit_w, out);
    if (high_w <= 0)
        return high;
    double low_w = excess_w(s, tenants, n, low, mem_mhz, limit_w, out);
    if (low_w >= 0)
        return low;
    /* Bisection that leans towards the chord: power is nearly straight between voltage knees. */
    while (high - low > 0.5) {
        double f = low + (high - low) * clamp(-low_w / (high_w - low_w), 0.05, 0.95);
        const double w = excess_w(s, tenants, n, f, mem_mhz, limit_w, out);
        if (w <= 0) {
            low = f;
            low_w = w;
        } else {
            high = f;
            high_w = w;
        }
        if (w <= 0 && w > -1e-3)
            return f;
    }
    excess_w(s, tenants, n, low, mem_mhz, limit_w, out);
    return low;
}

void wtl_sim_mismatch_none(struct wtl_sim_mismatch *out)
{
    *out = (struct wtl_sim_mismatch){1, 1, 1};
}

static double deviation(struct wtl_rng *rng)
{
    const double size = 0.05 + 0.05 * wtl_rng_uniform(rng);
    return wtl_rng_below(rng, 2) ? 1 + size : 1 - size;
}

void wtl_sim_mismatch_draw(struct wtl_rng *rng, struct wtl_sim_mismatch *out)
{
    struct wtl_sim_mismatch m;
    m.curvature = deviation(rng);
    m.contention = deviation(rng);
    m.voltage = deviation(rng);
    *out = m;
}

void wtl_sim_mismatch_workload(const struct wtl_sim_mismatch *m, struct wtl_sim_workload *workload)
{
    for (int k = 0; k < workload->n_phases; k++)
        for (int i = 0; i < workload->phases[k].n_fits; i++) {
            struct wtl_sim_fit *fit = &workload->phases[k].fits[i];
            fit->memory_share = fmin(fit->memory_share * m->curvature, 1);
            fit->launch_s *= m->curvature;
            fit->copy_s *= m->curvature;
            fit->copy_large_s *= m->curvature;
            fit->roof_s *= m->contention;
            fit->host_s *= m->contention;
        }
}

void wtl_sim_mismatch_silicon(const struct wtl_sim_mismatch *m, struct wtl_sim_silicon *silicon)
{
    silicon->knee_mhz *= m->voltage;
}
