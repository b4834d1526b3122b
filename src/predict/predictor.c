/* SPDX-License-Identifier: Apache-2.0
 * Both populations as one predictor. */
#include "predict/predictor.h"

#include <stdio.h>

static const char *const method_names[] = {
#define X(id, name, text) name,
    WTL_METHODS(X)
#undef X
};
static const char *const method_texts[] = {
#define X(id, name, text) text,
    WTL_METHODS(X)
#undef X
};

const char *wtl_method_name(enum wtl_method method)
{
    return method < WTL_N_METHODS ? method_names[method] : "";
}

const char *wtl_method_text(enum wtl_method method)
{
    return method < WTL_N_METHODS ? method_texts[method] : "";
}

const char *wtl_split_name(enum wtl_split split)
{
    return split == WTL_SPLIT_GPU ? "gpu" : "workload";
}

/* What makes activity worth a model of its own. */
static bool worthwhile(unsigned features)
{
    unsigned needed = 1U << WTL_FEATURE_dram | 1U << WTL_FEATURE_pipe;
    return (features & needed) == needed;
}

static int list_trained(struct wtl_arena *arena, const struct wtl_example *const *examples,
                        size_t n, struct wtl_predictor *p, struct wtl_error *err)
{
    struct wtl_trained *list = WTL_NEW_ARRAY(arena, struct wtl_trained, n);
    if (!list)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for %zu examples", n);
    for (size_t i = 0; i < n; i++) {
        const struct wtl_example *e = examples[i];
        snprintf(list[i].gpu, sizeof list[i].gpu, "%s", e->gpu);
        snprintf(list[i].workload, sizeof list[i].workload, "%s", e->workload);
        list[i].n_clocks = (int)e->n_cells;
        for (size_t c = 0; c < e->n_cells; c++)
            list[i].n_runs += e->cells[c].n;
    }
    p->trained = list;
    p->n_trained = n;
    return 0;
}

int wtl_predictor_fit(struct wtl_arena *arena, const struct wtl_example *const *examples, size_t n,
                      struct wtl_predictor *predictor_out, struct wtl_error *err)
{
    struct wtl_predictor p = {.n_heldout = 0};
    unsigned features = wtl_common_features(examples, n);
    int rc = wtl_population_fit(arena, examples, n, 0, &p.plain, err);
    if (rc == 0 && worthwhile(features)) {
        p.has_activity = true;
        rc = wtl_population_fit(arena, examples, n, features, &p.activity, err);
    }
    if (rc == 0)
        rc = list_trained(arena, examples, n, &p, err);
    if (rc == 0)
        *predictor_out = p;
    return rc;
}

int wtl_predictor_apply(struct wtl_arena *scratch, const struct wtl_predictor *p,
                        const struct wtl_example *probe, bool activity,
                        struct wtl_posterior *posterior_out, bool *used_out, struct wtl_error *err)
{
    unsigned needed = p->activity.features;
    bool use = activity && p->has_activity && (probe->features & needed) == needed;
    const struct wtl_population *pop = use ? &p->activity : &p->plain;
    struct wtl_form_prior prior;
    int rc = wtl_population_prior(pop, probe, &prior, err);
    if (rc == 0)
        rc = wtl_posterior_fit(scratch, probe, &prior, &pop->noise, 0, posterior_out, err);
    if (rc == 0 && used_out)
        *used_out = use;
    return rc;
}
