/* SPDX-License-Identifier: Apache-2.0
 * What doctor says about NVML and its GPUs: what is so, and the command that changes it. */
#include "base/text.h"
#include "device/nvml/nvml.h"
#include "device/world.h"
#include "simhost/client.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool exists(int root_fd, const char *path)
{
    struct stat st;
    return fstatat(root_fd, path, &st, 0) == 0;
}

/* Display controllers (class 03) of vendor 10de, as sysfs lists them. */
static int count_boards(const struct wtl_backend_host *host)
{
    char **names, path[300], vendor[16], class[16];
    size_t n_names = 0;
    int n = 0;
    const struct wtl_sysfs_dir root = wtl_sysfs_root(host->files);
    if (wtl_sysfs_list(host->files, host->arena, "sys/bus/pci/devices", "", &names, &n_names,
                       NULL) < 0)
        return 0;
    for (size_t i = 0; i < n_names; i++) {
        snprintf(path, sizeof path, "sys/bus/pci/devices/%.200s/vendor", names[i]);
        wtl_sysfs_text(&root, path, vendor, sizeof vendor);
        snprintf(path, sizeof path, "sys/bus/pci/devices/%.200s/class", names[i]);
        wtl_sysfs_text(&root, path, class, sizeof class);
        n += strcmp(vendor, "0x10de") == 0 && strncmp(class, "0x03", 4) == 0;
    }
    return n;
}

/* In a container the driver is the host's: `elsewhere` is what helps on a machine. */
static const char *fix_of(const struct wtl_backend_host *host, const char *elsewhere)
{
    struct wtl_world world;
    wtl_world_look(host->files, &world);
    return world.container ? "start the container with --gpus all" : elsewhere;
}

/* ---- The library ----------------------------------------------------------------------------- */

void wtl_nvml_find_no_library(const struct wtl_backend_host *host, const char *path,
                              const char *why)
{
    int boards = count_boards(host);
    if (host->nvml)
        wtl_backend_finding(host, WTL_FINDING_LACK, "nvml", NULL, "NVML cannot be loaded: %s",
                            why ? why : path);
    else if (exists(host->root_fd, "sys/module/nvidia"))
        wtl_backend_finding(host, WTL_FINDING_LACK, "nvml", fix_of(host, NULL),
                            "the NVIDIA driver is loaded, and its library %s is not here", path);
    else if (boards > 0)
        wtl_backend_finding(
            host, WTL_FINDING_LACK, "nvml", "install the NVIDIA driver of your distribution",
            "%d NVIDIA GPU%s on the PCI bus, and no NVIDIA driver", boards, wtl_plural(boards));
    else
        wtl_backend_finding(host, WTL_FINDING_NOTE, "nvml", NULL,
                            "no NVIDIA hardware and no NVIDIA driver here (no %s)", path);
}

/* Whether the library is that of virtual machine rooms. */
static bool is_drop_in(const char *path)
{
    char ours[WTL_LIMIT_PATH];
    struct wtl_error none = {0};
    return wtl_room_library(ours, &none) == 0 && strcmp(ours, path) == 0;
}

void wtl_nvml_find_no_start(const struct wtl_backend_host *host, const struct wtl_nvml_library *l,
                            int code)
{
    enum wtl_finding_level level = WTL_FINDING_PROBLEM;
    const char *fix = NULL;
    if (code == NVML_DRIVER_NOT_LOADED) {
        level = WTL_FINDING_LACK;
        fix = fix_of(host, "sudo modprobe nvidia");
    } else if (is_drop_in(l->path)) { /* of another version of Wattle, or made to fail */
        fix = "wattle sim fault --clear, or wattle sim stop";
    } else if (code == NVML_LIB_RM_VERSION_MISMATCH) {
        fix = "sudo rmmod nvidia_uvm nvidia_drm nvidia_modeset nvidia && sudo modprobe nvidia";
    } else if (wtl_nvml_class(code) == WTL_NVML_DENIED) {
        level = WTL_FINDING_LACK;
        fix = fix_of(host, "sudo chmod a+rw /dev/nvidiactl /dev/nvidia[0-9]*");
    }
    wtl_backend_finding(host, level, "nvml", fix, "%s is here and does not start: %s (code %d)",
                        l->path, wtl_nvml_text(code), code);
    if (code == NVML_LIB_RM_VERSION_MISMATCH && !is_drop_in(l->path))
        wtl_backend_finding(host, WTL_FINDING_NOTE, "nvml", NULL,
                            "the driver was upgraded while the old one is loaded; a reboot, or "
                            "ending all its users and loading it again, mends that");
}

