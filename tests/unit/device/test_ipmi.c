/* SPDX-License-Identifier: Apache-2.0
 * The node's power from its BMC: bytes of DCMI 1.5, the kernel's interface, and a BMC played by
 * hand: one that answers, one that is slow, busy, switched off, closed. */
#include "support/support.h"

#include "device/ipmi/dcmi.h"
#include "device/ipmi/ipmi.h"
#include "device/machine_impl.h"

#include <errno.h>
#include <linux/ipmi.h>
#include <stdio.h>
#include <string.h>

static struct wtl_error err;

/* DCMI 1.5, 6.6.1: completion code, group, current, minimum, maximum, average, time stamp,
 * reporting period in ms, state. 214 W, 2 to 468 W, 184 W over 1000 ms, active. */
static const uint8_t reading[WTL_DCMI_RESPONSE] = {0x00, 0xdc, 0xd6, 0x00, 0x02, 0x00, 0xd4,
                                                   0x01, 0xb8, 0x00, 0x80, 0x5e, 0x37, 0x66,
                                                   0xe8, 0x03, 0x00, 0x00, 0x40};

/* ---- Bytes ----------------------------------------------------------------------------------- */

static void the_request_is_as_specified(void **state)
{
    (void)state;
    static const uint8_t want[] = {0xdc, 0x01, 0x00, 0x00};
    uint8_t request[WTL_DCMI_REQUEST];
    wtl_dcmi_power_request(request);
    assert_memory_equal(request, want, sizeof want);
    assert_int_equal(sizeof want, sizeof request);
}

static void a_response_is_read_to_the_bit(void **state)
{
    (void)state;
    struct wtl_dcmi_power p;
    assert_ok(wtl_dcmi_power_parse(reading, sizeof reading, &p, &err), &err);
    assert_near(p.current_w, 214, 0);
    assert_near(p.min_w, 2, 0);
    assert_near(p.max_w, 468, 0);
    assert_near(p.average_w, 184, 0);
    assert_true(p.window_ns == WTL_NS_PER_S);
    assert_true(p.active);
    uint8_t large[24];
    memset(large, 0xff, sizeof large);
    large[0] = 0;
    large[1] = 0xdc;
    large[18] = 0xbf;                                                     /* all but "active" */
    assert_ok(wtl_dcmi_power_parse(large, sizeof large, &p, &err), &err); /* more bytes are fine */
    assert_near(p.current_w, 65535, 0);
    assert_true(p.window_ns == INT64_C(4294967295) * 1000000);
    assert_false(p.active);
}

static void what_is_no_reading_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        uint8_t code;
        int rc;
    } codes[] = {{0xc1, WTL_UNSUPPORTED}, {0xc2, WTL_UNSUPPORTED}, {0xd4, WTL_PERMISSION},
                 {0xc0, WTL_BUSY},        {0xcb, WTL_FAILED},      {0xff, WTL_FAILED}};
    struct wtl_dcmi_power p = {.min_w = 77}, before = p;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        assert_int_equal(wtl_dcmi_power_parse(&codes[i].code, 1, &p, &err), -codes[i].rc);
    for (size_t n = 0; n < sizeof reading; n++) /* every cut */
        assert_int_equal(wtl_dcmi_power_parse(reading, n, &p, &err), -WTL_PARSE);
    uint8_t other[sizeof reading];
    memcpy(other, reading, sizeof other);
    other[1] = 0x52;
    assert_int_equal(wtl_dcmi_power_parse(other, sizeof other, &p, &err), -WTL_PARSE);
    assert_memory_equal(&p, &before, sizeof p);
}

