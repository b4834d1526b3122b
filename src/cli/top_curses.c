/* SPDX-License-Identifier: Apache-2.0
 * Curses under the grid of cells. */
#include "cli/top_curses.h"

#include "cli/top_ui.h"
#include "wattle_config.h"

#ifndef WTL_HAVE_CURSES

int top_terminal_open(struct top_terminal *t, struct wtl_error *err)
{
    (void)t;
    int rc = WTL_FAIL(err, WTL_UNSUPPORTED, "this build has no ncurses: there is no live screen");
    wtl_error_hint(err, "`wattle top --once`, `-b` and `--json` work without; or install "
                        "libncurses-dev and build again");
    return rc;
}
void top_terminal_close(void)
{
}
void top_terminal_size(int *rows_out, int *columns_out)
{
    *rows_out = 24;
    *columns_out = 80;
}
void top_terminal_show(const struct top_screen *s, bool anew)
{
    (void)s;
    (void)anew;
}
struct top_input top_terminal_input(void)
{
    return (struct top_input){.event = TOP_EVENT_NONE};
}
bool top_terminal_wait(int fd, int timeout_ms)
{
    (void)fd;
    (void)timeout_ms;
    return false;
}
int top_terminal_signal(void)
{
    return 0;
}

#else

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Signals: a handler only notes which one, and wakes the loop ------------------------------
 */

static volatile sig_atomic_t ending;
static int wake[2] = {-1, -1};
static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { N_SIGNALS = sizeof signals / sizeof signals[0] };
static struct sigaction before[N_SIGNALS];

static void on_signal(int number)
{
    int saved = errno;
    ending = number;
    ssize_t n = write(wake[1], "x", 1);
    (void)n;
    errno = saved;
}

static int watch_signals(struct wtl_error *err)
{
    if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0)
        return WTL_FAIL(err, WTL_FAILED, "no pipe: %s", strerror(errno));
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < N_SIGNALS; i++)
        if (sigaction(signals[i], NULL, &before[i]) == 0 && before[i].sa_handler != SIG_IGN)
            (void)sigaction(signals[i], &action, NULL);
    return 0;
}

static void unwatch_signals(void)
{
    for (int i = 0; i < N_SIGNALS; i++)
        (void)sigaction(signals[i], &before[i], NULL);
    close(wake[0]);
    close(wake[1]);
}

int top_terminal_signal(void)
{
    return ending;
}

bool top_terminal_wait(int fd, int timeout_ms)
{
    struct pollfd p[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                         {.fd = wake[0], .events = POLLIN},
                         {.fd = fd, .events = POLLIN}};
    int n = poll(p, 3, timeout_ms);
    if (n > 0 && (p[0].revents & (POLLHUP | POLLERR | POLLNVAL)) && !(p[0].revents & POLLIN))
        ending = SIGHUP; /* the terminal is gone */
    return !ending;
}

/* ---- Looks ----------------------------------------------------------------------------------- */

/* Colours of the 256 and of the first 8; -1: the terminal's own. */
static const struct look {
    short many_fg, many_bg, few_fg, few_bg;
    attr_t attributes;
    attr_t without; /* where there is no colour */
} looks[TOP_N_STYLES] = {
    [TOP_PLAIN] = {-1, -1, -1, -1, A_NORMAL, A_NORMAL},
    [TOP_TITLE] = {-1, -1, -1, -1, A_BOLD, A_BOLD},
    [TOP_DIM] = {245, -1, COLOR_CYAN, -1, A_NORMAL, A_NORMAL},
    [TOP_VALUE] = {-1, -1, -1, -1, A_NORMAL, A_NORMAL},
    [TOP_POWER] = {214, -1, COLOR_YELLOW, -1, A_NORMAL, A_NORMAL},
    [TOP_LOAD] = {77, -1, COLOR_GREEN, -1, A_NORMAL, A_NORMAL},
    [TOP_MEMORY] = {74, -1, COLOR_BLUE, -1, A_NORMAL, A_NORMAL},
    [TOP_GOOD] = {77, -1, COLOR_GREEN, -1, A_NORMAL, A_NORMAL},
    [TOP_WARN] = {221, -1, COLOR_YELLOW, -1, A_BOLD, A_BOLD},
    [TOP_BAD] = {203, -1, COLOR_RED, -1, A_BOLD, A_BOLD | A_UNDERLINE},
    [TOP_HEAD] = {252, 238, COLOR_BLACK, COLOR_CYAN, A_NORMAL, A_REVERSE},
    [TOP_HEAD_KEY] = {231, 238, COLOR_WHITE, COLOR_CYAN, A_BOLD, A_REVERSE | A_BOLD},
    [TOP_SELECTED] = {231, 24, COLOR_BLACK, COLOR_WHITE, A_NORMAL, A_REVERSE},
};
static bool coloured;

