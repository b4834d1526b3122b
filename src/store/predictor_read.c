/* SPDX-License-Identifier: Apache-2.0
 * Predictors from JSON. */
#include "codec/json.h"
#include "store/predictor_fields.h"
#include "store/predictor_file.h"

#include "stats/linalg.h"

#include <string.h>

enum { N = WTL_FORM_N, R = WTL_REGRESSORS_MAX };

static int no_memory(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory reading a predictor");
}

/* ---- format, version, checksum ---- */

static int check_document(const struct wtl_json *root, struct wtl_error *err)
{
    const char *format = json_string_value(json_object_get(root->value, "format"));
    const json_t *version = json_object_get(root->value, "version");
    const char *checksum = json_string_value(json_object_get(root->value, "checksum"));
    char actual[65];
    if (!format || strcmp(format, WTL_PREDICTOR_FORMAT) != 0)
        return WTL_FAIL(err, WTL_CORRUPT, "\"%s\" is no predictor", root->file);
    if (!json_is_integer(version) || json_integer_value(version) != WTL_PREDICTOR_FILE_VERSION) {
        int rc = WTL_FAIL(err, WTL_CORRUPT,
                          "\"%s\" is a predictor of version %lld, this program "
                          "reads version %d",
                          root->file, (long long)json_integer_value(version),
                          WTL_PREDICTOR_FILE_VERSION);
        wtl_error_hint(err, "fit it again with `wattle fit`");
        return rc;
    }
    int rc = wtl_predictor_checksum(root->value, actual, err);
    if (rc == 0 && (!checksum || strcmp(checksum, actual) != 0)) {
        rc = WTL_FAIL(err, WTL_CORRUPT, "\"%s\" is damaged: its checksum does not fit", root->file);
        wtl_error_hint(err, "a predictor is fitted, not edited: run `wattle fit` again");
    }
    return rc;
}

/* ---- numbers ---- */

static int read_vector(const struct wtl_json *object, const char *key, double *out, size_t n,
                       struct wtl_error *err)
{
    struct wtl_json array;
    int rc = wtl_json_array(object, key, &array, err);
    if (rc == 0 && wtl_json_count(&array) != n)
        rc = wtl_json_fail(&array, err, "has %zu numbers, expected %zu", wtl_json_count(&array), n);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = wtl_json_item_number(&array, i, &out[i], err);
    return rc;
}

static int read_matrix(const struct wtl_json *object, const char *key, double *out, size_t rows,
                       size_t cols, struct wtl_error *err)
{
    struct wtl_json array;
    int rc = wtl_json_array(object, key, &array, err);
    if (rc == 0 && wtl_json_count(&array) != rows)
        rc = wtl_json_fail(&array, err, "has %zu rows, expected %zu", wtl_json_count(&array), rows);
    for (size_t i = 0; rc == 0 && i < rows; i++) {
        struct wtl_json row = wtl_json_item(&array, i);
        if (!json_is_array(row.value) || wtl_json_count(&row) != cols)
            return wtl_json_fail(&row, err, "expected %zu numbers", cols);
        for (size_t j = 0; rc == 0 && j < cols; j++)
            rc = wtl_json_item_number(&row, j, &out[i * cols + j], err);
    }
    return rc;
}

static int read_covariance(const struct wtl_json *object, const char *key, double *out,
                           struct wtl_error *err)
{
    double l[N * N];
    int rc = read_matrix(object, key, out, N, N, err);
    if (rc < 0)
        return rc;
    memcpy(l, out, sizeof l);
    if (wtl_cholesky(l, N, 0, NULL) < 0)
        return wtl_json_fail(object, err, "%s is no covariance: not positive definite", key);
    return 0;
}

static int read_count(const struct wtl_json *object, const char *key, int *out,
                      struct wtl_error *err)
{
    int64_t value = 0;
    int rc = wtl_json_integer(object, key, 0, WTL_LIMIT_RUNS, &value, err);
    if (rc == 0)
        *out = (int)value;
    return rc;
}

static int read_positive(const struct wtl_json *object, const char *key, double *out,
                         struct wtl_error *err)
{
    double value = 0;
    int rc = wtl_json_number(object, key, &value, err);
    if (rc == 0 && !(value > 0))
        rc = wtl_json_fail(object, err, "%s is not positive", key);
    if (rc == 0)
        *out = value;
    return rc;
}

