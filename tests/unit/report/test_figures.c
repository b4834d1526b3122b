/* SPDX-License-Identifier: Apache-2.0
 * Every figure on every back end; what is in the picture against what is in the data. */
#include "report_sample.h"

#include "report/escape.h"
#include "report/plot.h"

#include <stdlib.h>

static const enum wtl_metric metrics[] = {WTL_M_power_w, WTL_M_temp_c, WTL_M_dram_active};

static int series(struct wtl_arena *a, const struct wtl_report *r, const struct wtl_report_set *s,
                  struct wtl_figure **out, struct wtl_error *err)
{
    return wtl_fig_series(a, r, s, metrics, 3, out, err);
}

typedef int set_figure(struct wtl_arena *, const struct wtl_report *, const struct wtl_report_set *,
                       struct wtl_figure **, struct wtl_error *);
typedef int report_figure(struct wtl_arena *, const struct wtl_report *, struct wtl_figure **,
                          struct wtl_error *);

static set_figure *const set_figures[] = {wtl_fig_clock,     wtl_fig_objective,  wtl_fig_tradeoff,
                                          wtl_fig_drift,     wtl_fig_validation, series,
                                          wtl_fig_histogram, wtl_fig_power_temp};
enum { N_SET_FIGURES = sizeof set_figures / sizeof set_figures[0] };
static report_figure *const report_figures[] = {wtl_fig_savings, wtl_fig_heat, wtl_fig_compare};
enum { N_REPORT_FIGURES = sizeof report_figures / sizeof report_figures[0] };

/* The bytes of a figure, in the arena; *size_out without the terminator. */
static char *render(const struct wtl_figure *f, enum wtl_canvas_format format, size_t *size_out)
{
    struct wtl_buf out;
    struct wtl_error err = {0};
    wtl_buf_init(&out, wtl_alloc_system(), 1 << 26);
    assert_ok(wtl_figure_render(f, fonts, format, sample_wall_ns, wtl_alloc_system(), &out, &err),
              &err);
    char *copy = wtl_arena_memdup(&arena, out.data, out.len + 1);
    *size_out = out.len;
    wtl_buf_fini(&out);
    return copy;
}

static void check_files(const struct wtl_figure *f)
{
    size_t size, again;
    const char *png = render(f, WTL_CANVAS_PNG, &size);
    assert_memory_equal(png, "\x89PNG\r\n\x1a\n", 8);
    assert_true(size > 5000);
    const char *pdf = render(f, WTL_CANVAS_PDF, &size);
    assert_memory_equal(pdf, "%PDF-", 5);
    assert_memory_equal(pdf, render(f, WTL_CANVAS_PDF, &again), size);
    assert_int_equal(size, again);
    const char *svg = render(f, WTL_CANVAS_SVG, &size);
    assert_non_null(strstr(svg, "</svg>"));
    assert_string_equal(svg, render(f, WTL_CANVAS_SVG, &again));
}

static void every_figure_on_every_back_end(void **state)
{
    (void)state;
    int drawn = 0;
    for (int i = 0; i < N_REPORT_FIGURES; i++) {
        struct wtl_error err = {0};
        struct wtl_figure *f = NULL;
        assert_ok(report_figures[i](&arena, &report, &f, &err), &err);
        check_files(f);
        drawn++;
    }
    for (int i = 0; i < N_SET_FIGURES; i++) {
        struct wtl_error err = {0};
        struct wtl_figure *f = NULL;
        assert_ok(set_figures[i](&arena, &report, &report.sets[0], &f, &err), &err);
        check_files(f);
        drawn++;
    }
    assert_int_equal(drawn, N_REPORT_FIGURES + N_SET_FIGURES);
}

static void every_figure_says_what_it_rests_on(void **state)
{
    (void)state;
    for (int i = 0; i < N_SET_FIGURES; i++) {
        struct wtl_error err = {0};
        struct wtl_figure *f = NULL;
        assert_ok(set_figures[i](&arena, &report, &report.sets[0], &f, &err), &err);
        assert_non_null(strstr(f->footer, "n = "));
        assert_non_null(strstr(f->footer, "data\xc2\xa0"
                                          "3f9a1c22d01b"));
        assert_non_null(strstr(f->footer, "2026-11-21"));
        assert_non_null(strstr(f->footer, "interval"));
        assert_true(strstr(f->footer, "rejected") || strstr(f->footer, "samples of"));
        for (size_t p = 0; p < f->n_panels; p++) {
            const struct wtl_axis *axes[] = {&f->panels[p].x, &f->panels[p].y};
            for (int a = 0; a < 2; a++) {
                if (axes[a]->categories || axes[a]->bare)
                    continue;
                assert_true(axes[a]->name[0] != '\0');
                assert_true(axes[a]->hi > axes[a]->lo);
            }
        }
    }
}

