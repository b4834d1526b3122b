/* SPDX-License-Identifier: Apache-2.0
 * Units of systemd that put knobs back when they stop: what their files say, not their names. */
#include "flow/doctor.h"

#include "base/text.h"
#include "device/sysfs.h"

#include <stdio.h>
#include <string.h>

/* "ExecStopPost=/usr/bin/wattle restore": our own unit, or that of the plain script ("recover"). */
static bool puts_back(const char *unit)
{
    for (const char *line = unit; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!wtl_starts_with(line, "ExecStop"))
            continue;
        char text[512];
        snprintf(text, sizeof text, "%.*s", (int)strcspn(line, "\n"), line);
        if (strstr(text, " restore") || strstr(text, " recover"))
            return true;
    }
    return false;
}

static void look_at_unit(struct wtl_sysfs *files, const char *place, const char *name,
                         struct wtl_doctor_units *u)
{
    const struct wtl_sysfs_dir root = wtl_sysfs_root(files);
    char path[WTL_LIMIT_PATH], text[WTL_SYSFS_PAGE];
    u->n++;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", place, name) >= sizeof path ||
        wtl_sysfs_text(&root, path, text, sizeof text) != WTL_PRESENT || !puts_back(text))
        return;
    if (u->restore++ == 0)
        snprintf(u->first, sizeof u->first, "%s", name);
}

void wtl_doctor_units(struct wtl_sysfs *files, struct wtl_arena *arena,
                      struct wtl_doctor_units *out)
{
    /* The first place that has any: /lib may be /usr/lib. */
    static const char *const places[] = {"etc/systemd/system", "usr/lib/systemd/system",
                                         "lib/systemd/system"};
    const struct wtl_sysfs_dir root = wtl_sysfs_root(files);
    char first[64];
    *out = (struct wtl_doctor_units){0};
    wtl_sysfs_text(&root, "proc/1/comm", first, sizeof first);
    out->systemd = strcmp(first, "systemd") == 0;
    for (size_t i = 0; i < sizeof places / sizeof places[0] && out->n == 0; i++) {
        char **names = NULL;
        size_t n = 0;
        struct wtl_error ignored = {0};
        if (wtl_sysfs_list(files, arena, places[i], "wattle", &names, &n, &ignored) < 0)
            continue;
        for (size_t k = 0; k < n; k++)
            if (wtl_ends_with(names[k], ".service"))
                look_at_unit(files, places[i], names[k], out);
    }
}
