/* SPDX-License-Identifier: Apache-2.0
 * Workloads as YAML. */
#include "simhost/profile.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

struct phase {
    const char *name;
    double work_per_item;
};

struct document {
    struct wtl_sim_workload workload;
    struct wtl_yaml_list phases, fits;
    struct wtl_yaml_strings sources;
};

/* A fit as it is written: its held-out errors in a table of their own. */
struct errors {
    int work_rows, watt_rows;
    struct wtl_sim_held_out folds, batch, share, clock, block;
};
struct entry {
    const char *board, *phase, *source;
    bool assumed;
    struct errors errors;
    struct wtl_sim_fit fit;
};

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define ERROR(key, member)                                                                         \
    {                                                                                              \
        .name = key, .type = WTL_YAML_T_NUMBER, .unit = WTL_UNIT_FRACTION,                         \
        .offset = offsetof(struct errors, member), .min = 0, .max = 100,                           \
        .doc = "Error on left-out rows."                                                           \
    }
#define ERRORS(key, member)                                                                        \
    ERROR(key "_work", member.work_median), ERROR(key "_work_p90", member.work_p90),               \
        ERROR(key "_watt", member.watt_median), ERROR(key "_watt_p90", member.watt_p90)
static const struct wtl_yaml_key error_keys[] = {
    {.name = "work_rows",
     .type = WTL_YAML_T_INT,
     .offset = offsetof(struct errors, work_rows),
     .min = 0,
     .max = 1e9,
     .doc = "Rows with a throughput that it was fitted to."},
    {.name = "watt_rows",
     .type = WTL_YAML_T_INT,
     .offset = offsetof(struct errors, watt_rows),
     .min = 0,
     .max = 1e9,
     .doc = "Rows with a power that it was fitted to."},
    ERRORS("folds", folds),
    ERRORS("batch", batch),
    ERRORS("share", share),
    ERRORS("clock", clock),
    ERRORS("block", block),
};
static const struct wtl_yaml_table error_table = {
    "fit", "How good a fit is: median and 90th percentile on rows that were left out.",
    sizeof(struct errors), error_keys, N(error_keys)};

#define PARAMETER(field, low, high)                                                                \
    {.name = #field,                                                                               \
     .type = WTL_YAML_T_NUMBER,                                                                    \
     .offset = offsetof(struct entry, fit.field),                                                  \
     .required = true,                                                                             \
     .min = (low),                                                                                 \
     .max = (high),                                                                                \
     .doc = "As in struct wtl_sim_fit."},
static const struct wtl_yaml_key entry_keys[] = {
    {.name = "board",
     .type = WTL_YAML_T_STRING,
     .offset = offsetof(struct entry, board),
     .required = true,
     .doc = "Short name of the virtual board."},
    {.name = "phase",
     .type = WTL_YAML_T_STRING,
     .offset = offsetof(struct entry, phase),
     .fallback = "\"\"",
     .doc = "Which phase; needed when there are several."},
    {.name = "assumed",
     .type = WTL_YAML_T_BOOL,
     .offset = offsetof(struct entry, assumed),
     .required = true,
     .doc = "Made up or carried over rather than fitted to measurements."},
    {.name = "source",
     .type = WTL_YAML_T_STRING,
     .offset = offsetof(struct entry, source),
     .required = true,
     .doc = "What it was fitted to, or why it was assumed."},
    {.name = "fit",
     .type = WTL_YAML_T_TABLE,
     .offset = offsetof(struct entry, errors),
     .table = &error_table,
     .doc = "How good it is."},
    WTL_SIM_FIT_BOUNDS(PARAMETER)};
static const struct wtl_yaml_table entry_table = {"fits", "Parameters on one board.",
                                                  sizeof(struct entry), entry_keys, N(entry_keys)};

