/* SPDX-License-Identifier: Apache-2.0
 * `wattle sweep`: the profiling protocol over operating points. */
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/sweep_text.h"

#include "base/dirs.h"
#include "base/file.h"
#include "codec/json.h"
#include "flow/hold.h"
#include "flow/sensor_facts.h"
#include "lab/shares.h"
#include "lab/sweep.h"
#include "lab/validation.h"
#include "store/claim.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct options {
    const char *output, *plan;
    bool dry_run, extend, no_privilege, schema;
};

#define AT(member) offsetof(struct options, member)
static const struct wtl_opt opts[] = {
    {"output", 'o', WTL_OPT_STRING, AT(output), "CAMPAIGN",
     "the campaign that gets the runs, made if it is not there (the spec's name with .wattle)"},
    {"dry-run", 'n', WTL_OPT_FLAG, AT(dry_run), NULL,
     "say what would be measured, how long, and which knobs would move; touch nothing"},
    {"extend", 0, WTL_OPT_FLAG, AT(extend), NULL,
     "let the spec add points and blocks to the sweep that the campaign has"},
    {"plan", 0, WTL_OPT_STRING, AT(plan), "PLAN",
     "measure only what this plan chose, clocks and operating points, and its baselines, with "
     "another seed: fresh runs for `wattle validate`"},
    {"no-privilege", 0, WTL_OPT_FLAG, AT(no_privilege), NULL,
     "set no knob, and say what could not be varied"},
    {"schema", 0, WTL_OPT_FLAG, AT(schema), NULL,
     "print what a spec may say, as Markdown, and do nothing else"},
    {0},
};

/* Everything that the parts of one run share. Not to be moved: clocks point into it. */
struct run {
    struct wtl_context *ctx;
    const struct options *o;
    struct wtl_sweep_spec spec;
    struct wtl_plan_file of; /* --plan */
    struct wtl_simulated_time simulated;
    struct wtl_lab_time time;
    struct wtl_hold hold;
    struct wtl_group group;
    bool has_group;
    struct wtl_shares *shares; /* NULL: none is set */
    struct wtl_sweep_plan plan;
    struct wtl_sweep_text text;
};

/* ---- Time ------------------------------------------------------------------------------------ */

static int wait_really(void *opaque, int64_t until_ns, bool *stopped_out, struct wtl_error *err)
{
    const struct wtl_clock *clock = opaque;
    (void)err;
    int64_t left_ns = until_ns - clock->monotonic_ns(clock->ctx);
    *stopped_out = left_ns > 0 ? wtl_interrupt_wait(left_ns) : wtl_interrupt_noted();
    return 0;
}

/* Devices of this process, by what they are called: "virtual:a100", "faulty:...:virtual:a100". */
static bool names_virtual(const char *id)
{
    return wtl_starts_with(id, "virtual:") ||
           (wtl_starts_with(id, "faulty:") && strstr(id, ":virtual:"));
}

static bool is_simulated(const struct wtl_sweep_spec *s)
{
    bool all = true;
    for (size_t i = 0; i < s->devices.n; i++)
        all = all && names_virtual(s->devices.values[i]);
    for (size_t i = 0; i < s->n_workloads; i++)
        all = all && s->workloads[i].kind == WTL_WORKLOAD_VIRTUAL;
    return all;
}

static void choose_time(struct run *r)
{
    struct wtl_context *ctx = r->ctx;
    if (is_simulated(&r->spec)) {
        r->simulated.start_unix_ns = ctx->clock.wall_ns(ctx->clock.ctx);
        r->simulated.stopped = wtl_interrupt_noted;
        r->time = wtl_simulated_time(&r->simulated);
    } else {
        r->time = (struct wtl_lab_time){ctx->clock, wait_really, &ctx->clock};
    }
}

/* ---- Running --------------------------------------------------------------------------------- */

static const char *campaign_path(const struct run *r)
{
    return r->o->output ? r->o->output : wtl_arena_printf(r->ctx->arena, "%s.wattle", r->spec.name);
}

static int open_campaign(struct run *r, struct wtl_campaign **c, struct wtl_error *err)
{
    const char *path = campaign_path(r);
    if (!path)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    return wtl_campaign_open(path, WTL_CAMPAIGN_CREATE, r->ctx->clock, c, err);
}

