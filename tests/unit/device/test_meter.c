/* SPDX-License-Identifier: Apache-2.0
 * External meters: names, lines, commands that behave and that do not, files, FIFOs. */
#include "support/support.h"

#include "device/backend.h"
#include "device/meter/meter.h"
#include "device/meter/ptd.h"
#include "device/meter/stream.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct wtl_error err;
static const uint64_t both = WTL_METRIC_BIT(WTL_M_power_w) | WTL_METRIC_BIT(WTL_M_energy_counter_j);

/* ---- Names ----------------------------------------------------------------------------------- */

static struct wtl_meter_options parsed(const char *text)
{
    struct wtl_meter_options o;
    assert_ok(wtl_meter_parse(text, &o, &err), &err);
    return o;
}

static void names_are_taken_apart(void **state)
{
    (void)state;
    struct wtl_meter_options o = parsed("exec:read-psu -c 1,2 --json");
    assert_int_equal(o.source, WTL_METER_EXEC);
    assert_string_equal(o.what, "read-psu -c 1,2 --json"); /* its commas are its own */
    assert_false(o.has_unit);
    assert_int_equal(o.bare, WTL_M_power_w);
    assert_near(o.scale, 1, 0);
    o = parsed("file:/x/y,z,unit=uW,period=20ms,name=psu.1");
    assert_int_equal(o.source, WTL_METER_FILE);
    assert_string_equal(o.what, "/x/y,z");
    assert_string_equal(o.name, "psu.1");
    assert_true(o.has_unit);
    assert_near(o.scale, 1e-6, 0);
    assert_true(o.period_ns == 20000000);
    o = parsed("file:e,unit=Wh,wraps=65kJ");
    assert_int_equal(o.bare, WTL_M_energy_counter_j);
    assert_near(o.scale, 3600, 0);
    assert_near(o.wraps_at, 65000, 0);
}

static void wrong_names_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
        int rc;
    } cases[] = {
        {"foo:x", "names no kind of meter", WTL_USAGE},
        {"", "names no kind of meter", WTL_USAGE},
        {"exec:", "names no command", WTL_USAGE},
        {"file:,unit=W", "names no file", WTL_USAGE},
        {"file:p,unit=V", "unit=V", WTL_USAGE},
        {"file:p,period=50", "50", WTL_USAGE},
        {"file:p,period=2h", "period=2h", WTL_USAGE},
        {"file:p,name=two words", "two words", WTL_USAGE},
        {"file:p,name=", "name=", WTL_USAGE},
        {"file:p,wraps=-3J", "wraps=-3J", WTL_USAGE},
        {"ptd:", "names no host", WTL_USAGE},
        {"ptd:h,unit=W", "says by itself", WTL_USAGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wtl_meter_options o, before;
        memset(&o, 0x5a, sizeof o);
        before = o;
        err = (struct wtl_error){0};
        assert_int_equal(wtl_meter_parse(cases[i].text, &o, &err), -cases[i].rc);
        assert_non_null(strstr(err.message, cases[i].says));
        assert_memory_equal(&o, &before, sizeof o);
    }
    char *text = malloc(WTL_LIMIT_PATH + 64);
    snprintf(text, WTL_LIMIT_PATH + 64, "file:%0*d", WTL_LIMIT_PATH, 7);
    struct wtl_meter_options o;
    assert_int_equal(wtl_meter_parse(text, &o, &err), -WTL_LIMIT);
    free(text);
}

