/* SPDX-License-Identifier: Apache-2.0
 * Residuals made as large as the noise that left them, for resampling in blocks. */
#include "predict/curve_internal.h"

#include <math.h>

/* No residual is blown up more than this bound allows: where the curve takes nearly all of a block,
 * what is left of it is no measure of what was there. */
static const double most_taken = 0.9;

/* Moves a physical candidate's sum over the block, of rows whose products are the hat matrix. */
static void add_row(const struct wtl_curve *c, const struct curve_candidate *k, size_t run,
                    double sign, double *sum)
{
    size_t cell = c->cell[run], p = (size_t)k->n_basis;
    double weight = sign / sqrt(c->cells.count[cell]);
    for (size_t j = 0; j < p; j++)
        sum[j] += weight * k->q[cell * p + j];
}

/* How far the local fit of each of two runs follows the other. */
static double local_pair(const struct wtl_curve *c, const struct curve_candidate *k, size_t a,
                         size_t b)
{
    size_t i = c->cell[a], j = c->cell[b], n = c->cells.n;
    return k->hat[i * n + j] / c->cells.count[j] + k->hat[j * n + i] / c->cells.count[i];
}

/* Hat matrix of the local fit between run `at` and `length` runs from `from` on, both ways. */
static double local_pairs(const struct wtl_curve *c, const struct curve_candidate *k, size_t at,
                          size_t from, size_t length)
{
    double sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += local_pair(c, k, at, (from + i) % c->n);
    return sum;
}

/* Sum of the hat matrix over every block of `length` runs, by the block's first run; weight times
 * it is added to taken[]. A block is the one before it, less its first run, plus the next. */
static void add_physical(const struct wtl_curve *c, const struct curve_candidate *k, double weight,
                         size_t length, double *taken)
{
    double row[CURVE_MAX_BASIS] = {0};
    for (size_t i = 0; i < length; i++)
        add_row(c, k, i, 1, row);
    for (size_t from = 0; from < c->n; from++) {
        double square = 0;
        for (int j = 0; j < k->n_basis; j++)
            square += row[j] * row[j];
        taken[from] += weight * square;
        add_row(c, k, from, -1, row);
        add_row(c, k, (from + length) % c->n, 1, row);
    }
}

static void add_local(const struct wtl_curve *c, const struct curve_candidate *k, double weight,
                      size_t length, double *taken)
{
    double sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += local_pairs(c, k, i, 0, i) + local_pair(c, k, i, i) / 2;
    for (size_t from = 0; from < c->n; from++) {
        size_t next = (from + length) % c->n;
        taken[from] += weight * sum;
        sum -= local_pairs(c, k, from, from + 1, length - 1) + local_pair(c, k, from, from) / 2;
        sum += local_pairs(c, k, next, from + 1, length - 1) + local_pair(c, k, next, next) / 2;
    }
}

/* What clocks have of their own takes of each run's error its part of the mean of its clock. */
static void add_own(const struct wtl_curve *c, size_t length, double *taken)
{
    for (size_t from = 0; from < c->n && c->effect > 0; from++)
        for (size_t i = 0; i < length; i++) {
            const size_t cell = c->cell[(from + i) % c->n];
            const double own = c->own[cell], left = 1 - c->lever[cell];
            taken[from] += own / fmax(1 - own, 1e-9) * left / c->cells.count[cell] / (double)length;
        }
}

/* For every run the mean of `block`, which is by first run, over the blocks that hold it. */
static void average_over_blocks(const double *block, size_t n, size_t length, double *out)
{
    double sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += block[n - 1 - i];
    for (size_t i = 0; i < n; i++) {
        sum += block[i] - block[(i + n - length) % n];
        out[i] = sum / (double)length;
    }
}

/* Nothing is left of the runs of clocks that ran once and have something of their own: as large at
 * least as runs of one clock differ. */
static void grow(const struct wtl_curve *c, double *noise)
{
    double square = 0;
    for (size_t i = 0; i < c->n; i++)
        square += noise[i] * noise[i] / (double)c->n;
    const double by = square > 0 ? c->within / sqrt(square) : 1;
    for (size_t i = 0; i < c->n && by > 1; i++)
        noise[i] *= by;
}

int wtl_curve_noise(struct wtl_arena *scratch, const struct wtl_curve *c, size_t length,
                    double *noise_out, struct wtl_error *err)
{
    double mean = 0;
    if (length < 1 || length > c->n)
        return WTL_FAIL(err, WTL_USAGE, "blocks of %zu runs out of %zu", length, c->n);
    double *taken = WTL_NEW_ARRAY(scratch, double, c->n), *share = noise_out;
    if (!taken)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for the noise of %zu runs", c->n);
    for (size_t k = 0; k < c->n_kept; k++) {
        const struct curve_candidate *candidate = &c->kept[k];
        double weight = c->weight[k] / (double)length;
        if (candidate->form)
            add_physical(c, candidate, weight, length, taken);
        else
            add_local(c, candidate, weight, length, taken);
    }
    add_own(c, length, taken);
    average_over_blocks(taken, c->n, length, share);
    for (size_t i = 0; i < c->n; i++) {
        double r = c->pseudo[i] - c->fit[c->cell[i]];
        noise_out[i] = r / sqrt(1 - fmin(share[i], most_taken));
        mean += noise_out[i] / (double)c->n;
    }
    for (size_t i = 0; i < c->n; i++)
        noise_out[i] -= mean;
    if (c->effect > 0)
        grow(c, noise_out);
    return 0;
}
