/* SPDX-License-Identifier: Apache-2.0
 * A line with a drift through windows of two levels. */
#include "energy/gain.h"

#include "stats/distribution.h"

#include <math.h>

/* Least step of the sensor's levels, in standard deviations of the windows of a level. */
static const double step_min = 10;

/* An uncalibrated card is off by up to this much: a gain that is not known better is none. */
static const double half_max = 0.05;

/* A meter whose watts follow the sensor's less than this, or more, sees something else. */
static const double gain_min = 0.5, gain_max = 2;

/* 95 % half-width of a difference of two readings that are each rounded to a step. */
static const double rounded = 1.96 * 0.4082482905; /* sqrt(2 / 12) */

/* Means, and sums of squares and products about them. */
struct moments {
    double n, t, x, y;
    double tt, tx, ty, xx, xy, yy;
};

static struct moments moments_of(const struct wtl_gain_window *w, size_t n)
{
    struct moments m = {.n = (double)n};
    for (size_t i = 0; i < n; i++) {
        m.t += w[i].t_s / m.n;
        m.x += w[i].sensor_w / m.n;
        m.y += w[i].meter_w / m.n;
    }
    for (size_t i = 0; i < n; i++) {
        double t = w[i].t_s - m.t, x = w[i].sensor_w - m.x, y = w[i].meter_w - m.y;
        m.tt += t * t;
        m.tx += t * x;
        m.ty += t * y;
        m.xx += x * x;
        m.xy += x * y;
        m.yy += y * y;
    }
    return m;
}

struct level {
    double n, sensor_w, meter_w, squares; /* of the sensor, about its mean */
};

static struct level level_of(const struct wtl_gain_window *w, size_t n, bool on)
{
    struct level l = {0};
    for (size_t i = 0; i < n; i++)
        if (w[i].on == on) {
            l.n++;
            l.sensor_w += w[i].sensor_w;
            l.meter_w += w[i].meter_w;
        }
    l.sensor_w /= l.n > 0 ? l.n : 1;
    l.meter_w /= l.n > 0 ? l.n : 1;
    for (size_t i = 0; i < n; i++)
        if (w[i].on == on)
            l.squares += (w[i].sensor_w - l.sensor_w) * (w[i].sensor_w - l.sensor_w);
    return l;
}

/* Of corrected power at one level: the line is known best in the middle of the levels. */
static double share_at(const struct wtl_gain_fit *f, double middle_w, double mean_half_w, double w)
{
    double value = f->gain * w + f->rest_w;
    return value > 0 ? hypot(mean_half_w, f->half * (w - middle_w)) / value : HUGE_VAL;
}

enum wtl_gain_failure wtl_gain_fit(const struct wtl_gain_window *w, size_t n, double sensor_step_w,
                                   double meter_step_w, struct wtl_gain_fit *out)
{
    const struct level low = level_of(w, n, false), high = level_of(w, n, true);
    if (low.n < 3 || high.n < 3)
        return WTL_GAIN_TOO_FEW;
    const double step_w = high.sensor_w - low.sensor_w;
    const double spread_w = sqrt((low.squares + high.squares) / ((double)n - 2));
    if (!(step_w > step_min * spread_w))
        return WTL_GAIN_NO_LOAD;
    const struct moments m = moments_of(w, n);
    const double free_tt = m.tt - m.tx * m.tx / m.xx, free_xx = m.xx - m.tx * m.tx / m.tt;
    const double drift = (m.ty - m.tx * m.xy / m.xx) / free_tt;
    const double gain = (m.xy - m.tx * m.ty / m.tt) / free_xx;
    const double rest = fmax(0, m.yy - gain * m.xy - drift * m.ty), dof = m.n - 3;
    const double t95 = wtl_student_quantile(0.975, dof), scatter_w = sqrt(rest / dof);
    struct wtl_gain_fit f = {.gain = gain,
                             .rest_w = m.y - gain * m.x,
                             .low_w = low.sensor_w,
                             .high_w = high.sensor_w,
                             .meter_low_w = low.meter_w,
                             .meter_high_w = high.meter_w,
                             .scatter_w = scatter_w};
    const double steps_w = hypot(meter_step_w, gain * sensor_step_w);
    f.half = hypot(t95 * scatter_w / sqrt(free_xx), rounded * steps_w / step_w);
    const double mean_half_w = hypot(t95 * scatter_w / sqrt(m.n), rounded * steps_w / 2);
    f.rest_half_w = hypot(mean_half_w, f.half * m.x);
    f.relative =
        fmax(share_at(&f, m.x, mean_half_w, f.low_w), share_at(&f, m.x, mean_half_w, f.high_w));
    *out = f;
    if (!(gain - f.half < gain_max && gain + f.half > gain_min))
        return WTL_GAIN_NOT_SEEN;
    return f.half > half_max * gain ? WTL_GAIN_TOO_COARSE : WTL_GAIN_OK;
}
