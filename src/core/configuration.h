/* SPDX-License-Identifier: Apache-2.0
 *
 * A configuration: the part of an operating point that a clock is chosen for. Runs of one GPU and
 * workload in different configurations are different experiments: each has its own curve over the
 * clock and its own plan. Of runs from start to end it is the point; of windows, which compare per
 * unit of work, also the memory clock (a sweep sets it; in a table of runs a single one that
 * differs is a mistake) and the unit.
 */
#ifndef WTL_CORE_CONFIGURATION_H
#define WTL_CORE_CONFIGURATION_H

#include "base/error.h"
#include "core/point.h"
#include "core/run.h"

struct wtl_configuration {
    struct wtl_point point;
    int mem_clock_mhz; /* of windows; 0: not known */
    bool window;       /* its runs count per unit of work */
    char unit[16];     /* of work, plural ("images"); "" not known */
};

struct wtl_configuration wtl_configuration_of(const struct wtl_run *run);

/* A total order; 0: the same. The unit of work of runs that are no windows is no part of it. */
int wtl_configuration_compare(const struct wtl_configuration *a, const struct wtl_configuration *b);

/* Nothing is known to have been chosen, and its runs are whole: as in campaigns of clocks alone. */
bool wtl_configuration_is_plain(const struct wtl_configuration *c);

enum { WTL_CONFIGURATION_TEXT = WTL_POINT_TEXT + 40 };

/* "fp16, batch 8, memory 1215 MHz"; "" where nothing was chosen. wtl_at_parse() reads it. */
const char *wtl_configuration_format(const struct wtl_configuration *c,
                                     char buf[WTL_CONFIGURATION_TEXT]);

/* Takes out of `common` what `c` has otherwise or not at all. */
void wtl_configuration_intersect(struct wtl_configuration *common,
                                 const struct wtl_configuration *c);

/* What is left of `c` without what is in `common`: what tells it from the others. */
struct wtl_configuration wtl_configuration_without(const struct wtl_configuration *c,
                                                   const struct wtl_configuration *common);

/* "resnet50 (fp16, batch 8)"; the workload alone where nothing was chosen. */
enum { WTL_CONFIGURED_NAME = WTL_LIMIT_NAME + WTL_CONFIGURATION_TEXT + 4 };
const char *wtl_configured_name(const char *workload, const struct wtl_configuration *c,
                                char buf[WTL_CONFIGURED_NAME]);

/* What time and energy are of, after "s/" or "a": "image" for windows of images, "unit" where the
 * unit is not known, "run" for whole runs. */
const char *wtl_configuration_work(const struct wtl_configuration *c, char buf[20]);

/* A request for some configurations: what it names must be so, the rest may be anything. */
struct wtl_at {
    struct wtl_point point;
    int mem_clock_mhz; /* 0: any */
};

/* Parts joined by commas, each as wtl_configuration_format() writes it or as NAME=VALUE: "batch 8",
 * "batch=8", "2 replicas", "share 50 %", "250 W", "limit=250W", "1.5 CPUs", "threads 4",
 * "memory 1215 MHz"; a word alone is the variant. -WTL_USAGE quotes the part. */
int wtl_at_parse(const char *text, struct wtl_at *out, struct wtl_error *err);

bool wtl_at_matches(const struct wtl_at *at, const struct wtl_configuration *c);

#endif
