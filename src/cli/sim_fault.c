/* SPDX-License-Identifier: Apache-2.0
 * `wattle sim fault`: what goes wrong on demand. */
#include "cli/sim.h"

#include "base/text.h"
#include "codec/json.h"
#include "nvml-abi/nvml_more.h"

#include <stdio.h>
#include <string.h>

struct options {
    const char *gpu;
    const char *call, *code;
    int skip, every, count, xid;
    struct wtl_opt_quantity delay;
    bool hang;
    struct wtl_opt_list stale;
    struct wtl_opt_quantity span, drop, ambient, oob;
    bool lost, reload, mismatch, clear;
    const char *brake;
};

#define AT(member) offsetof(struct options, member)
#define CALLS "calls of the drop-in library"
#define BOARDS "boards and driver"

static const struct wtl_opt opts[] = {
    WTL_SIM_OPT_GPU(struct options, gpu, "number of the virtual GPU (all)"),
    {.name = "clear",
     .type = WTL_OPT_FLAG,
     .offset = AT(clear),
     .help = "take all faults away again (a lost GPU comes back with --reload)"},
    {.name = "call",
     .type = WTL_OPT_STRING,
     .arg = "FUNCTION",
     .offset = AT(call),
     .group = CALLS,
     .help = "function that is hit: nvmlDeviceGetPowerUsage, nvmlDeviceSet*, *"},
    {.name = "return",
     .type = WTL_OPT_STRING,
     .arg = "CODE",
     .offset = AT(code),
     .group = CALLS,
     .help = "what it returns: 15, or not-supported, no-permission, timeout, in-use, gpu-is-lost, "
             "reset-required, unknown"},
    {.name = "skip",
     .type = WTL_OPT_INT,
     .min = 0,
     .max = 1e9,
     .arg = "N",
     .offset = AT(skip),
     .group = CALLS,
     .help = "that many calls go well first (0)"},
    {.name = "every",
     .type = WTL_OPT_INT,
     .min = 1,
     .max = 1e9,
     .arg = "N",
     .offset = AT(every),
     .group = CALLS,
     .help = "of the later ones every N-th is hit (1)"},
    {.name = "count",
     .type = WTL_OPT_INT,
     .min = 1,
     .max = 1e9,
     .arg = "N",
     .offset = AT(count),
     .group = CALLS,
     .help = "it is over after N hits (never)"},
    {.name = "delay",
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_SECOND,
     .min = 0.001,
     .max = 600,
     .arg = "TIME",
     .offset = AT(delay),
     .group = CALLS,
     .help = "how late it answers"},
    {.name = "hang",
     .type = WTL_OPT_FLAG,
     .offset = AT(hang),
     .group = CALLS,
     .help = "it never answers"},
    {.name = "stale",
     .type = WTL_OPT_LIST,
     .arg = "SENSOR",
     .offset = AT(stale),
     .group = BOARDS,
     .help = "sensor that keeps its last value: power, energy, temp, util, all; may be repeated"},
    {.name = "for",
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_SECOND,
     .min = 0.005,
     .max = 1e9,
     .arg = "TIME",
     .offset = AT(span),
     .group = BOARDS,
     .help = "how long --stale lasts (until --clear)"},
    {.name = "drop",
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_FRACTION,
     .min = 0,
     .max = 1,
     .arg = "SHARE",
     .offset = AT(drop),
     .group = BOARDS,
     .help = "share of sensor updates that is lost"},
    {.name = "lost",
     .type = WTL_OPT_FLAG,
     .offset = AT(lost),
     .group = BOARDS,
     .help = "the GPU falls off the bus (XID 79)"},
    {.name = "xid",
     .type = WTL_OPT_INT,
     .min = 1,
     .max = 999,
     .arg = "N",
     .offset = AT(xid),
     .group = BOARDS,
     .help = "an error of this number, for those who wait for NVML's events; nothing else happens"},
    {.name = "brake",
     .type = WTL_OPT_CHOICE,
     .choices = "on,off",
     .arg = "on|off",
     .offset = AT(brake),
     .group = BOARDS,
     .help = "the power brake of the server"},
    {.name = "ambient",
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_CELSIUS,
     .min = -40,
     .max = 80,
     .arg = "TEMP",
     .offset = AT(ambient),
     .group = BOARDS,
     .help = "temperature of the room"},
    {.name = "oob-limit",
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_WATT,
     .min = 0,
     .max = 1e5,
     .arg = "POWER",
     .offset = AT(oob),
     .group = BOARDS,
     .help = "a power limit set from outside the system, as a BMC does; 0 W takes it away"},
    {.name = "reload",
     .type = WTL_OPT_FLAG,
     .offset = AT(reload),
     .group = BOARDS,
     .help = "the driver is unloaded and loaded: settings, processes and counters are gone"},
    {.name = "mismatch",
     .type = WTL_OPT_FLAG,
     .offset = AT(mismatch),
     .group = BOARDS,
     .help = "the driver was upgraded under its library: every call fails until --clear"},
    {0},
};

