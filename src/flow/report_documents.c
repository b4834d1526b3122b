/* SPDX-License-Identifier: Apache-2.0
 * Verdicts and predictors that a report shows. */
#include "flow/report_data.h"

#include "flow/documents.h"

#include <string.h>

static int no_memory(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory making the report");
}

static int note_unreadable(struct wtl_arena *arena, struct report_notes *notes,
                           const struct wtl_document_info *d, struct wtl_error *err)
{
    return report_note(arena, notes, err, "The stored %s \"%s\" is not shown: %s.", d->stored.kind,
                       d->stored.name, d->content);
}

static int add_verdicts(struct wtl_campaign *c, const struct wtl_report_options *options,
                        struct wtl_arena *arena, struct report_notes *notes,
                        struct wtl_report *report, struct wtl_error *err)
{
    struct wtl_document_info *infos = NULL;
    size_t n = 0, used = options->n_verdicts;
    int rc = wtl_flow_documents(c, WTL_DOCUMENT_VERDICT, arena, &infos, &n, err);
    if (rc < 0)
        return rc;
    struct wtl_report_verdict *all = WTL_NEW_ARRAY(arena, struct wtl_report_verdict, used + n + 1);
    if (!all)
        return no_memory(err);
    if (used)
        memcpy(all, options->verdicts, used * sizeof *all);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (infos[i].readable)
            all[used++] = (struct wtl_report_verdict){infos[i].stored.name, infos[i].document,
                                                      !infos[i].of_these_runs};
        else
            rc = note_unreadable(arena, notes, &infos[i], err);
    report->verdicts = all;
    report->n_verdicts = used;
    return rc;
}

static int add_predictors(struct wtl_campaign *c, const struct wtl_report_options *options,
                          struct wtl_arena *arena, struct report_notes *notes,
                          struct wtl_report *report, struct wtl_error *err)
{
    struct wtl_document_info *infos = NULL;
    size_t n = 0, used = options->n_predictors;
    int rc = wtl_flow_documents(c, WTL_DOCUMENT_PREDICTOR, arena, &infos, &n, err);
    if (rc < 0)
        return rc;
    struct wtl_report_predictor *all =
        WTL_NEW_ARRAY(arena, struct wtl_report_predictor, used + n + 1);
    if (!all)
        return no_memory(err);
    if (used)
        memcpy(all, options->predictors, used * sizeof *all);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (infos[i].readable)
            all[used++] = (struct wtl_report_predictor){infos[i].stored.name, infos[i].document,
                                                        !infos[i].of_these_runs};
        else
            rc = note_unreadable(arena, notes, &infos[i], err);
    report->predictors = all;
    report->n_predictors = used;
    return rc;
}

int report_load_documents(struct wtl_campaign *c, const struct wtl_report_options *options,
                          struct wtl_arena *arena, struct report_notes *notes,
                          struct wtl_report *report, struct wtl_error *err)
{
    int rc = add_verdicts(c, options, arena, notes, report, err);
    return rc ? rc : add_predictors(c, options, arena, notes, report, err);
}
