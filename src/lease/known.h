/* SPDX-License-Identifier: Apache-2.0
 *
 * What the book knows of knobs that no device reports (NVML has no getter of clock locks): what was
 * set last by a lease of ours under this boot and driver load. Others may have set it since, so
 * that whoever shows it says that it is our record.
 */
#ifndef WTL_LEASE_KNOWN_H
#define WTL_LEASE_KNOWN_H

#include "lease/book.h"

struct wtl_known_set {
    int64_t lease;
    bool open; /* that lease still holds the knob */
    struct wtl_knob_value value;
};

/* `entries` as wtl_book_list() gives them, by number. The last set of the knob of the device `id`
 * under `epoch`; false: none is known, or the record of the last is damaged. */
bool wtl_book_last_set(const struct wtl_book_entry *entries, size_t n, const char *id,
                       const char *epoch, enum wtl_knob knob, struct wtl_known_set *out);

/* The book as it is, to look at; without one: 0 entries. As wtl_book_open_to_read(),
 * wtl_book_list(). */
int wtl_book_look(const char *state_dir, struct wtl_arena *arena,
                  struct wtl_book_entry **entries_out, size_t *n_out, struct wtl_error *err);

#endif
