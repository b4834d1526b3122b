/* SPDX-License-Identifier: Apache-2.0
 * Who uses a GPU: MPS clients, compute, graphics; memory, share of the SMs, name. */
#include "device/nvml/nvml.h"

#include <stdio.h>
#include <string.h>

/* A process that has had no sample for so long is idle. */
#define FRESH_US UINT64_C(2000000)

enum { N_KINDS = 3 };

typedef int list_fn(struct nvml_device *, unsigned *, struct nvml_process *);
typedef int list_v1_fn(struct nvml_device *, unsigned *, struct nvml_process_v1 *);

struct lister {
    enum wtl_process_kind kind;
    list_fn *v3, *v2; /* of one layout */
    list_v1_fn *v1;
};

/* Widens a list of the first version in place, from its end. */
static void widen(struct nvml_process *list, unsigned n)
{
    for (unsigned i = n; i-- > 0;) {
        struct nvml_process_v1 old;
        memcpy(&old, (const char *)list + i * sizeof old, sizeof old);
        list[i] = (struct nvml_process){old.pid, old.used_b, NVML_NO_INSTANCE, NVML_NO_INSTANCE};
    }
}

static int list(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, const struct lister *l,
                struct nvml_process *list_out, unsigned *n_out)
{
    int code;
    unsigned n;
    do {
        n = WTL_NVML_PROCESSES;
        code = NVML_FUNCTION_NOT_FOUND;
        if (l->v3)
            code = l->v3(g->handle, &n, list_out);
        if (l->v2 && code == NVML_FUNCTION_NOT_FOUND)
            code = l->v2(g->handle, &n, list_out);
        if (l->v1 && code == NVML_FUNCTION_NOT_FOUND) {
            code = l->v1(g->handle, &n, (void *)list_out);
            n = n < WTL_NVML_PROCESSES || code != 0 ? n : WTL_NVML_PROCESSES;
            if (code == 0)
                widen(list_out, n);
        }
    } while (wtl_nvml_again(op, code));
    *n_out = n;
    return code;
}

static int slice_of(const struct wtl_nvml_gpu *g, const struct nvml_process *p)
{
    if (g->parent)
        return g->own_index;
    for (unsigned i = 0; i < g->n_slices; i++)
        if (g->slice[i].gpu_instance == p->gpu_instance &&
            g->slice[i].compute_instance == p->compute_instance)
            return g->slice[i].index;
    return -1;
}

/* The command's name: /proc where it numbers processes as the driver does, else nobody's. A
 * virtual GPU's tenants may be no processes: the drop-in knows their names. */
static void name_of(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, unsigned pid, char *buf,
                    size_t size)
{
    char path[64], text[256] = "";
    const struct wtl_sysfs_dir root = wtl_sysfs_root(g->library->files);
    snprintf(path, sizeof path, "proc/%u/comm", pid);
    if (g->library->virtual_epoch &&
        WTL_NVML_CALL(op, nvmlSystemGetProcessName, pid, text, sizeof text) != 0)
        text[0] = '\0';
    text[sizeof text - 1] = '\0';
    if (text[0] == '\0' && g->library->host_pids)
        wtl_sysfs_text(&root, path, text, sizeof text);
    const char *slash = strrchr(text, '/');
    snprintf(buf, size, "%.*s", (int)size - 1, slash ? slash + 1 : text);
}

static void fill(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, const struct nvml_process *p,
                 enum wtl_process_kind kind, struct wtl_process *out)
{
    *out = (struct wtl_process){
        .pid = (pid_t)p->pid,
        .kind = kind,
        .has_memory = p->used_b != NVML_MEMORY_NOT_AVAILABLE,
        .memory_b = p->used_b != NVML_MEMORY_NOT_AVAILABLE ? (double)p->used_b : 0,
        .slice = slice_of(g, p),
    };
    name_of(op, g, p->pid, out->name, sizeof out->name);
}

/* An MPS client, or a process that computes and draws, is in two lists: the first one counts. */
static bool is_there(const struct wtl_process *out, size_t n, unsigned pid, int slice)
{
    for (size_t i = 0; i < n; i++)
        if (out[i].pid == (pid_t)pid && out[i].slice == slice)
            return true;
    return false;
}

/* ---- Shares of the SMs ----------------------------------------------------------------------- */

/* From when on samples count: the driver's clock is known from its newest sample. */
static uint64_t fresh_since(const struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g)
{
    if (g->util_seen_us == 0)
        return 0;
    int64_t passed_ns = op->clock.monotonic_ns(op->clock.ctx) - g->util_seen_at_ns;
    uint64_t now_us = g->util_seen_us + (passed_ns > 0 ? (uint64_t)passed_ns / 1000 : 0);
    return now_us > FRESH_US ? now_us - FRESH_US : 0;
}

