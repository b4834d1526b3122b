/* SPDX-License-Identifier: Apache-2.0
 *
 * A configuration as it stands in plans, verdicts and other documents: the key "configuration",
 * absent where nothing was chosen and runs are whole.
 */
#ifndef WTL_STORE_CONFIGURATION_JSON_H
#define WTL_STORE_CONFIGURATION_JSON_H

#include "codec/json.h"
#include "core/configuration.h"

/* {"variant": "fp16", "batch": 8, "mem_clock_mhz": 1215, "window": true, "unit": "images"}; what is
 * not known is absent. NULL when memory is out or a name is not UTF-8. */
json_t *wtl_configuration_to_json(const struct wtl_configuration *c);

/* Adds the key to a document unless the configuration is plain. */
void wtl_configuration_put(json_t **object, const struct wtl_configuration *c);

/* Reads the key of `parent`; a plain configuration where it is absent. -WTL_PARSE. */
int wtl_configuration_from_json(const struct wtl_json *parent, struct wtl_configuration *out,
                                struct wtl_error *err);

/* The same under another key. */
int wtl_configuration_read(const struct wtl_json *parent, const char *key,
                           struct wtl_configuration *out, struct wtl_error *err);

#endif
