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
    CURVE_MAX_FORM = 4, /* linear parameters of a physical form */
    CURVE_MAX_BASIS = CURVE_MAX_FORM + WTL_CURVE_MODES,
    CURVE_MAX_KEPT = 6, /* candidates that a refit chooses among */
    CURVE_PER_FORM = 2, /* values of the non-linear parameter of a form that go on */
    CURVE_N_TRUST = 2,  /* sizes of the correction that are tried */
    CURVE_GRID = 20,    /* coarse values of a non-linear parameter */
};

/* A physical form: y = sum_j beta_j basis_j(f; parameter). */
struct curve_form {
    const char *name;
    const char *name_bent; /* with the larger correction */
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

/* The correction that a form is allowed: sum_k gamma_k mode_k(f), with gamma_k of mean 0 and
 * variance 1 before the runs are seen. */
struct curve_trust {
    double log_low, log_range; /* of the clocks, GHz */
    double sd[WTL_CURVE_MODES];
    const double *cell_mode;     /* n_cells x MODES: curve_modes() of every cell */
    const double *weighted_mode; /* count times that */
    /* sum of weighted_mode[j] cell_mode[k], k >= j */
    double gram[WTL_CURVE_MODES][WTL_CURVE_MODES];
};
int curve_trust_init(struct wtl_arena *arena, struct curve_trust *trust,
                     const struct curve_cells *cells, double elasticity); /* 0 or -WTL_NOMEM */
void curve_modes(const struct curve_trust *trust, double ghz, double *mode);

/* Runs left out together: those of one clock. */
struct curve_groups {
    size_t n;
    size_t *start; /* n + 1 offsets into `run` */
    size_t *run;
};

/* One form with its parameter fixed; form NULL: local regression. A physical form is
 * log y = log(sum_j beta_j basis_j) + sum_k gamma_k mode_k, linearised at its fit; the prior of
 * gamma enters as further rows of the least squares problem, one per mode, of weight `noise`. */
struct curve_candidate {
    const struct curve_form *form;
    const struct curve_trust *trust; /* NULL: no correction */
    double noise;                 /* standard deviation of log y that the prior is weighed with */
    int n_basis;                  /* of the form, and of the correction if there is one */
    double parameter;             /* GHz */
    size_t neighbours;            /* local regression */
    double beta[CURVE_MAX_BASIS]; /* physical: beta, then gamma */
    double r[CURVE_MAX_BASIS * CURVE_MAX_BASIS]; /* upper triangle of the QR of the tangent */
    double *q;      /* physical: n_cells x n_basis, rows sqrt(count) tangent R^-1; with the prior's
                       rows below them the columns would be orthonormal */
    double *design; /* physical: n_cells x MAX_FORM, the basis at each cell, 0 beyond its end */
    double *value;  /* physical: n_cells, the form without correction */
    double *hat;    /* local: n_cells x n_cells, fitted = hat mean */
    double *fit;    /* n_cells: log fit */
    double *lever;  /* n_cells: d fit / d mean of the same cell, in 0..1 */
    double cv2;     /* mean squared error on left-out runs; infinite when not admissible */
    double cost;    /* minus log weight */
};

struct wtl_curve {
    enum wtl_curve_kind kind;
    size_t n; /* runs */
    double *log_y;
    double *pseudo;
    size_t *cell;
    struct curve_cells cells;
    struct curve_groups groups;
    struct curve_trust trust[CURVE_N_TRUST];     /* the first is that of wtl_curve_modes() */
    struct curve_candidate kept[CURVE_MAX_KEPT]; /* best first */
    double weight[CURVE_MAX_KEPT];               /* sum 1 */
    size_t n_kept;
    /* Per cell: the weighted mean of the candidates' log fits, and once `effect` is known with what
     * the cell has of its own. */
    double *fit;
    double *lever;
    double effect; /* standard deviation of what each clock has of its own, as wide as it is
                      uncertain; 0: none is seen */
    double within; /* that of runs about the mean of their clock, where there is an effect */
    double *own;   /* per cell: share of its own runs in its value, the rest is the candidates' */
    double scale;
    double correlation; /* of successive runs */
    double inflation;   /* runs that tell as much as one independent one, >= 1 */
    double cv_error;
};

/* ---- curve_search.c ---- */

/* Finds, weighs and completes the candidates for the present pseudo-values; fills kept, weight,
 * n_kept, fit, lever and cv_error. scratch: 4 n_cells. -WTL_UNDECIDED when nothing fits. */
int curve_search(struct wtl_arena *arena, struct wtl_curve *c, double *scratch,
                 struct wtl_error *err);

/* Fits the kept candidates again to changed pseudo-values, weights unchanged. */
void curve_update(struct wtl_curve *c);

/* The largest scale below which no run is called wild; also the least noise that a prior is weighed
 * with: the resolution of timers and power sensors. */
#define CURVE_LEAST_SCALE 0.002

/* ---- curve_newton.c ---- */

/* Fits by Gauss-Newton and fills everything but cv2. False when the form does not fit (singular,
 * or not positive over the clocks). */
bool curve_physical_fit(struct curve_candidate *c, const struct curve_cells *cells);

/* The same from the coefficients that it has, for pseudo-values that moved a little; false: nothing
 * has changed but r, fit and value. */
bool curve_physical_refit(struct curve_candidate *c, const struct curve_cells *cells);

/* Solves R^T x = b in place: also the row of a tangent in the orthonormal basis. */
void curve_forward(const double *r, int p, double *b);

/* ---- curve_physical.c ---- */

/* Mean squared error on left-out groups; infinite when leaving one out makes the form singular. */
double curve_physical_cv(const struct curve_candidate *c, const struct wtl_curve *curve);

/* log value at a clock, and the row that maps Q-coefficients to a change of it. */
double curve_physical_at(const struct curve_candidate *c, double ghz);
void curve_physical_row(const struct curve_candidate *c, double ghz, double *row);

/* ---- curve_effect.c ---- */

/* Whether clocks have something of their own beside the curve: sets effect and own. mean (n_cells)
 * becomes that of the runs as measured. */
bool curve_effect_find(struct wtl_curve *c, double *mean);

/* fit and lever of the candidates become those of the cells, drawn to `mean`. */
void curve_effect_apply(struct wtl_curve *c, const double *mean);

/* The cell of a clock; cells.n: there are no runs at it. */
size_t curve_cell_at(const struct wtl_curve *c, double ghz);

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
