/* SPDX-License-Identifier: Apache-2.0
 * Campaigns with known truth: cards, workloads, curves, noise. */
#include "support/sim_campaign.h"

#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- cards ---- */

struct card {
    char name[24];
    int f_max_mhz, f_min_mhz;
    double step_mhz; /* V100: 7.5, rounded down, as its driver lists them */
    double kink, v_min;
    double idle_w, leakage_w, clock_tree_w, compute_w, memory_w;
    double compute_speed, memory_speed; /* relative to the A100 */
};

static const struct card named_cards[] = {
    {"V100", 1380, 135, 7.5, 0.80, 0.74, 24, 14, 26, 135, 36, 0.55, 0.58},
    {"A100", 1410, 210, 15, 0.76, 0.72, 33, 18, 30, 130, 34, 1, 1},
    {"H100", 1785, 345, 15, 0.66, 0.68, 58, 26, 44, 205, 52, 2.2, 1.9},
};

static double between(struct wtl_rng *rng, double lo, double hi)
{
    return lo + (hi - lo) * wtl_rng_uniform(rng);
}

/* A card nobody sells: every parameter drawn around those above. */
static struct card invent_card(uint64_t population_seed, int index)
{
    static const double steps[] = {15, 15, 7.5, 25};
    struct wtl_rng rng;
    wtl_rng_init_stream(&rng, population_seed, 1000 + (uint64_t)index);
    struct card c = {.step_mhz = steps[wtl_rng_below(&rng, 4)]};
    snprintf(c.name, sizeof c.name, "X%d", index);
    double bins = floor(between(&rng, 60, 110) * 15 / c.step_mhz);
    c.f_min_mhz = (int)floor(between(&rng, 15, 30)) * 15;
    c.f_max_mhz = c.f_min_mhz + (int)floor(bins * c.step_mhz);
    c.kink = between(&rng, 0.6, 0.82);
    c.v_min = between(&rng, 0.64, 0.78);
    double size = between(&rng, 0.5, 1.7);
    c.idle_w = size * between(&rng, 20, 40);
    c.leakage_w = size * between(&rng, 12, 20);
    c.clock_tree_w = size * between(&rng, 22, 34);
    c.compute_w = size * between(&rng, 105, 145);
    c.memory_w = size * between(&rng, 26, 42);
    c.compute_speed = size * between(&rng, 0.6, 1.4);
    c.memory_speed = size * between(&rng, 0.6, 1.4);
    return c;
}

static struct card card_of(const struct sim_options *o)
{
    return o->gpu < SIM_FIRST_INVENTED ? named_cards[o->gpu]
                                       : invent_card(o->population_seed, o->gpu);
}

static void list_clocks(const struct card *card, struct sim_campaign *c)
{
    c->n_clocks = 0;
    int n = (int)floor((card->f_max_mhz - card->f_min_mhz) / card->step_mhz);
    for (int k = n; k >= 0 && c->n_clocks < WTL_LIMIT_CLOCKS; k--)
        c->clocks_mhz[c->n_clocks++] = (int)floor(card->f_max_mhz - k * card->step_mhz);
}

/* ---- workloads ---- */

struct work {
    char name[24];
    double time_s;                /* on the A100 at its highest clock, roughly */
    double compute, memory, host; /* seconds per second of time_s; may overlap */
    double intensity;             /* switching activity of the compute part, 0..1 */
    double tensor_share;
};

