/* SPDX-License-Identifier: Apache-2.0
 * Options to a request for plans. */
#include "cli/plan_options.h"

static int read_slo(const struct wtl_opt_list *list, struct wtl_overlay *overlay,
                    struct wtl_error *err)
{
    if (list->n > WTL_SLO_MAX)
        return WTL_FAIL(err, WTL_USAGE, "--slo may be given %d times at most", WTL_SLO_MAX);
    for (size_t i = 0; i < list->n; i++) {
        int rc = wtl_slo_parse(list->items[i], &overlay->values.slo[i], err);
        if (rc < 0) {
            wtl_error_context(err, "--slo");
            return rc;
        }
    }
    overlay->slo = list->n > 0;
    overlay->values.n_slo = (int)list->n;
    return 0;
}

int wtl_plan_options_read(struct wtl_arena *arena, const struct wtl_plan_options *o,
                          struct wtl_optimize_request *request_out, struct wtl_error *err)
{
    struct wtl_optimize_request request = *request_out;
    struct wtl_overlay overlay;
    struct wtl_board *boards = NULL;
    if (o->category && !o->file)
        return WTL_FAIL(err, WTL_USAGE, "--category needs a --policy that has categories");
    int rc = wtl_policy_options_read(arena, &o->policy, &overlay, err);
    if (rc == 0)
        rc = read_slo(&o->slo, &overlay, err);
    if (rc == 0 && o->file) {
        struct wtl_policy_file *file = WTL_NEW(arena, struct wtl_policy_file);
        rc = file ? wtl_policy_file_read(arena, o->file, file, err)
                  : WTL_FAIL(err, WTL_NOMEM, "out of memory");
        request.policy = file;
    }
    if (rc == 0)
        rc = wtl_boards_load(arena, &boards, &request.n_boards, err);
    if (rc < 0)
        return rc;
    overlay.values.has_rate = o->rate.given;
    overlay.values.rate_per_s = o->rate.value;
    overlay.replicates = o->replicates >= 0;
    overlay.values.replicates = o->replicates;
    overlay.seed = o->seed >= 0;
    overlay.values.seed = (uint64_t)o->seed;
    request.category = o->category;
    request.options = overlay;
    request.boards = boards;
    *request_out = request;
    return 0;
}

bool wtl_cost_options_read(const struct wtl_cost_options *o, struct wtl_cost_terms *terms_out)
{
    *terms_out = (struct wtl_cost_terms){
        .runs_per_year = o->runs.given ? o->runs.value : 0,
        .busy_hours_per_year = o->hours.given ? o->hours.value : 8760,
        .has_price = o->price.given,
        .price_per_kwh = o->price.value,
        .has_carbon = o->carbon.given,
        .carbon_g_per_kwh = o->carbon.value,
    };
    return o->price.given || o->carbon.given || o->runs.given || o->hours.given;
}

void wtl_cost_options_not_in_json(const struct wtl_context *ctx, const struct wtl_cost_options *o)
{
    struct wtl_cost_terms terms;
    if (ctx->json && wtl_cost_options_read(o, &terms))
        wtl_log(&ctx->log, WTL_LOG_WARNING,
                "what a saving is worth in a year is shown in text and in reports, not in JSON");
}
