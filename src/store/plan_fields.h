/* SPDX-License-Identifier: Apache-2.0
 *
 * The flat parts of a plan's JSON as tables, so that writing and reading cannot drift apart.
 * Private to store/plan_*.c.
 */
#ifndef WTL_STORE_PLAN_FIELDS_H
#define WTL_STORE_PLAN_FIELDS_H

#include "codec/json.h"
#include "core/plan.h"
#include "core/point_choice.h"

#define WTL_PLAN_FORMAT "wattle-plan"

enum wtl_field_type { WTL_FIELD_REAL, WTL_FIELD_INT, WTL_FIELD_BOOL };

/* A member of a struct under its JSON key. */
struct wtl_plan_field {
    const char *key;
    enum wtl_field_type type;
    size_t offset;
    bool in_pareto; /* curve points: also a key of the entries of "pareto" */
};

/* A constraint: its flag and its value in struct wtl_policy. */
struct wtl_constraint_field {
    const char *key;
    size_t has, value;
    double min, max;
};

/* An estimate in struct wtl_plan. */
struct wtl_estimate_field {
    const char *key;
    size_t offset;
};

extern const struct wtl_plan_field wtl_curve_fields[];            /* ends with a NULL key */
extern const struct wtl_constraint_field wtl_constraint_fields[]; /* likewise */
extern const struct wtl_estimate_field wtl_estimate_fields[];     /* of the plan itself */
extern const struct wtl_estimate_field wtl_baseline_estimate_fields[];

/* Reads what wtl_estimate_to_json() wrote; absent or null: no estimate. */
int wtl_estimate_from_json(const struct wtl_json *parent, const char *key, struct wtl_estimate *out,
                           struct wtl_error *err);

/* A policy, under its own key of a plan or of a choice among points. Writing gives NULL when a
 * figure is not finite or memory is out. */
json_t *wtl_policy_to_json(const struct wtl_policy *policy);
int wtl_policy_from_json(struct wtl_arena *arena, const struct wtl_json *parent,
                         struct wtl_policy *out, struct wtl_error *err);

/* An error of a text parser becomes one of the document at `at`, its hint kept. */
int wtl_plan_at_place(const struct wtl_json *at, const struct wtl_error *inner,
                      struct wtl_error *err);

/* 0 to `max`; absent or null: *out stays. */
int wtl_plan_read_count(const struct wtl_json *object, const char *key, int max, int *out,
                        struct wtl_error *err);

/* Clocks in MHz; absent or null: *clocks_out stays. */
int wtl_plan_read_clocks(struct wtl_arena *arena, const struct wtl_json *object, const char *key,
                         const int **clocks_out, size_t *n_out, struct wtl_error *err);

/* The key "operating_points" of the document (store/plan_points.c). NULL as above. */
json_t *wtl_point_choices_to_json(const struct wtl_point_choice *choices, size_t n);
int wtl_point_choices_from_json(struct wtl_arena *arena, const struct wtl_json *array,
                                struct wtl_point_choice **out, size_t *n_out,
                                struct wtl_error *err);

#endif
