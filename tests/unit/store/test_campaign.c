/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/file.h"
#include "made_runs.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[1024];
static int64_t wall_ns = INT64_C(1752024000) * WTL_NS_PER_S;

static int setup(void **state)
{
    int rc = make_test_directory(state);
    snprintf(path, sizeof path, "%s", in_test_directory("c.wattle"));
    return rc;
}

static struct wtl_campaign *open_it(enum wtl_campaign_mode mode)
{
    struct wtl_error err = {0};
    struct wtl_campaign *c = NULL;
    assert_ok(wtl_campaign_open(path, mode, wtl_clock_fixed(&wall_ns), &c, &err), &err);
    return c;
}

static void make_campaign(int n)
{
    struct wtl_error err = {0};
    struct wtl_campaign *c = open_it(WTL_CAMPAIGN_CREATE);
    assert_ok(wtl_campaign_begin(c, &err), &err);
    assert_ok(add_made_runs(c, 0, n, &err), &err);
    assert_ok(wtl_campaign_commit(c, &err), &err);
    wtl_campaign_close(c);
}

static void assert_refused(enum wtl_campaign_mode mode, enum wtl_code code, const char *text)
{
    struct wtl_error err = {0};
    struct wtl_campaign *untouched = (struct wtl_campaign *)&err;
    struct wtl_campaign *c = untouched;
    assert_int_equal(wtl_campaign_open(path, mode, wtl_clock_fixed(&wall_ns), &c, &err),
                     -(int)code);
    assert_ptr_equal(c, untouched);
    if (!strstr(err.message, text))
        fail_msg("message is \"%s\", expected \"%s\" in it", err.message, text);
}

static size_t count_runs(struct wtl_campaign *c)
{
    struct wtl_error err = {0};
    struct wtl_run *runs;
    size_t n = 0;
    WTL_ARENA(arena);
    assert_ok(wtl_campaign_runs(c, NULL, &arena, &runs, &n, &err), &err);
    return n;
}

static void stores_and_reopens(void **state)
{
    (void)state;
    make_campaign(10);
    struct wtl_campaign *c = open_it(WTL_CAMPAIGN_READ);
    assert_int_equal(count_runs(c), 10);
    assert_string_equal(wtl_campaign_path(c), path);
    wtl_campaign_close(c);
    char journal[1100];
    snprintf(journal, sizeof journal, "%s-wal", path);
    assert_int_equal(access(journal, F_OK), -1);
}

static void missing_campaign_is_named_with_what_to_do(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_campaign *c;
    assert_int_equal(
        wtl_campaign_open(path, WTL_CAMPAIGN_READ, wtl_clock_fixed(&wall_ns), &c, &err),
        -WTL_NOTFOUND);
    assert_non_null(strstr(err.hint, "wattle import"));
    assert_refused(WTL_CAMPAIGN_WRITE, WTL_NOTFOUND, path);
    assert_int_equal(access(path, F_OK), -1);
}

static void unused_new_campaign_leaves_no_file(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_campaign *c = open_it(WTL_CAMPAIGN_CREATE);
    assert_ok(wtl_campaign_begin(c, &err), &err);
    assert_ok(add_made_runs(c, 0, 3, &err), &err);
    wtl_campaign_rollback(c);
    wtl_campaign_close(c);
    assert_int_equal(access(path, F_OK), -1);
    /* One that was there stays, empty or not. */
    write_text(path, "");
    wtl_campaign_close(open_it(WTL_CAMPAIGN_CREATE));
    assert_int_equal(access(path, F_OK), 0);
}

static void close_rolls_back(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    make_campaign(4);
    struct wtl_campaign *c = open_it(WTL_CAMPAIGN_WRITE);
    assert_ok(wtl_campaign_begin(c, &err), &err);
    assert_int_equal(wtl_campaign_begin(c, &err), -WTL_USAGE);
    assert_ok(add_made_runs(c, 4, 9, &err), &err);
    wtl_campaign_close(c);
    c = open_it(WTL_CAMPAIGN_READ);
    assert_int_equal(count_runs(c), 4);
    wtl_campaign_close(c);
}

static void reading_cannot_write(void **state)
{
    (void)state;
    make_campaign(1);
    struct wtl_error err = {0};
    struct wtl_campaign *c = open_it(WTL_CAMPAIGN_READ);
    struct wtl_run run = made_run(1);
    int64_t id = 77;
    assert_int_equal(wtl_campaign_begin(c, &err), -WTL_PERMISSION);
    assert_int_equal(wtl_campaign_add_run(c, &run, &id, &err), -WTL_PERMISSION);
    assert_int_equal(wtl_campaign_put_document(c, "plan", "x", "{}", &err), -WTL_PERMISSION);
    assert_int_equal(id, 77);
    wtl_campaign_close(c);
}