/* Our declarations against those of the kernel that this was built on. */
static void the_interface_is_the_kernels(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct wtl_ipmi_request), sizeof(struct ipmi_req));
    assert_int_equal(sizeof(struct wtl_ipmi_received), sizeof(struct ipmi_recv));
    assert_int_equal(sizeof(struct wtl_ipmi_address), sizeof(struct ipmi_system_interface_addr));
    assert_int_equal(offsetof(struct wtl_ipmi_request, id), offsetof(struct ipmi_req, msgid));
    assert_int_equal(offsetof(struct wtl_ipmi_request, msg), offsetof(struct ipmi_req, msg));
    assert_int_equal(offsetof(struct wtl_ipmi_received, id), offsetof(struct ipmi_recv, msgid));
    assert_int_equal(offsetof(struct wtl_ipmi_received, msg), offsetof(struct ipmi_recv, msg));
    assert_int_equal(offsetof(struct wtl_ipmi_message, data_len),
                     offsetof(struct ipmi_msg, data_len));
    assert_int_equal(offsetof(struct wtl_ipmi_message, data), offsetof(struct ipmi_msg, data));
    assert_int_equal(offsetof(struct wtl_ipmi_address, channel),
                     offsetof(struct ipmi_system_interface_addr, channel));
    assert_int_equal(WTL_IPMI_SEND, IPMICTL_SEND_COMMAND);
    assert_int_equal(WTL_IPMI_RECEIVE, IPMICTL_RECEIVE_MSG_TRUNC);
    assert_int_equal(WTL_IPMI_SYSTEM_INTERFACE, IPMI_SYSTEM_INTERFACE_ADDR_TYPE);
    assert_int_equal(WTL_IPMI_BMC_CHANNEL, IPMI_BMC_CHANNEL);
    assert_int_equal(WTL_IPMI_RESPONSE, IPMI_RESPONSE_RECV_TYPE);
}

/* ---- A BMC, played --------------------------------------------------------------------------- */

enum { FD = 55, QUEUE = 32 };

static struct {
    int open_with; /* what open says; 0: it opens */
    const char *only_path;
    int send_with;
    bool silent;
    uint8_t answer[64];
    size_t n_answer;
    struct {
        int type;
        long id;
        uint8_t data[64];
        size_t n;
    } queue[QUEUE];
    int n_queue, n_asked, n_closed, n_waits;
    int64_t now_ns;
} bmc;

static int play_open(void *ctx, const char *path)
{
    assert_ptr_equal(ctx, &bmc);
    if (bmc.only_path && strcmp(path, bmc.only_path) != 0)
        return -ENOENT;
    return bmc.open_with ? bmc.open_with : FD;
}

static void put_answer(int type, long id)
{
    assert_true(bmc.n_queue < QUEUE);
    bmc.queue[bmc.n_queue].type = type;
    bmc.queue[bmc.n_queue].id = id;
    memcpy(bmc.queue[bmc.n_queue].data, bmc.answer, bmc.n_answer);
    bmc.queue[bmc.n_queue++].n = bmc.n_answer;
}

static int take_request(const struct ipmi_req *r)
{
    static const uint8_t want[] = {0xdc, 0x01, 0x00, 0x00};
    const struct ipmi_system_interface_addr *to = (const void *)r->addr;
    bmc.n_asked++;
    assert_int_equal(r->addr_len, sizeof *to);
    assert_int_equal(to->addr_type, IPMI_SYSTEM_INTERFACE_ADDR_TYPE);
    assert_int_equal(to->channel, IPMI_BMC_CHANNEL);
    assert_int_equal(to->lun, 0);
    assert_int_equal(r->msg.netfn, 0x2c);
    assert_int_equal(r->msg.cmd, 0x02);
    assert_int_equal(r->msg.data_len, sizeof want);
    assert_memory_equal(r->msg.data, want, sizeof want);
    if (!bmc.silent && bmc.send_with == 0)
        put_answer(IPMI_RESPONSE_RECV_TYPE, r->msgid);
    return bmc.send_with;
}

static int give_answer(struct ipmi_recv *r)
{
    if (bmc.n_queue == 0)
        return -EAGAIN;
    size_t n = bmc.queue[0].n < r->msg.data_len ? bmc.queue[0].n : r->msg.data_len;
    memcpy(r->msg.data, bmc.queue[0].data, n);
    r->msg.data_len = (unsigned short)n;
    r->recv_type = bmc.queue[0].type;
    r->msgid = bmc.queue[0].id;
    memmove(&bmc.queue[0], &bmc.queue[1], sizeof bmc.queue[0] * (QUEUE - 1));
    bmc.n_queue--;
    return 0;
}

static int play_ioctl(void *ctx, int fd, unsigned long request, void *arg)
{
    assert_ptr_equal(ctx, &bmc);
    assert_int_equal(fd, FD);
    if (request == IPMICTL_SEND_COMMAND)
        return take_request(arg);
    assert_true(request == IPMICTL_RECEIVE_MSG_TRUNC);
    return give_answer(arg);
}

static int play_wait(void *ctx, int fd, int ms)
{
    assert_ptr_equal(ctx, &bmc);
    assert_int_equal(fd, FD);
    assert_true(ms > 0 && ms < 5000); /* within a call's deadline */
    bmc.n_waits++;
    return bmc.n_queue > 0;
}

