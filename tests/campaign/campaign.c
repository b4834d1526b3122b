/* SPDX-License-Identifier: Apache-2.0
 * Cycles of leases in processes of their own, and what is left of them. */
#include "campaign/campaign.h"

#include "lease/guardian.h"
#include "lease/lease.h"
#include "lease/process.h"
#include "lease/restore.h"
#include "support/kill_at.h"
#include "support/support.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_WANTS = 8, PATIENCE_MS = 20000 };

/* What the processes tell each other. */
struct campaign_shared {
    _Atomic pid_t guardian; /* 0: none has begun */
    _Atomic bool finished;  /* the holder ended its cycle without an error */
};

const char *campaign_cycle_name(enum campaign_cycle cycle)
{
    static const char *const names[CAMPAIGN_N_CYCLES] = {
        [CYCLE_LOAN] = "loan",
        [CYCLE_DEAD] = "loan of a dead holder",
        [CYCLE_UNGUARDED] = "loan of a dead guardian",
        [CYCLE_STANDING] = "standing",
        [CYCLE_CHANGE] = "change of a standing one",
        [CYCLE_END] = "end of a standing one",
    };
    return names[cycle];
}

long campaign_stride(long usual)
{
    const char *text = getenv("WTL_CAMPAIGN_STRIDE");
    long stride = text ? atol(text) : usual;
    return stride > 0 ? stride : 1;
}