static void ids_are_words(void **state)
{
    (void)state;
    static const struct {
        const char *text, *id;
    } cases[] = {
        {"exec:/usr/bin/read-psu -1", "meter:read-psu"},
        {"exec:  a;b|c d", "meter:a_b_c"},
        {"exec:x/", "meter:x/"},
        {"exec:anything,name=wall-1", "meter:wall-1"},
        {"file:/sys/class/hwmon/hwmon3/power1_input", "meter:/sys/class/hwmon/hwmon3/power1_input"},
        {"file:my meter", "meter:my_meter"},
        {"ptd:lab7:8888", "meter:lab7:8888"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wtl_meter_options o = parsed(cases[i].text);
        char id[WTL_LIMIT_NAME];
        wtl_meter_id(&o, id);
        assert_string_equal(id, cases[i].id);
    }
    char text[256], id[WTL_LIMIT_NAME];
    snprintf(text, sizeof text, "file:%0150d/end", 0);
    struct wtl_meter_options o = parsed(text);
    wtl_meter_id(&o, id);
    assert_int_equal(strlen(id), WTL_LIMIT_NAME - 1);
    assert_string_equal(id + strlen(id) - 5, "0/end"); /* ends tell paths apart */
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static void lines_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *line, *options;
        double power_w, energy_j; /* -1: none */
        int64_t t_ns;
    } cases[] = {
        {"231.5", "file:x", 231.5, -1, 0},
        {"  231.5\t\r", "file:x", 231.5, -1, 0},
        {"1790000000.25 17", "file:x", 17, -1, 1790000000250000000},
        {"1790000000,17e1", "file:x", 170, -1, 1790000000000000000},
        {"231500000", "file:x,unit=uW", 231.5, -1, 0},
        {"1.5", "file:x,unit=kWh", -1, 5.4e6, 0},
        {"1790000000 1.5", "file:x,unit=Wh", -1, 5400, 1790000000000000000},
        {"power_w=3 energy_j=4 t=1790000000", "file:x", 3, 4, 1790000000000000000},
        {"volts=230,power_w=3,state=on", "file:x,unit=uW", 3, -1, 0}, /* keys have their units */
        {"energy_j=0", "file:x", -1, 0, 0},
        {"0", "file:x", 0, -1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wtl_meter_options o = parsed(cases[i].options);
        struct wtl_meter_reading r;
        int rc = wtl_meter_line(cases[i].line, strlen(cases[i].line), &o, 0, &r, &err);
        assert_int_equal(rc, 1);
        assert_int_equal(r.has[WTL_METER_POWER], cases[i].power_w >= 0);
        assert_int_equal(r.has[WTL_METER_ENERGY], cases[i].energy_j >= 0);
        if (cases[i].power_w >= 0)
            assert_near(r.value[WTL_METER_POWER], cases[i].power_w, 1e-12 * cases[i].power_w);
        if (cases[i].energy_j >= 0)
            assert_near(r.value[WTL_METER_ENERGY], cases[i].energy_j, 0);
        assert_true(r.t_ns == cases[i].t_ns);
    }
}

static void comments_are_passed_over_and_garbage_is_refused(void **state)
{
    (void)state;
    static const char *const comments[] = {"", "   ", "# time watts", "#", " \t\r", "#1 2"};
    static const char *const garbage[] = {"watts",
                                          "12W",
                                          "-1",
                                          "1 2",
                                          "1790000000 1 2",
                                          "nan",
                                          "1e99",
                                          "0x10",
                                          "power_w=",
                                          "power_w=abc",
                                          "volts=230",
                                          "power_w=1 17",
                                          "17 power_w=1",
                                          "1790000000000 17",
                                          "9700000000 5",
                                          "0.5 17",
                                          "t=5 power_w=1",
                                          "power_w=-1",
                                          "=",
                                          "1,,x"};
    struct wtl_meter_options o = parsed("file:x");
    struct wtl_meter_reading r = {.t_ns = 77}, before = r;
    for (size_t i = 0; i < sizeof comments / sizeof comments[0]; i++)
        assert_int_equal(wtl_meter_line(comments[i], strlen(comments[i]), &o, 0, &r, &err), 0);
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        err = (struct wtl_error){0};
        assert_int_equal(wtl_meter_line(garbage[i], strlen(garbage[i]), &o, 0, &r, &err),
                         -WTL_PARSE);
        assert_true(err.message[0] == '"'); /* quotes it */
    }
    assert_int_equal(wtl_meter_line("1\0002", 3, &o, 0, &r, &err), -WTL_PARSE);
    assert_memory_equal(&r, &before, sizeof r);
    static const char timed[] = "1790000003.5 231";
    const int64_t then_ns = INT64_C(1790000003) * WTL_NS_PER_S;
    assert_int_equal(wtl_meter_line(timed, sizeof timed - 1, &o, then_ns, &r, &err), 1);
    assert_int_equal(
        wtl_meter_line(timed, sizeof timed - 1, &o, then_ns - 3600 * WTL_NS_PER_S, &r, &err),
        -WTL_PARSE);
    assert_non_null(strstr(err.message, "its time is 3600 s ahead of this machine's clock"));
}

