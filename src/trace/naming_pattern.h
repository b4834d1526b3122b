/* SPDX-License-Identifier: Apache-2.0
 *
 * Naming patterns that users give in YAML; for the folder trace/ only.
 */
#ifndef WTL_TRACE_NAMING_PATTERN_H
#define WTL_TRACE_NAMING_PATTERN_H

#include "base/text.h"
#include "codec/yaml.h"
#include "trace/naming.h"

/* The schema of one entry of `naming:`; its documentation is part of docs/formats.md. */
extern const struct wtl_yaml_table wtl_naming_table;

/* `path` without compression suffix; the first pattern that matches wins. */
bool wtl_naming_match_user(const struct wtl_naming *naming, struct wtl_view path,
                           struct wtl_name_key *key_out);

/* Takes ".gz", ".zst" or ".xz" off the end. */
bool wtl_strip_compression(struct wtl_view *name);

#endif
