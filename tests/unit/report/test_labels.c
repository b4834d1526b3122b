/* SPDX-License-Identifier: Apache-2.0
 * Labels never overlap, never leave the plot, and stay near their point where there is room. */
#include "support/support.h"

#include "base/random.h"
#include "report/labels.h"

#include <math.h>

enum { MANY = 12, CLOUD = 400 };

static const struct wtl_box plot = {40, 10, 440, 250};

static void check_hard_rules(const struct wtl_label *labels, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!labels[i].placed)
            continue;
        struct wtl_box b = labels[i].box;
        assert_true(b.x0 >= plot.x0 && b.x1 <= plot.x1 && b.y0 >= plot.y0 && b.y1 <= plot.y1);
        assert_near(b.x1 - b.x0, labels[i].width, 1e-9);
        for (size_t k = 0; k < i; k++)
            if (labels[k].placed)
                assert_false(wtl_box_overlap(b, labels[k].box));
    }
}

static void crowded_plots(void **state)
{
    (void)state;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 3);
    for (int round = 0; round < 60; round++) {
        struct wtl_box data[CLOUD];
        struct wtl_label labels[MANY];
        double cx = 40 + 400 * wtl_rng_uniform(&rng), cy = 10 + 240 * wtl_rng_uniform(&rng);
        for (int i = 0; i < CLOUD; i++) {
            double x = 40 + 400 * wtl_rng_uniform(&rng), y = 10 + 240 * wtl_rng_uniform(&rng);
            data[i] = (struct wtl_box){x - 2, y - 2, x + 2, y + 2};
        }
        for (int i = 0; i < MANY; i++) /* all anchors near one point: the hard case */
            labels[i] =
                (struct wtl_label){.anchor_x = fmin(fmax(cx + 10 * wtl_rng_normal(&rng), 40), 440),
                                   .anchor_y = fmin(fmax(cy + 10 * wtl_rng_normal(&rng), 10), 250),
                                   .width = 30 + 90 * wtl_rng_uniform(&rng),
                                   .height = 9};
        wtl_labels_place(labels, MANY, plot, data, CLOUD, NULL, 0);
        check_hard_rules(labels, MANY);
        for (int i = 0; i < MANY; i++)
            assert_true(labels[i].placed); /* there is room for all in a plot of this size */
    }
}

static void stays_near_when_free(void **state)
{
    (void)state;
    struct wtl_label l = {.anchor_x = 200, .anchor_y = 120, .width = 60, .height = 9};
    wtl_labels_place(&l, 1, plot, NULL, 0, NULL, 0);
    assert_true(l.placed);
    double dx = fmax(fmax(l.box.x0 - 200, 200 - l.box.x1), 0);
    double dy = fmax(fmax(l.box.y0 - 120, 120 - l.box.y1), 0);
    assert_true(hypot(dx, dy) < 15);
}

static void avoids_data_and_blocked(void **state)
{
    (void)state;
    /* Data to the right, a blocked box below. */
    struct wtl_box data[20];
    for (int i = 0; i < 20; i++)
        data[i] = (struct wtl_box){204 + 5 * i, 110, 208 + 5 * i, 130};
    struct wtl_box blocked = {100, 125, 300, 160};
    struct wtl_label l = {.anchor_x = 200, .anchor_y = 120, .width = 50, .height = 9};
    wtl_labels_place(&l, 1, plot, data, 20, &blocked, 1);
    assert_true(l.placed);
    assert_false(wtl_box_overlap(l.box, blocked));
    for (int i = 0; i < 20; i++)
        assert_false(wtl_box_overlap(l.box, data[i]));
}

/* Three points close together, as the least value, the choice and the baseline often are. */
static void lines_do_not_mix(void **state)
{
    (void)state;
    for (int gap = 2; gap < 60; gap += 2) {
        struct wtl_label l[3];
        for (int i = 0; i < 3; i++)
            l[i] = (struct wtl_label){
                .anchor_x = 240 + gap * i, .anchor_y = 200 - i, .width = 90, .height = 9};
        struct wtl_box data[200]; /* a curve through the points */
        for (int i = 0; i < 200; i++)
            data[i] = (struct wtl_box){40 + 2 * i, 199, 42 + 2 * i, 202};
        wtl_labels_place(l, 3, plot, data, 200, NULL, 0);
        for (int i = 0; i < 3; i++)
            for (int k = 0; k < 3; k++)
                assert_true(i == k || !wtl_leader_meets(&l[i], l[i].box, l[k].box));
    }
}

static void says_when_there_is_no_place(void **state)
{
    (void)state;
    struct wtl_label l = {.anchor_x = 200, .anchor_y = 120, .width = 500, .height = 9};
    wtl_labels_place(&l, 1, plot, NULL, 0, NULL, 0);
    assert_false(l.placed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crowded_plots),
        cmocka_unit_test(stays_near_when_free),
        cmocka_unit_test(avoids_data_and_blocked),
        cmocka_unit_test(lines_do_not_mix),
        cmocka_unit_test(says_when_there_is_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