static void play_close(void *ctx, int fd)
{
    assert_ptr_equal(ctx, &bmc);
    assert_int_equal(fd, FD);
    bmc.n_closed++;
}

static const struct wtl_ipmi_ops played = {play_open, play_ioctl, play_wait, play_close, &bmc};

static int64_t hand_monotonic(void *ctx)
{
    (void)ctx;
    return bmc.now_ns;
}

static int64_t hand_wall(void *ctx)
{
    (void)ctx;
    return 1790000000 * WTL_NS_PER_S + bmc.now_ns;
}

static int begin(void **state)
{
    (void)state;
    memset(&bmc, 0, sizeof bmc);
    memcpy(bmc.answer, reading, sizeof reading);
    bmc.n_answer = sizeof reading;
    return 0;
}

static struct wtl_machine *open_bmc(const char *root)
{
    static const char *const nothing[] = {"cgroup:/nowhere", NULL};
    const struct wtl_machine_options options = {.clock = {hand_monotonic, hand_wall, NULL},
                                                .root = root,
                                                .nvml = "",
                                                .only = nothing,
                                                .only_those_here = true};
    struct wtl_machine *m = NULL;
    memset(&err, 0, sizeof err);
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &m, &err), &err);
    m->n_findings = 0; /* of control groups */
    const struct wtl_backend_host host = wtl_backend_host_of(m, NULL);
    int rc = wtl_ipmi_open(&host, &played, &err);
    if (rc == 0)
        return m;
    wtl_machine_close(m);
    return NULL;
}

static struct wtl_finding finding(struct wtl_machine *m)
{
    size_t n = 0;
    const struct wtl_finding *f = wtl_machine_findings(m, &n);
    assert_int_equal(n, 1);
    return f ? f[0] : (struct wtl_finding){0};
}

static const uint64_t both = WTL_METRIC_BIT(WTL_M_power_w) | WTL_METRIC_BIT(WTL_M_power_average_w);

static void the_node_is_a_device(void **state)
{
    (void)state;
    struct wtl_machine *m = open_bmc(in_test_directory(""));
    assert_int_equal(wtl_machine_count(m), 1);
    struct wtl_device *d = wtl_machine_device(m, 0);
    const struct wtl_device_info *info = wtl_device_info(d);
    assert_string_equal(info->id, "ipmi:0");
    assert_int_equal(info->kind, WTL_DEVICE_NODE);
    assert_int_equal(info->knobs, 0);
    assert_true(info->sensors == both);
    assert_true(info->sensor[WTL_M_power_w].period_ns == WTL_NS_PER_S);
    assert_near(info->sensor[WTL_M_power_w].resolution, 1, 0);
    assert_true(info->sensor[WTL_M_power_w].window_ns == 0); /* not told */
    assert_true(info->sensor[WTL_M_power_average_w].window_ns == WTL_NS_PER_S);
    assert_string_equal(finding(m).text,
                        "the BMC reads 214 W; 2 to 468 W, 184 W on average over its last 1 s");
    struct wtl_reading r;
    assert_ok(wtl_device_read(d, both, &r, &err), &err);
    assert_near(r.value[WTL_M_power_w], 214, 0);
    assert_near(r.value[WTL_M_power_average_w], 184, 0);
    assert_true(r.sensor_t_ns[WTL_M_power_w] == hand_wall(NULL));
    wtl_machine_close(m);
    assert_int_equal(bmc.n_closed, 1);
}

static void it_is_asked_once_a_second_and_old_answers_keep_their_time(void **state)
{
    (void)state;
    struct wtl_reading a, b;
    struct wtl_machine *m = open_bmc(in_test_directory(""));
    struct wtl_device *d = wtl_machine_device(m, 0);
    bmc.answer[2] = 0x64;
    for (int i = 0; i < 9; i++) {
        bmc.now_ns += WTL_NS_PER_S / 10;
        assert_ok(wtl_device_read(d, both, &a, &err), &err);
        assert_near(a.value[WTL_M_power_w], 214, 0);
        assert_true(a.sensor_t_ns[WTL_M_power_w] == 1790000000 * WTL_NS_PER_S);
    }
    assert_int_equal(bmc.n_asked, 1);
    bmc.now_ns += WTL_NS_PER_S / 10;
    assert_ok(wtl_device_read(d, both, &b, &err), &err);
    assert_near(b.value[WTL_M_power_w], 100, 0);
    assert_true(b.sensor_t_ns[WTL_M_power_w] == 1790000001 * WTL_NS_PER_S);
    assert_int_equal(bmc.n_asked, 2);
    wtl_machine_close(m);
}