static const struct work named_work[SIM_N_NAMED_WORKLOADS] = {
    [SIM_GEMM] = {"gemm", 8, 0.98, 0.25, 0.01, 0.95, 0.95},
    [SIM_STABLEDIFFUSION] = {"stablediffusion", 10, 0.56, 0.80, 0.10, 0.60, 0.60},
    [SIM_PREFILL] = {"prefill", 12, 0.85, 0.50, 0.05, 0.80, 0.90},
    [SIM_RESNET] = {"resnet50", 15, 0.76, 0.62, 0.08, 0.65, 0.50},
    [SIM_VIT] = {"vit", 20, 0.74, 0.50, 0.16, 0.62, 0.70},
    [SIM_BERT] = {"bert", 14, 0.78, 0.55, 0.07, 0.72, 0.80},
    [SIM_WHISPER] = {"whisper", 9, 0.50, 0.55, 0.26, 0.45, 0.55},
    [SIM_GNN] = {"gnn", 18, 0.42, 0.78, 0.12, 0.35, 0.05},
    [SIM_DECODE] = {"decode", 30, 0.40, 0.88, 0.07, 0.32, 0.50},
    [SIM_DLRM] = {"dlrm", 16, 0.28, 0.66, 0.28, 0.30, 0.20},
    [SIM_LSTM] = {"lstm", 40, 0.36, 0.20, 0.55, 0.28, 0.02},
    [SIM_STREAM] = {"stream", 6, 0.30, 0.97, 0.02, 0.20, 0.00},
};

static struct work invent_work(uint64_t population_seed, int index)
{
    struct wtl_rng rng;
    wtl_rng_init_stream(&rng, population_seed, 2000 + (uint64_t)index);
    struct work w = {.time_s = exp(between(&rng, log(5.0), log(60.0)))};
    snprintf(w.name, sizeof w.name, "work%d", index);
    double bound = wtl_rng_uniform(&rng); /* 0 memory-bound, 1 compute-bound */
    w.host = 0.3 * pow(wtl_rng_uniform(&rng), 2);
    w.compute = (1 - w.host) * (0.25 + 0.75 * bound);
    w.memory = (1 - w.host) * (1 - 0.75 * bound);
    w.intensity = 0.2 + 0.6 * bound + between(&rng, -0.1, 0.15);
    w.tensor_share = wtl_rng_uniform(&rng);
    return w;
}

static struct work work_of(const struct sim_options *o)
{
    return o->workload < SIM_N_NAMED_WORKLOADS ? named_work[o->workload]
                                               : invent_work(o->population_seed, o->workload);
}

/* ---- curves ---- */

static double softplus(double x, double width)
{
    return width * log1p(exp(x / width));
}

static double voltage_rise(const struct sim_truth *t, double x)
{
    double s = softplus(x - t->kink, t->kink_width);
    return s + t->v_convexity * s * s / (1 - t->kink);
}

static double voltage(const struct sim_truth *t, double x)
{
    return t->v_min + (1 - t->v_min) * voltage_rise(t, x) / voltage_rise(t, 1);
}

struct phase {
    double compute_s, memory_s, busy_s, total_s;
};

static struct phase phases(const struct sim_truth *t, double x)
{
    struct phase p;
    double slow = 1 / x - 1;
    p.compute_s = t->compute_s * pow(x, -t->compute_exponent);
    p.memory_s = t->memory_s * (1 + t->network_slope * slow * fabs(slow));
    double larger = fmax(p.compute_s, p.memory_s);
    double ratio = fmin(p.compute_s, p.memory_s) / larger;
    p.busy_s = larger * pow(1 + pow(ratio, t->sharpness), 1 / t->sharpness);
    p.total_s = t->host_s + p.busy_s;
    return p;
}

double sim_time_s(const struct sim_truth *truth, double clock_mhz)
{
    return phases(truth, clock_mhz / truth->f_max_mhz).total_s;
}

double sim_energy_j(const struct sim_truth *t, double clock_mhz)
{
    double x = clock_mhz / t->f_max_mhz;
    struct phase p = phases(t, x);
    double v = voltage(t, x);
    double always_w = t->idle_w + t->leakage_w * v * v * v;
    double tree_w = t->clock_tree_w * x * v * v;
    double compute_w = t->compute_w * p.compute_s / p.busy_s * pow(x, t->power_exponent) * v * v;
    double memory_w = t->memory_w * t->memory_s / p.busy_s;
    return p.total_s * always_w + p.busy_s * (tree_w + compute_w + memory_w) +
           t->host_s * tree_w / 2;
}

double sim_power_w(const struct sim_truth *truth, double clock_mhz)
{
    return sim_energy_j(truth, clock_mhz) / sim_time_s(truth, clock_mhz);
}

