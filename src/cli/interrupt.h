/* SPDX-License-Identifier: Apache-2.0
 *
 * What the command does when it is told to end (SIGINT, SIGTERM, SIGHUP): temporary files go, then
 * the signal has its usual effect. Files are replaced by renames, so that nothing else is left
 * half.
 */
#ifndef WTL_CLI_INTERRUPT_H
#define WTL_CLI_INTERRUPT_H

/* At the start of main(). A signal that the caller had ignored (nohup) stays ignored. */
void wtl_interrupt_init(void);

#endif
