/* SPDX-License-Identifier: Apache-2.0
 *
 * Sweeps recorded by a sampler that watches the whole node: the set is worth what the GPU that
 * worked is worth, whatever stood beside it. */
#include "runs/judge.h"
#include "runs/reduce.h"
#include "support/sim_campaign.h"
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DEVICES_MAX = 8 };

struct node {
    struct wtl_arena arena;
    struct sim_campaign c;
    struct wtl_run *runs; /* `n_devices` of every run of the sweep, the one that works first */
    size_t n, n_devices;
    double idle_w;
};

static void trace_of(struct wtl_run *r, const struct wtl_run *from, int64_t source, int device)
{
    *r = *from;
    r->valid = 0;
    memset(r->metric, 0, sizeof r->metric);
    r->source_id = source;
    r->stream = device;
    snprintf(r->device, sizeof r->device, "GPU %d", device);
    wtl_run_set(r, WTL_R_n_samples, round(from->metric[WTL_R_time_s] / 0.05));
    wtl_run_set(r, WTL_R_span_s, from->metric[WTL_R_time_s]);
    wtl_run_set(r, WTL_R_power_mean_w, from->metric[WTL_R_power_w]);
    wtl_run_set(r, WTL_R_power_min_w, 0.98 * from->metric[WTL_R_power_w]);
    wtl_run_set(r, WTL_R_power_p99_w, 1.02 * from->metric[WTL_R_power_w]);
}

/* Boards idle at powers that differ by up to a seventh, each the same at all clocks. */
static void make_idle(struct wtl_run *r, double idle_w, int device, size_t i)
{
    double watts = idle_w * (1 + 0.02 * device + 0.001 * sin((double)i));
    r->metric[WTL_R_power_mean_w] = watts;
    r->metric[WTL_R_power_min_w] = 0.99 * watts;
    r->metric[WTL_R_power_p99_w] = 1.01 * watts;
}

static void node_init(struct node *node, size_t n_devices)
{
    struct wtl_error err = {0};
    struct sim_options o = sim_options_default();
    o.activity = false;
    wtl_arena_init(&node->arena, wtl_alloc_system());
    assert_ok(sim_campaign_make(&node->arena, &o, &node->c, &err), &err);
    node->n_devices = n_devices;
    node->n = node->c.n_runs * n_devices;
    node->idle_w = node->c.truth.idle_w;
    node->runs = WTL_NEW_ARRAY(&node->arena, struct wtl_run, node->n);
    for (size_t i = 0; i < node->n; i++) {
        int device = (int)(i % n_devices);
        trace_of(&node->runs[i], &node->c.runs[i / n_devices], 1 + (int64_t)(i / n_devices),
                 device);
        if (device > 0)
            make_idle(&node->runs[i], node->idle_w, device, i);
    }
}

static void judge(struct node *node, struct wtl_quality *q)
{
    struct wtl_error err = {0};
    for (size_t i = 0; i < node->n; i++)
        wtl_run_choose(&node->runs[i]);
    assert_ok(wtl_judge(&node->arena, node->runs, node->n, NULL, &err), &err);
    assert_ok(wtl_judge_quality(&node->arena, node->runs, node->n, q, &err), &err);
}

/* The runs of the GPU that worked are used, the others rejected by this cause, and the set is worth
 * exactly what it is worth without them. */
static void as_without_bystanders(struct node *node, enum wtl_cause cause)
{
    struct wtl_quality q, alone_q;
    judge(node, &q);
    for (size_t i = 0; i < node->n; i++) {
        enum wtl_cause want = i % node->n_devices ? cause : WTL_N_CAUSES;
        if (wtl_run_main_cause(&node->runs[i]) != want)
            fail_msg("%s at %d MHz: %s", node->runs[i].device, node->runs[i].clock_mhz,
                     node->runs[i].reason);
    }
    assert_true(q.usable);
    size_t n = 0;
    for (size_t i = 0; i < node->n; i += node->n_devices)
        node->runs[n++] = node->runs[i];
    node->n = n;
    judge(node, &alone_q);
    assert_memory_equal(&q, &alone_q, sizeof q);
    wtl_arena_fini(&node->arena);
}

static void by_power_alone(void **state)
{
    (void)state;
    for (size_t devices = 2; devices <= DEVICES_MAX; devices *= 2) {
        struct node node;
        node_init(&node, devices);
        as_without_bystanders(&node, WTL_CAUSE_idle_gpu);
    }
}

/* Idle clocks and an empty frame buffer, which would be the usual ones of the set. */
static void by_activity(void **state)
{
    (void)state;
    struct node node;
    node_init(&node, DEVICES_MAX);
    for (size_t i = 0; i < node.n; i++) {
        struct wtl_run *r = &node.runs[i];
        bool works = i % node.n_devices == 0;
        wtl_run_set(r, WTL_R_active_share, works ? 0.97 : 0);
        wtl_run_set(r, WTL_R_fb_used_max_b, works ? 40e9 : 0.4e9);
        wtl_run_set(r, WTL_R_sm_clock_median_mhz, works ? r->clock_mhz : 210);
        wtl_run_set(r, WTL_R_mem_clock_median_mhz, works ? 1215 : 405);
    }
    as_without_bystanders(&node, WTL_CAUSE_idle_gpu);
}

/* MIG instances: rows without power. */
static void without_power(void **state)
{
    (void)state;
    struct node node;
    node_init(&node, 3);
    for (size_t i = 0; i < node.n; i++)
        if (i % node.n_devices) {
            struct wtl_run *r = &node.runs[i];
            snprintf(r->device, sizeof r->device, "GPU-I %d", (int)(i % node.n_devices));
            wtl_run_clear(r, WTL_R_power_mean_w);
            wtl_run_clear(r, WTL_R_power_min_w);
            wtl_run_clear(r, WTL_R_power_p99_w);
            wtl_run_clear(r, WTL_R_span_s);
        }
    as_without_bystanders(&node, WTL_CAUSE_no_data);
}

/* Two GPUs that share the work count both. */
static void partners_are_no_bystanders(void **state)
{
    (void)state;
    struct node node;
    struct wtl_quality q;
    node_init(&node, 2);
    for (size_t i = 1; i < node.n; i += 2)
        trace_of(&node.runs[i], &node.c.runs[i / 2], 1 + (int64_t)(i / 2), 1);
    judge(&node, &q);
    for (size_t i = 0; i < node.n; i++)
        assert_int_equal(node.runs[i].causes, 0);
    assert_true(q.usable);
    wtl_arena_fini(&node.arena);
}

/* Idle runs of other files are what they were: most of the set, which is not measured then. */
static void idle_runs_of_other_files_count(void **state)
{
    (void)state;
    struct node node;
    struct wtl_quality q;
    node_init(&node, 4);
    for (size_t i = 0; i < node.n; i++) {
        node.runs[i].source_id = 1 + (int64_t)i;
        wtl_run_set(&node.runs[i], WTL_R_active_share, i % 4 ? 0 : 0.97);
    }
    judge(&node, &q);
    assert_false(q.usable);
    assert_non_null(strstr(q.reason, "mostly idle_gpu"));
    wtl_arena_fini(&node.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_power_alone),
        cmocka_unit_test(by_activity),
        cmocka_unit_test(without_power),
        cmocka_unit_test(partners_are_no_bystanders),
        cmocka_unit_test(idle_runs_of_other_files_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
