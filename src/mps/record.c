/* SPDX-License-Identifier: Apache-2.0
 * Records of control daemons, and the processes that they name. */
#include "mps/record.h"

#include "base/dirs.h"
#include "base/file.h"
#include "base/sort.h"
#include "codec/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- Where ----------------------------------------------------------------------------------- */

static int make_state(const char *state_dir, char out[WTL_LIMIT_PATH], struct wtl_error *err)
{
    if (!state_dir)
        return wtl_dir_make(WTL_DIR_STATE, "mps", out, err);
    if (snprintf(out, WTL_LIMIT_PATH, "%s/mps", state_dir) >= WTL_LIMIT_PATH)
        return WTL_FAIL(err, WTL_LIMIT, "the path of the state directory is too long");
    return wtl_make_dirs(out, err);
}

static int find_state(const char *state_dir, char out[WTL_LIMIT_PATH], struct wtl_error *err)
{
    if (!state_dir)
        return wtl_dir_path(WTL_DIR_STATE, "mps", out, err);
    (void)snprintf(out, WTL_LIMIT_PATH, "%s/mps", state_dir);
    return 0;
}

int wtl_mps_record_new(const char *purpose, bool standing, int64_t wall_ns,
                       struct wtl_mps_record *out, struct wtl_error *err)
{
    struct wtl_mps_record r = {.standing = standing, .since_ns = wall_ns};
    char dir[WTL_LIMIT_PATH];
    int rc = wtl_process_self(purpose, &r.owner, err);
    rc = rc ? rc : wtl_dir_path(WTL_DIR_RUN, "mps", dir, err);
    if (rc < 0)
        return rc;
    wtl_process_boot(r.boot);
    (void)snprintf(r.token, sizeof r.token, "%lld-%lld", (long long)r.owner.pid,
                   (long long)r.owner.start_ticks);
    if (snprintf(r.dir, sizeof r.dir, "%s/%s", dir, r.token) >= WTL_MPS_DIR) {
        rc = WTL_FAIL(err, WTL_LIMIT, "\"%.60s...\" is too long for the sockets of MPS in it", dir);
        wtl_error_hint(err, "WATTLE_RUN_DIR names a shorter run directory");
        return rc;
    }
    *out = r;
    return 0;
}

/* ---- Text ------------------------------------------------------------------------------------ */

static json_t *process_json(const struct wtl_lease_owner *p)
{
    return p->pid > 0 ? json_pack("{s:I, s:I, s:I, s:I}", "pid", (json_int_t)p->pid, "start_ticks",
                                  (json_int_t)p->start_ticks, "uid", (json_int_t)p->uid, "pid_ns",
                                  (json_int_t)p->pid_ns)
                      : json_null();
}

int wtl_mps_record_encode(const struct wtl_mps_record *r, struct wtl_buf *out,
                          struct wtl_error *err)
{
    json_t *servers = json_array(), *owner = process_json(&r->owner);
    for (size_t i = 0; i < r->n_servers; i++)
        wtl_json_add(&servers, process_json(&r->servers[i]));
    wtl_json_put(&owner, "user", wtl_json_text(r->owner.user));
    wtl_json_put(&owner, "text", wtl_json_text(r->owner.text));
    json_t *o =
        json_pack("{s:i, s:o, s:b, s:o, s:o, s:I, s:o, s:o, s:o}", "version", WTL_MPS_VERSION,
                  "token", wtl_json_text(r->token), "standing", (int)r->standing, "owner", owner,
                  "boot", wtl_json_text(r->boot), "since_unix_ns", (json_int_t)r->since_ns, "dir",
                  wtl_json_text(r->dir), "daemon", process_json(&r->daemon), "servers", servers);
    const bool good = o && wtl_json_write(o, out);
    json_decref(o);
    return good ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

static int read_process(const struct wtl_json *o, struct wtl_lease_owner *out,
                        struct wtl_error *err)
{
    struct wtl_lease_owner p = {0};
    int rc = wtl_json_integer(o, "pid", 1, INT32_MAX, &p.pid, err);
    rc = rc ? rc : wtl_json_integer(o, "start_ticks", 0, INT64_MAX, &p.start_ticks, err);
    rc = rc ? rc : wtl_json_integer(o, "uid", 0, UINT32_MAX, &p.uid, err);
    rc = rc ? rc : wtl_json_integer(o, "pid_ns", 0, INT64_MAX, &p.pid_ns, err);
    if (rc == 0)
        *out = p;
    return rc;
}

static int read_processes(const struct wtl_json *root, struct wtl_mps_record *r,
                          struct wtl_error *err)
{
    struct wtl_json o, list;
    int rc = wtl_json_object(root, "owner", &o, err);
    rc = rc ? rc : read_process(&o, &r->owner, err);
    rc = rc ? rc : wtl_json_name(&o, "user", r->owner.user, sizeof r->owner.user, err);
    rc = rc ? rc : wtl_json_name(&o, "text", r->owner.text, sizeof r->owner.text, err);
    if (rc == 0 && wtl_json_find(root, "daemon", &o))
        rc = read_process(&o, &r->daemon, err);
    rc = rc ? rc : wtl_json_array(root, "servers", &list, err);
    const size_t n = rc ? 0 : wtl_json_count(&list);
    if (n > WTL_MPS_RECORDED)
        return wtl_json_fail(&list, err, "more than %d servers", WTL_MPS_RECORDED);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = wtl_json_item_object(&list, i, &o, err);
        rc = rc ? rc : read_process(&o, &r->servers[i], err);
    }
    r->n_servers = n;
    return rc;
}

