/* SPDX-License-Identifier: Apache-2.0
 * `wattle sim mig`: MIG instances of the virtual GPUs. */
#include "cli/sim.h"

#include "base/text.h"
#include "cli/table.h"
#include "codec/json.h"
#include "sim/mig.h"
#include "sim/readings.h"

#include <stdio.h>
#include <string.h>

/* ---- Instances ------------------------------------------------------------------------------- */

static const struct wtl_table_column instance_columns[] = {
    {"GPU", "", true, false},     {"instance", "", true, false}, {"profile", "", false, false},
    {"place", "", false, false},  {"SMs", "", true, false},      {"memory", "MiB", true, false},
    {"used", "MiB", true, false}, {"UUID", "", false, false},
};

struct wtl_table *wtl_sim_cli_instances(struct wtl_arena *arena)
{
    return wtl_table_new(arena, instance_columns,
                         sizeof instance_columns / sizeof *instance_columns);
}

static double used_mib(const struct wtl_sim_gpu *gpu, int instance)
{
    double used = 0;
    for (int i = 0; i < gpu->n_slots; i++)
        if (gpu->slots[i].process.instance == instance)
            used += gpu->slots[i].vram_mib;
    return used;
}

json_t *wtl_sim_cli_add_instances(const struct wtl_sim_gpu *gpu, struct wtl_table *t)
{
    json_t *list = json_array();
    char uuid[WTL_SIM_UUID];
    for (int i = 0; i < gpu->n_instances; i++) {
        const struct wtl_sim_instance *in = &gpu->instances[i];
        const double used = used_mib(gpu, i);
        wtl_sim_instance_uuid(gpu, i, uuid);
        wtl_table_printf(t, "%d", gpu->index);
        wtl_table_printf(t, "%d", i);
        wtl_table_put(t, in->profile);
        wtl_table_printf(t, "%d:%d", in->start, in->eighths);
        wtl_table_printf(t, "%d", in->n_sm);
        wtl_table_number(t, true, in->vram_mib, 0);
        wtl_table_number(t, true, used, 0);
        wtl_table_put(t, uuid);
        wtl_json_add(&list, json_pack("{s:i, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:o, s:o}", "index",
                                      i, "uuid", uuid, "profile", in->profile, "profile_id",
                                      in->profile_id, "slices", in->slices, "memory_start",
                                      in->start, "memory_eighths", in->eighths, "sm_count",
                                      in->n_sm, "memory_mib", wtl_json_finite(in->vram_mib),
                                      "memory_used_mib", wtl_json_finite(used)));
    }
    return list;
}

/* ---- Profiles -------------------------------------------------------------------------------- */

static const struct wtl_table_column profile_columns[] = {
    {"profile", "", false, false}, {"ID", "", true, false},  {"free", "", true, false},
    {"of", "", true, false},       {"SMs", "", true, false}, {"memory", "MiB", true, false},
    {"places", "", false, false},
};

static void add_profile(const struct wtl_sim_gpu *gpu, const struct wtl_sim_mig_profile *p,
                        struct wtl_table *t, json_t **list)
{
    int starts[WTL_SIM_EIGHTHS];
    char places[64] = "";
    size_t used = 0;
    const int n = wtl_sim_mig_starts(&gpu->board, p, starts), most = p->media ? 1 : n;
    const int left = wtl_sim_mig_free(gpu, p);
    json_t *at = json_array();
    for (int i = 0; i < n; i++) {
        used +=
            (size_t)snprintf(places + used, sizeof places - used, "%s%d", i ? "," : "{", starts[i]);
        wtl_json_add(&at, json_integer(starts[i]));
    }
    wtl_table_put(t, p->name);
    wtl_table_printf(t, "%d", p->id);
    wtl_table_printf(t, "%d", left);
    wtl_table_printf(t, "%d", most);
    wtl_table_printf(t, "%d", p->n_sm);
    wtl_table_number(t, true, p->vram_mib, 0);
    wtl_table_printf(t, "%s}:%d", places, p->eighths);
    wtl_json_add(list,
                 json_pack("{s:o, s:i, s:i, s:i, s:i, s:i, s:i, s:o, s:o}", "profile",
                           wtl_json_text(p->name), "profile_id", p->id, "free", left, "most", most,
                           "slices", p->slices, "memory_eighths", p->eighths, "sm_count", p->n_sm,
                           "memory_mib", wtl_json_finite(p->vram_mib), "memory_starts", at));
}

