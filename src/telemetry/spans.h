/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows that a program marks in itself, over a metering of its own: which are open, and what is
 * known of the moments at which they began. A mark that is taken at the moment itself says little,
 * and the readings behind it are forgotten after some seconds; so who keeps the spans tends them,
 * and marks become as good as they get.
 *
 * Names as in docs/markers.md: the same may be open several times, and the one that began last ends
 * first, in its thread where there is one. Any thread may call. Nothing is allocated after
 * wtl_spans_new().
 */
#ifndef WTL_TELEMETRY_SPANS_H
#define WTL_TELEMETRY_SPANS_H

#include "base/alloc.h"
#include "markers/line.h"
#include "telemetry/metering.h"

enum { WTL_SPANS_OPEN = 1024 };

struct wtl_span {
    char name[WTL_MARKER_NAME];
    int64_t t_ns, tid;
    bool settled; /* later readings will not change its marks */
    struct wtl_gauge_mark *mark;
};

struct wtl_spans;

/* metering NULL: names and times alone. It stays the caller's. */
int wtl_spans_new(struct wtl_arena *arena, struct wtl_metering *metering,
                  struct wtl_spans **spans_out, struct wtl_error *err);
void wtl_spans_fini(struct wtl_spans *spans);

/* False: WTL_SPANS_OPEN are open already. The name is valid (wtl_markers_name_valid()). */
bool wtl_spans_begin(struct wtl_spans *spans, const char *name, int64_t t_ns, int64_t tid);

/* Takes the window off the open ones; NULL: none of that name is open. It is the caller's until he
 * gives it back. */
struct wtl_span *wtl_spans_take(struct wtl_spans *spans, const char *name, int64_t tid);
void wtl_spans_give(struct wtl_spans *spans, struct wtl_span *span);

size_t wtl_spans_open(struct wtl_spans *spans);

/* Marks of open windows become better; ten times a second or so. */
void wtl_spans_tend(struct wtl_spans *spans, int64_t now_ns);

/* Whether the energy until t_ns is as good as it gets. */
bool wtl_spans_known(struct wtl_spans *spans, int64_t t_ns);

/* Energy on device `i` of a window that was taken, until t_ns, as far as it is known now. */
void wtl_spans_energy(struct wtl_spans *spans, const struct wtl_span *span, int64_t t_ns, size_t i,
                      struct wtl_energy *energy_out);

#endif
