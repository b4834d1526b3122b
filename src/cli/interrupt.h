/* SPDX-License-Identifier: Apache-2.0
 *
 * What the command does when it is told to end (SIGINT, SIGTERM, SIGHUP): temporary files go, then
 * the signal has its usual effect. Files are replaced by renames, so that nothing else is left
 * half.
 */
#ifndef WTL_CLI_INTERRUPT_H
#define WTL_CLI_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* At the start of main(). A signal that the caller had ignored (nohup) stays ignored. */
void wtl_interrupt_init(void);

/* From now on the first of these signals is only noted, so that what was lent can be put back; a
 * second one of the same kind ends the command at once (and the guardian puts back). For the moment
 * before the first change: until then a signal shall end the command at once. */
void wtl_interrupt_hold(void);

/* Whether one was noted; waits for one up to so long. */
bool wtl_interrupt_noted(void);
bool wtl_interrupt_wait(int64_t ns);

/* While a command of the user's runs as process `pid`: these signals, and SIGQUIT, are sent on to
 * it and have no other effect, as often as they come; SIGINT and SIGQUIT of the terminal it gets by
 * itself. One that was noted before goes to it now. 0: as before that. */
void wtl_interrupt_forward(pid_t pid);

/* Whether any came since wtl_interrupt_hold(), noted or sent on. */
bool wtl_interrupt_came(void);

/* The usual effect again, also of the one that was noted: may not return. */
void wtl_interrupt_release(void);

#endif
