/* SPDX-License-Identifier: Apache-2.0
 * The published naming schemes. User patterns are in naming_pattern.c. */
#include "trace/naming.h"

#include "base/text.h"
#include "trace/naming_pattern.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool wtl_strip_compression(struct wtl_view *name)
{
    static const char *const suffixes[] = {".gz", ".zst", ".xz"};
    for (int i = 0; i < 3; i++) {
        size_t k = strlen(suffixes[i]);
        if (name->n > k && memcmp(name->s + name->n - k, suffixes[i], k) == 0) {
            name->n -= k;
            return true;
        }
    }
    return false;
}

/* "__626943c__4226156a": the commit and blob that shipped copies of published traces carry. */
static void strip_provenance(struct wtl_view *name)
{
    for (int round = 0; round < 2; round++) {
        size_t n = name->n;
        while (n && isxdigit((unsigned char)name->s[n - 1]))
            n--;
        if (name->n - n < 7 || n < 3 || memcmp(name->s + n - 2, "__", 2) != 0)
            return;
        name->n = n - 2;
    }
}

/* Takes `literal` off the front. */
static bool take(struct wtl_view *v, const char *literal)
{
    size_t k = strlen(literal);
    if (v->n < k || memcmp(v->s, literal, k) != 0)
        return false;
    v->s += k;
    v->n -= k;
    return true;
}

/* Takes 1 to 9 digits off the front. */
static bool take_number(struct wtl_view *v, int *out)
{
    size_t k = 0;
    while (k < v->n && is_digit(v->s[k]))
        k++;
    int64_t value;
    if (k == 0 || k > 9 || !wtl_parse_int(v->s, k, &value))
        return false;
    v->s += k;
    v->n -= k;
    *out = (int)value;
    return true;
}

/* Takes "-" and 1 to 9 digits off the end. */
static bool take_number_at_end(struct wtl_view *v, int *out)
{
    size_t k = 0;
    while (k < v->n && is_digit(v->s[v->n - 1 - k]))
        k++;
    int64_t value;
    if (k == 0 || k > 9 || k == v->n || v->s[v->n - 1 - k] != '-' ||
        !wtl_parse_int(v->s + v->n - k, k, &value))
        return false;
    v->n -= k + 1;
    *out = (int)value;
    return true;
}

/* A GPU as people name it: "a100" of a directory is "A100". */
static void copy_upper(struct wtl_view v, char *dst, size_t size)
{
    wtl_view_copy(v, dst, size);
    for (; *dst; dst++)
        *dst = (char)toupper((unsigned char)*dst);
}

