/* SPDX-License-Identifier: Apache-2.0
 * Cells to runs and back. */
#include "trace/run_field.h"

#include <stdio.h>
#include <string.h>

static const char *const identity_names[] = {
    "gpu",    "workload",   "job",           "device",        "seq",
    "rep",    "rep_from_0", "clock_mhz",     "mem_clock_mhz", "start_ns",
    "mode",   "status",     "stated_causes", "stated_reason", "variant",
    "window", "unit",       "energy_method", "energy_class",  "energy_troubles"};
static const char *const last_names[] = {"path", "exit_code"};

static bool is_setting(int field)
{
    return field >= (int)WTL_F_SETTING && field < (int)WTL_F_PATH;
}

static const char *const mode_names[] = {"unknown", "sweep", "custom", "baseline"};
enum { N_MODES = 4, N_STATUS = 4 };

const char *wtl_run_field_name(int field)
{
    if (field >= (int)WTL_F_PATH)
        return last_names[field - (int)WTL_F_PATH];
    if (field >= (int)WTL_F_SETTING)
        return wtl_setting_info((enum wtl_setting)(field - (int)WTL_F_SETTING))->name;
    if (field >= (int)WTL_N_RUN_METRICS)
        return identity_names[field - (int)WTL_N_RUN_METRICS];
    return wtl_run_metric_info((enum wtl_run_metric)field)->name;
}

int wtl_run_field_by_name(const char *name)
{
    int field = 0;
    while (field < WTL_N_RUN_FIELDS && strcmp(wtl_run_field_name(field), name) != 0)
        field++;
    return field;
}

enum wtl_unit wtl_run_field_unit(int field)
{
    if (field < (int)WTL_N_RUN_METRICS)
        return wtl_run_metric_info((enum wtl_run_metric)field)->unit;
    if (is_setting(field))
        return wtl_setting_info((enum wtl_setting)(field - (int)WTL_F_SETTING))->unit;
    return field == WTL_F_CLOCK || field == WTL_F_MEM_CLOCK ? WTL_UNIT_MHZ : WTL_UNIT_NONE;
}

const char *wtl_run_field_expected(int field)
{
    switch (field) {
    case WTL_F_GPU:
    case WTL_F_WORKLOAD:
    case WTL_F_JOB:
    case WTL_F_DEVICE:
    case WTL_F_PATH:
        return "a name of at most 95 bytes";
    case WTL_F_MODE:
        return "sweep, custom, baseline or unknown";
    case WTL_F_STATUS:
        return "success, failed, timeout, unknown or an exit code";
    case WTL_F_START:
        return "a time";
    case WTL_F_STATED_CAUSES:
        return "a list of causes joined by '+'";
    case WTL_F_STATED_REASON:
        return "text of at most 159 bytes";
    case WTL_F_EXIT_CODE:
        return "a whole number, 0 for success";
    case WTL_F_VARIANT:
        return "a name of at most 47 bytes";
    case WTL_F_WINDOW:
        return "1 or 0, yes or no";
    case WTL_F_UNIT:
        return "a word of at most 15 bytes";
    case WTL_F_ENERGY_METHOD:
        return "a method of measuring energy (counter_edges, counter, ring, polled, averaged, "
               "estimated)";
    case WTL_F_ENERGY_CLASS:
        return "a class of energy figures, A to D";
    case WTL_F_ENERGY_TROUBLES:
        return "a list of troubles joined by '+'";
    case WTL_F_SEQ:
    case WTL_F_REP:
    case WTL_F_REP_FROM_0:
        return "a whole number from 0";
    case WTL_F_CLOCK:
    case WTL_F_MEM_CLOCK:
        return "a clock in MHz, below 100 GHz";
    default:
        break;
    }
    if (is_setting(field) && wtl_run_field_unit(field) != WTL_UNIT_FRACTION)
        return "a number above 0";
    return wtl_run_field_unit(field) == WTL_UNIT_FRACTION ? "a share from 0 to 1" : "a number";
}

static enum wtl_cell_result set_word(char *dst, size_t size, struct wtl_view cell)
{
    if (cell.n >= size)
        return WTL_CELL_BAD;
    wtl_view_copy(cell, dst, size);
    return WTL_CELL_SET;
}

static enum wtl_cell_result set_name(char *dst, struct wtl_view cell)
{
    return set_word(dst, WTL_LIMIT_NAME, cell);
}

static bool whole(const struct wtl_cell_rule *rule, struct wtl_view cell, double max, int64_t *out)
{
    double v;
    if (!wtl_cell_value(cell, wtl_run_field_unit(rule->field), rule->comma, rule->factor, &v))
        return false;
    v += rule->offset;
    if (!(v >= 0 && v <= max))
        return false;
    int64_t rounded = (int64_t)(v + 0.5);
    double off = v - (double)rounded;
    *out = rounded;
    return off < 1e-6 && off > -1e-6;
}

