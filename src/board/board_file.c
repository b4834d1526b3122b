/* SPDX-License-Identifier: Apache-2.0
 * Board files. */
#include "board/board_file.h"

#include "base/data.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "codec/yaml.h"
#include "core/gpu_name.h"

#include <string.h>

static int parse_clocks(struct wtl_arena *arena, const struct wtl_yaml_node *node, void *field,
                        struct wtl_error *err)
{
    const char *text;
    struct wtl_error inner = {0};
    int rc = wtl_yaml_string(node, "clocks", &text, err);
    if (rc < 0)
        return rc;
    if (wtl_clocks_parse(arena, text, field, &inner) < 0)
        return wtl_yaml_fail(node, err, "%s", inner.message);
    return 0;
}

struct document {
    struct wtl_board board;
    struct wtl_yaml_strings also;
    struct wtl_yaml_numbers memory_clocks;
    double default_clock_mhz;
};

#define BOARD(member) .offset = offsetof(struct document, board.member)
static const struct wtl_yaml_key keys[] = {
    {"name", WTL_YAML_T_NAME, BOARD(name), .size = sizeof(((struct wtl_board *)NULL)->name),
     .required = true, .doc = "The name that the driver reports."},
    {"also", WTL_YAML_T_STRINGS, .offset = offsetof(struct document, also),
     .doc = "Short names that traces use for it."},
    {"clocks", WTL_YAML_T_CUSTOM, BOARD(clocks), .required = true, .parse = parse_clocks,
     .form = "1380-135:7.5", .doc = "SM clocks, as a list or a range with its step."},
    {"default_clock", WTL_YAML_T_NUMBER, WTL_UNIT_MHZ,
     .offset = offsetof(struct document, default_clock_mhz), .min = 1, .max = 100000,
     .doc = "Default application clock."},
    {"memory_clocks", WTL_YAML_T_NUMBERS, WTL_UNIT_MHZ,
     .offset = offsetof(struct document, memory_clocks), .min = 1, .max = 100000,
     .doc = "Memory clocks."},
    {"locks_memory_clock", WTL_YAML_T_BOOL, BOARD(locks_memory_clock),
     .doc = "Whether the memory clock can be locked (Ampere and later)."},
    {"power_limit", WTL_YAML_T_NUMBER, WTL_UNIT_WATT, BOARD(power_limit_w), .min = 1, .max = 1e5,
     .doc = "Default power limit."},
    {"source", WTL_YAML_T_STRING, BOARD(source), .required = true, .doc = "Where this is from."},
};
static const struct wtl_yaml_table table = {"board", "What is known of a board.",
                                            sizeof(struct document), keys,
                                            sizeof keys / sizeof keys[0]};

int wtl_board_parse(struct wtl_arena *arena, const char *text, size_t size, const char *file,
                    struct wtl_board *out, struct wtl_error *err)
{
    const struct wtl_yaml_node *root;
    struct document doc;
    memset(&doc, 0, sizeof doc);
    int rc = wtl_yaml_parse(arena, text, size, file, &root, err);
    if (rc == 0)
        rc = wtl_yaml_load(arena, root, &table, &doc, err);
    if (rc < 0)
        return rc;
    doc.board.also = doc.also.values;
    doc.board.n_also = doc.also.n;
    doc.board.memory_clocks_mhz = doc.memory_clocks.values;
    doc.board.n_memory_clocks = doc.memory_clocks.n;
    doc.board.default_clock_mhz = (int)doc.default_clock_mhz;
    *out = doc.board;
    return 0;
}

struct loading {
    struct wtl_arena *arena;
    struct wtl_board *boards;
    size_t n, cap;
};

static int load_one(void *ctx, const char *path, int64_t file_size, struct wtl_error *err)
{
    struct loading *l = ctx;
    char *text;
    size_t size;
    (void)file_size;
    if (!wtl_ends_with(path, ".yaml"))
        return 0;
    if (wtl_grow(l->arena, &l->boards, l->n, &l->cap) < 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_file_read(l->arena, path, 1 << 20, &text, &size, err);
    if (rc == 0)
        rc = wtl_board_parse(l->arena, text, size, path, &l->boards[l->n], err);
    if (rc == 0)
        l->n++;
    return rc;
}

int wtl_boards_load(struct wtl_arena *arena, struct wtl_board **boards_out, size_t *n_out,
                    struct wtl_error *err)
{
    struct loading l = {.arena = arena};
    char *folder;
    int rc = wtl_data_path(arena, "boards", &folder, err);
    if (rc == 0)
        rc = wtl_walk(folder, load_one, &l, err);
    if (rc == 0) {
        *boards_out = l.boards;
        *n_out = l.n;
    }
    return rc;
}

/* Drivers of different age put "NVIDIA", "Tesla" or neither before the model. */
static bool same_model(const char *a, const char *b)
{
    char x[WTL_LIMIT_NAME], y[WTL_LIMIT_NAME];
    wtl_gpu_model(a, x, sizeof x);
    wtl_gpu_model(b, y, sizeof y);
    return x[0] && wtl_same_name(x, y);
}

const struct wtl_board *wtl_board_find(const struct wtl_board *boards, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (wtl_same_name(boards[i].name, name) || same_model(boards[i].name, name))
            return &boards[i];
        for (size_t k = 0; k < boards[i].n_also; k++)
            if (wtl_same_name(boards[i].also[k], name))
                return &boards[i];
    }
    return NULL;
}

bool wtl_board_fits(const struct wtl_board *board, const struct wtl_clocks *clocks)
{
    size_t known = 0;
    if (clocks->n == 0 || clocks->mhz[clocks->n - 1] > board->clocks.mhz[board->clocks.n - 1])
        return false;
    for (size_t i = 0; i < clocks->n; i++)
        known += wtl_clocks_contain(&board->clocks, clocks->mhz[i]);
    return 2 * known > clocks->n;
}
