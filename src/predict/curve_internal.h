/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the curve share; nobody else includes this. Clocks are in GHz here, so that
 * powers of them stay near 1. Logs of values throughout.
 */
#ifndef WTL_PREDICT_CURVE_INTERNAL_H
#define WTL_PREDICT_CURVE_INTERNAL_H

#include "predict/curve.h"

#include <stdbool.h>

enum {
    CURVE_MAX_BASIS = 4, /* linear parameters of a physical form */
    CURVE_MAX_KEPT = 6,  /* candidates that a refit chooses among */
    CURVE_GRID = 20,     /* coarse values of a non-linear parameter */
};

/* A physical form: y = sum_j beta_j basis_j(f; parameter). */
struct curve_form {
    const char *name;
    enum wtl_curve_kind kind;
    int n_basis;
    int first,
        last; /* the parameter runs over cells first .. n - 1 - last; last < 0: no parameter */
    void (*basis)(double ghz, double parameter, double *x);
};
extern const struct curve_form curve_forms[];
extern const int curve_n_forms;

/* Runs gathered by clock. */
struct curve_cells {
    size_t n;
    double *ghz;   /* ascending */
    double *count; /* runs */
    double *mean;  /* mean of the pseudo-values */
};

/* Runs left out together. */
struct curve_groups {
    size_t n;
    size_t *start; /* n + 1 offsets into `run` */
    size_t *run;
};

/* One form with its parameter fixed; form NULL: local regression. */
struct curve_candidate {
    const struct curve_form *form;
    double parameter;                            /* GHz */
    size_t neighbours;                           /* local regression */
    double beta[CURVE_MAX_BASIS];                /* physical */
    double r[CURVE_MAX_BASIS * CURVE_MAX_BASIS]; /* upper triangle of the QR of the tangent */
    double *q;     /* physical: n_cells x n_basis, rows sqrt(count) tangent R^-1; orthonormal */
    double *hat;   /* local: n_cells x n_cells, fitted = hat mean */
    double *fit;   /* n_cells: log fit */
    double *lever; /* n_cells: d fit / d mean of the same cell, in 0..1 */
    double cv2;    /* mean squared error on left-out runs; infinite when not admissible */
};

struct wtl_curve {
    enum wtl_curve_kind kind;
    size_t n; /* runs */
    double *log_y;
    double *pseudo;
    size_t *cell;
    struct curve_cells cells;
    struct curve_groups groups;
    struct curve_candidate *all; /* scratch of the search */
    size_t n_all;
    const struct curve_candidate *kept[CURVE_MAX_KEPT]; /* best first */
    size_t n_kept;
    double scale;
    double cv_error;
};

static inline const struct curve_candidate *curve_winner(const struct wtl_curve *curve)
{
    return curve->kept[0];
}

/* ---- curve_physical.c ---- */

/* Fits by Gauss-Newton and fills everything but cv2. False when the form does not fit (singular,
 * or not positive over the clocks). */
bool curve_physical_fit(struct curve_candidate *c, const struct curve_cells *cells);

/* Mean squared error on left-out groups; infinite when leaving one out makes the form singular. */
double curve_physical_cv(const struct curve_candidate *c, const struct wtl_curve *curve);

/* log value at a clock, and the row that maps Q-coefficients to a change of it. */
double curve_physical_at(const struct curve_candidate *c, double ghz);
void curve_physical_row(const struct curve_candidate *c, double ghz, double *row);

/* ---- curve_local.c ---- */

/* Weights of the cell means in the local fit at `ghz` (cells of count 0 are passed over); entries
 * outside the neighbourhood are 0. */
void curve_local_row(const struct curve_cells *cells, const double *count, size_t neighbours,
                     double ghz, double *row);
void curve_local_fit(struct curve_candidate *c, const struct curve_cells *cells);
double curve_local_cv(const struct curve_candidate *c, const struct wtl_curve *curve,
                      double *scratch); /* 4 n_cells */
double curve_local_at(const struct curve_candidate *c, const struct curve_cells *cells, double ghz,
                      double *row);

#endif
