/* SPDX-License-Identifier: Apache-2.0
 *
 * What the writers and readers of our own two dialects of samples (csv, jsonl) agree on.
 *
 * csv: a header of `unix_time_s`, `device`, `name` and the names of metrics (core/metric.h), which
 * end in their units. A cell is empty where the row has no value, and `nan` where the device has no
 * such sensor.
 *
 * jsonl: an object a line. {"wattle": "samples", "version": 1, "streams": [{"id", "name", "uuid",
 * "index", "metrics": [...]}]}, then {"t_ns": Unix time, "s": stream, METRIC: value, ...} for each
 * row; {"gap": {...}} where rows are missing. Other objects are somebody else's and passed over.
 */
#ifndef WTL_TRACE_SAMPLES_H
#define WTL_TRACE_SAMPLES_H

#define WTL_SAMPLES_TIME "unix_time_s"
#define WTL_SAMPLES_DEVICE "device"
#define WTL_SAMPLES_NAME "name"
#define WTL_SAMPLES_ABSENT "nan"
#define WTL_SAMPLES_VERSION 1

#endif
