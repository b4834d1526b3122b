/* SPDX-License-Identifier: Apache-2.0
 * Public functions: windows of the calling program. */
#include "flow/api_impl.h"

#include "base/dirs.h"
#include "flow/monitor.h"

static int read_ids(struct api_call *call, const struct wtl_monitor_args *a,
                    const char *const **out, struct wtl_error *err)
{
    int rc = api_need(a->n_ids && !a->ids ? NULL : "", "ids", err);
    if (rc < 0 || a->n_ids == 0)
        return rc;
    const char **ids = WTL_NEW_ARRAY(&call->arena, const char *, a->n_ids + 1);
    if (!ids)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < a->n_ids; i++) {
        rc = api_need(a->ids[i], "a device", err);
        ids[i] = a->ids[i];
    }
    if (rc == 0)
        *out = ids;
    return rc;
}

int wtl_monitor_open(const struct wtl_monitor_args *args, struct wtl_monitor **out,
                     struct wtl_error *err)
{
    API_CALL(call);
    struct wtl_monitor_args a;
    const char *const *ids = NULL;
    int rc = api_take("wtl_monitor_args", args, &a, sizeof a, err);
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc : api_need(out, "monitor_out", err);
    rc = rc ? rc
            : api_check_flags("wtl_monitor_args", a.flags,
                              WTL_MONITOR_MARK_ONLY | WTL_MONITOR_ALONE | WTL_MONITOR_NO_ESTIMATE,
                              err);
    if (rc == 0 && (a.flags & WTL_MONITOR_MARK_ONLY) && (a.flags & WTL_MONITOR_ALONE))
        rc = WTL_FAIL(err, WTL_USAGE, "MARK_ONLY and ALONE exclude each other");
    if (rc == 0 &&
        (!(a.tdp_w >= 0 && a.tdp_w <= 1e6) || !(a.interval_s >= 0 && a.interval_s <= 60)))
        rc = WTL_FAIL(err, WTL_USAGE, "tdp_w %g and interval_s %g: up to 1e6 W and 60 s", a.tdp_w,
                      a.interval_s);
    rc = rc ? rc : read_ids(&call, &a, &ids, err);
    const struct wtl_monitor_options options = {
        .markers = a.flags & WTL_MONITOR_ALONE ? NULL : wtl_environment(WTL_MARKERS_VARIABLE),
        .never_measure = a.flags & WTL_MONITOR_MARK_ONLY,
        .own = {.only = ids,
                .tdp_w = a.tdp_w,
                .interval_s = a.interval_s,
                .no_estimate = a.flags & WTL_MONITOR_NO_ESTIMATE}};
    return rc ? rc : wtl_flow_monitor_open(&call.flow, &options, out, err);
}

void wtl_monitor_close(struct wtl_monitor *monitor)
{
    wtl_flow_monitor_close(monitor);
}

int wtl_monitor_ready(struct wtl_monitor *monitor, struct wtl_error *err)
{
    int rc = api_need(monitor, "monitor", err);
    return rc ? rc : wtl_flow_monitor_ready(monitor, err);
}

int wtl_monitor_devices(struct wtl_monitor *monitor, char **json_out, struct wtl_error *err)
{
    struct wtl_window_result result;
    API_CALL(call);
    int rc = api_need(monitor, "monitor", err);
    rc = rc ? rc : api_need(json_out, "json_out", err);
    rc = rc ? rc : wtl_flow_monitor_devices(monitor, &result, err);
    rc = rc ? rc : api_begin(&call, NULL, err);
    return rc ? rc : api_give_json(wtl_window_devices_json(&result), json_out, err);
}

int wtl_window_begin(struct wtl_monitor *monitor, const char *name, struct wtl_error *err)
{
    int rc = api_need(monitor, "monitor", err);
    rc = rc ? rc : api_need(name, "name", err);
    return rc ? rc : wtl_flow_window_begin(monitor, name, err);
}

static int read_end(const char *name, const struct wtl_window_end_args *a,
                    struct wtl_marker_share shares[WTL_MARKER_SHARES], struct wtl_marker_end *out,
                    struct wtl_error *err)
{
    int rc = api_check_flags("wtl_window_end_args", a->flags,
                             WTL_WINDOW_SETTLED | WTL_WINDOW_CANCEL, err);
    if (rc == 0 && a->n_requests > WTL_MARKER_SHARES)
        rc = WTL_FAIL(err, WTL_LIMIT, "%zu requests, more than %d", a->n_requests,
                      (int)WTL_MARKER_SHARES);
    rc = rc ? rc : api_need(a->n_requests && !a->requests ? NULL : "", "requests", err);
    rc = rc ? rc : api_need(a->n_requests && !a->requests_work ? NULL : "", "requests_work", err);
    for (size_t i = 0; rc == 0 && i < a->n_requests; i++)
        shares[i] = (struct wtl_marker_share){a->requests[i], a->requests_work[i]};
    if (rc == 0)
        *out = (struct wtl_marker_end){.name = name,
                                       .has_work = a->work != 0,
                                       .work = a->work,
                                       .unit = a->unit,
                                       .shares = shares,
                                       .n_shares = a->n_requests,
                                       .has_latency = a->latency_s != NULL,
                                       .latency_s = a->latency_s ? *a->latency_s : 0,
                                       .cancel = a->flags & WTL_WINDOW_CANCEL};
    return rc;
}

int wtl_window_end(struct wtl_monitor *monitor, const char *name,
                   const struct wtl_window_end_args *args, char **json_out, struct wtl_error *err)
{
    struct wtl_window_end_args a;
    struct wtl_marker_share shares[WTL_MARKER_SHARES];
    struct wtl_marker_end end;
    int rc = api_take("wtl_window_end_args", args, &a, sizeof a, err);
    rc = rc ? rc : api_need(monitor, "monitor", err);
    rc = rc ? rc : api_need(name, "name", err);
    rc = rc ? rc : read_end(name, &a, shares, &end, err);
    if (rc < 0 || !json_out)
        return rc ? rc : wtl_flow_window_end(monitor, &end, false, NULL, err);
    struct wtl_window_result result;
    /* Before the locale: what that costs is not in the window. */
    rc = wtl_flow_window_end(monitor, &end, a.flags & WTL_WINDOW_SETTLED, &result, err);
    API_CALL(call);
    rc = rc ? rc : api_begin(&call, NULL, err);
    return rc ? rc : api_give_json(wtl_window_json(&result, &end), json_out, err);
}
