/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors 0 to 2, and processes that go to the background.
 */
#ifndef WTL_BASE_DETACH_H
#define WTL_BASE_DETACH_H

/* First thing in a program: those of 0 to 2 that its caller closed are opened on /dev/null, the
 * wrong way round, so that reading and writing fail as before, but no file of ours gets their
 * number, to be written into by whoever prints. 0, or -1 when that cannot be. */
int wtl_standard_descriptors(void);

/* For a forked child: a session of its own, "/" as its directory, /dev/null as 0 to 2, and every
 * other descriptor closed but the `n` of `keep` (those that are negative do not count). One that is
 * below 3 is moved out of the way, and its new number written to `keep`; it is -1 when it could not
 * be. Calls nothing that is not safe after fork(). */
void wtl_detach(int *keep, int n);

#endif
