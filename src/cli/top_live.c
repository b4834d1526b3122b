/* SPDX-License-Identifier: Apache-2.0
 * The loop of the live screen. Devices are read on the sampler's thread, so that a hanging driver
 * never holds up a key. */
#include "cli/top_live.h"

#include "cli/top_view.h"

/* How often the screen looks for a device that hangs. */
enum { LOOK_MS = 500 };

/* How long quitting waits for a call in progress. */
#define PATIENCE_NS (WTL_NS_PER_S / 2)

/* How often the book of leases is looked at. */
#define BOOK_NS WTL_NS_PER_S

/* What our leases set and no device reports; a book that cannot be read tells nothing. */
static void look_at_book(struct top_live *live, int64_t now_ns)
{
    WTL_ARENA(arena);
    struct wtl_book_entry *entries = NULL;
    struct wtl_error ignored = {0};
    size_t n = 0;
    if (!live->has_book || (live->book_ns != 0 && now_ns - live->book_ns < BOOK_NS))
        return;
    live->book_ns = now_ns;
    if (wtl_book_look(NULL, &arena, &entries, &n, &ignored) == 0)
        top_model_know(live->model, entries, n);
}

void top_live_read(struct top_live *live, struct wtl_clock clock, struct wtl_arena *arena)
{
    for (size_t i = 0; i < live->n; i++)
        wtl_sample_device(wtl_machine_device(live->machine, (size_t)live->device[i]), clock, arena,
                          &live->samples[i]);
    top_model_update(live->model, live->samples, clock.monotonic_ns(clock.ctx));
    look_at_book(live, clock.monotonic_ns(clock.ctx));
}

struct loop {
    struct top_live *live;
    struct wtl_clock clock;
    struct wtl_arena *arena;
    struct wtl_sampler *sampler;
    struct top_screen screen;
    int64_t rounds; /* taken over */
    bool anew;
};

static int fit_screen(struct loop *l, struct wtl_error *err)
{
    int rows, columns;
    top_terminal_size(&rows, &columns);
    if (rows == l->screen.rows && columns == l->screen.columns)
        return 0;
    if (!top_screen_resize(&l->screen, l->arena, rows, columns))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    l->anew = true;
    return 0;
}

static void take_samples(struct loop *l)
{
    struct top_live *live = l->live;
    int waiting = -1;
    int64_t waiting_ns = 0;
    int64_t rounds = wtl_sampler_take(l->sampler, live->samples, &waiting, &waiting_ns);
    if (rounds > l->rounds && !live->ui.paused)
        top_model_update(live->model, live->samples, l->clock.monotonic_ns(l->clock.ctx));
    if (rounds > l->rounds)
        look_at_book(live, l->clock.monotonic_ns(l->clock.ctx));
    l->rounds = rounds;
    if (!live->ui.paused)
        top_model_waiting(live->model, waiting, waiting_ns);
}

static void take_input(struct loop *l)
{
    struct top_live *live = l->live;
    for (;;) {
        struct top_input in = top_terminal_input();
        switch (in.event) {
        case TOP_EVENT_NONE:
            return;
        case TOP_EVENT_KEY:
            top_ui_key(&live->ui, live->model, in.key);
            break;
        case TOP_EVENT_CLICK:
            top_ui_click(&live->ui, live->model, in.row, in.column);
            break;
        case TOP_EVENT_WHEEL:
            top_ui_wheel(&live->ui, live->model, in.row, in.column, in.direction);
            break;
        case TOP_EVENT_RESIZE:
            l->anew = true;
            break;
        }
        if (live->ui.interval_changed)
            wtl_sampler_set_interval(l->sampler, live->ui.interval_ns);
        live->ui.interval_changed = false;
        l->anew = l->anew || live->ui.redraw;
        live->ui.redraw = false;
    }
}

static int loop(struct loop *l, int count, struct wtl_error *err)
{
    struct top_ui *ui = &l->live->ui;
    for (;;) {
        int rc = fit_screen(l, err);
        if (rc < 0)
            return rc;
        top_view(&l->screen, l->live->model, ui);
        top_terminal_show(&l->screen, l->anew);
        l->anew = false;
        if (count > 0 && l->rounds >= count)
            return 0;
        if (!top_terminal_wait(wtl_sampler_fd(l->sampler), LOOK_MS)) {
            l->live->signal = top_terminal_signal();
            return 0;
        }
        take_samples(l);
        take_input(l);
        if (ui->quit)
            return 0;
    }
}

int top_live_run(struct top_live *live, struct wtl_clock clock, int64_t interval_ns, int count,
                 struct top_terminal *terminal, struct wtl_arena *arena, struct wtl_error *err)
{
    struct loop l = {.live = live, .clock = clock, .arena = arena};
    int rc = top_terminal_open(terminal, err);
    if (rc < 0)
        return rc;
    l.screen.ascii = terminal->ascii;
    rc = wtl_sampler_start(wtl_alloc_system(), live->machine, live->device, live->n, clock,
                           interval_ns, &l.sampler, err);
    if (rc == 0)
        rc = loop(&l, count, err);
    top_terminal_close();
    live->abandoned = !wtl_sampler_stop(l.sampler, PATIENCE_NS);
    return rc;
}
