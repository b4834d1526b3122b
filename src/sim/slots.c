/* SPDX-License-Identifier: Apache-2.0
 * Processes of the virtual GPU: who is there, and when each has work. */
#include "sim/engine.h"

#include <math.h>
#include <string.h>

/* ---- When a slot has work -------------------------------------------------------------------- */

/* Steps from `tick` to the next turn of a pattern; *on_out: whether it is on now. */
static int64_t pattern_left(const struct wtl_sim_pattern *p, int64_t tick, bool *on_out)
{
    if (p->period_ms <= 0) {
        *on_out = true;
        return WTL_SIM_NEVER;
    }
    const int64_t period = wtl_sim_steps(p->period_ms), on = wtl_sim_steps(p->on_ms);
    int64_t at = (tick - wtl_sim_steps(p->shift_ms)) % period;
    if (at < 0)
        at += period;
    *on_out = at < on;
    return on >= period || on == 0 ? WTL_SIM_NEVER : *on_out ? on - at : period - at;
}

static const struct wtl_sim_phase *phase_of(const struct wtl_sim_slot *slot)
{
    const struct wtl_sim_tenant *t = &slot->process.tenant;
    return &t->workload.phases[t->phase];
}

static void begin_phase(struct wtl_sim_gpu *gpu, int i)
{
    struct wtl_sim_slot *slot = &gpu->slots[i];
    const double per_item = phase_of(slot)->work_per_item;
    const bool ends = per_item > 0 && slot->process.tenant.workload.n_phases > 1;
    slot->phase_end = ends ? gpu->work[i] + per_item * slot->process.tenant.batch : 0;
}

void wtl_sim_slots_schedule(struct wtl_sim_gpu *gpu)
{
    int64_t next = WTL_SIM_NEVER;
    gpu->on = gpu->phases = 0;
    for (int i = 0; i < gpu->n_slots; i++) {
        struct wtl_sim_slot *slot = &gpu->slots[i];
        const int64_t left = pattern_left(&slot->process.pattern, gpu->tick, &slot->on);
        if (left != WTL_SIM_NEVER && gpu->tick + left < next)
            next = gpu->tick + left;
        if (slot->process.tenant.phase)
            gpu->phases |= UINT64_C(1) << i;
        if (!slot->on)
            continue;
        gpu->on |= UINT64_C(1) << i;
        const double rate = gpu->now.work_per_s[i];
        if (slot->phase_end <= 0 || rate <= 0)
            continue;
        /* What is left of the phase at the rate in force since the last flush. */
        const double steps = ceil((slot->phase_end - gpu->work[i]) / (rate * WTL_SIM_STEP_S));
        const int64_t end = gpu->flushed_tick + (steps < 1 ? 1 : (int64_t)fmin(steps, 1e15));
        if (end < next)
            next = end;
    }
    gpu->slots_tick = next > gpu->tick ? next : gpu->tick + 1;
}

void wtl_sim_slots_due(struct wtl_sim_gpu *gpu)
{
    for (int i = 0; i < gpu->n_slots; i++) {
        struct wtl_sim_slot *slot = &gpu->slots[i];
        struct wtl_sim_tenant *t = &slot->process.tenant;
        if (slot->phase_end <= 0 || gpu->work[i] < slot->phase_end * (1 - 1e-12))
            continue;
        t->phase = (t->phase + 1) % t->workload.n_phases;
        begin_phase(gpu, i);
    }
    wtl_sim_slots_schedule(gpu);
}

/* ---- Attach and detach ----------------------------------------------------------------------- */

static double need_mib(const struct wtl_sim_tenant *t)
{
    return t->workload.process_mib + t->batch * t->workload.item_mib;
}

static int check_pattern(struct wtl_sim_pattern p, struct wtl_error *err)
{
    if (p.period_ms < 0 || p.on_ms < 0 || (p.period_ms && p.on_ms > p.period_ms) ||
        p.period_ms % WTL_SIM_STEP_MS || p.on_ms % WTL_SIM_STEP_MS || p.shift_ms % WTL_SIM_STEP_MS)
        return WTL_FAIL(err, WTL_USAGE,
                        "pattern %d of %d ms, shifted by %d: expected multiples of %d, on within "
                        "the period",
                        p.on_ms, p.period_ms, p.shift_ms, WTL_SIM_STEP_MS);
    return 0;
}

/* Once in 30 years. Less is no work, and its reciprocals no numbers. */
#define LEAST_OFFERED 1e-9

static int check_batch(const struct wtl_sim_workload *w, int batch, double offered,
                       struct wtl_error *err)
{
    if (batch < 1 || (w->batch_max > 0 && batch > w->batch_max))
        return WTL_FAIL(err, WTL_USAGE, "batch %d of %s: expected 1 to %d", batch, w->name,
                        w->batch_max);
    if (!(offered >= 0) || isinf(offered) || (offered > 0 && offered < LEAST_OFFERED))
        return WTL_FAIL(err, WTL_USAGE, "offered work %g /s of %s: expected 0, or %g and more",
                        offered, w->name, LEAST_OFFERED);
    return 0;
}

