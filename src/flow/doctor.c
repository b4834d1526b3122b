/* SPDX-License-Identifier: Apache-2.0
 * What works here, what does not, and who holds what. */
#include "flow/doctor.h"

#include "base/data.h"
#include "base/dirs.h"
#include "base/sort.h"
#include "base/text.h"
#include "codec/json.h"
#include "core/xid.h"
#include "device/sysfs.h"
#include "flow/doctor_log.h"
#include "flow/mps.h"
#include "lease/known.h"
#include "lease/process.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Findings of ours -------------------------------------------------------------------------*/

struct findings {
    struct wtl_arena *arena;
    struct wtl_finding *items;
    size_t n, cap;
    bool failed;
};

static void add(struct findings *f, const struct wtl_finding *finding)
{
    if (wtl_grow(f->arena, &f->items, f->n, &f->cap) < 0)
        f->failed = true;
    else
        f->items[f->n++] = *finding;
}

__attribute__((format(printf, 5, 6))) static void say(struct findings *f,
                                                      enum wtl_finding_level level,
                                                      const char *subject, const char *fix,
                                                      const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct wtl_finding finding = {.level = level,
                                  .text = wtl_arena_strdup(f->arena, text),
                                  .fix = wtl_arena_strdup(f->arena, fix ? fix : "")};
    snprintf(finding.subject, sizeof finding.subject, "%s", subject);
    if (!finding.text || !finding.fix)
        f->failed = true;
    else
        add(f, &finding);
}

static void say_world(struct findings *f, const struct wtl_world *w)
{
    if (w->container)
        say(f, WTL_FINDING_NOTE, "container", NULL,
            "this is a container (%s): it sees what its host mounts into it, and numbers of"
            " processes differ%s",
            w->container,
            w->has_capabilities && !w->sys_admin ? "; without CAP_SYS_ADMIN no knob of a GPU moves"
                                                 : "");
    if (w->user_namespace)
        say(f, WTL_FINDING_NOTE, "container", NULL,
            "a user namespace: root here is an ordinary user to the drivers");
    if (w->wsl)
        say(f, WTL_FINDING_NOTE, "wsl", NULL,
            "Windows Subsystem for Linux: drivers and knobs are Windows'; GPUs can be read, hardly"
            " set");
    if (w->hypervisor)
        say(f, WTL_FINDING_NOTE, "machine", NULL,
            "a virtual machine (%s): CPU packages and clocks are mostly hidden, GPUs may be shares",
            w->hypervisor);
}

/* Knobs that are there and that we may not set, but for NVIDIA's, of which its back end speaks. */
static void say_rights(struct findings *f, const struct wtl_doctor *d)
{
    char kinds[128] = "";
    size_t n = 0;
    const struct wtl_world *w = &d->world;
    for (size_t i = 0; i < d->devices.n; i++) {
        const struct wtl_device_info *info = d->devices.looks[i].info;
        if (!(info->knobs & ~info->writable) || wtl_starts_with(info->id, "nvml:"))
            continue;
        char prefix[32];
        snprintf(prefix, sizeof prefix, "%.*s", (int)strcspn(info->id, ":"), info->id);
        if (!strstr(kinds, prefix) && strlen(kinds) + strlen(prefix) + 3 < sizeof kinds)
            snprintf(kinds + strlen(kinds), sizeof kinds - strlen(kinds), "%s%s",
                     kinds[0] ? ", " : "", prefix);
        n++;
    }
    if (n == 0 || !d->live)
        return;
    if (w->has_uid && w->uid > 0)
        say(f, WTL_FINDING_LACK, "rights", "sudo wattle ...",
            "%zu device%s (%s) ha%s knobs that root alone may set", n, wtl_plural((int64_t)n),
            kinds, n == 1 ? "s" : "ve");
    else
        say(f, WTL_FINDING_LACK, "rights", NULL,
            "%zu device%s (%s) ha%s knobs that cannot be set: /sys is mounted read-only here, as"
            " containers do (start it privileged, or work on the host)",
            n, wtl_plural((int64_t)n), kinds, n == 1 ? "s" : "ve");
}