void campaign_open(struct campaign *c, const struct campaign_place *place)
{
    *c = (struct campaign){.place = *place};
    assert_true(place->n_wants <= MAX_WANTS);
    make_temporary_directory(c->dir, sizeof c->dir);
    snprintf(c->state_dir, sizeof c->state_dir, "%s/state", c->dir);
    c->shared =
        mmap(NULL, sizeof *c->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(c->shared, MAP_FAILED);
    /* A guardian whose holder is dead is ours to wait for. */
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
}

void campaign_close(struct campaign *c)
{
    (void)munmap(c->shared, sizeof *c->shared);
    remove_tree(c->dir);
}

/* ---- The processes under test ---------------------------------------------------------------- */

struct scene {
    const struct campaign *c;
    enum campaign_cycle cycle;
};

struct world {
    struct wtl_arena arena;
    struct wtl_machine *machine;
    struct wtl_holder *holder;
};

/* The scene of a process, and the holder that its guardian watches. */
struct guarded {
    struct scene scene;
    struct wtl_lease_owner owner;
};

int campaign_be_guardian(int argc, char **argv,
                         int (*open)(void *ctx, struct wtl_machine **machine_out,
                                     struct wtl_error *err),
                         void *ctx)
{
    if (argc < 7)
        return 2;
    struct wtl_guardian_work work = {
        .fd = atoi(argv[2]),
        .owner = {.uid = atoll(argv[3]), .pid = atoll(argv[4]), .start_ticks = atoll(argv[5])},
        .state_dir = argv[6],
        .clock = wtl_clock_system(),
        .open = open,
        .ctx = ctx};
    return wtl_guardian_run(&work);
}

static int guard_fork(const struct guarded *g, int fd)
{
    const struct campaign *c = g->scene.c;
    struct wtl_guardian_work work = {.fd = fd,
                                     .state_dir = c->state_dir,
                                     .owner = g->owner,
                                     .clock = wtl_clock_system(),
                                     .open = c->place.open,
                                     .ctx = c->place.ctx};
    return wtl_guardian_run(&work);
}

static int guard(void *ctx, int fd)
{
    const struct guarded *g = ctx;
    const struct campaign_place *place = &g->scene.c->place;
    const char *ids[MAX_WANTS + 1] = {NULL};
    g->scene.c->shared->guardian = getpid();
    if (!place->guardian)
        return guard_fork(g, fd);
    for (int i = 0; i < place->n_wants; i++)
        ids[i] = place->wants[i].device;
    struct wtl_guardian_program program = {.program = place->guardian,
                                           .state_dir = g->scene.c->state_dir,
                                           .device_ids = ids,
                                           .owner = g->owner};
    return wtl_guardian_exec(&program, fd);
}

static int enter(struct world *w, struct guarded *g, struct wtl_error *err)
{
    const struct campaign *c = g->scene.c;
    wtl_arena_init(&w->arena, wtl_alloc_system());
    int rc = wtl_process_self("campaign", &g->owner, err);
    rc = rc ? rc : c->place.open(c->place.ctx, &w->machine, err);
    struct wtl_holder_options options = {.machine = w->machine,
                                         .clock = wtl_clock_system(),
                                         .state_dir = c->state_dir,
                                         .text = "campaign",
                                         .guard = guard,
                                         .guard_ctx = g};
    return rc ? rc : wtl_holder_open(&w->arena, &options, &w->holder, err);
}

static void leave(struct world *w)
{
    wtl_holder_close(w->holder);
    wtl_machine_close(w->machine);
}

static bool stands(enum campaign_cycle cycle)
{
    return cycle == CYCLE_STANDING || cycle == CYCLE_CHANGE;
}

static int take(struct world *w, const struct scene *s, struct wtl_lease **l, struct wtl_error *err)
{
    const struct campaign_place *place = &s->c->place;
    struct wtl_lease_want wants[MAX_WANTS];
    bool standing = stands(s->cycle);
    for (int i = 0; i < place->n_wants; i++) {
        struct wtl_device *d = wtl_machine_by_id(w->machine, place->wants[i].device);
        if (!d)
            return WTL_FAIL(err, WTL_NOTFOUND, "there is no %s", place->wants[i].device);
        wants[i] = (struct wtl_lease_want){d, place->wants[i].knob};
    }
    struct wtl_lease_request request = {.kind = standing ? WTL_LEASE_STANDING : WTL_LEASE_LOAN,
                                        .purpose = "campaign",
                                        .wants = wants,
                                        .n_wants = (size_t)place->n_wants,
                                        .take_over = s->cycle == CYCLE_CHANGE};
    return wtl_lease_acquire(w->holder, &request, l, err);
}

static int use(struct world *w, const struct scene *s, struct wtl_lease *l, struct wtl_error *err)
{
    const struct campaign_place *place = &s->c->place;
    if (s->cycle == CYCLE_UNGUARDED)
        (void)kill(wtl_holder_guardian(w->holder), SIGKILL);
    int rc = 0;
    for (int i = 0; i < place->n_wants && rc == 0; i++) {
        const struct campaign_want *want = &place->wants[i];
        bool change = s->cycle == CYCLE_CHANGE;
        rc = wtl_lease_set(l, (size_t)i, change ? want->changed : want->value, err);
    }
    if (rc == 0 && stands(s->cycle))
        rc = wtl_lease_keep(l, err);
    if (s->cycle == CYCLE_DEAD)
        (void)raise(SIGKILL);
    return rc;
}

static int restore(struct world *w, bool all, struct wtl_error *err)
{
    struct wtl_restore_filter filter = {.all_standing = all};
    struct wtl_restore_report report;
    int rc = wtl_lease_restore(w->holder, &filter, &w->arena, &report, err);
    for (size_t i = 0; rc == 0 && i < report.n; i++)
        if (!report.leases[i].closed)
            rc = WTL_FAIL(err, WTL_FAILED, "lease %lld stays open",
                          (long long)report.leases[i].record.id);
    return rc;
}

static int cycle(struct world *w, const struct scene *s, struct wtl_error *err)
{
    struct wtl_lease *l = NULL;
    if (s->cycle == CYCLE_END)
        return restore(w, true, err);
    int rc = take(w, s, &l, err);
    if (rc < 0)
        return rc;
    rc = use(w, s, l, err);
    int closed = wtl_lease_close(l, err);
    return rc ? rc : closed;
}

/* The body of the holder's process. */
static void act(void *ctx)
{
    struct world w = {0};
    struct wtl_error err = {0};
    struct guarded g = {.scene = *(const struct scene *)ctx};
    int rc = enter(&w, &g, &err);
    rc = rc ? rc : cycle(&w, &g.scene, &err);
    if (getenv("WTL_CAMPAIGN_TALK"))
        fprintf(stderr, "holder: %d %s\n", rc, err.message);
    g.scene.c->shared->finished = rc == 0;
    leave(&w);
    _exit(rc == 0 ? 0 : 1);
}

/* The body of the next start. */
static void recover(void *ctx)
{
    struct world w = {0};
    struct wtl_error err = {0};
    struct guarded g = {.scene = *(const struct scene *)ctx};
    int rc = enter(&w, &g, &err);
    rc = rc ? rc : restore(&w, g.scene.cycle == CYCLE_END, &err);
    if (rc < 0)
        fprintf(stderr, "# restore: %s\n", err.message);
    leave(&w);
    _exit(rc == 0 ? 0 : 1);
}

static int in_process(void (*body)(void *ctx), struct scene *s)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        body(s);
    while (waitpid(pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return status;
}

/* Waits until the guardian has ended, or kills it after so long. */
static void end_guardian(struct campaign *c, int64_t patience_ns)
{
    pid_t pid = c->shared->guardian;
    int status;
    if (pid == 0)
        return;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    if (fd >= 0 && poll(&poll_fd, 1, (int)(patience_ns / 1000000)) == 0)
        (void)kill(pid, SIGKILL);
    if (fd >= 0)
        close(fd);
    (void)waitpid(pid, &status, 0);
}

/* ---- What is left ---------------------------------------------------------------------------- */

struct leases {
    int open;           /* -1: one cannot be read */
    bool kept, changed; /* a standing one is; and says that it holds the changed values */
};

static bool says_changed(const struct campaign_place *place, const struct wtl_lease_record *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_knobs; i++)
        for (int k = 0; k < place->n_wants; k++)
            n += r->knobs[i].knob == place->wants[k].knob &&
                 strcmp(r->knobs[i].device, place->wants[k].device) == 0 &&
                 wtl_knob_same(r->knobs[i].knob, r->knobs[i].wanted, place->wants[k].changed);
    return n > 0 && n == r->n_knobs;
}

static struct leases look_at_leases(const struct campaign *c)
{
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_book book;
    struct wtl_book_entry *entries;
    size_t n;
    struct leases found = {0};
    if (wtl_book_open_to_read(c->state_dir, &book, &err) < 0)
        return found;
    assert_ok(wtl_book_list(&book, &arena, &entries, &n, &err), &err);
    for (size_t i = 0; i < n && found.open >= 0; i++) {
        const struct wtl_lease_record *r = &entries[i].record;
        found.open = entries[i].unreadable ? -1 : found.open + (r->state != WTL_LEASE_CLOSED);
        if (entries[i].unreadable || r->kind != WTL_LEASE_STANDING || r->state != WTL_LEASE_HELD)
            continue;
        found.kept = true;
        found.changed = says_changed(&c->place, r);
    }
    wtl_book_close(&book);
    return found;
}

/* The next start, and whether everything is as it should be after it: what stands is what its
 * record says, all of it; what does not is put back. */
static bool as_it_should_be(struct campaign *c, struct scene *s, bool next_start)
{
    static const char *const names[] = {"prior", "set", "changed", "other"};
    bool finished = c->shared->finished;
    int restored = next_start ? in_process(recover, s) : 0;
    struct leases leases = look_at_leases(c);
    enum campaign_left left = c->place.look(c->place.ctx);
    enum campaign_left right = !leases.kept ? LEFT_PRIOR : leases.changed ? LEFT_CHANGED : LEFT_SET;
    bool must = s->cycle == CYCLE_CHANGE || (s->cycle == CYCLE_STANDING && finished);
    bool may = must || s->cycle == CYCLE_STANDING;
    bool fine = restored == 0 && leases.open == leases.kept && left == right &&
                (leases.kept ? may : !must) &&
                (leases.changed == (s->cycle == CYCLE_CHANGE) || !finished || !leases.kept);
    if (!fine)
        print_message("# restore %d, %d leases open, kept %d, says changed %d, said done %d, left: "
                      "%s\n",
                      restored, leases.open, leases.kept, leases.changed, finished, names[left]);
    return fine;
}

static void begin(struct campaign *c, struct scene *s)
{
    remove_tree(c->state_dir);
    c->place.reset(c->place.ctx);
    if (s->cycle == CYCLE_END || s->cycle == CYCLE_CHANGE) {
        struct scene standing = {.c = c, .cycle = CYCLE_STANDING};
        c->shared->guardian = 0;
        assert_int_equal(in_process(act, &standing), 0);
        end_guardian(c, PATIENCE_MS * 1000000LL);
        assert_int_equal(c->place.look(c->place.ctx), LEFT_SET);
    }
    c->shared->guardian = 0;
    c->shared->finished = false;
}

/* ---- Faults ---------------------------------------------------------------------------------- */

void campaign_fail(struct campaign *c, enum campaign_cycle which, int fault, bool for_good,
                   long stride, struct campaign_count *count)
{
    struct scene s = {.c = c, .cycle = which};
    /* Another beginning for each, so that a sample meets every call sooner or later. */
    long at = 1 + (stride > 1 ? (fault * 7 + (int)which * 3 + for_good) % stride : 0);
    for (;; at += stride) {
        begin(c, &s);
        c->place.arm(c->place.ctx, fault, at, for_good);
        int status = in_process(act, &s);
        end_guardian(c, which == CYCLE_DEAD ? c->place.deadline_ns : PATIENCE_MS * 1000000LL);
        bool struck = c->place.disarm(c->place.ctx);
        if (!as_it_should_be(c, &s, true)) {
            print_message("# %s, %s: fault %d%s at call %ld (holder %d)\n", c->place.title,
                          campaign_cycle_name(which), fault, for_good ? " for good" : "", at,
                          status);
            count->changed++;
        }
        if (!struck)
            return;
        count->n++;
    }
}

/* ---- Kills ----------------------------------------------------------------------------------- */

bool campaign_kill(struct campaign *c, enum campaign_cycle which, enum campaign_victim victim,
                   bool alone, long stride, struct campaign_count *count)
{
    static const enum kill_who who[] = {[VICTIM_HOLDER] = KILL_FIRST,
                                        [VICTIM_GUARDIAN] = KILL_DESCENDANTS,
                                        [VICTIM_BOTH] = KILL_ALL};
    struct scene s = {.c = c, .cycle = which};
    for (long at = 1;; at += stride) {
        begin(c, &s);
        struct kill_result r = kill_at_call(act, &s, who[victim], at);
        if (r.no_trace)
            return false;
        if (!as_it_should_be(c, &s, !alone)) {
            print_message("# %s: killed before call %ld of %s\n", c->place.title, at,
                          campaign_cycle_name(which));
            count->changed++;
        }
        if (!r.killed)
            return true;
        count->n++;
    }
}

void campaign_report(const char *title, const char *what, const struct campaign_count *count,
                     long least)
{
    print_message("# %s, %s: %ld left changed of %ld\n", title, what, count->changed, count->n);
    assert_int_equal(count->changed, 0);
    assert_true(count->n >= least);
}