/* ---- Command --------------------------------------------------------------------------------- */

struct options {
    const char *gpu;
    struct wtl_opt_list create;
    bool off;
};

/* "3g.20gb" or "9". */
static int profile_id(const struct wtl_sim_board *board, struct wtl_view text, int32_t *id_out,
                      struct wtl_error *err)
{
    int64_t number;
    if (wtl_parse_int(text.s, text.n, &number) && number >= 0 && number <= INT32_MAX) {
        *id_out = (int32_t)number; /* the host says what it thinks of it */
        return 0;
    }
    char names[200] = "";
    size_t used = 0;
    for (int i = 0; i < board->n_mig; i++) {
        if (wtl_view_is(text, board->mig[i].name)) {
            *id_out = board->mig[i].id;
            return 0;
        }
        if (used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "",
                                     board->mig[i].name);
    }
    if (!(board->capabilities & WTL_SIM_MIG))
        return WTL_FAIL(err, WTL_UNSUPPORTED, "%s has no MIG", board->name);
    int rc = WTL_FAIL(err, WTL_USAGE, "%s has no MIG profile \"%.*s\"", board->name,
                      (int)(text.n < 80 ? text.n : 80), text.s);
    wtl_error_hint(err, "it has %s", names);
    return rc;
}

/* The names of all --create, taken apart at commas. */
static int wanted(const struct options *o, const struct wtl_sim_board *board,
                  struct wtl_room_request *r, struct wtl_error *err)
{
    for (size_t i = 0; i < o->create.n; i++)
        for (const char *p = o->create.items[i]; *p;) {
            const size_t length = strcspn(p, ",");
            if (r->u.mig.n == WTL_SIM_INSTANCES)
                return WTL_FAIL(err, WTL_USAGE, "a GPU has at most %d MIG instances",
                                WTL_SIM_INSTANCES);
            int rc = profile_id(board, (struct wtl_view){p, length}, &r->u.mig.profiles[r->u.mig.n],
                                err);
            if (rc < 0)
                return rc;
            r->u.mig.n++;
            p += length + (p[length] == ',');
        }
    if (o->create.n > 0 && r->u.mig.n == 0)
        return WTL_FAIL(err, WTL_USAGE, "--create needs profiles: `wattle sim mig` lists them");
    return 0;
}

static int set(struct wtl_room *room, const struct options *o, int gpu,
               const struct wtl_sim_board *board, struct wtl_error *err)
{
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_SET_MIG, gpu);
    int rc = wanted(o, board, &r, err);
    return rc < 0 ? rc : wtl_room_ask(room, &r, NULL, err);
}