static void averages_since_the_beginning_are_none(void **state)
{
    (void)state;
    struct wtl_reading r;
    memset(bmc.answer + 14, 0x11, 4); /* 79 hours */
    struct wtl_machine *m = open_bmc(in_test_directory(""));
    assert_true(wtl_device_info(wtl_machine_device(m, 0))->sensors ==
                WTL_METRIC_BIT(WTL_M_power_w));
    wtl_machine_close(m);
    begin(NULL);
    m = open_bmc(in_test_directory(""));
    bmc.now_ns += WTL_NS_PER_S;
    bmc.answer[15] = 0x13; /* 5 s, and 1 s was announced */
    assert_ok(wtl_device_read(wtl_machine_device(m, 0), both, &r, &err), &err);
    assert_true(wtl_reading_has(&r, WTL_M_power_w));
    assert_int_equal(r.absence[WTL_M_power_average_w], WTL_ABSENT_NOT_YET);
    wtl_machine_close(m);
}

static void late_answers_to_earlier_requests_are_passed_over(void **state)
{
    (void)state;
    struct wtl_reading r;
    struct wtl_machine *m = open_bmc(in_test_directory(""));
    struct wtl_device *d = wtl_machine_device(m, 0);
    bmc.now_ns += WTL_NS_PER_S;
    bmc.silent = true;
    assert_int_equal(wtl_device_read(d, both, &r, &err), -WTL_TIMEOUT);
    assert_non_null(strstr(err.message, "did not answer"));
    bmc.answer[2] = 0x01; /* 1 W comes late */
    put_answer(IPMI_RESPONSE_RECV_TYPE, 2);
    put_answer(IPMI_ASYNC_EVENT_RECV_TYPE, 3);
    bmc.answer[2] = 0x64;
    bmc.silent = false;
    bmc.now_ns += WTL_NS_PER_S;
    assert_ok(wtl_device_read(d, both, &r, &err), &err);
    assert_near(r.value[WTL_M_power_w], 100, 0);
    bmc.now_ns += WTL_NS_PER_S;
    for (int i = 0; i < QUEUE - 1; i++) /* one that never comes to the point */
        put_answer(IPMI_RESPONSE_RECV_TYPE, 1);
    assert_int_equal(wtl_device_read(d, both, &r, &err), -WTL_TIMEOUT);
    wtl_machine_close(m);
}

static void what_it_refuses_is_absent_and_told(void **state)
{
    (void)state;
    static const struct {
        uint8_t code;
        enum wtl_absence absence;
    } cases[] = {{0xc0, WTL_ABSENT_NOT_YET}, {0xd4, WTL_ABSENT_DENIED}, {0xcb, WTL_ABSENT_FAILED}};
    struct wtl_reading r;
    struct wtl_machine *m = open_bmc(in_test_directory(""));
    struct wtl_device *d = wtl_machine_device(m, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bmc.now_ns += WTL_NS_PER_S;
        bmc.answer[0] = cases[i].code;
        assert_ok(wtl_device_read(d, both, &r, &err), &err);
        assert_true(r.valid == 0);
        assert_int_equal(r.absence[WTL_M_power_w], cases[i].absence);
    }
    bmc.now_ns += WTL_NS_PER_S;
    bmc.answer[0] = 0;
    bmc.answer[18] = 0; /* it has stopped measuring */
    assert_ok(wtl_device_read(d, both, &r, &err), &err);
    assert_int_equal(r.absence[WTL_M_power_w], WTL_ABSENT_NOT_YET);
    bmc.now_ns += WTL_NS_PER_S;
    bmc.send_with = -ENODEV;
    assert_int_equal(wtl_device_read(d, both, &r, &err), -WTL_LOST);
    wtl_machine_close(m);
}

