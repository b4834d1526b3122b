/* SPDX-License-Identifier: Apache-2.0
 * The simulation behind a virtual device, for who runs workloads on it. */
#include "device/virtual/loads.h"

#include "base/text.h"
#include "device/machine_impl.h"
#include "device/virtual/virtual_impl.h"

/* The device, or the one that it wraps: whose id its own ends with. */
static struct virtual_device *state_of(struct wtl_device *d)
{
    struct virtual_device *v = wtl_virtual_state(&d->ops);
    const struct wtl_machine *m = d->machine;
    for (size_t i = 0; !v && (d->info.flags & WTL_DEVICE_FAULTY) && i < m->n_hidden; i++)
        if (wtl_ends_with(d->info.id, m->hidden[i]->info.id))
            v = wtl_virtual_state(&m->hidden[i]->ops);
    return v;
}

struct wtl_sim_gpu *wtl_virtual_board(struct wtl_device *device)
{
    struct virtual_device *v = state_of(device);
    if (!v)
        return NULL;
    wtl_virtual_catch_up(v);
    return &v->gpu;
}

/* Settings of the driver outlast the hour. */
static void carry_over(const struct wtl_sim_gpu *from, struct wtl_sim_gpu *to)
{
    to->sm_lock = to->sm_lock_held = from->sm_lock;
    to->mem_lock = to->mem_lock_held = from->mem_lock;
    to->limit_w = from->limit_w;
    to->oob_limit_w = from->oob_limit_w;
    to->persistence = from->persistence;
    to->compute_mode = from->compute_mode;
    to->epoch = from->epoch;
}

int wtl_virtual_restart(struct wtl_device *device, const struct wtl_virtual_hour *hour,
                        struct wtl_error *err)
{
    struct virtual_device *v = state_of(device);
    if (!v)
        return WTL_FAIL(err, WTL_UNSUPPORTED, "%s is no virtual device of this process",
                        device->info.id);
    struct wtl_sim_gpu before = v->gpu;
    struct wtl_sim_options options = v->options;
    const int64_t now_ns = v->clock.monotonic_ns(v->clock.ctx);
    options.start_unix_ns += now_ns - v->opened_ns;
    options.start_c = hour->start_c;
    options.noise_from = hour->noise_from;
    int rc = wtl_sim_gpu_init(&v->gpu, &v->profile, &options, err);
    if (rc < 0) {
        v->gpu = before;
        return rc;
    }
    v->options.start_unix_ns = options.start_unix_ns;
    v->opened_ns = now_ns;
    v->n_heard = v->gpu.n_events;
    carry_over(&before, &v->gpu);
    return 0;
}
