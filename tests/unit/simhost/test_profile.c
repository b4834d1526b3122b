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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_boards_are_what_they_say),
        cmocka_unit_test(boards_go_by_many_names),
        cmocka_unit_test(bad_boards_are_refused_where_they_are_bad),
        cmocka_unit_test(every_number_has_a_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