static enum wtl_cell_result set_number(struct wtl_run *run, const struct wtl_cell_rule *rule,
                                       struct wtl_view cell)
{
    int64_t v = 0;
    switch (rule->field) {
    case WTL_F_SEQ:
        if (!whole(rule, cell, 1e15, &v))
            return WTL_CELL_BAD;
        run->seq = v;
        return WTL_CELL_SET;
    case WTL_F_REP:
    case WTL_F_REP_FROM_0:
        if (!whole(rule, cell, 1e9, &v))
            return WTL_CELL_BAD;
        run->rep = (int)v + (rule->field == WTL_F_REP_FROM_0);
        return WTL_CELL_SET;
    case WTL_F_CLOCK:
        if (!whole(rule, cell, 1e5, &v))
            return WTL_CELL_BAD;
        run->clock_mhz = (int)v;
        return WTL_CELL_SET;
    case WTL_F_MEM_CLOCK:
        if (!whole(rule, cell, 1e5, &v))
            return WTL_CELL_BAD;
        run->mem_clock_mhz = (int)v;
        return WTL_CELL_SET;
    default:
        return WTL_CELL_BAD;
    }
}

static enum wtl_cell_result set_metric(struct wtl_run *run, const struct wtl_cell_rule *rule,
                                       struct wtl_view cell)
{
    double v;
    enum wtl_unit unit = wtl_run_field_unit(rule->field);
    if (!wtl_cell_value(cell, unit, rule->comma, rule->factor, &v))
        return WTL_CELL_BAD;
    v += rule->offset;
    if (!(v > -1e300 && v < 1e300) || (unit == WTL_UNIT_FRACTION && !(v >= 0 && v <= 1 + 1e-9)))
        return WTL_CELL_BAD;
    wtl_run_set(run, (enum wtl_run_metric)rule->field, v);
    return WTL_CELL_SET;
}

/* Of two columns that say how a run ended the worse one counts. */
static enum wtl_cell_result end_as(struct wtl_run *run, enum wtl_run_status status)
{
    if (run->status == WTL_RUN_UNKNOWN || status > WTL_RUN_SUCCESS)
        run->status = status;
    return WTL_CELL_SET;
}

static enum wtl_cell_result set_exit_code(struct wtl_run *run, struct wtl_view cell)
{
    int64_t code;
    if (!wtl_parse_int(cell.s, cell.n, &code))
        return WTL_CELL_BAD;
    return end_as(run, code == 0 ? WTL_RUN_SUCCESS : WTL_RUN_FAILED);
}

static enum wtl_cell_result set_status(struct wtl_run *run, struct wtl_view cell)
{
    static const struct {
        const char *word;
        enum wtl_run_status status;
    } others[] = {{"ok", WTL_RUN_SUCCESS},        {"succeeded", WTL_RUN_SUCCESS},
                  {"completed", WTL_RUN_SUCCESS}, {"passed", WTL_RUN_SUCCESS},
                  {"done", WTL_RUN_SUCCESS},      {"fail", WTL_RUN_FAILED},
                  {"failure", WTL_RUN_FAILED},    {"error", WTL_RUN_FAILED},
                  {"crashed", WTL_RUN_FAILED},    {"killed", WTL_RUN_FAILED},
                  {"timed out", WTL_RUN_TIMEOUT}, {"timed_out", WTL_RUN_TIMEOUT}};
    for (int s = 0; s < N_STATUS; s++)
        if (wtl_view_is_nocase(cell, wtl_run_status_name((enum wtl_run_status)s)))
            return end_as(run, (enum wtl_run_status)s);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (wtl_view_is_nocase(cell, others[i].word))
            return end_as(run, others[i].status);
    return set_exit_code(run, cell);
}

static enum wtl_cell_result set_mode(struct wtl_run *run, struct wtl_view cell)
{
    for (int m = 0; m < N_MODES; m++)
        if (wtl_view_is_nocase(cell, mode_names[m])) {
            run->mode = (enum wtl_run_mode)m;
            return WTL_CELL_SET;
        }
    return WTL_CELL_BAD;
}

static unsigned cause_bit(struct wtl_view name)
{
    for (int c = 0; c < (int)WTL_N_CAUSES; c++)
        if (wtl_view_is(name, wtl_cause_name((enum wtl_cause)c)))
            return 1u << c;
    return 0;
}

