/* SPDX-License-Identifier: Apache-2.0
 *
 * Quantities as people write them: "300W", "1.41GHz", "20ms", "5%", "2kJ". A bare number is taken
 * in the base unit that the caller asks for. Names and suffixes carry units everywhere else.
 */
#ifndef WTL_BASE_UNITS_H
#define WTL_BASE_UNITS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum wtl_unit {
    WTL_UNIT_NONE,     /* a plain number */
    WTL_UNIT_WATT,     /* mW W kW MW */
    WTL_UNIT_JOULE,    /* mJ J kJ MJ Wh kWh */
    WTL_UNIT_SECOND,   /* ns us ms s min h d */
    WTL_UNIT_MHZ,      /* Hz kHz MHz GHz; base unit MHz */
    WTL_UNIT_FRACTION, /* % or a fraction: "5%" and "0.05" are both 0.05 */
    WTL_UNIT_CELSIUS,  /* C */
    WTL_UNIT_BYTE,     /* B kB (or KB) MB GB TB KiB MiB GiB TiB */
    WTL_UNIT_RATE,     /* 1/s: "10/s", "10rps", "600/min" */
};

/* The symbol of the base unit: "W", "J", "s", "MHz", "" ... */
const char *wtl_unit_symbol(enum wtl_unit unit);

/* What a unit alone means, as headers of columns state it: "mW", "kWh", "min", "seconds", "GHz".
 * Base units in one of it go to *scale_out. False, with *scale_out alone, when it is none of
 * `unit`. */
bool wtl_unit_scale(const char *text, enum wtl_unit unit, double *scale_out);

/* The same for the last word of a column's name, where case is lost: "power_mw" is in milliwatts,
 * nobody measures megawatts on a GPU. */
bool wtl_unit_word_scale(const char *word, enum wtl_unit unit, double *scale_out);

/* Parses `text` as a quantity of `unit` into base units.
 * -WTL_USAGE with a message that quotes the text and lists the accepted suffixes. */
int wtl_parse_quantity(const char *text, enum wtl_unit unit, double *value_out,
                       struct wtl_error *err);

/* The same for what a person sets (an option, a key of a policy). A bare number is a fraction only
 * below 1, so that "5" is never read as 500 %. "1" may be 1 % or 100 % and is refused as well;
 * "5%", "100%" and "0.05" are clear. A bare number is no time: samplers take milliseconds, and
 * "50" would be 50 s. -WTL_USAGE with "did you mean 5%?", "did you mean 50ms or 50s?". */
int wtl_parse_setting(const char *text, enum wtl_unit unit, double *value_out,
                      struct wtl_error *err);

/* "5 %", "1e-06 /s", "300 W": a bound as it was written down, no rounding. Returns buf. */
const char *wtl_format_bound(double value, enum wtl_unit unit, char *buf, size_t size);

/* "1410 MHz", "16.5 %", "1.35 kJ", "100 ms": for people, at most four significant digits with an SI
 * prefix; whole MHz and bytes; percent with one decimal. Returns buf. */
const char *wtl_format_quantity(double value, enum wtl_unit unit, char *buf, size_t size);

/* The same for what was measured, where values stand beside each other: four digits, zeros at the
 * end too ("14.00 s", "1.350 kJ"). */
const char *wtl_format_measured(double value, enum wtl_unit unit, char *buf, size_t size);

/* Whether the blank at text[at] parts a number from its unit ("10.74 s", "5 %"): no line ends
 * there. */
bool wtl_unit_follows(const char *text, size_t at);

#endif
