/* SPDX-License-Identifier: Apache-2.0
 * Choices among the measured operating points of a campaign. */
#include "base/text.h"
#include "flow/optimize.h"
#include "optimize/point.h"
#include "predict/curve.h"

#include <string.h>

/* Points of one GPU and workload compare when they are of the same work. */
static bool same_work(const struct wtl_workset *a, const struct wtl_workset *b)
{
    return wtl_same_name(a->gpu, b->gpu) && wtl_same_name(a->workload, b->workload) &&
           a->at.window == b->at.window && (!a->at.window || strcmp(a->at.unit, b->at.unit) == 0);
}

bool wtl_flow_has_plan(const struct wtl_workset *set)
{
    int n = 0, last = 0;
    for (size_t i = 0; i < set->n_cells; i++) {
        n += set->cells[i].clock_mhz > 0 && set->cells[i].clock_mhz != last;
        last = set->cells[i].clock_mhz;
    }
    return wtl_configuration_is_plain(&set->at) || n >= WTL_CURVE_MIN_CLOCKS;
}

/* Several configurations; or one that a plan has nothing to say of. */
static bool is_a_choice(const struct wtl_workset *const *sets, size_t n)
{
    return n > 1 || !wtl_flow_has_plan(sets[0]);
}

static int choose(const struct wtl_optimize_request *request, const struct wtl_workset *const *sets,
                  size_t n, struct wtl_arena *arena, struct wtl_point_choice *out,
                  struct wtl_error *err)
{
    struct wtl_policy policy;
    const char *note = NULL; /* of lists of clocks, which are about plans */
    int rc = wtl_flow_policy(request, sets[0], arena, &policy, &note, err);
    rc = rc ? rc : wtl_choose_point(arena, sets, n, &policy, request->baseline_at, out, err);
    if (rc < 0)
        wtl_error_context(err, "%s on %s", sets[0]->workload, sets[0]->gpu);
    return rc;
}

int wtl_flow_points(const struct wtl_optimize_request *request, const struct wtl_workset *sets,
                    size_t n, struct wtl_arena *arena, struct wtl_point_choice **choices_out,
                    size_t *n_out, struct wtl_error *err)
{
    struct wtl_point_choice *choices = WTL_NEW_ARRAY(arena, struct wtl_point_choice, n + 1);
    const struct wtl_workset **group = WTL_NEW_ARRAY(arena, const struct wtl_workset *, n + 1);
    size_t n_choices = 0;
    if (!choices || !group)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for operating points");
    for (size_t i = 0; i < n; i++) {
        size_t k = 0, n_group = 0;
        while (k < i && !same_work(&sets[k], &sets[i]))
            k++;
        if (k < i) /* was in an earlier group */
            continue;
        for (k = i; k < n; k++)
            if (sets[k].n_runs && same_work(&sets[k], &sets[i]))
                group[n_group++] = &sets[k];
        if (n_group == 0 || !is_a_choice(group, n_group))
            continue;
        int rc = choose(request, group, n_group, arena, &choices[n_choices++], err);
        if (rc < 0)
            return rc;
    }
    *choices_out = choices;
    *n_out = n_choices;
    return 0;
}