static const struct wtl_yaml_key phase_keys[] = {
    {.name = "name",
     .type = WTL_YAML_T_STRING,
     .offset = offsetof(struct phase, name),
     .required = true,
     .doc = "Its name."},
    {.name = "work_per_item",
     .type = WTL_YAML_T_NUMBER,
     .offset = offsetof(struct phase, work_per_item),
     .required = true,
     .min = 1e-6,
     .max = 1e9,
     .doc = "Units of work that one item of a batch spends in it."},
};
static const struct wtl_yaml_table phase_table = {"phases", "What every batch passes, in turn.",
                                                  sizeof(struct phase), phase_keys, N(phase_keys)};

#define AT(member) .offset = offsetof(struct document, workload.member)
#define SIZE(member) .size = sizeof(((struct wtl_sim_workload *)NULL)->member)
static const struct wtl_yaml_key keys[] = {
    {.name = "name",
     .type = WTL_YAML_T_NAME,
     AT(name),
     SIZE(name),
     .required = true,
     .doc = "What it is called."},
    {.name = "unit",
     .type = WTL_YAML_T_NAME,
     AT(unit),
     SIZE(unit),
     .required = true,
     .doc = "What is counted: images, tokens, runs."},
    {.name = "process_mib",
     .type = WTL_YAML_T_NUMBER,
     AT(process_mib),
     .required = true,
     .min = 0,
     .max = 1e7,
     .doc = "Memory of one process: context, libraries, weights."},
    {.name = "item_mib",
     .type = WTL_YAML_T_NUMBER,
     AT(item_mib),
     .required = true,
     .min = 0,
     .max = 1e7,
     .doc = "Memory of one item of a batch."},
    {.name = "batch_default",
     .type = WTL_YAML_T_INT,
     AT(batch_default),
     .required = true,
     .min = 1,
     .max = WTL_SIM_BATCH_MAX,
     .doc = "Batch when none is asked for."},
    {.name = "batch_max",
     .type = WTL_YAML_T_INT,
     AT(batch_max),
     .required = true,
     .min = 1,
     .max = WTL_SIM_BATCH_MAX,
     .doc = "Largest batch that the parameters are meant for."},
    {.name = "phases",
     .type = WTL_YAML_T_LIST,
     .offset = offsetof(struct document, phases),
     .table = &phase_table,
     .doc = "Without it there is one phase, without end."},
    {.name = "fits",
     .type = WTL_YAML_T_LIST,
     .offset = offsetof(struct document, fits),
     .required = true,
     .table = &entry_table,
     .doc = "Parameters, by board, phase, memory clock."},
    {.name = "sources",
     .type = WTL_YAML_T_STRINGS,
     .offset = offsetof(struct document, sources),
     .required = true,
     .doc = "What the keys in the comments behind the numbers stand for."},
};
static const struct wtl_yaml_table workload_table = {"workload", "A workload of the virtual GPU.",
                                                     sizeof(struct document), keys, N(keys)};

static int set_phases(struct document *doc, const struct wtl_yaml_node *root, struct wtl_error *err)
{
    const struct phase *phases = doc->phases.items;
    struct wtl_sim_workload *w = &doc->workload;
    if (doc->phases.n > WTL_SIM_PHASES)
        return wtl_yaml_fail(wtl_yaml_get(root, "phases"), err, "at most %d phases",
                             WTL_SIM_PHASES);
    w->n_phases = doc->phases.n ? (int)doc->phases.n : 1;
    for (size_t i = 0; i < doc->phases.n; i++) {
        struct wtl_sim_phase *p = &w->phases[i];
        if (strlen(phases[i].name) >= sizeof p->name || !phases[i].name[0])
            return wtl_yaml_fail(wtl_yaml_get(root, "phases")->items[i], err,
                                 "a phase's name has 1 to %zu letters", sizeof p->name - 1);
        snprintf(p->name, sizeof p->name, "%s", phases[i].name);
        p->work_per_item = phases[i].work_per_item;
    }
    return 0;
}

/* Index of a phase by its name, or -1. */
static int phase_of(const struct wtl_sim_workload *w, const char *name)
{
    for (int i = 0; i < w->n_phases; i++)
        if (strcmp(w->phases[i].name, name) == 0)
            return i;
    return -1;
}

