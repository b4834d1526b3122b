/* SPDX-License-Identifier: Apache-2.0
 * Randomised complete blocks with anchors. */
#include "lab/blocks.h"

#include "base/random.h"

/* The random streams of one block: that of the order of workloads, then one for each. */
static uint64_t stream_of(int block, int workload)
{
    return (uint64_t)block * 1000 + (uint64_t)(workload + 1);
}

static void shuffled(uint64_t seed, uint64_t stream, int *items, int n)
{
    struct wtl_rng rng;
    wtl_rng_init_stream(&rng, seed, stream);
    for (int i = 0; i < n; i++)
        items[i] = i;
    wtl_rng_shuffle(&rng, items, n);
}

struct row {
    struct wtl_slot *slots;
    size_t n;
};

static void put(struct row *row, int workload, int point, bool anchor)
{
    row->slots[row->n++] = (struct wtl_slot){workload, point, anchor};
}

/* One workload's part of a block: its points with the anchors among them. */
static void put_workload(struct row *row, const struct wtl_block_request *q, int w,
                         const int *points, int n)
{
    const int every = q->anchor_every > 0 ? q->anchor_every : (n + 1) / 2;
    put(row, w, q->reference, true);
    for (int i = 0; i < n; i++) {
        put(row, w, points[i], false);
        if (i + 1 == n || (i + 1) % every == 0)
            put(row, w, q->reference, true);
    }
    if (n == 0) {
        put(row, w, q->reference, true);
        put(row, w, q->reference, true);
    }
}

int wtl_block_slots(struct wtl_arena *arena, const struct wtl_block_request *q,
                    struct wtl_slot **slots_out, size_t *n_out, struct wtl_error *err)
{
    const size_t n_points = (size_t)q->n_points, n_workloads = (size_t)q->n_workloads;
    int *order = WTL_NEW_ARRAY(arena, int, n_workloads + 1);
    int *points = WTL_NEW_ARRAY(arena, int, n_points + 1);
    struct row row = {
        .slots = WTL_NEW_ARRAY(arena, struct wtl_slot, n_workloads * (2 * n_points + 3) + 1)};
    if (!order || !points || !row.slots)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    shuffled(q->seed, stream_of(q->block, -1), order, q->n_workloads);
    for (int i = 0; i < q->n_workloads; i++) {
        const bool *active = q->active + (size_t)order[i] * n_points;
        int n = 0;
        bool any = false;
        shuffled(q->seed, stream_of(q->block, order[i]), points, q->n_points);
        for (int k = 0; k < q->n_points; k++) {
            any = any || active[points[k]];
            if (active[points[k]] && points[k] != q->reference)
                points[n++] = points[k];
        }
        if (any)
            put_workload(&row, q, order[i], points, n);
    }
    *slots_out = row.slots;
    *n_out = row.n;
    return 0;
}

uint64_t wtl_visit_seed(uint64_t seed, int block, int position, int attempt)
{
    struct wtl_rng rng;
    uint64_t stream = ((uint64_t)block << 40) ^ ((uint64_t)position << 12) ^ (uint64_t)attempt;
    wtl_rng_init_stream(&rng, seed, stream);
    return wtl_rng_next(&rng);
}
