/* SPDX-License-Identifier: Apache-2.0
 *
 * Column statistics. Four independent lanes keep the additions out of each other's way; the order
 * of summation is fixed, so a result does not depend on the compiler. */
#include "runs/accumulate.h"

#include <math.h>
#include <string.h>

struct lane {
    double sum, squares, lo, hi;
};

static inline void lane_add(struct lane *l, double x, double origin)
{
    double d = x - origin;
    l->sum += d;
    l->squares += d * d;
    l->lo = x < l->lo ? x : l->lo;
    l->hi = x > l->hi ? x : l->hi;
}

void wtl_moments_add(struct wtl_moments *m, const double *x, int n)
{
    if (n == 0)
        return;
    if (m->n == 0) {
        m->origin = m->min = m->max = x[0];
        m->sum = m->squares = 0;
    }
    double origin = m->origin;
    struct lane a = {.lo = m->min, .hi = m->max}, b = a, c = a, d = a;
    int i = 0;
    for (; i + 4 <= n; i += 4) {
        lane_add(&a, x[i], origin);
        lane_add(&b, x[i + 1], origin);
        lane_add(&c, x[i + 2], origin);
        lane_add(&d, x[i + 3], origin);
    }
    for (; i < n; i++)
        lane_add(&a, x[i], origin);
    m->n += n;
    m->sum += (a.sum + b.sum) + (c.sum + d.sum);
    m->squares += (a.squares + b.squares) + (c.squares + d.squares);
    m->min = fmin(fmin(a.lo, b.lo), fmin(c.lo, d.lo));
    m->max = fmax(fmax(a.hi, b.hi), fmax(c.hi, d.hi));
    m->last = x[n - 1];
}

double wtl_moments_mean(const struct wtl_moments *m)
{
    return m->n ? m->origin + m->sum / (double)m->n : 0;
}

double wtl_moments_sd(const struct wtl_moments *m)
{
    if (m->n < 2)
        return 0;
    double n = (double)m->n;
    double centred = m->squares - m->sum * m->sum / n;
    return centred > 0 ? sqrt(centred / (n - 1)) : 0;
}

void wtl_histogram_init(struct wtl_histogram *h, double step)
{
    memset(h, 0, sizeof *h);
    h->step = step;
    h->lo = WTL_HISTOGRAM_BINS;
    h->hi = -1;
}

void wtl_histogram_clear(struct wtl_histogram *h)
{
    if (h->lo <= h->hi)
        memset(h->count + h->lo, 0, (size_t)(h->hi - h->lo + 1) * sizeof *h->count);
    h->n = 0;
    h->lo = WTL_HISTOGRAM_BINS;
    h->hi = -1;
}

void wtl_histogram_add(struct wtl_histogram *h, const double *x, int n)
{
    const double scale = 1 / h->step, top = WTL_HISTOGRAM_BINS - 1;
    int lo = h->lo, hi = h->hi;
    for (int i = 0; i < n; i++) {
        double v = x[i] * scale + 0.5;
        int bin = v >= top ? (int)top : v > 0 ? (int)v : 0;
        h->count[bin]++;
        lo = bin < lo ? bin : lo;
        hi = bin > hi ? bin : hi;
    }
    h->lo = lo;
    h->hi = hi;
    h->n += n;
}

/* Bin of the order statistic with index k (from 0), and how many values lie at or below it. */
static int bin_of_rank(const struct wtl_histogram *h, int64_t k, int64_t *upto_out)
{
    int64_t upto = 0;
    int bin = h->lo;
    for (; bin < h->hi; bin++) {
        upto += h->count[bin];
        if (upto > k)
            break;
    }
    *upto_out = bin == h->hi ? h->n : upto;
    return bin;
}

double wtl_histogram_quantile(const struct wtl_histogram *h, double p)
{
    if (h->n == 0)
        return 0;
    double rank = p * (double)(h->n - 1);
    int64_t k = (int64_t)rank, upto;
    int bin = bin_of_rank(h, k, &upto);
    double share = rank - (double)k;
    if (share <= 0 || upto > k + 1 || bin == h->hi)
        return bin * h->step;
    int next = bin + 1;
    while (next < h->hi && h->count[next] == 0)
        next++;
    return (bin + share * (next - bin)) * h->step;
}

double wtl_histogram_share(const struct wtl_histogram *h, double lo, double hi)
{
    int64_t inside = 0;
    for (int bin = h->lo; bin <= h->hi; bin++) {
        double centre = bin * h->step;
        if (centre >= lo && centre <= hi)
            inside += h->count[bin];
    }
    return h->n ? (double)inside / (double)h->n : 0;
}

/* Bits of the rows of word w that exist. */
static uint64_t row_mask(int n, int w)
{
    int rows = n - 64 * w;
    return rows >= 64 ? ~UINT64_C(0) : rows > 0 ? (UINT64_C(1) << rows) - 1 : 0;
}

const double *wtl_column_rows(const struct wtl_batch *b, enum wtl_metric m, const uint64_t *rows,
                              double *out, int *n_out)
{
    const struct wtl_column *c = &b->column[m];
    int k = 0;
    bool whole = true;
    for (int w = 0; 64 * w < b->n; w++) {
        uint64_t all = row_mask(b->n, w), take = c->valid[w] & all & (rows ? rows[w] : all);
        if (take == all && whole) { /* nothing missing so far: no copy */
            k += __builtin_popcountll(all);
            continue;
        }
        if (whole) {
            memcpy(out, c->value, (size_t)k * sizeof *out);
            whole = false;
        }
        for (; take; take &= take - 1)
            out[k++] = c->value[64 * w + __builtin_ctzll(take)];
    }
    *n_out = k;
    return whole ? c->value : out;
}

const double *wtl_column_valid(const struct wtl_batch *b, enum wtl_metric m, double *out,
                               int *n_out)
{
    return wtl_column_rows(b, m, NULL, out, n_out);
}
