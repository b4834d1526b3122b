/* SPDX-License-Identifier: Apache-2.0
 *
 * The shipped runs: which are rejected, and which sets are worth a decision. */
#include "runs/judge.h"
#include "runs/reduce.h"
#include "support/frequency_data.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

struct set {
    struct wtl_run *runs;
    size_t n;
    struct wtl_quality quality;
};

static struct set judged(struct wtl_arena *arena, const char *gpu, const char *workload)
{
    struct set s;
    struct wtl_error err = {0};
    s.runs = load_frequency_runs(arena, gpu, workload, &s.n);
    for (size_t i = 0; i < s.n; i++)
        wtl_run_choose(&s.runs[i]);
    assert_ok(wtl_judge(arena, s.runs, s.n, NULL, &err), &err);
    assert_ok(wtl_judge_quality(arena, s.runs, s.n, &s.quality, &err), &err);
    return s;
}

static enum wtl_cause cause_of(const struct set *s, int clock_mhz, int rep)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->runs[i].clock_mhz == clock_mhz && s->runs[i].rep == rep)
            return wtl_run_main_cause(&s->runs[i]);
    fail_msg("no run at %d MHz, repetition %d", clock_mhz, rep);
    return WTL_N_CAUSES;
}

static size_t rejected(const struct set *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        n += s->runs[i].causes != 0;
        assert_true((s->runs[i].causes != 0) == (s->runs[i].reason[0] != '\0'));
    }
    return n;
}

static void a100_stable_diffusion(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct set s = judged(&arena, "A100", "stablediffusion");
    assert_int_equal(s.n, 183);
    assert_true(rejected(&s) <= 14);
    assert_int_equal(cause_of(&s, 1410, 1), WTL_CAUSE_cold_start); /* 377 s */
    assert_int_equal(cause_of(&s, 1410, 2),
                     WTL_CAUSE_cold_start); /* 13.1 s: not only repetition 1 */
    assert_int_equal(cause_of(&s, 1395, 1), WTL_N_CAUSES);
    assert_int_equal(cause_of(&s, 1065, 3), WTL_CAUSE_outlier); /* 42.2 s */
    assert_int_equal(cause_of(&s, 840, 2), WTL_CAUSE_outlier);  /* 34.17 s */
    assert_int_equal(cause_of(&s, 1065, 1), WTL_N_CAUSES);      /* a bad run condemns no other */
    assert_int_equal(cause_of(&s, 1065, 2), WTL_N_CAUSES);
    assert_true(s.quality.usable && !s.quality.quantised && s.quality.order_monotone);
    assert_false(s.quality.has_drift); /* monotone, no anchors: confounded */
    assert_near(s.quality.time_cv, 0.015, 0.005);
    assert_true(s.quality.unexplained < 0.05);
    assert_true(s.quality.n_clocks == 61 && s.quality.n_clocks_usable == 60);
}

static void v100_stable_diffusion(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct set s = judged(&arena, "V100", "stablediffusion");
    assert_int_equal(s.n, 177);
    assert_true(rejected(&s) <= 9);
    assert_int_equal(cause_of(&s, 1380, 1), WTL_CAUSE_cold_start);
    assert_int_equal(cause_of(&s, 1380, 2), WTL_CAUSE_cold_start);
    assert_int_equal(cause_of(&s, 1380, 3), WTL_N_CAUSES);
    assert_int_equal(cause_of(&s, 630, 1), WTL_CAUSE_outlier);  /* 30.1 s, a first repetition */
    assert_int_equal(cause_of(&s, 1185, 3), WTL_CAUSE_outlier); /* 22.5 s */
    assert_true(s.quality.usable && s.quality.time_cv < 0.012);
    /* The clock's own effect is no outlier: the ends of the range stay. */
    for (int rep = 1; rep <= 3; rep++)
        assert_int_equal(cause_of(&s, 510, rep), WTL_N_CAUSES);
}