/* "truncated+contaminated": the bits of all names. */
static enum wtl_cell_result set_bits(uint32_t *bits_out, struct wtl_view cell,
                                     unsigned (*bit_of)(struct wtl_view name))
{
    uint32_t bits = 0;
    while (cell.n) {
        const char *plus = memchr(cell.s, '+', cell.n);
        struct wtl_view name = {cell.s, plus ? (size_t)(plus - cell.s) : cell.n};
        const unsigned bit = bit_of(name);
        if (!bit)
            return WTL_CELL_BAD;
        bits |= bit;
        size_t used = name.n + (plus != NULL);
        cell = (struct wtl_view){cell.s + used, cell.n - used};
    }
    *bits_out = bits;
    return WTL_CELL_SET;
}

static enum wtl_cell_result set_setting(struct wtl_run *run, const struct wtl_cell_rule *rule,
                                        struct wtl_view cell)
{
    double v;
    enum wtl_unit unit = wtl_run_field_unit(rule->field);
    if (!wtl_cell_value(cell, unit, rule->comma, rule->factor, &v))
        return WTL_CELL_BAD;
    v += rule->offset;
    if (!(v > 0 && v < 1e9) || (unit == WTL_UNIT_FRACTION && v > 1 + 1e-9))
        return WTL_CELL_BAD;
    wtl_point_set(&run->point, (enum wtl_setting)(rule->field - (int)WTL_F_SETTING), v);
    return WTL_CELL_SET;
}

static enum wtl_cell_result set_window(struct wtl_run *run, struct wtl_view cell)
{
    static const char *const words[] = {"0", "no", "false", "1", "yes", "true"};
    for (int i = 0; i < 6; i++)
        if (wtl_view_is_nocase(cell, words[i])) {
            run->window = i >= 3;
            return WTL_CELL_SET;
        }
    return WTL_CELL_BAD;
}

/* How the energy of a run was measured. */
static enum wtl_cell_result set_quality(struct wtl_run *run, int field, struct wtl_view cell)
{
    char word[40];
    if (field == WTL_F_ENERGY_TROUBLES)
        return set_bits(&run->energy_troubles, cell, wtl_energy_trouble_by_name);
    if (!wtl_view_copy(cell, word, sizeof word))
        return WTL_CELL_BAD;
    enum wtl_energy_method method = wtl_energy_method_by_name(word);
    enum wtl_energy_class class = wtl_energy_class_by_letter(word[0]);
    if (field == WTL_F_ENERGY_METHOD ? !method : (!class || cell.n != 1))
        return WTL_CELL_BAD;
    if (field == WTL_F_ENERGY_METHOD)
        run->energy_method = method;
    else
        run->energy_class = class;
    return WTL_CELL_SET;
}

enum wtl_cell_result wtl_run_field_set(struct wtl_run *run, const struct wtl_cell_rule *rule,
                                       struct wtl_view cell)
{
    if (wtl_cell_missing(cell))
        return WTL_CELL_MISSING;
    if (rule->field < (int)WTL_N_RUN_METRICS)
        return set_metric(run, rule, cell);
    if (is_setting(rule->field))
        return set_setting(run, rule, cell);
    switch (rule->field) {
    case WTL_F_GPU:
        return set_name(run->gpu, cell);
    case WTL_F_WORKLOAD:
        return set_name(run->workload, cell);
    case WTL_F_JOB:
        return set_name(run->job, cell);
    case WTL_F_DEVICE:
        return set_name(run->device, cell);
    case WTL_F_STATED_CAUSES:
        return set_bits(&run->stated_causes, cell, cause_bit);
    case WTL_F_STATED_REASON:
        return set_word(run->stated_reason, sizeof run->stated_reason, cell);
    case WTL_F_VARIANT:
        return set_word(run->point.variant, sizeof run->point.variant, cell);
    case WTL_F_UNIT:
        return set_word(run->unit, sizeof run->unit, cell);
    case WTL_F_WINDOW:
        return set_window(run, cell);
    case WTL_F_ENERGY_METHOD:
    case WTL_F_ENERGY_CLASS:
    case WTL_F_ENERGY_TROUBLES:
        return set_quality(run, rule->field, cell);
    case WTL_F_MODE:
        return set_mode(run, cell);
    case WTL_F_STATUS:
        return set_status(run, cell);
    case WTL_F_START:
        return wtl_parse_time(cell, rule->time_form, &run->start_ns) ? WTL_CELL_SET : WTL_CELL_BAD;
    case WTL_F_EXIT_CODE:
        return set_exit_code(run, cell);
    case WTL_F_PATH:
        return WTL_CELL_SET;
    default:
        return set_number(run, rule, cell);
    }
}