static void change_with_sql(const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void refuses_a_newer_version(void **state)
{
    (void)state;
    make_campaign(1);
    change_with_sql("PRAGMA user_version=99");
    assert_refused(WTL_CAMPAIGN_READ, WTL_CORRUPT, "version 99");
    assert_refused(WTL_CAMPAIGN_CREATE, WTL_CORRUPT, "version 99");
    struct wtl_error err = {0};
    struct wtl_campaign *c;
    (void)wtl_campaign_open(path, WTL_CAMPAIGN_READ, wtl_clock_fixed(&wall_ns), &c, &err);
    assert_non_null(strstr(err.hint, "newer wattle"));
}

static void refuses_what_is_no_campaign(void **state)
{
    (void)state;
    write_text(path, "gpu,workload\nA100,llama\n-------------------------------------------------\n"
                     "gpu,workload\nA100,llama\n-------------------------------------------------");
    assert_refused(WTL_CAMPAIGN_CREATE, WTL_CORRUPT, "not a database");
    unlink(path);
    change_with_sql("CREATE TABLE t(a)");
    assert_refused(WTL_CAMPAIGN_READ, WTL_CORRUPT, "not a campaign");
    assert_refused(WTL_CAMPAIGN_CREATE, WTL_CORRUPT, "not a campaign");
    unlink(path);
    write_text(path, "");
    assert_refused(WTL_CAMPAIGN_READ, WTL_CORRUPT, "is empty");
    unlink(path);
    assert_int_equal(mkdir(path, 0777), 0);
    assert_refused(WTL_CAMPAIGN_CREATE, WTL_IO, "directory");
    rmdir(path);
    make_campaign(1);
    change_with_sql("DROP TABLE timing");
    assert_refused(WTL_CAMPAIGN_READ, WTL_CORRUPT, "lacks tables");
}

static void reads_and_completes_an_older_list_of_metrics(void **state)
{
    (void)state;
    make_campaign(6);
    change_with_sql("ALTER TABLE run DROP COLUMN idle_power_w;"
                    "ALTER TABLE run ADD COLUMN of_the_future REAL");
    struct wtl_error err = {0};
    WTL_ARENA(arena);
    struct wtl_run *runs;
    size_t n;
    struct wtl_campaign *c = open_it(WTL_CAMPAIGN_READ);
    assert_ok(wtl_campaign_runs(c, NULL, &arena, &runs, &n, &err), &err);
    assert_int_equal(n, 6);
    bool others = false;
    for (size_t i = 0; i < n; i++) {
        assert_false(wtl_run_has(&runs[i], WTL_R_idle_power_w));
        others = others || runs[i].valid != 0;
    }
    assert_true(others);
    wtl_campaign_close(c);
    c = open_it(WTL_CAMPAIGN_WRITE);
    assert_ok(add_made_runs(c, 6, 30, &err), &err);
    assert_ok(wtl_campaign_runs(c, NULL, &arena, &runs, &n, &err), &err);
    int with = 0;
    for (size_t i = 0; i < n; i++)
        with += wtl_run_has(&runs[i], WTL_R_idle_power_w);
    int expected = 0;
    for (int i = 6; i < 30; i++) {
        struct wtl_run run = made_run(i);
        expected += wtl_run_has(&run, WTL_R_idle_power_w);
    }
    assert_int_equal(with, expected);
    assert_true(with > 0);
    wtl_campaign_close(c);
}

/* As written before there were operating points: nothing of them is known, and the first writer
 * adds the columns. */
static void reads_and_completes_a_campaign_without_points(void **state)
{
    (void)state;
    make_campaign(6);
    change_with_sql("ALTER TABLE run DROP COLUMN variant; ALTER TABLE run DROP COLUMN batch;"
                    "ALTER TABLE run DROP COLUMN replicas; ALTER TABLE run DROP COLUMN share;"
                    "ALTER TABLE run DROP COLUMN limit_w; ALTER TABLE run DROP COLUMN cpu_quota;"
                    "ALTER TABLE run DROP COLUMN threads; ALTER TABLE run DROP COLUMN window;"
                    "ALTER TABLE run DROP COLUMN unit; ALTER TABLE run DROP COLUMN energy_method;"
                    "ALTER TABLE run DROP COLUMN energy_class;"
                    "ALTER TABLE run DROP COLUMN energy_troubles");
    struct wtl_error err = {0};
    WTL_ARENA(arena);
    struct wtl_run *runs;
    size_t n;
    struct wtl_campaign *c = open_it(WTL_CAMPAIGN_READ);
    assert_ok(wtl_campaign_runs(c, NULL, &arena, &runs, &n, &err), &err);
    assert_int_equal(n, 6);
    const struct wtl_point nothing = {0};
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(wtl_point_compare(&runs[i].point, &nothing), 0);
        assert_false(runs[i].window);
        assert_string_equal(runs[i].unit, "");
        assert_int_equal(runs[i].energy_method, WTL_ENERGY_NONE);
        assert_int_equal(runs[i].energy_class, WTL_CLASS_NONE);
        assert_int_equal(runs[i].energy_troubles, 0);
    }
    wtl_campaign_close(c);
    c = open_it(WTL_CAMPAIGN_WRITE);
    assert_ok(add_made_runs(c, 6, 12, &err), &err);
    assert_ok(wtl_campaign_runs(c, NULL, &arena, &runs, &n, &err), &err);
    int same = 0;
    for (size_t i = 0; i < n; i++) {
        struct wtl_run want = made_run((int)runs[i].id - 1);
        same += runs[i].id > 6 && same_run(&runs[i], &want);
    }
    assert_int_equal(same, 6);
    wtl_campaign_close(c);
}

