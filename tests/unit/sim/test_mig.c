/* SPDX-License-Identifier: Apache-2.0
 * MIG on a virtual GPU: sizes and places as NVIDIA's MIG user guide lists them, what is refused and
 * what is said then, and what a process in an instance gets. */
#include "sim/mig.h"
#include "support/sim_gpu.h"
#include "support/support.h"

#include <string.h>

static struct wtl_sim_gpu g;
static struct wtl_error err;

enum { G1 = 19, G1_LARGE = 15, G2 = 14, G3 = 9, G4 = 5, G7 = 0, ME = 20 };

static struct wtl_sim_board plain(void)
{
    struct wtl_sim_board b;
    wtl_sim_board_plain(&b);
    b.mig[b.n_mig] = b.mig[0];
    b.mig[b.n_mig].id = ME;
    b.mig[b.n_mig].media = true;
    strcpy(b.mig[b.n_mig++].name, "1g.5gb+me");
    return b;
}

static void fresh(void)
{
    const struct wtl_sim_board b = plain();
    sim_gpu_exact(&g, &b, 1);
}

#define SET(...)                                                                                   \
    wtl_sim_set_mig(&g, (int[]){__VA_ARGS__}, (int)(sizeof(int[]){__VA_ARGS__} / sizeof(int)), &err)

/* {start}:size of `nvidia-smi mig -lgipp` on an A100. */
static void places_are_those_of_the_guide(void **state)
{
    (void)state;
    static const struct {
        int id, n, starts[7];
    } places[] = {
        {G1, 7, {0, 1, 2, 3, 4, 5, 6}},
        {ME, 7, {0, 1, 2, 3, 4, 5, 6}},
        {G1_LARGE, 4, {0, 2, 4, 6}},
        {G2, 3, {0, 2, 4}},
        {G3, 2, {0, 4}},
        {G4, 1, {0}},
        {G7, 1, {0}},
    };
    const struct wtl_sim_board b = plain();
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        int starts[WTL_SIM_EIGHTHS];
        const struct wtl_sim_mig_profile *p = wtl_sim_mig_profile(&b, places[i].id);
        assert_non_null(p);
        assert_int_equal(wtl_sim_mig_starts(&b, p, starts), places[i].n);
        assert_memory_equal(starts, places[i].starts, (size_t)places[i].n * sizeof(int));
    }
    assert_null(wtl_sim_mig_profile(&b, 3));
}

/* Every multiset of sizes: what is accepted lies within the board, on legal places, nothing shared;
 * and exactly those of the guide's combinations that it names are accepted. */
static void layouts_never_overlap(void **state)
{
    (void)state;
    static const int ids[] = {G1, G1_LARGE, G2, G3, G4, G7};
    int accepted = 0;
    fresh();
    for (int code = 1; code < 6 * 6 * 6 * 6 * 6; code++) {
        int list[5], n = 0, slices = 0;
        unsigned taken = 0;
        for (int rest = code; rest > 0; rest /= 6)
            list[n++] = ids[rest % 6];
        if (wtl_sim_set_mig(&g, list, n, &err) < 0)
            continue;
        accepted++;
        assert_int_equal(g.n_instances, n);
        for (int i = 0; i < n; i++) {
            const struct wtl_sim_instance *in = &g.instances[i];
            const unsigned mine = ((1u << in->eighths) - 1) << in->start;
            assert_int_equal(in->profile_id, list[i]);
            assert_int_equal(in->start % in->eighths, 0);
            assert_true(in->start + in->slices <= 7 && mine < 256 && !(taken & mine));
            taken |= mine;
            slices += in->slices;
        }
        assert_true(slices <= 7);
    }
    assert_in_range(accepted, 200, 5000);
    assert_ok(SET(G1, G1, G1, G1, G1, G1, G1), &err);
    assert_ok(SET(G3, G3), &err);
    assert_ok(SET(G4, G3), &err);
    assert_ok(SET(G4, G2, G1), &err);
    assert_ok(SET(G1, G4), &err); /* the small one makes place */
    assert_int_equal(g.instances[0].start, 4);
    assert_ok(SET(G2, G2, G2, G1), &err);
    assert_ok(SET(G2, G2, G2, G1_LARGE), &err);
    assert_ok(SET(G7), &err);
    assert_int_equal(SET(G4, G4), -WTL_USAGE);
    assert_int_equal(SET(G3, G3, G1), -WTL_USAGE); /* a slice is left, but no memory */
    assert_int_equal(SET(G7, G1), -WTL_USAGE);
    assert_int_equal(SET(G1_LARGE, G1_LARGE, G1_LARGE, G1_LARGE, G1), -WTL_USAGE);
    assert_int_equal(SET(ME, ME), -WTL_USAGE);
    assert_ok(SET(ME, G1), &err);
}