static void one_that_refuses_is_asked_no_more_often(void **state)
{
    (void)state;
    struct wtl_reading r;
    struct wtl_machine *m = open_bmc(in_test_directory(""));
    struct wtl_device *d = wtl_machine_device(m, 0);
    bmc.now_ns += WTL_NS_PER_S;
    bmc.n_asked = 0;
    bmc.answer[0] = 0xd4;
    for (int i = 0; i < 30; i++, bmc.now_ns += WTL_NS_PER_S / 10) {
        assert_ok(wtl_device_read(d, both, &r, &err), &err);
        assert_int_equal(r.absence[WTL_M_power_w], WTL_ABSENT_DENIED);
    }
    assert_int_equal(bmc.n_asked, 3);
    bmc.silent = true;
    for (int i = 0; i < 20; i++, bmc.now_ns += WTL_NS_PER_S / 10) {
        err = (struct wtl_error){0};
        assert_int_equal(wtl_device_read(d, both, &r, &err), -WTL_TIMEOUT);
        assert_non_null(strstr(err.message, "did not answer"));
    }
    assert_int_equal(bmc.n_asked, 5);
    wtl_machine_close(m);
}

static void a_bmc_that_cannot_be_had_is_a_finding(void **state)
{
    (void)state;
    static const struct {
        int open_with;
        uint8_t code;
        bool silent;
        enum wtl_finding_level level;
        const char *says, *fix;
    } cases[] = {
        {-ENOENT, 0, false, WTL_FINDING_NOTE, "no BMC is shown", ""},
        {-EACCES, 0, false, WTL_FINDING_LACK, "/dev/ipmi0 is for root only",
         "sudo chown $(id -un) /dev/ipmi0"},
        {-EIO, 0, false, WTL_FINDING_PROBLEM, "cannot be opened: Input/output error", ""},
        {0, 0xc1, false, WTL_FINDING_NOTE, "no power reading (DCMI)", ""},
        {0, 0xff, false, WTL_FINDING_PROBLEM, "completion code FFh", ""},
        {0, 0, true, WTL_FINDING_PROBLEM, "did not answer within 3 s", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(NULL);
        bmc.open_with = cases[i].open_with;
        bmc.answer[0] = cases[i].code;
        bmc.silent = cases[i].silent;
        struct wtl_machine *m = open_bmc(in_test_directory(""));
        assert_non_null(m);
        assert_int_equal(wtl_machine_count(m), 0);
        struct wtl_finding f = finding(m);
        assert_string_equal(f.subject, "ipmi");
        assert_int_equal(f.level, cases[i].level);
        assert_non_null(strstr(f.text, cases[i].says));
        assert_string_equal(f.fix, cases[i].fix);
        wtl_machine_close(m);
        assert_int_equal(bmc.n_closed, cases[i].open_with == 0);
    }
    begin(NULL);
    bmc.open_with = -EMFILE;
    assert_null(open_bmc(in_test_directory("")));
    assert_int_equal(err.code, WTL_IO);
}

static void modules_that_are_missing_are_named(void **state)
{
    (void)state;
    bmc.open_with = -ENOENT;
    write_text(in_test_directory("m/sys/firmware/dmi/entries/38-0/type"), "38\n");
    struct wtl_machine *m = open_bmc(in_test_directory("m"));
    assert_int_equal(finding(m).level, WTL_FINDING_LACK);
    assert_string_equal(finding(m).fix, "sudo modprobe -a ipmi_si ipmi_devintf");
    wtl_machine_close(m);
}

static void older_names_of_the_node_are_tried(void **state)
{
    (void)state;
    bmc.only_path = "/dev/ipmi/0";
    struct wtl_machine *m = open_bmc(in_test_directory(""));
    assert_int_equal(wtl_machine_count(m), 1);
    wtl_machine_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_is_as_specified),
        cmocka_unit_test(a_response_is_read_to_the_bit),
        cmocka_unit_test(what_is_no_reading_is_told_apart),
        cmocka_unit_test(the_interface_is_the_kernels),
        cmocka_unit_test_setup(the_node_is_a_device, begin),
        cmocka_unit_test_setup(it_is_asked_once_a_second_and_old_answers_keep_their_time, begin),
        cmocka_unit_test_setup(averages_since_the_beginning_are_none, begin),
        cmocka_unit_test_setup(late_answers_to_earlier_requests_are_passed_over, begin),
        cmocka_unit_test_setup(what_it_refuses_is_absent_and_told, begin),
        cmocka_unit_test_setup(one_that_refuses_is_asked_no_more_often, begin),
        cmocka_unit_test_setup(a_bmc_that_cannot_be_had_is_a_finding, begin),
        cmocka_unit_test_setup(modules_that_are_missing_are_named, begin),
        cmocka_unit_test_setup(older_names_of_the_node_are_tried, begin),
    };
    return cmocka_run_group_tests_name("device/ipmi", tests, make_test_directory,
                                       drop_test_directory);
}
