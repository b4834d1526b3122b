/* SPDX-License-Identifier: Apache-2.0
 * Predictors to JSON. */
#include "store/predictor_fields.h"
#include "store/predictor_file.h"

#include "codec/hash.h"
#include "codec/json.h"

#include <math.h>

/* Failure is sticky: build freely, look at rc once. */
struct writer {
    struct wtl_error *err;
    int rc;
};

static void put(struct writer *w, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0 && w->rc == 0)
        w->rc = WTL_FAIL(w->err, WTL_NOMEM, "out of memory writing %s of a predictor", key);
}

static void append(struct writer *w, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0 && w->rc == 0)
        w->rc = WTL_FAIL(w->err, WTL_NOMEM, "out of memory writing a predictor");
}

static json_t *real(struct writer *w, const char *what, double value)
{
    if (!isfinite(value) && w->rc == 0)
        w->rc = WTL_FAIL(w->err, WTL_FAILED, "%s of a predictor is not finite", what);
    return json_real(isfinite(value) ? value : 0);
}

static json_t *vector(struct writer *w, const char *what, const double *v, int n)
{
    json_t *array = json_array();
    for (int i = 0; i < n; i++)
        append(w, array, real(w, what, v[i]));
    return array;
}

static json_t *matrix(struct writer *w, const char *what, const double *m, int rows, int cols)
{
    json_t *array = json_array();
    for (int i = 0; i < rows; i++)
        append(w, array, vector(w, what, m + i * cols, cols));
    return array;
}

static json_t *noise(struct writer *w, const struct wtl_form_noise *n)
{
    json_t *o = json_object();
    put(w, o, "time_run", real(w, "noise", n->time_run));
    put(w, o, "power_run", real(w, "noise", n->power_run));
    put(w, o, "time_misfit", real(w, "noise", n->time_misfit));
    put(w, o, "power_misfit", real(w, "noise", n->power_misfit));
    return o;
}

static json_t *card(struct writer *w, const struct wtl_gpu_effect *g)
{
    json_t *o = json_object();
    put(w, o, "gpu", wtl_json_text(g->gpu));
    put(w, o, "f_max_mhz", real(w, "f_max_mhz", g->f_max_mhz));
    put(w, o, "n_examples", json_integer(g->n_examples));
    put(w, o, "effect", vector(w, "effect", g->effect, WTL_FORM_N));
    put(w, o, "covariance", matrix(w, "covariance", g->covariance, WTL_FORM_N, WTL_FORM_N));
    return o;
}

static json_t *names(struct writer *w, unsigned features)
{
    json_t *array = json_array();
    for (int f = 0; f < WTL_N_FEATURES; f++)
        if (features >> f & 1)
            append(w, array, json_string(wtl_feature_name((enum wtl_feature)f)));
    return array;
}

static json_t *population(struct writer *w, const struct wtl_population *p)
{
    json_t *o = json_object(), *parameters = json_array(), *gpus = json_array();
    int k = p->n_regressors;
    for (int j = 0; j < WTL_FORM_N; j++)
        append(w, parameters, json_string(wtl_form_parameter_name((enum wtl_form_parameter)j)));
    for (size_t g = 0; g < p->n_gpus; g++)
        append(w, gpus, card(w, &p->gpus[g]));
    put(w, o, "features", names(w, p->features));
    put(w, o, "parameters", parameters);
    put(w, o, "n_examples", json_integer(p->n_examples));
    put(w, o, "n_workloads", json_integer(p->n_workloads));
    put(w, o, "x_min", real(w, "x_min", p->x_min));
    put(w, o, "regressor_mean", vector(w, "regressor_mean", p->regressor_mean, k));
    put(w, o, "regressor_sd", vector(w, "regressor_sd", p->regressor_sd, k));
    put(w, o, "coef", matrix(w, "coef", p->coef, k, WTL_FORM_N));
    put(w, o, "regressor_inverse", matrix(w, "regressor_inverse", p->regressor_inverse, k, k));
    put(w, o, "within", matrix(w, "within", p->within, WTL_FORM_N, WTL_FORM_N));
    put(w, o, "between", matrix(w, "between", p->between, WTL_FORM_N, WTL_FORM_N));
    put(w, o, "noise", noise(w, &p->noise));
    put(w, o, "gpus", gpus);
    return o;
}