/* The samples of the last two seconds; false where the driver gives none. */
static bool sample_utils(struct wtl_nvml_op *op, struct wtl_nvml_gpu *g, unsigned *n_out)
{
    unsigned n = WTL_NVML_PROCESSES;
    int code = WTL_NVML_CALL(op, nvmlDeviceGetProcessUtilization, g->handle, g->utils, &n,
                             fresh_since(op, g));
    *n_out = 0;
    if (wtl_nvml_class(code) == WTL_NVML_EMPTY)
        return true;
    if (code != 0)
        return false;
    for (unsigned i = 0; i < n; i++)
        if (g->utils[i].timestamp_us > g->util_seen_us) {
            g->util_seen_us = g->utils[i].timestamp_us;
            g->util_seen_at_ns = op->clock.monotonic_ns(op->clock.ctx);
        }
    *n_out = n < WTL_NVML_PROCESSES ? n : WTL_NVML_PROCESSES;
    return true;
}

/* The newest fresh sample of a process; 0 without one: it did nothing. */
static double util_of(const struct wtl_nvml_gpu *g, unsigned n, pid_t pid)
{
    uint64_t newest = 0;
    double util = 0;
    for (unsigned i = 0; i < n; i++)
        if ((pid_t)g->utils[i].pid == pid && g->utils[i].timestamp_us >= newest &&
            g->utils[i].timestamp_us + FRESH_US >= g->util_seen_us) {
            newest = g->utils[i].timestamp_us;
            util = g->utils[i].sm / 100.0;
        }
    return util;
}

/* The lists of all kinds, into g->processes; n[kind] of each. */
static int list_all(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g,
                    const struct lister listers[N_KINDS], unsigned n[N_KINDS],
                    struct wtl_error *err)
{
    bool any = false;
    for (int k = 0; k < N_KINDS; k++) {
        int code = list(op, g, &listers[k], g->processes + (size_t)k * WTL_NVML_PROCESSES, &n[k]);
        enum wtl_nvml_class class = wtl_nvml_class(code);
        if (code == NVML_INSUFFICIENT_SIZE)
            return WTL_FAIL(err, WTL_LIMIT, "%s has %u processes; the most that are read are %d",
                            g->id, n[k], WTL_NVML_PROCESSES);
        if (code != 0 && class != WTL_NVML_OFF && class != WTL_NVML_EMPTY)
            return wtl_nvml_fail(err, code, "reading the processes of", g->id);
        any = any || class != WTL_NVML_OFF;
        if (code != 0)
            n[k] = 0;
        n[k] = n[k] < WTL_NVML_PROCESSES ? n[k] : WTL_NVML_PROCESSES;
    }
    return any ? 0
               : WTL_FAIL(err, WTL_UNSUPPORTED, "the driver does not list the processes of %s",
                          g->id);
}

int wtl_nvml_processes(void *state, struct wtl_process *out, size_t max, size_t *n_out,
                       struct wtl_error *err)
{
    struct wtl_nvml_gpu *g = state;
    struct wtl_nvml_op op = wtl_nvml_begin(g->library);
    const struct wtl_nvml_api *api = &g->library->api;
    const struct lister listers[N_KINDS] = {
        {WTL_PROCESS_MPS_CLIENT, api->nvmlDeviceGetMPSComputeRunningProcesses_v3,
         api->nvmlDeviceGetMPSComputeRunningProcesses_v2,
         api->nvmlDeviceGetMPSComputeRunningProcesses},
        {WTL_PROCESS_COMPUTE, api->nvmlDeviceGetComputeRunningProcesses_v3,
         api->nvmlDeviceGetComputeRunningProcesses_v2, api->nvmlDeviceGetComputeRunningProcesses},
        {WTL_PROCESS_GRAPHICS, api->nvmlDeviceGetGraphicsRunningProcesses_v3,
         api->nvmlDeviceGetGraphicsRunningProcesses_v2, api->nvmlDeviceGetGraphicsRunningProcesses},
    };
    unsigned listed[N_KINDS], n_utils = 0;
    int rc = list_all(&op, g, listers, listed, err);
    if (rc < 0)
        return rc;
    bool has_util = !g->parent && sample_utils(&op, g, &n_utils);
    size_t n = 0, beyond = 0;
    for (int k = 0; k < N_KINDS; k++) {
        const struct nvml_process *p = g->processes + (size_t)k * WTL_NVML_PROCESSES;
        for (unsigned i = 0; i < listed[k]; i++) {
            if (is_there(out, n, p[i].pid, slice_of(g, &p[i])))
                continue;
            if (n == max) {
                beyond++;
                continue;
            }
            fill(&op, g, &p[i], listers[k].kind, &out[n]);
            out[n].has_util = has_util;
            out[n].util = has_util ? util_of(g, n_utils, (pid_t)p[i].pid) : 0;
            n++;
        }
    }
    *n_out = n + beyond;
    return 0;
}
