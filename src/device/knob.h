/* SPDX-License-Identifier: Apache-2.0
 *
 * The write side of devices. For src/lease alone (tools/check-layers holds to that): whoever wants
 * a knob moved takes a lease, so that its prior value is on disk first and is put back.
 */
#ifndef WTL_DEVICE_KNOB_H
#define WTL_DEVICE_KNOB_H

#include "device/device.h"

/* Asks the device for `value` and reads back what can be read: *state_out (NULL: not wanted) is
 * the knob after the call. One job of the device's worker; allocates nothing. That the device took
 * the call is all that success says: compare state_out.
 * -WTL_UNSUPPORTED, -WTL_PERMISSION, -WTL_USAGE (outside the device's range), -WTL_TIMEOUT (it may
 * still take effect), -WTL_LOST, -WTL_FAILED. */
int wtl_knob_set(struct wtl_device *device, enum wtl_knob knob, struct wtl_knob_value value,
                 struct wtl_knob_state *state_out, struct wtl_error *err);

#endif
