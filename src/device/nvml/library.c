/* SPDX-License-Identifier: Apache-2.0
 * Loads an NVML by name and fills the table of its functions. */
#include "device/nvml/nvml.h"
#include "device/world.h"
#include "simhost/client.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether our /proc numbers processes as the kernel's first namespace does, and so the driver. */
static bool first_pid_namespace(int root_fd)
{
    char link[64];
    ssize_t n = readlinkat(root_fd, "proc/self/ns/pid", link, sizeof link - 1);
    link[n > 0 ? n : 0] = '\0';
    return strcmp(link, "pid:[4026531836]") == 0; /* PROC_PID_INIT_INO of linux/proc_ns.h */
}

static bool may_administer(struct wtl_sysfs *files)
{
    struct wtl_world world;
    wtl_world_look(files, &world);
    return world.has_capabilities ? world.sys_admin : geteuid() == 0;
}

/* The host of a virtual machine room serves root and its owner. */
static bool may_set_in_room(void)
{
    char dir[WTL_LIMIT_PATH];
    struct stat st;
    return geteuid() == 0 ||
           (wtl_room_find(dir, NULL) == 0 && stat(dir, &st) == 0 && st.st_uid == geteuid());
}

/* dlsym() gives an object's address; that it is a function is ours to know. */
static void find_functions(struct wtl_nvml_library *l)
{
#define X(name, args)                                                                              \
    {                                                                                              \
        void *address = dlsym(l->handle, #name);                                                   \
        memcpy(&l->api.name, &address, sizeof address);                                            \
    }
    NVML_FUNCTIONS(X)
#undef X
    void *address = dlsym(l->handle, NVML_WATTLE_EPOCH);
    memcpy(&l->virtual_epoch, &address, sizeof address);
}

int wtl_nvml_load(const struct wtl_backend_host *host, const char *path,
                  struct wtl_nvml_library **library_out, const char **why, struct wtl_error *err)
{
    struct wtl_nvml_library *l = WTL_NEW(host->arena, struct wtl_nvml_library);
    if (!l)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    l->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!l->handle) {
        *why = wtl_arena_strdup(host->arena, dlerror());
        return 1;
    }
    l->users = 1;
    l->clock = host->clock;
    l->files = host->files;
    snprintf(l->path, sizeof l->path, "%s", path);
    find_functions(l);
    l->wsl = strstr(path, "/wsl/") != NULL ||
             (!l->virtual_epoch && faccessat(host->root_fd, "dev/dxg", F_OK, 0) == 0);
    l->may_set = l->virtual_epoch ? may_set_in_room() : may_administer(host->files);
    l->host_pids = l->virtual_epoch || first_pid_namespace(host->root_fd);
    *library_out = l;
    return 0;
}

int wtl_nvml_start(struct wtl_nvml_library *l)
{
    struct wtl_nvml_op op = wtl_nvml_begin(l);
    int code = WTL_NVML_EITHER(&op, nvmlInit_v2, nvmlInit);
    if (wtl_nvml_class(code) != WTL_NVML_OK)
        return code;
    l->inited = true;
    if (WTL_NVML_CALL(&op, nvmlSystemGetDriverVersion, l->driver, sizeof l->driver) != 0)
        l->driver[0] = '\0';
    if (WTL_NVML_CALL(&op, nvmlSystemGetNVMLVersion, l->version, sizeof l->version) != 0)
        l->version[0] = '\0';
    l->driver[sizeof l->driver - 1] = '\0';
    l->version[sizeof l->version - 1] = '\0';
    return WTL_NVML_EITHER(&op, nvmlDeviceGetCount_v2, nvmlDeviceGetCount, &l->n_gpus);
}

void wtl_nvml_release(struct wtl_nvml_library *l)
{
    if (!l || --l->users > 0)
        return;
    if (l->inited && l->api.nvmlShutdown)
        l->api.nvmlShutdown();
    dlclose(l->handle);
    l->handle = NULL;
}