/* Layer with this label in any panel. */
static const struct wtl_layer *layer(const struct wtl_figure *f, size_t panel, const char *label)
{
    for (size_t i = 0; i < f->panels[panel].n_layers; i++) {
        const struct wtl_layer *l = &f->panels[panel].layers[i];
        if (l->label && strncmp(l->label, label, strlen(label)) == 0)
            return l;
    }
    fail_msg("no layer \"%s\"", label);
    return NULL;
}

/* Round marks in an SVG: lines without length. */
static size_t count_dots(const char *svg)
{
    size_t n = 0;
    for (const char *s = svg; (s = strstr(s, "h0")); s += 2)
        n += s[2] == 'm' || s[2] == '"';
    return n;
}

static void points_equal_n(void **state)
{
    (void)state;
    for (size_t i = 0; i < report.n_sets; i++) {
        const struct wtl_report_set *s = &report.sets[i];
        size_t accepted = 0, rejected = 0;
        for (size_t k = 0; k < s->set->n_runs; k++)
            s->set->runs[k].causes ? rejected++ : accepted++;
        struct wtl_error err = {0};
        struct wtl_figure *f = NULL;
        assert_ok(wtl_fig_tradeoff(&arena, &report, s, &f, &err), &err);
        assert_int_equal(layer(f, 0, "accepted run")->n, accepted);
        size_t size;
        /* Every run is one dot; one more is the sample in the legend. */
        assert_int_equal(count_dots(render(f, WTL_CANVAS_SVG, &size)), accepted + 1);
        assert_ok(wtl_fig_clock(&arena, &report, s, &f, &err), &err);
        for (size_t p = 0; p < 3; p++) {
            assert_int_equal(layer(f, p, "accepted run")->n, accepted);
            assert_int_equal(layer(f, p, "rejected run")->n, rejected);
        }
        char text[64];
        snprintf(text, sizeof text, "n = %zu accepted runs; %zu rejected", accepted, rejected);
        assert_non_null(strstr(f->footer, text));
    }
}

static void values_are_the_data(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_figure *f = NULL;
    assert_ok(wtl_fig_savings(&arena, &report, &f, &err), &err);
    const struct wtl_chart *saving = &f->panels[0];
    for (size_t i = 0; i < report.n_sets; i++) {
        const struct wtl_plan *plan = report.sets[i].plan;
        const char *text = saving->row_text[report.n_sets - 1 - i];
        if (plan->status != WTL_PLAN_OK)
            assert_non_null(strstr(text, wtl_plan_status_name(plan->status)));
        if (plan->status == WTL_PLAN_UNUSABLE)
            continue;
        char want[32];
        snprintf(want, sizeof want, "%.1f %% (", plan->saving.value * 100);
        assert_memory_equal(text, want, strlen(want));
    }
    assert_ok(wtl_fig_objective(&arena, &report, &report.sets[0], &f, &err), &err);
    const struct wtl_plan *plan = report.sets[0].plan;
    const struct wtl_layer *curve = layer(f, 0, "fitted curve");
    assert_int_equal(curve->n, plan->n_curve);
    const struct wtl_curve_point *last = &plan->curve[plan->n_curve - 1];
    assert_near(curve->y[curve->n - 1],
                last->energy_j * last->time_s /
                    (plan->baseline_energy_j.value * plan->baseline_time_s.value),
                1e-12);
}

