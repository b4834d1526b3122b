/* SPDX-License-Identifier: Apache-2.0
 * openat(), read() and write() of files below a directory. */
#include "campaign/kernel_files.h"

#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_openat64(int dir_fd, const char *name, int flags, ...);
ssize_t __real_read(int fd, void *buf, size_t n);
ssize_t __real_write(int fd, const void *buf, size_t n);
int __wrap_openat64(int dir_fd, const char *name, int flags, ...);
ssize_t __wrap_read(int fd, void *buf, size_t n);
ssize_t __wrap_write(int fd, const void *buf, size_t n);

/* In memory that all processes of the campaign share. */
struct state {
    bool armed, for_good;
    enum kernel_fault fault;
    long at;
    _Atomic long calls;
};

enum { MAX_FD = 1024, PATH = 1024 };
static struct state *state;
static char root[PATH];
static bool ours[MAX_FD]; /* files of the tree, by descriptor */

const char *kernel_fault_name(enum kernel_fault fault)
{
    static const char *const names[KERNEL_N_FAULTS] = {
        [KERNEL_EIO] = "EIO",          [KERNEL_EACCES] = "EACCES",
        [KERNEL_EBUSY] = "EBUSY",      [KERNEL_ENODEV] = "ENODEV",
        [KERNEL_EMPTY] = "no byte",    [KERNEL_EINVAL] = "EINVAL",
        [KERNEL_ENOSPC] = "ENOSPC",    [KERNEL_DONE] = "done, and EIO",
        [KERNEL_SHORT] = "half of it", [KERNEL_CLAMPED] = "clamped",
        [KERNEL_IGNORED] = "ignored",
    };
    return names[fault];
}

void kernel_files_root(const char *path)
{
    if (!state)
        state =
            mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(state, MAP_FAILED);
    *state = (struct state){0};
    assert_non_null(realpath(path, root));
}

void kernel_files_arm(enum kernel_fault fault, long at, bool for_good)
{
    *state = (struct state){.armed = true, .for_good = for_good, .fault = fault, .at = at};
}

bool kernel_files_disarm(void)
{
    bool struck = state->armed && state->calls >= state->at;
    state->armed = false;
    return struck;
}

/* ---- Which calls ----------------------------------------------------------------------------- */

enum call { CALL_OPEN, CALL_READ, CALL_WRITE };

static bool can_strike(enum kernel_fault fault, enum call call)
{
    if (fault == KERNEL_EMPTY)
        return call == CALL_READ;
    return fault < KERNEL_EMPTY || call == CALL_WRITE;
}

static bool strikes(enum call call)
{
    if (!state || !state->armed || !can_strike(state->fault, call))
        return false;
    long n = ++state->calls;
    return n == state->at || (state->for_good && n > state->at);
}

static int errno_of(enum kernel_fault fault)
{
    static const int errors[KERNEL_N_FAULTS] = {
        [KERNEL_EIO] = EIO,       [KERNEL_EACCES] = EACCES, [KERNEL_EBUSY] = EBUSY,
        [KERNEL_ENODEV] = ENODEV, [KERNEL_EINVAL] = EINVAL, [KERNEL_ENOSPC] = ENOSPC,
        [KERNEL_DONE] = EIO,
    };
    return errors[fault];
}

/* The path of what a descriptor is; "" for none. */
static void path_of(int fd, char path[PATH])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH - 1);
    path[n > 0 ? n : 0] = '\0';
}

