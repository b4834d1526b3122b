/* SPDX-License-Identifier: Apache-2.0
 * Public functions: what is here, and what works. */
#include "flow/api_impl.h"

#include "base/file.h"
#include "flow/doctor.h"

/* ---- Devices ----------------------------------------------------------------------------------*/

int wtl_devices(const struct wtl_devices_args *args, char **json_out, struct wtl_error *err)
{
    API_CALL(call);
    struct wtl_devices_args a;
    struct wtl_devices d;
    const char **only = NULL;
    int rc = api_take("wtl_devices_args", args, &a, sizeof a, err);
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc : api_need(json_out, "json_out", err);
    rc = rc ? rc : api_need(a.n_only && !a.only ? NULL : "", "only", err);
    if (rc == 0 && a.n_only) {
        only = WTL_NEW_ARRAY(&call.arena, const char *, a.n_only + 1);
        rc = only ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    for (size_t i = 0; rc == 0 && i < a.n_only; i++) {
        rc = api_need(a.only[i], "a device", err);
        only[i] = a.only[i];
    }
    const struct wtl_devices_options options = {.root = a.root, .only = only};
    rc = rc ? rc : wtl_flow_devices(&call.flow, &options, &call.arena, &d, err);
    if (rc < 0)
        return rc;
    rc = api_give_json(wtl_devices_json(&d), json_out, err);
    wtl_devices_close(&d);
    return rc;
}

/* ---- Doctor -----------------------------------------------------------------------------------*/

static int gather(struct api_call *call, const struct wtl_doctor_options *options, const char *file,
                  char **json_out, struct wtl_error *err)
{
    struct wtl_gathered g;
    int rc = wtl_flow_gather(&call->flow, options, &call->arena, &g, err);
    if (rc < 0)
        return rc;
    rc = wtl_file_write_atomic(file, g.archive.data, g.archive.len, 0666, err);
    if (rc == 0)
        rc = api_give_json(wtl_gathered_json(&g, file), json_out, err);
    wtl_buf_fini(&g.archive);
    return rc;
}

int wtl_doctor(const struct wtl_doctor_args *args, char **json_out, struct wtl_error *err)
{
    API_CALL(call);
    struct wtl_doctor_args a;
    struct wtl_doctor d;
    int rc = api_take("wtl_doctor_args", args, &a, sizeof a, err);
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc : api_need(json_out, "json_out", err);
    const struct wtl_doctor_options options = {.root = a.root};
    if (rc == 0 && a.gather)
        return gather(&call, &options, a.gather, json_out, err);
    rc = rc ? rc : wtl_flow_doctor(&call.flow, &options, &call.arena, &d, err);
    if (rc < 0)
        return rc;
    rc = api_give_json(wtl_doctor_json(&d), json_out, err);
    wtl_doctor_close(&d);
    return rc;
}
