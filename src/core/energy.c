/* SPDX-License-Identifier: Apache-2.0
 * Names of methods, classes and troubles of energy figures; sums of them. */
#include "core/energy.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name, *title;
} methods[WTL_N_ENERGY_METHODS] = {[WTL_ENERGY_NONE] = {"none", "none"},
#define X(name, title, text) [WTL_ENERGY_##name] = {#name, title},
                                   WTL_ENERGY_METHODS(X)
#undef X
};

const char *wtl_energy_method_name(enum wtl_energy_method method)
{
    return methods[method].name;
}

const char *wtl_energy_method_title(enum wtl_energy_method method)
{
    return methods[method].title;
}

enum wtl_energy_method wtl_energy_method_by_name(const char *name)
{
    for (int m = 0; m < (int)WTL_N_ENERGY_METHODS; m++)
        if (strcmp(methods[m].name, name) == 0)
            return (enum wtl_energy_method)m;
    return WTL_ENERGY_NONE;
}

static const struct {
    char letter;
    const char *text;
} classes[WTL_N_CLASSES] = {
    [WTL_CLASS_NONE] = {'-', "not known"},
    [WTL_CLASS_A] = {'A', "up to 5 % off unless calibrated"},
    [WTL_CLASS_B] = {'B', "up to 15 % off"},
    [WTL_CLASS_C] = {'C', "up to 20 % off"},
    [WTL_CLASS_D] = {'D', "off by up to a factor of 2"},
};

char wtl_energy_class_letter(enum wtl_energy_class c)
{
    return classes[c].letter;
}

const char *wtl_energy_class_text(enum wtl_energy_class c)
{
    return classes[c].text;
}

enum wtl_energy_class wtl_energy_class_by_letter(char letter)
{
    for (int c = WTL_CLASS_A; c < (int)WTL_N_CLASSES; c++)
        if (classes[c].letter == letter)
            return (enum wtl_energy_class)c;
    return WTL_CLASS_NONE;
}

enum wtl_energy_class wtl_energy_method_class(enum wtl_energy_method method)
{
    switch (method) {
    case WTL_ENERGY_counter_edges:
    case WTL_ENERGY_counter:
        return WTL_CLASS_A;
    case WTL_ENERGY_ring:
    case WTL_ENERGY_polled:
    case WTL_ENERGY_averaged:
        return WTL_CLASS_B;
    case WTL_ENERGY_estimated:
        return WTL_CLASS_D;
    case WTL_ENERGY_NONE:
    case WTL_N_ENERGY_METHODS:
        break;
    }
    return WTL_CLASS_NONE;
}

static const struct {
    const char *name, *text;
} troubles[WTL_N_ENERGY_TROUBLES] = {
#define X(name, text) {#name, text},
    WTL_ENERGY_TROUBLES(X)
#undef X
};

const char *wtl_energy_trouble_name(int index)
{
    return troubles[index].name;
}

const char *wtl_energy_trouble_text(int index)
{
    return troubles[index].text;
}

unsigned wtl_energy_trouble_by_name(struct wtl_view name)
{
    for (int i = 0; i < (int)WTL_N_ENERGY_TROUBLES; i++)
        if (wtl_view_is(name, troubles[i].name))
            return 1u << i;
    return 0;
}

void wtl_energy_as_estimate(struct wtl_energy *e)
{
    e->method = WTL_ENERGY_estimated;
    e->class = WTL_CLASS_D;
    e->lo_j = e->energy_j / 2;
    e->hi_j = e->energy_j * 2;
    e->common_j = 0;
    e->has_check = false;
    e->troubles &= WTL_TROUBLE(gap) | WTL_TROUBLE(partial);
}

/* One side of the interval of a sum: random parts squared, common ones as they are. */
static double side_of_sum(double a, double a_common, double b, double b_common, bool alike)
{
    const double common = alike ? a_common + b_common : hypot(a_common, b_common);
    const double random2 = a * a - a_common * a_common + b * b - b_common * b_common;
    return sqrt(fmax(0, random2) + common * common);
}

double wtl_energy_class_bound(enum wtl_energy_class c)
{
    switch (c) {
    case WTL_CLASS_A:
        return 0.05;
    case WTL_CLASS_B:
        return 0.15;
    case WTL_CLASS_C:
        return 0.2;
    case WTL_CLASS_D:
    case WTL_CLASS_NONE:
    case WTL_N_CLASSES:
        break;
    }
    return 1;
}

static double uncorrected_j(const struct wtl_energy *e, double energy_j)
{
    return e->gain > 0 ? energy_j / e->gain : energy_j;
}

static double bound_of(const struct wtl_energy *e)
{
    return e->calibration > 0 ? e->calibration : wtl_energy_class_bound(e->class);
}

/* Its gain is that of the whole; it is off as far as the worst part. `sum` has the joules of before
 * in whole_j - e. */
static void correct_sum(struct wtl_energy *sum, const struct wtl_energy *e, double whole_j)
{
    if (!(sum->calibration > 0) && !(e->calibration > 0))
        return;
    const double raw_j = uncorrected_j(sum, whole_j - e->energy_j) + uncorrected_j(e, e->energy_j);
    sum->calibration = fmax(bound_of(sum), bound_of(e));
    sum->gain = raw_j > 0 ? whole_j / raw_j : 0;
}

void wtl_energy_add(struct wtl_energy *sum, const struct wtl_energy *e)
{
    if (e->method == WTL_ENERGY_NONE)
        return;
    if (sum->method == WTL_ENERGY_NONE) {
        *sum = *e;
        return;
    }
    const bool alike = sum->method == e->method, guessed = e->method == WTL_ENERGY_estimated;
    const double below = sum->energy_j - sum->lo_j, below_e = e->energy_j - e->lo_j;
    const double above = sum->hi_j - sum->energy_j, above_e = e->hi_j - e->energy_j;
    const double whole_j = sum->energy_j + e->energy_j;
    sum->has_check = sum->has_check && e->has_check && whole_j > 0;
    if (sum->has_check)
        sum->check = (sum->check * sum->energy_j + e->check * e->energy_j) / whole_j;
    sum->energy_j = whole_j;
    if (alike && guessed) {
        sum->lo_j += e->lo_j;
        sum->hi_j += e->hi_j;
    } else {
        sum->lo_j = whole_j - side_of_sum(below, sum->common_j, below_e, e->common_j, alike);
        sum->hi_j = whole_j + side_of_sum(above, sum->common_j, above_e, e->common_j, alike);
    }
    correct_sum(sum, e, whole_j);
    sum->common_j = alike ? sum->common_j + e->common_j : hypot(sum->common_j, e->common_j);
    sum->method = e->method > sum->method ? e->method : sum->method;
    sum->class = e->class > sum->class ? e->class : sum->class;
    sum->time_s = fmax(sum->time_s, e->time_s);
    sum->troubles |= e->troubles;
}
