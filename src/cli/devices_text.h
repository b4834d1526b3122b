/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices for people.
 */
#ifndef WTL_CLI_DEVICES_TEXT_H
#define WTL_CLI_DEVICES_TEXT_H

#include "cli/command.h"
#include "flow/devices.h"

/* A paragraph a device; CPU clocks that are alike are one unless `all`. */
int devices_text(struct wtl_context *ctx, const struct wtl_devices *d, bool all,
                 struct wtl_error *err);

#endif
