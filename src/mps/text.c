/* SPDX-License-Identifier: Apache-2.0
 * Answers of nvidia-cuda-mps-control. */
#include "mps/text.h"

#include "base/text.h"

#include <ctype.h>
#include <string.h>

/* The next line that is not blank, without blanks around it. */
static bool next_line(const char **at, struct wtl_view *out)
{
    while (**at) {
        const size_t n = strcspn(*at, "\n");
        *out = wtl_view_trim((struct wtl_view){*at, n});
        *at += n + ((*at)[n] == '\n');
        if (out->n)
            return true;
    }
    return false;
}

static bool next_word(struct wtl_view *line, struct wtl_view *out)
{
    while (line->n && (*line->s == ' ' || *line->s == '\t'))
        line->s++, line->n--;
    size_t n = 0;
    while (n < line->n && line->s[n] != ' ' && line->s[n] != '\t')
        n++;
    *out = (struct wtl_view){line->s, n};
    line->s += n;
    line->n -= n;
    return n > 0;
}

/* ---- Words on what went wrong ---------------------------------------------------------------- */

static bool has(const char *text, const char *words)
{
    const size_t n = strlen(words);
    for (; *text; text++) {
        size_t i = 0;
        while (i < n && tolower((unsigned char)text[i]) == words[i])
            i++;
        if (i == n)
            return true;
    }
    return false;
}

