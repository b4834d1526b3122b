/* SPDX-License-Identifier: Apache-2.0
 *
 * What daemon.c (start, shares, drain) and end.c share.
 */
#ifndef WTL_MPS_DAEMON_IMPL_H
#define WTL_MPS_DAEMON_IMPL_H

#include "mps/daemon.h"

int64_t wtl_mps_now(const struct wtl_mps_control *control);

/* A moment between two looks. */
void wtl_mps_pause(void);

int64_t wtl_mps_drain_ns(const struct wtl_mps_world *world);

#endif
