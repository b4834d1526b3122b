/* SPDX-License-Identifier: Apache-2.0
 *
 * Least squares of log time on position with a level per anchor clock. */
#include "runs/quality.h"
#include "stats/distribution.h"

#include <math.h>

/* Runs of one cell as they are needed here. */
struct sums {
    double n, x, y, first, last;
};

static struct sums cell_sums(const struct wtl_run *runs, const struct wtl_levels *l, size_t head)
{
    struct sums s = {.first = HUGE_VAL, .last = -HUGE_VAL};
    for (size_t i = head; i < l->n; i = l->next[i]) {
        if (runs[i].causes)
            continue;
        s.n++;
        s.x += (double)i;
        s.y += l->log_t[i];
        s.first = fmin(s.first, (double)i);
        s.last = fmax(s.last, (double)i);
    }
    return s;
}

void wtl_estimate_drift(const struct wtl_run *runs, const struct wtl_levels *l,
                        struct wtl_drift *drift_out)
{
    double xx = 0, xy = 0, yy = 0, n = 0;
    struct wtl_drift d = {0};
    int next_cell = 0;
    for (size_t head = 0; head < l->n; head++) {
        if (l->cell[head] != next_cell) /* cells are numbered by their first run */
            continue;
        next_cell++;
        struct sums s = cell_sums(runs, l, head);
        if (s.n < 2 || s.last - s.first < 0.5 * (double)(l->n - 1))
            continue;
        d.n_anchors++;
        n += s.n;
        for (size_t i = head; i < l->n; i = l->next[i]) {
            if (runs[i].causes)
                continue;
            double x = (double)i - s.x / s.n, y = l->log_t[i] - s.y / s.n;
            xx += x * x;
            xy += x * y;
            yy += y * y;
        }
    }
    double dof = n - d.n_anchors - 1;
    if (dof >= 1 && xx > 0) {
        double slope = xy / xx, rest = fmax(0, yy - slope * xy);
        double half = wtl_student_quantile(0.975, dof) * sqrt(rest / dof / xx);
        d.found = true;
        d.per_run = expm1(slope);
        d.lo = expm1(slope - half);
        d.hi = expm1(slope + half);
    }
    *drift_out = d;
}