/* The kernel log, where a board of NVIDIA's is (or was, before it fell off the bus). */
static void say_xids(struct findings *f, const struct wtl_doctor *d)
{
    struct wtl_xids xids = {0};
    bool real = false;
    for (size_t i = 0; i < d->devices.n; i++) {
        const struct wtl_device_info *info = d->devices.looks[i].info;
        real = real || (wtl_starts_with(info->id, "nvml:") && !(info->flags & WTL_DEVICE_VIRTUAL));
    }
    int why = wtl_xids_read(wtl_sysfs_root_fd(d->files), &xids);
    if (real && (why == EACCES || why == EPERM))
        say(f, WTL_FINDING_LACK, "kernel log", "sudo wattle doctor",
            "it is for root here (kernel.dmesg_restrict): errors of the driver (XID) are not seen");
    for (size_t i = 0; i < xids.n; i++) {
        const struct wtl_xid *x = &xids.xid[i];
        char last[48] = "";
        if (x->last_s >= 0)
            snprintf(last, sizeof last, ", the last %.0f s after boot", x->last_s);
        say(f, wtl_xid_is_serious(x->number) ? WTL_FINDING_PROBLEM : WTL_FINDING_NOTE, "kernel log",
            NULL, "XID %d of the GPU at %s, %d time%s since boot%s: %s", x->number, x->pci, x->n,
            wtl_plural(x->n), last, x->text);
    }
    if (xids.more > 0)
        say(f, WTL_FINDING_NOTE, "kernel log", NULL, "and %d other XID%s", xids.more,
            wtl_plural(xids.more));
}

/* ---- Leases -----------------------------------------------------------------------------------*/

/* How they stand, as `wattle status` says it. */
static int read_book(struct wtl_arena *arena, const char *state_dir, int64_t wall_ns,
                     struct wtl_doctor *d, struct findings *f, struct wtl_error *err)
{
    struct wtl_book_entry *entries = NULL;
    struct wtl_error e = {0};
    size_t n = 0;
    if (wtl_book_look(state_dir, arena, &entries, &n, &e) < 0) {
        say(f, WTL_FINDING_LACK, "leases", NULL, "the book of leases cannot be read: %s",
            e.message);
        return 0;
    }
    wtl_devices_know(&d->devices, entries, n);
    return wtl_flow_status_of(d->devices.machine, entries, n, false, wall_ns, arena, &d->status,
                              err);
}

/* The device of a lease whose driver was loaded anew since; NULL: none. */
static const char *loaded_anew(const struct wtl_doctor *d, const struct wtl_lease_record *r)
{
    for (size_t k = 0; k < r->n_knobs; k++) {
        const struct wtl_device *device = wtl_machine_by_id(d->devices.machine, r->knobs[k].device);
        if (device && strcmp(wtl_device_info(device)->epoch, r->knobs[k].epoch) != 0)
            return r->knobs[k].device;
    }
    return NULL;
}

static void say_unreadable(struct findings *f, const struct wtl_book_entry *e)
{
    char fix[64];
    snprintf(fix, sizeof fix, "sudo wattle restore --forget %lld", (long long)e->record.id);
    say(f, WTL_FINDING_PROBLEM, "leases", fix,
        "lease %lld cannot be read: %s. Nobody knows what it covers, so nothing is set on devices"
        " that last; look at limits and clocks, set by hand what is wrong, then have it forgotten",
        (long long)e->record.id, e->why);
}

/* What is wrong with it besides its knobs. */
static void say_holder(struct findings *f, const struct wtl_status_lease *l)
{
    const struct wtl_lease_record *r = &l->record;
    char fix[64];
    if (l->by_second_name)
        say(f, WTL_FINDING_PROBLEM, "leases", "sudo wattle restore",
            "somebody removed or changed %s; the lease stands all the same, and the next command"
            " that sets something puts the file back",
            l->file);
    if (r->state_damaged) {
        snprintf(fix, sizeof fix, "sudo wattle restore %lld", (long long)r->id);
        say(f, WTL_FINDING_PROBLEM, "leases", fix,
            "the record of lease %lld is damaged: it may have been ended already",
            (long long)r->id);
    }
    snprintf(fix, sizeof fix, "kill -CONT %lld", (long long)r->owner.pid);
    if (l->life == WTL_PROCESS_STOPPED)
        say(f, WTL_FINDING_PROBLEM, "leases", fix,
            "the holder of lease %lld, process %lld (%s), is stopped: it neither looks after it nor"
            " ends it",
            (long long)r->id, (long long)r->owner.pid, r->owner.text);
}

