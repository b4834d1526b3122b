/* SPDX-License-Identifier: Apache-2.0
 * The physical form of form.h. */
#include "predict/form.h"

#include <math.h>
#include <string.h>

#define FLOOR_ROUNDING 0.15 /* d of the smooth maximum, in 1/x */
#define KINK_ROUNDING 0.02  /* of the voltage corner, in x */

static const char *const names[WTL_FORM_N] = {"scaling", "floor",   "static", "rate",
                                              "kink",    "voltage", "power"};

const char *wtl_form_parameter_name(enum wtl_form_parameter p)
{
    return p < WTL_FORM_N ? names[p] : "";
}

static double logistic(double z)
{
    return z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z));
}

double wtl_form_natural(const double theta[WTL_FORM_N], enum wtl_form_parameter p)
{
    switch (p) {
    case WTL_FORM_FLOOR:
        return exp(-theta[p]);
    case WTL_FORM_KINK:
        return 0.40 + 0.55 * logistic(theta[p]);
    case WTL_FORM_VOLTAGE:
        return 0.5 + 0.5 * logistic(theta[p]);
    case WTL_FORM_POWER:
        return exp(theta[p]);
    case WTL_FORM_SCALING:
    case WTL_FORM_STATIC:
    case WTL_FORM_RATE:
    case WTL_FORM_N:
        break;
    }
    return logistic(theta[p]);
}

static double smooth_max(double u, double v, double d)
{
    return 0.5 * (u + v + sqrt((u - v) * (u - v) + d * d));
}

static double amount(double s, double m, double x)
{
    return (1 - s) + s * smooth_max(1 / x, m, FLOOR_ROUNDING);
}

static double voltage(double kink, double lowest, double x)
{
    double here = smooth_max(x - kink, 0, KINK_ROUNDING);
    double top = smooth_max(1 - kink, 0, KINK_ROUNDING);
    return lowest + (1 - lowest) * here / top;
}

void wtl_form_logs(const double theta[WTL_FORM_N], double x, double *log_tau_out,
                   double *log_power_out)
{
    double s = logistic(theta[WTL_FORM_SCALING]), m = exp(theta[WTL_FORM_FLOOR]);
    double tau = amount(s, m, x) / amount(s, m, 1);
    double r = logistic(theta[WTL_FORM_STATIC]), k = logistic(theta[WTL_FORM_RATE]);
    double v = voltage(wtl_form_natural(theta, WTL_FORM_KINK),
                       wtl_form_natural(theta, WTL_FORM_VOLTAGE), x);
    *log_tau_out = log(tau);
    *log_power_out = theta[WTL_FORM_POWER] + log(r + (1 - r) * ((1 - k) * x + k / tau) * v * v);
}

void wtl_form_gradients(const double theta[WTL_FORM_N], double x, double *log_tau_out,
                        double *log_power_out, double tau_gradient[WTL_FORM_N],
                        double power_gradient[WTL_FORM_N])
{
    const double step = 1e-6;
    double moved[WTL_FORM_N], t0, p0, t, p;
    wtl_form_logs(theta, x, &t0, &p0);
    memcpy(moved, theta, sizeof moved);
    for (int j = 0; j < WTL_FORM_N; j++) {
        moved[j] = theta[j] + step;
        wtl_form_logs(moved, x, &t, &p);
        moved[j] = theta[j];
        tau_gradient[j] = (t - t0) / step;
        power_gradient[j] = (p - p0) / step;
    }
    *log_tau_out = t0;
    *log_power_out = p0;
}
