/* SPDX-License-Identifier: Apache-2.0
 * XIDs of the kernel log. */
#include "flow/doctor_log.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARK "NVRM: Xid (PCI:"

/* A record of /dev/kmsg holds at most so much; reads of a plain file are cut at line ends. */
enum { CHUNK = 8192 };

/* Seconds since boot that the line begins with; -1: none. */
static double time_of(const char *line)
{
    char *end;
    double s;
    if (line[0] == '[') {
        s = strtod(line + 1, &end);
        return end > line + 1 && *end == ']' ? s : -1;
    }
    const char *at = strchr(line, ','); /* priority, number, us */
    at = at ? strchr(at + 1, ',') : NULL;
    if (!at || line[0] < '0' || line[0] > '9')
        return -1;
    s = (double)strtoll(at + 1, &end, 10) / 1e6;
    return end > at + 1 && *end == ',' ? s : -1;
}

static struct wtl_xid *place_of(struct wtl_xids *xids, const char *pci, int number)
{
    for (size_t i = 0; i < xids->n; i++)
        if (xids->xid[i].number == number && strcmp(xids->xid[i].pci, pci) == 0)
            return &xids->xid[i];
    if (xids->n == WTL_XIDS)
        return NULL;
    struct wtl_xid *x = &xids->xid[xids->n++];
    *x = (struct wtl_xid){.number = number};
    snprintf(x->pci, sizeof x->pci, "%s", pci);
    return x;
}

bool wtl_xids_add(struct wtl_xids *xids, const char *line)
{
    char pci[24];
    const char *at = strstr(line, MARK);
    if (!at)
        return false;
    at += strlen(MARK);
    size_t n = strcspn(at, ")");
    if (n == 0 || n >= sizeof pci || strncmp(at + n, "): ", 3) != 0)
        return false;
    snprintf(pci, sizeof pci, "%.*s", (int)n, at);
    char *end;
    long number = strtol(at + n + 3, &end, 10);
    if (end == at + n + 3 || number <= 0 || number > 9999)
        return false;
    struct wtl_xid *x = place_of(xids, pci, (int)number);
    if (!x) {
        xids->more++;
        return true;
    }
    x->n++;
    x->last_s = time_of(line);
    end += strspn(end, ", ");
    snprintf(x->text, sizeof x->text, "%.*s", (int)strcspn(end, "\n"), end);
    wtl_replace_controls(x->text);
    return true;
}

/* Whole lines of the buffer; what is left of the last one stays at its begin. Returns its length.
 */
static size_t take_lines(struct wtl_xids *xids, char *text, size_t n)
{
    char *line = text, *end;
    text[n] = '\0';
    while ((end = strchr(line, '\n'))) {
        *end = '\0';
        wtl_xids_add(xids, line);
        line = end + 1;
    }
    size_t rest = strlen(line);
    rest = rest < CHUNK / 2 ? rest : 0; /* no line of ours is that long */
    memmove(text, line, rest);
    return rest;
}

int wtl_xids_read(int root_fd, struct wtl_xids *out)
{
    char text[2 * CHUNK + 1];
    size_t rest = 0;
    int fd = openat(root_fd, "dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno;
    *out = (struct wtl_xids){0};
    for (;;) {
        ssize_t n = read(fd, text + rest, CHUNK);
        if (n > 0)
            rest = take_lines(out, text, rest + (size_t)n);
        else if (n == 0 || (errno != EPIPE && errno != EINTR)) /* EPIPE: overwritten meanwhile */
            break;
    }
    text[rest] = '\0';
    wtl_xids_add(out, text);
    close(fd);
    return 0;
}
