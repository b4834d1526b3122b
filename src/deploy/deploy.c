/* SPDX-License-Identifier: Apache-2.0
 * Which plans are deployed, and the files on disk. */
#include "deploy/deploy.h"

#include "base/data.h"
#include "base/file.h"
#include "base/text.h"
#include "core/gpu_name.h"
#include "deploy/internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- What is deployed -------------------------------------------------------------------------*/

/* A name as part of a file name: letters, digits and '-' of its key. */
static void file_part(const char *name, char *buf, size_t size)
{
    char key[WTL_LIMIT_NAME];
    size_t n = 0;
    wtl_fold_name(name, key, sizeof key);
    for (const char *p = key; *p && n + 1 < size; p++)
        if (isalnum((unsigned char)*p) || (*p == '-' && n))
            buf[n++] = *p;
    buf[n] = '\0';
}

/* "wattle-a100-stablediffusion", "wattle-a100-resnet50-fp16batch8"; unlike the names before it. */
static void choose_name(const struct wtl_deployment *d, struct wtl_deploy_item *item)
{
    char gpu[WTL_LIMIT_NAME], workload[WTL_LIMIT_NAME], base[WTL_DEPLOY_NAME];
    char at[WTL_LIMIT_NAME], text[WTL_CONFIGURATION_TEXT];
    file_part(item->plan->gpu, gpu, sizeof gpu);
    file_part(item->plan->workload, workload, sizeof workload);
    file_part(wtl_configuration_format(&item->plan->at, text), at, sizeof at);
    if (at[0])
        snprintf(base, sizeof base, "wattle-%.12s-%.14s-%.24s", gpu[0] ? gpu : "gpu",
                 workload[0] ? workload : "workload", at);
    else
        snprintf(base, sizeof base, "wattle-%.20s-%.24s", gpu[0] ? gpu : "gpu",
                 workload[0] ? workload : "workload");
    memcpy(item->name, base, sizeof base);
    int serial = 1;
    for (const struct wtl_deploy_item *other = d->items; other < item;)
        if (strcmp(other->name, item->name) == 0) {
            snprintf(item->name, sizeof item->name, "%.52s-%d", base, ++serial % 100000);
            other = d->items;
        } else {
            other++;
        }
}

/* The board of a plan, when its name says so and its clocks fit. */
static const struct wtl_board *board_of(struct wtl_arena *arena, const struct wtl_plan *plan,
                                        const struct wtl_board *boards, size_t n_boards)
{
    /* A board that the runs named is that board, or an unknown one. */
    const char *name = plan->made_from.board[0] ? plan->made_from.board : plan->gpu;
    const struct wtl_board *board = wtl_board_find(boards, n_boards, name);
    int *mhz = WTL_NEW_ARRAY(arena, int, plan->n_curve + 1);
    if (!board || !mhz)
        return NULL;
    for (size_t i = 0; i < plan->n_curve; i++)
        mhz[i] = plan->curve[i].clock_mhz;
    struct wtl_clocks clocks = {mhz, plan->n_curve};
    return plan->n_curve == 0 || wtl_board_fits(board, &clocks) ? board : NULL;
}

static bool illegal_in_curve(const struct wtl_plan *plan)
{
    for (size_t i = 0; i < plan->n_curve; i++)
        if (plan->curve[i].clock_mhz == plan->clock_mhz)
            return !plan->curve[i].legal;
    return false;
}

/* The note that says why a plan is not ok, without its "Undecided: "; else the first one. */
static const char *status_note(const struct wtl_plan *p)
{
    static const char lead[] = "Undecided: ";
    for (size_t i = 0; i < p->n_notes; i++)
        if (wtl_starts_with(p->notes[i], lead))
            return p->notes[i] + strlen(lead);
    return p->n_notes ? p->notes[0] : "the plan has no clock";
}

/* "2x A100", "A100 + V100": decided for together. */
static bool of_several_boards(const struct wtl_plan *plan)
{
    return wtl_gpu_count(plan->gpu) > 1 || strstr(plan->gpu, " + ");
}

