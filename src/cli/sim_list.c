/* SPDX-License-Identifier: Apache-2.0
 * `wattle sim list`: the virtual GPUs, what runs on them, what is broken. The truth about them,
 * where `wattle devices` shows what their sensors say. */
#include "cli/sim.h"

#include "base/text.h"
#include "cli/table.h"
#include "codec/json.h"
#include "sim/readings.h"

#include <math.h>
#include <stdio.h>

struct view {
    struct wtl_context *ctx;
    struct wtl_room room;
    struct wtl_room_state state;
    struct wtl_sim_gpu *gpu; /* the present one */
    json_t *gpus, *loads, *faults;
    struct wtl_buf board_faults; /* lines */
    struct wtl_table *gpu_table, *instance_table, *load_table;
};

/* "1140", "300-1140", "-" */
static const char *lock_text(const uint16_t *clocks, const struct wtl_sim_lock *lock, char buf[32])
{
    if (!lock->set)
        snprintf(buf, 32, "-");
    else if (lock->lo == lock->hi)
        snprintf(buf, 32, "%u", clocks[lock->lo]);
    else
        snprintf(buf, 32, "%u-%u", clocks[lock->lo], clocks[lock->hi]);
    return buf;
}

static json_t *lock_json(const uint16_t *clocks, const struct wtl_sim_lock *lock)
{
    return lock->set
               ? json_pack("{s:i, s:i}", "min_mhz", clocks[lock->lo], "max_mhz", clocks[lock->hi])
               : json_null();
}

/* "power, temp"; "" none. */
static const char *frozen_text(const struct wtl_sim_gpu *g, char buf[64])
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {{WTL_SIM_SENSOR_POWER, "power"},
                 {WTL_SIM_SENSOR_COUNTER, "energy"},
                 {WTL_SIM_SENSOR_TEMP, "temp"},
                 {WTL_SIM_SENSOR_UTIL, "util"}};
    size_t used = 0;
    buf[0] = '\0';
    if (g->sensors.frozen_until_ns <= wtl_sim_gpu_now_ns(g))
        return buf;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (g->sensors.frozen & names[i].bit)
            used +=
                (size_t)snprintf(buf + used, 64 - used, "%s%s", used ? ", " : "", names[i].name);
    return buf;
}

/* What `wattle sim fault` did to the board, a line each. */
static void put_board_faults(struct wtl_buf *out, const struct wtl_sim_gpu *g)
{
    char frozen[64];
    if (g->oob_limit_w > 0)
        wtl_buf_printf(out, "fault: GPU %d has a limit of %g W from outside\n", g->index,
                       g->oob_limit_w);
    if (g->power_brake)
        wtl_buf_printf(out, "fault: GPU %d has its power brake on\n", g->index);
    if (frozen_text(g, frozen)[0])
        wtl_buf_printf(out, "fault: GPU %d keeps its last %s\n", g->index, frozen);
    if (g->sensors.drop > 0)
        wtl_buf_printf(out, "fault: GPU %d loses %g %% of its sensors' updates\n", g->index,
                       100 * g->sensors.drop);
    if (fabs(g->ambient_c - g->board.thermal.ambient_c) > 0)
        wtl_buf_printf(out, "fault: GPU %d stands at %g C\n", g->index, g->ambient_c);
    if (g->last_xid)
        wtl_buf_printf(out, "fault: GPU %d had XID %u last\n", g->index, g->last_xid);
}

/* "no persistence, MIG" */
static const char *state_text(const struct wtl_sim_gpu *g, char buf[48])
{
    const char *state = g->lost ? "lost" : g->persistence ? "" : "no persistence";
    snprintf(buf, 48, "%s%s%s", state, state[0] && g->mig ? ", " : "", g->mig ? "MIG" : "");
    return buf;
}