static void what_fits_is_said(void **state)
{
    (void)state;
    fresh();
    assert_int_equal(SET(G4, G2, G2), -WTL_USAGE);
    assert_string_equal(err.message,
                        "Wattle Plain Board has no place for 2g.10gb beside 4g.20gb, 2g.10gb");
    assert_string_equal(err.hint, "beside 4g.20gb, 2g.10gb fit 1g.5gb, 1g.10gb, 1g.5gb+me");
    assert_int_equal(SET(G3, G3, G1), -WTL_USAGE);
    assert_string_equal(err.hint, "beside 3g.20gb, 3g.20gb nothing fits");
    assert_int_equal(SET(3), -WTL_USAGE);
    assert_string_equal(err.message, "Wattle Plain Board has no MIG profile 3");
    assert_non_null(strstr(err.hint, "3g.20gb (9)"));
    assert_int_equal(g.n_instances, 0);
    assert_false(g.mig);
}

static void free_places_are_counted(void **state)
{
    (void)state;
    fresh();
    const struct wtl_sim_board *b = &g.board;
    assert_int_equal(wtl_sim_mig_free(&g, wtl_sim_mig_profile(b, G1)), 7);
    assert_int_equal(wtl_sim_mig_free(&g, wtl_sim_mig_profile(b, ME)), 1);
    assert_ok(SET(G3, ME), &err);
    assert_int_equal(wtl_sim_mig_free(&g, wtl_sim_mig_profile(b, G1)), 2);
    assert_int_equal(wtl_sim_mig_free(&g, wtl_sim_mig_profile(b, ME)), 0);
    assert_int_equal(wtl_sim_mig_free(&g, wtl_sim_mig_profile(b, G1_LARGE)), 1);
    assert_int_equal(wtl_sim_mig_free(&g, wtl_sim_mig_profile(b, G2)), 0);
    assert_int_equal(wtl_sim_mig_free(&g, wtl_sim_mig_profile(b, G7)), 0);
}

static void refused_where_it_cannot_be(void **state)
{
    (void)state;
    const struct wtl_sim_workload w = sim_busy_workload();
    struct wtl_sim_process p = sim_process(1, &w);
    struct wtl_sim_board without = plain();
    without.capabilities &= ~(unsigned)WTL_SIM_MIG;
    sim_gpu_exact(&g, &without, 1);
    assert_int_equal(SET(G1), -WTL_UNSUPPORTED);
    assert_string_equal(err.message, "Wattle Plain Board has no MIG");
    fresh();
    assert_ok(SET(G3), &err);
    p.instance = 0;
    sim_attach(&g, &p);
    assert_int_equal(SET(G4), -WTL_BUSY);
    assert_string_equal(err.message, "GPU 0 has 1 process; MIG is set up on a GPU without any");
    assert_int_equal(wtl_sim_set_mig(&g, NULL, 0, &err), -WTL_BUSY);
    assert_string_equal(g.instances[0].profile, "3g.20gb");
    assert_ok(wtl_sim_detach(&g, 1, &err), &err);
    assert_ok(wtl_sim_set_mig(&g, NULL, 0, &err), &err);
    assert_false(sim_readings(&g).mig);
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_USAGE);
    assert_string_equal(err.message, "GPU 0 has no MIG instances");
    wtl_sim_lose(&g);
    assert_int_equal(SET(G1), -WTL_LOST);
}

static double rate_of(uint32_t pid)
{
    double work, rate = 0;
    assert_true(wtl_sim_work(&g, pid, &work, &rate));
    return rate;
}

/* Bound by the chip alone: launching, copies and host take nothing. */
static struct wtl_sim_workload chip_bound(void)
{
    struct wtl_sim_workload w;
    wtl_sim_workload_plain(&w);
    struct wtl_sim_fit *fit = &w.phases[0].fits[0];
    fit->launch_s = fit->copy_s = fit->copy_large_s = fit->host_s = 1e-9;
    fit->share_power = 1;
    fit->fill_batch = 1e-9;
    fit->active_w = fit->occupancy_w = 1; /* far from the power limit */
    fit->item_j = fit->item_memory_j = 0.01;
    return w;
}

static void put(uint32_t pid, int instance, const struct wtl_sim_workload *w)
{
    struct wtl_sim_process p = sim_process(pid, w);
    p.instance = instance;
    sim_attach(&g, &p);
}