/* Why a plan cannot be deployed; "" when it can. */
static void judge(struct wtl_deploy_item *item, const struct wtl_board *board,
                  const struct wtl_deploy_options *options)
{
    const int memory_clock_mhz = options->memory_clock_mhz;
    const struct wtl_plan *p = item->plan;
    char *why = item->left_out;
    size_t size = sizeof item->left_out;
    if (p->status == WTL_PLAN_INFEASIBLE)
        snprintf(why, size, "infeasible: %s",
                 p->binding[0] ? p->binding
                               : "no clock meets the "
                                 "limits");
    else if (p->status != WTL_PLAN_OK)
        snprintf(why, size, "%s: %.150s", wtl_plan_status_name(p->status), status_note(p));
    else if (p->baseline_kind == WTL_BASELINE_REP)
        snprintf(why, size, "made by the published method, for comparison only");
    else if (illegal_in_curve(p))
        snprintf(why, size, "the plan's own curve says that %d MHz is no clock of this GPU",
                 p->clock_mhz);
    else if (board && !wtl_clocks_contain(&board->clocks, p->clock_mhz))
        snprintf(why, size, "%d MHz is no clock of %s", p->clock_mhz, board->name);
    else if (board && memory_clock_mhz && !board->locks_memory_clock)
        snprintf(why, size, "%s cannot lock its memory clock (Ampere and later can)", board->name);
    else if (options->without_wattle && of_several_boards(p))
        snprintf(why, size,
                 "the plan is for several boards together, and the script knows single ones: use "
                 "wattle apply PLAN, or deploy without --without-wattle");
}

/* ---- What is not set --------------------------------------------------------------------------*/

/* Memory clocks that differ between the plans of a workload are part of them; one that all have is
 * what was there. */
static bool differs_in_memory(const struct wtl_plan_file *file, const struct wtl_plan *plan)
{
    for (size_t i = 0; i < file->n_plans; i++)
        if (wtl_same_name(file->plans[i].gpu, plan->gpu) &&
            wtl_same_name(file->plans[i].workload, plan->workload) &&
            file->plans[i].at.mem_clock_mhz != plan->at.mem_clock_mhz)
            return true;
    return false;
}

/* The units with Wattle set the power limit as well (flow/apply.h), the script sets clocks alone.
 */
static void say_by_hand(const struct wtl_deployment *d, struct wtl_deploy_item *item)
{
    struct wtl_configuration rest = item->plan->at;
    const bool limited = wtl_point_has(&rest.point, WTL_SETTING_limit_w);
    char text[WTL_CONFIGURATION_TEXT], limit[40] = "";
    rest.point.valid &= ~(UINT32_C(1) << WTL_SETTING_limit_w);
    if (!differs_in_memory(d->file, item->plan) ||
        rest.mem_clock_mhz == d->options->memory_clock_mhz)
        rest.mem_clock_mhz = 0;
    if (limited && d->options->without_wattle)
        snprintf(limit, sizeof limit, "power limit %.6g W",
                 item->plan->at.point.value[WTL_SETTING_limit_w]);
    wtl_configuration_format(&rest, text);
    snprintf(item->by_hand, sizeof item->by_hand, "%s%s%s", limit, limit[0] && text[0] ? ", " : "",
             text);
}

static bool is_at(const struct wtl_plan *p, const struct wtl_point_choice *c)
{
    const struct wtl_measured_point *point = &c->points[c->chosen];
    return wtl_same_name(p->gpu, c->gpu) && wtl_same_name(p->workload, c->workload) &&
           p->clock_mhz == point->clock_mhz && wtl_configuration_compare(&p->at, &point->at) == 0;
}

/* Marks the deployed plan that is at the chosen point; false: there is none. */
static bool mark_deployed(struct wtl_deployment *d, const struct wtl_point_choice *c)
{
    bool any = false;
    for (size_t i = 0; i < d->n_items && c->status == WTL_PLAN_OK && c->chosen >= 0 && !any; i++)
        if (!d->items[i].left_out[0] && is_at(d->items[i].plan, c))
            any = d->items[i].is_point = true;
    return any;
}

static void judge_point(struct wtl_deploy_point *point)
{
    const struct wtl_point_choice *c = point->choice;
    char text[WTL_MEASURED_POINT_TEXT];
    if (c->status != WTL_PLAN_OK || c->chosen < 0) {
        snprintf(point->left_out, sizeof point->left_out, "no operating point was chosen: %s%s%s",
                 wtl_plan_status_name(c->status), c->binding[0] ? ", " : "", c->binding);
        return;
    }
    const struct wtl_measured_point *p = &c->points[c->chosen];
    const bool knobs = p->clock_mhz || wtl_point_has(&p->at.point, WTL_SETTING_limit_w);
    snprintf(point->left_out, sizeof point->left_out,
             knobs
                 ? "the chosen operating point, %s, is not deployed: use wattle apply PLAN --point"
                 : "nothing of the chosen operating point is a clock or a power limit: start the "
                   "workload with %s",
             wtl_measured_point_format(p, text));
}

