/* SPDX-License-Identifier: Apache-2.0
 *
 * The parameters of one workload from its runs and a normal prior: the maximum a posteriori of the
 * form of form.h by Levenberg-Marquardt, with the Laplace approximation around it. With the prior
 * alone no run at all is needed for the shape; with many runs the prior does not matter.
 */
#ifndef WTL_PREDICT_POSTERIOR_H
#define WTL_PREDICT_POSTERIOR_H

#include "predict/example.h"
#include "predict/form.h"

/* Relative standard deviations of log time and log power. */
struct wtl_form_noise {
    double time_run, power_run;       /* of one run */
    double time_misfit, power_misfit; /* of the form: stays however many runs there are */
};

struct wtl_form_prior {
    double mean[WTL_FORM_N];
    double covariance[WTL_FORM_N * WTL_FORM_N];
};

/* Correlation length of the misfit in x = f/f_max. */
#define WTL_MISFIT_LENGTH 0.15

enum { WTL_POSTERIOR_N = WTL_FORM_N + 1 }; /* the parameters, then log t(1) */

struct wtl_posterior {
    double theta[WTL_FORM_N];
    double log_time_s; /* log t(1) */
    double covariance[WTL_POSTERIOR_N * WTL_POSTERIOR_N];
    double f_max_mhz;
    struct wtl_form_noise noise;
    double chi2; /* of the runs, without the prior */
};

/* `cells_at_most`: neighbouring clocks share the misfit of the form, so that many cells count as
 * this many independent ones; 0: no limit. -WTL_FAILED when the prior covariance is not positive
 * definite; -WTL_NOMEM. */
int wtl_posterior_fit(struct wtl_arena *scratch, const struct wtl_example *data,
                      const struct wtl_form_prior *prior, const struct wtl_form_noise *noise,
                      double cells_at_most, struct wtl_posterior *posterior_out,
                      struct wtl_error *err);

/* One clock on the predicted curves. Standard deviations are of logarithms; they hold the
 * posterior's and, for what lies away from any run, the misfit of the form. */
struct wtl_prediction {
    double clock_mhz;
    double time_s, power_w, energy_j;
    double slowdown; /* t/t(f_max) - 1 */
    double saving;   /* 1 - E/E(f_max) */
    double log_time_sd, log_power_sd, log_energy_sd;
    double log_slowdown_sd; /* of t/t(f_max) */
    double log_saving_sd;   /* of E/E(f_max) */
};
struct wtl_prediction wtl_posterior_at(const struct wtl_posterior *posterior, double clock_mhz);

/* Joint draws of both curves, one after the other in rows of n_clocks: logs of s and W. Parameters
 * from the Laplace approximation, plus the misfit of the form as a smooth random function of the
 * clock (squared-exponential kernel by random Fourier features; Rahimi and Recht 2007). -WTL_FAILED
 * when the covariance is not positive definite. */
int wtl_posterior_draws(const struct wtl_posterior *posterior, const double *clock_mhz,
                        size_t n_clocks, size_t n_draws, uint64_t seed, double *log_time_out,
                        double *log_power_out, struct wtl_error *err);

#endif