int wtl_run_field_as_source(int field, bool (*has)(const void *ctx, int field), const void *ctx)
{
    static const struct {
        int plain, source;
        int others[4]; /* -1 ends */
    } rules[] = {
        {WTL_R_time_s,
         WTL_R_span_s,
         {WTL_R_span_s, WTL_R_reported_time_s, WTL_R_wrapper_time_s, WTL_R_nominal_time_s}},
        {WTL_R_energy_j,
         WTL_R_energy_integral_j,
         {WTL_R_energy_counter_j, WTL_R_energy_integral_j, WTL_R_energy_nominal_j, -1}},
        {WTL_R_power_w, WTL_R_power_mean_w, {WTL_R_power_mean_w, -1, -1, -1}},
    };
    for (size_t k = 0; k < sizeof rules / sizeof *rules; k++) {
        if (rules[k].plain != field || has(ctx, WTL_F_ENERGY_METHOD))
            continue;
        for (int i = 0; i < 4 && rules[k].others[i] >= 0; i++)
            if (has(ctx, rules[k].others[i]))
                return field;
        return rules[k].source;
    }
    return field;
}

/* ---- Writing --------------------------------------------------------------------------------- */

void wtl_runs_csv_header(struct wtl_buf *out)
{
    bool first = true;
    for (int f = WTL_F_GPU; f < WTL_F_PATH; f++) {
        if (f == WTL_F_REP_FROM_0)
            continue;
        wtl_csv_put(out, first, wtl_run_field_name(f));
        first = false;
    }
    for (int m = 0; m < (int)WTL_N_RUN_METRICS; m++)
        wtl_csv_put(out, false, wtl_run_field_name(m));
    wtl_csv_put(out, false, "causes");
    wtl_csv_put(out, false, "reason");
    wtl_buf_putc(out, '\n');
}

/* 0 stands for "unknown" in these fields. */
static void put_whole(struct wtl_buf *out, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    wtl_csv_put(out, false, value ? text : "");
}

static void put_causes(struct wtl_buf *out, uint32_t causes)
{
    bool first = true;
    wtl_buf_putc(out, ',');
    for (int c = 0; c < (int)WTL_N_CAUSES; c++)
        if ((causes >> c) & 1) {
            wtl_buf_printf(out, "%s%s", first ? "" : "+", wtl_cause_name((enum wtl_cause)c));
            first = false;
        }
}

static void put_point(struct wtl_buf *out, const struct wtl_run *run)
{
    const char letter[2] = {wtl_energy_class_letter(run->energy_class), '\0'};
    wtl_csv_put(out, false, run->point.variant);
    wtl_csv_put(out, false, run->window ? "1" : "");
    wtl_csv_put(out, false, run->unit);
    wtl_csv_put(out, false, run->energy_method ? wtl_energy_method_name(run->energy_method) : "");
    wtl_csv_put(out, false, run->energy_class ? letter : "");
    wtl_buf_putc(out, ',');
    bool first = true;
    for (int i = 0; i < (int)WTL_N_ENERGY_TROUBLES; i++)
        if ((run->energy_troubles >> i) & 1) {
            wtl_buf_printf(out, "%s%s", first ? "" : "+", wtl_energy_trouble_name(i));
            first = false;
        }
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++) {
        if (wtl_point_has(&run->point, (enum wtl_setting)s))
            wtl_csv_put_number(out, false, run->point.value[s]);
        else
            wtl_csv_put(out, false, "");
    }
}

void wtl_runs_csv_row(struct wtl_buf *out, const struct wtl_run *run)
{
    wtl_csv_put(out, true, run->gpu);
    wtl_csv_put(out, false, run->workload);
    wtl_csv_put(out, false, run->job);
    wtl_csv_put(out, false, run->device);
    put_whole(out, run->seq);
    put_whole(out, run->rep);
    put_whole(out, run->clock_mhz);
    put_whole(out, run->mem_clock_mhz);
    put_whole(out, run->start_ns);
    wtl_csv_put(out, false, mode_names[run->mode]);
    wtl_csv_put(out, false, wtl_run_status_name(run->status));
    put_causes(out, run->stated_causes);
    wtl_csv_put(out, false, run->stated_reason);
    put_point(out, run);
    struct wtl_run whole = *run;
    wtl_run_make_whole(&whole);
    for (int m = 0; m < (int)WTL_N_RUN_METRICS; m++) {
        if (wtl_run_has(&whole, (enum wtl_run_metric)m))
            wtl_csv_put_number(out, false, whole.metric[m]);
        else
            wtl_csv_put(out, false, "");
    }
    put_causes(out, run->causes);
    wtl_csv_put(out, false, run->reason);
    wtl_buf_putc(out, '\n');
}