/* To each workload of the document, as many as there are: what the judgement makes of its runs. */
static int put_judged(json_t *document, const struct wtl_sweep_judged *judged,
                      struct wtl_error *err)
{
    json_t *workloads = json_object_get(document, "workloads"), *w;
    char causes[200];
    size_t i;
    int failed = 0;
    json_array_foreach(workloads, i, w)
    {
        const struct wtl_sweep_judged *j = &judged[i];
        failed |= json_object_set_new(w, "runs_accepted", json_integer(j->accepted));
        failed |= json_object_set_new(w, "runs_rejected", json_integer(j->rejected));
        failed |= json_object_set_new(
            w, "rejected_for", wtl_json_text(wtl_sweep_judged_causes(j, causes, sizeof causes)));
        failed |= json_object_set_new(w, "best_counts", json_boolean(j->best_counts));
    }
    return failed ? WTL_FAIL(err, WTL_NOMEM, "out of memory") : 0;
}

static int show_result(struct run *r, struct wtl_campaign *c, const struct wtl_sweep_result *result,
                       struct wtl_error *err)
{
    struct wtl_sweep_judged *judged = NULL;
    int rc = wtl_sweep_judge(r->ctx, c, &r->plan, result, &judged, err);
    if (rc < 0)
        return rc;
    if (!r->ctx->json)
        return wtl_sweep_text_result(&r->text, wtl_campaign_path(c), result, judged, err);
    json_t *document = wtl_sweep_result_json(&r->plan, result);
    rc = put_judged(document, judged, err);
    if (rc < 0) {
        json_decref(document);
        return rc;
    }
    wtl_json_put(&document, "campaign", wtl_json_text(wtl_campaign_path(c)));
    return wtl_print_json_line(r->ctx, document, err);
}

/* A sweep of which nothing came is no success. */
static int check_measured(const struct wtl_sweep_result *result, struct wtl_error *err)
{
    for (size_t i = 0; i < result->n_workloads; i++) {
        const struct wtl_sweep_workload_result *w = &result->workloads[i];
        if (!w->unmeasured)
            continue;
        int rc = WTL_FAIL(err, WTL_FAILED, "no run of %s counts%s%s", w->name,
                          w->disturbed[0] ? ": " : "", w->disturbed);
        wtl_error_hint(err, result->out_of_budget ? "the budget is used up: another campaign, -o"
                                                  : "the same command tries again");
        return rc;
    }
    return 0;
}

/* Through MPS, where points have shares. What a killed sweep left of it ends in any case. */
static int open_shares(struct run *r, struct wtl_error *err)
{
    struct wtl_shares_options o = {.clock = r->ctx->clock,
                                   .log = &r->ctx->log,
                                   .purpose = "wattle sweep",
                                   .look_only = r->o->dry_run};
    const struct wtl_mps_world world = {.clock = r->ctx->clock};
    struct wtl_error why = {0};
    if (wtl_sweep_plan_shares(&r->plan)) {
        int rc = wtl_sweep_plan_gpus(r->ctx->arena, &r->plan, &o.devices, err);
        return rc ? rc : wtl_shares_open(r->ctx->arena, &o, &r->shares, err);
    }
    if (!r->o->dry_run && wtl_shares_tidy(&world, &r->ctx->log, &why) < 0)
        wtl_log(&r->ctx->log, WTL_LOG_WARNING, "MPS of a command that was killed: %s", why.message);
    return 0;
}

static int run_sweep(struct run *r, struct wtl_campaign *c, struct wtl_error *err)
{
    struct wtl_sweep_result result = {0};
    const struct wtl_sweep_request request = {.plan = &r->plan,
                                              .campaign = c,
                                              .holder = r->plan.n_wants ? r->hold.holder : NULL,
                                              .group = r->has_group ? &r->group : NULL,
                                              .shares = r->shares,
                                              .time = r->time,
                                              .spec_path = r->ctx->argv[0],
                                              .extend = r->o->extend,
                                              .on_visit = wtl_sweep_text_visit,
                                              .on_block = wtl_sweep_text_block,
                                              .on_wait = wtl_sweep_text_wait,
                                              .ctx = &r->text};
    int rc = wtl_sweep_run(r->ctx->arena, &request, &result, err);
    wtl_sweep_text_fini(&r->text);
    rc = rc ? rc : show_result(r, c, &result, err);
    return rc ? rc : check_measured(&result, err);
}

