/* SPDX-License-Identifier: Apache-2.0
 * Mounts and groups, from the kernel's text files. */
#include "device/cgroup/cgroup.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* The n-th word of a line, from 0. */
static struct wtl_view word(struct wtl_view line, int n)
{
    for (size_t at = 0; at < line.n;) {
        size_t start = at;
        while (at < line.n && line.s[at] != ' ')
            at++;
        if (n-- == 0)
            return (struct wtl_view){line.s + start, at - start};
        at++;
    }
    return (struct wtl_view){"", 0};
}

/* The next line of a text; false at its end. */
static bool next_line(const char **text, struct wtl_view *line)
{
    if (**text == '\0')
        return false;
    size_t n = strcspn(*text, "\n");
    *line = (struct wtl_view){*text, n};
    *text += n + ((*text)[n] == '\n');
    return true;
}

/* Whether a comma-separated list has an item. */
static bool lists(struct wtl_view list, const char *item)
{
    for (size_t at = 0; at < list.n;) {
        size_t start = at;
        while (at < list.n && list.s[at] != ',')
            at++;
        if (wtl_view_is((struct wtl_view){list.s + start, at - start}, item))
            return true;
        at++;
    }
    return false;
}

/* A mount of control groups: where, and which part of the tree it shows. */
struct mount {
    bool found;
    char at[WTL_CGROUP_PATH];
    char root[WTL_CGROUP_PATH];
};

/* "36 35 0:33 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu" */
static void look_at_mount(struct wtl_view line, struct mount *cpu, struct mount *cpuacct,
                          struct mount *unified)
{
    const char *dash = memmem(line.s, line.n, " - ", 3);
    if (!dash)
        return;
    struct wtl_view after = {dash + 3, line.n - (size_t)(dash + 3 - line.s)};
    struct wtl_view type = word(after, 0), options = word(after, 2);
    bool v1 = wtl_view_is(type, "cgroup");
    struct mount m = {.found = true};
    struct wtl_view root = word(line, 3), at = word(line, 4);
    if ((!v1 && !wtl_view_is(type, "cgroup2")) || at.n < 2 || at.s[0] != '/' || at.s[1] == '/')
        return;
    if (!wtl_view_copy((struct wtl_view){at.s + 1, at.n - 1}, m.at, sizeof m.at) ||
        !wtl_view_copy(root, m.root, sizeof m.root))
        return;
    if (!v1 && !unified->found)
        *unified = m;
    if (v1 && lists(options, "cpu") && !cpu->found)
        *cpu = m;
    if (v1 && lists(options, "cpuacct") && !cpuacct->found)
        *cpuacct = m;
}

/* "4:cpu,cpuacct:/path", "0::/path": the path in the hierarchy of `controller` ("": unified). */
static bool own_path(const char *cgroup, const char *controller, char path[WTL_CGROUP_PATH])
{
    struct wtl_view line;
    while (next_line(&cgroup, &line)) {
        const char *first = memchr(line.s, ':', line.n);
        size_t left = first ? line.n - (size_t)(first + 1 - line.s) : 0;
        const char *second = first ? memchr(first + 1, ':', left) : NULL;
        if (!second)
            continue;
        struct wtl_view names = {first + 1, (size_t)(second - first - 1)};
        struct wtl_view rest = {second + 1, line.n - (size_t)(second + 1 - line.s)};
        bool right = controller[0] ? lists(names, controller) : names.n == 0;
        if (right && rest.n > 0 && rest.s[0] == '/')
            return wtl_view_copy(rest, path, WTL_CGROUP_PATH);
    }
    return false;
}

/* Takes what the mount does not show off the front: "/docker/ab/x" in a mount of "/docker/ab" is
 * "/x". */
static void make_relative(const char *root, char path[WTL_CGROUP_PATH])
{
    size_t n = strlen(root);
    if (n < 2 || strncmp(path, root, n) != 0 || (path[n] != '/' && path[n] != '\0'))
        return;
    memmove(path, path + n, strlen(path + n) + 1);
    if (path[0] == '\0')
        snprintf(path, WTL_CGROUP_PATH, "/");
}

bool wtl_cgroup_place(const char *mountinfo, const char *cgroup, struct wtl_cgroup_place *out)
{
    struct mount cpu = {0}, cpuacct = {0}, unified = {0};
    struct wtl_view line;
    while (next_line(&mountinfo, &line))
        look_at_mount(line, &cpu, &cpuacct, &unified);
    const struct mount *m = cpu.found ? &cpu : &unified;
    if (!m->found)
        return false;
    struct wtl_cgroup_place place = {.v2 = !cpu.found};
    if (!own_path(cgroup, place.v2 ? "" : "cpu", place.path))
        snprintf(place.path, sizeof place.path, "/");
    make_relative(m->root, place.path);
    memcpy(place.mount, m->at, sizeof place.mount);
    if (cpu.found && cpuacct.found && strcmp(cpu.at, cpuacct.at) != 0)
        memcpy(place.usage, cpuacct.at, sizeof place.usage);
    *out = place;
    return true;
}

bool wtl_cgroup_parse_max(const char *text, bool *limited, double *cpus, double *period_us)
{
    struct wtl_view line = wtl_view_trim(wtl_view_of(text));
    struct wtl_view quota = word(line, 0), period = word(line, 1);
    double q = 0, p = 0;
    if (!wtl_parse_double(period.s, period.n, &p) || !(p >= 1))
        return false;
    bool max = wtl_view_is(quota, "max");
    if (!max && (!wtl_parse_double(quota.s, quota.n, &q) || !(q > 0)))
        return false;
    *limited = !max;
    *cpus = max ? 0 : q / p;
    *period_us = p;
    return true;
}