static int show(struct wtl_context *ctx, const struct wtl_sim_gpu *gpu, bool profiles,
                struct wtl_error *err)
{
    struct wtl_table *instances = wtl_sim_cli_instances(ctx->arena);
    struct wtl_table *sizes = wtl_table_new(ctx->arena, profile_columns,
                                            sizeof profile_columns / sizeof *profile_columns);
    if (!instances || !sizes)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    json_t *there = wtl_sim_cli_add_instances(gpu, instances), *list = json_array();
    for (int i = 0; i < gpu->board.n_mig; i++)
        add_profile(gpu, &gpu->board.mig[i], sizes, &list);
    if (ctx->json)
        return wtl_print_json(ctx,
                              json_pack("{s:i, s:b, s:o, s:o}", "gpu", gpu->index, "mig", gpu->mig,
                                        "instances", there, "profiles", list),
                              err);
    json_decref(there);
    json_decref(list);
    int rc = 0;
    if (profiles)
        rc = wtl_table_print(sizes, 0, WTL_TABLE_WIDTH, ctx->out, err);
    if (profiles && rc == 0)
        fputc('\n', ctx->out);
    if (rc < 0 || gpu->mig)
        return rc < 0 ? rc : wtl_table_print(instances, 0, WTL_TABLE_WIDTH, ctx->out, err);
    fprintf(ctx->out, "MIG is off on virtual GPU %d\n", gpu->index);
    return 0;
}

static int look_and_set(struct wtl_context *ctx, struct wtl_room *room, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    struct wtl_sim_gpu *gpu = WTL_NEW(ctx->arena, struct wtl_sim_gpu);
    const bool change = o->off || o->create.n > 0;
    int index = 0;
    if (!gpu)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_sim_cli_gpu(room, o->gpu, false, &index, err);
    if (rc == 0)
        rc = wtl_room_copy(room, (unsigned)index, gpu, err);
    if (rc == 0 && change) {
        rc = set(room, o, index, &gpu->board, err);
        if (rc == 0)
            rc = wtl_room_copy(room, (unsigned)index, gpu, err);
    }
    if (rc == 0 && !(gpu->board.capabilities & WTL_SIM_MIG))
        rc = WTL_FAIL(err, WTL_UNSUPPORTED, "%s has no MIG", gpu->board.name);
    if (rc < 0 || (change && !ctx->json && ctx->verbosity < 0))
        return rc;
    return show(ctx, gpu, !change, err);
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    struct wtl_room room = {0};
    if (o->off && o->create.n > 0)
        return WTL_FAIL(err, WTL_USAGE, "either --create or --off");
    int rc = wtl_sim_cli_open(&room, err);
    if (rc == 0)
        rc = look_and_set(ctx, &room, err);
    wtl_room_close(&room);
    return rc;
}

#define AT(member) offsetof(struct options, member)
static const struct wtl_opt opts[] = {
    WTL_SIM_OPT_GPU(struct options, gpu, "number of the virtual GPU (0)"),
    {.name = "create",
     .letter = 'c',
     .type = WTL_OPT_LIST,
     .arg = "PROFILE,...",
     .offset = AT(create),
     .help = "make these the GPU's instances, and no others: names or numbers of profiles"},
    {.name = "off", .type = WTL_OPT_FLAG, .offset = AT(off), .help = "leave MIG"},
    {0},
};

const struct wtl_command wtl_cmd_sim_mig = {
    .name = "sim mig",
    .summary = "Split a virtual GPU into MIG instances",
    .synopsis = "[-i GPU] [--create PROFILE,... | --off]",
    .description =
        "Without an option, lists the sizes that instances of the GPU can have, how many of each "
        "are free beside those that are there, and those (as `nvidia-smi mig -lgip -lgi`). "
        "--create does what `nvidia-smi -mig 1`, `mig -dgi` and `mig -cgi PROFILE,... -C` do "
        "together: it switches MIG on and makes the instances, each with a compute instance of "
        "its size, where there is place for all. It is refused while a process is on the GPU. An "
        "instance has SMs and memory of its own; clocks, power and limit are the GPU's. Loads "
        "name their instance: `wattle sim load NAME --instance N`. For root and for who started "
        "the machine room.",
    .examples = "  wattle sim mig -i 0\n"
                "  wattle sim mig -i 0 --create 3g.20gb,2g.10gb\n"
                "  wattle sim mig -i 0 --create 9,14\n"
                "  wattle sim mig -i 0 --off",
    .opts = opts,
    .options_size = sizeof(struct options),
    .max_args = 0,
    .run = run,
};
