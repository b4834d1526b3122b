/* SPDX-License-Identifier: Apache-2.0
 * Scripted boards in shared memory. */
#include "support/fake_room.h"

#include "device/backend.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LIE_W = 5 };

struct fake {
    struct fake_room *room;
    struct fake_watch watch;
    int index;
};

static void fill(struct fake_room *room, int n)
{
    room->n = n;
    for (int i = 0; i < n; i++)
        room->board[i] = (struct fake_board){.min_w = 100,
                                             .max_w = 300,
                                             .default_w = 250,
                                             .limit_w = 250,
                                             .sm_now_mhz = 1410,
                                             .load = 1};
}

struct fake_room *fake_room_map(const char *path, int n)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return NULL;
    bool fresh = lseek(fd, 0, SEEK_END) == 0;
    if (fresh && ftruncate(fd, sizeof(struct fake_room)) != 0) {
        close(fd);
        return NULL;
    }
    void *p = mmap(NULL, sizeof(struct fake_room), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (p == MAP_FAILED)
        return NULL;
    if (fresh)
        fill(p, n);
    return p;
}

void fake_room_unmap(struct fake_room *room)
{
    munmap(room, sizeof *room);
}

static struct fake_board *board_of(const struct fake *f)
{
    return &f->room->board[f->index];
}

static void reload(const struct fake *f)
{
    struct fake_board *b = board_of(f);
    b->load++;
    b->limit_w = b->default_w;
    b->sm_locked = false;
    f->room->reloads++;
}

/* The fault of this call. */
static enum fake_fault next_fault(const struct fake *f)
{
    struct fake_room *room = f->room;
    int call = ++room->calls;
    bool now = room->fail_at > 0 && (room->sticky ? call >= room->fail_at : call == room->fail_at);
    if (!now || room->fault != FAKE_RELOADED)
        return now ? room->fault : FAKE_FINE;
    reload(f);
    return FAKE_FINE;
}

/* 0, or the error of a fault that shows. */
static int fail(const struct fake *f, enum fake_fault fault, struct wtl_error *err)
{
    struct fake_board *b = board_of(f);
    if (fault == FAKE_LOST)
        b->lost = true;
    if (b->lost)
        return WTL_FAIL(err, WTL_LOST, "fake:%d is lost", f->index);
    if (fault == FAKE_FAILS)
        return WTL_FAIL(err, WTL_FAILED, "fake:%d failed", f->index);
    if (fault == FAKE_LATE || fault == FAKE_NEVER)
        return WTL_FAIL(err, WTL_TIMEOUT, "fake:%d did not answer", f->index);
    if (fault == FAKE_DENIED)
        return WTL_FAIL(err, WTL_PERMISSION, "fake:%d is not for you", f->index);
    return 0;
}

double fake_room_lie_w(const struct fake_room *room)
{
    bool lies = room->fault == FAKE_OTHER_VALUE || room->fault == FAKE_HALF_DONE;
    return lies && room->fail_at > 0 ? LIE_W : 0;
}

static void seen(const struct fake *f, bool set)
{
    if (f->watch.after)
        f->watch.after(f->watch.ctx, f->index, set);
}

static int fake_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    const struct fake *f = state;
    (void)wanted;
    int rc = fail(f, FAKE_FINE, err);
    if (rc < 0)
        return rc;
    out->value[WTL_M_sm_clock_mhz] = board_of(f)->sm_now_mhz;
    out->valid = WTL_METRIC_BIT(WTL_M_sm_clock_mhz);
    return 0;
}

static void epoch_text(const struct fake *f, char out[WTL_LIMIT_NAME])
{
    snprintf(out, WTL_LIMIT_NAME, "fake-load-%d", board_of(f)->load);
}

static int fake_epoch(void *state, char out[WTL_LIMIT_NAME], struct wtl_error *err)
{
    const struct fake *f = state;
    int rc = fail(f, next_fault(f), err);
    if (rc == 0)
        epoch_text(f, out);
    return rc;
}

static int fake_get(void *state, enum wtl_knob knob, struct wtl_knob_state *out,
                    struct wtl_error *err)
{
    const struct fake *f = state;
    struct fake_board *b = board_of(f);
    b->gets++;
    int rc = fail(f, next_fault(f), err);
    seen(f, false);
    if (rc < 0)
        return rc;
    if (knob == WTL_KNOB_power_limit_w) {
        out->known = true;
        out->requested = wtl_knob_at(b->limit_w);
        out->requested.released = b->off;
        out->has_enforced = !b->off;
        out->enforced = b->oob_w > 0 && b->oob_w < b->limit_w ? b->oob_w : b->limit_w;
    }
    return 0;
}

