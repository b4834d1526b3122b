/* SPDX-License-Identifier: Apache-2.0
 * A machine's small files, packed. */
#include "flow/doctor.h"

#include "base/text.h"
#include "codec/json.h"
#include "codec/tar.h"
#include "device/sysfs.h"

#include <string.h>

/* 512 CPUs and 16 GPUs stay under 8 MiB. */
enum { GATHER_MAX = 32 << 20 };

const char *const wtl_gather_left_out[] = {
    "serial numbers: unique_id of GPUs is read, and not packed; others are never read",
    "host name, user names, addresses: never read (control groups have names, which may tell more)",
    "the id of this boot: read, and not packed",
    "/proc/self/mountinfo but for the lines of control groups",
    "/proc/self/status but for Uid and CapEff",
    NULL,
};

static const char readme[] =
    "A machine as `wattle doctor --gather` found it: the files that the back ends of Wattle read,\n"
    "each once, at their paths. `wattle devices --root` and `wattle doctor --root` read it.\n"
    "wattle-machine names files that could not be read, or of which only that they are there was\n"
    "asked. Left out:\n";

/* Lines of `text` that `keep` wants. */
static void put_lines(struct wtl_buf *out, const unsigned char *data, size_t n,
                      bool (*keep)(const char *line, size_t length))
{
    for (size_t at = 0; at < n;) {
        const unsigned char *end = memchr(data + at, '\n', n - at);
        size_t length = end ? (size_t)(end - data) - at : n - at;
        if (keep((const char *)data + at, length)) {
            wtl_buf_add(out, (const char *)data + at, length);
            wtl_buf_putc(out, '\n');
        }
        at += length + 1;
    }
}

static bool is_of_cgroups(const char *line, size_t n)
{
    return memmem(line, n, " - cgroup", strlen(" - cgroup")) != NULL;
}

static bool is_of_rights(const char *line, size_t n)
{
    return (n > 4 && memcmp(line, "Uid:", 4) == 0) || (n > 7 && memcmp(line, "CapEff:", 7) == 0);
}

static bool is_private(const char *path)
{
    return wtl_ends_with(path, "/unique_id") || wtl_ends_with(path, "/boot_id");
}

static int put_record(const struct wtl_sysfs_record *r, struct wtl_buf *tar, struct wtl_error *err)
{
    bool mounts = strcmp(r->path, "proc/self/mountinfo") == 0;
    bool status = strcmp(r->path, "proc/self/status") == 0;
    if (!mounts && !status)
        return wtl_tar_add(tar, r->path, r->data, r->n, err);
    struct wtl_buf lines;
    wtl_buf_init(&lines, wtl_alloc_system(), GATHER_MAX);
    put_lines(&lines, r->data, r->n, mounts ? is_of_cgroups : is_of_rights);
    int rc = lines.failed ? WTL_FAIL(err, WTL_NOMEM, "out of memory")
                          : wtl_tar_add(tar, r->path, wtl_buf_str(&lines), lines.len, err);
    wtl_buf_fini(&lines);
    return rc;
}

/* The word that wattle-machine has for it; NULL: it is as if there were no such file. */
static const char *refusal(enum wtl_absence absence)
{
    switch (absence) {
    case WTL_ABSENT_DENIED:
        return "denied";
    case WTL_ABSENT_NOT_YET:
        return "EAGAIN";
    case WTL_ABSENT_FAILED:
        return "EIO";
    case WTL_ABSENT_LOST:
        return "ENODEV";
    case WTL_PRESENT:
    case WTL_ABSENT_UNSUPPORTED:
        break;
    }
    return NULL;
}

static int put_records(const struct wtl_sysfs_record *records, size_t n, struct wtl_buf *tar,
                       struct wtl_buf *refusals, struct wtl_gathered *g, struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct wtl_sysfs_record *r = &records[i];
        const char *word = refusal(r->absence);
        if (is_private(r->path))
            continue;
        if (word) {
            wtl_buf_printf(refusals, "%s %s\n", word, r->path);
            g->n_refused += !r->unread;
            /* There, so that a listing of its folder shows it. */
            rc = wtl_tar_add(tar, r->path, "", 0, err);
        } else {
            rc = put_record(r, tar, err);
            g->n_files++;
        }
    }
    return rc;
}

