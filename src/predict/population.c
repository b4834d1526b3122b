/* SPDX-License-Identifier: Apache-2.0
 * Expectation-maximisation for the population of workloads. */
#include "predict/population.h"

#include "base/text.h"
#include "stats/linalg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N = WTL_FORM_N, R = WTL_REGRESSORS_MAX };

/* The hyperprior: what is believed of any workload on any GPU before data, from the physics (SM
 * clock binds from half of the time up; voltage floors of published V/f curves lie at 0.6 to 0.85
 * of the highest clock and 0.65 to 0.8 of the highest voltage). It weighs as many examples or cards
 * as the counts below say. log W has no prior mean: it is taken from the examples. */
static const double hyper_mean[N] = {0.3, 0.2, -0.6, 0.0, 0.3, -0.2, 0.0};
static const double hyper_within_sd[N] = {1.0, 0.5, 0.5, 1.0, 0.2, 0.2, 0.3};
static const double hyper_between_sd[N] = {0.4, 0.3, 0.3, 0.4, 0.6, 0.5, 0.6};
static const double hyper_examples = 4;
static const double hyper_cards = 3;
static const double intercept_penalty = 0.5; /* in examples */
static const double slope_penalty = 2;       /* on standardised regressors, in examples */

/* Independent cells that a sweep of any density counts as, at most: the misfit of the form is the
 * same at neighbouring clocks. */
static const double cells_at_most = 10;
enum { ITERATIONS = 15 };

struct em {
    const struct wtl_example *const *examples;
    size_t n;
    struct wtl_population *pop;
    struct wtl_gpu_effect *gpus;
    size_t *gpu_of;               /* example -> gpu */
    double *z;                    /* n x R, standardised */
    struct wtl_posterior *fitted; /* per example */
    double start[N];              /* hyper mean with log W from the examples */
};

unsigned wtl_common_features(const struct wtl_example *const *examples, size_t n)
{
    unsigned common = n ? ~0U : 0;
    for (size_t i = 0; i < n; i++)
        common &= examples[i]->features;
    return common;
}

/* ---- regressors ---- */

static int raw_regressors(unsigned features, const struct wtl_example *e, double z[R])
{
    int k = 0;
    z[k++] = 1;
    for (int f = 0; f < WTL_N_FEATURES; f++)
        if (features >> f & 1)
            z[k++] = e->feature[f];
    if ((features >> WTL_FEATURE_pipe & 1) && (features >> WTL_FEATURE_dram & 1))
        z[k++] = log((e->feature[WTL_FEATURE_pipe] + 0.02) / (e->feature[WTL_FEATURE_dram] + 0.02));
    return k;
}

int wtl_population_regressors(unsigned features)
{
    static const struct wtl_example nothing;
    double z[R];
    return raw_regressors(features, &nothing, z);
}

static void standardised(const struct wtl_population *pop, const struct wtl_example *e, double z[R])
{
    raw_regressors(pop->features, e, z);
    for (int k = 0; k < pop->n_regressors; k++)
        z[k] = (z[k] - pop->regressor_mean[k]) / pop->regressor_sd[k];
}

static void standardise(struct em *em)
{
    struct wtl_population *pop = em->pop;
    double n = (double)em->n, raw[R];
    for (size_t i = 0; i < em->n; i++) {
        pop->n_regressors = raw_regressors(pop->features, em->examples[i], raw);
        for (int k = 1; k < pop->n_regressors; k++)
            pop->regressor_mean[k] += raw[k] / n;
    }
    for (size_t i = 0; i < em->n; i++) {
        raw_regressors(pop->features, em->examples[i], raw);
        for (int k = 1; k < pop->n_regressors; k++)
            pop->regressor_sd[k] += pow(raw[k] - pop->regressor_mean[k], 2) / n;
    }
    pop->regressor_sd[0] = 1;
    for (int k = 1; k < pop->n_regressors; k++)
        pop->regressor_sd[k] = fmax(sqrt(pop->regressor_sd[k]), 1e-3);
    for (size_t i = 0; i < em->n; i++)
        standardised(pop, em->examples[i], em->z + i * R);
}

static double penalty_of(int regressor)
{
    return regressor == 0 ? intercept_penalty : slope_penalty;
}

