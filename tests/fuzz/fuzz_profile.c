/* SPDX-License-Identifier: Apache-2.0
 * Profiles of virtual boards and workloads: what is taken can be simulated. */
#include "fuzz/fuzz.h"

#include "simhost/profile.h"

#include <math.h>

static void check_rates(const struct wtl_sim_workload *workload)
{
    static const struct wtl_sim_silicon chip = {
        .sm_mhz_min = 210,
        .sm_mhz_max = 1410,
        .mem_mhz_max = 1215,
        .knee_mhz = 1000,
        .v_min = 0.7,
        .v_max = 1,
        .base_w = 20,
        .leak_ref_c = 50,
        .leak_e_c = 60,
        .vram_mib = 1e9,
    };
    struct wtl_sim_tenant t = {.workload = *workload, .share = 0.5};
    static struct wtl_sim_rates r;
    t.batch = workload->batch_default;
    for (t.phase = 0; t.phase < workload->n_phases; t.phase++) {
        wtl_sim_rates(&chip, &t, 1, 1000, 1000, &r);
        fuzz_check(isfinite(r.work_per_s) && r.work_per_s > 0, "it works");
        fuzz_check(isfinite(r.dynamic_w) && r.dynamic_w >= 0, "it draws power");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WTL_ARENA(arena);
    struct wtl_sim_board board;
    struct wtl_sim_workload_profile profile;
    struct wtl_sim_workload workload;
    struct wtl_error err = {0};
    if (wtl_sim_board_parse(&arena, (const char *)data, size, "fuzz", &board, &err) == 0)
        fuzz_check(wtl_sim_board_check(&board, &err) == 0, "a board that is taken makes sense");
    else
        fuzz_check(err.message[0] != '\0', "errors say why");
    err = (struct wtl_error){0};
    if (wtl_sim_workload_parse(&arena, (const char *)data, size, "fuzz", &profile, &err) < 0) {
        fuzz_check(err.message[0] != '\0', "errors say why");
        return 0;
    }
    for (size_t i = 0; i < profile.n; i++)
        if (wtl_sim_workload_on(&profile, profile.fits[i].board, &workload, &err) == 0)
            check_rates(&workload);
    return 0;
}