static double mismatch(struct wtl_rng *rng, const struct sim_options *o)
{
    double size = between(rng, o->mismatch_min, o->mismatch_max);
    return wtl_rng_uniform(rng) < 0.5 ? -size : size;
}

static struct sim_truth draw_truth(const struct sim_options *o, const struct card *card,
                                   const struct work *work)
{
    struct wtl_rng rng;
    wtl_rng_init_stream(&rng, o->seed, 1);
    double gain = 1 + 0.03 * between(&rng, -1, 1); /* of the board and its sensor */
    struct sim_truth t = {
        .f_max_mhz = card->f_max_mhz,
        .host_s = work->time_s * work->host,
        .compute_s = work->time_s * work->compute / card->compute_speed,
        .memory_s = work->time_s * work->memory / card->memory_speed,
        .idle_w = gain * card->idle_w,
        .leakage_w = gain * card->leakage_w,
        .clock_tree_w = gain * card->clock_tree_w,
        .compute_w = gain * card->compute_w * work->intensity,
        .memory_w = gain * card->memory_w,
        .v_min = card->v_min,
        .kink = card->kink,
        .tensor_share = work->tensor_share,
        .pipe_efficiency = 0.55,
        .dram_efficiency = 0.85,
    };
    t.compute_exponent = 1 + mismatch(&rng, o);
    t.power_exponent = 1 + mismatch(&rng, o);
    t.v_convexity = 2.5 * mismatch(&rng, o);
    t.kink *= 1 + mismatch(&rng, o) / 4;
    t.kink_width = 0.015 + fabs(mismatch(&rng, o)) / 3;
    t.sharpness = between(&rng, 2.5, 7);
    t.network_slope = between(&rng, 0.005, 0.03);
    return t;
}

/* ---- runs ---- */

struct sim_options sim_options_default(void)
{
    return (struct sim_options){
        .seed = 1,
        .population_seed = 1,
        .gpu = SIM_A100,
        .workload = SIM_STABLEDIFFUSION,
        .order = SIM_DESCENDING,
        .n_reps = 3,
        .clock_stride = 1,
        .min_clock_ratio = 0.36,
        .time_cv = 0.015,
        .power_cv = 0.01,
        .autocorrelation = 0.2,
        .mismatch_min = 0.05,
        .mismatch_max = 0.10,
        .activity = true,
    };
}

static int check(const struct sim_options *o, struct wtl_error *err)
{
    if (o->gpu < 0 || o->workload < 0 || o->n_reps < 1 || o->clock_stride < 1)
        return WTL_FAIL(err, WTL_USAGE, "gpu, workload, n_reps or clock_stride out of range");
    if (!(o->min_clock_ratio >= 0 && o->min_clock_ratio <= 1) || !(o->time_cv >= 0) ||
        !(o->power_cv >= 0) || !(fabs(o->autocorrelation) < 1))
        return WTL_FAIL(err, WTL_USAGE, "clock ratio, noise or autocorrelation out of range");
    if (!(o->mismatch_min >= 0 && o->mismatch_max >= o->mismatch_min && o->mismatch_max <= 0.5))
        return WTL_FAIL(err, WTL_USAGE, "mismatch must be 0 <= min <= max <= 0.5");
    return 0;
}

/* Noise of one run, carried along the sequence. */
struct noise {
    struct wtl_rng rng;
    double time, power; /* standardised AR(1) states */
    bool started;
};

static void step_noise(struct noise *n, double autocorrelation)
{
    double fresh = sqrt(1 - autocorrelation * autocorrelation);
    double a = wtl_rng_normal(&n->rng), b = wtl_rng_normal(&n->rng);
    double p = -0.3 * a + sqrt(1 - 0.09) * b;
    n->time = n->started ? autocorrelation * n->time + fresh * a : a;
    n->power = n->started ? autocorrelation * n->power + fresh * p : p;
    n->started = true;
}