static int invert_regressors(struct em *em, struct wtl_error *err)
{
    size_t k = (size_t)em->pop->n_regressors;
    double gram[R * R] = {0};
    for (size_t i = 0; i < em->n; i++)
        for (size_t a = 0; a < k; a++)
            for (size_t b = 0; b < k; b++)
                gram[a * k + b] += em->z[i * R + a] * em->z[i * R + b];
    for (size_t a = 0; a < k; a++)
        gram[a * k + a] += penalty_of((int)a);
    int rc = wtl_cholesky(gram, k, 0, err);
    if (rc < 0)
        return rc;
    wtl_cholesky_inverse(gram, k, em->pop->regressor_inverse);
    return 0;
}

/* ---- cards ---- */

const struct wtl_gpu_effect *wtl_population_gpu(const struct wtl_population *population,
                                                const char *gpu)
{
    for (size_t i = 0; i < population->n_gpus; i++)
        if (wtl_same_name(gpu, population->gpus[i].gpu))
            return &population->gpus[i];
    return NULL;
}

static void list_gpus(struct em *em)
{
    struct wtl_population *pop = em->pop;
    for (size_t i = 0; i < em->n; i++) {
        const struct wtl_example *e = em->examples[i];
        const struct wtl_gpu_effect *known = wtl_population_gpu(pop, e->gpu);
        size_t g = known ? (size_t)(known - em->gpus) : pop->n_gpus++;
        if (!known)
            snprintf(em->gpus[g].gpu, sizeof em->gpus[g].gpu, "%s", e->gpu);
        em->gpus[g].f_max_mhz = fmax(em->gpus[g].f_max_mhz, e->f_max_mhz);
        em->gpus[g].n_examples++;
        em->gpu_of[i] = g;
    }
}

/* ---- small matrices ---- */

static void diagonal(const double sd[N], double scale, double *out)
{
    memset(out, 0, N * N * sizeof *out);
    for (int j = 0; j < N; j++)
        out[j * N + j] = scale * sd[j] * sd[j];
}

static void add_outer(const double *v, double *m)
{
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            m[i * N + j] += v[i] * v[j];
}

static int invert(const double *m, double *inverse, struct wtl_error *err)
{
    double l[N * N];
    memcpy(l, m, sizeof l);
    int rc = wtl_cholesky(l, N, 0, err);
    if (rc == 0)
        wtl_cholesky_inverse(l, N, inverse);
    return rc;
}

/* ---- expectation: every example under the present population ---- */

static void fixed_part(const struct wtl_population *pop, const double *z, double *out)
{
    for (int j = 0; j < N; j++) {
        out[j] = 0;
        for (int k = 0; k < pop->n_regressors; k++)
            out[j] += pop->coef[k * N + j] * z[k];
    }
}

static int expect(struct em *em, struct wtl_arena *scratch, struct wtl_error *err)
{
    for (size_t i = 0; i < em->n; i++) {
        struct wtl_form_prior prior;
        fixed_part(em->pop, em->z + i * R, prior.mean);
        for (int j = 0; j < N; j++)
            prior.mean[j] += em->gpus[em->gpu_of[i]].effect[j];
        memcpy(prior.covariance, em->pop->within, sizeof prior.covariance);
        int rc = wtl_posterior_fit(scratch, em->examples[i], &prior, &em->pop->noise, cells_at_most,
                                   &em->fitted[i], err);
        if (rc < 0)
            return rc;
        wtl_arena_reset(scratch);
    }
    return 0;
}

/* ---- maximisation ---- */

static void regress(struct em *em)
{
    struct wtl_population *pop = em->pop;
    size_t k = (size_t)pop->n_regressors;
    double right[R], solved[R];
    for (size_t j = 0; j < N; j++) {
        memset(right, 0, sizeof right);
        right[0] = intercept_penalty * em->start[j];
        for (size_t i = 0; i < em->n; i++)
            for (size_t a = 0; a < k; a++)
                right[a] +=
                    em->z[i * R + a] * (em->fitted[i].theta[j] - em->gpus[em->gpu_of[i]].effect[j]);
        wtl_matvec(pop->regressor_inverse, k, k, right, solved);
        for (size_t a = 0; a < k; a++)
            pop->coef[a * N + j] = solved[a];
    }
}

