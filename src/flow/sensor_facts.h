/* SPDX-License-Identifier: Apache-2.0
 *
 * What `wattle calibrate` found out of a device's sensors, kept in the state folder (base/dirs.h)
 * in sensors/ID.json and used by whoever measures. It holds for a device and its driver's version.
 */
#ifndef WTL_FLOW_SENSOR_FACTS_H
#define WTL_FLOW_SENSOR_FACTS_H

#include "flow/flow.h"
#include "telemetry/learn.h"

/* False: nothing is known, or not of this driver. A file that is there and cannot be read tells
 * nothing, of which `log` (may be NULL) is told. */
bool wtl_sensor_facts_load(const struct wtl_device_info *info, const struct wtl_log *log,
                           struct wtl_sensor_facts *out);

/* Whether they could be kept now, of this device: before minutes are spent on finding them. */
int wtl_sensor_facts_can_save(const struct wtl_device_info *info, struct wtl_error *err);

/* -WTL_IO, -WTL_PERMISSION ...; path_out: where it is now. */
int wtl_sensor_facts_save(const struct wtl_device_info *info, const struct wtl_sensor_facts *facts,
                          int64_t wall_ns, char path_out[WTL_LIMIT_PATH], struct wtl_error *err);

/* The document that is kept, and printed by `wattle calibrate --json`; NULL: out of memory. */
json_t *wtl_sensor_facts_json(const struct wtl_device_info *info,
                              const struct wtl_sensor_facts *facts, int64_t wall_ns);

#endif