/* Throughput goes with the SMs, 98 of 108 in the largest, and nobody else moves it. */
static void an_instance_is_its_part_of_the_chip(void **state)
{
    (void)state;
    const struct wtl_sim_workload w = chip_bound();
    static const int ids[] = {G7, G4, G3, G2, G1}, sms[] = {98, 56, 42, 28, 14};
    fresh();
    put(1, -1, &w);
    sim_seconds(&g, 1);
    const double whole = rate_of(1);
    for (int i = 0; i < 5; i++) {
        fresh();
        assert_ok(SET(ids[i]), &err);
        put(1, 0, &w);
        sim_seconds(&g, 1);
        assert_near(rate_of(1), whole * sms[i] / 108, 1e-6 * whole);
    }
    fresh();
    assert_ok(SET(G4, G2, G1), &err);
    for (int i = 0; i < 3; i++)
        put(1 + (uint32_t)i, i, &w);
    sim_seconds(&g, 1);
    for (int i = 0; i < 3; i++) {
        const double part = g.instances[i].n_sm / 108.0;
        assert_near(rate_of(1 + (uint32_t)i), whole * part, 1e-6 * whole);
    }
}

/* Two processes in an instance share it; the one beside them has its own. */
static void processes_share_their_instance(void **state)
{
    (void)state;
    const struct wtl_sim_workload w = chip_bound();
    fresh();
    assert_ok(SET(G3, G3), &err);
    put(10, 1, &w);
    sim_seconds(&g, 1);
    const double alone = rate_of(10);
    put(11, 0, &w);
    put(12, 0, &w);
    sim_seconds(&g, 1);
    assert_near(rate_of(10), alone, 1e-9 * alone);
    assert_near(rate_of(11), rate_of(12), 1e-9 * alone);
    assert_true(rate_of(11) < 0.51 * alone && rate_of(11) > 0.4 * alone);
}

static void memory_is_the_instances(void **state)
{
    (void)state;
    struct wtl_sim_workload large = sim_busy_workload();
    large.process_mib = 4700;
    large.item_mib = 1;
    struct wtl_sim_process p = sim_process(1, &large);
    fresh();
    assert_ok(SET(G1, G1_LARGE), &err);
    assert_near(g.instances[0].vram_mib, 4864, 0);
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_USAGE);
    assert_string_equal(err.message,
                        "GPU 0 is split by MIG: a process needs one of its instances, 0 to 1");
    p.instance = 2;
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_USAGE);
    p.instance = 0;
    sim_attach(&g, &p);
    p.pid = 2;
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_NOMEM);
    p.instance = 1;
    sim_attach(&g, &p);
    p.pid = 3;
    sim_attach(&g, &p);
    p.pid = 4;
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_NOMEM);
}

static void names_and_loads_of_the_driver(void **state)
{
    (void)state;
    char a[WTL_SIM_UUID], c[WTL_SIM_UUID];
    fresh();
    assert_ok(SET(G4, G2), &err);
    assert_true(sim_readings(&g).mig);
    assert_false(sim_readings(&g).has & WTL_SIM_HAS_UTIL);
    assert_string_not_equal(wtl_sim_instance_uuid(&g, 0, a), wtl_sim_instance_uuid(&g, 1, c));
    assert_memory_equal(a, "MIG-76697274-7561-6c", 20);
    wtl_sim_reload(&g);
    assert_true(sim_readings(&g).mig);
    assert_int_equal(g.n_instances, 2);
}

static void boards_that_make_no_sense(void **state)
{
    (void)state;
    struct wtl_sim_board b = plain();
    assert_ok(wtl_sim_board_check(&b, &err), &err);
    b.mig[0].eighths = 0;
    assert_int_equal(wtl_sim_board_check(&b, &err), -WTL_USAGE);
    b = plain();
    b.mig[2].vram_mib = 50000;
    assert_int_equal(wtl_sim_board_check(&b, &err), -WTL_USAGE);
    b = plain();
    b.mig[2].id = b.mig[1].id;
    assert_int_equal(wtl_sim_board_check(&b, &err), -WTL_USAGE);
    b = plain();
    b.mig[3].n_sm = 109;
    assert_int_equal(wtl_sim_board_check(&b, &err), -WTL_USAGE);
    b = plain();
    b.n_mig = 0;
    assert_int_equal(wtl_sim_board_check(&b, &err), -WTL_USAGE);
    b.capabilities &= ~(unsigned)WTL_SIM_MIG;
    assert_ok(wtl_sim_board_check(&b, &err), &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_those_of_the_guide),
        cmocka_unit_test(layouts_never_overlap),
        cmocka_unit_test(what_fits_is_said),
        cmocka_unit_test(free_places_are_counted),
        cmocka_unit_test(refused_where_it_cannot_be),
        cmocka_unit_test(an_instance_is_its_part_of_the_chip),
        cmocka_unit_test(processes_share_their_instance),
        cmocka_unit_test(memory_is_the_instances),
        cmocka_unit_test(names_and_loads_of_the_driver),
        cmocka_unit_test(boards_that_make_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
