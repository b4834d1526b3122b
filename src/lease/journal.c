/* SPDX-License-Identifier: Apache-2.0
 * The text of leases. */
#include "lease/journal.h"

#include "base/clock.h"
#include "codec/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_names[] = {"loan", "standing"};
static const char *const state_names[] = {"pending", "held", "closed"};

const char *wtl_lease_kind_name(enum wtl_lease_kind kind)
{
    return kind_names[kind];
}

const char *wtl_lease_state_name(enum wtl_lease_state state)
{
    return state_names[state];
}

/* ---- Sums ------------------------------------------------------------------------------------ */

enum { SUM_TAIL = sizeof ",\"sum\":\"0123456789abcdef\"}" - 1 };

/* FNV-1a, 64 bit: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t sum_of(const char *text, size_t n)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return sum;
}

/* Writes the tail that ends a line of n bytes; `tail` has room for SUM_TAIL + 1. */
static void format_tail(const char *line, size_t n, char *tail)
{
    snprintf(tail, SUM_TAIL + 1, ",\"sum\":\"%016" PRIx64 "\"}", sum_of(line, n));
}

/* The line without the blanks that pad it; false unless its sum is right. */
static bool whole_line(const char *text, size_t n, size_t *length_out)
{
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\n'))
        n--;
    if (n <= SUM_TAIL)
        return false;
    char tail[SUM_TAIL + 1];
    format_tail(text, n - SUM_TAIL, tail);
    if (memcmp(tail, text + n - SUM_TAIL, SUM_TAIL) != 0)
        return false;
    *length_out = n;
    return true;
}

/* ---- Slots ----------------------------------------------------------------------------------- */

size_t wtl_lease_state_offset(size_t grant_bytes, int64_t seq)
{
    return grant_bytes + (size_t)(seq & 1) * WTL_LEASE_SLOT;
}

size_t wtl_lease_knob_offset(size_t grant_bytes, size_t knob, int64_t seq)
{
    return grant_bytes + (2 + 2 * knob + (size_t)(seq & 1)) * WTL_LEASE_SLOT;
}

/* Ends a line of n bytes in `slot` with its sum, blanks and a newline. n leaves room by the sizes
 * of what goes in. */
static void finish_slot(char slot[WTL_LEASE_SLOT], size_t n)
{
    char tail[SUM_TAIL + 1];
    format_tail(slot, n, tail);
    memcpy(slot + n, tail, SUM_TAIL);
    n += SUM_TAIL;
    memset(slot + n, ' ', WTL_LEASE_SLOT - n);
    slot[WTL_LEASE_SLOT - 1] = '\n';
}

static void empty_slot(char slot[WTL_LEASE_SLOT])
{
    memset(slot, ' ', WTL_LEASE_SLOT);
    slot[WTL_LEASE_SLOT - 1] = '\n';
}

/* What may stand in a JSON string as it is; anything else becomes '?'. */
static void copy_plain(char *dst, size_t size, const char *text)
{
    size_t n = 0;
    for (; text[n] && n + 1 < size; n++) {
        unsigned char c = (unsigned char)text[n];
        dst[n] = (char)(c < 0x20 || c > 0x7e || c == '"' || c == '\\' ? '?' : c);
    }
    dst[n] = '\0';
}

void wtl_lease_encode_state(const struct wtl_lease_record *r, char slot[WTL_LEASE_SLOT])
{
    char why[WTL_LEASE_TEXT], at[24];
    copy_plain(why, sizeof why, r->why);
    int n = snprintf(slot, WTL_LEASE_SLOT,
                     "{\"state\":\"%s\",\"n\":%" PRId64 ",\"t_ns\":%" PRId64
                     ",\"at\":\"%s\",\"why\":\"%s\"",
                     wtl_lease_state_name(r->state), r->state_seq, r->state_wall_ns,
                     wtl_format_utc(r->state_wall_ns, at, sizeof at), why);
    finish_slot(slot, (size_t)n);
}

