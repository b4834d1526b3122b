/* SPDX-License-Identifier: Apache-2.0
 * What an import came to, as JSON. */
#include "codec/json.h"
#include "flow/flow.h"

static json_t *json_of_drops(const struct wtl_import_result *r)
{
    json_t *drops = json_object();
    for (int d = 0; d < (int)WTL_N_DROPS; d++)
        if (r->dropped[d])
            wtl_json_put(&drops, wtl_drop_name((enum wtl_drop)d), json_integer(r->dropped[d]));
    return drops;
}

static json_t *json_of_sets(const struct wtl_import_result *r)
{
    json_t *sets = json_array();
    for (size_t i = 0; i < r->n_sets; i++)
        wtl_json_add(&sets, json_pack("{s:o, s:o, s:I}", "gpu", wtl_json_text(r->sets[i].gpu),
                                      "workload", wtl_json_text(r->sets[i].workload), "runs",
                                      (json_int_t)r->sets[i].runs));
    return sets;
}

static json_t *json_of_notes(const struct wtl_import_result *r)
{
    json_t *notes = json_array();
    for (size_t i = 0; i < r->n_notes; i++)
        wtl_json_add(&notes,
                     json_pack("{s:o, s:o, s:b}", "path", wtl_json_text(r->notes[i].path), "text",
                               wtl_json_text(r->notes[i].text), "failed", r->notes[i].failed));
    return notes;
}

json_t *wtl_import_json(const struct wtl_import_result *r, const char *campaign)
{
    return json_pack(
        "{s:o, s:{s:I, s:I, s:I, s:I, s:I}, s:I, s:{s:I, s:I, s:o}, s:{s:I, s:I},"
        " s:{s:I, s:I, s:I, s:I}, s:o, s:s, s:o}",
        "campaign", wtl_json_text(campaign), "files", "read", (json_int_t)r->files_read, "known",
        (json_int_t)r->files_known, "outputs", (json_int_t)r->files_outputs, "other",
        (json_int_t)r->files_other, "failed", (json_int_t)r->files_failed, "bytes",
        (json_int_t)r->bytes, "rows", "read", (json_int_t)r->rows, "dropped",
        (json_int_t)r->rows_dropped, "dropped_by_cause", json_of_drops(r), "cells", "read",
        (json_int_t)r->cells, "missing", (json_int_t)r->cells_missing, "runs", "added",
        (json_int_t)r->runs_added, "updated", (json_int_t)r->runs_updated, "duplicate",
        (json_int_t)r->runs_duplicate, "without_clock", (json_int_t)r->runs_without_clock, "sets",
        json_of_sets(r), "unknown_columns", r->unknown_columns, "notes", json_of_notes(r));
}