static void add_gpu(struct view *v)
{
    const struct wtl_sim_gpu *g = v->gpu;
    struct wtl_sim_truth t;
    char uuid[WTL_SIM_UUID], lock[32], frozen[64], said[48];
    wtl_sim_gpu_truth(g, &t);
    wtl_table_printf(v->gpu_table, "%d", g->index);
    wtl_table_put(v->gpu_table, g->board.name);
    wtl_table_number(v->gpu_table, !g->lost, t.power_w, 1);
    wtl_table_number(v->gpu_table, !g->lost, g->limit_w, 0);
    wtl_table_number(v->gpu_table, !g->lost, t.sm_mhz, 0);
    wtl_table_put(v->gpu_table, lock_text(g->board.sm_clocks_mhz, &g->sm_lock, lock));
    wtl_table_number(v->gpu_table, !g->lost, t.mem_mhz, 0);
    wtl_table_number(v->gpu_table, !g->lost, t.die_c, 1);
    wtl_table_number(v->gpu_table, !g->lost, t.sm_util * 100, 0);
    wtl_table_put(v->gpu_table, state_text(g, said));
    wtl_json_add(&v->gpus,
                 json_pack("{s:i, s:o, s:o, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
                           "s:o, s:o, s:I, s:b, s:o, s:b, s:o, s:o, s:b, s:s, s:o, s:o}",
                           "index", g->index, "name", wtl_json_text(g->board.name), "board",
                           wtl_json_text(g->board.short_name), "uuid", wtl_sim_uuid(g, uuid),
                           "lost", g->lost, "persistence", g->persistence, "power_w",
                           wtl_json_finite(t.power_w), "energy_j", wtl_json_finite(t.energy_j),
                           "power_limit_w", wtl_json_finite(g->limit_w), "power_limit_enforced_w",
                           wtl_json_finite(t.enforced_w), "sm_clock_mhz", wtl_json_finite(t.sm_mhz),
                           "mem_clock_mhz", wtl_json_finite(t.mem_mhz), "sm_clock_lock",
                           lock_json(g->board.sm_clocks_mhz, &g->sm_lock), "mem_clock_lock",
                           lock_json(g->board.mem_clocks_mhz, &g->mem_lock), "temp_c",
                           wtl_json_finite(t.die_c), "gpu_util", wtl_json_finite(t.sm_util),
                           "event_reasons", (json_int_t)t.reasons, "mig", g->mig, "mig_instances",
                           wtl_sim_cli_add_instances(g, v->instance_table), "accounting",
                           (int)(v->state.accounting >> g->index & 1), "ambient_c",
                           wtl_json_finite(g->ambient_c), "out_of_band_limit_w",
                           g->oob_limit_w > 0 ? wtl_json_finite(g->oob_limit_w) : json_null(),
                           "power_brake", g->power_brake, "stale", frozen_text(g, frozen),
                           "dropped", wtl_json_finite(g->sensors.drop), "last_xid",
                           g->last_xid ? json_integer(g->last_xid) : json_null()));
}

static void add_load(struct view *v, const struct wtl_sim_slot *slot)
{
    const struct wtl_sim_process *p = &slot->process;
    double work = 0, per_s = 0;
    (void)wtl_sim_work(v->gpu, p->pid, &work, &per_s);
    wtl_table_printf(v->load_table, "%u", p->pid);
    if (p->instance < 0)
        wtl_table_printf(v->load_table, "%d", v->gpu->index);
    else
        wtl_table_printf(v->load_table, "%d/%d", v->gpu->index, p->instance);
    wtl_table_put(v->load_table, p->tenant.workload.name);
    wtl_table_number(v->load_table, true, p->tenant.share * 100, 0);
    wtl_table_printf(v->load_table, "%d", p->tenant.batch);
    wtl_table_number(v->load_table, true, per_s, per_s < 1 ? 3 : 1);
    wtl_table_put(v->load_table, p->tenant.workload.unit);
    wtl_json_add(&v->loads,
                 json_pack("{s:I, s:i, s:o, s:o, s:I, s:b, s:o, s:i, s:o, s:o, s:o, s:o}", "pid",
                           (json_int_t)p->pid, "gpu", v->gpu->index, "mig_instance",
                           p->instance < 0 ? json_null() : json_integer(p->instance), "workload",
                           wtl_json_text(p->tenant.workload.name), "uid", (json_int_t)p->uid, "mps",
                           p->mps, "share", wtl_json_finite(p->tenant.share), "batch",
                           p->tenant.batch, "rate_per_s", wtl_json_finite(p->tenant.offered_per_s),
                           "work_per_s", wtl_json_finite(per_s), "work", wtl_json_finite(work),
                           "unit", wtl_json_text(p->tenant.workload.unit)));
}

static void add_fault(struct view *v, const struct wtl_room_fault *f)
{
    wtl_json_add(&v->faults,
                 json_pack("{s:o, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I}", "call",
                           wtl_json_text(f->function), "gpu", f->gpu, "return", f->nvml_return,
                           "delay_ms", f->delay_ms, "skip", (json_int_t)f->skip, "every",
                           (json_int_t)f->every, "count", (json_int_t)f->count, "calls",
                           (json_int_t)f->n_calls, "hits", (json_int_t)f->n_hits));
}

static const struct wtl_table_column gpu_columns[] = {
    {"GPU", "", true, false},    {"board", "", false, false}, {"power", "W", true, false},
    {"limit", "W", true, false}, {"SM", "MHz", true, false},  {"locked", "MHz", true, false},
    {"mem", "MHz", true, false}, {"die", "C", true, false},   {"busy", "%", true, false},
    {"state", "", false, false},
};
static const struct wtl_table_column load_columns[] = {
    {"process", "", true, false}, {"GPU", "", true, false},   {"workload", "", false, false},
    {"share", "%", true, false},  {"batch", "", true, false}, {"work", "/s", true, false},
    {"unit", "", false, false},
};

