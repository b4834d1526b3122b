/* SPDX-License-Identifier: Apache-2.0
 *
 * The shipped table of 1440 runs, and the same runs as samples (three seeds of noise) whose energy
 * counter is consistent with their true period: both routes must judge the same runs the same way
 * and measure the same times and energies up to the common factor of the period. */
#include "base/random.h"
#include "runs/judge.h"
#include "runs/reduce.h"
#include "support/frequency_data.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

/* LLaMA reports no process time: its samples get the period of the other workloads. */
static double true_period_s(const struct wtl_run *r)
{
    return strcmp(r->workload, "llama") == 0
               ? 0.0512
               : r->metric[WTL_R_reported_time_s] / r->metric[WTL_R_n_samples];
}

struct sampler {
    struct wtl_reducer *reducer;
    struct wtl_batch *batch;
    struct wtl_rng rng;
};

static void put(struct wtl_batch *b, enum wtl_metric m, double value)
{
    b->present |= UINT64_C(1) << m;
    b->column[m].value[b->n] = value;
    b->column[m].valid[b->n >> 6] |= UINT64_C(1) << (b->n & 63);
}

static void flush(struct sampler *s)
{
    wtl_reducer_push(s->reducer, s->batch);
    memset(s->batch, 0, sizeof *s->batch);
}

/* Loading at the first power, then work, then the mean is that of the table up to the noise. The
 * counter ticks every 100 ms. */
static struct wtl_run sampled(struct sampler *s, const struct wtl_run *table)
{
    int rows = (int)table->metric[WTL_R_n_samples];
    double first_w = table->metric[WTL_R_power_first_w], mean_w = table->metric[WTL_R_power_mean_w];
    double high_w = first_w + (mean_w - first_w) / 0.6, period_s = true_period_s(table);
    double counter_j = 307257.0, ticked_j = counter_j, since_s = 0;
    wtl_reducer_begin(s->reducer);
    for (int row = 0; row < rows; row++) {
        double p = row < (int)(0.4 * rows) ? first_w : high_w;
        p *= row ? 1 + 0.02 * wtl_rng_normal(&s->rng) : 1;
        since_s += period_s;
        counter_j += p * period_s;
        if (since_s >= 0.1) {
            since_s -= 0.1;
            ticked_j = counter_j;
        }
        put(s->batch, WTL_M_power_w, round(1e3 * p) / 1e3);
        put(s->batch, WTL_M_energy_counter_j, round(1e3 * ticked_j) / 1e3);
        if (++s->batch->n == WTL_BATCH_ROWS)
            flush(s);
    }
    flush(s);
    struct wtl_run run = *table;
    run.valid = 0;
    memset(run.metric, 0, sizeof run.metric);
    wtl_reducer_finish(s->reducer, &(struct wtl_reduce_context){.label_interval_s = 0.05}, &run);
    wtl_run_choose(&run);
    return run;
}

static void the_same_judgements(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    size_t n, n_table, n_trace;
    struct wtl_run *table = load_frequency_runs(&arena, NULL, NULL, &n);
    struct wtl_run *trace = WTL_NEW_ARRAY(&arena, struct wtl_run, n);
    struct wtl_workset *a, *b;
    struct sampler s = {.batch = WTL_NEW(&arena, struct wtl_batch)};
    assert_ok(wtl_reducer_new(&arena, &s.reducer, &err), &err);
    for (size_t i = 0; i < n; i++)
        wtl_run_choose(&table[i]);
    assert_ok(wtl_worksets(&arena, table, n, NULL, &a, &n_table, &err), &err);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        wtl_rng_init(&s.rng, seed);
        for (size_t i = 0; i < n; i++)
            trace[i] = sampled(&s, &table[i]);
        assert_ok(wtl_worksets(&arena, trace, n, NULL, &b, &n_trace, &err), &err);
        assert_int_equal(n_table, 8);
        assert_int_equal(n_trace, 8);
        size_t differ = 0, runs = 0;
        for (size_t k = 0; k < 8; k++) {
            struct wtl_quality qa, qb;
            assert_ok(wtl_judge_quality(&arena, a[k].runs, a[k].n_runs, &qa, &err), &err);
            assert_ok(wtl_judge_quality(&arena, b[k].runs, b[k].n_runs, &qb, &err), &err);
            assert_int_equal(qa.usable, qb.usable);
            assert_int_equal(qa.quantised, qb.quantised);
            double factor = strcmp(a[k].workload, "llama") == 0 ? 0.0512 / 0.05 : 1;
            for (size_t i = 0; i < a[k].n_runs; i++) {
                const struct wtl_run *ra = &a[k].runs[i], *rb = &b[k].runs[i];
                differ += wtl_run_main_cause(ra) != wtl_run_main_cause(rb);
                runs++;
                assert_near(rb->metric[WTL_R_time_s] / ra->metric[WTL_R_time_s] / factor, 1, 0.005);
                assert_near(rb->metric[WTL_R_energy_j] / ra->metric[WTL_R_energy_j] / factor, 1,
                            0.01);
            }
        }
        print_message("# seed %d: %zu of %zu runs are judged differently\n", (int)seed, differ,
                      runs);
        assert_true(differ <= 3); /* noise moves a borderline run across the limit */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_same_judgements)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
