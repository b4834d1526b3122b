/* SPDX-License-Identifier: Apache-2.0
 * Workers, and their outcomes in order of file. A ring of outcomes bounds how far workers run ahead
 * of the thread that stores, and thereby the memory. */
#include "flow/import.h"

#include <locale.h>
#include <pthread.h>
#include <string.h>

enum { SLOTS_PER_WORKER = 4 };

struct pool {
    const struct import_job *job;
    struct import_outcome *ring;
    bool *done; /* by slot: the outcome waits to be taken */
    size_t n_slots;
    pthread_mutex_t mutex;
    pthread_cond_t outcome_done;
    pthread_cond_t slot_free;
    size_t next;  /* file to be read next */
    size_t taken; /* files taken so far */
    bool stop;
    locale_t locale; /* of the caller: threads begin with that of the process */
};

struct thread {
    struct pool *pool;
    struct import_worker *worker;
    pthread_t id;
};

/* The next file to read, or n_files. */
static size_t claim(struct pool *p)
{
    pthread_mutex_lock(&p->mutex);
    while (!p->stop && p->next < p->job->n_files && p->next >= p->taken + p->n_slots)
        pthread_cond_wait(&p->slot_free, &p->mutex);
    size_t index = p->stop ? p->job->n_files : p->next;
    if (index < p->job->n_files)
        p->next++;
    pthread_mutex_unlock(&p->mutex);
    return index;
}

static void *work(void *opaque)
{
    struct thread *t = opaque;
    struct pool *p = t->pool;
    uselocale(p->locale);
    for (;;) {
        size_t index = claim(p);
        if (index >= p->job->n_files)
            return NULL;
        import_read(t->worker, index, &p->ring[index % p->n_slots]);
        pthread_mutex_lock(&p->mutex);
        p->done[index % p->n_slots] = true;
        pthread_cond_broadcast(&p->outcome_done);
        pthread_mutex_unlock(&p->mutex);
    }
}

static void wait_for(struct pool *p, size_t index)
{
    pthread_mutex_lock(&p->mutex);
    while (!p->done[index % p->n_slots])
        pthread_cond_wait(&p->outcome_done, &p->mutex);
    pthread_mutex_unlock(&p->mutex);
}

static void release(struct pool *p, size_t index)
{
    pthread_mutex_lock(&p->mutex);
    p->done[index % p->n_slots] = false;
    p->taken = index + 1;
    pthread_cond_broadcast(&p->slot_free);
    pthread_mutex_unlock(&p->mutex);
}

static void stop(struct pool *p)
{
    pthread_mutex_lock(&p->mutex);
    p->stop = true;
    pthread_cond_broadcast(&p->slot_free);
    pthread_mutex_unlock(&p->mutex);
}

typedef int take_fn(void *ctx, size_t index, struct import_outcome *outcome, struct wtl_error *err);

/* All on the caller's thread. */
static int run_alone(struct pool *p, struct import_worker *worker, take_fn *take, void *ctx,
                     struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < p->job->n_files; i++) {
        import_read(worker, i, &p->ring[0]);
        rc = take(ctx, i, &p->ring[0], err);
    }
    return rc;
}

/* With as many of n threads as the system gives: the result is the same. */
static int run_threads(struct pool *p, struct thread *threads, int n, take_fn *take, void *ctx,
                       struct wtl_error *err)
{
    int rc = 0, started = 0;
    while (started < n && pthread_create(&threads[started].id, NULL, work, &threads[started]) == 0)
        started++;
    if (started == 0)
        return run_alone(p, threads[0].worker, take, ctx, err);
    for (size_t i = 0; rc == 0 && i < p->job->n_files; i++) {
        wait_for(p, i);
        rc = take(ctx, i, &p->ring[i % p->n_slots], err);
        release(p, i);
    }
    stop(p);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i].id, NULL);
    return rc;
}

static int run_pool(struct pool *p, struct thread *threads, int n, take_fn *take, void *ctx,
                    struct wtl_error *err)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < n; i++) {
        threads[i].pool = p;
        rc = import_worker_new(p->job, &threads[i].worker, err);
    }
    if (rc == 0 && n == 1)
        rc = run_alone(p, threads[0].worker, take, ctx, err);
    else if (rc == 0)
        rc = run_threads(p, threads, n, take, ctx, err);
    for (int i = 0; i < n; i++)
        import_worker_free(threads[i].worker);
    return rc;
}

int import_run_pool(const struct import_job *job, take_fn *take, void *ctx, struct wtl_error *err)
{
    int n = job->flow->threads < 1 ? 1 : job->flow->threads;
    if (n > WTL_LIMIT_THREADS)
        n = WTL_LIMIT_THREADS;
    if ((size_t)n > job->n_files)
        n = job->n_files ? (int)job->n_files : 1;
    struct wtl_arena arena;
    wtl_arena_init(&arena, job->flow->alloc);
    struct pool p = {.job = job,
                     .n_slots = n == 1 ? 1 : (size_t)n * SLOTS_PER_WORKER,
                     .locale = uselocale((locale_t)0)};
    p.ring = WTL_NEW_ARRAY(&arena, struct import_outcome, p.n_slots);
    p.done = WTL_NEW_ARRAY(&arena, bool, p.n_slots);
    struct thread *threads = WTL_NEW_ARRAY(&arena, struct thread, (size_t)n);
    int rc = p.ring && p.done && threads ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (rc == 0) {
        for (size_t i = 0; i < p.n_slots; i++)
            wtl_arena_init(&p.ring[i].arena, job->flow->alloc);
        pthread_mutex_init(&p.mutex, NULL);
        pthread_cond_init(&p.outcome_done, NULL);
        pthread_cond_init(&p.slot_free, NULL);
        rc = run_pool(&p, threads, n, take, ctx, err);
        pthread_cond_destroy(&p.slot_free);
        pthread_cond_destroy(&p.outcome_done);
        pthread_mutex_destroy(&p.mutex);
        for (size_t i = 0; i < p.n_slots; i++)
            wtl_arena_fini(&p.ring[i].arena);
    }
    wtl_arena_fini(&arena);
    return rc;
}
