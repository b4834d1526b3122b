/* SPDX-License-Identifier: Apache-2.0
 *
 * One sweep at a time writes a campaign: what comes next is decided from what is stored, and two
 * that decide at once store the same visit twice. The claim is a lock (POSIX, which children do not
 * inherit and NFS carries to other machines) on a file beside the campaign, "C.wattle-sweep", that
 * says whose it is. It ends with its process, however that ends.
 */
#ifndef WTL_STORE_CLAIM_H
#define WTL_STORE_CLAIM_H

#include "base/error.h"
#include "base/limits.h"

struct wtl_claim {
    char path[WTL_LIMIT_PATH]; /* of the lock; "": nothing is claimed */
    int fd;
};

/* For the campaign at `path`, which is there. -WTL_BUSY: names the process that has it and what to
 * do. `out` is untouched on failure. */
int wtl_claim_take(const char *path, struct wtl_claim *out, struct wtl_error *err);

/* One that was never taken (all zero) is fine. */
void wtl_claim_drop(struct wtl_claim *claim);

#endif
