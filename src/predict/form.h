/* SPDX-License-Identifier: Apache-2.0
 *
 * The physical form that the model across workloads and GPUs gives to time and power, on the
 * normalised clock x = f/f_max. Seven transformed parameters, all unbounded, so that a normal
 * distribution over a population of workloads makes sense:
 *
 *   time   t(x)/t(1) = tau(x) = a(x)/a(1),  a(x) = (1 - s) + s S(1/x, m)
 *          s: share of time that scales with the clock; m: the memory-bound floor, in 1/x (below
 *          1/m of the highest clock the clock binds); S: hyperbolic smooth maximum,
 *          S(u, v) = (u + v + sqrt((u - v)^2 + d^2))/2.
 *   power  P(x) = W (r + (1 - r) ((1 - k) x + k/tau(x)) V(x)^2)
 *          W: power at the highest clock; r: share that does not depend on the clock; k: share of
 *          dynamic power that goes with the rate of work rather than with the clock; V: voltage,
 *          constant below a kink, linear above it, 1 at x = 1, with the corner rounded likewise.
 *
 * After the roofline time model and the CMOS power model P = P0 + c f V^2 (Hong and Kim 2010,
 * doi:10.1145/1815961.1815998; Guerreiro et al. 2018, doi:10.1109/HPCA.2018.00072).
 */
#ifndef WTL_PREDICT_FORM_H
#define WTL_PREDICT_FORM_H

enum wtl_form_parameter {
    WTL_FORM_SCALING, /* logit s */
    WTL_FORM_FLOOR,   /* log m */
    WTL_FORM_STATIC,  /* logit r */
    WTL_FORM_RATE,    /* logit k */
    WTL_FORM_KINK,    /* kink = 0.40 + 0.55 logistic(.) of the highest clock */
    WTL_FORM_VOLTAGE, /* V below the kink = 0.5 + 0.5 logistic(.) */
    WTL_FORM_POWER,   /* log W */
    WTL_FORM_N
};

const char *wtl_form_parameter_name(enum wtl_form_parameter p); /* "scaling", ... */

/* log tau(x) and log P(x); x > 0. */
void wtl_form_logs(const double theta[WTL_FORM_N], double x, double *log_tau_out,
                   double *log_power_out);

/* The same and its derivatives by the parameters (forward differences). */
void wtl_form_gradients(const double theta[WTL_FORM_N], double x, double *log_tau_out,
                        double *log_power_out, double tau_gradient[WTL_FORM_N],
                        double power_gradient[WTL_FORM_N]);

/* A parameter in words: the value that it stands for (s, 1/m as a share of f_max, r, k, kink,
 * V_min, W). */
double wtl_form_natural(const double theta[WTL_FORM_N], enum wtl_form_parameter p);

#endif
