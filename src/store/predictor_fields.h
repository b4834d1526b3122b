/* SPDX-License-Identifier: Apache-2.0
 * What writing and reading a predictor share. Private to store/predictor_*.c. */
#ifndef WTL_STORE_PREDICTOR_FIELDS_H
#define WTL_STORE_PREDICTOR_FIELDS_H

#include "base/error.h"

#include <jansson.h>

#define WTL_PREDICTOR_FORMAT "wattle-predictor"

/* SHA-256 of the document without its "checksum", on one line. */
int wtl_predictor_checksum(const json_t *root, char hex_out[65], struct wtl_error *err);

#endif