static int card_effects(struct em *em, struct wtl_error *err)
{
    struct wtl_population *pop = em->pop;
    double within[N * N], between[N * N], fixed[N], sum[N], precision[N * N], weighted[N];
    int rc = invert(pop->within, within, err);
    if (rc == 0)
        rc = invert(pop->between, between, err);
    for (size_t g = 0; rc == 0 && g < pop->n_gpus; g++) {
        memset(sum, 0, sizeof sum);
        for (size_t i = 0; i < em->n; i++) {
            if (em->gpu_of[i] != g)
                continue;
            fixed_part(pop, em->z + i * R, fixed);
            for (int j = 0; j < N; j++)
                sum[j] += em->fitted[i].theta[j] - fixed[j];
        }
        for (int j = 0; j < N * N; j++)
            precision[j] = between[j] + em->gpus[g].n_examples * within[j];
        rc = invert(precision, em->gpus[g].covariance, err);
        if (rc == 0) {
            wtl_matvec(within, N, N, sum, weighted);
            wtl_matvec(em->gpus[g].covariance, N, N, weighted, em->gpus[g].effect);
        }
    }
    return rc;
}

static void variances(struct em *em)
{
    struct wtl_population *pop = em->pop;
    double fixed[N], rest[N];
    diagonal(hyper_within_sd, hyper_examples, pop->within);
    for (size_t i = 0; i < em->n; i++) {
        const struct wtl_posterior *q = &em->fitted[i];
        fixed_part(pop, em->z + i * R, fixed);
        for (int j = 0; j < N; j++)
            rest[j] = q->theta[j] - fixed[j] - em->gpus[em->gpu_of[i]].effect[j];
        add_outer(rest, pop->within);
        for (int a = 0; a < N; a++)
            for (int b = 0; b < N; b++)
                pop->within[a * N + b] += q->covariance[a * WTL_POSTERIOR_N + b];
    }
    diagonal(hyper_between_sd, hyper_cards, pop->between);
    for (size_t g = 0; g < pop->n_gpus; g++) {
        add_outer(em->gpus[g].effect, pop->between);
        for (int j = 0; j < N * N; j++)
            pop->between[j] += em->gpus[g].covariance[j];
    }
    for (int j = 0; j < N * N; j++) {
        pop->within[j] /= hyper_examples + (double)em->n;
        pop->between[j] /= hyper_cards + (double)pop->n_gpus;
    }
}

/* Scatter of runs within clocks, pooled over all examples. */
static void run_noise(struct em *em)
{
    double time = 0, power = 0, dof = 0;
    for (size_t i = 0; i < em->n; i++) {
        time += em->examples[i]->time_ss;
        power += em->examples[i]->power_ss;
        dof += em->examples[i]->dof;
    }
    /* Two runs' worth of 2 % where nothing was repeated. */
    em->pop->noise.time_run = sqrt((time + 2 * 4e-4) / (dof + 2));
    em->pop->noise.power_run = sqrt((power + 2 * 4e-4) / (dof + 2));
    em->pop->noise.time_misfit = em->pop->noise.power_misfit = 0.01;
}

/* What is left of the cells beyond the noise of their runs. */
static void misfit(struct em *em)
{
    struct wtl_form_noise *noise = &em->pop->noise;
    double time = 0, power = 0, cells = 0;
    for (size_t i = 0; i < em->n; i++) {
        const struct wtl_example *e = em->examples[i];
        for (size_t c = 0; c < e->n_cells; c++) {
            double lt, lp;
            wtl_form_logs(em->fitted[i].theta, e->cells[c].clock_mhz / e->f_max_mhz, &lt, &lp);
            double t = em->fitted[i].log_time_s + lt - log(e->cells[c].time_s);
            double p = lp - log(e->cells[c].power_w);
            time += t * t - noise->time_run * noise->time_run / e->cells[c].n;
            power += p * p - noise->power_run * noise->power_run / e->cells[c].n;
            cells++;
        }
    }
    noise->time_misfit = sqrt(fmax(time / cells, 9e-6));
    noise->power_misfit = sqrt(fmax(power / cells, 9e-6));
}

/* ---- the fit ---- */

static int check(const struct wtl_example *const *examples, size_t n, unsigned features,
                 struct wtl_error *err)
{
    if (n < 2)
        return WTL_FAIL(err, WTL_UNDECIDED,
                        "a model across workloads needs at least 2 usable sets of runs, not %zu",
                        n);
    for (size_t i = 0; i < n; i++) {
        const struct wtl_example *e = examples[i];
        if (e->n_cells < 4)
            return WTL_FAIL(err, WTL_UNDECIDED,
                            "%s %s has usable runs at %zu clock%s, 4 are needed", e->gpu,
                            e->workload, e->n_cells, wtl_plural((int64_t)e->n_cells));
        if ((e->features & features) != features)
            return WTL_FAIL(err, WTL_USAGE, "%s %s lacks an activity feature", e->gpu, e->workload);
    }
    return 0;
}