void wtl_lease_encode_set(size_t index, enum wtl_knob knob, int64_t seq, int64_t wall_ns,
                          struct wtl_knob_value value, char slot[WTL_LEASE_SLOT])
{
    char text[WTL_KNOB_TEXT];
    int n = snprintf(slot, WTL_LEASE_SLOT,
                     "{\"knob\":%zu,\"n\":%" PRId64 ",\"t_ns\":%" PRId64 ",\"set\":\"%s\"", index,
                     seq, wall_ns, wtl_knob_format(knob, value, text));
    finish_slot(slot, (size_t)n);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static json_t *ceiling_json(const struct wtl_ceiling *c)
{
    json_t *rungs = json_array();
    for (size_t i = 0; i < c->n; i++)
        wtl_json_add(&rungs, json_pack("[f, f]", c->rungs[i].clock_mhz, c->rungs[i].power_w));
    return rungs;
}

static json_t *knob_json(const struct wtl_lease_knob_record *k)
{
    char prior[WTL_KNOB_TEXT], held[WTL_KNOB_TEXT];
    json_t *o =
        json_pack("{s:o, s:o, s:o, s:s, s:b, s:s, s:b}", "device", wtl_json_text(k->device), "name",
                  wtl_json_text(k->device_name), "epoch", wtl_json_text(k->epoch), "knob",
                  wtl_knob_info(k->knob)->name, "ephemeral", (int)k->ephemeral, "prior",
                  wtl_knob_format(k->knob, k->prior, prior), "prior_read", (int)k->prior_read);
    if (k->has_held)
        wtl_json_put(&o, "held", json_string(wtl_knob_format(k->knob, k->held, held)));
    if (k->ceiling.n > 0)
        wtl_json_put(&o, "ceiling", ceiling_json(&k->ceiling));
    return o;
}

static json_t *owner_json(const struct wtl_lease_owner *o)
{
    return json_pack("{s:I, s:o, s:I, s:I, s:I, s:o}", "uid", (json_int_t)o->uid, "user",
                     wtl_json_text(o->user), "pid", (json_int_t)o->pid, "start",
                     (json_int_t)o->start_ticks, "pid_ns", (json_int_t)o->pid_ns, "text",
                     wtl_json_text(o->text));
}

static json_t *grant_json(const struct wtl_lease_record *r)
{
    char at[24];
    json_t *knobs = json_array();
    for (size_t i = 0; i < r->n_knobs; i++)
        wtl_json_add(&knobs, knob_json(&r->knobs[i]));
    json_t *root = json_pack("{s:i, s:I, s:s, s:o, s:o, s:o, s:o, s:I, s:s}", "wattle_lease",
                             (int)WTL_LEASE_VERSION, "id", (json_int_t)r->id, "kind",
                             wtl_lease_kind_name(r->kind), "name", wtl_json_text(r->name),
                             "purpose", wtl_json_text(r->purpose), "owner", owner_json(&r->owner),
                             "boot", wtl_json_text(r->boot), "t_ns", (json_int_t)r->granted_wall_ns,
                             "at", wtl_format_utc(r->granted_wall_ns, at, sizeof at));
    if (r->has_budget) {
        wtl_json_put(&root, "budget_w", json_real(r->budget_w));
        wtl_json_put(&root, "base_w", json_real(r->base_w));
    }
    wtl_json_put(&root, "knobs", knobs);
    return root;
}

/* The grant as a line with its sum, padded to whole slots. */
static int add_grant(const struct wtl_lease_record *r, struct wtl_buf *out, struct wtl_error *err)
{
    json_auto_t *root = grant_json(r);
    size_t begin = out->len;
    if (!root || !wtl_json_write_line(root, out) || out->failed || out->len == begin)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory writing the lease");
    out->data[--out->len] = '\0'; /* the closing brace: the sum comes before it */
    char tail[SUM_TAIL + 1];
    format_tail(out->data + begin, out->len - begin, tail);
    wtl_buf_puts(out, tail);
    while (!out->failed && (out->len - begin + 1) % WTL_LEASE_SLOT != 0)
        wtl_buf_putc(out, ' ');
    wtl_buf_putc(out, '\n');
    return 0;
}

int wtl_lease_encode(const struct wtl_lease_record *r, struct wtl_buf *out, struct wtl_error *err)
{
    char slot[WTL_LEASE_SLOT];
    int rc = add_grant(r, out, err);
    if (rc < 0)
        return rc;
    for (int64_t turn = 0; turn < 2; turn++) {
        if ((r->state_seq & 1) == turn)
            wtl_lease_encode_state(r, slot);
        else
            empty_slot(slot);
        wtl_buf_add(out, slot, sizeof slot);
    }
    for (size_t i = 0; i < r->n_knobs; i++) {
        const struct wtl_lease_knob_record *k = &r->knobs[i];
        for (int64_t turn = 0; turn < 2; turn++) {
            if (k->seq > 0 && (k->seq & 1) == turn)
                wtl_lease_encode_set(i, k->knob, k->seq, k->set_wall_ns, k->wanted, slot);
            else if (k->seq > 1 && k->has_before)
                wtl_lease_encode_set(i, k->knob, k->seq - 1, k->set_wall_ns, k->before, slot);
            else
                empty_slot(slot);
            wtl_buf_add(out, slot, sizeof slot);
        }
    }
    if (out->failed)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory writing the lease");
    return 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* A string that is cut rather than refused: it is for people. */
static int read_text(const struct wtl_json *at, const char *key, char *out, size_t size,
                     struct wtl_error *err)
{
    const char *text;
    int rc = wtl_json_string(at, key, &text, err);
    if (rc == 0)
        snprintf(out, size, "%s", text);
    return rc;
}

static int read_value(const struct wtl_json *at, const char *key, enum wtl_knob knob,
                      struct wtl_knob_value *out, struct wtl_error *err)
{
    const char *text;
    int rc = wtl_json_string(at, key, &text, err);
    return rc ? rc : wtl_knob_parse(knob, text, out, err);
}

static int read_rung(const struct wtl_json *item, const struct wtl_ceiling_rung *last,
                     struct wtl_ceiling_rung *out, struct wtl_error *err)
{
    struct wtl_json mhz = wtl_json_item(item, 0), power = wtl_json_item(item, 1);
    struct wtl_ceiling_rung r = {json_number_value(mhz.value), json_number_value(power.value)};
    if (!json_is_number(mhz.value) || !json_is_number(power.value) || !(r.clock_mhz > 0) ||
        !(r.power_w > 0) || (last && !(r.clock_mhz > last->clock_mhz && r.power_w > last->power_w)))
        return wtl_json_fail(item, err, "expected a clock and its power, ascending");
    *out = r;
    return 0;
}

static int read_ceiling(struct wtl_arena *arena, const struct wtl_json *knob, struct wtl_ceiling *c,
                        struct wtl_error *err)
{
    struct wtl_json at;
    if (!wtl_json_find(knob, "ceiling", &at))
        return 0;
    int rc = wtl_json_array(knob, "ceiling", &at, err);
    size_t n = rc ? 0 : wtl_json_count(&at);
    if (rc == 0 && n > WTL_CEILING_MAX_RUNGS)
        rc = wtl_json_fail(&at, err, "%zu rungs, more than %d", n, WTL_CEILING_MAX_RUNGS);
    struct wtl_ceiling_rung *rungs =
        rc ? NULL : WTL_NEW_ARRAY(arena, struct wtl_ceiling_rung, n + 1);
    if (rc == 0 && !rungs)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory reading a lease");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct wtl_json item = wtl_json_item(&at, i);
        rc = read_rung(&item, i ? &rungs[i - 1] : NULL, &rungs[i], err);
    }
    if (rc == 0)
        *c = (struct wtl_ceiling){rungs, n};
    return rc;
}

static int read_knob(struct wtl_arena *arena, const struct wtl_json *at,
                     struct wtl_lease_knob_record *k, struct wtl_error *err)
{
    char knob[WTL_LIMIT_NAME];
    int rc = wtl_json_name(at, "device", k->device, sizeof k->device, err);
    rc = rc ? rc : read_text(at, "name", k->device_name, sizeof k->device_name, err);
    rc = rc ? rc : wtl_json_name(at, "epoch", k->epoch, sizeof k->epoch, err);
    rc = rc ? rc : wtl_json_name(at, "knob", knob, sizeof knob, err);
    rc = rc ? rc : wtl_json_bool(at, "ephemeral", &k->ephemeral, err);
    rc = rc ? rc : wtl_json_bool(at, "prior_read", &k->prior_read, err);
    if (rc < 0)
        return rc;
    k->knob = wtl_knob_by_name(knob);
    if (k->knob == WTL_N_KNOBS)
        return wtl_json_fail(at, err, "there is no knob \"%s\"", knob);
    rc = read_value(at, "prior", k->knob, &k->prior, err);
    struct wtl_json held;
    k->has_held = wtl_json_find(at, "held", &held);
    if (rc == 0 && k->has_held)
        rc = read_value(at, "held", k->knob, &k->held, err);
    return rc ? rc : read_ceiling(arena, at, &k->ceiling, err);
}

static int read_knobs(struct wtl_arena *arena, const struct wtl_json *root,
                      struct wtl_lease_record *r, struct wtl_error *err)
{
    struct wtl_json array;
    int rc = wtl_json_array(root, "knobs", &array, err);
    if (rc < 0)
        return rc;
    r->n_knobs = wtl_json_count(&array);
    r->knobs = WTL_NEW_ARRAY(arena, struct wtl_lease_knob_record, r->n_knobs + 1);
    if (!r->knobs)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory reading a lease");
    for (size_t i = 0; rc == 0 && i < r->n_knobs; i++) {
        struct wtl_json item;
        rc = wtl_json_item_object(&array, i, &item, err);
        rc = rc ? rc : read_knob(arena, &item, &r->knobs[i], err);
    }
    return rc;
}

static int read_owner(const struct wtl_json *root, struct wtl_lease_owner *o, struct wtl_error *err)
{
    struct wtl_json at, pid_ns;
    int rc = wtl_json_object(root, "owner", &at, err);
    rc = rc ? rc : wtl_json_integer(&at, "uid", 0, INT64_MAX, &o->uid, err);
    rc = rc ? rc : wtl_json_integer(&at, "pid", 0, INT64_MAX, &o->pid, err);
    rc = rc ? rc : wtl_json_integer(&at, "start", 0, INT64_MAX, &o->start_ticks, err);
    if (rc == 0 && wtl_json_find(&at, "pid_ns", &pid_ns)) /* grants had none at first */
        rc = wtl_json_integer(&at, "pid_ns", 0, INT64_MAX, &o->pid_ns, err);
    rc = rc ? rc : read_text(&at, "user", o->user, sizeof o->user, err);
    return rc ? rc : read_text(&at, "text", o->text, sizeof o->text, err);
}

static int read_budget(const struct wtl_json *root, struct wtl_lease_record *r,
                       struct wtl_error *err)
{
    struct wtl_json at;
    r->has_budget = wtl_json_find(root, "budget_w", &at);
    if (!r->has_budget)
        return 0;
    int rc = wtl_json_number(root, "budget_w", &r->budget_w, err);
    return rc ? rc : wtl_json_number(root, "base_w", &r->base_w, err);
}

static int read_grant(struct wtl_arena *arena, const struct wtl_json *root,
                      struct wtl_lease_record *r, struct wtl_error *err)
{
    int64_t version;
    int kind = 0;
    int rc = wtl_json_integer(root, "wattle_lease", 1, INT32_MAX, &version, err);
    if (rc == 0 && version != WTL_LEASE_VERSION)
        return wtl_json_fail(root, err, "it is of version %lld; this wattle knows version %d",
                             (long long)version, WTL_LEASE_VERSION);
    rc = rc ? rc : wtl_json_integer(root, "id", 1, INT64_MAX, &r->id, err);
    rc = rc ? rc : wtl_json_choice(root, "kind", kind_names, 2, &kind, err);
    rc = rc ? rc : wtl_json_name(root, "name", r->name, sizeof r->name, err);
    rc = rc ? rc : read_text(root, "purpose", r->purpose, sizeof r->purpose, err);
    rc = rc ? rc : read_owner(root, &r->owner, err);
    rc = rc ? rc : wtl_json_name(root, "boot", r->boot, sizeof r->boot, err);
    rc = rc ? rc : wtl_json_integer(root, "t_ns", 0, INT64_MAX, &r->granted_wall_ns, err);
    rc = rc ? rc : read_budget(root, r, err);
    r->kind = (enum wtl_lease_kind)kind;
    return rc ? rc : read_knobs(arena, root, r, err);
}

/* A slot whose sum is right, parsed; false: empty, torn, or no such slot. */
static bool read_slot(const char *text, size_t n, size_t offset, json_t **root_out)
{
    size_t length;
    if (offset + WTL_LEASE_SLOT > n || !whole_line(text + offset, WTL_LEASE_SLOT, &length))
        return false;
    struct wtl_error ignored = {0};
    return wtl_json_parse(text + offset, length, "lease", root_out, &ignored) == 0;
}

static bool is_empty_slot(const char *text, size_t n, size_t offset)
{
    char empty[WTL_LEASE_SLOT];
    empty_slot(empty);
    return offset + WTL_LEASE_SLOT <= n && memcmp(text + offset, empty, sizeof empty) == 0;
}

/* False: neither empty nor whole. */
static bool read_state_slot(const char *text, size_t n, size_t offset, struct wtl_lease_record *r)
{
    json_auto_t *root = NULL;
    struct wtl_error ignored = {0};
    int64_t seq, wall_ns;
    int state;
    char why[WTL_LEASE_TEXT];
    if (!read_slot(text, n, offset, &root))
        return is_empty_slot(text, n, offset);
    struct wtl_json at = wtl_json_root(root, "lease");
    if (wtl_json_choice(&at, "state", state_names, 3, &state, &ignored) < 0 ||
        wtl_json_integer(&at, "n", 1, INT64_MAX, &seq, &ignored) < 0 ||
        wtl_json_integer(&at, "t_ns", 0, INT64_MAX, &wall_ns, &ignored) < 0 ||
        read_text(&at, "why", why, sizeof why, &ignored) < 0)
        return false;
    if (seq <= r->state_seq)
        return true;
    r->state = (enum wtl_lease_state)state;
    r->state_seq = seq;
    r->state_wall_ns = wall_ns;
    memcpy(r->why, why, sizeof why);
    return true;
}

/* Nothing follows the closed state: where one slot says it, the other does not matter. */
static void read_state(const char *text, size_t n, size_t grant_bytes, struct wtl_lease_record *r)
{
    bool whole = read_state_slot(text, n, grant_bytes, r);
    whole = read_state_slot(text, n, grant_bytes + WTL_LEASE_SLOT, r) && whole;
    r->state_damaged = r->state != WTL_LEASE_CLOSED && (!whole || r->state_seq == 0);
}

static bool read_set_slot(const char *text, size_t n, size_t offset, size_t index,
                          enum wtl_knob knob, int64_t *seq_out, int64_t *wall_ns_out,
                          struct wtl_knob_value *value_out)
{
    json_auto_t *root = NULL;
    struct wtl_error ignored = {0};
    int64_t which;
    if (!read_slot(text, n, offset, &root))
        return false;
    struct wtl_json at = wtl_json_root(root, "lease");
    return wtl_json_integer(&at, "knob", (int64_t)index, (int64_t)index, &which, &ignored) == 0 &&
           wtl_json_integer(&at, "n", 1, INT64_MAX, seq_out, &ignored) == 0 &&
           wtl_json_integer(&at, "t_ns", 0, INT64_MAX, wall_ns_out, &ignored) == 0 &&
           read_value(&at, "set", knob, value_out, &ignored) == 0;
}

static void read_sets(const char *text, size_t n, size_t grant_bytes, size_t index,
                      struct wtl_lease_knob_record *k)
{
    struct wtl_knob_value value[2];
    int64_t seq[2] = {0, 0}, wall_ns[2] = {0, 0};
    bool valid[2];
    for (int64_t turn = 0; turn < 2; turn++) {
        size_t offset = wtl_lease_knob_offset(grant_bytes, index, turn);
        valid[turn] = read_set_slot(text, n, offset, index, k->knob, &seq[turn], &wall_ns[turn],
                                    &value[turn]);
        k->damaged = k->damaged || (!valid[turn] && !is_empty_slot(text, n, offset));
    }
    if (!valid[0] && !valid[1])
        return;
    int last = valid[1] && (!valid[0] || seq[1] > seq[0]);
    k->seq = seq[last];
    k->set_wall_ns = wall_ns[last];
    k->wanted = value[last];
    k->has_before = valid[!last];
    if (k->has_before)
        k->before = value[!last];
}

static int corrupt(const char *file, const struct wtl_error *why, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_CORRUPT, "%s: %s", file, why->message);
    wtl_error_hint(err, "docs/leases.md says what to do with a damaged lease");
    return rc;
}