static int pack(const struct wtl_sysfs_record *records, size_t n, struct wtl_gathered *g,
                struct wtl_error *err)
{
    struct wtl_buf tar, text;
    wtl_buf_init(&tar, wtl_alloc_system(), 2 * GATHER_MAX);
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 20);
    wtl_buf_puts(&text, readme);
    for (const char *const *line = wtl_gather_left_out; *line; line++)
        wtl_buf_printf(&text, "  - %s\n", *line);
    int rc = text.failed ? WTL_FAIL(err, WTL_NOMEM, "out of memory")
                         : wtl_tar_add(&tar, "README", wtl_buf_str(&text), text.len, err);
    wtl_buf_clear(&text);
    if (rc == 0)
        rc = put_records(records, n, &tar, &text, g, err);
    if (rc == 0 && text.len > 0)
        rc = wtl_tar_add(&tar, "wattle-machine", wtl_buf_str(&text), text.len, err);
    wtl_tar_end(&tar);
    g->bytes = tar.len;
    if (rc == 0 && (tar.failed || text.failed))
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (rc == 0)
        rc = wtl_gzip(tar.data, tar.len, &g->archive, err);
    if (rc == 0 && g->archive.failed)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    wtl_buf_fini(&tar);
    wtl_buf_fini(&text);
    return rc;
}

/* Opens and reads everything while it is noted. NVML is left out: it is no file. */
static int look_at_all(const struct wtl_flow *flow, struct wtl_sysfs *files,
                       struct wtl_arena *arena, struct wtl_error *err)
{
    const struct wtl_machine_options options = {.clock = flow->clock, .files = files, .nvml = ""};
    struct wtl_machine *machine = NULL;
    struct wtl_devices devices;
    struct wtl_world world;
    int rc = wtl_machine_open(flow->alloc, &options, &machine, err);
    if (rc == 0)
        rc = wtl_flow_look(machine, "", arena, &devices, err);
    wtl_machine_close(machine);
    wtl_world_look(files, &world);
    return rc;
}

int wtl_flow_gather(const struct wtl_flow *flow, const struct wtl_doctor_options *options,
                    struct wtl_arena *arena, struct wtl_gathered *out, struct wtl_error *err)
{
    struct wtl_sysfs *files = NULL;
    const struct wtl_sysfs_record *records = NULL;
    struct wtl_gathered g = {.n_files = 0};
    size_t n = 0;
    wtl_buf_init(&g.archive, wtl_alloc_system(), GATHER_MAX);
    int rc = wtl_sysfs_open(arena, options->root ? options->root : "/", &files, err);
    if (rc < 0)
        return rc;
    rc = wtl_sysfs_record_start(files, arena, GATHER_MAX, err);
    if (rc == 0)
        rc = look_at_all(flow, files, arena, err);
    if (rc == 0 && !wtl_sysfs_record_stop(files, &records, &n))
        rc = WTL_FAIL(err, WTL_LIMIT, "the machine's files are more than %d MiB, or memory is out",
                      GATHER_MAX >> 20);
    if (rc == 0)
        rc = pack(records, n, &g, err);
    wtl_sysfs_close(files);
    if (rc < 0)
        wtl_buf_fini(&g.archive);
    else
        *out = g;
    return rc;
}

json_t *wtl_gathered_json(const struct wtl_gathered *g, const char *file)
{
    json_t *left_out = json_array();
    for (const char *const *line = wtl_gather_left_out; *line; line++)
        wtl_json_add(&left_out, json_string(*line));
    return json_pack("{s:s, s:i, s:o, s:i, s:i, s:I, s:I, s:o}", "format", "wattle-gathered",
                     "version", 1, "file", wtl_json_text(file), "files", g->n_files, "refused",
                     g->n_refused, "bytes", (json_int_t)g->archive.len, "bytes_unpacked",
                     (json_int_t)g->bytes, "left_out", left_out);
}