static void set_activity(struct wtl_run *r, const struct sim_truth *t, double x,
                         struct wtl_rng *rng)
{
    struct phase p = phases(t, x);
    double busy = p.busy_s / p.total_s;
    double pipe = t->pipe_efficiency * p.compute_s / p.total_s;
    double share = p.compute_s / p.busy_s;
    const struct {
        enum wtl_run_metric metric;
        double value;
    } all[] = {
        {WTL_R_gpu_util, 0.02 + 0.98 * busy},
        {WTL_R_mem_util, 0.75 * t->dram_efficiency * t->memory_s / p.total_s},
        {WTL_R_gr_active, busy},
        {WTL_R_sm_active, busy * (0.6 + 0.4 * fmin(share, 1))},
        {WTL_R_dram_active, t->dram_efficiency * t->memory_s / p.total_s},
        {WTL_R_tensor_active, pipe * t->tensor_share},
        {WTL_R_fp16_active, 0.15 * pipe * t->tensor_share},
        {WTL_R_fp32_active, pipe * (1 - t->tensor_share)},
        {WTL_R_fp64_active, 0},
        {WTL_R_active_share, busy},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        double noisy = all[i].value * (1 + 0.01 * wtl_rng_normal(rng));
        wtl_run_set(r, all[i].metric, fmin(fmax(noisy, 0), 1));
    }
}

static void set_sources(struct wtl_run *r, double time_s, double power_w, double idle_w)
{
    double n = fmax(floor(time_s / 0.05), 1);
    wtl_run_set(r, WTL_R_time_s, time_s);
    wtl_run_set(r, WTL_R_power_w, power_w);
    wtl_run_set(r, WTL_R_energy_j, time_s * power_w);
    wtl_run_set(r, WTL_R_n_samples, n);
    wtl_run_set(r, WTL_R_label_interval_s, 0.05);
    wtl_run_set(r, WTL_R_period_s, time_s / n);
    wtl_run_set(r, WTL_R_span_s, time_s);
    wtl_run_set(r, WTL_R_nominal_time_s, n * 0.05);
    wtl_run_set(r, WTL_R_energy_nominal_j, power_w * n * 0.05);
    wtl_run_set(r, WTL_R_energy_integral_j, time_s * power_w);
    wtl_run_set(r, WTL_R_power_mean_w, power_w);
    wtl_run_set(r, WTL_R_idle_power_w, idle_w);
}

static struct wtl_run blank_run(const struct sim_campaign *c, int clock_mhz)
{
    struct wtl_run r = {.clock_mhz = clock_mhz, .mode = WTL_MODE_SWEEP, .status = WTL_RUN_SUCCESS};
    snprintf(r.gpu, sizeof r.gpu, "%s", c->gpu);
    snprintf(r.workload, sizeof r.workload, "%s", c->workload);
    snprintf(r.job, sizeof r.job, "sim%llu", (unsigned long long)c->options.seed);
    snprintf(r.device, sizeof r.device, "Simulated %.80s", c->gpu);
    wtl_run_set(&r, WTL_R_sm_clock_median_mhz, clock_mhz);
    wtl_run_set(&r, WTL_R_sm_clock_mean_mhz, clock_mhz);
    wtl_run_set(&r, WTL_R_sm_clock_match, 1);
    return r;
}

struct draw {
    double time_s, power_w;
    enum sim_kind kind;
};

static void apply_fault(const struct sim_campaign *c, size_t i, struct wtl_rng *rng, struct draw *d)
{
    const struct sim_options *o = &c->options;
    double idle_w = c->truth.idle_w + c->truth.leakage_w / 2;
    double uniform = wtl_rng_uniform(rng), size = wtl_rng_exponential(rng);
    double extra_s = 0;
    if ((int64_t)i < o->cold_runs) {
        d->kind = SIM_COLD;
        extra_s = d->time_s * (0.1 + 30 * exp(-3.0 * (double)i)) * (0.8 + 0.4 * uniform);
    } else if (uniform < o->idle_share) {
        d->kind = SIM_IDLE;
        d->power_w = c->truth.idle_w * (1 + 0.002 * (size - 1));
    } else if (uniform < o->idle_share + o->outlier_share) {
        d->kind = SIM_OUTLIER;
        extra_s = d->time_s * fmin(0.15 + 0.5 * size, 3);
    }
    if (extra_s > 0) { /* the GPU waits meanwhile */
        d->power_w = (d->power_w * d->time_s + idle_w * extra_s) / (d->time_s + extra_s);
        d->time_s += extra_s;
    }
}

