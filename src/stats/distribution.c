/* SPDX-License-Identifier: Apache-2.0
 * Normal and Student distributions. */
#include "stats/distribution.h"

#include <math.h>

double wtl_normal_cdf(double z)
{
    return 0.5 * erfc(-z * M_SQRT1_2);
}

/* Horner's rule, c[0] the constant term. */
static double polynomial(const double *c, int n, double x)
{
    double s = 0;
    for (int i = n - 1; i >= 0; i--)
        s = s * x + c[i];
    return s;
}

/* AS 241, the central part: |p - 1/2| <= 0.425. */
static double quantile_centre(double q)
{
    static const double a[] = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                               1.9715909503065514427e+3, 1.3731693765509461125e+4,
                               4.5921953931549871457e+4, 6.7265770927008700853e+4,
                               3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static const double b[] = {1.0,
                               4.2313330701600911252e+1,
                               6.8718700749205790830e+2,
                               5.3941960214247511077e+3,
                               2.1213794301586595867e+4,
                               3.9307895800092710610e+4,
                               2.8729085735721942674e+4,
                               5.2264952788528545610e+3};
    double r = 0.180625 - q * q;
    return q * polynomial(a, 8, r) / polynomial(b, 8, r);
}

/* AS 241, the tails; r = sqrt(-log(min(p, 1 - p))). */
static double quantile_tail(double r)
{
    static const double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                               5.76949722146069140550e0,  3.64784832476320460504e0,
                               1.27045825245236838258e0,  2.41780725177450611770e-1,
                               2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[] = {1.0,
                               2.05319162663775882187e0,
                               1.67638483018380384940e0,
                               6.89767334985100004550e-1,
                               1.48103976427480074590e-1,
                               1.51986665636164571966e-2,
                               5.47593808499534494600e-4,
                               1.05075007164441684324e-9};
    static const double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                               1.78482653991729133580e0,  2.96560571828504891230e-1,
                               2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[] = {1.0,
                               5.99832206555887937690e-1,
                               1.36929880922735805310e-1,
                               1.48753612908506148525e-2,
                               7.86869131145613259100e-4,
                               1.84631831751005468180e-5,
                               1.42151175831644588870e-7,
                               2.04426310338993978564e-15};
    if (r <= 5)
        return polynomial(c, 8, r - 1.6) / polynomial(d, 8, r - 1.6);
    return polynomial(e, 8, r - 5) / polynomial(f, 8, r - 5);
}

double wtl_normal_quantile(double p)
{
    if (!(p > 0 && p < 1))
        return nan("");
    double q = p - 0.5;
    if (fabs(q) <= 0.425)
        return quantile_centre(q);
    double z = quantile_tail(sqrt(-log(q < 0 ? p : 1 - p)));
    return q < 0 ? -z : z;
}

/* The continued fraction of I_x(a, b) * a * B(a, b) / (x^a (1 - x)^b). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m <= 500; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double change = 1;
        for (int half = 0; half < 2; half++) {
            double t = half ? odd : even;
            d = 1 + t * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + t / c;
            if (fabs(c) < tiny)
                c = tiny;
            change = c * d;
            h *= change;
        }
        if (fabs(change - 1) < 1e-15)
            break;
    }
    return h;
}

double wtl_beta_inc(double a, double b, double x)
{
    if (!(a > 0 && b > 0 && x >= 0 && x <= 1))
        return nan("");
    if (x == 0 || x == 1)
        return x;
    int sign;
    double log_front = lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign) +
                       a * log(x) + b * log1p(-x);
    if (x < (a + 1) / (a + b + 2))
        return exp(log_front) * beta_fraction(a, b, x) / a;
    return 1 - exp(log_front) * beta_fraction(b, a, 1 - x) / b;
}

double wtl_student_cdf(double t, double dof)
{
    if (!(dof > 0) || isnan(t))
        return nan("");
    double tail = 0.5 * wtl_beta_inc(0.5 * dof, 0.5, dof / (dof + t * t));
    return t > 0 ? 1 - tail : tail;
}

double wtl_student_quantile(double p, double dof)
{
    if (!(p > 0 && p < 1 && dof > 0))
        return nan("");
    if (p == 0.5)
        return 0;
    if (p < 0.5)
        return -wtl_student_quantile(1 - p, dof);
    double lo = 0, hi = 2;
    while (wtl_student_cdf(hi, dof) < p && hi < 1e100)
        hi *= 2;
    for (int i = 0; i < 200 && hi - lo > 1e-14 * hi; i++) {
        double mid = 0.5 * (lo + hi);
        if (wtl_student_cdf(mid, dof) < p)
            lo = mid;
        else
            hi = mid;
    }
    return 0.5 * (lo + hi);
}