/* "/run/wattle/mps/TOKEN": nothing else is ever removed. */
static bool is_its_folder(const struct wtl_mps_record *r)
{
    char end[WTL_MPS_TOKEN + 8];
    (void)snprintf(end, sizeof end, "/mps/%s", r->token);
    return r->token[0] && !strchr(r->token, '/') && r->token[0] != '.' && r->dir[0] == '/' &&
           wtl_ends_with(r->dir, end) && !strstr(r->dir, "/../") && strlen(r->dir) < WTL_MPS_DIR;
}

static int read_record(const struct wtl_json *root, struct wtl_mps_record *r, struct wtl_error *err)
{
    int64_t version = 0;
    int rc = wtl_json_integer(root, "version", WTL_MPS_VERSION, WTL_MPS_VERSION, &version, err);
    rc = rc ? rc : wtl_json_name(root, "token", r->token, sizeof r->token, err);
    rc = rc ? rc : wtl_json_bool(root, "standing", &r->standing, err);
    rc = rc ? rc : wtl_json_name(root, "boot", r->boot, sizeof r->boot, err);
    rc = rc ? rc : wtl_json_integer(root, "since_unix_ns", 0, INT64_MAX, &r->since_ns, err);
    rc = rc ? rc : wtl_json_name(root, "dir", r->dir, sizeof r->dir, err);
    rc = rc ? rc : read_processes(root, r, err);
    if (rc == 0 && !is_its_folder(r))
        rc = wtl_json_fail(root, err, "dir is not that of the token");
    return rc;
}

int wtl_mps_record_decode(const char *text, size_t n, const char *file, struct wtl_mps_record *out,
                          struct wtl_error *err)
{
    json_t *value = NULL;
    struct wtl_error why = {0};
    struct wtl_mps_record r = {.standing = false};
    int rc = wtl_json_parse(text, n, file, &value, &why);
    const struct wtl_json root = wtl_json_root(value, file);
    rc = rc ? rc : read_record(&root, &r, &why);
    json_decref(value);
    if (rc == -(int)WTL_NOMEM)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (rc < 0)
        return WTL_FAIL(err, WTL_CORRUPT, "%s", why.message);
    *out = r;
    return 0;
}

/* ---- Files ----------------------------------------------------------------------------------- */

static int file_of(const char *dir, const struct wtl_mps_record *r, char out[WTL_LIMIT_PATH],
                   struct wtl_error *err)
{
    const int n = snprintf(out, WTL_LIMIT_PATH, "%s/%s.json", dir, r->token);
    return n < WTL_LIMIT_PATH ? 0 : WTL_FAIL(err, WTL_LIMIT, "the path of the record is too long");
}