static int collect(struct view *v, struct wtl_error *err)
{
    struct wtl_arena *arena = v->ctx->arena;
    v->gpu = WTL_NEW(arena, struct wtl_sim_gpu);
    v->gpu_table = wtl_table_new(arena, gpu_columns, sizeof gpu_columns / sizeof *gpu_columns);
    v->load_table = wtl_table_new(arena, load_columns, sizeof load_columns / sizeof *load_columns);
    v->instance_table = wtl_sim_cli_instances(arena);
    if (!v->gpu || !v->gpu_table || !v->load_table || !v->instance_table)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_room_state(&v->room, &v->state, err);
    for (unsigned i = 0; i < v->room.head->n_gpus && rc == 0; i++) {
        rc = wtl_room_copy(&v->room, i, v->gpu, err);
        if (rc < 0)
            break;
        add_gpu(v);
        put_board_faults(&v->board_faults, v->gpu);
        for (int k = 0; k < v->gpu->n_slots; k++)
            add_load(v, &v->gpu->slots[k]);
    }
    for (uint32_t i = 0; i < v->state.n_faults && rc == 0; i++)
        add_fault(v, &v->state.faults[i]);
    return rc;
}

static void put_call_fault(struct wtl_buf *out, const struct wtl_room_fault *f)
{
    char gpu[16] = "all GPUs";
    if (f->gpu >= 0)
        snprintf(gpu, sizeof gpu, "GPU %d", f->gpu);
    wtl_buf_printf(out, "fault: %s on %s", f->function, gpu);
    if (f->nvml_return)
        wtl_buf_printf(out, " returns %d", f->nvml_return);
    if (f->delay_ms == WTL_ROOM_HANG)
        wtl_buf_puts(out, " hangs");
    else if (f->delay_ms)
        wtl_buf_printf(out, " takes %d ms", f->delay_ms);
    wtl_buf_printf(out, "; hit %u of %u calls\n", f->n_hits, f->n_calls);
}

static void print_faults(struct view *v)
{
    struct wtl_buf *out = &v->board_faults;
    if (v->state.mismatch)
        wtl_buf_puts(out, "fault: driver and library are of two versions\n");
    for (uint32_t i = 0; i < v->state.n_faults; i++)
        put_call_fault(out, &v->state.faults[i]);
    if (out->len > 0)
        fprintf(v->ctx->out, "\n%s", wtl_buf_str(out));
}

static int show(struct view *v, struct wtl_error *err)
{
    struct wtl_context *ctx = v->ctx;
    char epoch[WTL_ROOM_EPOCH];
    int rc = wtl_room_epoch(&v->room, epoch, err);
    if (rc == 0 && ctx->json) {
        json_t *root =
            json_pack("{s:i, s:I, s:s, s:b, s:O, s:O, s:O}", "pid", (int)v->room.head->host_pid,
                      "uid", (json_int_t)v->room.head->host_uid, "epoch", epoch, "mismatch",
                      v->state.mismatch, "gpus", v->gpus, "loads", v->loads, "faults", v->faults);
        return wtl_print_json(ctx, root, err);
    }
    if (rc == 0)
        rc = wtl_table_print(v->gpu_table, 0, WTL_TABLE_WIDTH, ctx->out, err);
    if (rc == 0 && wtl_table_rows(v->instance_table) > 0) {
        fputc('\n', ctx->out);
        rc = wtl_table_print(v->instance_table, 0, WTL_TABLE_WIDTH, ctx->out, err);
    }
    if (rc == 0 && wtl_table_rows(v->load_table) > 0) {
        fputc('\n', ctx->out);
        rc = wtl_table_print(v->load_table, 0, WTL_TABLE_WIDTH, ctx->out, err);
    }
    if (rc == 0)
        print_faults(v);
    return rc;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    struct view v = {
        .ctx = ctx, .gpus = json_array(), .loads = json_array(), .faults = json_array()};
    wtl_buf_init(&v.board_faults, wtl_alloc_system(), 1 << 20);
    int rc = wtl_sim_cli_open(&v.room, err);
    if (rc == 0)
        rc = collect(&v, err);
    if (rc == 0)
        rc = show(&v, err);
    json_decref(v.gpus);
    json_decref(v.loads);
    json_decref(v.faults);
    wtl_buf_fini(&v.board_faults);
    wtl_room_close(&v.room);
    return rc;
}

const struct wtl_command wtl_cmd_sim_list = {
    .name = "sim list",
    .summary = "Show the virtual GPUs, their loads and their faults",
    .synopsis = "",
    .description = "Shows the truth about the virtual GPUs: what they draw, not what their sensors "
                   "say of it, which is what `wattle devices` and every NVML client get to see. "
                   "The GPU of a load in a MIG instance is shown as GPU/INSTANCE.",
    .examples = "  wattle sim list\n"
                "  wattle sim list --json",
    .max_args = 0,
    .run = run,
};
