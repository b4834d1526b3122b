/* SPDX-License-Identifier: Apache-2.0
 *
 * The socket that programs find by WATTLE_MARKERS (docs/markers.md).
 */
#ifndef WTL_TELEMETRY_LISTENER_H
#define WTL_TELEMETRY_LISTENER_H

#include "base/error.h"

#include <stddef.h>

/* Listens at a new path in the folder `dir`, which several containers may share: processes of one
 * number do not get in each other's way. *fd_out does not block. Sockets of processes that were
 * killed are removed. -WTL_LIMIT: the path is too long; -WTL_IO. */
int wtl_listener_open(const char *dir, int backlog, int *fd_out, char *path_out, size_t size,
                      struct wtl_error *err);

#endif