/* ---- Calls ----------------------------------------------------------------------------------- */

static int parse_code(const char *text, int32_t *code_out, struct wtl_error *err)
{
    static const char *const names[] = {"not-supported", "no-permission", "timeout",
                                        "in-use",        "gpu-is-lost",   "reset-required",
                                        "unknown",       "not-ready",     "driver-not-loaded"};
    static const int codes[] = {NVML_NOT_SUPPORTED, NVML_NO_PERMISSION, NVML_TIMEOUT,
                                NVML_IN_USE,        NVML_GPU_IS_LOST,   NVML_RESET_REQUIRED,
                                NVML_UNKNOWN,       NVML_NOT_READY,     NVML_DRIVER_NOT_LOADED};
    enum { N = sizeof codes / sizeof codes[0] };
    int64_t value;
    if (wtl_parse_int(text, strlen(text), &value) && value > 0 && value <= NVML_UNKNOWN) {
        *code_out = (int32_t)value;
        return 0;
    }
    for (int i = 0; i < N; i++)
        if (strcmp(text, names[i]) == 0) {
            *code_out = codes[i];
            return 0;
        }
    int rc = WTL_FAIL(err, WTL_USAGE, "--return \"%s\" is no code of NVML", text);
    const char *near = wtl_did_you_mean(text, names, N);
    if (near)
        wtl_error_hint(err, "did you mean %s?", near);
    return rc;
}

/* All that the drop-in library has; a name that is none would be a fault that never strikes. */
static const char *const functions[] = {
#define X(name, args) #name,
    NVML_FUNCTIONS(X) NVML_MORE_FUNCTIONS(X)
#undef X
};
enum { N_FUNCTIONS = sizeof functions / sizeof functions[0] };

static int check_function(const char *call, struct wtl_error *err)
{
    struct wtl_room_fault f = {.gpu = -1};
    if (strlen(call) >= sizeof f.function)
        return WTL_FAIL(err, WTL_USAGE, "--call \"%.80s\" is too long", call);
    memcpy(f.function, call, strlen(call) + 1);
    if (wtl_room_never_fails(call))
        return WTL_FAIL(err, WTL_USAGE, "%s always works: no fault strikes it", call);
    for (int i = 0; i < N_FUNCTIONS; i++)
        if (!wtl_room_never_fails(functions[i]) && wtl_room_fault_matches(&f, functions[i], -1))
            return 0;
    int rc = WTL_FAIL(err, WTL_USAGE, "the drop-in library has no function \"%s\"", call);
    const char *near = wtl_did_you_mean(call, functions, N_FUNCTIONS);
    if (near)
        wtl_error_hint(err, "did you mean %s?", near);
    else
        wtl_error_hint(err, "names are exact, with their version (nvmlInit_v2); a star at the end "
                            "takes all that begin so (nvmlInit*)");
    return rc;
}

static int call_fault(struct wtl_room *room, const struct options *o, int gpu, int32_t code,
                      struct wtl_error *err)
{
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_FAULT_ADD, -1);
    struct wtl_room_fault *f = &r.u.fault;
    memcpy(f->function, o->call, strlen(o->call) + 1);
    f->gpu = gpu;
    f->skip = (uint32_t)o->skip;
    f->every = (uint32_t)o->every;
    f->count = (uint32_t)o->count;
    f->delay_ms = o->hang ? WTL_ROOM_HANG : o->delay.given ? wtl_sim_cli_ms(o->delay) : 0;
    f->nvml_return = code;
    return wtl_room_ask(room, &r, NULL, err);
}

/* ---- Boards and driver ----------------------------------------------------------------------- */

static int board_fault(struct wtl_room *room, int gpu, enum wtl_room_gpu_fault what, uint32_t value,
                       double number, struct wtl_error *err)
{
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_GPU_FAULT, gpu);
    r.u.gpu_fault.what = (uint32_t)what;
    r.u.gpu_fault.value = value;
    r.u.gpu_fault.number = number;
    return wtl_room_ask(room, &r, NULL, err);
}

static int stale_sensors(const struct wtl_opt_list *list, uint32_t *bits_out, struct wtl_error *err)
{
    static const char *const names[] = {"power", "energy", "temp", "util", "all"};
    static const uint32_t bits[] = {WTL_SIM_SENSOR_POWER, WTL_SIM_SENSOR_COUNTER,
                                    WTL_SIM_SENSOR_TEMP, WTL_SIM_SENSOR_UTIL, WTL_SIM_SENSORS_ALL};
    *bits_out = 0;
    for (size_t i = 0; i < list->n; i++) {
        int k = 0;
        while (k < 5 && strcmp(list->items[i], names[k]) != 0)
            k++;
        if (k == 5)
            return WTL_FAIL(err, WTL_USAGE,
                            "--stale \"%s\" is no sensor: power, energy, temp, util, all",
                            list->items[i]);
        *bits_out |= bits[k];
    }
    return 0;
}