static int select_points(struct wtl_arena *arena, struct wtl_deployment *d, struct wtl_error *err)
{
    d->points = WTL_NEW_ARRAY(arena, struct wtl_deploy_point, d->file->n_choices + 1);
    if (!d->points)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < d->file->n_choices; i++) {
        if (mark_deployed(d, &d->file->choices[i]))
            continue;
        struct wtl_deploy_point *point = &d->points[d->n_points++];
        point->choice = &d->file->choices[i];
        judge_point(point);
    }
    return 0;
}

int wtl_deploy_select(struct wtl_arena *arena, const struct wtl_plan_file *file,
                      const struct wtl_board *boards, size_t n_boards, struct wtl_clock clock,
                      const struct wtl_deploy_options *options, struct wtl_deployment *out,
                      struct wtl_error *err)
{
    struct wtl_deployment d = {.file = file, .options = options, .n_items = file->n_plans};
    d.items = WTL_NEW_ARRAY(arena, struct wtl_deploy_item, file->n_plans + 1);
    if (!d.items)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (options->program[0] != '/' && !options->without_wattle)
        return WTL_FAIL(err, WTL_USAGE, "the program \"%s\" is not an absolute path",
                        options->program);
    wtl_format_utc(clock.wall_ns(clock.ctx), d.generated, sizeof d.generated);
    for (size_t i = 0; i < file->n_plans; i++) {
        struct wtl_deploy_item *item = &d.items[i];
        item->plan = &file->plans[i];
        choose_name(&d, item);
        judge(item, board_of(arena, item->plan, boards, n_boards), options);
        if (!item->left_out[0])
            say_by_hand(&d, item);
        d.n_deployed += !item->left_out[0];
    }
    int rc = select_points(arena, &d, err);
    if (rc == 0)
        *out = d;
    return rc;
}

/* ---- Files ------------------------------------------------------------------------------------*/

struct writing {
    struct wtl_arena *arena;
    const struct wtl_deployment *d;
    struct wtl_file_set *set;
    struct wtl_buf text;
};

static int save(struct writing *w, const char *folder, const char *name, unsigned mode,
                struct wtl_error *err)
{
    char *dir = wtl_path_join(w->arena, w->d->options->dir, folder);
    char *path = dir ? wtl_path_join(w->arena, dir, name) : NULL;
    if (!path || w->text.failed)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_file_set_add_dir(w->set, dir, err);
    if (rc == 0)
        rc = wtl_file_set_add(w->set, path, wtl_buf_str(&w->text), w->text.len, mode, err);
    wtl_buf_clear(&w->text);
    return rc;
}

static int load_template(struct wtl_arena *arena, const char *name, char **text_out,
                         struct wtl_error *err)
{
    char *path;
    size_t size;
    int rc = wtl_data_path(arena, name, &path, err);
    return rc < 0 ? rc : wtl_file_read(arena, path, 1 << 20, text_out, &size, err);
}

static int write_shell(struct writing *w, struct wtl_error *err)
{
    char *script, *installer;
    int rc = load_template(w->arena, "deploy/clocks.sh", &script, err);
    if (rc == 0)
        rc = load_template(w->arena, "deploy/install.sh", &installer, err);
    if (rc == 0 && w->d->options->without_wattle) {
        rc = wtl_deploy_script(w->d, script, &w->text, err);
        if (rc == 0)
            rc = save(w, ".", "clocks.sh", 0777, err);
    }
    if (rc == 0)
        rc = wtl_deploy_installer(w->d, installer, &w->text, err);
    return rc < 0 ? rc : save(w, ".", "install.sh", 0777, err);
}

/* The unit of one plan, and for `wattle apply` a PLAN file with that plan alone. */
static int write_item(struct writing *w, const struct wtl_deploy_item *item, struct wtl_error *err)
{
    char name[WTL_DEPLOY_NAME + 16];
    int rc = 0;
    if (!w->d->options->without_wattle) {
        struct wtl_plan_file one = *w->d->file;
        struct wtl_plan plan = *item->plan;
        one.plans = &plan;
        one.n_plans = 1;
        rc = wtl_plan_file_text(&one, &w->text, err);
        snprintf(name, sizeof name, "%s.json", item->name);
        if (rc == 0)
            rc = save(w, "plans", name, 0666, err);
    }
    if (rc < 0)
        return rc;
    wtl_deploy_unit(w->d, item, &w->text);
    snprintf(name, sizeof name, "%s.service", item->name);
    return save(w, "systemd", name, 0666, err);
}