int wtl_lease_decode(struct wtl_arena *arena, const char *text, size_t n, const char *file,
                     struct wtl_lease_record *out, size_t *grant_bytes_out, struct wtl_error *err)
{
    struct wtl_error why = {0};
    struct wtl_lease_record r = {.state = WTL_LEASE_PENDING};
    json_auto_t *root = NULL;
    const char *end = memchr(text, '\n', n);
    size_t grant_bytes = end ? (size_t)(end - text) + 1 : n, length;
    if (!end || grant_bytes % WTL_LEASE_SLOT != 0 || !whole_line(text, grant_bytes, &length)) {
        int rc = WTL_FAIL(&why, WTL_CORRUPT, "its first line was cut short or changed");
        (void)rc;
        return corrupt(file, &why, err);
    }
    int rc = wtl_json_parse(text, length, file, &root, &why);
    if (rc == 0) {
        struct wtl_json at = wtl_json_root(root, file);
        rc = read_grant(arena, &at, &r, &why);
    }
    if (rc == -(int)WTL_NOMEM)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory reading %s", file);
    if (rc == 0 && n != grant_bytes + (2 + 2 * r.n_knobs) * WTL_LEASE_SLOT)
        rc = WTL_FAIL(&why, WTL_CORRUPT, "what was set is cut off");
    if (rc < 0)
        return corrupt(file, &why, err);
    read_state(text, n, grant_bytes, &r);
    for (size_t i = 0; i < r.n_knobs; i++)
        read_sets(text, n, grant_bytes, i, &r.knobs[i]);
    *out = r;
    *grant_bytes_out = grant_bytes;
    return 0;
}

bool wtl_lease_is_borrowed(const struct wtl_lease_record *r)
{
    return r->kind == WTL_LEASE_LOAN || r->state == WTL_LEASE_PENDING;
}