/* ---- populations ---- */

static int read_features(const struct wtl_json *object, unsigned *out, struct wtl_error *err)
{
    struct wtl_json array;
    int rc = wtl_json_array(object, "features", &array, err);
    unsigned features = 0;
    for (size_t i = 0; rc == 0 && i < wtl_json_count(&array); i++) {
        struct wtl_json item = wtl_json_item(&array, i);
        const char *name = json_string_value(item.value);
        int f = 0;
        while (f < WTL_N_FEATURES &&
               !(name && strcmp(name, wtl_feature_name((enum wtl_feature)f)) == 0))
            f++;
        if (f == WTL_N_FEATURES)
            return wtl_json_fail(&item, err, "is no feature");
        features |= 1U << f;
    }
    if (rc == 0)
        *out = features;
    return rc;
}

static int read_card(const struct wtl_json *o, struct wtl_gpu_effect *out, struct wtl_error *err)
{
    int rc = wtl_json_name(o, "gpu", out->gpu, sizeof out->gpu, err);
    if (rc == 0)
        rc = read_positive(o, "f_max_mhz", &out->f_max_mhz, err);
    if (rc == 0)
        rc = read_count(o, "n_examples", &out->n_examples, err);
    if (rc == 0)
        rc = read_vector(o, "effect", out->effect, N, err);
    if (rc == 0)
        rc = read_covariance(o, "covariance", out->covariance, err);
    return rc;
}

static int read_cards(struct wtl_arena *arena, const struct wtl_json *o, struct wtl_population *p,
                      struct wtl_error *err)
{
    struct wtl_json array, item;
    int rc = wtl_json_array(o, "gpus", &array, err);
    if (rc < 0)
        return rc;
    size_t n = wtl_json_count(&array);
    struct wtl_gpu_effect *gpus = WTL_NEW_ARRAY(arena, struct wtl_gpu_effect, n ? n : 1);
    if (!gpus)
        return no_memory(err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = wtl_json_item_object(&array, i, &item, err);
        if (rc == 0)
            rc = read_card(&item, &gpus[i], err);
    }
    p->gpus = gpus;
    p->n_gpus = n;
    return rc;
}

static int read_noise(const struct wtl_json *o, struct wtl_form_noise *out, struct wtl_error *err)
{
    struct wtl_json n;
    int rc = wtl_json_object(o, "noise", &n, err);
    if (rc == 0)
        rc = read_positive(&n, "time_run", &out->time_run, err);
    if (rc == 0)
        rc = read_positive(&n, "power_run", &out->power_run, err);
    if (rc == 0)
        rc = read_positive(&n, "time_misfit", &out->time_misfit, err);
    if (rc == 0)
        rc = read_positive(&n, "power_misfit", &out->power_misfit, err);
    return rc;
}

static int read_regression(const struct wtl_json *o, struct wtl_population *p,
                           struct wtl_error *err)
{
    size_t k = (size_t)p->n_regressors;
    int rc = read_vector(o, "regressor_mean", p->regressor_mean, k, err);
    if (rc == 0)
        rc = read_vector(o, "regressor_sd", p->regressor_sd, k, err);
    for (size_t j = 0; rc == 0 && j < k; j++)
        if (!(p->regressor_sd[j] > 0))
            rc = wtl_json_fail(o, err, "regressor_sd[%zu] is not positive", j);
    if (rc == 0)
        rc = read_matrix(o, "coef", p->coef, k, N, err);
    if (rc == 0)
        rc = read_matrix(o, "regressor_inverse", p->regressor_inverse, k, k, err);
    return rc;
}

/* The parameters in the order that this program has them in. */
static int check_parameters(const struct wtl_json *o, struct wtl_error *err)
{
    struct wtl_json array;
    int rc = wtl_json_array(o, "parameters", &array, err);
    if (rc == 0 && wtl_json_count(&array) != N)
        rc = wtl_json_fail(&array, err, "expected %d parameters", (int)N);
    for (size_t j = 0; rc == 0 && j < N; j++) {
        struct wtl_json item = wtl_json_item(&array, j);
        const char *want = wtl_form_parameter_name((enum wtl_form_parameter)j);
        const char *have = json_string_value(item.value);
        if (!have || strcmp(have, want) != 0)
            rc = wtl_json_fail(&item, err, "expected \"%s\"", want);
    }
    return rc;
}