/* Lines as public logs of PTDaemon have them. */
static void samples_of_a_ptdaemon_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int rc;
        int64_t left_before, left;
        double w;
    } cases[] = {
        {"Last 3 samples\r", 0, 1, 3, 0},
        {"Last 1 sample", 0, 1, 1, 0},
        {"Last 0 samples", 0, 1, 0, 0},
        {"No data\r", 0, 1, 0, 0},
        {"Time,28-12-2020 15:21:14.682,Watts,22.950000,Volts,228.570000,Amps,0.206430,PF,0.486400,"
         "Mark,2020-12-28_15-20-52_mylabel_testing\r",
         1, 3, 2, 22.95},
        {"Time,11-13-2020 "
         "22:38:59.240,Watts,272.930000,Volts,-1.000000,Amps,-1.000000,PF,-1.000000,"
         "Mark,notset,Ch1,Watts,91.060000,Volts,120.950000",
         1, 1, 0, 272.93}, /* the sum of its channels */
        {"Time,11-13-2020 22:38:59.240,Watts,-1.000000,Volts,1", -WTL_PARSE, 2, 1, 0},
        {"Time,11-13-2020 22:38:59.240,Volts,1", -WTL_PARSE, 1, 0, 0},
        {"Time,x,Watts,", -WTL_PARSE, 1, 0, 0},
        {"Time,x,Watts", -WTL_PARSE, 1, 0, 0},
        {"Error: no measurement to stop", -WTL_PARSE, 1, 0, 0},
        {"Unknown command", -WTL_PARSE, 0, 0, 0},
        {"Last 9999999 samples", -WTL_PARSE, 1, 0, 0},
        {"Last -1 samples", -WTL_PARSE, 1, 0, 0},
        {"", -WTL_PARSE, 1, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wtl_meter_reading r = {.t_ns = 77};
        int64_t left = cases[i].left_before;
        int rc = wtl_ptd_line(cases[i].line, strlen(cases[i].line), &left, &r, &err);
        assert_int_equal(rc, cases[i].rc);
        assert_true(left == cases[i].left);
        if (rc == 1)
            assert_near(r.value[WTL_METER_POWER], cases[i].w, 0);
        else
            assert_true(r.t_ns == 77);
    }
}

static void a_ptdaemon_says_who_it_is(void **state)
{
    (void)state;
    char model[WTL_LIMIT_NAME] = "before";
    bool is_power = false;
    int64_t period = 0;
    assert_true(
        wtl_ptd_identity("Yokogawa WT310E,1000,1,1,1,1,0,1,1,version=1.9.1-a2d19f26-20190717,"
                         "OS=Linux,mode=power,1,1,1,0,0,no_cal_date,na",
                         model, &is_power));
    assert_string_equal(model, "Yokogawa WT310E");
    assert_true(is_power);
    assert_true(wtl_ptd_identity("PCsensor,5000,1,0,0,0,0,0,1,version=1.9.1-a2d19f26-20190717,"
                                 "OS=Windows 8,mode=temperature,0,0,1,0,0,no_cal_date,na",
                                 model, &is_power));
    assert_false(is_power);
    assert_false(wtl_ptd_identity("Error: no meter", model, &is_power));
    assert_true(
        wtl_ptd_started("Starting untimed measurement, maximum 500000 samples at 1000ms with 0 "
                        "rampup samples",
                        &period));
    assert_true(period == WTL_NS_PER_S);
    assert_false(wtl_ptd_started("Meter busy", &period));
    assert_false(
        wtl_ptd_started("Starting untimed measurement, maximum 5 samples at 0ms", &period));
    assert_false(wtl_ptd_started("Starting untimed measurement, maximum 5 samples at 7h", &period));
}

