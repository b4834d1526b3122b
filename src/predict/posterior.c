/* SPDX-License-Identifier: Apache-2.0
 * Levenberg-Marquardt on the whitened problem: runs, then the prior as rows of its own. */
#include "predict/posterior.h"

#include "base/random.h"
#include "stats/linalg.h"

#include <math.h>
#include <string.h>

enum { N = WTL_FORM_N, M = WTL_POSTERIOR_N };

struct problem {
    const struct wtl_example *data;
    const struct wtl_form_prior *prior;
    const struct wtl_form_noise *noise;
    double l[N * N]; /* Cholesky factor of the prior covariance */
    double weight;   /* of a cell's information */
    size_t rows;
    double *residual; /* rows */
    double *jacobian; /* rows x M */
    double *trial;    /* rows */
};

static double spread(double run, double misfit, int n)
{
    return sqrt(misfit * misfit + run * run / (n > 0 ? n : 1));
}

/* Residuals (model minus data, whitened) and, when `jacobian` is not NULL, their derivatives. */
static void evaluate(const struct problem *p, const double *at, double *residual, double *jacobian)
{
    double gt[N], gp[N];
    size_t row = 0;
    if (jacobian)
        memset(jacobian, 0, p->rows * M * sizeof *jacobian);
    for (size_t i = 0; i < p->data->n_cells; i++, row += 2) {
        const struct wtl_cell *c = &p->data->cells[i];
        double log_tau, log_power, x = c->clock_mhz / p->data->f_max_mhz;
        double wt = p->weight / spread(p->noise->time_run, p->noise->time_misfit, c->n);
        double wp = p->weight / spread(p->noise->power_run, p->noise->power_misfit, c->n);
        if (jacobian) {
            wtl_form_gradients(at, x, &log_tau, &log_power, gt, gp);
            for (int j = 0; j < N; j++) {
                jacobian[row * M + (size_t)j] = wt * gt[j];
                jacobian[(row + 1) * M + (size_t)j] = wp * gp[j];
            }
            jacobian[row * M + N] = wt;
        } else {
            wtl_form_logs(at, x, &log_tau, &log_power);
        }
        residual[row] = wt * (at[N] + log_tau - log(c->time_s));
        residual[row + 1] = wp * (log_power - log(c->power_w));
    }
    for (int j = 0; j < N; j++)
        residual[row + (size_t)j] = at[j] - p->prior->mean[j];
    wtl_cholesky_forward(p->l, N, residual + row);
    for (int j = 0; jacobian && j < N; j++) {
        double unit[N] = {0};
        unit[j] = 1;
        wtl_cholesky_forward(p->l, N, unit);
        for (int i = 0; i < N; i++)
            jacobian[(row + (size_t)i) * M + (size_t)j] = unit[i];
    }
}

static double square(const double *r, size_t n)
{
    return wtl_dot(r, r, n);
}

/* One damped step from `at`; true when the sum of squares fell. */
static bool step(struct problem *p, double *at, double *cost, double damping)
{
    double gram[M * M], gradient[M], next[M];
    wtl_gram(p->jacobian, NULL, p->rows, M, gram);
    wtl_matvec_t(p->jacobian, p->rows, M, p->residual, gradient);
    for (int j = 0; j < M; j++)
        gram[j * M + j] *= 1 + damping;
    if (wtl_cholesky(gram, M, 0, NULL) < 0)
        return false;
    wtl_cholesky_solve(gram, M, gradient);
    for (int j = 0; j < M; j++)
        next[j] = at[j] - gradient[j];
    evaluate(p, next, p->trial, NULL);
    double after = square(p->trial, p->rows);
    if (!(after < *cost))
        return false;
    memcpy(at, next, sizeof next);
    *cost = after;
    return true;
}

static void minimise(struct problem *p, double *at)
{
    double damping = 1e-3, cost;
    evaluate(p, at, p->residual, p->jacobian);
    cost = square(p->residual, p->rows);
    for (int i = 0; i < 100 && damping < 1e8; i++) {
        double before = cost;
        if (!step(p, at, &cost, damping)) {
            damping *= 8;
            continue;
        }
        damping = fmax(damping / 8, 1e-9);
        evaluate(p, at, p->residual, p->jacobian);
        if (before - cost < 1e-9 * (1 + cost))
            break;
    }
}

static int prepare(struct wtl_arena *scratch, struct problem *p, double cells_at_most,
                   struct wtl_error *err)
{
    double n = (double)p->data->n_cells;
    p->weight = cells_at_most > 0 && n > cells_at_most ? sqrt(cells_at_most / n) : 1;
    p->rows = 2 * p->data->n_cells + N;
    p->residual = WTL_NEW_ARRAY(scratch, double, p->rows);
    p->trial = WTL_NEW_ARRAY(scratch, double, p->rows);
    p->jacobian = WTL_NEW_ARRAY(scratch, double, p->rows *M);
    if (!p->residual || !p->trial || !p->jacobian)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for %zu cells", p->data->n_cells);
    memcpy(p->l, p->prior->covariance, sizeof p->l);
    int rc = wtl_cholesky(p->l, N, 0, err);
    if (rc < 0)
        wtl_error_context(err, "covariance of the population");
    return rc;
}

/* The scales start where the cell of the highest clock puts them. */
static void start(const struct problem *p, double *at)
{
    const struct wtl_cell *top = &p->data->cells[p->data->n_cells - 1];
    double log_tau, log_power;
    memcpy(at, p->prior->mean, N * sizeof *at);
    wtl_form_logs(at, top->clock_mhz / p->data->f_max_mhz, &log_tau, &log_power);
    at[WTL_FORM_POWER] += log(top->power_w) - log_power;
    at[N] = log(top->time_s) - log_tau;
}