/* Dropping repetition 1 everywhere keeps the bad ones of repetition 2 and 3 and loses good runs. */
static void naive_readers_go_wrong(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct set s = judged(&arena, "A100", "stablediffusion");
    size_t kept_bad = 0, lost_good = 0;
    double all = 0, ours = 0, n_ours = 0;
    for (size_t i = 0; i < s.n; i++) {
        kept_bad += s.runs[i].rep != 1 && s.runs[i].causes;
        lost_good += s.runs[i].rep == 1 && !s.runs[i].causes;
        if (s.runs[i].clock_mhz != 1065)
            continue;
        all += s.runs[i].metric[WTL_R_time_s] / 3;
        ours += s.runs[i].causes ? 0 : s.runs[i].metric[WTL_R_time_s];
        n_ours += s.runs[i].causes == 0;
    }
    assert_true(kept_bad >= 5 && lost_good >= 50);
    assert_true(all > 1.8 * ours / n_ours); /* keeping all: the mean of the cell is off by 80 % */
    assert_near(ours / n_ours, 11.7, 0.3);
}

static void vit_is_unusable(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const char *const gpu[] = {"A100", "V100"};
    for (int g = 0; g < 2; g++) {
        struct set s = judged(&arena, gpu[g], "vit");
        assert_false(s.quality.usable);
        assert_true(s.quality.reason[0] != '\0');
        assert_true(s.quality.time_cv > 0.15 && s.quality.unexplained > 0.5);
        for (int rep = 1; rep <= 3; rep++) /* 656, 450 and 302 s */
            assert_int_equal(cause_of(&s, g == 0 ? 1410 : 1380, rep), WTL_CAUSE_cold_start);
    }
}

static void whisper_sits_on_steps(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const char *const gpu[] = {"A100", "V100"};
    for (int g = 0; g < 2; g++) {
        struct set s = judged(&arena, gpu[g], "whisper");
        assert_true(s.quality.quantised);
        assert_near(s.quality.time_step_s, 1.9, 0.15);
        assert_false(s.quality.usable);
        assert_int_equal(cause_of(&s, g == 0 ? 1410 : 1380, 1), WTL_CAUSE_cold_start);
        assert_int_equal(cause_of(&s, g == 0 ? 1410 : 1380, 2), WTL_CAUSE_cold_start);
    }
}

/* Real work with much noise: for the optimiser to say what it cannot tell. No run is idle: V100
 * llama runs lie 13 W and V100 whisper runs 1 W above the lowest power seen. */
static void llama_is_noisy_but_usable(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const char *const gpu[] = {"A100", "V100"};
    for (int g = 0; g < 2; g++) {
        struct set s = judged(&arena, gpu[g], "llama");
        assert_true(s.quality.usable && !s.quality.quantised);
        assert_true(s.quality.time_cv > 0.1);
        assert_int_equal(cause_of(&s, g == 0 ? 1410 : 1380, 1), WTL_CAUSE_cold_start);
        assert_true(rejected(&s) <= 6);
    }
}

static void nothing_is_falsely_idle(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const char *const workload[] = {"llama", "stablediffusion", "vit", "whisper"};
    for (int g = 0; g < 2; g++)
        for (int w = 0; w < 4; w++) {
            struct set s = judged(&arena, g ? "V100" : "A100", workload[w]);
            for (size_t i = 0; i < s.n; i++)
                assert_int_equal(s.runs[i].causes & (1U << WTL_CAUSE_idle_gpu), 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a100_stable_diffusion),   cmocka_unit_test(v100_stable_diffusion),
        cmocka_unit_test(naive_readers_go_wrong),  cmocka_unit_test(vit_is_unusable),
        cmocka_unit_test(whisper_sits_on_steps),   cmocka_unit_test(llama_is_noisy_but_usable),
        cmocka_unit_test(nothing_is_falsely_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