static bool below_root(int fd)
{
    char path[PATH];
    path_of(fd, path);
    size_t n = strlen(root);
    return n > 0 && strncmp(path, root, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* The mark may be of a file that was closed long ago. */
static bool is_ours(int fd)
{
    return fd >= 0 && fd < MAX_FD && ours[fd] && below_root(fd);
}

int __wrap_openat64(int dir_fd, const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = flags & O_CREAT ? va_arg(args, int) : 0;
    va_end(args);
    bool tree = dir_fd >= 0 && name[0] != '/' && below_root(dir_fd);
    if (tree && strikes(CALL_OPEN)) {
        errno = errno_of(state->fault);
        return -1;
    }
    int fd = __real_openat64(dir_fd, name, tree ? flags & ~O_TRUNC : flags, mode);
    if (fd >= 0 && fd < MAX_FD)
        ours[fd] = tree && !(flags & O_DIRECTORY);
    return fd;
}

ssize_t __wrap_read(int fd, void *buf, size_t n)
{
    if (!is_ours(fd) || !strikes(CALL_READ))
        return __real_read(fd, buf, n);
    if (state->fault == KERNEL_EMPTY)
        return 0;
    errno = errno_of(state->fault);
    return -1;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static long number_in(const char *path)
{
    char text[64];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? __real_read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return atol(text);
}

/* cpufreq keeps to the hardware's range and its lower end below its upper one
 * (Documentation/admin-guide/pm/cpufreq.rst; the latter an error until Linux 5.2). */
static bool clock_of(char path[PATH], char *file, long value, char out[64])
{
    bool lower = strcmp(file, "scaling_min_freq") == 0;
    memcpy(file, "cpuinfo_min_freq", sizeof "cpuinfo_min_freq");
    long min = number_in(path);
    memcpy(file, "cpuinfo_max_freq", sizeof "cpuinfo_max_freq");
    long max = number_in(path);
    memcpy(file, lower ? "scaling_max_freq" : "scaling_min_freq", sizeof "scaling_max_freq");
    long other = number_in(path);
    value = value < min ? min : value > max ? max : value;
    snprintf(out, 64, "%ld", value);
    return lower ? value <= other : value >= other;
}

/* "max", "15000", "15000 50000": a quota and a period of 1 ms to 1 s; without one the present one
 * stays (Documentation/admin-guide/cgroup-v2.rst). */
static bool quota_of(const char *path, const char *text, char out[64])
{
    char now[64], quota[24] = "", word[24];
    long period = 0, us = 0;
    FILE *in = fopen(path, "re");
    bool read = in && fgets(now, sizeof now, in) && sscanf(now, "%23s %ld", word, &period) == 2;
    if (in)
        fclose(in);
    if (!read || sscanf(text, "%23s %ld", quota, &period) < 1)
        return false;
    bool none = strcmp(quota, "max") == 0;
    snprintf(out, 64, "%s %ld", quota, period);
    return period >= 1000 && period <= 1000000 &&
           (none || (sscanf(quota, "%ld", &us) == 1 && us >= 1000));
}

/* What the driver makes of a text; false: EINVAL. */
static bool accepts(int fd, const char *text, char out[64])
{
    char path[PATH], *rest;
    path_of(fd, path);
    char *file = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    if (strcmp(file, "cpu.max") == 0)
        return quota_of(path, text, out);
    long value = strtol(text, &rest, 10);
    if (rest == text)
        return false;
    if (strncmp(file, "scaling_", 8) == 0)
        return clock_of(path, file, value, out);
    snprintf(out, 64, "%s", text);
    return strcmp(file, "cpu.cfs_quota_us") != 0 || value < 0 || value >= 1000;
}

/* In one write, as a driver takes a value whole or not at all: whoever writes may be killed at any
 * moment. Newlines take the place of what was longer. */
static ssize_t put(int fd, const char *text, size_t n)
{
    char taken[64], whole[48]; /* below what a reader of numbers takes */
    if (!accepts(fd, text, taken)) {
        errno = EINVAL;
        return -1;
    }
    size_t used = strlen(taken);
    assert_true(used < sizeof whole);
    memcpy(whole, taken, used);
    memset(whole + used, '\n', sizeof whole - used);
    return pwrite(fd, whole, sizeof whole, 0) == (ssize_t)sizeof whole ? (ssize_t)n : -1;
}

/* What the driver makes of "150000000", "15000 50000": a tenth less of the first number. */
static void clamp(const char *text, char clamped[64])
{
    char *rest;
    long value = strtol(text, &rest, 10);
    if (rest == text || value < 10)
        snprintf(clamped, 64, "%s", text);
    else
        snprintf(clamped, 64, "%ld%s", value - value / 10, rest);
}

static ssize_t put_half(int fd, const char *text, size_t n)
{
    char half[64];
    snprintf(half, sizeof half, "%.*s", n > 1 ? (int)n / 2 : (int)n, text);
    return put(fd, half, strlen(half));
}

static ssize_t strike(int fd, const char *text, size_t n)
{
    char clamped[64];
    if (state->fault == KERNEL_IGNORED)
        return (ssize_t)n;
    if (state->fault == KERNEL_CLAMPED) {
        clamp(text, clamped);
        return put(fd, clamped, strlen(clamped)) < 0 ? -1 : (ssize_t)n;
    }
    if (state->fault == KERNEL_SHORT)
        return put_half(fd, text, n);
    if (state->fault == KERNEL_DONE && put(fd, text, n) < 0)
        return -1;
    errno = errno_of(state->fault);
    return -1;
}

ssize_t __wrap_write(int fd, const void *buf, size_t n)
{
    char text[64];
    if (n >= sizeof text || !is_ours(fd))
        return __real_write(fd, buf, n);
    memcpy(text, buf, n);
    text[n] = '\0';
    return strikes(CALL_WRITE) ? strike(fd, text, n) : put(fd, text, n);
}
