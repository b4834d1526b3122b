/* SPDX-License-Identifier: Apache-2.0
 * Names of boards. */
#include "core/gpu_name.h"

#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Makers and product lines that nobody says before the number. */
static const char *const prefixes[] = {"NVIDIA",   "AMD",      "Intel", "Tesla",
                                       "Instinct", "Graphics", "Device"};
enum { N_PREFIXES = sizeof prefixes / sizeof prefixes[0] };

/* Lines whose name is part of what people say: "RTX 4090", "RTX A6000", "GTX 1080 Ti". */
static const char *const families[] = {"GeForce", "Quadro", "RTX", "GTX", "TITAN", "Radeon", "Arc"};
enum { N_FAMILIES = sizeof families / sizeof families[0] };

static struct wtl_view next_word(const char **p)
{
    while (**p == ' ')
        (*p)++;
    struct wtl_view word = {*p, strcspn(*p, " ")};
    *p += word.n;
    return word;
}

static bool is_one_of(struct wtl_view word, const char *const *list, int n)
{
    for (int i = 0; i < n; i++)
        if (wtl_view_is_nocase(word, list[i]))
            return true;
    return false;
}

static bool is_identifier(const char *device)
{
    return wtl_starts_with(device, "GPU-") || wtl_starts_with(device, "MIG-");
}

/* The part of a board's name that people say, and the whole of it without its maker; both empty for
 * what is no board's name. */
static void split_name(const char *device, struct wtl_view *said, struct wtl_view *whole)
{
    *said = *whole = (struct wtl_view){device, 0};
    if (is_identifier(device))
        return;
    const char *p = device;
    struct wtl_view word;
    do {
        word = next_word(&p);
    } while (word.n && is_one_of(word, prefixes, N_PREFIXES));
    if (word.n == 0)
        return;
    bool family = is_one_of(word, families, N_FAMILIES);
    if (family && wtl_view_is_nocase(word, "GeForce") && *p == ' ')
        word = next_word(&p);
    struct wtl_view rest = wtl_view_trim((struct wtl_view){word.s, strlen(word.s)});
    if (family) {
        *said = *whole = rest;
        return;
    }
    const char *dash = memchr(word.s, '-', word.n);
    if (dash && dash > word.s)
        word.n = (size_t)(dash - word.s);
    bool has_digit = false;
    for (size_t i = 0; i < word.n; i++)
        has_digit = has_digit || isdigit((unsigned char)word.s[i]);
    if (has_digit && isalpha((unsigned char)word.s[0])) { /* "0" is an index, not a board */
        *said = word;
        *whole = rest;
    }
}

void wtl_gpu_short_name(const char *device, char *buf, size_t size)
{
    struct wtl_view said, whole;
    split_name(device, &said, &whole);
    wtl_view_copy(said, buf, size);
}

void wtl_gpu_model(const char *device, char *buf, size_t size)
{
    struct wtl_view said, whole;
    split_name(device, &said, &whole);
    wtl_view_copy(whole, buf, size);
}

void wtl_gpu_together(size_t n, const char *name, char *buf, size_t size)
{
    if (n == 1)
        (void)wtl_view_copy(wtl_view_of(name), buf, size);
    else
        (void)snprintf(buf, size, "%zux %s", n, name);
}

size_t wtl_gpu_count(const char *gpu)
{
    const size_t digits = strspn(gpu, "0123456789");
    int64_t n = 0;
    if (gpu[digits] != 'x' || gpu[digits + 1] != ' ' || !wtl_parse_int(gpu, digits, &n) || n < 1)
        return 1;
    return (size_t)n;
}

bool wtl_gpu_next_part(const char **at, char *buf, size_t size)
{
    static const char between[] = " + ";
    if (!**at)
        return false;
    const char *end = strstr(*at, between);
    const size_t n = end ? (size_t)(end - *at) : strlen(*at);
    (void)wtl_view_copy((struct wtl_view){*at, n}, buf, size);
    *at += n + (end ? sizeof between - 1 : 0);
    return true;
}

bool wtl_gpu_is(const char *gpu, const char *board, const char *wanted_gpu,
                const char *wanted_board)
{
    if (wtl_gpu_count(gpu) != wtl_gpu_count(wanted_gpu))
        return false;
    if (board[0] && wanted_board[0])
        return wtl_same_name(board, wanted_board);
    return wtl_same_name(gpu, wanted_gpu) || (wanted_board[0] && wtl_same_name(gpu, wanted_board));
}