static struct draw draw_run(const struct sim_campaign *c, int clock_mhz, size_t i,
                            struct noise *noise, bool faults)
{
    const struct sim_options *o = &c->options;
    step_noise(noise, o->autocorrelation);
    struct draw d = {
        .time_s = sim_time_s(&c->truth, clock_mhz) * exp(o->time_cv * noise->time),
        .power_w = sim_power_w(&c->truth, clock_mhz) * exp(o->power_cv * noise->power),
        .kind = SIM_GOOD,
    };
    if (faults) {
        d.time_s *= 1 + o->drift_per_run * (double)i;
        apply_fault(c, i, &noise->rng, &d);
    }
    return d;
}

static struct wtl_run fill_run(const struct sim_campaign *c, int clock_mhz, const struct draw *d,
                               struct wtl_rng *rng)
{
    struct wtl_run r = blank_run(c, clock_mhz);
    set_sources(&r, d->time_s, d->power_w, c->truth.idle_w);
    if (c->options.activity) {
        set_activity(&r, &c->truth, clock_mhz / c->truth.f_max_mhz, rng);
        if (d->kind == SIM_IDLE)
            for (int m = WTL_R_gpu_util; m <= WTL_R_active_share; m++)
                if (wtl_run_has(&r, (enum wtl_run_metric)m))
                    wtl_run_set(&r, (enum wtl_run_metric)m, 0);
    }
    return r;
}

/* The clock index of run i, and its repetition. */
static void make_runs(struct sim_campaign *c)
{
    const struct sim_options *o = &c->options;
    struct noise noise = {.started = false};
    struct wtl_rng shuffle;
    wtl_rng_init_stream(&noise.rng, o->seed, 2);
    wtl_rng_init_stream(&shuffle, o->seed, 3);
    int order[WTL_LIMIT_CLOCKS];
    for (size_t i = 0; i < c->n_runs; i++) {
        size_t within, rep;
        if (o->order == SIM_DESCENDING) {
            within = c->n_swept - 1 - i / (size_t)o->n_reps;
            rep = i % (size_t)o->n_reps;
        } else {
            if (i % c->n_swept == 0) {
                for (size_t k = 0; k < c->n_swept; k++)
                    order[k] = (int)k;
                wtl_rng_shuffle(&shuffle, order, (int)c->n_swept);
            }
            within = (size_t)order[i % c->n_swept];
            rep = i / c->n_swept;
        }
        struct draw d = draw_run(c, c->swept_mhz[within], i, &noise, true);
        c->runs[i] = fill_run(c, c->swept_mhz[within], &d, &noise.rng);
        c->runs[i].seq = (int64_t)i + 1;
        c->runs[i].rep = (int)rep + 1;
        c->kinds[i] = d.kind;
    }
}

int sim_campaign_make(struct wtl_arena *arena, const struct sim_options *options,
                      struct sim_campaign *campaign_out, struct wtl_error *err)
{
    int rc = check(options, err);
    if (rc < 0)
        return rc;
    struct sim_campaign c = {.options = *options};
    struct card card = card_of(options);
    struct work work = work_of(options);
    snprintf(c.gpu, sizeof c.gpu, "%s", card.name);
    snprintf(c.workload, sizeof c.workload, "%s", work.name);
    list_clocks(&card, &c);
    c.truth = draw_truth(options, &card, &work);
    for (size_t i = 0; i < c.n_clocks; i++) {
        size_t from_top = c.n_clocks - 1 - i;
        if (from_top % (size_t)options->clock_stride == 0 &&
            c.clocks_mhz[i] >= options->min_clock_ratio * card.f_max_mhz)
            c.swept_mhz[c.n_swept++] = c.clocks_mhz[i];
    }
    c.n_runs = c.n_swept * (size_t)options->n_reps;
    c.runs = WTL_NEW_ARRAY(arena, struct wtl_run, c.n_runs);
    c.kinds = WTL_NEW_ARRAY(arena, enum sim_kind, c.n_runs);
    if (!c.runs || !c.kinds)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for %zu runs", c.n_runs);
    make_runs(&c);
    *campaign_out = c;
    return 0;
}

