/* SPDX-License-Identifier: Apache-2.0
 *
 * A writer is killed before its n-th write, sync, truncation or deletion, for every n: the campaign
 * opens, and holds what it held before or, once the commit is through, all of the import. */
#include "support/support.h"

#include "base/file.h"
#include "made_runs.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BEFORE = 12, AFTER = 60 };

static char path[1024];
static int64_t wall_ns = INT64_C(1752024000) * WTL_NS_PER_S;

/* A file system under SQLite that dies at a step. */
static long steps_left;
static sqlite3_vfs *real_vfs;
static sqlite3_vfs deadly_vfs;
static const sqlite3_io_methods *real_methods;
static sqlite3_io_methods deadly_methods;

static void step(void)
{
    if (--steps_left == 0)
        raise(SIGKILL);
}

static int deadly_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
    step();
    return real_methods->xWrite(f, data, n, at);
}

static int deadly_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    step();
    return real_methods->xTruncate(f, size);
}

static int deadly_sync(sqlite3_file *f, int flags)
{
    step();
    return real_methods->xSync(f, flags);
}

static int deadly_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    step();
    return real_vfs->xDelete(real_vfs, name, sync);
}

static int deadly_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    (void)vfs;
    int rc = real_vfs->xOpen(real_vfs, name, f, flags, out);
    if (rc == SQLITE_OK && f->pMethods) {
        real_methods = f->pMethods;
        deadly_methods = *f->pMethods;
        deadly_methods.xWrite = deadly_write;
        deadly_methods.xTruncate = deadly_truncate;
        deadly_methods.xSync = deadly_sync;
        f->pMethods = &deadly_methods;
    }
    return rc;
}

/* In the child only. Returns the steps that the import took when it was not killed. */
static long import_until(long fatal_step)
{
    sqlite3_initialize();
    real_vfs = sqlite3_vfs_find(NULL);
    deadly_vfs = *real_vfs;
    deadly_vfs.zName = "deadly";
    deadly_vfs.xOpen = deadly_open;
    deadly_vfs.xDelete = deadly_delete;
    sqlite3_vfs_register(&deadly_vfs, 1);
    steps_left = fatal_step;
    struct wtl_error err = {0};
    struct wtl_campaign *c = NULL;
    int rc = wtl_campaign_open(path, WTL_CAMPAIGN_CREATE, wtl_clock_fixed(&wall_ns), &c, &err);
    rc = rc ? rc : wtl_campaign_begin(c, &err);
    rc = rc ? rc : add_made_runs(c, BEFORE, AFTER, &err);
    rc = rc ? rc : wtl_campaign_commit(c, &err);
    wtl_campaign_close(c);
    return rc ? -1 : fatal_step - steps_left;
}

static int run_killed(long fatal_step)
{
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(import_until(fatal_step) < 0 ? 1 : 0);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* The number of runs, each of which must be as it was made; `first` is the number of the first. */
static size_t checked_runs(int first)
{
    struct wtl_error err = {0};
    struct wtl_campaign *c = NULL;
    WTL_ARENA(arena);
    struct wtl_run *runs = NULL;
    size_t n = 0;
    int rc = wtl_campaign_open(path, WTL_CAMPAIGN_READ, wtl_clock_fixed(&wall_ns), &c, &err);
    if (rc == -WTL_CORRUPT && strstr(err.message, "is empty"))
        return 0; /* killed before the very first table was there */
    assert_ok(rc, &err);
    assert_ok(wtl_campaign_runs(c, NULL, &arena, &runs, &n, &err), &err);
    for (size_t i = 0; i < n; i++) {
        struct wtl_run want = made_run(first + (int)runs[i].id - 1);
        assert_true(same_run(&runs[i], &want));
    }
    struct wtl_source *sources;
    size_t n_sources;
    assert_ok(wtl_campaign_sources(c, &arena, &sources, &n_sources, &err), &err);
    assert_int_equal(n_sources, n);
    wtl_campaign_close(c);
    return n;
}

static int setup(void **state)
{
    int rc = make_test_directory(state);
    snprintf(path, sizeof path, "%s", in_test_directory("c.wattle"));
    return rc;
}

static void every_step_of_an_import_into_a_campaign(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_campaign *c;
    WTL_ARENA(arena);
    char *before;
    size_t size;
    assert_ok(wtl_campaign_open(path, WTL_CAMPAIGN_CREATE, wtl_clock_fixed(&wall_ns), &c, &err),
              &err);
    assert_ok(wtl_campaign_begin(c, &err), &err);
    assert_ok(add_made_runs(c, 0, BEFORE, &err), &err);
    assert_ok(wtl_campaign_commit(c, &err), &err);
    wtl_campaign_close(c);
    assert_ok(wtl_file_read(&arena, path, 1 << 24, &before, &size, &err), &err);

    char journal[1100];
    snprintf(journal, sizeof journal, "%s-journal", path);
    int unchanged = 0;
    long n = 1;
    for (;; n++) {
        unlink(journal);
        write_file(path, before, size);
        int signal_number = run_killed(n);
        size_t runs = checked_runs(0);
        if (signal_number == 0) {
            assert_int_equal(runs, AFTER);
            break;
        }
        assert_int_equal(signal_number, SIGKILL);
        assert_true(runs == BEFORE || runs == AFTER);
        if (runs == BEFORE) {
            /* Undone to the last byte. */
            WTL_ARENA(scratch);
            char *now;
            size_t now_size;
            assert_ok(wtl_file_read(&scratch, path, 1 << 24, &now, &now_size, &err), &err);
            assert_int_equal(now_size, size);
            assert_memory_equal(now, before, size);
            unchanged++;
        }
        /* Once the import was through, no later kill may undo it. */
        assert_true(runs == BEFORE ? unchanged == n : true);
    }
    assert_true(n > 20);
    assert_true(unchanged > 15);
}

static void every_step_of_an_import_into_a_new_campaign(void **state)
{
    (void)state;
    char journal[1100];
    snprintf(journal, sizeof journal, "%s-journal", path);
    for (long n = 1;; n++) {
        unlink(path);
        unlink(journal);
        int signal_number = run_killed(n);
        if (signal_number == 0) {
            assert_true(n > 20);
            break;
        }
        /* An import after the accident gives what it would have given without. */
        size_t runs = checked_runs(BEFORE);
        assert_true(runs == 0 || runs == AFTER - BEFORE);
        if (runs == 0)
            assert_int_equal(run_killed(100000), 0);
        assert_int_equal(checked_runs(BEFORE), AFTER - BEFORE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_step_of_an_import_into_a_campaign, setup,
                                        drop_test_directory),
        cmocka_unit_test_setup_teardown(every_step_of_an_import_into_a_new_campaign, setup,
                                        drop_test_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