static int read_population(struct wtl_arena *arena, const struct wtl_json *o,
                           struct wtl_population *out, struct wtl_error *err)
{
    struct wtl_population p = {.n_regressors = 0};
    int rc = check_parameters(o, err);
    if (rc == 0)
        rc = read_features(o, &p.features, err);
    p.n_regressors = wtl_population_regressors(p.features);
    if (rc == 0)
        rc = read_count(o, "n_examples", &p.n_examples, err);
    if (rc == 0)
        rc = read_count(o, "n_workloads", &p.n_workloads, err);
    if (rc == 0)
        rc = read_positive(o, "x_min", &p.x_min, err);
    if (rc == 0)
        rc = read_regression(o, &p, err);
    if (rc == 0)
        rc = read_covariance(o, "within", p.within, err);
    if (rc == 0)
        rc = read_covariance(o, "between", p.between, err);
    if (rc == 0)
        rc = read_noise(o, &p.noise, err);
    if (rc == 0)
        rc = read_cards(arena, o, &p, err);
    if (rc == 0)
        *out = p;
    return rc;
}

static int read_populations(struct wtl_arena *arena, const struct wtl_json *root,
                            struct wtl_predictor *p, struct wtl_error *err)
{
    struct wtl_json both, o;
    int rc = wtl_json_object(root, "populations", &both, err);
    if (rc == 0)
        rc = wtl_json_object(&both, "plain", &o, err);
    if (rc == 0)
        rc = read_population(arena, &o, &p->plain, err);
    if (rc == 0 && wtl_json_find(&both, "activity", &o)) {
        p->has_activity = true;
        rc = read_population(arena, &o, &p->activity, err);
    }
    return rc;
}

/* ---- what it was trained on, and its errors ---- */

static int read_trained(struct wtl_arena *arena, const struct wtl_json *root,
                        struct wtl_predictor *p, struct wtl_error *err)
{
    struct wtl_json array, o;
    int rc = wtl_json_array(root, "trained", &array, err);
    if (rc < 0)
        return rc;
    size_t n = wtl_json_count(&array);
    struct wtl_trained *list = WTL_NEW_ARRAY(arena, struct wtl_trained, n ? n : 1);
    if (!list)
        return no_memory(err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = wtl_json_item_object(&array, i, &o, err);
        if (rc == 0)
            rc = wtl_json_name(&o, "gpu", list[i].gpu, sizeof list[i].gpu, err);
        if (rc == 0)
            rc = wtl_json_name(&o, "workload", list[i].workload, sizeof list[i].workload, err);
        if (rc == 0)
            rc = read_count(&o, "n_runs", &list[i].n_runs, err);
        if (rc == 0)
            rc = read_count(&o, "n_clocks", &list[i].n_clocks, err);
    }
    p->trained = list;
    p->n_trained = n;
    return rc;
}

static int read_quantiles(const struct wtl_json *object, const char *key, double *median,
                          double *p90, struct wtl_error *err)
{
    struct wtl_json o;
    int rc = wtl_json_object(object, key, &o, err);
    if (rc == 0)
        rc = wtl_json_number(&o, "median", median, err);
    if (rc == 0)
        rc = wtl_json_number(&o, "p90", p90, err);
    return rc;
}

static int read_names(const struct wtl_json *o, struct wtl_heldout *h, struct wtl_error *err)
{
    const char *methods[WTL_N_METHODS], *splits[WTL_N_SPLITS];
    int split = 0, method = 0;
    for (int i = 0; i < WTL_N_METHODS; i++)
        methods[i] = wtl_method_name((enum wtl_method)i);
    for (int i = 0; i < WTL_N_SPLITS; i++)
        splits[i] = wtl_split_name((enum wtl_split)i);
    int rc = wtl_json_choice(o, "left_out", splits, WTL_N_SPLITS, &split, err);
    if (rc == 0)
        rc = wtl_json_choice(o, "method", methods, WTL_N_METHODS, &method, err);
    h->split = (enum wtl_split)split;
    h->method = (enum wtl_method)method;
    return rc;
}

