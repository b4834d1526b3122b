/* SPDX-License-Identifier: Apache-2.0
 * Opens the drop-in. */
#include "support/dropin.h"

#include "simhost/client.h"
#include "support/support.h"

#include <dlfcn.h>
#include <string.h>

static void find(const struct dropin *d, const char *name, void *function, size_t size)
{
    void *address = dlsym(d->handle, name);
    if (!address)
        fail_msg("the drop-in has no %s", name);
    memcpy(function, &address, size);
}

void dropin_open(struct dropin *d)
{
    char path[WTL_LIMIT_PATH];
    struct wtl_error err = {0};
    assert_ok(wtl_room_library(path, &err), &err);
    d->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!d->handle)
        fail_msg("%s", dlerror());
#define X(name, args) find(d, #name, &d->name, sizeof d->name);
    NVML_FUNCTIONS(X)
    NVML_MORE_FUNCTIONS(X)
#undef X
    find(d, "nvmlErrorString", &d->nvmlErrorString, sizeof d->nvmlErrorString);
    find(d, NVML_WATTLE_EPOCH, &d->nvmlWattleEpoch, sizeof d->nvmlWattleEpoch);
}

void dropin_close(struct dropin *d)
{
    assert_int_equal(dlclose(d->handle), 0);
}
