/* SPDX-License-Identifier: Apache-2.0
 * A whole table, from a campaign or a plan. */
#include "flow/export.h"

#include "base/text.h"
#include "codec/json.h"
#include "flow/optimize.h"

#include <string.h>

static const char *const names[] = {"runs", "measurements", "plans"};
enum { N_TABLES = sizeof names / sizeof names[0] };

int wtl_export_table_parse(const char *text, enum wtl_export_table *out, struct wtl_error *err)
{
    for (int i = 0; i < N_TABLES; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum wtl_export_table)i;
            return 0;
        }
    return WTL_FAIL(err, WTL_USAGE, "\"%.40s\" is no table: runs, measurements or plans", text);
}

static int export_sets(const struct wtl_flow *flow, struct wtl_campaign *c,
                       const struct wtl_export_request *request, struct wtl_buf *out,
                       struct wtl_error *err)
{
    WTL_ARENA(arena);
    struct wtl_workset *sets;
    size_t n;
    int left_out = 0;
    int rc = wtl_flow_worksets(flow, c, &request->filter, &arena, &sets, &n, err);
    if (rc == 0 && n == 0 &&
        (request->filter.gpu || request->filter.workload || request->filter.at))
        rc = wtl_flow_no_runs(flow, c, &request->filter, err);
    if (rc == 0 && request->table == WTL_EXPORT_RUNS)
        wtl_export_runs(sets, n, out);
    else if (rc == 0)
        rc = wtl_export_measurements(c, sets, n, out, &left_out, err);
    if (rc == 0 && left_out)
        wtl_log(flow->log, WTL_LOG_INFO, "%d clock%s without a usable run left out", left_out,
                wtl_plural((int64_t)left_out));
    return rc;
}

/* What `wattle optimize CAMPAIGN` decides without further options. */
static int plans_of_campaign(const struct wtl_flow *flow, struct wtl_campaign *c,
                             const struct wtl_export_request *request, struct wtl_buf *out,
                             struct wtl_error *err)
{
    WTL_ARENA(arena);
    struct wtl_optimize_request optimize = {.filter = request->filter};
    struct wtl_board *boards = NULL;
    struct wtl_plan_file file;
    int rc = wtl_boards_load(&arena, &boards, &optimize.n_boards, err);
    optimize.boards = boards;
    rc = rc ? rc : wtl_flow_optimize(flow, c, &optimize, &arena, &file, err);
    if (rc == 0)
        wtl_export_plans(&file, out);
    return rc;
}

static int export_campaign(const struct wtl_flow *flow, const struct wtl_export_request *request,
                           struct wtl_buf *out, struct wtl_error *err)
{
    struct wtl_campaign *c = NULL;
    int rc = wtl_campaign_open(request->campaign, WTL_CAMPAIGN_READ, flow->clock, &c, err);
    if (rc == 0)
        rc = request->table == WTL_EXPORT_PLANS ? plans_of_campaign(flow, c, request, out, err)
                                                : export_sets(flow, c, request, out, err);
    wtl_campaign_close(c);
    return rc;
}

static int export_plan_file(const char *path, struct wtl_buf *out, struct wtl_error *err)
{
    WTL_ARENA(arena);
    struct wtl_plan_file file;
    int rc = wtl_plan_file_read(&arena, path, &file, err);
    if (rc == 0)
        wtl_export_plans(&file, out);
    return rc;
}

int wtl_flow_export(const struct wtl_flow *flow, const struct wtl_export_request *request,
                    struct wtl_buf *out, struct wtl_error *err)
{
    bool campaign = true;
    int rc = 0;
    if (request->plans) {
        if (request->table != WTL_EXPORT_PLANS)
            return WTL_FAIL(err, WTL_USAGE, "the table \"%s\" needs a campaign, not plans",
                            names[request->table]);
        wtl_export_plans(request->plans, out);
    } else {
        if (request->table == WTL_EXPORT_PLANS && strcmp(request->campaign, "-") == 0)
            campaign = false;
        else if (request->table == WTL_EXPORT_PLANS)
            rc = wtl_campaign_detect(request->campaign, &campaign, err);
        if (rc == 0)
            rc = campaign ? export_campaign(flow, request, out, err)
                          : export_plan_file(request->campaign, out, err);
    }
    if (rc == 0 && out->failed)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory writing the table");
    return rc;
}

json_t *wtl_export_json(const char *file, enum wtl_export_table table, const struct wtl_buf *csv)
{
    json_int_t rows = -1; /* below the header */
    for (const char *p = wtl_buf_str(csv); (p = strchr(p, '\n')); p++)
        rows++;
    return json_pack("{s:o, s:s, s:I}", "file", wtl_json_text(file), "table", names[table], "rows",
                     rows);
}