static int read_heldout_row(const struct wtl_json *o, struct wtl_heldout *h, struct wtl_error *err)
{
    struct wtl_json loss, found;
    int rc = read_names(o, h, err);
    if (rc == 0)
        rc = read_count(o, "n_probes", &h->n_probes, err);
    if (rc == 0)
        rc = read_count(o, "n", &h->n, err);
    if (rc == 0)
        rc = read_quantiles(o, "regret", &h->regret_median, &h->regret_p90, err);
    if (rc == 0)
        rc = wtl_json_number(o, "broken", &h->broken, err);
    if (rc == 0)
        rc = read_quantiles(o, "loss", &h->loss_median, &h->loss_p90, err);
    if (rc == 0)
        rc = wtl_json_object(o, "loss", &loss, err);
    if (rc == 0)
        rc = wtl_json_number(&loss, "mean", &h->loss_mean, err);
    h->has_error = wtl_json_find(o, "time_error", &found);
    if (rc == 0 && h->has_error)
        rc = read_quantiles(o, "time_error", &h->time_median, &h->time_p90, err);
    if (rc == 0 && h->has_error)
        rc = read_quantiles(o, "power_error", &h->power_median, &h->power_p90, err);
    h->has_coverage = wtl_json_find(o, "coverage", &found);
    if (rc == 0 && h->has_coverage)
        rc = wtl_json_number(o, "coverage", &h->coverage, err);
    return rc;
}

static int read_heldout(struct wtl_arena *arena, const struct wtl_json *root,
                        struct wtl_predictor *p, struct wtl_error *err)
{
    struct wtl_json array, o;
    int rc = wtl_json_array(root, "heldout", &array, err);
    if (rc < 0)
        return rc;
    size_t n = wtl_json_count(&array);
    struct wtl_heldout *rows = WTL_NEW_ARRAY(arena, struct wtl_heldout, n ? n : 1);
    if (!rows)
        return no_memory(err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = wtl_json_item_object(&array, i, &o, err);
        if (rc == 0)
            rc = read_heldout_row(&o, &rows[i], err);
    }
    p->heldout = rows;
    p->n_heldout = n;
    return rc;
}

static int read_policy(const struct wtl_json *root, struct wtl_predictor *p, struct wtl_error *err)
{
    struct wtl_json found;
    const char *objective = NULL;
    int rc = wtl_json_string(root, "objective", &objective, err);
    if (rc == 0)
        rc = wtl_objective_parse(objective, &p->objective, err);
    if (rc == 0)
        rc = wtl_json_number(root, "confidence", &p->confidence, err);
    p->has_max_slowdown = wtl_json_find(root, "max_slowdown", &found);
    if (rc == 0 && p->has_max_slowdown)
        rc = wtl_json_number(root, "max_slowdown", &p->max_slowdown, err);
    return rc;
}

static int read_text(struct wtl_arena *arena, const struct wtl_json *root, const char *key,
                     const char **out, struct wtl_error *err)
{
    const char *text = NULL;
    int rc = wtl_json_string(root, key, &text, err);
    if (rc < 0)
        return rc;
    *out = wtl_arena_strdup(arena, text);
    return *out ? 0 : no_memory(err);
}

int wtl_predictor_from_json(struct wtl_arena *arena, const char *name, const json_t *root_value,
                            struct wtl_predictor_file *file_out, struct wtl_error *err)
{
    struct wtl_json root = wtl_json_root(root_value, name);
    struct wtl_predictor_file file = {.tool = ""};
    struct wtl_predictor *p = &file.predictor;
    int rc = check_document(&root, err);
    if (rc == 0)
        rc = read_text(arena, &root, "tool", &file.tool, err);
    if (rc == 0)
        rc = read_text(arena, &root, "created", &file.created, err);
    if (rc == 0)
        rc = read_text(arena, &root, "campaign", &file.campaign, err);
    if (rc == 0)
        rc = wtl_json_name(&root, "fingerprint", p->fingerprint, sizeof p->fingerprint, err);
    if (rc == 0)
        rc = read_policy(&root, p, err);
    if (rc == 0)
        rc = read_trained(arena, &root, p, err);
    if (rc == 0)
        rc = read_heldout(arena, &root, p, err);
    if (rc == 0)
        rc = read_populations(arena, &root, p, err);
    if (rc == 0)
        *file_out = file;
    return rc;
}