void wtl_nvml_find_library(const struct wtl_backend_host *host, const struct wtl_nvml_library *l)
{
    wtl_backend_finding(
        host, l->n_gpus ? WTL_FINDING_OK : WTL_FINDING_NOTE, "nvml", NULL,
        "%s%s: driver %s, NVML %s, %u GPU%s", l->virtual_epoch ? "virtual machine room, " : "",
        l->path, l->driver[0] ? l->driver : "of unknown version",
        l->version[0] ? l->version : "of unknown version", l->n_gpus, wtl_plural(l->n_gpus));
    if (l->wsl)
        wtl_backend_finding(host, WTL_FINDING_NOTE, "nvml", NULL,
                            "WSL: the driver is Windows'; clocks and limits cannot be set from "
                            "here, and processes are not seen");
    if (!l->host_pids)
        wtl_backend_finding(host, WTL_FINDING_NOTE, "nvml", NULL,
                            "a container's view of processes: the driver numbers them as the host "
                            "does, and their names cannot be seen");
}

/* ---- A GPU ----------------------------------------------------------------------------------- */

static void find_permission(const struct wtl_backend_host *host, const struct wtl_nvml_gpu *g,
                            const struct wtl_device_info *info)
{
    const struct wtl_nvml_library *l = g->library;
    if (!info->knobs || info->writable == info->knobs)
        return;
    if (l->virtual_epoch)
        wtl_backend_finding(host, WTL_FINDING_LACK, info->id, NULL,
                            "clocks and limits are for root and for whoever started the machine "
                            "room");
    else if (geteuid() == 0)
        wtl_backend_finding(host, WTL_FINDING_LACK, info->id,
                            "start the container with --cap-add SYS_ADMIN, or run on the host",
                            "setting clocks and limits needs CAP_SYS_ADMIN, which this root lacks");
    else
        wtl_backend_finding(host, WTL_FINDING_LACK, info->id, "sudo wattle ...",
                            "setting clocks and limits needs root");
}

/* Application clocks are not ours; that they are open to all users tells of a looser rule that
 * locks and limits do not follow. */
static void find_restriction(const struct wtl_backend_host *host, const struct wtl_nvml_gpu *g)
{
    struct wtl_nvml_op op = wtl_nvml_begin(g->library);
    unsigned restricted = 1;
    if (WTL_NVML_CALL(&op, nvmlDeviceGetAPIRestriction, g->handle, NVML_RESTRICTED_APP_CLOCKS,
                      &restricted) == 0 &&
        !restricted)
        wtl_backend_finding(host, WTL_FINDING_NOTE, g->id, "sudo nvidia-smi -acp 1",
                            "any user may set application clocks; a lock of ours is stronger, and "
                            "locks and limits need root nevertheless");
}

static void find_kind(const struct wtl_backend_host *host, const struct wtl_device_info *info)
{
    if (info->flags & WTL_DEVICE_VGPU)
        wtl_backend_finding(host, WTL_FINDING_NOTE, info->id, NULL,
                            "a vGPU: a share of a board that the hypervisor holds; clocks and "
                            "limits are set there");
    if (info->flags & WTL_DEVICE_EXCLUSIVE)
        wtl_backend_finding(host, WTL_FINDING_NOTE, info->id, "sudo nvidia-smi -c 0",
                            "compute mode: one process at a time");
}

void wtl_nvml_find_gpu(const struct wtl_backend_host *host, const struct wtl_nvml_gpu *g,
                       const struct wtl_device_info *info)
{
    uint64_t powers = WTL_METRIC_BIT(WTL_M_power_w) | WTL_METRIC_BIT(WTL_M_power_instant_w) |
                      WTL_METRIC_BIT(WTL_M_power_average_w);
    if (!(info->sensors & powers))
        wtl_backend_finding(host, WTL_FINDING_LACK, info->id, NULL, "has no power sensor");
    else if (!(info->sensors & WTL_METRIC_BIT(WTL_M_energy_counter_j)))
        wtl_backend_finding(host, WTL_FINDING_NOTE, info->id, NULL,
                            "has no energy counter (Volta and newer do): energy is power over "
                            "time, with a larger error");
    find_kind(host, info);
    find_permission(host, g, info);
    bool limit = info->knobs & WTL_KNOB_BIT(WTL_KNOB_power_limit_w);
    if (info->knobs && !(info->flags & (WTL_DEVICE_PERSISTENT | WTL_DEVICE_VIRTUAL)))
        wtl_backend_finding(host, WTL_FINDING_LACK, info->id,
                            "sudo systemctl enable --now nvidia-persistenced",
                            "persistence is off: %s are lost when the last client leaves",
                            limit ? "the power limit and locks" : "locks");
    find_restriction(host, g);
}