struct wtl_run sim_fresh_run(const struct sim_campaign *c, int clock_mhz, uint64_t draw)
{
    struct noise noise = {.started = false};
    wtl_rng_init_stream(&noise.rng, c->options.seed, 4 + draw);
    struct draw d = draw_run(c, clock_mhz, 0, &noise, false);
    return fill_run(c, clock_mhz, &d, &noise.rng);
}

void sim_fresh_turns(const struct sim_campaign *c, const int clock_mhz[2], size_t n, uint64_t draw,
                     struct wtl_run *runs_out)
{
    enum { DAYS = 1000000 }; /* streams beyond those of sim_fresh_run() */
    struct noise noise = {.started = false};
    wtl_rng_init_stream(&noise.rng, c->options.seed, DAYS + draw);
    for (size_t i = 0; i < n; i++) {
        struct draw d = draw_run(c, clock_mhz[i % 2], i, &noise, true);
        runs_out[i] = fill_run(c, clock_mhz[i % 2], &d, &noise.rng);
        runs_out[i].seq = (int64_t)i + 1;
        runs_out[i].rep = (int)(i / 2) + 1;
    }
}

/* ---- the truth of a policy ---- */

static int highest(const struct sim_campaign *c)
{
    return c->clocks_mhz[c->n_clocks - 1];
}

double sim_objective(const struct sim_campaign *c, const struct wtl_policy *policy, int clock_mhz)
{
    int base = highest(c);
    double t = sim_time_s(&c->truth, clock_mhz) / sim_time_s(&c->truth, base);
    double e = sim_energy_j(&c->truth, clock_mhz) / sim_energy_j(&c->truth, base);
    const struct wtl_objective *o = &policy->objective;
    switch (o->kind) {
    case WTL_OBJECTIVE_ENERGY:
    case WTL_OBJECTIVE_THROUGHPUT_PER_WATT:
        return e;
    case WTL_OBJECTIVE_TIME:
        return t;
    case WTL_OBJECTIVE_EDP:
        return e * t;
    case WTL_OBJECTIVE_ED2P:
        return e * t * t;
    case WTL_OBJECTIVE_ETN:
        return e * pow(t, o->exponent);
    case WTL_OBJECTIVE_WEIGHTED:
        return o->weight * e + (1 - o->weight) * t;
    }
    return e * t;
}

bool sim_feasible(const struct sim_campaign *c, const struct wtl_policy *p, int clock_mhz)
{
    int base = highest(c);
    double t = sim_time_s(&c->truth, clock_mhz) / sim_time_s(&c->truth, base);
    double e = sim_energy_j(&c->truth, clock_mhz) / sim_energy_j(&c->truth, base);
    if (p->has_max_slowdown && t - 1 > p->max_slowdown)
        return false;
    if (p->has_max_energy && e > p->max_energy_ratio)
        return false;
    if (p->has_min_clock_ratio && clock_mhz < p->min_clock_ratio * base)
        return false;
    if (p->has_max_power && sim_power_w(&c->truth, clock_mhz) > p->max_power_w)
        return false;
    return !(p->has_min_saving && 1 - e < p->min_saving);
}

int sim_optimum(const struct sim_campaign *c, const struct wtl_policy *policy, const int *clocks,
                size_t n)
{
    if (!clocks) {
        clocks = c->clocks_mhz;
        n = c->n_clocks;
    }
    int best = 0;
    double least = HUGE_VAL;
    for (size_t i = 0; i < n; i++) {
        if (!sim_feasible(c, policy, clocks[i]))
            continue;
        double value = sim_objective(c, policy, clocks[i]);
        if (value < least) {
            least = value;
            best = clocks[i];
        }
    }
    return best;
}