static int board_faults(struct wtl_room *room, const struct options *o, int gpu, uint32_t sensors,
                        int *n, struct wtl_error *err)
{
    int rc = 0;
    const struct {
        bool wanted;
        enum wtl_room_gpu_fault what;
        uint32_t value;
        double number;
    } faults[] = {
        {o->reload, WTL_ROOM_DRIVER_RELOAD, 0, 0},
        {sensors != 0, WTL_ROOM_GPU_STALE, sensors, o->span.given ? o->span.value : 0},
        {o->drop.given, WTL_ROOM_GPU_DROP, 0, o->drop.value},
        {o->brake != NULL, WTL_ROOM_GPU_BRAKE, o->brake && strcmp(o->brake, "on") == 0, 0},
        {o->ambient.given, WTL_ROOM_GPU_AMBIENT, 0, o->ambient.value},
        {o->oob.given, WTL_ROOM_GPU_OOB, 0, o->oob.value},
        {o->xid > 0, WTL_ROOM_GPU_XID, (uint32_t)o->xid, 0},
        {o->lost, WTL_ROOM_GPU_LOSE, 0, 0},
        {o->mismatch, WTL_ROOM_DRIVER_MISMATCH, 1, 0},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0] && rc == 0; i++) {
        if (!faults[i].wanted)
            continue;
        rc = board_fault(room, gpu, faults[i].what, faults[i].value, faults[i].number, err);
        *n += rc == 0;
    }
    return rc;
}

/* ---- All ------------------------------------------------------------------------------------- */

/* What the options say, before anything is done: NVML's code, and the sensors' bits. */
static int check_options(const struct options *o, int32_t *code_out, uint32_t *sensors_out,
                         struct wtl_error *err)
{
    bool about_call = o->code || o->skip || o->every || o->count || o->delay.given || o->hang;
    if (about_call && !o->call)
        return WTL_FAIL(err, WTL_USAGE, "--return, --delay and the like are about a --call");
    if (o->call && !o->code && !o->delay.given && !o->hang)
        return WTL_FAIL(err, WTL_USAGE, "--call needs a --return, a --delay or --hang");
    if (o->span.given && o->stale.n == 0)
        return WTL_FAIL(err, WTL_USAGE, "--for is about --stale");
    if (o->gpu && (o->reload || o->mismatch))
        return WTL_FAIL(err, WTL_USAGE, "--%s is of the driver, of all GPUs: not with --id",
                        o->reload ? "reload" : "mismatch");
    int rc = o->call ? check_function(o->call, err) : 0;
    if (rc == 0 && o->code)
        rc = parse_code(o->code, code_out, err);
    return rc == 0 ? stale_sensors(&o->stale, sensors_out, err) : rc;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    struct wtl_room room = {0};
    int gpu = -1, n = 0;
    int32_t code = 0;
    uint32_t sensors = 0;
    int rc = check_options(o, &code, &sensors, err);
    if (rc == 0)
        rc = wtl_sim_cli_open(&room, err);
    if (rc == 0)
        rc = wtl_sim_cli_gpu(&room, o->gpu, true, &gpu, err);
    if (rc == 0 && o->clear) {
        struct wtl_room_request clear = wtl_room_request(WTL_ROOM_FAULT_CLEAR, gpu);
        rc = wtl_room_ask(&room, &clear, NULL, err);
        n += rc == 0;
    }
    if (rc == 0 && o->call) {
        rc = call_fault(&room, o, gpu, code, err);
        n += rc == 0;
    }
    if (rc == 0)
        rc = board_faults(&room, o, gpu, sensors, &n, err);
    wtl_room_close(&room);
    if (rc < 0)
        return rc;
    if (n == 0)
        return WTL_FAIL(err, WTL_USAGE, "wattle sim fault needs an option that says what to do");
    if (ctx->json)
        return wtl_print_json(ctx, json_pack("{s:i, s:i}", "gpu", gpu, "done", n), err);
    if (ctx->verbosity >= 0)
        fprintf(ctx->out, "done; `wattle sim list` shows it\n");
    return 0;
}

const struct wtl_command wtl_cmd_sim_fault = {
    .name = "sim fault",
    .summary = "Break a virtual GPU, a call of NVML, or the driver",
    .synopsis = "[-i GPU] (--call FUNCTION ... | --stale SENSOR | --lost | ... | --clear)",
    .description = "Makes things go wrong, for tests of what handles them. Calls are counted over "
                   "all clients of the machine room. For root and for who started it.",
    .examples = "  wattle sim fault --call nvmlDeviceSetGpuLockedClocks --return no-permission\n"
                "  wattle sim fault -i 1 --call '*' --return gpu-is-lost --skip 10 --count 1\n"
                "  wattle sim fault -i 0 --stale power --for 5s\n"
                "  wattle sim fault -i 0 --xid 31\n"
                "  wattle sim fault --reload\n"
                "  wattle sim fault --clear",
    .opts = opts,
    .options_size = sizeof(struct options),
    .max_args = 0,
    .run = run,
};
