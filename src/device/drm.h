/* SPDX-License-Identifier: Apache-2.0
 *
 * What the back ends of AMD and Intel GPUs share: the cards of /sys/class/drm by driver, and the
 * hwmon chip of one. PCI addresses and drivers come from `uevent`, which is a plain file.
 */
#ifndef WTL_DEVICE_DRM_H
#define WTL_DEVICE_DRM_H

#include "device/backend.h"
#include "device/sysfs.h"

/* Why a clock is held down, in the bits of NVML (nvmlClocksEventReason...), which the metric
 * event_reasons has for every vendor. */
enum {
    WTL_DRM_REASON_POWER_CAP = 0x4,
    WTL_DRM_REASON_HW_SLOWDOWN = 0x8, /* current */
    WTL_DRM_REASON_THERMAL = 0x20,
    WTL_DRM_REASON_HW_THERMAL = 0x40,
};

struct wtl_drm_card {
    char card[16];  /* "card0" */
    char path[32];  /* "sys/class/drm/card0" */
    char pci[32];   /* "0000:03:00.0" */
    char ids[16];   /* vendor and device: "1002:740F" */
    char hwmon[80]; /* "sys/class/drm/card0/device/hwmon/hwmon3"; "": none */
    char driver[16];
};

/* Cards whose driver is one of `drivers` (NULL-terminated), ascending by PCI address. */
int wtl_drm_cards(const struct wtl_backend_host *host, const char *const *drivers,
                  struct wtl_drm_card **cards_out, size_t *n_out, struct wtl_error *err);

/* The number N of the channel "tempN" whose label is `label`; 0: none. */
int wtl_drm_channel(const struct wtl_sysfs_dir *hwmon, const char *what, const char *label);

/* Whether the card sleeps: reading a sensor would wake it, and its power is next to nothing. */
bool wtl_drm_suspended(const struct wtl_sysfs_dir *card);

/* The metrics of which a reading says anything but "unsupported". */
uint64_t wtl_drm_answered(const struct wtl_reading *r);

/* wtl_sysfs_read_done() for a card that claims the metrics `claimed`, which its files promised
 * while it slept, perhaps; *answered are those that it ever had. One that never was there is
 * "unsupported", and no sign that the card is gone. */
int wtl_drm_read_done(const struct wtl_sysfs_dir *card, uint64_t claimed, uint64_t *answered,
                      uint64_t wanted, const char *id, struct wtl_reading *out,
                      struct wtl_error *err);

/* All wanted sensors of a sleeping card. */
void wtl_drm_all_not_yet(uint64_t wanted, uint64_t found, struct wtl_reading *out);

#endif
