/* SPDX-License-Identifier: Apache-2.0
 *
 * What workloads on GPUs have in common: a normal distribution of the parameters of form.h,
 * estimated by empirical Bayes from training examples (a mixed-effects model fitted by an
 * expectation-maximisation with Laplace steps; Lindstrom and Bates 1990, doi:10.2307/2532087):
 *
 *   theta(workload, gpu) = B z + b(gpu) + e,   b ~ N(0, between),  e ~ N(0, within)
 *
 * z: 1 and the activity features of the workload at the highest clock (when the examples have
 * them), B by ridge regression; b: what a card does to every workload. A weak hyperprior keeps
 * populations of a few examples sane; its mean and its weight are listed in population.c.
 */
#ifndef WTL_PREDICT_POPULATION_H
#define WTL_PREDICT_POPULATION_H

#include "predict/posterior.h"

/* 1, the features, and log((pipe + 0.02)/(dram + 0.02)) when both are known. */
enum { WTL_REGRESSORS_MAX = WTL_N_FEATURES + 2 };

struct wtl_gpu_effect {
    char gpu[WTL_LIMIT_NAME];
    double f_max_mhz;
    int n_examples;
    double effect[WTL_FORM_N];
    double covariance[WTL_FORM_N * WTL_FORM_N]; /* of the effect */
};

struct wtl_population {
    unsigned features; /* that a probe must have; 0: none */
    int n_regressors;
    double regressor_mean[WTL_REGRESSORS_MAX]; /* entry 0: 0 and 1 */
    double regressor_sd[WTL_REGRESSORS_MAX];
    double coef[WTL_REGRESSORS_MAX * WTL_FORM_N]; /* regressor by parameter, standardised */
    double regressor_inverse[WTL_REGRESSORS_MAX * WTL_REGRESSORS_MAX]; /* (Z'Z + penalty)^-1 */
    double within[WTL_FORM_N * WTL_FORM_N];
    double between[WTL_FORM_N * WTL_FORM_N];
    struct wtl_form_noise noise;
    const struct wtl_gpu_effect *gpus;
    size_t n_gpus;
    int n_examples, n_workloads;
    double x_min; /* lowest clock of the examples over the highest: below it nothing was learned */
};

/* Fits on the given examples and on nothing else. `features`: which to regress on; examples that
 * lack one are refused (-WTL_USAGE). -WTL_UNDECIDED below two examples or when an example has fewer
 * than 4 clocks; -WTL_NOMEM. Order of examples does not matter beyond rounding. */
int wtl_population_fit(struct wtl_arena *arena, const struct wtl_example *const *examples, size_t n,
                       unsigned features, struct wtl_population *population_out,
                       struct wtl_error *err);

/* NULL when no example was on this GPU. Names are compared folded. */
const struct wtl_gpu_effect *wtl_population_gpu(const struct wtl_population *population,
                                                const char *gpu);

/* The distribution of theta before any time or power of `probe` is looked at; only its GPU and its
 * features count. -WTL_USAGE when a feature is missing. */
int wtl_population_prior(const struct wtl_population *population, const struct wtl_example *probe,
                         struct wtl_form_prior *prior_out, struct wtl_error *err);

/* How many regressors these features give: 1, one each, and the balance of pipe and dram. */
int wtl_population_regressors(unsigned features);

/* Features that all of the examples have. */
unsigned wtl_common_features(const struct wtl_example *const *examples, size_t n);

#endif
