/* SPDX-License-Identifier: Apache-2.0
 *
 * The back end of CPU packages, with the system calls that it makes put into its hands.
 */
#ifndef WTL_DEVICE_RAPL_RAPL_H
#define WTL_DEVICE_RAPL_RAPL_H

#include "device/backend.h"
#include "device/rapl/perf.h"

/* As wtl_backend_rapl.open, with perf counters through `perf`; NULL: none can be opened. */
int wtl_rapl_open(const struct wtl_backend_host *host, const struct wtl_perf_ops *perf,
                  struct wtl_error *err);

#endif