/* ---- Streams, fed by hand -------------------------------------------------------------------- */

static int64_t wall = 1790000000 * WTL_NS_PER_S;
static struct wtl_meter_stream stream;
static struct wtl_meter_options plain;
static int writer;

static int start_stream(void **state)
{
    (void)state;
    int fd[2];
    assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
    writer = fd[1];
    plain = parsed("file:x");
    memset(&stream, 0, sizeof stream);
    assert_ok(
        wtl_meter_stream_start(&stream, &plain, wtl_clock_fixed(&wall), fd[0], -1, false, &err),
        &err);
    return 0;
}

static int stop_stream(void **state)
{
    (void)state;
    wtl_meter_stream_stop(&stream);
    close(writer);
    return 0;
}

static void feed(const char *text, int64_t t_ns)
{
    wtl_meter_stream_feed(&stream, text, strlen(text), t_ns);
}

static struct wtl_meter_state look(void)
{
    struct wtl_meter_state st;
    wtl_meter_stream_look(&stream, &st);
    return st;
}

static void pieces_make_lines_and_values_keep_their_time(void **state)
{
    (void)state;
    feed("10\n2", 1000);
    assert_near(look().newest[WTL_METER_POWER].value[WTL_METER_POWER], 10, 0);
    assert_true(look().newest[WTL_METER_POWER].t_ns == 1000);
    feed("0", 2000);
    assert_near(look().newest[WTL_METER_POWER].value[WTL_METER_POWER], 10, 0); /* not 2, not 20 */
    feed("\n\n#x\n", 3000);
    assert_near(look().newest[WTL_METER_POWER].value[WTL_METER_POWER], 20, 0);
    assert_true(look().newest[WTL_METER_POWER].t_ns == 3000);
    const int64_t came_ns = INT64_C(1790000002) * WTL_NS_PER_S;
    feed("energy_j=5\npower_w=30 t=1790000001\n", came_ns);
    assert_true(look().newest[WTL_METER_ENERGY].t_ns == came_ns); /* each its own */
    assert_true(look().newest[WTL_METER_POWER].t_ns == 1790000001000000000);
    assert_int_equal(look().n_readings, 4);
    assert_int_equal(look().n_bad, 0);
}

static void lines_without_end_and_floods_take_no_memory(void **state)
{
    (void)state;
    char big[70000];
    memset(big, '7', sizeof big);
    for (int i = 0; i < 20; i++)
        wtl_meter_stream_feed(&stream, big, sizeof big, 1000);
    assert_int_equal(look().n_readings, 0);
    feed("\n42\n", 2000);
    assert_int_equal(look().n_bad, 1);
    assert_non_null(strstr(look().bad, "more than 256 bytes"));
    assert_near(look().newest[WTL_METER_POWER].value[WTL_METER_POWER], 42, 0);
    for (int i = 0; i < 3 * WTL_METER_RING; i++) {
        char line[32];
        snprintf(line, sizeof line, "%d\n", i);
        feed(line, 3000 + i);
    }
    struct wtl_ring_sample *s = calloc(2 * WTL_METER_RING, sizeof *s);
    size_t n =
        wtl_meter_stream_ring(&stream, WTL_METER_POWER, INT64_MIN, s, 2 * (size_t)WTL_METER_RING);
    assert_int_equal(n, WTL_METER_RING); /* the newest are kept */
    assert_near(s[0].value, 2 * WTL_METER_RING, 0);
    assert_near(s[n - 1].value, 3 * WTL_METER_RING - 1, 0);
    n = wtl_meter_stream_ring(&stream, WTL_METER_POWER, 3000 + 3 * WTL_METER_RING - 4, s, 100);
    assert_int_equal(n, 3); /* after that time, oldest first */
    assert_true(s[0].t_ns < s[1].t_ns && s[1].t_ns < s[2].t_ns);
    n = wtl_meter_stream_ring(&stream, WTL_METER_POWER, INT64_MIN, s, 2);
    assert_int_equal(n, 2); /* the newest that fit */
    assert_near(s[1].value, 3 * WTL_METER_RING - 1, 0);
    assert_int_equal(wtl_meter_stream_ring(&stream, WTL_METER_ENERGY, INT64_MIN, s, 10), 0);
    free(s);
}