static void refuses_words_of_the_future(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"UPDATE run SET energy_method='by_feel' WHERE id=1", "energy method \"by_feel\""},
        {"UPDATE run SET energy_class='Q' WHERE id=1", "energy class \"Q\""},
        {"UPDATE run SET energy_troubles='gap,flood' WHERE id=1", "energy trouble \"flood\""},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        make_campaign(2);
        change_with_sql(changes[i][0]);
        struct wtl_error err = {0};
        WTL_ARENA(arena);
        struct wtl_run *runs = NULL;
        size_t n = 7;
        struct wtl_campaign *c = open_it(WTL_CAMPAIGN_READ);
        assert_int_equal(wtl_campaign_runs(c, NULL, &arena, &runs, &n, &err), -WTL_CORRUPT);
        assert_non_null(strstr(err.message, changes[i][1]));
        assert_int_equal(n, 7);
        wtl_campaign_close(c);
        unlink(path);
    }
}

/* Whatever is damaged, opening and reading end with an answer or an error, never otherwise. */
static void survives_damage(void **state)
{
    (void)state;
    make_campaign(60);
    WTL_ARENA(arena);
    char *good;
    size_t size;
    assert_int_equal(wtl_file_read(&arena, path, 1 << 24, &good, &size, NULL), 0);
    struct wtl_rng rng;
    wtl_rng_init(&rng, 5);
    int refused = 0;
    for (int trial = 0; trial < 300; trial++) {
        char *bad = wtl_arena_memdup(&arena, good, size);
        size_t n = trial % 3 == 0 ? wtl_rng_below(&rng, (uint32_t)size) : size;
        for (int k = 0; trial % 3 && n == size && k < 40; k++)
            bad[wtl_rng_below(&rng, (uint32_t)size)] = (char)wtl_rng_below(&rng, 256);
        write_file(path, bad, n);
        struct wtl_error err = {0};
        struct wtl_campaign *c = NULL;
        struct wtl_run *runs = NULL;
        size_t n_runs = 0;
        WTL_ARENA(scratch);
        int rc = wtl_campaign_open(path, WTL_CAMPAIGN_READ, wtl_clock_fixed(&wall_ns), &c, &err);
        if (rc == 0)
            rc = wtl_campaign_runs(c, NULL, &scratch, &runs, &n_runs, &err);
        if (rc < 0) {
            assert_int_equal(rc, -(int)err.code);
            assert_true(err.message[0] != '\0');
            assert_null(runs);
            refused++;
        }
        wtl_campaign_close(c);
    }
    assert_true(refused > 100);
}

