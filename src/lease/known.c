/* SPDX-License-Identifier: Apache-2.0
 * What the book knows of knobs. */
#include "lease/known.h"

#include <string.h>

bool wtl_book_last_set(const struct wtl_book_entry *entries, size_t n, const char *id,
                       const char *epoch, enum wtl_knob knob, struct wtl_known_set *out)
{
    struct wtl_known_set last = {0};
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        const struct wtl_lease_record *r = &entries[i].record;
        for (size_t k = 0; !entries[i].unreadable && k < r->n_knobs; k++) {
            const struct wtl_lease_knob_record *set = &r->knobs[k];
            if (set->knob != knob || (set->seq == 0 && !set->damaged) ||
                strcmp(set->device, id) != 0 || strcmp(set->epoch, epoch) != 0)
                continue; /* entries ascend by number: the clock of the machine may be set at will
                           */
            found = !set->damaged;
            last = (struct wtl_known_set){r->id, wtl_book_entry_is_open(&entries[i]), set->wanted};
        }
    }
    if (found)
        *out = last;
    return found;
}

int wtl_book_look(const char *state_dir, struct wtl_arena *arena,
                  struct wtl_book_entry **entries_out, size_t *n_out, struct wtl_error *err)
{
    struct wtl_book book = {.dir_fd = -1, .locks_fd = -1, .lock_fd = -1};
    struct wtl_error why = {0};
    int rc = wtl_book_open_to_read(state_dir, &book, &why);
    if (rc == -(int)WTL_NOTFOUND) {
        *entries_out = NULL;
        *n_out = 0;
        return 0;
    }
    if (rc < 0) {
        if (err)
            *err = why;
        return rc;
    }
    rc = wtl_book_list(&book, arena, entries_out, n_out, err);
    wtl_book_close(&book);
    return rc;
}