int wtl_posterior_fit(struct wtl_arena *scratch, const struct wtl_example *data,
                      const struct wtl_form_prior *prior, const struct wtl_form_noise *noise,
                      double cells_at_most, struct wtl_posterior *posterior_out,
                      struct wtl_error *err)
{
    if (data->n_cells == 0)
        return WTL_FAIL(err, WTL_USAGE, "a prediction needs at least one run of the workload");
    struct problem p = {.data = data, .prior = prior, .noise = noise};
    int rc = prepare(scratch, &p, cells_at_most, err);
    if (rc < 0)
        return rc;
    double at[M], gram[M * M];
    start(&p, at);
    minimise(&p, at);
    evaluate(&p, at, p.residual, p.jacobian);
    wtl_gram(p.jacobian, NULL, p.rows, M, gram);
    rc = wtl_cholesky(gram, M, 0, err);
    if (rc < 0)
        return rc;
    struct wtl_posterior q = {.log_time_s = at[N], .f_max_mhz = data->f_max_mhz, .noise = *noise};
    memcpy(q.theta, at, sizeof q.theta);
    wtl_cholesky_inverse(gram, M, q.covariance);
    q.chi2 = square(p.residual, 2 * data->n_cells);
    *posterior_out = q;
    return 0;
}

static double variance_along(const struct wtl_posterior *q, const double *g)
{
    double cg[M];
    wtl_matvec(q->covariance, M, M, g, cg);
    return fmax(wtl_dot(g, cg, M), 0);
}

/* The misfit of the form is smooth: at neighbouring clocks it is nearly the same, and cancels in
 * ratios. */
static double misfit_variance(double misfit, double x)
{
    double d = (1 - x) / WTL_MISFIT_LENGTH;
    return 2 * misfit * misfit * (1 - exp(-0.5 * d * d));
}

struct wtl_prediction wtl_posterior_at(const struct wtl_posterior *q, double clock_mhz)
{
    double x = clock_mhz / q->f_max_mhz, gt[M] = {0}, gp[M] = {0}, ge[M], lt, lp, lt1, lp1;
    double gt1[N], gp1[N];
    wtl_form_gradients(q->theta, x, &lt, &lp, gt, gp);
    wtl_form_gradients(q->theta, 1, &lt1, &lp1, gt1, gp1);
    struct wtl_prediction r = {.clock_mhz = clock_mhz};
    r.time_s = exp(q->log_time_s + lt);
    r.power_w = exp(lp);
    r.energy_j = r.time_s * r.power_w;
    r.slowdown = exp(lt) - 1;
    r.saving = 1 - exp(lt + lp - lp1);
    double mt = q->noise.time_misfit, mp = q->noise.power_misfit;
    r.log_slowdown_sd = sqrt(variance_along(q, gt) + misfit_variance(mt, x));
    for (int j = 0; j < N; j++)
        ge[j] = gt[j] + gp[j] - gp1[j];
    ge[N] = 0;
    r.log_saving_sd = sqrt(variance_along(q, ge) + misfit_variance(hypot(mt, mp), x));
    r.log_power_sd = sqrt(variance_along(q, gp) + mp * mp);
    gt[N] = 1;
    r.log_time_sd = sqrt(variance_along(q, gt) + mt * mt);
    for (int j = 0; j < M; j++)
        ge[j] = gt[j] + gp[j];
    r.log_energy_sd = sqrt(variance_along(q, ge) + mt * mt + mp * mp);
    return r;
}

/* A smooth random function of unit variance: a sum of cosines with random frequency and phase. */
enum { WAVES = 12 };
struct waves {
    double frequency[WAVES], phase[WAVES];
};

static void draw_waves(struct waves *w, struct wtl_rng *rng)
{
    for (int k = 0; k < WAVES; k++) {
        w->frequency[k] = wtl_rng_normal(rng) / WTL_MISFIT_LENGTH;
        w->phase[k] = 2 * M_PI * wtl_rng_uniform(rng);
    }
}

static double waves_at(const struct waves *w, double x)
{
    double sum = 0;
    for (int k = 0; k < WAVES; k++)
        sum += cos(w->frequency[k] * x + w->phase[k]);
    return sqrt(2.0 / WAVES) * sum;
}

int wtl_posterior_draws(const struct wtl_posterior *q, const double *clock_mhz, size_t n_clocks,
                        size_t n_draws, uint64_t seed, double *log_time_out, double *log_power_out,
                        struct wtl_error *err)
{
    double l[M * M], z[M], at[M];
    memcpy(l, q->covariance, sizeof l);
    int rc = wtl_cholesky(l, M, 0, err);
    if (rc < 0) {
        wtl_error_context(err, "drawing from the prediction");
        return rc;
    }
    struct wtl_rng rng;
    wtl_rng_init(&rng, seed);
    for (size_t r = 0; r < n_draws; r++) {
        struct waves time, power;
        for (int j = 0; j < M; j++)
            z[j] = wtl_rng_normal(&rng);
        wtl_matvec(l, M, M, z, at);
        for (int j = 0; j < M; j++)
            at[j] += j < N ? q->theta[j] : q->log_time_s;
        draw_waves(&time, &rng);
        draw_waves(&power, &rng);
        for (size_t i = 0; i < n_clocks; i++) {
            double lt, lp, x = clock_mhz[i] / q->f_max_mhz;
            wtl_form_logs(at, x, &lt, &lp);
            log_time_out[r * n_clocks + i] = at[N] + lt + q->noise.time_misfit * waves_at(&time, x);
            log_power_out[r * n_clocks + i] = lp + q->noise.power_misfit * waves_at(&power, x);
        }
    }
    return 0;
}
