/* SPDX-License-Identifier: Apache-2.0
 *
 * Words of a command with the values of an operating point in them: "--batch={batch}". Pure.
 */
#ifndef WTL_LAB_TEMPLATE_H
#define WTL_LAB_TEMPLATE_H

#include "lab/points.h"

/* Whether every {name} of the word is one that there is: -WTL_USAGE with "did you mean". A brace
 * that is none of ours is doubled: "{{" and "}}". */
int wtl_template_check(const char *word, struct wtl_error *err);

/* The parts of a point (lab/points.h) that these words name; they are legal. */
uint32_t wtl_template_parts(const struct wtl_yaml_strings *words);

/* The word with the point's values. {clock_mhz}, {mem_clock_mhz}, {variant}, {batch}, {replicas},
 * {share} (0.5), {share_percent} (50), {limit_w}, {cpu_quota}, {threads}. -WTL_USAGE: the point
 * does not set what the word names. */
int wtl_template_fill(struct wtl_arena *arena, const char *word, const struct wtl_lab_point *point,
                      const char **out, struct wtl_error *err);

#endif