/* Runs fn in a child; returns its exit status, or 128 + signal. */
static int in_child(int (*fn)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(fn());
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* 0 when everything was stored; else the error code. */
static int import_here(int from, int to)
{
    struct wtl_error err = {0};
    struct wtl_campaign *c = NULL;
    int rc = wtl_campaign_open(path, WTL_CAMPAIGN_CREATE, wtl_clock_fixed(&wall_ns), &c, &err);
    rc = rc ? rc : wtl_campaign_begin(c, &err);
    rc = rc ? rc : add_made_runs(c, from, to, &err);
    rc = rc ? rc : wtl_campaign_commit(c, &err);
    wtl_campaign_close(c);
    if (rc < 0 && !err.hint[0])
        return 100; /* an error without advice */
    return -rc;
}

static int import_on_a_full_disk(void)
{
    struct rlimit limit = {300000, 300000};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 99;
    return import_here(40, 4000);
}

static void full_disk_loses_nothing(void **state)
{
    (void)state;
    make_campaign(40);
    assert_int_equal(in_child(import_on_a_full_disk), WTL_IO);
    struct wtl_campaign *c = open_it(WTL_CAMPAIGN_READ);
    assert_int_equal(count_runs(c), 40);
    wtl_campaign_close(c);
    unlink(path);
    assert_int_equal(in_child(import_on_a_full_disk), WTL_IO);
    assert_int_equal(access(path, F_OK), -1);
}

static int as_nobody(int (*fn)(void))
{
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        return 98;
    return fn();
}

static int open_to_write(void)
{
    return import_here(40, 41);
}

static int write_as_nobody(void)
{
    return as_nobody(open_to_write);
}

static int read_here(void)
{
    struct wtl_error err = {0};
    struct wtl_campaign *c = NULL;
    struct wtl_run *runs;
    size_t n = 0;
    WTL_ARENA(arena);
    int rc = wtl_campaign_open(path, WTL_CAMPAIGN_READ, wtl_clock_fixed(&wall_ns), &c, &err);
    rc = rc ? rc : wtl_campaign_runs(c, NULL, &arena, &runs, &n, &err);
    wtl_campaign_close(c);
    return rc ? -rc : n == 40 ? 0 : 97;
}

static int read_as_nobody(void)
{
    return as_nobody(read_here);
}

static void read_only_places(void **state)
{
    (void)state;
    make_campaign(40);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(in_test_directory(""), 0555), 0);
    assert_int_equal(in_child(read_as_nobody), 0);
    int file_closed = in_child(write_as_nobody);
    assert_int_equal(chmod(path, 0666), 0);
    int dir_closed = in_child(write_as_nobody);
    unlink(path);
    int nothing_there = in_child(write_as_nobody);
    assert_int_equal(chmod(in_test_directory(""), 0755), 0);
    assert_int_equal(file_closed, WTL_PERMISSION);
    assert_int_equal(dir_closed, WTL_PERMISSION);
    assert_int_equal(nothing_there, WTL_PERMISSION);
}

static int import_more(void)
{
    return import_here(40, 50);
}

static void second_writer_is_told(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    make_campaign(40);
    struct wtl_campaign *c = open_it(WTL_CAMPAIGN_WRITE);
    assert_ok(wtl_campaign_begin(c, &err), &err);
    assert_int_equal(in_child(import_more), WTL_BUSY);
    assert_int_equal(in_child(read_here), 0); /* readers go on until the commit */
    wtl_campaign_rollback(c);
    assert_int_equal(in_child(import_more), 0);
    assert_int_equal(count_runs(c), 50);
    wtl_campaign_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stores_and_reopens, setup, drop_test_directory),
        cmocka_unit_test_setup_teardown(missing_campaign_is_named_with_what_to_do, setup,
                                        drop_test_directory),
        cmocka_unit_test_setup_teardown(unused_new_campaign_leaves_no_file, setup,
                                        drop_test_directory),
        cmocka_unit_test_setup_teardown(close_rolls_back, setup, drop_test_directory),
        cmocka_unit_test_setup_teardown(reading_cannot_write, setup, drop_test_directory),
        cmocka_unit_test_setup_teardown(refuses_a_newer_version, setup, drop_test_directory),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_campaign, setup, drop_test_directory),
        cmocka_unit_test_setup_teardown(reads_and_completes_a_campaign_without_points, setup,
                                        drop_test_directory),
        cmocka_unit_test_setup_teardown(refuses_words_of_the_future, setup, drop_test_directory),
        cmocka_unit_test_setup_teardown(reads_and_completes_an_older_list_of_metrics, setup,
                                        drop_test_directory),
        cmocka_unit_test_setup_teardown(survives_damage, setup, drop_test_directory),
        cmocka_unit_test_setup_teardown(full_disk_loses_nothing, setup, drop_test_directory),
        cmocka_unit_test_setup_teardown(read_only_places, setup, drop_test_directory),
        cmocka_unit_test_setup_teardown(second_writer_is_told, setup, drop_test_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