static bool has_problem(const struct findings *f, size_t first)
{
    for (size_t i = first; i < f->n; i++)
        if (f->items[i].level == WTL_FINDING_PROBLEM)
            return true;
    return false;
}

/* What `wattle status --check` ends with 1 for. */
static void say_standing(struct findings *f, const struct wtl_status_lease *l)
{
    const struct wtl_lease_record *r = &l->record;
    char value[WTL_KNOB_TEXT], what[256] = "";
    if (l->excess_w > 0)
        snprintf(what, sizeof what, "limits and base are %g W of %g W", l->sum_w, r->budget_w);
    for (size_t i = 0; i < l->n_knobs; i++) {
        const struct wtl_status_knob *k = &l->knobs[i];
        if (wtl_standing_is_fine(k->standing))
            continue;
        const char *found = k->found_known ? wtl_knob_format(k->record->knob, k->found, value) : "";
        snprintf(what, sizeof what, "%s of %s %s%s%s", wtl_knob_info(k->record->knob)->title,
                 k->record->device, found, found[0] ? ", " : "", wtl_standing_name(k->standing));
        break;
    }
    say(f, WTL_FINDING_PROBLEM, "leases", "wattle status",
        "lease %lld (%s) is not as it shall be%s%s", (long long)r->id,
        r->purpose[0] ? r->purpose : r->owner.text, what[0] ? ": " : "", what);
}

static void say_leases(struct findings *f, const struct wtl_doctor *d)
{
    char boot[WTL_LIMIT_NAME];
    wtl_process_boot(boot);
    for (size_t i = 0; i < d->status.n_unreadable; i++)
        say_unreadable(f, d->status.unreadable[i]);
    for (size_t i = 0; i < d->status.n; i++) {
        const struct wtl_status_lease *l = &d->status.leases[i];
        const struct wtl_lease_record *r = &l->record;
        size_t first = f->n;
        bool kept = r->kind == WTL_LEASE_STANDING && r->state == WTL_LEASE_HELD;
        if (boot[0] && strcmp(boot, r->boot) != 0)
            say(f, l->exposures ? WTL_FINDING_PROBLEM : WTL_FINDING_NOTE, "leases",
                "sudo wattle restore",
                "lease %lld is of an earlier boot: its knobs are back already, and it waits to be"
                " closed",
                (long long)r->id);
        else if (!kept && !l->ended && l->life == WTL_PROCESS_GONE)
            say(f, WTL_FINDING_PROBLEM, "leases", "sudo wattle restore",
                "lease %lld (%s) has lost its holder, and its knobs were not put back",
                (long long)r->id, r->purpose[0] ? r->purpose : r->owner.text);
        else if (loaded_anew(d, r))
            say(f, WTL_FINDING_PROBLEM, "leases", "wattle status",
                "lease %lld (%s) is not in force: the driver of %s was loaded anew and took its"
                " settings along; set them again, or end it",
                (long long)r->id, r->purpose[0] ? r->purpose : r->owner.text, loaded_anew(d, r));
        say_holder(f, l);
        if (l->exposures > 0 && !has_problem(f, first))
            say_standing(f, l);
    }
}

/* ---- MPS --------------------------------------------------------------------------------------*/

