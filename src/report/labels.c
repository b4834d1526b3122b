/* SPDX-License-Identifier: Apache-2.0
 * Greedy placement: candidates on rings around the anchor, then a grid over the whole plot; the
 * cheapest that meets the hard rules wins. */
#include "report/labels.h"

#include <math.h>

enum { ANGLES = 16, GRID = 24 };

struct search {
    const struct wtl_label *labels;
    size_t index; /* the label being placed; those before it stand */
    struct wtl_box plot;
    const struct wtl_box *data, *blocked;
    size_t n_data, n_blocked;
    double best_cost;
    struct wtl_box best;
};

bool wtl_box_overlap(struct wtl_box a, struct wtl_box b)
{
    return a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;
}

static bool allowed(const struct search *s, struct wtl_box box)
{
    if (box.x0 < s->plot.x0 || box.y0 < s->plot.y0 || box.x1 > s->plot.x1 || box.y1 > s->plot.y1)
        return false;
    struct wtl_box roomy = {box.x0 - 2, box.y0 - 1, box.x1 + 2, box.y1 + 1};
    for (size_t i = 0; i < s->n_blocked; i++)
        if (wtl_box_overlap(box, s->blocked[i]))
            return false;
    for (size_t i = 0; i < s->index; i++)
        if (s->labels[i].placed && wtl_box_overlap(roomy, s->labels[i].box))
            return false;
    /* The mark of any label, placed or not, stays visible. */
    for (size_t i = 0; i <= s->index; i++) {
        struct wtl_box mark = {s->labels[i].anchor_x - 4, s->labels[i].anchor_y - 4,
                               s->labels[i].anchor_x + 4, s->labels[i].anchor_y + 4};
        if (wtl_box_overlap(box, mark))
            return false;
    }
    return true;
}

/* From the box to what it speaks of: the line that a reader follows. */
static void leader(const struct wtl_label *l, struct wtl_box box, double *x, double *y)
{
    *x = fmin(fmax(l->anchor_x, box.x0), box.x1);
    *y = fmin(fmax(l->anchor_y, box.y0), box.y1);
}

bool wtl_leader_meets(const struct wtl_label *l, struct wtl_box from, struct wtl_box box)
{
    enum { STEPS = 24 };
    double x, y;
    leader(l, from, &x, &y);
    for (int i = 1; i < STEPS; i++) {
        double t = (double)i / STEPS;
        double px = x + t * (l->anchor_x - x), py = y + t * (l->anchor_y - y);
        if (px > box.x0 && px < box.x1 && py > box.y0 && py < box.y1)
            return true;
    }
    return false;
}

/* On which side of the line from (ax, ay) to (bx, by) the point lies. */
static double side(double ax, double ay, double bx, double by, double px, double py)
{
    return (bx - ax) * (py - ay) - (by - ay) * (px - ax);
}

static bool leaders_cross(const struct wtl_label *a, struct wtl_box from_a,
                          const struct wtl_label *b, struct wtl_box from_b)
{
    double ax, ay, bx, by;
    leader(a, from_a, &ax, &ay);
    leader(b, from_b, &bx, &by);
    return side(ax, ay, a->anchor_x, a->anchor_y, bx, by) *
                   side(ax, ay, a->anchor_x, a->anchor_y, b->anchor_x, b->anchor_y) <
               0 &&
           side(bx, by, b->anchor_x, b->anchor_y, ax, ay) *
                   side(bx, by, b->anchor_x, b->anchor_y, a->anchor_x, a->anchor_y) <
               0;
}

/* Labels that stand and that this one would be mixed up with: on the line of one, or lines that
 * cross. */
static int mixed_up(const struct search *s, struct wtl_box box)
{
    const struct wtl_label *l = &s->labels[s->index];
    int n = 0;
    for (size_t i = 0; i < s->index; i++) {
        const struct wtl_label *o = &s->labels[i];
        n += o->placed && (wtl_leader_meets(o, o->box, box) || wtl_leader_meets(l, box, o->box) ||
                           leaders_cross(l, box, o, o->box));
    }
    return n;
}

/* Distance from the anchor to the box, and what it would cover. A covered point costs as much as
 * 9 points of distance, a label that is mixed up with another as much as 150. */
static double cost_of(const struct search *s, struct wtl_box box)
{
    const struct wtl_label *l = &s->labels[s->index];
    double dx = fmax(fmax(box.x0 - l->anchor_x, l->anchor_x - box.x1), 0);
    double dy = fmax(fmax(box.y0 - l->anchor_y, l->anchor_y - box.y1), 0);
    double cost = hypot(dx, dy) + 150 * mixed_up(s, box);
    for (size_t i = 0; i < s->n_data && cost < s->best_cost; i++)
        if (wtl_box_overlap(box, s->data[i]))
            cost += 9;
    return cost;
}

static void consider(struct search *s, double x, double y)
{
    const struct wtl_label *l = &s->labels[s->index];
    struct wtl_box box = {x, y, x + l->width, y + l->height};
    double cost = cost_of(s, box);
    if (cost < s->best_cost && allowed(s, box)) {
        s->best_cost = cost;
        s->best = box;
    }
}

static void try_rings(struct search *s)
{
    static const double radii[] = {6, 9, 13, 18, 25, 34, 46, 60, 78, 100, 130};
    const struct wtl_label *l = &s->labels[s->index];
    for (size_t r = 0; r < sizeof radii / sizeof radii[0]; r++)
        for (int a = 0; a < ANGLES; a++) {
            double angle = 2 * 3.14159265358979323846 * a / ANGLES;
            double cx = cos(angle), cy = -sin(angle);
            /* The box touches the ring with the side that faces the anchor. */
            double x = l->anchor_x + radii[r] * cx + (cx - 1) * l->width / 2;
            double y = l->anchor_y + radii[r] * cy + (cy - 1) * l->height / 2;
            consider(s, x, y);
        }
}

static void try_grid(struct search *s)
{
    const struct wtl_label *l = &s->labels[s->index];
    double w = s->plot.x1 - s->plot.x0 - l->width, h = s->plot.y1 - s->plot.y0 - l->height;
    for (int i = 0; i <= GRID && w >= 0 && h >= 0; i++)
        for (int j = 0; j <= GRID; j++)
            consider(s, s->plot.x0 + w * i / GRID, s->plot.y0 + h * j / GRID);
}

void wtl_labels_place(struct wtl_label *labels, size_t n, struct wtl_box plot,
                      const struct wtl_box *data, size_t n_data, const struct wtl_box *blocked,
                      size_t n_blocked)
{
    for (size_t i = 0; i < n; i++) {
        struct search s = {.labels = labels,
                           .index = i,
                           .plot = plot,
                           .data = data,
                           .n_data = n_data,
                           .blocked = blocked,
                           .n_blocked = n_blocked,
                           .best_cost = HUGE_VAL};
        labels[i].placed = false;
        try_rings(&s);
        try_grid(&s);
        if (isfinite(s.best_cost)) {
            labels[i].box = s.best;
            labels[i].placed = true;
        }
    }
}
