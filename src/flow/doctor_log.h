/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors that NVIDIA's driver wrote into the kernel log (XIDs). NVML tells of an XID those alone
 * who wait for it when it comes; the log keeps it. Lines as in NVIDIA, "XID Errors":
 *   NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, name=python3, GPU has fallen off the bus.
 */
#ifndef WTL_FLOW_DOCTOR_LOG_H
#define WTL_FLOW_DOCTOR_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum { WTL_XIDS = 32 };

/* One number of one board. */
struct wtl_xid {
    char pci[24]; /* "0000:3b:00" */
    int number;
    int n;          /* how often */
    double last_s;  /* since boot, of the last one; negative: the line does not say */
    char text[160]; /* of the last one, what follows the number */
};

struct wtl_xids {
    struct wtl_xid xid[WTL_XIDS];
    size_t n;
    int more; /* lines for which there was no place */
};

/* Takes a line of /dev/kmsg ("6,1234,98765432,-;NVRM: ...") or of dmesg ("[   98.7] NVRM: ...")
 * into account; others are passed over. Whether it was one. */
bool wtl_xids_add(struct wtl_xids *xids, const char *line);

/* Reads "dev/kmsg" below the directory, without waiting. 0, or an errno: ENOENT, EACCES, EPERM. */
int wtl_xids_read(int root_fd, struct wtl_xids *out);

#endif