static void what_is_written_arrives(void **state)
{
    (void)state;
    assert_int_equal(write(writer, "9\n", 2), 2);
    wtl_meter_stream_wait(&stream, 5 * WTL_NS_PER_S);
    assert_near(look().newest[WTL_METER_POWER].value[WTL_METER_POWER], 9, 0);
    assert_true(look().newest[WTL_METER_POWER].t_ns == wall);
    assert_false(look().ended);
}

/* ---- Devices --------------------------------------------------------------------------------- */

static struct wtl_machine *machine;

static int open_as(const char *name, const char *root, bool from_file)
{
    const char *const only[] = {name, NULL};
    const struct wtl_machine_options options = {.clock = wtl_clock_system(),
                                                .root = root,
                                                .nvml = "",
                                                .only = only,
                                                .for_knobs = from_file};
    err = (struct wtl_error){0};
    machine = NULL;
    return wtl_machine_open(wtl_alloc_system(), &options, &machine, &err);
}

__attribute__((format(printf, 1, 2))) static struct wtl_device *open_meter(const char *format, ...)
{
    char name[WTL_LIMIT_PATH + 64];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    assert_ok(open_as(name, NULL, false), &err);
    assert_int_equal(wtl_machine_count(machine), 1);
    struct wtl_device *d = NULL;
    assert_ok(wtl_machine_find(machine, name, &d, &err), &err); /* by what it was asked for */
    assert_ptr_equal(d, wtl_machine_device(machine, 0));
    assert_int_equal(wtl_device_info(d)->kind, WTL_DEVICE_NODE);
    return d;
}

static struct wtl_reading read_it(struct wtl_device *d)
{
    struct wtl_reading r;
    assert_ok(wtl_device_read(d, both, &r, &err), &err);
    return r;
}

static void nap(int ms)
{
    (void)poll(NULL, 0, ms);
}

/* How many processes of the group run; those that are over and that nobody asks after do not. */
static int running(pid_t group)
{
    int n = 0;
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (const struct dirent *e; (e = readdir(proc)) != NULL;) {
        char path[300], state = 'Z';
        int its = 0;
        snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
        FILE *f = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? fopen(path, "r") : NULL;
        if (!f)
            continue;
        if (fscanf(f, "%*d (%*[^)]) %c %*d %d", &state, &its) == 2)
            n += its == group && state != 'Z' && state != 'X';
        fclose(f);
    }
    closedir(proc);
    return n;
}

/* Whether nothing of the group is left, within a second. */
static bool is_gone(pid_t group)
{
    for (int i = 0; i < 100 && running(group) > 0; i++)
        nap(10);
    return running(group) == 0;
}

