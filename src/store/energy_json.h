/* SPDX-License-Identifier: Apache-2.0
 *
 * How energies were measured, in plans and in choices among points: {"class": "A", "method":
 * "counter"}, null where it is not known, or not the same for all. docs/plan-schema.md describes
 * it.
 */
#ifndef WTL_STORE_ENERGY_JSON_H
#define WTL_STORE_ENERGY_JSON_H

#include "codec/json.h"
#include "core/energy.h"

/* NULL: out of memory. */
json_t *wtl_energy_kind_to_json(enum wtl_energy_class class, enum wtl_energy_method method);

/* -WTL_PARSE with the place. */
int wtl_energy_kind_from_json(const struct wtl_json *object, enum wtl_energy_class *class_out,
                              enum wtl_energy_method *method_out, struct wtl_error *err);

#endif
