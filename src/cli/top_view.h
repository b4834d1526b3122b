/* SPDX-License-Identifier: Apache-2.0
 *
 * Draws what `wattle top` knows onto a screen of cells, whatever its size, and leaves in the ui
 * what stands where. The same model, ui and size give the same cells.
 */
#ifndef WTL_CLI_TOP_VIEW_H
#define WTL_CLI_TOP_VIEW_H

#include "cli/top_draw.h"
#include "cli/top_ui.h"

void top_view(struct top_screen *s, const struct top_model *m, struct top_ui *ui);

/* The pieces; for top_view() and tests. */

/* "1", "0/1" (GPU/MIG instance; "-/1" where its GPU is not shown), "rapl:0": short, for lists. */
enum { TOP_LABEL = 16 };
const char *top_device_label(const struct top_model *m, int device, char buf[TOP_LABEL]);

/* "virtual", "recorded", "made to fail": what is not a real, whole board; "" for one. */
const char *top_device_marks(const struct top_device *d, char buf[64]);

/* "0:42", "1:02:03". */
const char *top_elapsed(int64_t ns, char buf[32]);

/* The pages beside the main one; they fill the screen above the key bar. */
void top_view_help(struct top_screen *s, struct top_ui *ui);
void top_view_details(struct top_screen *s, const struct top_model *m, struct top_ui *ui);

/* The list of processes in rows `row` .. `row + rows - 1`. */
void top_view_processes(struct top_screen *s, const struct top_model *m, struct top_ui *ui, int row,
                        int rows);

/* "198.3 W" and the like, or "-" where there is none. Return buf. */
enum { TOP_TEXT = 32 };
const char *top_watt(struct top_value v, char buf[TOP_TEXT]);
const char *top_joule(struct top_value v, char buf[TOP_TEXT]);
const char *top_percent(struct top_value v, char buf[TOP_TEXT]);
const char *top_mhz(struct top_value v, char buf[TOP_TEXT]);
const char *top_celsius(struct top_value v, char buf[TOP_TEXT]);
/* "12.3/40.0 GiB". */
const char *top_memory(struct top_value used, struct top_value total, char buf[TOP_TEXT]);
struct top_value top_memory_total(const struct top_device *d);

#endif
