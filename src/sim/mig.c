/* SPDX-License-Identifier: Apache-2.0
 * MIG: sizes of instances, where they may lie, setting them up. */
#include "sim/mig.h"

#include "sim/engine.h"

#include <stdio.h>
#include <string.h>

const struct wtl_sim_mig_profile *wtl_sim_mig_profile(const struct wtl_sim_board *board, int id)
{
    for (int i = 0; i < board->n_mig; i++)
        if (board->mig[i].id == id)
            return &board->mig[i];
    return NULL;
}

int wtl_sim_mig_starts(const struct wtl_sim_board *board, const struct wtl_sim_mig_profile *profile,
                       int starts_out[WTL_SIM_EIGHTHS])
{
    int n = 0;
    for (int start = 0; start + profile->eighths <= WTL_SIM_EIGHTHS; start += profile->eighths)
        if (start + profile->slices <= board->mig_slices)
            starts_out[n++] = start;
    return n;
}

/* A set of instances: where each lies, and which eighths are taken. */
struct layout {
    const struct wtl_sim_board *board;
    const struct wtl_sim_mig_profile *profiles[WTL_SIM_INSTANCES];
    int starts[WTL_SIM_INSTANCES];
    int n;
};

/* A bit for each eighth. */
static unsigned eighths_at(int eighths, int start)
{
    return ((1u << eighths) - 1) << start;
}

/* Places instances from number i on in what `taken` leaves: the first way that there is. At most 7
 * instances with at most 7 places each, and every level takes an eighth away. */
static bool place_from(struct layout *l, int i, unsigned taken)
{
    int starts[WTL_SIM_EIGHTHS];
    if (i == l->n)
        return true;
    const int n = wtl_sim_mig_starts(l->board, l->profiles[i], starts);
    for (int k = 0; k < n; k++) {
        const unsigned mine = eighths_at(l->profiles[i]->eighths, starts[k]);
        l->starts[i] = starts[k];
        if (!(taken & mine) && place_from(l, i + 1, taken | mine))
            return true;
    }
    return false;
}

/* Engines for media (video, JPEG) exist once in a board's worth of small instances. */
static bool media_once(const struct layout *l)
{
    int n = 0;
    for (int i = 0; i < l->n; i++)
        n += l->profiles[i]->media;
    return n <= 1;
}

static bool place(struct layout *l)
{
    return media_once(l) && place_from(l, 0, 0);
}

/* "1g.5gb, 2g.10gb": all that fit beside the first n of a layout. */
static void list_fitting(const struct layout *l, char *buf, size_t size)
{
    size_t used = 0;
    buf[0] = '\0';
    for (int i = 0; i < l->board->n_mig && l->n < WTL_SIM_INSTANCES; i++) {
        struct layout more = *l;
        more.profiles[more.n++] = &l->board->mig[i];
        if (place(&more) && used < size)
            used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
                                     l->board->mig[i].name);
    }
}

/* The first instance that has no place beside those before it, and what would have. */
static int no_place(const struct layout *whole, struct wtl_error *err)
{
    char before[160] = "", fitting[200];
    size_t used = 0;
    struct layout l = *whole;
    for (l.n = 1; l.n < whole->n && place(&l); l.n++)
        used += (size_t)snprintf(before + used, sizeof before - used, "%s%s", used ? ", " : "",
                                 l.profiles[l.n - 1]->name);
    const char *name = l.profiles[--l.n]->name;
    int rc =
        WTL_FAIL(err, WTL_USAGE, "%s has no place for %s beside %s", l.board->name, name, before);
    list_fitting(&l, fitting, sizeof fitting);
    if (fitting[0])
        wtl_error_hint(err, "beside %s fit %s", before, fitting);
    else
        wtl_error_hint(err, "beside %s nothing fits", before);
    return rc;
}

static int unknown_profile(const struct wtl_sim_board *board, int id, struct wtl_error *err)
{
    char names[200] = "";
    size_t used = 0;
    for (int i = 0; i < board->n_mig && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s (%d)", used ? ", " : "",
                                 board->mig[i].name, board->mig[i].id);
    int rc = WTL_FAIL(err, WTL_USAGE, "%s has no MIG profile %d", board->name, id);
    wtl_error_hint(err, "it has %s", names);
    return rc;
}

static int make_layout(const struct wtl_sim_board *board, const int *ids, int n, struct layout *out,
                       struct wtl_error *err)
{
    if (n < 0 || n > WTL_SIM_INSTANCES)
        return WTL_FAIL(err, WTL_USAGE, "%d MIG instances: %s has at most %d", n, board->name,
                        board->mig_slices);
    *out = (struct layout){.board = board, .n = n};
    for (int i = 0; i < n; i++) {
        out->profiles[i] = wtl_sim_mig_profile(board, ids[i]);
        if (!out->profiles[i])
            return unknown_profile(board, ids[i], err);
    }
    return place(out) ? 0 : no_place(out, err);
}

int wtl_sim_mig_free(const struct wtl_sim_gpu *gpu, const struct wtl_sim_mig_profile *profile)
{
    unsigned taken = 0;
    bool media = false;
    int starts[WTL_SIM_EIGHTHS], n = 0;
    for (int i = 0; i < gpu->n_instances; i++) {
        const struct wtl_sim_instance *there = &gpu->instances[i];
        const struct wtl_sim_mig_profile *p = wtl_sim_mig_profile(&gpu->board, there->profile_id);
        taken |= eighths_at(there->eighths, there->start);
        media = media || (p && p->media);
    }
    const int places = wtl_sim_mig_starts(&gpu->board, profile, starts);
    for (int i = 0; i < places; i++)
        n += !(taken & eighths_at(profile->eighths, starts[i]));
    return profile->media ? n > 0 && !media : n;
}

/* NVML numbers GPU instances by their size and place; here simply 1, 2, ... */
static void make_instance(const struct layout *l, int i, struct wtl_sim_instance *out)
{
    const struct wtl_sim_mig_profile *p = l->profiles[i];
    *out = (struct wtl_sim_instance){.gpu_instance = i + 1,
                                     .compute_instance = 0,
                                     .profile_id = p->id,
                                     .slices = p->slices,
                                     .start = l->starts[i],
                                     .eighths = p->eighths,
                                     .n_sm = p->n_sm,
                                     .vram_mib = p->vram_mib};
    memcpy(out->profile, p->name, sizeof p->name);
}

int wtl_sim_set_mig(struct wtl_sim_gpu *gpu, const int *ids, int n, struct wtl_error *err)
{
    struct layout l;
    if (gpu->lost)
        return WTL_FAIL(err, WTL_LOST, "GPU %d is lost", gpu->index);
    if (!(gpu->board.capabilities & WTL_SIM_MIG))
        return WTL_FAIL(err, WTL_UNSUPPORTED, "%s has no MIG", gpu->board.name);
    int rc = make_layout(&gpu->board, ids, n, &l, err);
    if (rc)
        return rc;
    if (gpu->n_slots > 0) {
        rc = WTL_FAIL(err, WTL_BUSY, "GPU %d has %d process%s; MIG is set up on a GPU without any",
                      gpu->index, gpu->n_slots, gpu->n_slots == 1 ? "" : "es");
        wtl_error_hint(err, "end them first (wattle sim unload -i %d)", gpu->index);
        return rc;
    }
    gpu->mig = n > 0;
    gpu->n_instances = n;
    for (int i = 0; i < n; i++)
        make_instance(&l, i, &gpu->instances[i]);
    return 0;
}