int wtl_mps_record_write(const char *state_dir, const struct wtl_mps_record *r,
                         struct wtl_error *err)
{
    char dir[WTL_LIMIT_PATH - 80], file[WTL_LIMIT_PATH], where[WTL_LIMIT_PATH];
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    int rc = make_state(state_dir, where, err);
    if (rc == 0 && !wtl_view_copy(wtl_view_of(where), dir, sizeof dir))
        rc = WTL_FAIL(err, WTL_LIMIT, "the path of the state directory is too long");
    rc = rc ? rc : file_of(dir, r, file, err);
    rc = rc ? rc : wtl_mps_record_encode(r, &text, err);
    rc = rc ? rc : wtl_file_write_atomic(file, wtl_buf_str(&text), text.len, 0644, err);
    wtl_buf_fini(&text);
    return rc;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

/* Whether a file is a record that was being written when its writer was killed: of this token, or
 * (token NULL) of a process that is gone. "4711-99.json.4711-0.part" */
static bool is_torn(const char *name, const char *token)
{
    struct wtl_lease_owner p;
    int64_t pid = 0, start = 0;
    const char *end = strstr(name, ".json.");
    const size_t n_pid = strcspn(name, "-");
    if (!end || !wtl_ends_with(name, ".part"))
        return false;
    if (token)
        return strlen(token) == (size_t)(end - name) && strncmp(name, token, strlen(token)) == 0;
    return name + n_pid < end && wtl_parse_int(name, n_pid, &pid) &&
           wtl_parse_int(name + n_pid + 1, (size_t)(end - name) - n_pid - 1, &start) &&
           !(wtl_process_find(pid, &p) && p.start_ticks == start);
}

static void remove_torn(const char *dir, const char *token)
{
    DIR *d = opendir(dir);
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
        if (is_torn(e->d_name, token))
            (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        (void)closedir(d);
}

void wtl_mps_records_tidy(const char *state_dir)
{
    char dir[WTL_LIMIT_PATH];
    if (find_state(state_dir, dir, NULL) == 0)
        remove_torn(dir, NULL);
}

int wtl_mps_record_forget(const char *state_dir, const struct wtl_mps_record *r,
                          struct wtl_error *err)
{
    char dir[WTL_LIMIT_PATH], file[WTL_LIMIT_PATH];
    if (!is_its_folder(r))
        return WTL_FAIL(err, WTL_CORRUPT, "the record of MPS names \"%.100s\" as its folder",
                        r->dir);
    if (wtl_dir_trusted(r->dir, (uid_t)r->owner.uid, NULL) == 0 &&
        nftw(r->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0)
        return wtl_fail_errno(err, errno, "remove", r->dir);
    int rc = find_state(state_dir, dir, err);
    rc = rc ? rc : file_of(dir, r, file, err);
    if (rc == 0 && unlink(file) != 0 && errno != ENOENT)
        rc = wtl_fail_errno(err, errno, "remove", file);
    if (rc == 0)
        remove_torn(dir, r->token);
    return rc;
}

static int compare_entries(const void *a, const void *b)
{
    const struct wtl_mps_entry *x = a, *y = b;
    return strcmp(x->file, y->file);
}

static int read_entry(struct wtl_arena *arena, const char *dir, const char *name,
                      struct wtl_mps_entry *e, struct wtl_error *err)
{
    char *text = NULL;
    size_t n = 0;
    struct wtl_error why = {0};
    const char *file = wtl_path_join(arena, dir, name);
    int rc = file ? wtl_file_read(arena, file, 1 << 16, &text, &n, &why)
                  : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    rc = rc ? rc : wtl_mps_record_decode(text, n, file, &e->record, &why);
    e->file = file;
    e->readable = rc == 0;
    e->why = rc ? wtl_arena_strdup(arena, why.message) : "";
    return file && e->why ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

int wtl_mps_records(const char *state_dir, struct wtl_arena *arena, struct wtl_mps_entry **out,
                    size_t *n_out, struct wtl_error *err)
{
    struct wtl_mps_entry *items = NULL;
    size_t n = 0, cap = 0;
    char dir[WTL_LIMIT_PATH];
    int rc = find_state(state_dir, dir, err);
    if (rc < 0)
        return rc;
    DIR *d = opendir(dir);
    if (!d && errno != ENOENT)
        return wtl_fail_errno(err, errno, "look into", dir);
    for (struct dirent *e = d ? readdir(d) : NULL; rc == 0 && e; e = readdir(d)) {
        struct wtl_mps_entry entry = {.readable = false};
        if (e->d_name[0] == '.' || !wtl_ends_with(e->d_name, ".json"))
            continue;
        rc = read_entry(arena, dir, e->d_name, &entry, err);
        if (rc == 0 && access(entry.file, F_OK) != 0)
            continue; /* somebody has just ended it */
        if (rc == 0 && wtl_grow(arena, &items, n, &cap) < 0)
            rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
        else if (rc == 0)
            items[n++] = entry;
    }
    if (d)
        (void)closedir(d);
    if (rc < 0)
        return rc;
    wtl_sort(items, n, sizeof *items, compare_entries);
    *out = items;
    *n_out = n;
    return 0;
}

/* ---- Processes ------------------------------------------------------------------------------- */

/* The environment that a process was started with: variables, each ended by a zero. Empty where it
 * cannot be read, as that of another user. */
struct variables {
    enum { MOST = 1 << 18 } unused;
    char *text;
    size_t n;
};

static void read_variables(int64_t pid, struct variables *v)
{
    char path[64];
    ssize_t got = 1;
    v->n = 0;
    (void)snprintf(path, sizeof path, "/proc/%lld/environ", (long long)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && got > 0 && v->n < MOST - 1) {
        got = read(fd, v->text + v->n, MOST - 1 - v->n);
        v->n += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    v->text[v->n] = '\0';
}

static bool has_variable(const struct variables *v, const char *variable)
{
    for (size_t at = 0; at < v->n; at += strlen(v->text + at) + 1)
        if (strcmp(v->text + at, variable) == 0)
            return true;
    return false;
}

static bool is_recorded(const struct wtl_mps_record *r, const struct wtl_lease_owner *p)
{
    bool found = r->daemon.pid == p->pid && r->daemon.start_ticks == p->start_ticks;
    for (size_t i = 0; i < r->n_servers; i++)
        found =
            found || (r->servers[i].pid == p->pid && r->servers[i].start_ticks == p->start_ticks);
    return found;
}

static bool plays(const struct wtl_mps_record *r, enum wtl_mps_role role,
                  const struct wtl_lease_owner *p, const struct variables *v)
{
    char daemon[WTL_MPS_TOKEN + 32], client[WTL_MPS_TOKEN + 32], folder[WTL_MPS_DIR + 64];
    (void)snprintf(daemon, sizeof daemon, WTL_MPS_MARK "=%s", r->token);
    (void)snprintf(client, sizeof client, WTL_MPS_MARK_CLIENT "=%s", r->token);
    (void)snprintf(folder, sizeof folder, "CUDA_MPS_PIPE_DIRECTORY=%.*s/pipe", WTL_MPS_DIR, r->dir);
    const bool is_daemon = is_recorded(r, p) || has_variable(v, daemon);
    const bool is_command = !is_daemon && has_variable(v, client);
    if (role == WTL_MPS_DAEMONS)
        return is_daemon;
    if (role == WTL_MPS_COMMANDS)
        return is_command;
    return !is_daemon && !is_command && has_variable(v, folder);
}

size_t wtl_mps_record_processes(const struct wtl_mps_record *r, enum wtl_mps_role role,
                                struct wtl_lease_owner out[WTL_MPS_PROCESSES])
{
    WTL_ARENA(scratch);
    struct variables v = {.text = wtl_arena_alloc(&scratch, MOST, 1)};
    DIR *d = v.text ? opendir("/proc") : NULL;
    size_t n = 0;
    for (struct dirent *e = d ? readdir(d) : NULL; e && n < WTL_MPS_PROCESSES; e = readdir(d)) {
        int64_t pid = 0;
        struct wtl_lease_owner p;
        if (!wtl_parse_int(e->d_name, strlen(e->d_name), &pid) || pid <= 1 || pid == getpid() ||
            !wtl_process_find(pid, &p) || p.uid != r->owner.uid)
            continue;
        read_variables(pid, &v);
        if (plays(r, role, &p, &v))
            out[n++] = p;
    }
    if (d)
        (void)closedir(d);
    return n;
}

const char *wtl_mps_life_name(enum wtl_mps_life life)
{
    static const char *const names[] = {[WTL_MPS_IN_USE] = "in use",
                                        [WTL_MPS_STANDING] = "standing",
                                        [WTL_MPS_DANGLING] = "dangling",
                                        [WTL_MPS_OVER] = "over",
                                        [WTL_MPS_OTHERS] = "of others"};
    return names[life];
}

enum wtl_mps_life wtl_mps_record_judge(const struct wtl_mps_record *r)
{
    struct wtl_lease_owner found[WTL_MPS_PROCESSES];
    char boot[WTL_LIMIT_NAME];
    wtl_process_boot(boot);
    if (r->owner.uid != (int64_t)geteuid())
        return WTL_MPS_OTHERS;
    if (boot[0] && r->boot[0] && strcmp(boot, r->boot) != 0)
        return WTL_MPS_OVER;
    const enum wtl_process_life owner = wtl_process_look(&r->owner);
    if (owner == WTL_PROCESS_HIDDEN)
        return WTL_MPS_OTHERS;
    if (owner != WTL_PROCESS_GONE)
        return WTL_MPS_IN_USE;
    if (r->standing && r->daemon.pid > 0 && wtl_process_look(&r->daemon) != WTL_PROCESS_GONE)
        return WTL_MPS_STANDING;
    if (wtl_mps_record_processes(r, WTL_MPS_DAEMONS, found) > 0 ||
        wtl_mps_record_processes(r, WTL_MPS_COMMANDS, found) > 0)
        return WTL_MPS_DANGLING;
    return WTL_MPS_OVER;
}
