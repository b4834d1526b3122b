/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/text.h"
#include "simhost/profile.h"
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void shipped_boards_are_what_they_say(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_sim_board *boards;
    size_t n;
    assert_ok(wtl_sim_profile_boards(&arena, &boards, &n, &err), &err);
    assert_int_equal(n, 5);
    const char *names[] = {"a100", "h100", "rtx3080ti", "p40", "v100"};
    const int clocks[] = {81, 97, 127, 79, 167};
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(boards[i].short_name, names[i]);
        assert_int_equal(boards[i].n_sm_clocks, clocks[i]);
        /* NVML documents field 186 for all architectures. */
        assert_true(boards[i].capabilities & WTL_SIM_FIELD_INSTANT);
        assert_true(boards[i].limit_w_min < boards[i].limit_w_default);
        assert_true(boards[i].limit_w_default <= boards[i].limit_w_max);
        assert_near(boards[i].silicon.sm_mhz_max, boards[i].sm_clocks_mhz[clocks[i] - 1], 0);
        assert_near(boards[i].silicon.mem_mhz_max,
                    boards[i].mem_clocks_mhz[boards[i].n_mem_clocks - 1], 0);
    }
}

static void boards_go_by_many_names(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_sim_board board, untouched;
    const char *names[] = {"v100", "V100", "v100-pcie-32gb", "Tesla V100-PCIE-32GB"};
    for (size_t i = 0; i < 4; i++) {
        assert_ok(wtl_sim_profile_board(names[i], &board, &err), &err);
        assert_string_equal(board.name, "Tesla V100-PCIE-32GB");
    }
    const char *as_people_say[] = {"3080ti", "RTX 3080 Ti", "rtx3080ti", "rtx-3080-ti"};
    for (size_t i = 0; i < 4; i++) {
        assert_ok(wtl_sim_profile_board(as_people_say[i], &board, &err), &err);
        assert_string_equal(board.short_name, "rtx3080ti");
    }
    assert_ok(wtl_sim_profile_board(source_path("data/sim/boards/tesla-p40.yaml"), &board, &err),
              &err);
    assert_int_equal(board.capabilities & (WTL_SIM_LOCK_SM | WTL_SIM_ENERGY_COUNTER), 0);
    assert_int_equal(board.pci_device_id, 0x1b3810de);
    memset(&untouched, 7, sizeof untouched);
    board = untouched;
    assert_int_equal(wtl_sim_profile_board("a1000", &board, &err), -WTL_NOTFOUND);
    assert_non_null(strstr(err.message, "no virtual board 'a1000'; there are a100-pcie-40gb"));
    assert_memory_equal(&board, &untouched, sizeof board);
}

