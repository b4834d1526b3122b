/* SPDX-License-Identifier: Apache-2.0
 * Runs of a workload at one or a few clocks, from a campaign or from any file that can be imported.
 */
#include "flow/fit.h"

#include "base/file.h"
#include "base/temporary.h"
#include "flow/identity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int open_sets(const struct wtl_flow *flow, const char *path,
                     const struct wtl_import_options *import, const struct wtl_run_filter *filter,
                     struct wtl_arena *arena, struct wtl_workset **sets_out, size_t *n_out,
                     struct wtl_error *err)
{
    struct wtl_campaign *c = NULL;
    struct wtl_import_result imported;
    enum wtl_campaign_mode mode = import ? WTL_CAMPAIGN_CREATE : WTL_CAMPAIGN_READ;
    int rc = wtl_campaign_open(path, mode, flow->clock, &c, err);
    if (rc == 0 && import)
        rc = wtl_flow_import(flow, c, import, arena, &imported, err);
    if (rc == 0)
        rc = wtl_flow_worksets(flow, c, filter, arena, sets_out, n_out, err);
    wtl_campaign_close(c);
    return rc;
}

/* A file that is no campaign goes through one that lives as long as this call. */
static int import_sets(const struct wtl_flow *flow, const char *path,
                       const struct wtl_run_filter *filter, struct wtl_arena *arena,
                       struct wtl_workset **sets_out, size_t *n_out, struct wtl_error *err)
{
    const struct wtl_import_options import = {
        .paths = &path, .n_paths = 1, .gpu = filter->gpu, .workload = filter->workload};
    const char *base = getenv("TMPDIR");
    char dir[WTL_LIMIT_PATH], file[WTL_LIMIT_PATH + 20], journal[WTL_LIMIT_PATH + 40];
    if (snprintf(dir, sizeof dir, "%s/wattle-XXXXXX", base && *base ? base : "/tmp") >=
        (int)sizeof dir)
        return WTL_FAIL(err, WTL_LIMIT, "TMPDIR is too long");
    if (!mkdtemp(dir))
        return wtl_fail_errno(err, errno, "make", dir);
    snprintf(file, sizeof file, "%s/probe.wattle", dir);
    snprintf(journal, sizeof journal, "%s-journal", file);
    wtl_temporary_made(dir);
    wtl_temporary_made(file);
    wtl_temporary_made(journal);
    int rc = open_sets(flow, file, &import, filter, arena, sets_out, n_out, err);
    (void)unlink(file);
    (void)rmdir(dir);
    wtl_temporary_gone(journal);
    wtl_temporary_gone(file);
    wtl_temporary_gone(dir);
    return rc;
}

static void keep_clocks(struct wtl_workset *set, const struct wtl_clocks *at)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->n_runs; i++)
        if (wtl_clocks_contain(at, set->runs[i].clock_mhz))
            set->runs[kept++] = set->runs[i];
    set->n_runs = kept;
}

/* The set is judged as it was recorded, before clocks are picked out of it. */
static int make_probe(const struct wtl_workset *set, const struct wtl_clocks *at,
                      struct wtl_probe *probe, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    struct wtl_quality quality;
    *probe = (struct wtl_probe){.set = *set};
    int rc = wtl_judge_set(&scratch, set, &quality, err);
    if (rc == 0 && !quality.usable)
        snprintf(probe->unusable, sizeof probe->unusable, "%s", quality.reason);
    if (rc == 0 && at)
        keep_clocks(&probe->set, at);
    return rc;
}

int wtl_flow_probe(const struct wtl_flow *flow, const char *path, const char *gpu,
                   const char *workload, const struct wtl_clocks *at, struct wtl_arena *arena,
                   struct wtl_probe **probes_out, size_t *n_out, struct wtl_error *err)
{
    const struct wtl_run_filter filter = {.gpu = gpu, .workload = workload};
    struct wtl_workset *sets;
    size_t n = 0, kept = 0;
    bool campaign = false;
    int rc = wtl_campaign_detect(path, &campaign, err);
    if (rc == 0)
        rc = campaign ? open_sets(flow, path, NULL, &filter, arena, &sets, &n, err)
                      : import_sets(flow, path, &filter, arena, &sets, &n, err);
    if (rc < 0)
        return rc;
    struct wtl_probe *probes = WTL_NEW_ARRAY(arena, struct wtl_probe, n ? n : 1);
    if (!probes)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory reading a probe");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = make_probe(&sets[i], at, &probes[kept], err);
        kept += probes[kept].set.n_runs > 0;
    }
    if (rc < 0)
        return rc;
    if (kept == 0)
        return WTL_FAIL(err, WTL_NOTFOUND, "\"%s\" has no run of %s on %s%s", path,
                        workload ? workload : "any workload", gpu ? gpu : "any GPU",
                        at ? " at these clocks" : "");
    *probes_out = probes;
    *n_out = kept;
    return 0;
}

/* The rest of a source that a probe was picked from had no part in the prediction. */
static int name_runs(struct wtl_campaign *c, const struct wtl_probe *probes,
                     struct wtl_arena *arena, struct wtl_plan_file *file, struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < file->n_plans && rc == 0; i++) {
        rc = wtl_flow_made_from(c, arena, &probes[i].set, 1, &file->plans[i], err);
        file->plans[i].made_from.n_sources = 0;
    }
    return rc;
}

int wtl_flow_probe_origin(const struct wtl_flow *flow, const char *path,
                          const struct wtl_probe *probes, struct wtl_arena *arena,
                          struct wtl_plan_file *file, struct wtl_error *err)
{
    struct wtl_campaign *c = NULL;
    char fingerprint[65];
    bool campaign = false;
    int rc = wtl_campaign_detect(path, &campaign, err);
    if (rc < 0 || !campaign)
        return rc;
    rc = wtl_campaign_open(path, WTL_CAMPAIGN_READ, flow->clock, &c, err);
    rc = rc ? rc : wtl_campaign_fingerprint(c, fingerprint, err);
    rc = rc ? rc : name_runs(c, probes, arena, file, err);
    wtl_campaign_close(c);
    if (rc == 0 && !(file->fingerprint = wtl_arena_strdup(arena, fingerprint)))
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory reading a probe");
    return rc;
}