/* A clock whose runs were all cold is measured by its warm neighbours, not by itself. */
static void drift_is_relative_to_warm_runs(void **state)
{
    (void)state;
    static const struct {
        int clock_mhz;
        double time_s;
        bool cold;
    } given[] = {{1400, 90, true}, {1400, 60, true},  {1300, 10, false},
                 {1200, 40, true}, {1100, 12, false}, {1100, 12, false}};
    enum { N = sizeof given / sizeof given[0] };
    struct wtl_run runs[N] = {0};
    for (int i = 0; i < N; i++) {
        runs[i].clock_mhz = given[i].clock_mhz;
        runs[i].metric[WTL_R_time_s] = given[i].time_s;
        runs[i].valid = UINT64_C(1) << WTL_R_time_s;
        runs[i].causes = given[i].cold ? 1u << WTL_CAUSE_cold_start : 0;
    }
    struct wtl_workset set = {.gpu = "A100", .workload = "x", .runs = runs, .n_runs = N};
    struct wtl_report_set s = {.set = &set};
    struct wtl_error err = {0};
    struct wtl_figure *f = NULL;
    assert_ok(wtl_fig_drift(&arena, &report, &s, &f, &err), &err);
    const struct wtl_layer *cold = layer(f, 0, "rejected run");
    assert_int_equal(cold->n, 3);
    assert_near(cold->y[0], 9, 1e-12); /* the warm neighbour below takes 10 s */
    assert_near(cold->y[1], 6, 1e-12);
    assert_near(cold->y[2], 40.0 / 11, 1e-12); /* between 12 and 10 s */
    assert_non_null(strstr(f->panels[0].y.name, "warm"));
    for (int i = 0; i < N; i++)
        runs[i].causes = 1u << WTL_CAUSE_cold_start;
    assert_ok(wtl_fig_drift(&arena, &report, &s, &f, &err), &err);
    assert_near(layer(f, 0, "rejected run")->y[0], 90.0 / 75, 1e-12);
    assert_null(strstr(f->panels[0].y.name, "warm"));
}

static void no_data_no_figure(void **state)
{
    (void)state;
    struct wtl_workset empty = {.gpu = "A100", .workload = "none"};
    struct wtl_report_set set = {.set = &empty};
    struct wtl_report none = {.fingerprint = "", .tool = "wattle", .sets = &set, .n_sets = 1};
    struct wtl_figure *untouched = (struct wtl_figure *)&empty;
    for (int i = 0; i < N_SET_FIGURES; i++) {
        struct wtl_error err = {0};
        struct wtl_figure *f = untouched;
        assert_int_equal(set_figures[i](&arena, &none, &set, &f, &err), -WTL_NOTFOUND);
        assert_ptr_equal(f, untouched);
        assert_true(err.message[0] != '\0');
    }
    for (int i = 0; i < N_REPORT_FIGURES; i++) {
        struct wtl_error err = {0};
        struct wtl_figure *f = untouched;
        assert_int_equal(report_figures[i](&arena, &none, &f, &err), -WTL_NOTFOUND);
        assert_ptr_equal(f, untouched);
    }
}

/* Every numeric axis of every figure shows a scale: two labelled ticks at least. */
static void every_axis_has_a_scale(void **state)
{
    (void)state;
    struct wtl_canvas *c;
    struct wtl_error err = {0};
    struct wtl_canvas_options options = {.format = WTL_CANVAS_PNG, .width_pt = 9, .height_pt = 9};
    assert_ok(wtl_canvas_new(wtl_alloc_system(), fonts, &options, &c, &err), &err);
    for (int k = 1; k <= 60; k++)
        for (int length = 60; length <= 480; length += 35)
            for (int vertical = 0; vertical < 2; vertical++) {
                struct wtl_axis axis = {"x", "s", .lo = 0, .hi = 0.83 * k};
                struct wtl_ticks ticks;
                double scale;
                wtl_axis_ticks(&axis, c, length, vertical, &ticks, &scale);
                assert_in_range(ticks.n, 2, 12);
            }
    wtl_canvas_drop(c);
}