static int measure(struct run *r, struct wtl_error *err)
{
    struct wtl_campaign *c = NULL;
    wtl_sweep_text_init(&r->text, r->ctx, &r->plan);
    struct wtl_claim claim = {.fd = -1};
    int rc = open_campaign(r, &c, err);
    rc = rc ? rc : wtl_claim_take(wtl_campaign_path(c), &claim, err);
    if (rc == 0) {
        wtl_interrupt_hold();
        rc = open_shares(r, err);
        rc = rc ? rc : run_sweep(r, c, err);
        const int closed = wtl_shares_close(r->shares, rc ? NULL : err);
        rc = rc ? rc : closed;
    }
    wtl_campaign_close(c);
    wtl_claim_drop(&claim);
    return rc;
}

/* ---- The control group ----------------------------------------------------------------------- */

/* Without privilege: what is not there is not made, and nothing runs in it. */
static int leave_device(struct run *r, size_t i, struct wtl_error *err)
{
    struct wtl_yaml_strings *devices = &r->spec.devices;
    const char **left = WTL_NEW_ARRAY(r->ctx->arena, const char *, devices->n + 1);
    if (!left)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t k = 0; k < devices->n; k++)
        left[k < i ? k : k > i ? k - 1 : devices->n] = devices->values[k];
    devices->values = left;
    devices->n--;
    return 0;
}

static int make_group(struct run *r, struct wtl_error *err)
{
    char notes[WTL_LIMIT_PATH];
    int rc = wtl_dir_make(WTL_DIR_RUN, "groups", notes, err);
    if (rc < 0)
        return rc;
    (void)wtl_groups_tidy("", notes);
    return wtl_group_exists(&r->group) ? 0 : wtl_group_make(&r->group, notes, err);
}

/* The control group that the spec names, if it does: found, or made. */
static int open_group(struct run *r, struct wtl_error *err)
{
    static const char prefix[] = "cgroup:";
    const struct wtl_yaml_strings *devices = &r->spec.devices;
    size_t i = 0;
    while (i < devices->n && !wtl_starts_with(devices->values[i], prefix))
        i++;
    if (i == devices->n || strcmp(devices->values[i] + sizeof prefix - 1, "/") == 0)
        return 0;
    int rc = wtl_group_find("", devices->values[i] + sizeof prefix - 1, &r->group, err);
    if (rc < 0)
        return rc;
    if (r->spec.no_privilege)
        return wtl_group_exists(&r->group) || i == 0 ? 0 : leave_device(r, i, err);
    rc = make_group(r, err);
    r->has_group = rc == 0;
    return rc;
}

static int close_group(struct run *r, int rc, struct wtl_error *err)
{
    int removed = r->has_group ? wtl_group_remove(&r->group, rc ? NULL : err) : 0;
    return rc ? rc : removed;
}

/* Of a dry run: what the campaign has of the sweep, or why it would not take it. One that is not
 * there, or an empty file, would be made. */
static int look_before(struct run *r, struct wtl_sweep_before *out, struct wtl_error *err)
{
    const char *path = campaign_path(r);
    struct wtl_campaign *c = NULL;
    struct stat st;
    *out = (struct wtl_sweep_before){0};
    if (!path)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (stat(path, &st) == 0 ? st.st_size == 0 : errno == ENOENT)
        return 0;
    int rc = wtl_campaign_open(path, WTL_CAMPAIGN_READ, r->ctx->clock, &c, err);
    rc = rc ? rc : wtl_sweep_look(r->ctx->arena, &r->plan, c, r->o->extend, out, err);
    wtl_campaign_close(c);
    out->campaign = out->campaign ? path : NULL;
    return rc;
}

static int show_plan(struct run *r, struct wtl_error *err)
{
    struct wtl_sweep_before before;
    int rc = look_before(r, &before, err);
    rc = rc ? rc : open_shares(r, err);
    if (rc < 0)
        return rc;
    if (!r->ctx->json)
        return wtl_sweep_text_plan(r->ctx, &r->plan, &before, wtl_shares_text(r->shares), err);
    json_t *document = wtl_sweep_plan_json(&r->plan, &before);
    wtl_json_put(&document, "mps", wtl_json_text_or_null(wtl_shares_text(r->shares)));
    return wtl_print_json(r->ctx, document, err);
}

/* What `wattle calibrate` found out of the devices that are measured. */
static void use_facts(struct run *r)
{
    for (size_t i = 0; i < r->plan.n_measured; i++)
        (void)wtl_sensor_facts_load(wtl_device_info(r->plan.measured[i]),
                                    wtl_context_flow(r->ctx).log, &r->plan.facts[i]);
}