static void say_mps_daemon(struct findings *f, const struct wtl_mps_seen_daemon *m)
{
    size_t n_clients = 0;
    for (size_t i = 0; i < m->n_servers; i++)
        n_clients += m->servers[i].n_clients;
    if (m->ours && m->life == WTL_MPS_DANGLING)
        say(f, WTL_FINDING_PROBLEM, "mps", "wattle mps clean",
            "%s was killed and left %zu process%s of MPS in %s", m->record.owner.text,
            m->n_processes, m->n_processes == 1 ? "" : "es", m->record.dir);
    else if (m->answer == -(int)WTL_TIMEOUT)
        say(f, WTL_FINDING_PROBLEM, "mps", NULL,
            "the MPS daemon in %s does not answer: programs that want to be its clients hang, too",
            m->pipe_dir);
    else if (m->answer == 0)
        say(f, WTL_FINDING_OK, "mps", NULL,
            "an MPS daemon runs in %s (%s), %zu server%s, %zu client%s", m->pipe_dir,
            m->ours ? "ours" : "not ours", m->n_servers, wtl_plural((int64_t)m->n_servers),
            n_clients, wtl_plural((int64_t)n_clients));
}

/* The boards of NVIDIA's that more than one process may use at a time. */
static size_t n_shared_boards(const struct wtl_doctor *d, size_t *n_out)
{
    size_t n = 0, all = 0;
    for (size_t i = 0; i < d->devices.n; i++) {
        const struct wtl_device_info *info = d->devices.looks[i].info;
        if (info->kind != WTL_DEVICE_GPU || !wtl_starts_with(info->id, "nvml:"))
            continue;
        all++;
        n += !(info->flags & WTL_DEVICE_EXCLUSIVE);
    }
    *n_out = all;
    return n;
}

/* Something of MPS is told where there is something to tell. */
static int say_mps(struct findings *f, const struct wtl_flow *flow, const char *state_dir,
                   const struct wtl_doctor *d, struct wtl_error *err)
{
    struct wtl_mps_seen seen;
    size_t n_boards = 0, n_running = 0;
    const size_t n_shared = n_shared_boards(d, &n_boards);
    struct wtl_error why = {0};
    int rc = wtl_flow_mps_look(flow->clock, state_dir, f->arena, &seen, &why);
    if (rc == -(int)WTL_NOMEM && err)
        *err = why;
    else if (rc < 0)
        say(f, WTL_FINDING_LACK, "mps", NULL, "cannot be looked for: %s", why.message);
    if (rc < 0)
        return rc == -(int)WTL_NOMEM ? rc : 0;
    for (size_t i = 0; i < seen.n; i++) {
        say_mps_daemon(f, &seen.daemons[i]);
        n_running += seen.daemons[i].answer == 0;
    }
    if (n_boards > 0 && !seen.program)
        say(f, WTL_FINDING_NOTE, "mps", NULL,
            "%s is not here: commands cannot be swept over shares of a GPU", WTL_MPS_PROGRAM);
    if (n_running > 0 && n_shared > 0)
        say(f, WTL_FINDING_NOTE, "mps", "sudo nvidia-smi -c EXCLUSIVE_PROCESS",
            "the compute mode of %zu GPU%s lets programs run beside MPS, without a share; wattle"
            " does not change it",
            n_shared, wtl_plural((int64_t)n_shared));
    return 0;
}

/* ---- What puts knobs back ---------------------------------------------------------------------*/

static void guard(struct wtl_doctor *d, const char *name, bool applies, const char *text)
{
    d->guards[d->n_guards++] = (struct wtl_doctor_guard){name, applies, text};
}

static void guard_by_unit(struct wtl_arena *arena, struct wtl_doctor *d)
{
    struct wtl_doctor_units u;
    wtl_doctor_units(d->files, arena, &u);
    const char *text = NULL;
    if (!u.systemd)
        text = "none: systemd does not run here";
    else if (u.n == 0)
        text = "none: no unit of `wattle deploy` is installed";
    else if (u.restore == 0)
        text =
            wtl_arena_printf(arena, "none: %d unit%s of wattle, but no stop runs `wattle restore`",
                             u.n, wtl_plural(u.n));
    else if (u.restore == 1)
        text = wtl_arena_printf(arena, "when %s stops or fails, systemd puts back what is left",
                                u.first);
    else
        text = wtl_arena_printf(arena,
                                "when one of %d units (%s ...) stops or fails, systemd puts back"
                                " what is left",
                                u.restore, u.first);
    guard(d, "unit", u.systemd && u.restore > 0, text ? text : "");
}