/* A folder with files in it and no production.json is somebody else's. */
struct look {
    bool any, ours;
    size_t root;
};

static int look_at(void *ctx, const char *path, int64_t size, struct wtl_error *err)
{
    struct look *look = ctx;
    (void)size;
    (void)err;
    /* Killed while it wrote, a deployment leaves production.json under a temporary name. */
    if (strlen(path) > look->root && wtl_starts_with(path + look->root, "/production.json"))
        look->ours = true;
    else if (!wtl_ends_with(path, ".part"))
        look->any = true;
    return 0;
}

static int check_folder(const char *dir, struct wtl_error *err)
{
    struct look look = {.root = strlen(dir)};
    while (look.root > 1 && dir[look.root - 1] == '/')
        look.root--;
    struct stat st;
    if (stat(dir, &st) != 0)
        return errno == ENOENT ? 0 : wtl_fail_errno(err, errno, "look at", dir);
    if (!S_ISDIR(st.st_mode))
        return WTL_FAIL(err, WTL_USAGE, "\"%s\" is not a folder", dir);
    int rc = wtl_walk(dir, look_at, &look, err);
    if (rc < 0)
        return rc;
    if (look.any && !look.ours) {
        rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" holds files that are no deployment of ours", dir);
        wtl_error_hint(err, "name a new folder");
        return rc;
    }
    return 0;
}

/* Units, plans and scripts of an earlier deployment that this one does not have. */
static int remove_stale(void *ctx, const char *path, int64_t size, struct wtl_error *err)
{
    struct writing *w = ctx;
    const char *base = wtl_path_base(path);
    char file[WTL_DEPLOY_NAME + 16];
    (void)size;
    bool unit = wtl_ends_with(base, ".service"), plan = wtl_ends_with(base, ".json");
    if (!wtl_starts_with(base, "wattle-") || (!unit && !plan))
        return 0;
    for (size_t i = 0; i < w->d->n_items; i++) {
        const struct wtl_deploy_item *item = &w->d->items[i];
        snprintf(file, sizeof file, "%s%s", item->name, unit ? ".service" : ".json");
        if (!item->left_out[0] && (unit || !w->d->options->without_wattle) &&
            strcmp(base, file) == 0)
            return 0;
    }
    return wtl_file_set_remove(w->set, path, err);
}

static int remove_all_stale(struct writing *w, struct wtl_error *err)
{
    static const char *const folders[] = {"systemd", "plans"};
    for (size_t i = 0; i < 2; i++) {
        char *dir = wtl_path_join(w->arena, w->d->options->dir, folders[i]);
        if (!dir)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        if (access(dir, F_OK) != 0)
            continue;
        int rc = wtl_walk(dir, remove_stale, w, err);
        if (rc < 0)
            return rc;
    }
    static const char *const scripts[] = {"clocks.sh", "install.sh"};
    for (size_t i = 0; i < 2; i++) {
        char *path = wtl_path_join(w->arena, w->d->options->dir, scripts[i]);
        if (!path)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        bool wanted = w->d->n_deployed && (i == 1 || w->d->options->without_wattle);
        int rc = wanted ? 0 : wtl_file_set_remove(w->set, path, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int write_all(struct writing *w, struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < w->d->n_items && rc == 0; i++)
        if (!w->d->items[i].left_out[0])
            rc = write_item(w, &w->d->items[i], err);
    if (rc == 0 && w->d->n_deployed)
        rc = write_shell(w, err);
    if (rc == 0) {
        wtl_deploy_readme(w->d, &w->text);
        rc = save(w, ".", "DEPLOY.md", 0666, err);
    }
    if (rc == 0)
        rc = wtl_deploy_production(w->d, &w->text, err);
    if (rc == 0)
        rc = save(w, ".", "production.json", 0666, err);
    return rc < 0 ? rc : remove_all_stale(w, err);
}

int wtl_deploy_add(struct wtl_arena *arena, const struct wtl_deployment *d,
                   struct wtl_file_set *set, struct wtl_error *err)
{
    int rc = check_folder(d->options->dir, err);
    if (rc < 0)
        return rc;
    struct writing w = {.arena = arena, .d = d, .set = set};
    wtl_buf_init(&w.text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    rc = write_all(&w, err);
    wtl_buf_fini(&w.text);
    return rc;
}