static int fake_range(void *state, enum wtl_knob knob, struct wtl_arena *arena,
                      struct wtl_knob_range *out, struct wtl_error *err)
{
    static const double steps[] = {300, 1110, 1125, 1140, 1380, 1395, 1410};
    const struct fake *f = state;
    const struct fake_board *b = board_of(f);
    (void)arena;
    int rc = fail(f, next_fault(f), err);
    if (rc < 0)
        return rc;
    if (knob == WTL_KNOB_power_limit_w)
        *out = (struct wtl_knob_range){.min = b->min_w,
                                       .max = b->max_w,
                                       .has_default = true,
                                       .default_value = b->default_w,
                                       .released_is_default = true};
    else
        *out = (struct wtl_knob_range){
            .min = 300, .max = 1410, .steps = steps, .n_steps = sizeof steps / sizeof *steps};
    return 0;
}

static void take(struct fake_board *b, enum wtl_knob knob, struct wtl_knob_value v, double more)
{
    if (knob == WTL_KNOB_power_limit_w) {
        b->limit_w = v.released ? b->default_w : v.hi + more;
        b->off = false;
    } else {
        b->sm_locked = !v.released;
        b->sm_lo = v.released ? 0 : v.lo;
        b->sm_hi = v.released ? 0 : v.hi;
        b->sm_now_mhz = v.released ? 1410 : v.hi;
    }
}

static int fake_set(void *state, enum wtl_knob knob, struct wtl_knob_value value,
                    struct wtl_error *err)
{
    const struct fake *f = state;
    struct fake_board *b = board_of(f);
    enum fake_fault fault = next_fault(f);
    if (b->broken)
        fault = FAKE_TAKES_NONE;
    b->sets++;
    bool ignored = fault == FAKE_IGNORED && knob == WTL_KNOB_power_limit_w;
    if (!b->lost && !ignored && (fault == FAKE_FINE || fault == FAKE_LATE || fault == FAKE_IGNORED))
        take(b, knob, value, 0);
    if (!b->lost && (fault == FAKE_OTHER_VALUE || fault == FAKE_HALF_DONE))
        take(b, knob, value, LIE_W);
    bool fails = fault == FAKE_HALF_DONE || fault == FAKE_TAKES_NONE;
    int rc = fail(f, fails ? FAKE_FAILS : fault, err);
    seen(f, true);
    return rc;
}

static void fake_close(void *state)
{
    free(state);
}

static const struct wtl_sensor_ops sensors = {
    .read = fake_read, .epoch = fake_epoch, .close = fake_close};
static const struct wtl_knob_ops knobs = {fake_get, fake_range, fake_set};

static int add_board(struct wtl_machine *m, struct fake_room *room, const struct fake_watch *watch,
                     int index, struct wtl_error *err)
{
    struct fake *f = malloc(sizeof *f);
    if (!f)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *f = (struct fake){room, watch ? *watch : (struct fake_watch){0}, index};
    unsigned both = WTL_KNOB_BIT(WTL_KNOB_power_limit_w) | WTL_KNOB_BIT(WTL_KNOB_sm_clock_mhz);
    struct wtl_device_info info = {.kind = WTL_DEVICE_GPU,
                                   .flags = f->watch.ephemeral ? WTL_DEVICE_EPHEMERAL : 0,
                                   .parent = -1,
                                   .index = index,
                                   .sensors = WTL_METRIC_BIT(WTL_M_sm_clock_mhz),
                                   .knobs = both,
                                   .writable = f->watch.read_only ? 0 : both};
    snprintf(info.id, sizeof info.id, "fake:%d", index);
    snprintf(info.name, sizeof info.name, "Fake board %d", index);
    epoch_text(f, info.epoch);
    const struct wtl_device_ops ops = {&sensors, &knobs, f, false};
    int rc = wtl_machine_add(m, &info, &ops, err);
    if (rc < 0)
        free(f);
    return rc < 0 ? rc : 0;
}

int fake_machine_open(struct fake_room *room, const struct fake_watch *watch,
                      struct wtl_machine **machine_out, struct wtl_error *err)
{
    static const char *const nothing[] = {NULL};
    struct wtl_machine_options options = {.clock = wtl_clock_system(), .only = nothing};
    struct wtl_machine *m = NULL;
    int rc = wtl_machine_open(wtl_alloc_system(), &options, &m, err);
    for (int i = 0; rc == 0 && i < room->n; i++)
        rc = add_board(m, room, watch, room->reversed ? room->n - 1 - i : i, err);
    if (rc < 0)
        wtl_machine_close(m);
    else
        *machine_out = m;
    return rc;
}
