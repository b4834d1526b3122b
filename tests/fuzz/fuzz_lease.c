/* SPDX-License-Identifier: Apache-2.0
 * Journals of leases: what is read is written as something that reads back to the same text. */
#include "fuzz/fuzz.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease/journal.h"

enum { TAIL = sizeof ",\"sum\":\"0123456789abcdef\"}" - 1 };

/* Gives every line its right sum: else nothing that was changed would be looked at. */
static void seal(char *text, size_t size)
{
    for (size_t at = 0, next; at < size; at = next) {
        const char *end = memchr(text + at, '\n', size - at);
        next = end ? (size_t)(end - text) + 1 : size;
        size_t n = next - at;
        while (n > 0 && (text[at + n - 1] == ' ' || text[at + n - 1] == '\n'))
            n--;
        if (n <= TAIL)
            continue;
        char tail[TAIL + 1];
        uint64_t sum = UINT64_C(0xcbf29ce484222325);
        for (size_t i = 0; i < n - TAIL; i++)
            sum = (sum ^ (unsigned char)text[at + i]) * UINT64_C(0x100000001b3);
        snprintf(tail, sizeof tail, ",\"sum\":\"%016" PRIx64 "\"}", sum);
        memcpy(text + at + n - TAIL, tail, TAIL);
    }
}

static void check_record(const struct wtl_lease_record *r)
{
    fuzz_check(r->id > 0, "leases are numbered");
    for (size_t i = 0; i < r->n_knobs; i++) {
        const struct wtl_lease_knob_record *k = &r->knobs[i];
        fuzz_check(k->knob < WTL_N_KNOBS, "knobs exist");
        fuzz_check(k->prior.released || (k->prior.lo > 0 && k->prior.lo <= k->prior.hi),
                   "prior values make sense");
        fuzz_check(k->seq == 0 || k->wanted.released || k->wanted.lo <= k->wanted.hi,
                   "values make sense");
    }
}

static void try_one(const char *data, size_t size)
{
    WTL_ARENA(arena);
    struct wtl_lease_record record, again;
    struct wtl_error err = {0};
    struct wtl_buf first, second;
    size_t grant_bytes;
    int rc = wtl_lease_decode(&arena, data, size, "fuzz", &record, &grant_bytes, &err);
    fuzz_check(rc == 0 || err.message[0], "errors say why");
    if (rc < 0)
        return;
    check_record(&record);
    fuzz_check(grant_bytes <= size, "the grant is in the file");
    wtl_buf_init(&first, wtl_alloc_system(), 64 << 20);
    wtl_buf_init(&second, wtl_alloc_system(), 64 << 20);
    fuzz_check(wtl_lease_encode(&record, &first, &err) == 0, "what was read can be written");
    rc = wtl_lease_decode(&arena, first.data, first.len, "fuzz", &again, &grant_bytes, &err);
    fuzz_check(rc == 0, "and read again");
    fuzz_check(wtl_lease_encode(&again, &second, &err) == 0, "and written again");
    fuzz_check(strcmp(wtl_buf_str(&first), wtl_buf_str(&second)) == 0, "as the same text");
    wtl_buf_fini(&first);
    wtl_buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    fuzz_check(text != NULL, "memory");
    memcpy(text, data, size);
    try_one(text, size);
    seal(text, size);
    try_one(text, size);
    free(text);
    return 0;
}
