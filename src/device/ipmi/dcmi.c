/* SPDX-License-Identifier: Apache-2.0
 * "Get Power Reading" as bytes. */
#include "device/ipmi/dcmi.h"

#include <string.h>

enum { GROUP = 0xdc, SYSTEM_STATISTICS = 0x01, ACTIVE = 1 << 6 };

/* Where the values stand, behind the completion code and the group. */
enum { AT_CURRENT = 2, AT_MIN = 4, AT_MAX = 6, AT_AVERAGE = 8, AT_PERIOD_MS = 14, AT_STATE = 18 };

void wtl_dcmi_power_request(uint8_t request_out[WTL_DCMI_REQUEST])
{
    const uint8_t bytes[WTL_DCMI_REQUEST] = {GROUP, SYSTEM_STATISTICS, 0, 0};
    memcpy(request_out, bytes, sizeof bytes);
}

static unsigned word(const uint8_t *p)
{
    return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static int refused(uint8_t code, struct wtl_error *err)
{
    switch (code) {
    case 0xc1: /* invalid command */
    case 0xc2: /* invalid for this logical unit */
        return WTL_FAIL(err, WTL_UNSUPPORTED, "the BMC has no power reading (DCMI)");
    case 0xd4:
        return WTL_FAIL(err, WTL_PERMISSION, "the BMC denies its power reading");
    case 0xc0:
        return WTL_FAIL(err, WTL_BUSY, "the BMC is busy");
    default:
        return WTL_FAIL(err, WTL_FAILED, "the BMC refuses its power reading: completion code %02Xh",
                        code);
    }
}

int wtl_dcmi_power_parse(const uint8_t *data, size_t n, struct wtl_dcmi_power *out,
                         struct wtl_error *err)
{
    if (n < 1)
        return WTL_FAIL(err, WTL_PARSE, "the BMC's answer is empty");
    if (data[0] != 0)
        return refused(data[0], err);
    if (n < WTL_DCMI_RESPONSE || data[1] != GROUP)
        return WTL_FAIL(err, WTL_PARSE, "the BMC's answer of %zu bytes is no power reading", n);
    const int64_t ms = (int64_t)word(data + AT_PERIOD_MS) | (int64_t)word(data + AT_PERIOD_MS + 2)
                                                                << 16;
    *out = (struct wtl_dcmi_power){.current_w = word(data + AT_CURRENT),
                                   .min_w = word(data + AT_MIN),
                                   .max_w = word(data + AT_MAX),
                                   .average_w = word(data + AT_AVERAGE),
                                   .window_ns = ms * 1000000,
                                   .active = data[AT_STATE] & ACTIVE};
    return 0;
}