static int read_plan(struct run *r, struct wtl_error *err)
{
    int rc = wtl_plan_file_read(r->ctx->arena, r->o->plan, &r->of, err);
    return rc ? rc : wtl_validation_spec(r->ctx->arena, &r->spec, &r->of, err);
}

static int sweep(struct run *r, struct wtl_error *err)
{
    struct wtl_flow flow = wtl_context_flow(r->ctx);
    struct wtl_arena *arena = r->ctx->arena;
    int rc = wtl_sweep_spec_read(arena, r->ctx->argv[0], &r->spec, err);
    if (rc < 0)
        return rc;
    r->spec.no_privilege = r->spec.no_privilege || r->o->no_privilege;
    rc = r->o->plan ? read_plan(r, err) : 0;
    rc = rc ? rc : open_group(r, err);
    choose_time(r);
    flow.clock = r->time.clock;
    rc = rc ? rc
            : wtl_hold_open(&flow, arena, r->spec.devices.values, r->spec.devices.n, "wattle sweep",
                            r->o->dry_run || r->spec.no_privilege, &r->hold, err);
    rc = rc ? rc : wtl_sweep_plan_make(arena, &r->spec, r->hold.machine, &r->plan, err);
    if (rc == 0 && r->o->plan)
        rc = wtl_validation_points(arena, &r->plan, &r->of, r->o->plan, err);
    if (rc == 0)
        use_facts(r);
    if (rc == 0)
        rc = r->o->dry_run ? show_plan(r, err) : measure(r, err);
    wtl_hold_close(&r->hold);
    rc = close_group(r, rc, err);
    wtl_interrupt_release();
    return rc;
}

static int show_schema(struct wtl_context *ctx, struct wtl_error *err)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 20);
    wtl_sweep_spec_document(&text);
    int rc = text.failed ? WTL_FAIL(err, WTL_NOMEM, "out of memory") : 0;
    if (rc == 0)
        fputs(wtl_buf_str(&text), ctx->out);
    wtl_buf_fini(&text);
    return rc;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    if (o->schema)
        return show_schema(ctx, err);
    if (ctx->argc == 0)
        return WTL_FAIL(err, WTL_USAGE, "wattle sweep needs a spec (--schema says what is in one)");
    struct run *r = WTL_NEW(ctx->arena, struct run);
    if (!r)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    r->ctx = ctx;
    r->o = o;
    return sweep(r, err);
}

const struct wtl_command wtl_cmd_sweep = {
    .name = "sweep",
    .summary = "Measure a workload at operating points, by a protocol, into a campaign",
    .synopsis = "SPEC.yaml [-o CAMPAIGN] [options]",
    .description =
        "Runs the workloads of a spec at every operating point that it names: clocks, memory "
        "clocks, power limits, batches, shares, replicas, variants. Points are visited in "
        "randomised blocks with the reference point at start, middle and end of each; before "
        "every window the device is alone, at one temperature, its clock has settled and is "
        "what was asked for, and the workload is warm; a window is as long as its energy and "
        "throughput need to be known; what was disturbed is said and repeated. docs/sweep.md has "
        "the protocol with its reasons.\n\n"
        "Every run is stored as it ends. The same command again goes on where a sweep was "
        "stopped, by Ctrl-C or by a power cut, and measures nothing twice. Knobs are taken as one "
        "loan, which is put back at the end, on a signal, and by its guardian when the sweep is "
        "killed.\n\n"
        "On virtual devices of this process (virtual:a100) time is simulated: hours pass in "
        "seconds. With --json every visit is a line while it runs, and the last line is the "
        "result.",
    .examples = "  wattle sweep a100.yaml --dry-run               # what it would do\n"
                "  wattle sweep a100.yaml -o a100.wattle          # do it, or go on with it\n"
                "  wattle sweep a100.yaml --plan plan.json -o fresh.wattle\n"
                "                                                 # fresh runs for validate",
    .exit_codes =
        "1  failed: a file that is not there or cannot be read as a spec or a plan, with the "
        "place in it (an unknown key or workload, what is no clock): mend it. Or a device is "
        "lost, no run of a workload counts, another sweep writes the campaign: what was "
        "measured is stored, and the same command goes on\n"
        "2  wrong usage: an option; points that the devices or workloads cannot be at; another "
        "sweep of this name in the campaign; a plan of other boards or points\n"
        "5  the reference point of a workload cannot be had",
    .opts = opts,
    .options_size = sizeof(struct options),
    .min_args = 0,
    .max_args = 1,
    .run = run,
};