/* A shipped profile with one piece of text replaced. */
static char *with(struct wtl_arena *arena, const char *path, const char *old, const char *new)
{
    struct wtl_error err = {0};
    char *text;
    size_t size;
    assert_ok(wtl_file_read(arena, source_path(path), 1 << 20, &text, &size, &err), &err);
    char *at = strstr(text, old);
    assert_non_null(at);
    size_t room = size + strlen(new) + 1;
    char *out = wtl_arena_alloc(arena, room, 1);
    snprintf(out, room, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
    return out;
}

static const struct {
    const char *old, *new, *message;
} BAD_BOARDS[] = {
    {"n_sm: 108", "n_sm: many", "n_sm"},
    {"  knee_mhz: 1070", "  knee_mzh: 1070", "did you mean \"knee_mhz\""},
    {"lock_mem, ", "lock_memory, ", "unknown capability 'lock_memory'"},
    {"\"10de:20f1\"", "\"20f1\"", "is no PCI id"},
    {"board: a100-pcie-40gb", "board: ../a100", "is no name of a file under data/boards"},
    {"limit_max: 250 W", "limit_max: 150 W", "limit"},
    {"architecture: ampere", "architecture: ampre", "ampere"},
};

static void bad_boards_are_refused_where_they_are_bad(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    for (size_t i = 0; i < sizeof BAD_BOARDS / sizeof BAD_BOARDS[0]; i++) {
        struct wtl_error err = {0};
        struct wtl_sim_board board, untouched;
        char *text = with(&arena, "data/sim/boards/a100-pcie-40gb.yaml", BAD_BOARDS[i].old,
                          BAD_BOARDS[i].new);
        memset(&untouched, 7, sizeof untouched);
        board = untouched;
        assert_int_equal(wtl_sim_board_parse(&arena, text, strlen(text), "bad.yaml", &board, &err),
                         -WTL_PARSE);
        if (!strstr(err.message, BAD_BOARDS[i].message) && !strstr(err.hint, BAD_BOARDS[i].message))
            fail_msg("'%s' (%s) does not say '%s'", err.message, err.hint, BAD_BOARDS[i].message);
        assert_true(err.input_line > 0);
        assert_memory_equal(&board, &untouched, sizeof board);
    }
}

/* Every line of a profile that holds a number ends in its source: [key], listed under `sources`. */
static int numbers_have_sources(void *ctx, const char *path, int64_t file_size,
                                struct wtl_error *err)
{
    WTL_ARENA(arena);
    char *text;
    size_t size;
    (void)file_size;
    assert_ok(wtl_file_read(&arena, path, 1 << 20, &text, &size, err), err);
    char *sources = strstr(text, "\nsources:");
    char *fits = strstr(text, "\nfits:");
    assert_non_null(sources);
    char *end = fits ? fits : sources;
    for (char *line = text; line < end; line = strchr(line, '\n') + 1) {
        int length = (int)strcspn(line, "\n");
        char *colon = memchr(line, ':', (size_t)length), *hash = memchr(line, '#', (size_t)length);
        if (!colon || line[0] == '#' || strspn(colon + 1, " -\"0123456789") < 2)
            continue;
        char key[64] = "", wanted[80];
        if (!hash || sscanf(hash, "# [%63[^]]]", key) != 1)
            fail_msg("%s: no source: %.*s", path, length, line);
        snprintf(wanted, sizeof wanted, "\"%s: ", key);
        if (!strstr(sources, wanted))
            fail_msg("%s: source '%s' is not listed", path, key);
        ++*(int *)ctx;
    }
    return 0;
}

static void every_number_has_a_source(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    int n = 0;
    assert_ok(wtl_walk(source_path("data/sim"), numbers_have_sources, &n, &err), &err);
    assert_true(n >= 5 * 50);
}

/* Where a workload of the shipped profiles is assumed or fitted, it runs there, at every clock. */
static void shipped_workloads_run_on_their_boards(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_sim_board *boards;
    struct wtl_sim_workload_profile *workloads;
    size_t n_boards, n_workloads;
    int pairs = 0;
    static struct wtl_sim_rates r;
    assert_ok(wtl_sim_profile_boards(&arena, &boards, &n_boards, &err), &err);
    assert_ok(wtl_sim_profile_workloads(&arena, &workloads, &n_workloads, &err), &err);
    assert_int_equal(n_workloads, 12);
    for (size_t i = 0; i < n_workloads; i++)
        for (size_t k = 0; k < n_boards; k++) {
            const struct wtl_sim_board *b = &boards[k];
            struct wtl_sim_tenant t = {.share = 1};
            int rc = wtl_sim_workload_on(&workloads[i], b->short_name, &t.workload, &err);
            if (rc == -WTL_NOTFOUND && strcmp(workloads[i].workload.name, "llm") == 0)
                continue; /* weights that do not fit */
            if (rc == -WTL_NOTFOUND && strcmp(workloads[i].workload.name, "lstm") == 0)
                continue; /* measured on three boards only */
            assert_ok(rc, &err);
            pairs++;
            t.batch = t.workload.batch_default;
            for (t.phase = 0; t.phase < t.workload.n_phases; t.phase++) {
                double f = wtl_sim_rates_limited(&b->silicon, &t, 1, b->silicon.sm_mhz_max,
                                                 b->silicon.mem_mhz_max, b->limit_w_default, &r);
                bool llama = strcmp(t.workload.name, "llama") == 0;
                assert_true(r.tenants[0].out_of_memory == (llama && b->silicon.vram_mib < 13000));
                assert_true(r.tenants[0].out_of_memory || r.work_per_s > 0);
                assert_true(wtl_sim_static_w(&b->silicon, f, b->silicon.mem_mhz_max,
                                             b->silicon.leak_ref_c) +
                                r.dynamic_w <=
                            b->limit_w_default + 1e-6);
                if (f <= 0.4 * b->silicon.sm_mhz_max)
                    fail_msg("%s on %s: %.0f MHz at the limit", t.workload.name, b->short_name, f);
            }
        }
    assert_int_equal(pairs, 10 * 5 + 3 + 3);
}

static void workloads_are_found_for_a_board_or_not(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_sim_board board;
    struct wtl_sim_workload workload, untouched;
    assert_ok(wtl_sim_profile_board("rtx3080ti", &board, &err), &err);
    assert_ok(wtl_sim_profile_workload("resnet50", &board, &workload, &err), &err);
    assert_int_equal(workload.phases[0].n_fits, 2);
    assert_near(workload.phases[0].fits[0].mem_mhz, 5001, 0);
    assert_near(workload.phases[0].fits[1].mem_mhz, 9501, 0);
    memset(&untouched, 7, sizeof untouched);
    workload = untouched;
    assert_int_equal(wtl_sim_profile_workload("llm", &board, &workload, &err), -WTL_NOTFOUND);
    assert_non_null(strstr(err.message, "'llm' has no parameters for board 'rtx3080ti'"));
    assert_non_null(strstr(err.message, "a100, h100, v100"));
    assert_int_equal(wtl_sim_profile_workload("resnet", &board, &workload, &err), -WTL_NOTFOUND);
    assert_non_null(strstr(err.message, "no workload 'resnet'; there are densenet201"));
    assert_memory_equal(&workload, &untouched, sizeof workload);
    assert_ok(wtl_sim_profile_board("a100", &board, &err), &err);
    assert_ok(wtl_sim_profile_workload("llm", &board, &workload, &err), &err);
    assert_int_equal(workload.n_phases, 2);
    assert_string_equal(workload.phases[0].name, "prefill");
    assert_near(workload.phases[1].work_per_item, 128, 0);
}

static const struct {
    const char *old, *new, *message;
} BAD_WORKLOADS[] = {
    {"phase: decode", "phase: decade", "no phase 'decade'"},
    {"overlap: 4", "overlap: 0.5", "overlap"},
    {"memory_share: 0.15", "memory_share: 1.5", "memory_share"},
    {"roof_s:", "rof_s:", "did you mean \"roof_s\""},
    {"name: prefill", "name: prefill-of-the-prompt", "a phase's name has 1 to 15 letters"},
    {"batch_max: 256", "batch_max: 0", "batch_max"},
};

static void bad_workloads_are_refused_where_they_are_bad(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    for (size_t i = 0; i < sizeof BAD_WORKLOADS / sizeof BAD_WORKLOADS[0]; i++) {
        struct wtl_error err = {0};
        struct wtl_sim_workload_profile profile, untouched;
        char *text =
            with(&arena, "data/sim/workloads/llm.yaml", BAD_WORKLOADS[i].old, BAD_WORKLOADS[i].new);
        memset(&untouched, 7, sizeof untouched);
        profile = untouched;
        assert_int_equal(
            wtl_sim_workload_parse(&arena, text, strlen(text), "bad.yaml", &profile, &err),
            -WTL_PARSE);
        if (!strstr(err.message, BAD_WORKLOADS[i].message) &&
            !strstr(err.hint, BAD_WORKLOADS[i].message))
            fail_msg("'%s' (%s) does not say '%s'", err.message, err.hint,
                     BAD_WORKLOADS[i].message);
        assert_true(err.input_line > 0);
        assert_memory_equal(&profile, &untouched, sizeof profile);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_boards_are_what_they_say),
        cmocka_unit_test(boards_go_by_many_names),
        cmocka_unit_test(bad_boards_are_refused_where_they_are_bad),
        cmocka_unit_test(every_number_has_a_source),
        cmocka_unit_test(shipped_workloads_run_on_their_boards),
        cmocka_unit_test(workloads_are_found_for_a_board_or_not),
        cmocka_unit_test(bad_workloads_are_refused_where_they_are_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