/* Whether `need` fits beside what is there; `gone` is what its own process gives back. */
static int check_memory(struct wtl_sim_gpu *gpu, const struct wtl_sim_process *p, double need,
                        double gone, struct wtl_error *err)
{
    double whole = gpu->board.silicon.vram_mib, used = gpu->vram_used_mib;
    if (gpu->mig && p->instance >= 0) {
        whole = gpu->instances[p->instance].vram_mib;
        used = 0;
        for (int i = 0; i < gpu->n_slots; i++)
            if (gpu->slots[i].process.instance == p->instance)
                used += gpu->slots[i].vram_mib;
    }
    if (used - gone + need <= whole)
        return 0;
    gpu->oom_count++;
    return WTL_FAIL(err, WTL_NOMEM,
                    "%s at batch %d needs %.0f MiB of GPU memory, %.0f of %.0f MiB are free",
                    p->tenant.workload.name, p->tenant.batch, need, whole - (used - gone), whole);
}

static int check_place(const struct wtl_sim_gpu *gpu, const struct wtl_sim_process *p,
                       struct wtl_error *err)
{
    if (gpu->lost)
        return WTL_FAIL(err, WTL_LOST, "GPU %d is lost", gpu->index);
    if (gpu->n_slots == WTL_SIM_TENANTS)
        return WTL_FAIL(err, WTL_LIMIT, "GPU %d has %d processes, no more fit", gpu->index,
                        WTL_SIM_TENANTS);
    if (wtl_sim_find(gpu, p->pid))
        return WTL_FAIL(err, WTL_BUSY, "process %u is on GPU %d already", p->pid, gpu->index);
    if (gpu->compute_mode == WTL_SIM_COMPUTE_PROHIBITED)
        return WTL_FAIL(err, WTL_BUSY, "compute mode of GPU %d is prohibited", gpu->index);
    if (gpu->compute_mode == WTL_SIM_COMPUTE_EXCLUSIVE_PROCESS)
        for (int i = 0; i < gpu->n_slots; i++)
            if (!p->mps || !gpu->slots[i].process.mps)
                return WTL_FAIL(err, WTL_BUSY, "GPU %d is exclusive to process %u", gpu->index,
                                gpu->slots[i].process.pid);
    return 0;
}

static int check_instance(const struct wtl_sim_gpu *gpu, int instance, struct wtl_error *err)
{
    if (!gpu->mig && instance < 0)
        return 0;
    if (!gpu->mig)
        return WTL_FAIL(err, WTL_USAGE, "GPU %d has no MIG instances", gpu->index);
    if (instance < 0)
        return WTL_FAIL(err, WTL_USAGE,
                        "GPU %d is split by MIG: a process needs one of its instances, 0 to %d",
                        gpu->index, gpu->n_instances - 1);
    if (instance >= gpu->n_instances)
        return WTL_FAIL(err, WTL_USAGE, "there is no MIG instance %d: those of GPU %d are 0 to %d",
                        instance, gpu->index, gpu->n_instances - 1);
    return 0;
}

static int check_process(const struct wtl_sim_gpu *gpu, const struct wtl_sim_process *p,
                         struct wtl_error *err)
{
    const struct wtl_sim_tenant *t = &p->tenant;
    const struct wtl_sim_workload *w = &t->workload;
    if (!(t->share > 0 && t->share <= 1))
        return WTL_FAIL(err, WTL_USAGE, "share %g of process %u: expected more than 0, at most 1",
                        t->share, p->pid);
    if (p->mps && !(gpu->board.capabilities & WTL_SIM_MPS))
        return WTL_FAIL(err, WTL_UNSUPPORTED, "%s has no MPS", gpu->board.name);
    if (!p->mps && t->share < 1)
        return WTL_FAIL(err, WTL_USAGE, "share %g of process %u: only MPS clients have one",
                        t->share, p->pid);
    if (w->n_phases < 1 || w->n_phases > WTL_SIM_PHASES || t->phase < 0 || t->phase >= w->n_phases)
        return WTL_FAIL(err, WTL_USAGE, "phase %d of %d of %s", t->phase, w->n_phases, w->name);
    int rc = check_instance(gpu, p->instance, err);
    if (rc)
        return rc;
    rc = check_batch(w, t->batch, t->offered_per_s, err);
    return rc ? rc : check_pattern(p->pattern, err);
}

/* Clocks come up, or the way down is called off. */
static void wake(struct wtl_sim_gpu *gpu)
{
    gpu->idle_tick = 0;
    if (gpu->deep_idle && !gpu->wake_tick)
        gpu->wake_tick = gpu->tick + 1 + wtl_sim_steps(gpu->board.idle.wake_ms);
}

