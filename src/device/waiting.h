/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads, and waiting for another one until a time of the monotonic clock, which nobody sets.
 */
#ifndef WTL_DEVICE_WAITING_H
#define WTL_DEVICE_WAITING_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Starts a thread that no signal is delivered to: they are for who started it, or for the program.
 * False: there is none. */
bool wtl_thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

/* A lock, and a condition whose pthread_cond_timedwait() counts in CLOCK_MONOTONIC. False: neither
 * could be made. */
bool wtl_waiting_init(pthread_mutex_t *lock, pthread_cond_t *changed);
void wtl_waiting_fini(pthread_mutex_t *lock, pthread_cond_t *changed);

struct timespec wtl_time_after(struct timespec t, int64_t ns);

/* CLOCK_MONOTONIC in so many ns. */
struct timespec wtl_time_from_now(int64_t ns);

#endif
