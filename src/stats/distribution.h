/* SPDX-License-Identifier: Apache-2.0
 *
 * Distribution functions and quantiles of the normal and of Student's t: what intervals and tests
 * need. Pure functions; arguments outside their domain give NaN.
 */
#ifndef WTL_STATS_DISTRIBUTION_H
#define WTL_STATS_DISTRIBUTION_H

/* P(Z <= z). */
double wtl_normal_cdf(double z);

/* z with P(Z <= z) = p, 0 < p < 1: Wichura 1988, algorithm AS 241, relative error below 1e-15. */
double wtl_normal_quantile(double p);

/* Regularised incomplete beta function I_x(a, b), a, b > 0, 0 <= x <= 1: continued fraction
 * (NIST DLMF 8.17.22) by the modified Lentz method. */
double wtl_beta_inc(double a, double b, double x);

/* P(T <= t) with `dof` > 0 degrees of freedom (need not be whole). */
double wtl_student_cdf(double t, double dof);

/* t with P(T <= t) = p, 0 < p < 1. */
double wtl_student_quantile(double p, double dof);

#endif
