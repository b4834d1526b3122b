/* SPDX-License-Identifier: Apache-2.0
 *
 * The drop-in library as a client meets it: opened by its path, every function by its name.
 */
#ifndef WTL_TESTS_DROPIN_H
#define WTL_TESTS_DROPIN_H

#include "nvml-abi/nvml_more.h"

struct dropin {
    void *handle;
#define X(name, args) int(*name) args;
    NVML_FUNCTIONS(X)
    NVML_MORE_FUNCTIONS(X)
#undef X
    const char *(*nvmlErrorString)(int code);
    nvml_wattle_epoch_fn *nvmlWattleEpoch;
};

/* Fails the test when the library or one of its functions is not there. */
void dropin_open(struct dropin *d);
void dropin_close(struct dropin *d);

#endif
