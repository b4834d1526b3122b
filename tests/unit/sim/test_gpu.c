/* SPDX-License-Identifier: Apache-2.0
 * The virtual GPU through time: determinism, energy, limits, heat, clocks. */
#include "support/sim_gpu.h"
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct wtl_sim_gpu g;

static struct wtl_sim_board plain(void)
{
    struct wtl_sim_board b;
    wtl_sim_board_plain(&b);
    return b;
}

static void power_limit_is_an_average(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    const struct wtl_sim_workload w = sim_heavy_workload();
    const struct wtl_sim_process p = sim_process(7, &w);
    double peak = 0, worst = 0;
    sim_gpu_exact(&g, &b, 1);
    sim_attach(&g, &p);
    for (int i = 0; i < 4000; i++) {
        sim_seconds(&g, 0.005);
        const struct wtl_sim_truth t = sim_truth(&g);
        peak = fmax(peak, t.power_w);
        worst = fmax(worst, t.average_w);
    }
    print_message("# peak %.1f average %.3f now %.1f sm %g static %.1f die %.1f work %.1f\n", peak,
                  worst, sim_truth(&g).power_w, sim_truth(&g).sm_mhz, sim_truth(&g).static_w,
                  sim_truth(&g).die_c, sim_truth(&g).work_per_s);
    assert_true(peak > 1.1 * b.limit_w_default);
    assert_true(worst <= b.limit_w_default);
    assert_true(sim_truth(&g).average_w > 0.97 * b.limit_w_default);
    assert_true(sim_truth(&g).reasons & WTL_SIM_REASON_SW_POWER_CAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_limit_is_an_average),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