static int allocate(struct wtl_arena *arena, struct em *em, struct wtl_error *err)
{
    em->gpus = WTL_NEW_ARRAY(arena, struct wtl_gpu_effect, em->n);
    em->gpu_of = WTL_NEW_ARRAY(arena, size_t, em->n);
    em->z = WTL_NEW_ARRAY(arena, double, em->n *R);
    em->fitted = WTL_NEW_ARRAY(arena, struct wtl_posterior, em->n);
    if (!em->gpus || !em->gpu_of || !em->z || !em->fitted)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for %zu examples", em->n);
    em->pop->gpus = em->gpus;
    return 0;
}

static int count_workloads(const struct em *em)
{
    int n = 0;
    for (size_t i = 0; i < em->n; i++) {
        bool first = true;
        for (size_t k = 0; first && k < i; k++)
            first = !wtl_same_name(em->examples[k]->workload, em->examples[i]->workload);
        n += first;
    }
    return n;
}

static void begin(struct em *em)
{
    em->pop->n_workloads = count_workloads(em);
    list_gpus(em);
    standardise(em);
    run_noise(em);
    memcpy(em->start, hyper_mean, sizeof em->start);
    em->pop->x_min = 1;
    for (size_t i = 0; i < em->n; i++) {
        const struct wtl_example *e = em->examples[i];
        em->pop->x_min = fmin(em->pop->x_min, e->cells[0].clock_mhz / e->f_max_mhz);
        em->start[WTL_FORM_POWER] += log(e->cells[e->n_cells - 1].power_w) / (double)em->n;
    }
    memcpy(em->pop->coef, em->start, sizeof em->start);
    diagonal(hyper_within_sd, 1, em->pop->within);
    diagonal(hyper_between_sd, 1, em->pop->between);
    for (int j = 0; j < N; j++) /* cards are not told apart yet */
        em->pop->within[j * N + j] += em->pop->between[j * N + j];
}

int wtl_population_fit(struct wtl_arena *arena, const struct wtl_example *const *examples, size_t n,
                       unsigned features, struct wtl_population *population_out,
                       struct wtl_error *err)
{
    int rc = check(examples, n, features, err);
    if (rc < 0)
        return rc;
    struct wtl_population pop = {.features = features, .n_examples = (int)n};
    struct em em = {.examples = examples, .n = n, .pop = &pop};
    __attribute__((cleanup(wtl_arena_fini))) struct wtl_arena scratch;
    wtl_arena_init(&scratch, arena->alloc);
    rc = allocate(arena, &em, err);
    if (rc < 0)
        return rc;
    begin(&em);
    rc = invert_regressors(&em, err);
    for (int i = 0; rc == 0 && i < ITERATIONS; i++) {
        rc = expect(&em, &scratch, err);
        if (rc < 0)
            break;
        regress(&em);
        rc = card_effects(&em, err);
        variances(&em);
        misfit(&em);
    }
    if (rc == 0)
        *population_out = pop;
    return rc;
}

int wtl_population_prior(const struct wtl_population *pop, const struct wtl_example *probe,
                         struct wtl_form_prior *prior_out, struct wtl_error *err)
{
    if ((probe->features & pop->features) != pop->features)
        return WTL_FAIL(err, WTL_USAGE, "the probe lacks activity features of the model");
    struct wtl_form_prior prior;
    double z[R], iz[R];
    size_t k = (size_t)pop->n_regressors;
    standardised(pop, probe, z);
    fixed_part(pop, z, prior.mean);
    wtl_matvec(pop->regressor_inverse, k, k, z, iz);
    /* One workload on several cards tells of one workload. */
    double leverage = wtl_dot(z, iz, k) * pop->n_examples / fmax(pop->n_workloads, 1);
    const struct wtl_gpu_effect *g = wtl_population_gpu(pop, probe->gpu);
    const double *card = g ? g->covariance : pop->between;
    for (int j = 0; j < N; j++)
        prior.mean[j] += g ? g->effect[j] : 0;
    for (int j = 0; j < N * N; j++)
        prior.covariance[j] = (1 + leverage) * pop->within[j] + card[j];
    *prior_out = prior;
    return 0;
}
