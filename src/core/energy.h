/* SPDX-License-Identifier: Apache-2.0
 *
 * A figure of energy as Wattle states it: joules with a random interval, how they were come by, and
 * how far absolute joules of that kind of sensor can be off. Two parts of uncertainty, never mixed:
 *
 *   random        differs from window to window: quantisation, part-time sampling, noise. lo_j and
 *                 hi_j; ratios on one card carry only this.
 *   calibration   is the same in every window of one card: its gain and offset. The class says how
 *                 much; only absolute joules carry it.
 */
#ifndef WTL_CORE_ENERGY_H
#define WTL_CORE_ENERGY_H

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* X(name in documents, name for people, description), from the most to the least trusted. */
#define WTL_ENERGY_METHODS(X)                                                                      \
    X(counter_edges, "counter, at its edges", "difference of an energy counter between two ticks") \
    X(counter, "counter", "difference of an energy counter, as read")                              \
    X(ring, "driver's samples", "power samples that the driver kept, each over its own period")    \
    X(polled, "polled power", "power polled faster than it changes, de-phased")                    \
    X(averaged, "averaged power",                                                                  \
      "power that the sensor averages over a second or so, corrected "                             \
      "for its lag")                                                                               \
    X(estimated, "estimate", "from the thermal design power: nothing was measured")

enum wtl_energy_method {
    WTL_ENERGY_NONE, /* no figure */
#define X(name, title, text) WTL_ENERGY_##name,
    WTL_ENERGY_METHODS(X)
#undef X
        WTL_N_ENERGY_METHODS
};

const char *wtl_energy_method_name(enum wtl_energy_method method);  /* "counter_edges"; "none" */
const char *wtl_energy_method_title(enum wtl_energy_method method); /* "counter, at its edges" */
enum wtl_energy_method wtl_energy_method_by_name(const char *name); /* NONE: unknown */

/* How far absolute joules can be off, whatever the interval says. */
enum wtl_energy_class {
    WTL_CLASS_NONE,
    WTL_CLASS_A, /* counters and external meters: up to 5 % */
    WTL_CLASS_B, /* sampled power: up to 15 % */
    WTL_CLASS_C, /* a model calibrated on this machine: up to 20 % */
    WTL_CLASS_D, /* estimate from thermal design power: up to a factor of 2 */
    WTL_N_CLASSES
};
double wtl_energy_class_bound(enum wtl_energy_class c);     /* as a share; 1 for D */
char wtl_energy_class_letter(enum wtl_energy_class c);      /* 'A'; '-' for none */
const char *wtl_energy_class_text(enum wtl_energy_class c); /* "up to 5 % off unless calibrated" */
enum wtl_energy_class wtl_energy_class_by_letter(char letter); /* NONE: unknown */
enum wtl_energy_class wtl_energy_method_class(enum wtl_energy_method method);

/* What was wrong while it was measured: bits. X(name, text) */
#define WTL_ENERGY_TROUBLES(X)                                                                     \
    X(gap, "samples are missing: nobody could read the sensor for a time")                         \
    X(reset, "the counter began anew: driver reload, or another device")                           \
    X(stale, "the sensor stood still while the device worked")                                     \
    X(inconsistent, "counter and power disagree by more than 5 %: another scope, a bad sensor, "   \
                    "or a load in step with a sensor that looks part of the time")                 \
    X(short_window, "shorter than the sensor can tell: fewer than 20 of its updates")              \
    X(stuck, "the energy counter stood still while the device drew power: it is not believed")     \
    X(partial, "only part of the time could be measured: energy and mean power are of that part")

enum wtl_energy_trouble_index {
#define X(name, text) WTL_TROUBLE_INDEX_##name,
    WTL_ENERGY_TROUBLES(X)
#undef X
        WTL_N_ENERGY_TROUBLES
};
#define WTL_TROUBLE(name) (1u << WTL_TROUBLE_INDEX_##name)
const char *wtl_energy_trouble_name(int index); /* "gap" */
const char *wtl_energy_trouble_text(int index);
unsigned wtl_energy_trouble_by_name(struct wtl_view name); /* its bit; 0: unknown */

struct wtl_energy {
    enum wtl_energy_method method; /* NONE: nothing below is meant */
    enum wtl_energy_class class;
    double energy_j;
    double lo_j, hi_j; /* random part, 95 % */
    double common_j; /* half width of what windows of one kind share of it (a lag that is not known,
                      * rounding): repetitions do not make it less */
    double time_s;   /* that it covers; less than the window's where it is partial */
    unsigned troubles; /* WTL_TROUBLE() bits */
    bool has_check;
    double check; /* by the second method over by the first */
    /* Where the sensor was calibrated against a meter (core/calibration.h): the gain that joules
     * were multiplied by, and how far they can be off, as a share, which is then better than what
     * the class says. 0: they were not. */
    double gain, calibration;
};

/* What an estimate gives is off by up to a factor of two, whatever the arithmetic says: method and
 * class, half to twice the value, and of the troubles only what was not seen. */
void wtl_energy_as_estimate(struct wtl_energy *energy);

/* Adds another device's energy to that of others over the same time; `sum` begins as zeros. Random
 * parts of two sensors are independent; what all windows share (a lag that is not known) is alike
 * in sensors of one kind, and so is what an estimate is off by: these add up. The sum is known as
 * the worst of its parts is: its method, its class, its calibration, all troubles. A figure of
 * method NONE adds nothing. */
void wtl_energy_add(struct wtl_energy *sum, const struct wtl_energy *energy);

#endif