static void hostile_names(void **state)
{
    (void)state;
    struct wtl_workset set = *report.sets[0].set;
    struct wtl_report_set hostile = report.sets[0];
    snprintf(set.gpu, sizeof set.gpu, "<script>alert(1)</script>&\"\x80");
    memset(set.workload, 'W', sizeof set.workload - 1);
    set.workload[sizeof set.workload - 1] = '\0';
    hostile.set = &set;
    struct wtl_error err = {0};
    struct wtl_figure *f = NULL;
    assert_ok(wtl_fig_clock(&arena, &report, &hostile, &f, &err), &err);
    for (const char *c = f->name; *c; c++)
        assert_non_null(strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", *c));
    size_t size;
    const char *svg = render(f, WTL_CANVAS_SVG, &size);
    assert_null(strstr(svg, "<script"));
    assert_true(render(f, WTL_CANVAS_PNG, &size) != NULL);
    assert_true(render(f, WTL_CANVAS_PDF, &size) != NULL);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++)
        for (long at = 1;; at++) {
            assert_true(at < 2000);
            struct wtl_alloc_failing failing;
            struct wtl_alloc alloc = wtl_alloc_failing(&failing, at);
            struct wtl_arena small;
            struct wtl_buf out;
            struct wtl_error err = {0};
            struct wtl_figure *f = NULL;
            wtl_arena_init(&small, alloc);
            wtl_buf_init(&out, alloc, 1 << 26);
            int rc = kind ? wtl_fig_savings(&small, &report, &f, &err)
                          : wtl_fig_objective(&small, &report, &report.sets[4], &f, &err);
            if (rc == 0)
                rc = wtl_figure_render(f, fonts, WTL_CANVAS_SVG, 0, alloc, &out, &err);
            wtl_buf_fini(&out);
            wtl_arena_fini(&small);
            if (rc == 0)
                break;
            assert_int_equal(rc, -WTL_NOMEM);
        }
}

/* ---- Operating points ---- */

static size_t points_labelled(const struct wtl_figure *f, const char *part)
{
    size_t n = 0;
    for (size_t i = 0; i < f->panels[0].n_layers; i++) {
        const struct wtl_layer *l = &f->panels[0].layers[i];
        if (l->kind == WTL_LAYER_POINTS && l->label && strstr(l->label, part))
            n += l->n;
    }
    return n;
}

/* A limit that a point's bound does not show to hold is no limit that the point breaks. */
static void points_stand_as_their_limits_do(void **state)
{
    (void)state;
    struct wtl_measured_point points[4];
    struct wtl_point_choice c = {.gpu = "cpu",
                                 .workload = "m",
                                 .unit = "images",
                                 .status = WTL_PLAN_OK,
                                 .policy = wtl_policy_default(),
                                 .points = points,
                                 .n_points = 4,
                                 .chosen = 0,
                                 .best = 0,
                                 .baseline = 0};
    c.policy.has_max_slowdown = true;
    c.policy.max_slowdown = 0.05;
    for (int i = 0; i < 4; i++) {
        const double t = 0.01 * (1 + 0.03 * i); /* slowdown 0, 3, 6, 9 % */
        points[i] = (struct wtl_measured_point){
            .n = 5,
            .time_s = {t, 0.8 * t, 1.2 * t, 5, WTL_EVIDENCE_IN_SAMPLE},
            .energy_j = {t, 0.8 * t, 1.2 * t, 5, WTL_EVIDENCE_IN_SAMPLE},
            .power_w = {1, 0.8, 1.2, 5, WTL_EVIDENCE_IN_SAMPLE},
            .slowdown = 0.03 * i,
            .saving = -0.03 * i,
            .feasible = i == 0,
            .tied = i == 0};
        wtl_point_set(&points[i].at.point, WTL_SETTING_cpu_quota, 2 - 0.5 * i);
    }
    struct wtl_figure *f = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_fig_points(&arena, &report, &c, &f, &err), &err);
    assert_int_equal(points_labelled(f, "measured point"), 1);
    assert_int_equal(points_labelled(f, "hollow: limits not shown to hold"), 1);
    assert_int_equal(points_labelled(f, "pale: outside the limits"), 2);
    check_files(f);
    points[0].feasible = points[1].feasible = true;
    assert_ok(wtl_fig_points(&arena, &report, &c, &f, &err), &err);
    assert_int_equal(points_labelled(f, "hollow"), 0);
    assert_int_equal(points_labelled(f, "pale"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_figure_on_every_back_end),
        cmocka_unit_test(every_figure_says_what_it_rests_on),
        cmocka_unit_test(points_equal_n),
        cmocka_unit_test(values_are_the_data),
        cmocka_unit_test(drift_is_relative_to_warm_runs),
        cmocka_unit_test(no_data_no_figure),
        cmocka_unit_test(every_axis_has_a_scale),
        cmocka_unit_test(hostile_names),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(points_stand_as_their_limits_do),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
