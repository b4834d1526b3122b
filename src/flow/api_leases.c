/* SPDX-License-Identifier: Apache-2.0
 * Public functions: knobs moved, looked at, put back. */
#include "flow/api_impl.h"

#include "flow/apply.h"
#include "flow/cap.h"
#include "flow/leases.h"

int wtl_apply(const char *plan_json, const struct wtl_apply_args *args, char **json_out,
              struct wtl_error *err)
{
    API_CALL(call);
    struct wtl_apply_args a;
    struct wtl_plan_file plans;
    struct wtl_apply_result result;
    int rc = api_take("wtl_apply_args", args, &a, sizeof a, err);
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc
            : api_check_flags("wtl_apply_args", a.flags,
                              WTL_APPLY_DRY_RUN | WTL_APPLY_FORCE | WTL_APPLY_POINT, err);
    struct wtl_at at;
    const struct wtl_at *wanted = NULL;
    rc = rc ? rc : api_read_at(a.at, &at, &wanted, err);
    rc = rc ? rc : api_read_plans(&call.arena, "plan_json", plan_json, &plans, err);
    rc = rc ? rc : wtl_plan_file_narrow(&call.arena, "plan_json", wanted, &plans, err);
    if (rc == 0 && a.n_ids)
        rc = api_need(a.ids, "ids", err);
    if (rc < 0)
        return rc;
    struct wtl_apply_request request = {.plans = &plans,
                                        .plan_path = "plan_json",
                                        .ids = a.ids,
                                        .n_ids = a.n_ids,
                                        .gpu = a.gpu,
                                        .workload = a.workload,
                                        .name = a.standing,
                                        .force = a.flags & WTL_APPLY_FORCE,
                                        .point = a.flags & WTL_APPLY_POINT,
                                        .dry_run = a.flags & WTL_APPLY_DRY_RUN};
    rc = wtl_flow_apply(&call.flow, &request, &call.arena, &result, err);
    return rc < 0 || !json_out ? rc : api_give_json(wtl_apply_json(&result), json_out, err);
}

int wtl_cap(double budget_w, const char *const *ids, size_t n_ids, const struct wtl_cap_args *args,
            char **json_out, struct wtl_error *err)
{
    API_CALL(call);
    struct wtl_cap_args a;
    struct wtl_cap_result result;
    int rc = api_take("wtl_cap_args", args, &a, sizeof a, err);
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc : api_check_flags("wtl_cap_args", a.flags, WTL_CAP_DRY_RUN, err);
    rc = rc ? rc : api_need(ids, "ids", err);
    if (rc < 0)
        return rc;
    struct wtl_cap_request request = {.budget_w = budget_w,
                                      .base_w = a.base_w,
                                      .ids = ids,
                                      .n_ids = n_ids,
                                      .name = a.standing,
                                      .dry_run = a.flags & WTL_CAP_DRY_RUN};
    rc = wtl_flow_cap(&call.flow, &request, &call.arena, &result, err);
    return rc < 0 || !json_out ? rc : api_give_json(wtl_cap_json(&result), json_out, err);
}

int wtl_status(const struct wtl_status_args *args, char **json_out, struct wtl_error *err)
{
    API_CALL(call);
    struct wtl_status_args a;
    struct wtl_status status;
    int rc = api_take("wtl_status_args", args, &a, sizeof a, err);
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc : api_check_flags("wtl_status_args", a.flags, WTL_STATUS_ALL, err);
    rc = rc ? rc : api_need(json_out, "json_out", err);
    rc = rc ? rc : wtl_flow_status(&call.flow, a.flags & WTL_STATUS_ALL, &call.arena, &status, err);
    return rc < 0 ? rc : api_give_json(wtl_status_json(&status), json_out, err);
}

int wtl_restore(const struct wtl_restore_args *args, char **json_out, struct wtl_error *err)
{
    API_CALL(call);
    struct wtl_restore_args a;
    struct wtl_restore_report report;
    int rc = api_take("wtl_restore_args", args, &a, sizeof a, err);
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc
            : api_check_flags("wtl_restore_args", a.flags, WTL_RESTORE_ALL | WTL_RESTORE_DRY_RUN,
                              err);
    if (rc == 0 && a.n_leases)
        rc = api_need(a.leases, "leases", err);
    if (rc < 0)
        return rc;
    struct wtl_restore_request request = {.names = a.leases,
                                          .n_names = a.n_leases,
                                          .all = a.flags & WTL_RESTORE_ALL,
                                          .dry_run = a.flags & WTL_RESTORE_DRY_RUN};
    rc = wtl_flow_restore(&call.flow, &request, &call.arena, &report, err);
    if (rc < 0 || !json_out)
        return rc;
    return api_give_json(wtl_restore_json(&report, request.dry_run), json_out, err);
}
