/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client of the driver sees of a virtual GPU. Pure functions of a (copied) struct
 * wtl_sim_gpu. Units and rounding are the driver's: mW, mJ, whole percent, whole degrees. Every
 * time is Unix time in ns as the device stamps it.
 */
#ifndef WTL_SIM_READINGS_H
#define WTL_SIM_READINGS_H

#include "sim/gpu.h"

#include <stddef.h>

/* All that can be read at once. `has` says what the board has; the rest is always there unless the
 * GPU is lost: then nothing is. */
enum wtl_sim_has {
    WTL_SIM_HAS_ENERGY = 1 << 0,
    WTL_SIM_HAS_INSTANT = 1 << 1, /* field 186 */
    WTL_SIM_HAS_AVERAGE = 1 << 2, /* field 185 */
    WTL_SIM_HAS_MEM_TEMP = 1 << 3,
    WTL_SIM_HAS_UTIL = 1 << 4,   /* not while MIG is on */
    WTL_SIM_HAS_MARGIN = 1 << 5, /* T.Limit and its kin: Ada and later */
};

struct wtl_sim_readings {
    int64_t t_unix_ns; /* of the driver's clock now */
    unsigned has;      /* enum wtl_sim_has */

    uint32_t power_usage_mw;                     /* nvmlDeviceGetPowerUsage, field 155 of DCGM */
    uint32_t power_instant_mw, power_average_mw; /* fields 186, 185 */
    int64_t power_t_unix_ns;                     /* when they were published */
    uint64_t energy_mj;                          /* since the driver was loaded; fields 83, 191 */
    int64_t energy_t_unix_ns;

    uint32_t limit_mw;                                     /* requested; field 192 */
    uint32_t limit_enforced_mw;                            /* with out-of-band limits; field 190 */
    uint32_t limit_min_mw, limit_max_mw, limit_default_mw; /* fields 187, 188, 189 */

    uint32_t sm_mhz, mem_mhz, video_mhz;      /* now; the graphics clock is the SM clock */
    uint32_t sm_mhz_max, mem_mhz_max;         /* of the lists */
    uint32_t video_mhz_max;                   /* beside the highest SM clock */
    uint32_t sm_mhz_default, mem_mhz_default; /* default application clocks */
    int pstate;
    uint64_t reasons, reasons_supported;
    uint64_t power_violation_ns;                           /* field 74 */
    uint64_t thermal_violation_ns;                         /* field 75: any thermal slowdown */
    uint64_t sw_thermal_ns, hw_thermal_ns, power_brake_ns; /* fields 269, 270, 271 */

    int temp_c, mem_temp_c;
    int slowdown_c, shutdown_c, target_c; /* thresholds */
    int margin_c; /* T.Limit: how far below the slowdown temperature it is; field 193 */

    unsigned gpu_util_pct, mem_util_pct;
    int64_t util_t_unix_ns;

    uint64_t memory_total_b, memory_reserved_b, memory_used_b, memory_free_b;

    bool persistence, mig;
    enum wtl_sim_compute_mode compute_mode;
    uint32_t epoch; /* counts driver loads */
    int64_t epoch_unix_ns;
};

/* -WTL_LOST. */
int wtl_sim_readings(const struct wtl_sim_gpu *gpu, struct wtl_sim_readings *out,
                     struct wtl_error *err);

/* "GPU-76697274-7561-6cxx-xxxx-xxxxxxxxxxxx": begins with "virtual" in hexadecimal, the rest from
 * the seed. */
enum { WTL_SIM_UUID = 48 };
const char *wtl_sim_uuid(const struct wtl_sim_gpu *gpu, char buf[WTL_SIM_UUID]);
const char *wtl_sim_instance_uuid(const struct wtl_sim_gpu *gpu, int instance,
                                  char buf[WTL_SIM_UUID]);

struct wtl_sim_pci {
    uint32_t domain, bus, device;
    uint32_t device_id, subsystem_id;
};
struct wtl_sim_pci wtl_sim_pci(const struct wtl_sim_gpu *gpu);

/* A process as the driver lists it. */
struct wtl_sim_process_info {
    uint32_t pid, uid;
    bool mps;
    uint64_t memory_b;
    int instance; /* index; -1: none */
    char name[32];
    /* Its last utilisation sample; t_unix_ns 0: none yet. */
    unsigned sm_util_pct, mem_util_pct;
    int64_t util_t_unix_ns;
};

/* All of them, as many as fit; returns how many there are. */
int wtl_sim_processes(const struct wtl_sim_gpu *gpu, struct wtl_sim_process_info *out, int max);

/* The samples of a ring later than `since_unix_ns`, oldest first, as many as fit (the oldest);
 * `out` in Unix time. Returns how many there are. */
int wtl_sim_samples(const struct wtl_sim_gpu *gpu, enum wtl_sim_ring_kind kind,
                    int64_t since_unix_ns, struct wtl_sim_sample *out, int max);

#endif