static json_t *quantiles(struct writer *w, double median, double p90)
{
    json_t *o = json_object();
    put(w, o, "median", real(w, "median", median));
    put(w, o, "p90", real(w, "p90", p90));
    return o;
}

static json_t *heldout_row(struct writer *w, const struct wtl_heldout *h)
{
    json_t *o = json_object(), *loss = quantiles(w, h->loss_median, h->loss_p90);
    put(w, o, "left_out", json_string(wtl_split_name(h->split)));
    put(w, o, "method", json_string(wtl_method_name(h->method)));
    put(w, o, "n_probes", json_integer(h->n_probes));
    put(w, o, "n", json_integer(h->n));
    put(w, o, "regret", quantiles(w, h->regret_median, h->regret_p90));
    put(w, o, "broken", real(w, "broken", h->broken));
    put(w, loss, "mean", real(w, "loss", h->loss_mean));
    put(w, o, "loss", loss);
    put(w, o, "time_error", h->has_error ? quantiles(w, h->time_median, h->time_p90) : json_null());
    put(w, o, "power_error",
        h->has_error ? quantiles(w, h->power_median, h->power_p90) : json_null());
    put(w, o, "coverage", h->has_coverage ? real(w, "coverage", h->coverage) : json_null());
    return o;
}

static json_t *heldout(struct writer *w, const struct wtl_heldout *rows, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        append(w, array, heldout_row(w, &rows[i]));
    return array;
}

static json_t *trained(struct writer *w, const struct wtl_predictor *p)
{
    json_t *array = json_array();
    for (size_t i = 0; i < p->n_trained; i++) {
        json_t *o = json_object();
        put(w, o, "gpu", wtl_json_text(p->trained[i].gpu));
        put(w, o, "workload", wtl_json_text(p->trained[i].workload));
        put(w, o, "n_runs", json_integer(p->trained[i].n_runs));
        put(w, o, "n_clocks", json_integer(p->trained[i].n_clocks));
        append(w, array, o);
    }
    return array;
}

int wtl_predictor_checksum(const json_t *root, char hex_out[65], struct wtl_error *err)
{
    json_auto_t *copy = json_copy((json_t *)(uintptr_t)root); /* shallow: members are shared */
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    int rc = 0;
    /* Where memory runs out, jansson copies what it can. */
    bool whole = copy && json_object_size(copy) == json_object_size(root);
    if (whole)
        (void)json_object_del(copy, "checksum");
    if (!whole || !wtl_json_write_line(copy, &text))
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory writing a predictor");
    else
        rc = wtl_sha256(wtl_buf_str(&text), text.len, hex_out, err);
    wtl_buf_fini(&text);
    return rc;
}

static void put_body(struct writer *w, json_t *root, const struct wtl_predictor_file *file)
{
    const struct wtl_predictor *p = &file->predictor;
    char objective[64];
    put(w, root, "format", json_string(WTL_PREDICTOR_FORMAT));
    put(w, root, "version", json_integer(WTL_PREDICTOR_FILE_VERSION));
    put(w, root, "tool", json_string(file->tool));
    put(w, root, "created", json_string(file->created));
    put(w, root, "campaign", wtl_json_text(file->campaign));
    put(w, root, "fingerprint", json_string(p->fingerprint));
    wtl_objective_format(&p->objective, objective, sizeof objective);
    put(w, root, "objective", json_string(objective));
    put(w, root, "max_slowdown",
        p->has_max_slowdown ? real(w, "max_slowdown", p->max_slowdown) : json_null());
    put(w, root, "confidence", real(w, "confidence", p->confidence));
    put(w, root, "trained", trained(w, p));
    put(w, root, "heldout", heldout(w, p->heldout, p->n_heldout));
    json_t *populations = json_object();
    put(w, populations, "plain", population(w, &p->plain));
    put(w, populations, "activity", p->has_activity ? population(w, &p->activity) : json_null());
    put(w, root, "populations", populations);
}

int wtl_predictor_to_json(const struct wtl_predictor_file *file, json_t **root_out,
                          struct wtl_error *err)
{
    json_auto_t *root = json_object();
    struct writer w = {.err = err};
    char checksum[65];
    if (!root)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory writing a predictor");
    put_body(&w, root, file);
    if (w.rc == 0)
        w.rc = wtl_predictor_checksum(root, checksum, err);
    if (w.rc == 0)
        put(&w, root, "checksum", json_string(checksum));
    if (w.rc == 0)
        *root_out = json_incref(root);
    return w.rc;
}
