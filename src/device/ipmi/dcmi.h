/* SPDX-License-Identifier: Apache-2.0
 *
 * The power reading of a management controller (BMC): DCMI 1.5, "Get Power Reading" (section 6.6.1;
 * network function 2Ch, command 02h, group DCh), as bytes. Numbers are little-endian.
 */
#ifndef WTL_DEVICE_IPMI_DCMI_H
#define WTL_DEVICE_IPMI_DCMI_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WTL_DCMI_NETFN = 0x2c, /* group extension */
    WTL_DCMI_GET_POWER_READING = 0x02,
    WTL_DCMI_REQUEST = 4,   /* bytes of the request */
    WTL_DCMI_RESPONSE = 19, /* of the response, completion code included */
};

struct wtl_dcmi_power {
    double current_w;
    double min_w, max_w, average_w; /* over the last window_ns */
    int64_t window_ns;              /* "statistics reporting time period"; 0: not said */
    bool active;                    /* the controller measures; else the values mean nothing */
};

/* System power statistics. */
void wtl_dcmi_power_request(uint8_t request_out[WTL_DCMI_REQUEST]);

/* `data` begins with the completion code. -WTL_UNSUPPORTED: the controller has no such command;
 * -WTL_PERMISSION, -WTL_BUSY, -WTL_FAILED: other completion codes (IPMI 2.0, table 5-2);
 * -WTL_PARSE: these are no such bytes. */
int wtl_dcmi_power_parse(const uint8_t *data, size_t n, struct wtl_dcmi_power *out,
                         struct wtl_error *err);

#endif