static enum wtl_code meaning(const char *line)
{
    static const struct {
        const char *words;
        enum wtl_code code;
    } known[] = {
        {"cannot find mps control daemon", WTL_NOTFOUND},
        {"failed to connect", WTL_NOTFOUND},
        {"already running", WTL_BUSY},
        {"permission", WTL_PERMISSION},
        {"not permitted", WTL_PERMISSION},
        {"privilege", WTL_PERMISSION},
        {"unknown command", WTL_UNSUPPORTED},
        {"unrecognized command", WTL_UNSUPPORTED},
        {"invalid command", WTL_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (has(line, known[i].words))
            return known[i].code;
    return WTL_FAILED;
}

bool wtl_mps_complains(const char *answer)
{
    static const char *const words[] = {"cannot",    "could not", "fail",         "error",
                                        "not found", "unknown",   "unrecognized", "invalid",
                                        "unable",    "denied",    "permi",        "privilege"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (has(answer, words[i]))
            return true;
    return false;
}

int wtl_mps_fail(const char *command, const char *answer, struct wtl_error *err)
{
    char line[200] = "nothing";
    struct wtl_view first;
    if (next_line(&answer, &first))
        (void)wtl_view_copy(first, line, sizeof line);
    wtl_replace_controls(line);
    const enum wtl_code code = meaning(line);
    (void)wtl_error_set(err, code, __FILE__, __LINE__, __func__, "MPS answers \"%s\" with: %s",
                        command, line);
    return -(int)code;
}

/* ---- Answers --------------------------------------------------------------------------------- */

static bool parse_pid(struct wtl_view v, int64_t *out)
{
    int64_t pid = 0;
    if (!wtl_parse_int(v.s, v.n, &pid) || pid <= 0 || pid > INT32_MAX)
        return false;
    *out = pid;
    return true;
}

int wtl_mps_parse_pids(const char *command, const char *answer, int64_t pids_out[WTL_MPS_PIDS],
                       size_t *n_out, struct wtl_error *err)
{
    int64_t pids[WTL_MPS_PIDS];
    size_t n = 0;
    struct wtl_view line;
    for (const char *at = answer; next_line(&at, &line);) {
        int64_t pid;
        if (!parse_pid(line, &pid))
            return wtl_mps_fail(command, line.s, err);
        if (n == WTL_MPS_PIDS)
            return WTL_FAIL(err, WTL_LIMIT, "MPS answers \"%s\" with more than %d processes",
                            command, WTL_MPS_PIDS);
        pids[n++] = pid;
    }
    if (n > 0)
        memcpy(pids_out, pids, n * sizeof *pids);
    *n_out = n;
    return 0;
}

int wtl_mps_parse_percentage(const char *command, const char *answer, double *out,
                             struct wtl_error *err)
{
    struct wtl_view line = {"", 0};
    const char *at = answer;
    double value = 0;
    if (!next_line(&at, &line) || !wtl_parse_double(line.s, line.n, &value) || value < 0 ||
        value > 100)
        return wtl_mps_fail(command, answer, err);
    *out = value;
    return 0;
}

static const char *const status_names[] = {[WTL_MPS_UNKNOWN] = "",
                                           [WTL_MPS_INITIALIZING] = "initializing",
                                           [WTL_MPS_ACTIVE] = "active",
                                           [WTL_MPS_FAULT] = "fault"};

const char *wtl_mps_status_name(enum wtl_mps_status status)
{
    return status_names[status];
}

int wtl_mps_parse_status(const char *command, const char *answer, enum wtl_mps_status *out,
                         struct wtl_error *err)
{
    struct wtl_view line = {"", 0};
    const char *at = answer;
    (void)next_line(&at, &line);
    for (int s = WTL_MPS_INITIALIZING; s <= WTL_MPS_FAULT; s++)
        if (wtl_view_is_nocase(line, status_names[s])) {
            *out = (enum wtl_mps_status)s;
            return 0;
        }
    return wtl_mps_fail(command, answer, err);
}

/* ---- ps -------------------------------------------------------------------------------------- */

enum column { C_PID, C_SERVER, C_DEVICE, C_COMMAND, N_COLUMNS };

/* Which word of a line holds which column; -1: none. */
static bool parse_titles(struct wtl_view line, int place[N_COLUMNS])
{
    static const char *const titles[] = {"PID", "SERVER", "DEVICE", "COMMAND"};
    struct wtl_view word;
    for (int c = 0; c < N_COLUMNS; c++)
        place[c] = -1;
    for (int i = 0; next_word(&line, &word); i++)
        for (int c = 0; c < N_COLUMNS; c++)
            if (place[c] < 0 && wtl_view_is_nocase(word, titles[c]))
                place[c] = i;
    return place[C_PID] >= 0 && place[C_SERVER] >= 0;
}

static bool parse_client(struct wtl_view line, const int place[N_COLUMNS],
                         struct wtl_mps_client *out)
{
    struct wtl_mps_client c = {0};
    struct wtl_view word, rest = line;
    for (int i = 0; next_word(&rest, &word); i++) {
        if (i == place[C_PID] && !parse_pid(word, &c.pid))
            return false;
        if (i == place[C_SERVER] && !parse_pid(word, &c.server))
            return false;
        if (i == place[C_DEVICE])
            (void)wtl_view_copy(word, c.device, sizeof c.device);
        if (i == place[C_COMMAND]) { /* the last column: it may have blanks */
            word.n = (size_t)(line.s + line.n - word.s);
            (void)wtl_view_copy(word, c.command, sizeof c.command);
            break;
        }
    }
    wtl_replace_controls(c.device);
    wtl_replace_controls(c.command);
    *out = c;
    return c.pid > 0 && c.server > 0;
}

int wtl_mps_parse_ps(const char *answer, struct wtl_mps_client *out, size_t max, size_t *n_out,
                     struct wtl_error *err)
{
    struct wtl_view line;
    const char *at = answer;
    int place[N_COLUMNS];
    size_t n = 0;
    if (!next_line(&at, &line)) {
        *n_out = 0;
        return 0;
    }
    if (!parse_titles(line, place))
        return wtl_mps_fail("ps", answer, err);
    while (next_line(&at, &line)) {
        struct wtl_mps_client c;
        if (!parse_client(line, place, &c))
            return wtl_mps_fail("ps", line.s, err);
        if (n == max)
            return WTL_FAIL(err, WTL_LIMIT, "MPS tells of more than %zu clients", max);
        out[n++] = c;
    }
    *n_out = n;
    return 0;
}