/* Where the journal is, and whether it can be written; why not is a problem. */
static bool check_journal(const char *state_dir, const struct wtl_doctor *d, struct findings *f)
{
    char path[WTL_LIMIT_PATH];
    struct wtl_error e = {0};
    int rc = 0;
    if (state_dir)
        snprintf(path, sizeof path, "%s/leases", state_dir);
    else
        rc = wtl_dir_path(WTL_DIR_STATE, "leases", path, &e);
    rc = rc ? rc : wtl_dir_check_writable(path, &e);
    if (rc == 0)
        return true;
    say(f, WTL_FINDING_PROBLEM, "leases",
        d->status.n + d->status.n_unreadable > 0
            ? "make it writable: the leases that are open are kept there"
            : "make it writable, or name another directory in WATTLE_STATE_DIR",
        "nothing can be set here, since the journal cannot be written: %s%s%s", e.message,
        e.hint[0] ? "; " : "", e.hint);
    return false;
}

static void list_guards(struct wtl_arena *arena, const char *state_dir, struct wtl_doctor *d,
                        struct findings *f)
{
    const char *program = NULL;
    struct wtl_error ignored = {0};
    bool book = check_journal(state_dir, d, f);
    bool guarded = book && wtl_program_path(arena, &program, &ignored) == 0;
    guard(d, "guardian", guarded,
          guarded ? "a process of its own session puts loans back within a second of their holder's"
                    " death"
          : book  ? "none: the program `wattle` is not found, so nothing is lent"
                  : "none: the journal cannot be written, so nothing is lent");
    guard(d, "next start", book,
          book ? "the next wattle that sets something, or `wattle restore`, puts back"
                 " what both of them left"
               : "none: not before the journal can be written");
    guard_by_unit(arena, d);
    guard(d, "broker", false, "none: this version has no broker, each command looks after its own");
    guard(d, "boot", true,
          "a reboot, or a new load of the driver, takes all settings back by itself");
}

/* ---- All --------------------------------------------------------------------------------------*/

static int compare_levels(const void *a, const void *b)
{
    const struct wtl_finding *x = a, *y = b;
    return (int)y->level - (int)x->level;
}

/* Stable: those of one level stay in their order. */
static void sort_findings(struct wtl_doctor *d)
{
    wtl_sort(d->findings, d->n_findings, sizeof *d->findings, compare_levels);
    for (size_t i = 0; i < d->n_findings; i++)
        d->n_of_level[d->findings[i].level]++;
}

static int look(const struct wtl_flow *flow, const struct wtl_doctor_options *options,
                struct wtl_arena *arena, struct wtl_doctor *d, struct wtl_error *err)
{
    const struct wtl_machine_options machine_options = {
        .clock = flow->clock, .root = options->root, .nvml = options->nvml};
    struct wtl_machine *machine = NULL;
    int rc = wtl_machine_open(flow->alloc, &machine_options, &machine, err);
    if (rc < 0)
        return rc;
    /* The machine's own: a thread that hangs in a driver may yet read there. */
    d->files = wtl_machine_files(machine);
    d->live = wtl_sysfs_live(d->files);
    rc = wtl_flow_look(machine, options->root ? options->root : "/", arena, &d->devices, err);
    d->devices.machine = machine;
    wtl_world_look(d->files, &d->world);
    return rc;
}

static int conclude(const struct wtl_flow *flow, const struct wtl_doctor_options *options,
                    struct wtl_arena *arena, struct wtl_doctor *d, struct wtl_error *err)
{
    struct findings f = {.arena = arena};
    int rc = 0;
    for (size_t i = 0; i < d->devices.n_findings; i++)
        add(&f, &d->devices.findings[i]);
    say_world(&f, &d->world);
    say_rights(&f, d);
    say_xids(&f, d);
    if (d->live)
        rc = read_book(arena, options->state_dir, flow->clock.wall_ns(flow->clock.ctx), d, &f, err);
    if (rc < 0)
        return rc;
    say_leases(&f, d);
    rc = d->live ? say_mps(&f, flow, options->state_dir, d, err) : 0;
    if (rc < 0)
        return rc;
    if (d->live)
        list_guards(arena, options->state_dir, d, &f);
    if (f.failed)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    d->findings = f.items;
    d->n_findings = f.n;
    sort_findings(d);
    return 0;
}

