/* SPDX-License-Identifier: Apache-2.0
 * AMD's table of measurements, revision by revision. */
#include "support/support.h"

#include "device/amdgpu/metrics.h"
#include "device/drm.h"

#include <string.h>

static void tables_of_amd(void **state)
{
    (void)state;
    unsigned char t[3360];
    struct wtl_amdgpu_metrics m;
    memset(t, 0xff, sizeof t);
    const uint16_t sizes[] = {0, 96, 96, 120, 288, 360, 1664, 2208, 3360};
    for (int content = 1; content <= 8; content++) {
        memcpy(t, &sizes[content], 2);
        t[2] = 1;
        t[3] = (unsigned char)content;
        assert_true(wtl_amdgpu_metrics(t, sizes[content], &m));
        assert_int_equal(m.content, content);
        /* All ones is no value, anywhere. */
        assert_false(m.has_energy || m.has_power || m.has_gfx_clock || m.has_reasons ||
                     m.has_gfx_util || m.has_hotspot);
        assert_false(wtl_amdgpu_metrics(t, sizes[content] - 1U, &m)); /* cut short */
    }
    t[3] = 9;
    assert_false(wtl_amdgpu_metrics(t, sizeof t, &m));
    assert_int_equal(m.content, 9);
    t[2] = 2;
    assert_false(wtl_amdgpu_metrics(t, sizeof t, &m));
    assert_false(wtl_amdgpu_metrics(t, 3, &m));
    assert_false(wtl_amdgpu_metrics(t, 0, &m));
}

/* Where the next `count` numbers of so many bytes begin, by the rules of alignment. */
static size_t field(size_t *end, size_t width, size_t count)
{
    size_t at = (*end + width - 1) / width * width;
    *end = at + width * count;
    return at;
}

static void put16(unsigned char *table, size_t at, uint16_t value)
{
    memcpy(table + at, &value, sizeof value);
}

static void put64(unsigned char *table, size_t at, uint64_t value)
{
    memcpy(table + at, &value, sizeof value);
}

/* The boards before MI300: temperatures, load and power, energy and time, average clocks, clocks.
 * Every field in the kernel's order, so that offsets are added up here and not copied. */
static void fill_early(unsigned char *t, int content)
{
    size_t end = 4;
    field(&end, 2, 1); /* edge */
    put16(t, field(&end, 2, 1), 61);
    put16(t, field(&end, 2, 1), 62);
    field(&end, 2, 3); /* voltage regulators */
    put16(t, field(&end, 2, 1), 63);
    put16(t, field(&end, 2, 1), 64);
    field(&end, 2, 1); /* video */
    put16(t, field(&end, 2, 1), 265);
    put64(t, field(&end, 8, 1), UINT64_C(66) << 16);
    field(&end, 8, 1); /* time */
    field(&end, 2, 7); /* average clocks */
    put16(t, field(&end, 2, 1), 1067);
    field(&end, 2, 1); /* SoC */
    put16(t, field(&end, 2, 1), 1268);
    field(&end, 2, 4); /* video clocks */
    field(&end, 4, 1); /* throttle status of the chip */
    field(&end, 2, 4); /* fan, PCIe, padding */
    field(&end, 4, 2); /* load added up */
    field(&end, 2, 4); /* stacks of memory */
    field(&end, 8, 1); /* firmware's time */
    field(&end, 2, 4); /* volts, padding */
    size_t throttle = field(&end, 8, 1);
    if (content == 3)
        put64(t, throttle, UINT64_C(1) << 32);
}

/* MI300 and later. */
static void fill_late(unsigned char *t, int content)
{
    size_t end = 4;
    put16(t, field(&end, 2, 1), 61);
    put16(t, field(&end, 2, 1), 62);
    field(&end, 2, 1); /* voltage regulator */
    put16(t, field(&end, 2, 1), 265);
    put16(t, field(&end, 2, 1), 63);
    put16(t, field(&end, 2, 1), 64);
    if (content <= 5)
        field(&end, 2, 4); /* video engines */
    if (content == 5)
        field(&end, 2, 32); /* JPEG engines */
    if (content >= 7)
        field(&end, 8, 1); /* bandwidth of the memory */
    put64(t, field(&end, 8, 1), UINT64_C(66) << 16);
    field(&end, 8, 1);                    /* time */
    field(&end, 4, content <= 5 ? 1 : 6); /* throttle status, or times of five reasons */
    field(&end, 4, 1);                    /* clock locks */
    field(&end, 2, 4);                    /* PCIe, XGMI */
    field(&end, 4, 2);                    /* load added up */
    field(&end, 8, 5);                    /* PCIe */
    if (content >= 5)
        field(&end, 4, 2); /* PCIe's errors */
    field(&end, 8, 16);    /* XGMI */
    if (content >= 7)
        field(&end, 2, 9); /* XGMI's state, padding */
    field(&end, 8, 1);     /* firmware's time */
    size_t clocks = field(&end, 2, 8);
    put16(t, clocks, 1066); /* of eight dies the fastest */
    put16(t, clocks + 14, 1067);
    field(&end, 2, 12); /* SoC and video clocks */
    put16(t, field(&end, 2, 1), 1268);
}

static void values_of_amd(void **state)
{
    (void)state;
    static const uint16_t sizes[] = {0, 96, 104, 120, 288, 360, 1664, 2208, 3360};
    for (int content = 1; content <= 8; content++) {
        unsigned char t[3360];
        struct wtl_amdgpu_metrics m;
        memset(t, 0xff, sizeof t);
        put16(t, 0, sizes[content]);
        t[2] = 1;
        t[3] = (unsigned char)content;
        (content <= 3 ? fill_early : fill_late)(t, content);
        assert_true(wtl_amdgpu_metrics(t, sizes[content], &m));
        assert_true(m.has_energy && m.has_power && m.has_hotspot && m.has_mem_temp);
        assert_true(m.has_gfx_util && m.has_mem_util && m.has_gfx_clock && m.has_mem_clock);
        assert_near(m.hotspot_c, 61, 0);
        assert_near(m.mem_temp_c, 62, 0);
        assert_near(m.gfx_util, 0.63, 1e-12);
        assert_near(m.mem_util, 0.64, 1e-12);
        assert_near(m.power_w, 265, 0);
        assert_near(m.energy_j, 66, 0);
        assert_near(m.gfx_clock_mhz, 1067, 0);
        assert_near(m.mem_clock_mhz, 1268, 0);
        assert_int_equal(m.has_reasons, content == 3);
        assert_int_equal(m.has_reasons ? m.reasons : 0, content == 3 ? WTL_DRM_REASON_THERMAL : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_amd),
        cmocka_unit_test(values_of_amd),
    };
    return cmocka_run_group_tests_name("device/amd_table", tests, NULL, NULL);
}