static pid_t pid_in(const char *file)
{
    int pid = 0;
    FILE *f = fopen(in_test_directory(file), "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    return pid;
}

static void a_command_is_a_device_as_long_as_it_is_open(void **state)
{
    (void)state;
    struct wtl_device *d =
        open_meter("meter:exec:echo $$ >%s; echo power_w=3 energy_j=7; sleep 60 & wait,period=1s,"
                   "wraps=100J,name=m",
                   in_test_directory("pid"));
    const struct wtl_device_info *info = wtl_device_info(d);
    assert_string_equal(info->id, "meter:m");
    assert_true(info->sensors == both);
    assert_true(info->sensor[WTL_M_power_w].period_ns == WTL_NS_PER_S);
    assert_near(info->sensor[WTL_M_energy_counter_j].wraps_at, 100, 0);
    struct wtl_reading a = read_it(d);
    assert_near(a.value[WTL_M_power_w], 3, 0);
    assert_near(a.value[WTL_M_energy_counter_j], 7, 0);
    nap(20);
    struct wtl_reading b = read_it(d); /* nothing new came: it has its old time */
    assert_true(a.sensor_t_ns[WTL_M_power_w] == b.sensor_t_ns[WTL_M_power_w]);
    assert_true(a.sensor_t_ns[WTL_M_power_w] > 0 && b.t_ns > a.t_ns);
    struct wtl_ring_sample s[4];
    size_t n = 0;
    assert_ok(wtl_device_ring(d, WTL_M_power_w, 0, s, 4, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_int_equal(wtl_device_ring(d, WTL_M_temp_c, 0, s, 4, &n, &err), -WTL_UNSUPPORTED);
    pid_t group = pid_in("pid");
    assert_int_equal(running(group), 2);
    wtl_machine_close(machine);
    assert_true(is_gone(group)); /* with what it had started */
}

static void a_command_that_will_not_end_is_killed(void **state)
{
    (void)state;
    (void)open_meter("meter:exec:trap '' TERM; echo $$ >%s; while echo 5; do sleep 0.05; done",
                     in_test_directory("pid"));
    pid_t group = pid_in("pid");
    wtl_machine_close(machine);
    assert_true(is_gone(group));
}

static void a_command_that_ends_is_lost(void **state)
{
    (void)state;
    struct wtl_device *d = open_meter(
        "meter:exec:echo 5; read x <%s; echo no more current >&2; exit 3", in_test_directory("go"));
    assert_near(read_it(d).value[WTL_M_power_w], 5, 0);
    int fd = open(in_test_directory("go"), O_WRONLY);
    assert_int_equal(write(fd, "x\n", 2), 2);
    close(fd);
    struct wtl_reading r = {.cost_ns = 77};
    int rc = 0;
    for (int i = 0; i < 300 && rc == 0; i++) {
        rc = wtl_device_read(d, both, &r, &err);
        nap(10);
    }
    assert_int_equal(rc, -WTL_LOST);
    assert_non_null(strstr(err.message, "has ended: exit status 3"));
    assert_non_null(strstr(err.hint, "no more current"));
    wtl_machine_close(machine);
}

static void a_command_that_floods_or_blocks_does_neither_to_us(void **state)
{
    (void)state;
    struct wtl_device *d = open_meter("meter:exec:yes 5");
    struct wtl_reading a = read_it(d);
    assert_near(a.value[WTL_M_power_w], 5, 0);
    assert_true(a.cost_ns < WTL_NS_PER_S);
    for (int i = 0; i < 500; i++) { /* what comes later has a later time */
        struct wtl_reading b = read_it(d);
        if (b.sensor_t_ns[WTL_M_power_w] > a.sensor_t_ns[WTL_M_power_w])
            break;
        assert_true(i < 499);
        nap(5);
    }
    wtl_machine_close(machine);
}

static void garbage_is_a_failure_only_when_nothing_else_comes(void **state)
{
    (void)state;
    struct wtl_device *d =
        open_meter("meter:exec:echo 5; echo rubbish; read x <%s; yes rubbish | head -n 40; "
                   "read x <%s; echo 6; sleep 60",
                   in_test_directory("go"), in_test_directory("go"));
    nap(20);
    assert_near(read_it(d).value[WTL_M_power_w], 5, 0);
    for (int round = 0; round < 2; round++) {
        int fd = open(in_test_directory("go"), O_WRONLY);
        assert_int_equal(write(fd, "x\n", 2), 2);
        close(fd);
        for (int i = 0; i < 300; i++) {
            struct wtl_reading r = read_it(d);
            if (round == 0 ? !wtl_reading_has(&r, WTL_M_power_w) : r.value[WTL_M_power_w] == 6) {
                assert_int_equal(r.absence[WTL_M_power_w],
                                 round == 0 ? WTL_ABSENT_FAILED : WTL_PRESENT);
                break;
            }
            assert_true(i < 299);
            nap(10);
        }
    }
    wtl_machine_close(machine);
}

static void what_cannot_be_opened_says_why(void **state)
{
    (void)state;
    assert_int_equal(open_as("meter:exec:echo rubbish; exit 0", NULL, false), -WTL_PARSE);
    assert_non_null(strstr(err.message, "\"rubbish\" is no reading"));
    assert_non_null(strstr(err.hint, "stdbuf"));
    assert_int_equal(open_as("meter:exec:no-such-program-here", NULL, false), -WTL_LOST);
    assert_non_null(strstr(err.message, "exit status 127"));
    assert_non_null(strstr(err.hint, "not found"));
    assert_int_equal(open_as("meter:file:/no/such/file", NULL, false), -WTL_NOTFOUND);
    assert_int_equal(open_as("meter:file:/", NULL, false), -WTL_USAGE);
    assert_int_equal(open_as("meter:file:/sys/no/such", NULL, false), -WTL_NOTFOUND);
    assert_null(machine);
}

/* A plan or a journal that somebody made must not run anything. */
static void names_out_of_files_run_nothing(void **state)
{
    (void)state;
    char name[256];
    snprintf(name, sizeof name, "meter:exec:touch %s; echo 5; sleep 9", in_test_directory("ran"));
    assert_int_equal(open_as(name, NULL, true), -WTL_PERMISSION);
    assert_non_null(strstr(err.message, "not opened where knobs are moved"));
    char wrapped[512];
    snprintf(wrapped, sizeof wrapped, "faulty:read.error@9:%s", name);
    assert_int_equal(open_as(wrapped, NULL, true), -WTL_PERMISSION);
    assert_int_equal(access(in_test_directory("ran"), F_OK), -1);
    assert_ok(open_as(wrapped, NULL, false), &err); /* but where it is asked for */
    assert_int_equal(access(in_test_directory("ran"), F_OK), 0);
    wtl_machine_close(machine);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static void files_are_read_again_and_keep_their_time(void **state)
{
    (void)state;
    const char *path = in_test_directory("p");
    write_text(path, "231500000\n");
    struct wtl_device *d = open_meter("meter:file:%s,unit=uW", path);
    struct wtl_reading a = read_it(d), b = read_it(d);
    assert_near(a.value[WTL_M_power_w], 231.5, 1e-9);
    assert_true(a.sensor_t_ns[WTL_M_power_w] == b.sensor_t_ns[WTL_M_power_w]);
    write_text(path, "# t W\n1790000000 1000000\n1790000001 2000000\n17900"); /* being written */
    a = read_it(d);
    assert_near(a.value[WTL_M_power_w], 2, 1e-9);
    assert_true(a.sensor_t_ns[WTL_M_power_w] == 1790000001000000000);
    write_text(path, "");
    a = read_it(d);
    assert_int_equal(a.absence[WTL_M_power_w], WTL_ABSENT_NOT_YET);
    write_text(path, "off\n");
    a = read_it(d);
    assert_int_equal(a.absence[WTL_M_power_w], WTL_ABSENT_FAILED);
    assert_int_equal(a.absence[WTL_M_energy_counter_j], WTL_ABSENT_UNSUPPORTED);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(wtl_device_read(d, both, &a, &err), -WTL_LOST);
    wtl_machine_close(machine);
}

static void of_a_long_log_the_end_is_read(void **state)
{
    (void)state;
    const char *path = in_test_directory("log");
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 5000; i++)
        fprintf(f, "%d %d\n", 1790000000 + i, i);
    fclose(f);
    struct wtl_device *d = open_meter("meter:file:%s", path);
    struct wtl_reading r = read_it(d);
    assert_near(r.value[WTL_M_power_w], 4999, 0);
    assert_true(r.sensor_t_ns[WTL_M_power_w] == 1790004999 * WTL_NS_PER_S);
    wtl_machine_close(machine);
}

static void files_of_the_kernel_are_those_of_the_root(void **state)
{
    (void)state;
    write_text(in_test_directory("root/sys/class/x/power"), "17500000\n");
    const char *name = "meter:file:/sys/class/x/power,unit=uW";
    assert_ok(open_as(name, in_test_directory("root"), false), &err);
    struct wtl_reading r = read_it(wtl_machine_device(machine, 0));
    assert_near(r.value[WTL_M_power_w], 17.5, 1e-9);
    assert_true(r.sensor_t_ns[WTL_M_power_w] == 0); /* made when it is read */
    wtl_machine_close(machine);
}

static void fifos_give_lines(void **state)
{
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "%s", in_test_directory("fifo"));
    assert_int_equal(mkfifo(path, 0600), 0);
    int keep = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(write(keep, "5\n", 2), 2);
    struct wtl_device *d = open_meter("meter:file:%s", path);
    assert_near(read_it(d).value[WTL_M_power_w], 5, 0);
    close(keep); /* a writer that goes is no end */
    keep = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(keep, "6\n", 2), 2);
    for (int i = 0; read_it(d).value[WTL_M_power_w] != 6; i++) {
        assert_true(i < 300);
        nap(10);
    }
    close(keep);
    wtl_machine_close(machine);
}

static int make_directory_with_fifo(void **state)
{
    int rc = make_test_directory(state);
    return rc ? rc : mkfifo(in_test_directory("go"), 0600);
}

int main(void)
{
#define IN_DIRECTORY(test)                                                                         \
    cmocka_unit_test_setup_teardown(test, make_directory_with_fifo, drop_test_directory)
#define WITH_STREAM(test) cmocka_unit_test_setup_teardown(test, start_stream, stop_stream)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_taken_apart),
        cmocka_unit_test(wrong_names_are_refused),
        cmocka_unit_test(ids_are_words),
        cmocka_unit_test(lines_are_read),
        cmocka_unit_test(comments_are_passed_over_and_garbage_is_refused),
        cmocka_unit_test(samples_of_a_ptdaemon_are_read),
        cmocka_unit_test(a_ptdaemon_says_who_it_is),
        WITH_STREAM(pieces_make_lines_and_values_keep_their_time),
        WITH_STREAM(lines_without_end_and_floods_take_no_memory),
        WITH_STREAM(what_is_written_arrives),
        IN_DIRECTORY(a_command_is_a_device_as_long_as_it_is_open),
        IN_DIRECTORY(a_command_that_will_not_end_is_killed),
        IN_DIRECTORY(a_command_that_ends_is_lost),
        IN_DIRECTORY(a_command_that_floods_or_blocks_does_neither_to_us),
        IN_DIRECTORY(garbage_is_a_failure_only_when_nothing_else_comes),
        IN_DIRECTORY(what_cannot_be_opened_says_why),
        IN_DIRECTORY(names_out_of_files_run_nothing),
        IN_DIRECTORY(files_are_read_again_and_keep_their_time),
        IN_DIRECTORY(of_a_long_log_the_end_is_read),
        IN_DIRECTORY(files_of_the_kernel_are_those_of_the_root),
        IN_DIRECTORY(fifos_give_lines),
    };
    return cmocka_run_group_tests_name("device/meter", tests, NULL, NULL);
}
