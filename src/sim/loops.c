/* SPDX-License-Identifier: Apache-2.0
 * The firmware's loops of the virtual GPU: power limit and temperatures. */
#include "sim/engine.h"

#include <math.h>

/* Power at a legal clock with what runs now. */
static double power_at(struct wtl_sim_gpu *gpu, int sm)
{
    const struct wtl_sim_cached_rates *r = wtl_sim_rates_at(gpu, sm, gpu->mem);
    return r->still.fixed_w + r->still.leak_w * gpu->leak_factor + r->dynamic_w;
}

/* What the loop lets the board draw now: above the limit while its average is below, and below it
 * to bring an average down that is above. */
static double allowed_w(const struct wtl_sim_gpu *gpu, double gain)
{
    const double limit = wtl_sim_enforced_w(gpu), unused = limit - gpu->average_w;
    return unused >= 0 ? limit + gain * unused : limit + unused;
}

/* The highest index below `wanted` with at most `w` watts; 0 when none has. Strides that double,
 * then halves: the answer is most often near. */
static int highest_within(struct wtl_sim_gpu *gpu, int wanted, double w)
{
    int hi = wanted - 1, stride = 1;
    while (hi > 0 && power_at(gpu, hi) > w) {
        wanted = hi;
        hi = hi > stride ? hi - stride : 0;
        stride *= 2;
    }
    int lo = hi; /* enough, or 0 */
    hi = wanted - 1;
    while (lo < hi) {
        const int mid = (lo + hi + 1) / 2;
        if (power_at(gpu, mid) <= w)
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo;
}

int wtl_sim_power_limited(struct wtl_sim_gpu *gpu, int wanted)
{
    if (gpu->power_ceiling < wanted)
        wanted = gpu->power_ceiling;
    const double w = allowed_w(gpu, gpu->board.loop_gain);
    if (wanted && power_at(gpu, wanted) > w)
        gpu->power_ceiling = wanted = highest_within(gpu, wanted, w);
    return wanted;
}

/* One bin up, when the average has room for it. */
static void raise_ceiling(struct wtl_sim_gpu *gpu, int wanted)
{
    const int all = gpu->board.n_sm_clocks - 1;
    /* Half the gain that lowers: else it would go up and down in every frame. */
    const double w = allowed_w(gpu, 0.5 * gpu->board.loop_gain);
    if (gpu->power_ceiling >= wanted)
        gpu->power_ceiling = all;
    else if (power_at(gpu, gpu->power_ceiling + 1) <= w)
        gpu->power_ceiling++;
}

void wtl_sim_power_loop(struct wtl_sim_gpu *gpu, int wanted)
{
    if (gpu->power_ceiling < gpu->board.n_sm_clocks - 1)
        raise_ceiling(gpu, wanted);
    if (gpu->power_w > allowed_w(gpu, gpu->board.loop_gain))
        wtl_sim_power_limited(gpu, gpu->sm);
}

/* A bin lower for each kelvin above the target, a bin higher when a kelvin below. */
static void target_loop(struct wtl_sim_gpu *gpu)
{
    const struct wtl_sim_thermal *th = &gpu->board.thermal;
    const int all = gpu->board.n_sm_clocks - 1;
    double over = gpu->die_c - th->target_c;
    if (th->mem_target_c > 0)
        over = fmax(over, gpu->mem_c - th->mem_target_c);
    if (over >= 0 && gpu->on) {
        const int from = gpu->thermal_ceiling < gpu->sm ? gpu->thermal_ceiling : gpu->sm;
        const int bins = 1 + (int)fmin(over, 20);
        gpu->thermal_ceiling = from > bins ? from - bins : 0;
    } else if (over < -1 && gpu->thermal_ceiling < all) {
        gpu->thermal_ceiling++;
    }
}

void wtl_sim_thermal_loop(struct wtl_sim_gpu *gpu)
{
    const struct wtl_sim_thermal *th = &gpu->board.thermal;
    if (gpu->die_c >= th->shutdown_c) {
        wtl_sim_lose(gpu);
        return;
    }
    if (gpu->die_c >= th->slowdown_c)
        gpu->hw_slowdown = true;
    else if (gpu->die_c < th->slowdown_c - 5)
        gpu->hw_slowdown = false;
    if (gpu->tick >= gpu->thermal_tick) {
        gpu->thermal_tick += WTL_SIM_THERMAL_STEPS;
        target_loop(gpu);
    }
}
