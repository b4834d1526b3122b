/* SPDX-License-Identifier: Apache-2.0
 * `wattle mps status` for people. */
#include "cli/mps_text.h"

#include "cli/table.h"

static const struct wtl_table_column columns[] = {
    {.title = "server", .number = true},
    {.title = "of user"},
    {.title = "state"},
    {.title = "share", .unit = "%", .number = true},
    {.title = "client", .number = true},
    {.title = "of user"},
    {.title = "command"},
    {.title = "device"},
};

static void put_user(struct wtl_table *t, int64_t uid, const char *user)
{
    if (user[0])
        wtl_table_put(t, user);
    else if (uid >= 0)
        wtl_table_printf(t, "%lld", (long long)uid);
    else
        wtl_table_put(t, "?");
}

static void put_server(struct wtl_table *t, const struct wtl_mps_seen_server *s)
{
    wtl_table_printf(t, "%lld", (long long)s->pid);
    put_user(t, s->uid, s->user);
    wtl_table_put(t, wtl_mps_status_name(s->status));
    wtl_table_number(t, s->has_percent, s->percent, 1);
}

static void put_client(struct wtl_table *t, const struct wtl_mps_seen_client *c)
{
    wtl_table_printf(t, "%lld", (long long)c->pid);
    put_user(t, c->uid, c->user);
    wtl_table_put(t, c->command);
    wtl_table_put(t, c->device);
}

static int print_servers(struct wtl_context *ctx, const struct wtl_mps_seen_daemon *d,
                         struct wtl_error *err)
{
    enum { OF_SERVER = 4 };
    struct wtl_table *t = wtl_table_new(ctx->arena, columns, sizeof columns / sizeof *columns);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < d->n_servers; i++) {
        const struct wtl_mps_seen_server *s = &d->servers[i];
        for (size_t k = 0; k < s->n_clients || k == 0; k++) {
            for (int c = 0; k > 0 && c < OF_SERVER; c++)
                wtl_table_put(t, "");
            if (k == 0)
                put_server(t, s);
            for (int c = 0; s->n_clients == 0 && c < OF_SERVER; c++)
                wtl_table_put(t, c ? "" : "-");
            if (s->n_clients > 0)
                put_client(t, &s->clients[k]);
        }
    }
    return wtl_table_print(t, 2, WTL_TABLE_WIDTH, ctx->out, err);
}

static void print_whose(struct wtl_context *ctx, const struct wtl_mps_seen_daemon *d)
{
    char since[32];
    const struct wtl_mps_record *r = &d->record;
    if (!d->ours) {
        wtl_print_fact(ctx->out, "whose", "somebody else's: used as it is, never ended");
        return;
    }
    wtl_print_fact(ctx->out, "whose", "%s %s: %s, process %lld of %s, since %s",
                   wtl_mps_life_name(d->life), r->token, r->owner.text, (long long)r->owner.pid,
                   r->owner.user[0] ? r->owner.user : "a user",
                   wtl_format_utc(r->since_ns, since, sizeof since));
    if (d->life == WTL_MPS_DANGLING)
        wtl_print_fact(ctx->out, "left", "%zu process%s: `wattle mps clean` ends %s",
                       d->n_processes, d->n_processes == 1 ? "" : "es",
                       d->n_processes == 1 ? "it" : "them");
}

static int print_daemon(struct wtl_context *ctx, const struct wtl_mps_seen_daemon *d,
                        struct wtl_error *err)
{
    wtl_print_line(ctx->out, 0, "%s", d->pipe_dir);
    print_whose(ctx, d);
    if (d->answer < 0) {
        wtl_print_fact(ctx->out, "answers", "no: %s", d->why);
        return 0;
    }
    if (d->has_percent)
        wtl_print_fact(ctx->out, "share", "%g %% of a GPU for each client at most, by default",
                       d->percent);
    if (d->n_servers == 0)
        wtl_print_fact(ctx->out, "servers", "none");
    return d->n_servers ? print_servers(ctx, d, err) : 0;
}

int wtl_mps_text(struct wtl_context *ctx, const struct wtl_mps_seen *seen, struct wtl_error *err)
{
    int rc = 0;
    if (!seen->program)
        wtl_print_line(ctx->out, 0, "%s", seen->why);
    else if (seen->n == 0)
        wtl_print_line(ctx->out, 0, "no MPS daemon runs (%s is here)", seen->program);
    for (size_t i = 0; rc == 0 && i < seen->n; i++)
        rc = print_daemon(ctx, &seen->daemons[i], err);
    for (size_t i = 0; i < seen->n_unreadable; i++)
        wtl_print_line(ctx->out, 0, "%s cannot be read: %s", seen->unreadable[i].file,
                       seen->unreadable[i].why);
    return rc;
}
