/* SPDX-License-Identifier: Apache-2.0
 *
 * The binary table that amdgpu gives in `gpu_metrics` (Linux drivers/gpu/drm/amd/include/
 * kgd_pp_interface.h, struct gpu_metrics_v1_1 to v1_8): a header with size and revision, then fixed
 * offsets by revision, native byte order; a field of all ones has no value.
 */
#ifndef WTL_DEVICE_AMDGPU_METRICS_H
#define WTL_DEVICE_AMDGPU_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest table known, v1_8, has 3360 bytes. */
enum { WTL_AMDGPU_METRICS_MAX = 4096 };

struct wtl_amdgpu_metrics {
    int format, content; /* "1.3" */
    bool has_energy, has_power, has_hotspot, has_mem_temp, has_mem_util, has_gfx_util;
    bool has_gfx_clock, has_mem_clock, has_reasons;
    double energy_j; /* since the driver was loaded, in steps of 2^-16 J (15.259 uJ) */
    double power_w;  /* of the socket */
    double hotspot_c, mem_temp_c;
    double gfx_util, mem_util; /* 0..1 */
    double gfx_clock_mhz, mem_clock_mhz;
    unsigned reasons; /* WTL_DRM_REASON_ bits */
};

/* False: cut short, not of the size that it says, or of a revision that is not known (format and
 * content are then set where the header is whole). APUs (format 2, 3) are not known. */
bool wtl_amdgpu_metrics(const unsigned char *table, size_t n, struct wtl_amdgpu_metrics *out);

#endif
