/* SPDX-License-Identifier: Apache-2.0
 *
 * External meters of any kind as devices: `meter:SOURCE[,OPTION...]`.
 *
 *   exec:COMMAND     a command that prints a reading a line: run by /bin/sh in a process group of
 *                    its own as long as the device is open, killed at close, and never started
 *                    again: when it ends, the device is lost
 *   file:PATH        a file that holds a reading and is read again each time (of a longer one the
 *                    last line); a FIFO or a terminal gives a reading a line, as a command does
 *   ptd:HOST[:PORT]  SPEC's PTDaemon and the power analyser that it serves (meter/ptd.h)
 *
 *   unit=U        of a bare number: uW mW W kW (default W), or uJ mJ J kJ MJ Wh kWh: then it is an
 *                 energy counter
 *   period=T      the meter has a new value every T
 *   wraps=E       its energy counter begins anew there
 *   name=NAME     the device is "meter:NAME"; else it is called after its command or path
 *
 * Options stand at the end; a comma before anything else is part of the command or path.
 *
 * A reading is one line: `VALUE`, `TIME VALUE`, or `key=value` pairs, of which `power_w`,
 * `energy_j` and `t` are taken and others passed over. Blanks, tabs and commas part them. Times are
 * Unix seconds. Empty lines and lines that begin with '#' are comments. Power and energy are never
 * negative (meters say -1 for "no value").
 *
 * A value keeps its time: the one that its line states; else when the line came (commands, FIFOs)
 * or when the file was last written. A value that is read twice has the same time twice, so nobody
 * takes an old one for new. Files of /sys and /proc are made when they are read: no time.
 */
#ifndef WTL_DEVICE_METER_METER_H
#define WTL_DEVICE_METER_METER_H

#include "device/device.h"

#include <stdbool.h>
#include <stdint.h>

/* The longest line that can be a reading; longer ones are passed over and counted. */
enum { WTL_METER_LINE = 256 };

enum wtl_meter_source { WTL_METER_EXEC, WTL_METER_FILE, WTL_METER_PTD };

struct wtl_meter_options {
    enum wtl_meter_source source;
    char what[WTL_LIMIT_PATH]; /* the command, path or address */
    char name[64];             /* "": none given */
    bool has_unit;
    enum wtl_metric bare; /* what a bare number is: WTL_M_power_w or WTL_M_energy_counter_j */
    double scale;         /* of a bare number, to the base unit */
    int64_t period_ns;    /* 0: not said */
    double wraps_at;      /* 0: never */
};

/* Takes apart what follows "meter:". -WTL_USAGE, -WTL_LIMIT. */
int wtl_meter_parse(const char *text, struct wtl_meter_options *options_out, struct wtl_error *err);

/* The name behind "meter:" of the device's id: one word. */
void wtl_meter_id(const struct wtl_meter_options *options, char id_out[WTL_LIMIT_NAME]);

struct wtl_meter_reading {
    bool has[2]; /* WTL_METER_POWER, WTL_METER_ENERGY */
    double value[2];
    int64_t t_ns; /* Unix time; 0: the line has none */
};
enum { WTL_METER_POWER, WTL_METER_ENERGY, WTL_METER_VALUES };

/* The metric that a value of a reading is. */
static inline enum wtl_metric wtl_meter_metric(int value)
{
    return value == WTL_METER_POWER ? WTL_M_power_w : WTL_M_energy_counter_j;
}

/* One line without its end, that was there at `came_ns` (wall clock; 0: nobody knows when), which
 * the time that it states cannot be after. 1; 0: a comment; -WTL_PARSE says what is wrong with it.
 */
int wtl_meter_line(const char *line, size_t n, const struct wtl_meter_options *options,
                   int64_t came_ns, struct wtl_meter_reading *out, struct wtl_error *err);

#endif
