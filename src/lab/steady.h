/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a series stands still, and how well its mean is known. Pure.
 */
#ifndef WTL_LAB_STEADY_H
#define WTL_LAB_STEADY_H

#include <stdbool.h>
#include <stddef.h>

/* The change of y over the whole series by its least-squares line, relative to its mean: slope
 * times span over mean. 0 for fewer than 3 values, or a mean of 0. */
double wtl_relative_drift(const double *t, const double *y, size_t n);

/* How far the values of groups lie apart: the standard deviation of the means of `groups` equal
 * parts of the series, relative to its mean. Single values may be lumpy (a batch ends, a token
 * comes); parts of a steady series are not. 0 for fewer than 2 values a group. */
double wtl_group_cv(const double *y, size_t n, size_t groups);

/* Half of the 95 % interval of the mean, relative to it, by the means of `groups` parts (batch
 * means: their correlation is small where single values' is not) and Student's t. Infinite for
 * fewer than 2 values a group. */
double wtl_group_half(const double *y, size_t n, size_t groups);

/* Whether both series stand still over this time: drift below `drift`, parts within `cv`. */
struct wtl_steadiness {
    double drift, cv; /* limits: 0.01 and 0.02 in measurement.md, section 4, rule 7 */
};
bool wtl_is_steady(const double *t, const double *y, size_t n, const struct wtl_steadiness *limits);

/* What a load has to be before its window, and in it. */
extern const struct wtl_steadiness wtl_steady_load;

#endif