static void start_colours(bool wanted)
{
    coloured = wanted && has_colors() && start_color() == OK;
    if (!coloured)
        return;
    bool own = use_default_colors() == OK;
    for (int i = 1; i < TOP_N_STYLES; i++) {
        const struct look *l = &looks[i];
        short fg = COLORS >= 256 ? l->many_fg : l->few_fg;
        short bg = COLORS >= 256 ? l->many_bg : l->few_bg;
        if (!own && fg < 0)
            fg = COLOR_WHITE;
        if (!own && bg < 0)
            bg = COLOR_BLACK;
        init_pair((short)i, fg, bg);
    }
}

static void wear(enum top_style style)
{
    const struct look *l = &looks[style];
    if (coloured)
        attr_set(l->attributes, (short)style, NULL);
    else
        attr_set(l->without, 0, NULL);
}

/* ---- The screen ------------------------------------------------------------------------------ */

static SCREEN *screen;

int top_terminal_open(struct top_terminal *t, struct wtl_error *err)
{
    setlocale(LC_CTYPE, ""); /* numbers stay as they are */
    ending = 0;
    int rc = watch_signals(err);
    if (rc < 0)
        return rc;
    screen = newterm(NULL, stdout, stdin);
    const char *cup = screen ? tigetstr("cup") : NULL;
    if (screen && (!cup || cup == (const char *)-1)) { /* no cursor to move: "dumb" */
        endwin();
        delscreen(screen);
        screen = NULL;
    }
    if (!screen) {
        const char *term = getenv("TERM");
        unwatch_signals();
        rc = WTL_FAIL(err, WTL_UNSUPPORTED,
                      "the terminal \"%s\" is not known, or cannot move its cursor",
                      term ? term : "(TERM is not set)");
        wtl_error_hint(err, "TERM=xterm-256color is understood nearly everywhere; `wattle top "
                            "--once` needs no terminal");
        return rc;
    }
    set_escdelay(25);
    start_colours(t->colour);
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
    mouseinterval(0);
    return 0;
}

void top_terminal_close(void)
{
    endwin();
    delscreen(screen);
    screen = NULL;
    unwatch_signals();
}

void top_terminal_size(int *rows_out, int *columns_out)
{
    getmaxyx(stdscr, *rows_out, *columns_out);
}

void top_terminal_show(const struct top_screen *s, bool anew)
{
    erase();
    for (int row = 0; row < s->rows; row++) {
        move(row, 0);
        for (int column = 0; column < s->columns; column++) {
            const struct top_cell *c = &s->cell[(size_t)row * (size_t)s->columns + (size_t)column];
            if (c->text[0] == '\0')
                continue;
            wear((enum top_style)c->style);
            addstr(c->text);
        }
    }
    if (anew)
        clearok(curscr, TRUE);
    refresh();
}

/* ---- Input ----------------------------------------------------------------------------------- */

static int key_of(int key)
{
    static const struct {
        int curses, ours;
    } keys[] = {{KEY_UP, TOP_KEY_UP},         {KEY_DOWN, TOP_KEY_DOWN},
                {KEY_PPAGE, TOP_KEY_PAGE_UP}, {KEY_NPAGE, TOP_KEY_PAGE_DOWN},
                {KEY_HOME, TOP_KEY_HOME},     {KEY_END, TOP_KEY_END},
                {KEY_ENTER, TOP_KEY_ENTER},   {'\r', TOP_KEY_ENTER},
                {'\n', TOP_KEY_ENTER},        {'\t', TOP_KEY_TAB},
                {27, TOP_KEY_ESCAPE},         {12, TOP_KEY_REDRAW},
                {3, TOP_KEY_INTERRUPT}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (key == keys[i].curses)
            return keys[i].ours;
    if (key >= KEY_F(1) && key <= KEY_F(12))
        return TOP_KEY_F1 + key - KEY_F(1);
    return key > 0 && key < 0x80 ? key : 0;
}

static struct top_input mouse(void)
{
    struct top_input in = {.event = TOP_EVENT_NONE};
    MEVENT e;
    if (getmouse(&e) != OK)
        return in;
    in.row = e.y;
    in.column = e.x;
    if (e.bstate & BUTTON1_PRESSED) {
        in.event = TOP_EVENT_CLICK;
    } else if (e.bstate & (BUTTON4_PRESSED | BUTTON5_PRESSED)) {
        in.event = TOP_EVENT_WHEEL;
        in.direction = e.bstate & BUTTON4_PRESSED ? -1 : 1;
    }
    return in;
}

struct top_input top_terminal_input(void)
{
    for (;;) {
        int key = getch();
        if (key == ERR)
            return (struct top_input){.event = TOP_EVENT_NONE};
        if (key == KEY_RESIZE)
            return (struct top_input){.event = TOP_EVENT_RESIZE};
        struct top_input in = {.event = TOP_EVENT_KEY, .key = key_of(key)};
        if (key == KEY_MOUSE)
            in = mouse();
        if (in.event != TOP_EVENT_NONE && (in.event != TOP_EVENT_KEY || in.key))
            return in;
    }
}

#endif
