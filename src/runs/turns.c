/* SPDX-License-Identifier: Apache-2.0
 *
 * Two GPUs in one stream. */
#include "runs/turns.h"

#include "runs/energy.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A garbled cell opens a track of its own, but it neither stays nor grows. */
static const int64_t grown_min = 2, switches_min = 4;

/* Counters of two GPUs are no nearer than this; readings of one that come late are. */
static const double apart_min_j = 1000;

/* Of alternating rows: near sum over far sum, the jump over the mean level, and how many. */
static const double near_over_far = 3, jump_min = 0.1;
static const int64_t alternating_min = 40;

void wtl_turns_begin(struct wtl_turns *t)
{
    memset(t, 0, sizeof *t);
}

static bool continues(const struct wtl_track *k, double value_j)
{
    return value_j >= k->last_j && value_j - k->last_j <= WTL_COUNTER_JUMP_MAX_J;
}

/* The track that a value continues, the nearest below it; a new one where there is none; -1 where
 * there is no room for one. */
static int find_track(struct wtl_turns *t, double value_j)
{
    int best = -1;
    for (int i = 0; i < t->n_tracks; i++)
        if (continues(&t->track[i], value_j) &&
            (best < 0 || t->track[i].last_j > t->track[best].last_j))
            best = i;
    if (best >= 0 || t->n_tracks == WTL_TURNS_TRACKS)
        return best;
    t->track[t->n_tracks] = (struct wtl_track){.last_j = value_j};
    return t->n_tracks++;
}

void wtl_turns_counter(struct wtl_turns *t, const double *value_j, int n)
{
    for (int i = 0; i < n; i++) {
        bool alone = t->n_tracks == 1 && continues(&t->track[0], value_j[i]);
        int at = alone ? 0 : find_track(t, value_j[i]);
        if (at < 0)
            continue;
        struct wtl_track *k = &t->track[at];
        k->grown += value_j[i] > k->last_j;
        k->last_j = value_j[i];
        k->rows++;
        t->switches += at != t->current;
        t->current = at;
    }
}

void wtl_alternation_add(struct wtl_alternation *a, const double *x, int n)
{
    double last = a->last, before = a->before, near = 0, far = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        near += a->n + i >= 2 ? fabs(x[i] - last) : 0;
        far += a->n + i >= 2 ? fabs(x[i] - before) : 0;
        sum += x[i];
        before = last;
        last = x[i];
    }
    a->near += near;
    a->far += far;
    a->sum += sum;
    a->last = last;
    a->before = before;
    a->n += n;
}

/* `jump`: least mean change from row to row, over the mean level. */
static bool alternates(const struct wtl_alternation *a, double jump)
{
    double level = fabs(a->sum) / fmax((double)a->n, 1);
    return a->n >= alternating_min && a->near > near_over_far * a->far &&
           a->near > jump * level * (double)a->n;
}

static const struct wtl_track *second_track(const struct wtl_turns *t, int *first_out)
{
    int first = 0, second = -1;
    for (int i = 1; i < t->n_tracks; i++)
        if (t->track[i].rows > t->track[first].rows)
            first = i;
    for (int i = 0; i < t->n_tracks; i++)
        if (i != first && (second < 0 || t->track[i].rows > t->track[second].rows))
            second = i;
    *first_out = first;
    return second < 0 ? NULL : &t->track[second];
}

static bool two_counters(const struct wtl_turns *t, char *text, size_t size)
{
    int first = 0;
    const struct wtl_track *b = second_track(t, &first);
    const struct wtl_track *a = &t->track[first];
    if (!b || b->grown < grown_min || t->switches < switches_min ||
        fabs(a->last_j - b->last_j) < apart_min_j)
        return false;
    snprintf(text, size,
             "two energy counters take turns, %" PRId64 " rows up to %.0f J and %" PRId64
             " rows up to %.0f J: two jobs in one file",
             a->rows, a->last_j, b->rows, b->last_j);
    return true;
}

bool wtl_turns_found(const struct wtl_turns *t, char *text, size_t size)
{
    if (two_counters(t, text, size))
        return true;
    if (!alternates(&t->power, jump_min) ||
        !(alternates(&t->temp, jump_min) || alternates(&t->memory, jump_min) ||
          alternates(&t->gap, 2 * jump_min)))
        return false;
    double level_w = t->power.sum / (double)t->power.n;
    double half_w = 0.5 * t->power.near / (double)t->power.n;
    snprintf(text, size, "rows of about %.0f W and %.0f W take turns: two GPUs in one file",
             level_w + half_w, level_w - half_w);
    return true;
}