int wtl_sim_workload_parse(struct wtl_arena *arena, const char *text, size_t size, const char *file,
                           struct wtl_sim_workload_profile *out, struct wtl_error *err)
{
    const struct wtl_yaml_node *root;
    struct document doc;
    memset(&doc, 0, sizeof doc);
    int rc = wtl_yaml_parse(arena, text, size, file, &root, err);
    if (rc == 0)
        rc = wtl_yaml_load(arena, root, &workload_table, &doc, err);
    if (rc == 0)
        rc = set_phases(&doc, root, err);
    if (rc < 0)
        return rc;
    const struct entry *entries = doc.fits.items;
    struct wtl_sim_fitted *fits = WTL_NEW_ARRAY(arena, struct wtl_sim_fitted, doc.fits.n);
    if (!fits && doc.fits.n > 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < doc.fits.n; i++) {
        const struct entry *e = &entries[i];
        if (phase_of(&doc.workload, e->phase) < 0)
            return wtl_yaml_fail(wtl_yaml_get(root, "fits")->items[i], err, "no phase '%s'",
                                 e->phase);
        fits[i] = (struct wtl_sim_fitted){.board = e->board,
                                          .phase = e->phase,
                                          .assumed = e->assumed,
                                          .source = e->source,
                                          .work_rows = e->errors.work_rows,
                                          .watt_rows = e->errors.watt_rows,
                                          .folds = e->errors.folds,
                                          .batch = e->errors.batch,
                                          .share = e->errors.share,
                                          .clock = e->errors.clock,
                                          .block = e->errors.block,
                                          .fit = e->fit};
    }
    *out = (struct wtl_sim_workload_profile){doc.workload, doc.fits.n, fits};
    return 0;
}

static int add_fit(struct wtl_sim_phase *phase, const struct wtl_sim_fit *fit, const char *name,
                   struct wtl_error *err)
{
    int at = phase->n_fits;
    if (at == WTL_SIM_FITS)
        return WTL_FAIL(err, WTL_LIMIT, "workload '%s' has more than %d memory clocks on a board",
                        name, WTL_SIM_FITS);
    while (at > 0 && phase->fits[at - 1].mem_mhz > fit->mem_mhz) {
        phase->fits[at] = phase->fits[at - 1];
        at--;
    }
    if (at > 0 && phase->fits[at - 1].mem_mhz >= fit->mem_mhz)
        return WTL_FAIL(err, WTL_PARSE, "workload '%s' has two fits at %g MHz on a board", name,
                        fit->mem_mhz);
    phase->fits[at] = *fit;
    phase->n_fits++;
    return 0;
}

int wtl_sim_workload_on(const struct wtl_sim_workload_profile *profile, const char *short_name,
                        struct wtl_sim_workload *out, struct wtl_error *err)
{
    struct wtl_sim_workload w = profile->workload;
    for (size_t i = 0; i < profile->n; i++) {
        const struct wtl_sim_fitted *f = &profile->fits[i];
        int rc = 0;
        if (strcmp(f->board, short_name) == 0)
            rc = add_fit(&w.phases[phase_of(&w, f->phase)], &f->fit, w.name, err);
        if (rc < 0)
            return rc;
    }
    for (int i = 0; i < w.n_phases; i++)
        if (w.phases[i].n_fits == 0) {
            char boards[200] = "";
            size_t used = 0;
            for (size_t k = 0; k < profile->n && used < sizeof boards; k++)
                if (!strstr(boards, profile->fits[k].board))
                    used += (size_t)snprintf(boards + used, sizeof boards - used, "%s%s",
                                             used ? ", " : "", profile->fits[k].board);
            return WTL_FAIL(err, WTL_NOTFOUND,
                            "workload '%s' has no parameters for board '%s'; it has them for %s",
                            w.name, short_name, boards);
        }
    int rc = wtl_sim_workload_check(&w, err);
    if (rc == 0)
        *out = w;
    return rc;
}
