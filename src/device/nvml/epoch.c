/* SPDX-License-Identifier: Apache-2.0
 *
 * Which boot and which load of the driver this is: settings do not outlast them. In words:
 *
 * "boot ID gpu@INODE": the kernel's boot_id, and the inode of the link `driver` in the GPU's PCI
 * directory of sysfs. sysfs makes a new node, with a number that it has not used since boot
 * (fs/kernfs/dir.c counts on, and tells apart after a wrap), each time that the device is bound: at
 * a load of the module, and when the GPU alone is unbound and bound again.
 *
 * "boot ID module@INODE": of /sys/module/nvidia, where PCI cannot be seen. "boot ID": where neither
 * can be (WSL).
 *
 * "virtual-...": the drop-in's own word for the start of its host and of its driver.
 *
 * A reset of the GPU (nvidia-smi --gpu-reset) loses settings, too, and is no new epoch: it is seen
 * when a setting is read back.
 */
#include "device/nvml/nvml.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static unsigned long long inode(int root_fd, const char *path)
{
    struct stat st;
    return fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (unsigned long long)st.st_ino
                                                                 : 0;
}

static void driver_load(const struct wtl_nvml_gpu *g, char *buf, size_t size)
{
    char path[96];
    int root_fd = wtl_sysfs_root_fd(g->library->files);
    snprintf(path, sizeof path, "sys/bus/pci/devices/%s/driver", g->pci);
    unsigned long long number = g->pci[0] ? inode(root_fd, path) : 0;
    if (number) {
        snprintf(buf, size, " gpu@%llx", number);
        return;
    }
    number = inode(root_fd, "sys/module/nvidia");
    buf[0] = '\0';
    if (number)
        snprintf(buf, size, " module@%llx", number);
}

int wtl_nvml_epoch(void *state, char epoch_out[WTL_LIMIT_NAME], struct wtl_error *err)
{
    const struct wtl_nvml_gpu *g = state;
    char text[WTL_LIMIT_NAME] = "", load[32] = "";
    if (g->library->virtual_epoch) {
        int code = g->library->virtual_epoch(text, sizeof text);
        if (code != 0)
            return wtl_nvml_fail(err, code, "reading the epoch of", g->id);
        text[sizeof text - 1] = '\0';
        snprintf(epoch_out, WTL_LIMIT_NAME, "%.80s", text);
        return 0;
    }
    wtl_sysfs_epoch(g->library->files, text);
    if (text[0] == '\0')
        return WTL_FAIL(err, WTL_FAILED,
                        "cannot tell one boot from another: /proc/sys/kernel/random/boot_id "
                        "cannot be read");
    driver_load(g, load, sizeof load);
    snprintf(epoch_out, WTL_LIMIT_NAME, "%.60s%s", text, load);
    return 0;
}
