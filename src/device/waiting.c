/* SPDX-License-Identifier: Apache-2.0
 * Threads without signals, locks and conditions on the monotonic clock. */
#include "device/waiting.h"

#include "base/clock.h"

#include <signal.h>

bool wtl_thread_start(pthread_t *thread, void *(*run)(void *), void *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(thread, NULL, run, arg) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

bool wtl_waiting_init(pthread_mutex_t *lock, pthread_cond_t *changed)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0)
        return false;
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    bool made = pthread_mutex_init(lock, NULL) == 0;
    if (made && pthread_cond_init(changed, &attr) != 0) {
        pthread_mutex_destroy(lock);
        made = false;
    }
    pthread_condattr_destroy(&attr);
    return made;
}

void wtl_waiting_fini(pthread_mutex_t *lock, pthread_cond_t *changed)
{
    pthread_cond_destroy(changed);
    pthread_mutex_destroy(lock);
}

struct timespec wtl_time_after(struct timespec t, int64_t ns)
{
    int64_t sum = t.tv_nsec + ns;
    t.tv_sec += (time_t)(sum / WTL_NS_PER_S);
    t.tv_nsec = (long)(sum % WTL_NS_PER_S);
    return t;
}

struct timespec wtl_time_from_now(int64_t ns)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return wtl_time_after(t, ns);
}
