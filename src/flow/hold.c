/* SPDX-License-Identifier: Apache-2.0
 * Devices and a holder for one command. */
#include "flow/hold.h"

#include "base/data.h"
#include "codec/json.h"
#include "lease/process.h"

#include <string.h>

/* What the guardian shall be able to put back: everything here that has a knob and outlasts us. */
static int guarded(struct wtl_arena *arena, struct wtl_machine *machine,
                   const char *const **ids_out, struct wtl_error *err)
{
    size_t n = wtl_machine_count(machine), used = 0;
    const char **ids = WTL_NEW_ARRAY(arena, const char *, n + 1);
    if (!ids)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const struct wtl_device_info *info = wtl_device_info(wtl_machine_device(machine, i));
        if (info->knobs && !(info->flags & WTL_DEVICE_EPHEMERAL))
            ids[used++] = info->id;
    }
    *ids_out = ids;
    return 0;
}

static int open_hold(const struct wtl_flow *flow, struct wtl_arena *arena,
                     const struct wtl_machine_options *machine, const char *text, bool look_only,
                     struct wtl_hold *hold_out, struct wtl_error *err)
{
    struct wtl_hold *h = hold_out;
    *h = (struct wtl_hold){0};
    int rc = wtl_machine_open(flow->alloc, machine, &h->machine, err);
    rc = rc ? rc : guarded(arena, h->machine, &h->program.device_ids, err);
    if (rc == 0 && !look_only && h->program.device_ids[0]) /* else there is nothing to guard */
        rc = wtl_program_path(arena, &h->program.program, err);
    struct wtl_holder_options options = {.machine = h->machine,
                                         .clock = flow->clock,
                                         .log = flow->log,
                                         .text = text,
                                         .look_only = look_only,
                                         .guard = wtl_guardian_exec,
                                         .guard_ctx = &h->program};
    rc = rc ? rc : wtl_holder_open(arena, &options, &h->holder, err);
    if (rc == 0)
        h->program.owner = *wtl_holder_owner(h->holder);
    else
        wtl_hold_close(h);
    return rc;
}

int wtl_hold_open(const struct wtl_flow *flow, struct wtl_arena *arena, const char *const *ids,
                  size_t n, const char *text, bool look_only, struct wtl_hold *hold_out,
                  struct wtl_error *err)
{
    const char **only = WTL_NEW_ARRAY(arena, const char *, n + 1);
    if (!only)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        only[i] = ids[i];
    const struct wtl_machine_options options = {
        .clock = flow->clock, .only = n ? only : NULL, .for_knobs = true};
    return open_hold(flow, arena, &options, text, look_only, hold_out, err);
}

int wtl_hold_open_those_here(const struct wtl_flow *flow, struct wtl_arena *arena,
                             const char *const *ids, const char *text, bool look_only,
                             struct wtl_hold *hold_out, struct wtl_error *err)
{
    const struct wtl_machine_options options = {
        .clock = flow->clock, .only = ids, .only_those_here = true, .for_knobs = true};
    return open_hold(flow, arena, &options, text, look_only, hold_out, err);
}

void wtl_hold_close(struct wtl_hold *hold)
{
    wtl_holder_close(hold->holder);
    wtl_machine_close(hold->machine);
    hold->holder = NULL;
    hold->machine = NULL;
}

json_t *wtl_knob_value_json(enum wtl_knob knob, struct wtl_knob_value value)
{
    if (value.released)
        return json_string("released");
    if (!wtl_knob_info(knob)->range)
        return wtl_json_finite(value.hi);
    return json_pack("[o, o]", wtl_json_finite(value.lo), wtl_json_finite(value.hi));
}

json_t *wtl_knob_move_json(const struct wtl_knob_move *m)
{
    json_t *o = json_pack(
        "{s:o, s:o, s:s, s:o, s:o, s:b, s:b}", "device", wtl_json_text(m->device), "name",
        wtl_json_text(m->device_name), "knob", wtl_knob_info(m->knob)->name, "from",
        m->from_known ? wtl_knob_value_json(m->knob, m->from) : json_null(), "to",
        wtl_knob_value_json(m->knob, m->to), "done", (int)m->done, "verified", (int)m->verified);
    if (m->soft)
        wtl_json_put(&o, "soft_w", wtl_json_finite(m->soft_w));
    return o;
}

json_t *wtl_lease_json(const struct wtl_lease_record *r, enum wtl_process_life life)
{
    char at[24];
    json_t *owner =
        json_pack("{s:I, s:o, s:I, s:o, s:b, s:b}", "uid", (json_int_t)r->owner.uid, "user",
                  wtl_json_text(r->owner.user), "pid", (json_int_t)r->owner.pid, "text",
                  wtl_json_text(r->owner.text), "alive", (int)(life != WTL_PROCESS_GONE), "stopped",
                  (int)(life == WTL_PROCESS_STOPPED));
    json_t *root = json_pack("{s:I, s:s, s:s, s:o, s:o, s:s, s:o}", "id", (json_int_t)r->id, "kind",
                             wtl_lease_kind_name(r->kind), "state", wtl_lease_state_name(r->state),
                             "name", r->name[0] ? wtl_json_text(r->name) : json_null(), "purpose",
                             wtl_json_text(r->purpose), "since",
                             wtl_format_utc(r->granted_wall_ns, at, sizeof at), "owner", owner);
    if (r->has_budget) {
        wtl_json_put(&root, "budget_w", wtl_json_finite(r->budget_w));
        wtl_json_put(&root, "base_w", wtl_json_finite(r->base_w));
    }
    return root;
}
