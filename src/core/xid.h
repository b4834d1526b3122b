/* SPDX-License-Identifier: Apache-2.0
 *
 * XIDs: errors as NVIDIA's driver numbers them, from the application's own fault to a board that is
 * gone. The numbers are those of NVIDIA, "XID Errors"; the words are ours.
 */
#ifndef WTL_CORE_XID_H
#define WTL_CORE_XID_H

#include <stdbool.h>

/* "GPU memory page fault"; NULL: a number that is not known here. */
const char *wtl_xid_text(int number);

/* "XID 31 (GPU memory page fault)", "XID 500". Returns buf. */
enum { WTL_XID_TEXT = 80 };
const char *wtl_xid_format(int number, char buf[WTL_XID_TEXT]);

/* Whether NVIDIA's table has it as a failure of board, link or firmware, after which the board
 * needs a reset or a look; others come from applications. */
bool wtl_xid_is_serious(int number);

/* Whether nothing can be measured on the board any more before a reset: it fell off the bus, its
 * controller or firmware has stopped, or memory errors were not contained. All are serious. */
bool wtl_xid_loses_board(int number);

#endif