int wtl_flow_doctor(const struct wtl_flow *flow, const struct wtl_doctor_options *options,
                    struct wtl_arena *arena, struct wtl_doctor *out, struct wtl_error *err)
{
    struct wtl_doctor d = {0};
    int rc = look(flow, options, arena, &d, err);
    if (rc == 0)
        rc = conclude(flow, options, arena, &d, err);
    if (rc < 0) {
        wtl_doctor_close(&d);
        return rc;
    }
    *out = d;
    return 0;
}

void wtl_doctor_close(struct wtl_doctor *d)
{
    wtl_devices_close(&d->devices);
    d->files = NULL;
}

/* ---- The document -----------------------------------------------------------------------------*/

static json_t *world_json(const struct wtl_world *w)
{
    return json_pack("{s:o, s:o, s:o, s:b, s:b, s:o, s:o}", "kernel",
                     w->kernel[0] ? wtl_json_text(w->kernel) : json_null(), "container",
                     w->container ? json_string(w->container) : json_null(), "hypervisor",
                     w->hypervisor ? json_string(w->hypervisor) : json_null(), "wsl", w->wsl,
                     "user_namespace", w->user_namespace, "uid",
                     w->has_uid ? wtl_json_finite(w->uid) : json_null(), "sys_admin",
                     w->has_capabilities ? json_boolean(w->sys_admin) : json_null());
}

static json_t *lease_knobs_json(const struct wtl_lease_record *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_knobs; i++) {
        const struct wtl_lease_knob_record *k = &r->knobs[i];
        char text[WTL_KNOB_TEXT];
        wtl_json_add(&list,
                     json_pack("{s:o, s:s, s:o}", "device", wtl_json_text(k->device), "knob",
                               wtl_knob_info(k->knob)->name, "wanted",
                               k->seq > 0 ? json_string(wtl_knob_format(k->knob, k->wanted, text))
                                          : json_null()));
    }
    return list;
}

static json_t *leases_json(const struct wtl_doctor *d)
{
    json_t *list = json_array();
    for (size_t i = 0; i < d->status.n; i++) { /* findings name those that cannot be read */
        const struct wtl_lease_record *r = &d->status.leases[i].record;
        wtl_json_add(&list,
                     json_pack("{s:I, s:s, s:s, s:o, s:o, s:o, s:I, s:b, s:o}", "id",
                               (json_int_t)r->id, "kind", wtl_lease_kind_name(r->kind), "state",
                               wtl_lease_state_name(r->state), "name",
                               r->name[0] ? wtl_json_text(r->name) : json_null(), "purpose",
                               wtl_json_text(r->purpose), "holder", wtl_json_text(r->owner.text),
                               "pid", (json_int_t)r->owner.pid, "holder_alive",
                               (int)(d->status.leases[i].life != WTL_PROCESS_GONE), "knobs",
                               lease_knobs_json(r)));
    }
    return list;
}

json_t *wtl_doctor_json(const struct wtl_doctor *d)
{
    json_t *findings = json_array(), *guards = json_array();
    for (size_t i = 0; i < d->n_findings; i++)
        wtl_json_add(&findings, wtl_finding_json(&d->findings[i]));
    for (int i = 0; i < d->n_guards; i++)
        wtl_json_add(&guards, json_pack("{s:s, s:b, s:s}", "name", d->guards[i].name, "applies",
                                        d->guards[i].applies, "text", d->guards[i].text));
    return json_pack("{s:s, s:i, s:o, s:b, s:i, s:i, s:o, s:o, s:o, s:o}", "format",
                     "wattle-doctor", "version", 1, "root", wtl_json_text(d->devices.root),
                     "healthy", d->n_of_level[WTL_FINDING_PROBLEM] == 0, "problems",
                     d->n_of_level[WTL_FINDING_PROBLEM], "lacks", d->n_of_level[WTL_FINDING_LACK],
                     "world", world_json(&d->world), "findings", findings, "leases", leases_json(d),
                     "restore", guards);
}