/* After any change of the slots. Rates settle first: phases are scheduled by them. */
static void changed(struct wtl_sim_gpu *gpu)
{
    wtl_sim_rates_forget(gpu);
    wtl_sim_slots_schedule(gpu);
    wtl_sim_settle(gpu);
    wtl_sim_slots_schedule(gpu);
}

int wtl_sim_attach(struct wtl_sim_gpu *gpu, const struct wtl_sim_process *p, struct wtl_error *err)
{
    int rc = check_place(gpu, p, err);
    if (!rc)
        rc = check_process(gpu, p, err);
    if (!rc)
        rc = check_memory(gpu, p, need_mib(&p->tenant), 0, err);
    if (rc)
        return rc;
    wtl_sim_flush(gpu);
    const int i = gpu->n_slots++;
    struct wtl_sim_slot *slot = &gpu->slots[i];
    memset(slot, 0, sizeof *slot);
    gpu->work[i] = gpu->sm_time[i] = 0;
    slot->process = *p;
    slot->vram_mib = need_mib(&p->tenant);
    slot->since_ns = gpu->tick * WTL_SIM_STEP_NS;
    gpu->vram_used_mib += slot->vram_mib;
    wtl_sim_mismatch_workload(&gpu->mismatch, &slot->process.tenant.workload);
    begin_phase(gpu, i);
    wake(gpu);
    changed(gpu);
    return 0;
}

static int slot_of(const struct wtl_sim_gpu *gpu, uint32_t pid)
{
    for (int i = 0; i < gpu->n_slots; i++)
        if (gpu->slots[i].process.pid == pid)
            return i;
    return -1;
}

const struct wtl_sim_slot *wtl_sim_find(const struct wtl_sim_gpu *gpu, uint32_t pid)
{
    const int i = slot_of(gpu, pid);
    return i < 0 ? NULL : &gpu->slots[i];
}

int wtl_sim_set_load(struct wtl_sim_gpu *gpu, uint32_t pid, int batch, double offered_per_s,
                     struct wtl_sim_pattern pattern, struct wtl_error *err)
{
    const int i = slot_of(gpu, pid);
    if (i < 0)
        return WTL_FAIL(err, WTL_NOTFOUND, "process %u is not on GPU %d", pid, gpu->index);
    struct wtl_sim_slot *slot = &gpu->slots[i];
    struct wtl_sim_process p = slot->process;
    p.tenant.batch = batch;
    p.tenant.offered_per_s = offered_per_s;
    p.pattern = pattern;
    int rc = check_batch(&p.tenant.workload, batch, offered_per_s, err);
    if (!rc)
        rc = check_pattern(pattern, err);
    if (!rc)
        rc = check_memory(gpu, &p, need_mib(&p.tenant), slot->vram_mib, err);
    if (rc)
        return rc;
    wtl_sim_flush(gpu);
    gpu->vram_used_mib += need_mib(&p.tenant) - slot->vram_mib;
    slot->vram_mib = need_mib(&p.tenant);
    slot->process = p;
    begin_phase(gpu, i);
    changed(gpu);
    return 0;
}

static double vram_used(const struct wtl_sim_gpu *gpu)
{
    double used = gpu->board.silicon.vram_reserved_mib;
    for (int i = 0; i < gpu->n_slots; i++)
        used += gpu->slots[i].vram_mib;
    return used;
}

int wtl_sim_detach(struct wtl_sim_gpu *gpu, uint32_t pid, struct wtl_error *err)
{
    const int i = slot_of(gpu, pid);
    if (i < 0)
        return WTL_FAIL(err, WTL_NOTFOUND, "process %u is not on GPU %d", pid, gpu->index);
    wtl_sim_flush(gpu);
    gpu->n_slots--;
    const size_t after = (size_t)(gpu->n_slots - i);
    memmove(&gpu->slots[i], &gpu->slots[i + 1], after * sizeof *gpu->slots);
    memmove(&gpu->work[i], &gpu->work[i + 1], after * sizeof *gpu->work);
    memmove(&gpu->sm_time[i], &gpu->sm_time[i + 1], after * sizeof *gpu->sm_time);
    gpu->vram_used_mib = vram_used(gpu);
    if (!gpu->n_slots) {
        gpu->wake_tick = 0;
        if (!gpu->deep_idle)
            gpu->idle_tick = gpu->tick + 1 + wtl_sim_steps(gpu->board.idle.after_ms);
    }
    changed(gpu);
    return 0;
}

bool wtl_sim_work(const struct wtl_sim_gpu *gpu, uint32_t pid, double *work_out, double *per_s_out)
{
    const int i = slot_of(gpu, pid);
    if (i < 0)
        return false;
    const double s = (double)(gpu->tick - gpu->flushed_tick) * WTL_SIM_STEP_S;
    *per_s_out = gpu->now.work_per_s[i];
    *work_out = gpu->work[i] + gpu->now.work_per_s[i] * s;
    return true;
}
