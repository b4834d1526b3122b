/* SPDX-License-Identifier: Apache-2.0
 * Titles of processes. */
#include "simhost/title.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* proc(5): fields of /proc/PID/stat, from 1; the second may hold blanks and ends with ')'. */
enum { STATE = 3, ARG_START = 48, ARG_END, ENV_START, ENV_END };

struct wtl_title wtl_title_find(void)
{
    const struct wtl_title none = {0};
    char text[2048];
    FILE *f = fopen("/proc/self/stat", "re");
    if (!f)
        return none;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    unsigned long long field[ENV_END + 1] = {0};
    const char *p = strrchr(text, ')');
    for (int i = STATE; p && i <= ENV_END; i++) {
        p = strchr(p + 1, ' ');
        if (p)
            field[i] = strtoull(p, NULL, 10); /* 0 where it is no number */
    }
    if (!p || field[ARG_START] == 0 || field[ARG_END] <= field[ARG_START])
        return none;
    bool behind = field[ENV_START] == field[ARG_END] && field[ENV_END] > field[ENV_START];
    return (struct wtl_title){
        .begin = (char *)(uintptr_t)field[ARG_START],
        .arguments = (size_t)(field[ARG_END] - field[ARG_START]),
        .all = (size_t)((behind ? field[ENV_END] : field[ARG_END]) - field[ARG_START])};
}

void wtl_title_set(const struct wtl_title *title, const char *text)
{
    size_t n = strlen(text);
    if (title->all < 3)
        return;
    n = n < title->all - 2 ? n : title->all - 2;
    memset(title->begin, 0, title->all);
    memcpy(title->begin, text, n);
    if (n < title->arguments)
        title->begin[title->arguments - 1] = ' '; /* any byte but NUL: this is a title */
}
