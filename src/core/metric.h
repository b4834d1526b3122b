/* SPDX-License-Identifier: Apache-2.0
 *
 * The sensors that a trace can hold, by one name each, in base units. Readers convert from their
 * dialect's unit; nobody else converts. Sources: DCGM field identifiers (dcgm_fields.h, short names
 * of `dcgmi dmon`), nvidia-smi --help-query-gpu.
 */
#ifndef WTL_CORE_METRIC_H
#define WTL_CORE_METRIC_H

#include "base/units.h"

#include <stdint.h>

/* X(name, unit, dcgm_id, dcgm_short_name, smi_name, description)
 * smi_name is the --query-gpu name without its unit; "" where a dialect has no such column.
 * Utilisations are fractions 0..1 whatever the dialect prints. */
#define WTL_METRICS(X)                                                                             \
    X(power_w, WATT, 155, "POWER", "power.draw", "board power, the sensor's own averaging")        \
    X(power_instant_w, WATT, 157, "POWINST", "power.draw.instant", "board power, short window")    \
    X(power_average_w, WATT, 0, "", "power.draw.average", "board power, average of 1 s")           \
    X(power_limit_w, WATT, 160, "PMLMT", "power.limit", "requested power limit")                   \
    X(power_limit_enforced_w, WATT, 164, "EPLMT", "enforced.power.limit", "enforced power limit")  \
    X(energy_counter_j, JOULE, 156, "TOTEC", "", "energy since the driver was loaded")             \
    X(temp_c, CELSIUS, 150, "TMPTR", "temperature.gpu", "GPU temperature")                         \
    X(mem_temp_c, CELSIUS, 140, "MMTMP", "temperature.memory", "memory temperature")               \
    X(sm_clock_mhz, MHZ, 100, "SMCLK", "clocks.sm", "SM clock as it ran")                          \
    X(mem_clock_mhz, MHZ, 101, "MMCLK", "clocks.mem", "memory clock as it ran")                    \
    X(gr_clock_mhz, MHZ, 0, "", "clocks.gr", "graphics clock as it ran")                           \
    X(app_sm_clock_mhz, MHZ, 110, "SACLK", "clocks.applications.graphics",                         \
      "application SM clock, a request")                                                           \
    X(app_mem_clock_mhz, MHZ, 111, "MACLK", "clocks.applications.memory",                          \
      "application memory clock, a request")                                                       \
    X(event_reasons, NONE, 112, "DVCCTR", "clocks_event_reasons.active",                           \
      "bit mask of clock event (throttle) reasons")                                                \
    X(pstate, NONE, 190, "PSTAT", "pstate", "performance state, 0 is the highest")                 \
    X(gpu_util, FRACTION, 203, "GPUTL", "utilization.gpu", "share of time with a kernel running")  \
    X(mem_util, FRACTION, 204, "MCUTL", "utilization.memory", "share of time memory was busy")     \
    X(fb_total_b, BYTE, 250, "FBTTL", "memory.total", "frame buffer size")                         \
    X(fb_free_b, BYTE, 251, "FBFRE", "memory.free", "frame buffer free")                           \
    X(fb_used_b, BYTE, 252, "FBUSD", "memory.used", "frame buffer used")                           \
    X(gr_active, FRACTION, 1001, "GRACT", "", "graphics engine active")                            \
    X(sm_active, FRACTION, 1002, "SMACT", "", "SM active (at least one warp)")                     \
    X(sm_occupancy, FRACTION, 1003, "SMOCC", "", "resident warps over the maximum")                \
    X(tensor_active, FRACTION, 1004, "TENSO", "", "tensor pipe active")                            \
    X(dram_active, FRACTION, 1005, "DRAMA", "", "memory interface active")                         \
    X(fp64_active, FRACTION, 1006, "FP64A", "", "FP64 pipe active")                                \
    X(fp32_active, FRACTION, 1007, "FP32A", "", "FP32 pipe active")                                \
    X(fp16_active, FRACTION, 1008, "FP16A", "", "FP16 pipe active")                                \
    X(pcie_tx_b, BYTE, 1009, "PCITX", "", "PCIe bytes sent")                                       \
    X(pcie_rx_b, BYTE, 1010, "PCIRX", "", "PCIe bytes received")                                   \
    X(power_violation_ns, NONE, 240, "PVIOL", "", "time held down by the power limit, ns")         \
    X(thermal_violation_ns, NONE, 241, "", "", "time held down by temperature, ns")                \
    X(enc_util, FRACTION, 206, "", "utilization.encoder", "share of time the encoder was busy")    \
    X(dec_util, FRACTION, 207, "", "utilization.decoder", "share of time the decoder was busy")    \
    X(fan_speed, FRACTION, 191, "", "fan.speed", "intended fan speed, share of the maximum")       \
    X(cpu_clock_mhz, MHZ, 0, "", "", "CPU clock as it ran")                                        \
    X(cpu_time_s, SECOND, 0, "", "", "CPU time used since a control group was made")               \
    X(power_time_s, SECOND, 0, "", "", "Unix time that the sensor itself gives its power")         \
    X(energy_time_s, SECOND, 0, "", "", "Unix time that the sensor itself gives its energy")

enum wtl_metric {
#define X(name, unit, id, short_name, smi, text) WTL_M_##name,
    WTL_METRICS(X)
#undef X
        WTL_N_METRICS
};

struct wtl_metric_info {
    const char *name; /* with its unit: "power_w" */
    enum wtl_unit unit;
    int dcgm_id; /* 0: none */
    const char *dcgm_name;
    const char *smi_name;
    const char *description;
};

/* Never NULL; `metric` must be below WTL_N_METRICS. */
const struct wtl_metric_info *wtl_metric_info(enum wtl_metric metric);

/* The power that is followed of a device with these sensors (bit m: metric m): its own short window
 * before what averages a second; WTL_N_METRICS: none. */
enum wtl_metric wtl_metric_power(uint64_t sensors);

/* WTL_N_METRICS when there is none of that name. */
enum wtl_metric wtl_metric_by_name(const char *name);

#endif
