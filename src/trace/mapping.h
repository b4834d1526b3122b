/* SPDX-License-Identifier: Apache-2.0
 *
 * How to read "any other CSV", from a YAML document:
 *
 *   mapping:
 *     rows: samples
 *     time: {column: Timestamp, form: ms}
 *     constants: {gpu: L40S, workload: resnet}
 *     columns:
 *       - {column: GPU Power, as: power_w, unit: mW}
 *
 * The schema is a table (codec/yaml.h); docs/formats.md is checked against it. The same document
 * may hold `naming:` patterns (trace/naming.h).
 */
#ifndef WTL_TRACE_MAPPING_H
#define WTL_TRACE_MAPPING_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "trace/naming.h"
#include "trace/trace.h"

/* Loads the mapping of a document, which must have one. -WTL_PARSE with line and column. */
int wtl_mapping_load(struct wtl_arena *arena, const char *yaml, size_t n, const char *path,
                     const struct wtl_mapping **mapping_out, struct wtl_error *err);

/* What the mapping states of every file that it reads (`constants`): gpu, workload, job, clock;
 * scheme "mapping". For sample files these reach the run from here, where the path does not say
 * them. False when it states nothing. */
bool wtl_mapping_constants(const struct wtl_mapping *mapping, struct wtl_name_key *key_out);

/* The documentation of both schemas, as Markdown. */
void wtl_mapping_document(struct wtl_buf *out);

#endif