const char *wtl_gpu_of_arch(const char *arch)
{
    static const char *const pairs[][2] = {
        {"GV100", "V100"}, {"GA100", "A100"}, {"GH100", "H100"}, {"GB100", "B100"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (strcmp(arch, pairs[i][0]) == 0)
            return pairs[i][1];
    return arch;
}

/* results_<gpu>_<app>[_job_<id>] */
static bool match_directory(struct wtl_view dir, struct wtl_name_key *key)
{
    if (!take(&dir, "results_"))
        return false;
    const char *bar = memchr(dir.s, '_', dir.n);
    if (!bar || bar == dir.s)
        return false;
    struct wtl_view gpu = {dir.s, (size_t)(bar - dir.s)};
    struct wtl_view app = {bar + 1, dir.n - gpu.n - 1};
    struct wtl_view job = {app.s + app.n, 0};
    while (job.s > app.s && is_digit(job.s[-1])) {
        job.s--;
        job.n++;
    }
    static const char mark[] = "_job_";
    size_t before = (size_t)(job.s - app.s);
    if (job.n && before > 5 && memcmp(job.s - 5, mark, 5) == 0)
        app.n = before - 5;
    else
        job.n = 0;
    if (app.n == 0)
        return false;
    copy_upper(gpu, key->gpu, sizeof key->gpu);
    wtl_view_copy(app, key->workload, sizeof key->workload);
    wtl_view_copy(job, key->job, sizeof key->job);
    return true;
}

/* run_<seq>_<rep>_freq_<MHz>_, run_<rep>_freq_<MHz>_, run_baseline_<rep>_freq_<MHz>_ and then
 * profile.csv, app.out or app.err. */
static bool match_run_file(struct wtl_view file, struct wtl_name_key *key)
{
    int first = 0;
    int second = 0;
    if (!take(&file, "run_"))
        return false;
    if (take(&file, "baseline_")) {
        if (!take_number(&file, &second))
            return false;
        key->scheme = "baseline";
        key->mode = WTL_MODE_BASELINE;
    } else {
        if (!take_number(&file, &first))
            return false;
        bool has_seq = file.n > 1 && file.s[0] == '_' && is_digit(file.s[1]);
        if (has_seq && (!take(&file, "_") || !take_number(&file, &second)))
            return false;
        key->scheme = has_seq ? "sweep" : "custom";
        key->mode = has_seq ? WTL_MODE_SWEEP : WTL_MODE_CUSTOM;
        if (!has_seq)
            second = first;
        key->seq = has_seq ? first : 0;
    }
    key->rep = second;
    if (!take(&file, "_freq_") || !take_number(&file, &key->clock_mhz) || !take(&file, "_"))
        return false;
    key->is_trace = wtl_view_is(file, "profile.csv");
    return key->is_trace || wtl_view_is(file, "app.out") || wtl_view_is(file, "app.err");
}

static bool match_summary(struct wtl_view file, struct wtl_name_key *key)
{
    if (!wtl_view_is(file, "timing_summary.log") && !wtl_view_is(file, "experiment_summary.log"))
        return false;
    key->scheme = "sweep";
    return true;
}

/* <ARCH>-<mode>-: "GA100-baseline-". */
static bool take_legacy_head(struct wtl_view *file, struct wtl_name_key *key)
{
    static const struct {
        const char *text;
        enum wtl_run_mode mode;
    } modes[] = {{"-baseline-", WTL_MODE_BASELINE},
                 {"-dvfs-", WTL_MODE_SWEEP},
                 {"-custom-", WTL_MODE_CUSTOM}};
    size_t k = 0;
    while (k < file->n && isalnum((unsigned char)file->s[k]))
        k++;
    struct wtl_view rest = {file->s + k, file->n - k};
    if (k < 3 || file->s[0] != 'G' || !isupper((unsigned char)file->s[1]) || !is_digit(file->s[2]))
        return false;
    for (int i = 0; i < 3; i++) {
        if (!take(&rest, modes[i].text))
            continue;
        char arch[WTL_LIMIT_NAME];
        wtl_view_copy((struct wtl_view){file->s, k}, arch, sizeof arch);
        snprintf(key->gpu, sizeof key->gpu, "%s", wtl_gpu_of_arch(arch));
        key->mode = modes[i].mode;
        *file = rest;
        return true;
    }
    return false;
}

/* <ARCH>-<mode>-<App>-<MHz>-<iter>, ...-RUN-OUT, ...-perf.csv; App may hold dashes. */
static bool match_legacy(struct wtl_view file, struct wtl_name_key *key)
{
    strip_provenance(&file);
    if (!take_legacy_head(&file, key))
        return false;
    char rest[WTL_LIMIT_NAME];
    if (!wtl_view_copy(file, rest, sizeof rest))
        return false;
    int iteration = 0;
    key->scheme = "legacy";
    if (wtl_ends_with(rest, "-RUN-OUT")) {
        file.n -= strlen("-RUN-OUT");
    } else if (wtl_ends_with(rest, "-perf.csv")) {
        key->scheme = "legacy-perf";
        file.n -= strlen("-perf.csv");
    } else {
        if (!take_number_at_end(&file, &iteration) || !take_number_at_end(&file, &key->clock_mhz))
            return false;
        key->rep = iteration + 1; /* published iterations count from 0 */
        key->is_trace = true;
    }
    wtl_view_copy(file, key->workload, sizeof key->workload);
    return file.n > 0;
}

static bool match_published(struct wtl_view dir, struct wtl_view file, struct wtl_name_key *key)
{
    struct wtl_name_key none = {0};
    *key = none;
    if (match_run_file(file, key)) {
        match_directory(dir, key);
        return true;
    }
    *key = none;
    if (match_summary(file, key) && match_directory(dir, key))
        return true;
    *key = none;
    return match_legacy(file, key);
}

bool wtl_naming_match(const struct wtl_naming *naming, const char *path,
                      struct wtl_name_key *key_out)
{
    struct wtl_view whole = wtl_view_of(path);
    wtl_strip_compression(&whole);
    if (wtl_naming_match_user(naming, whole, key_out))
        return true;
    const char *slash = memrchr(whole.s, '/', whole.n);
    struct wtl_view file = whole;
    struct wtl_view dir = {whole.s, 0};
    if (slash) {
        file = (struct wtl_view){slash + 1, whole.n - (size_t)(slash + 1 - whole.s)};
        dir.n = (size_t)(slash - whole.s);
        const char *up = memrchr(dir.s, '/', dir.n);
        if (up) {
            dir.n -= (size_t)(up + 1 - dir.s);
            dir.s = up + 1;
        }
    }
    struct wtl_name_key key;
    if (!match_published(dir, file, &key))
        return false;
    *key_out = key;
    return true;
}
