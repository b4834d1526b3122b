/* SPDX-License-Identifier: Apache-2.0
 * Steady rates of a set of tenants. */
#include "sim/workload.h"

#include <math.h>
#include <string.h>

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static const struct wtl_sim_fit *fit_of(const struct wtl_sim_tenant *t, double mem_mhz)
{
    const struct wtl_sim_phase *phase = &t->workload.phases[t->phase];
    int best = 0;
    for (int i = 1; i < phase->n_fits; i++)
        if (fabs(phase->fits[i].mem_mhz - mem_mhz) < fabs(phase->fits[best].mem_mhz - mem_mhz))
            best = i;
    return &phase->fits[best];
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

void wtl_sim_rates(const struct wtl_sim_silicon *s, const struct wtl_sim_tenant *tenants, int n,
                   double sm_mhz, double mem_mhz, struct wtl_sim_rates *out)
{
    const double f = clamp(sm_mhz, s->sm_mhz_min, s->sm_mhz_max);
    const double v = wtl_sim_voltage(s, f) / s->v_max, x = f / s->sm_mhz_max;
    double time[WTL_SIM_TENANTS], fill = 0, kernels_absent = 1;
    memset(out, 0, sizeof *out);
    out->n = n;
    out->vram_used_mib = s->vram_reserved_mib;
    for (int i = 0; i < n; i++) {
        const struct wtl_sim_tenant *t = &tenants[i];
        const struct wtl_sim_fit *fit = fit_of(t, mem_mhz);
        if (!place(s, t, out, &out->tenants[i]))
            continue;
        const double kernel = t->batch * (fit->compute_s / x * pow(t->share, -fit->share_power));
        time[i] = fit->launch_s + t->batch * fit->copy_s + kernel;
        out->tenants[i].busy = kernel / time[i];
        fill += t->batch * fit->compute_s / x / time[i];
    }
    const double crowd = fill > 1 ? fill : 1;
    for (int i = 0; i < n; i++) {
        struct wtl_sim_tenant_rate *r = &out->tenants[i];
        const struct wtl_sim_tenant *t = &tenants[i];
        const struct wtl_sim_fit *fit = fit_of(t, mem_mhz);
        if (r->out_of_memory)
            continue;
        r->latency_s = time[i] * crowd;
        r->capacity_per_s = t->batch / r->latency_s;
        r->work_per_s = r->capacity_per_s;
        if (t->offered_per_s > 0)
            r->work_per_s = fmin(r->work_per_s, t->offered_per_s);
        const double load = r->work_per_s / r->capacity_per_s;
        r->busy *= load;
        r->sm_active = r->work_per_s * fit->compute_s / x;
        r->dynamic_w = v * v * (fit->item_j * r->work_per_s + fit->busy_w * t->share * r->busy * x);
        out->work_per_s += r->work_per_s;
        out->dynamic_w += r->dynamic_w;
        out->sm_active += r->sm_active;
        out->mem_util += r->work_per_s * fit->memory_s;
        kernels_absent *= 1 - clamp(r->busy, 0, 1);
    }
    out->sm_util = 1 - kernels_absent;
    out->mem_util = clamp(out->mem_util, 0, 1);
    out->sm_active = clamp(out->sm_active, 0, 1);
}

double wtl_sim_rates_limited(const struct wtl_sim_silicon *s, const struct wtl_sim_tenant *tenants,
                             int n, double sm_mhz, double mem_mhz, double limit_w,
                             struct wtl_sim_rates *out)
{
    double low = s->sm_mhz_min, high = clamp(sm_mhz, s->sm_mhz_min, s->sm_mhz_max);
    wtl_sim_rates(s, tenants, n, high, mem_mhz, out);
    if (wtl_sim_static_w(s, high, mem_mhz, s->leak_ref_c) + out->dynamic_w <= limit_w)
        return high;
    for (int i = 0; i < 40; i++) {
        const double f = 0.5 * (low + high);
        wtl_sim_rates(s, tenants, n, f, mem_mhz, out);
        if (wtl_sim_static_w(s, f, mem_mhz, s->leak_ref_c) + out->dynamic_w <= limit_w)
            low = f;
        else
            high = f;
    }
    wtl_sim_rates(s, tenants, n, low, mem_mhz, out);
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
            fit->launch_s *= m->curvature;
            fit->copy_s *= m->curvature;
            fit->share_power *= m->contention;
        }
}

void wtl_sim_mismatch_silicon(const struct wtl_sim_mismatch *m, struct wtl_sim_silicon *silicon)
{
    silicon->knee_mhz *= m->voltage;
}
