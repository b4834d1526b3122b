/* SPDX-License-Identifier: Apache-2.0
 * Loans, held and looked after. */
#include "cli/loan.h"

#include "cli/child.h"
#include "cli/interrupt.h"

struct tending {
    const struct wtl_context *ctx;
    const struct wtl_loan *loan;
    bool told;
    bool over; /* it is another's */
};

static int tend(struct tending *t, struct wtl_error *err)
{
    struct wtl_error why = {0};
    if (t->over)
        return 0;
    int rc = t->loan->tend(t->loan->what, &why);
    t->over = rc == -(int)WTL_BUSY;
    if (t->over && err)
        *err = why;
    else if (rc < 0 && !t->told)
        fprintf(t->ctx->messages, "wattle: %s\n", why.message);
    t->told = rc < 0;
    return t->over ? rc : 0;
}

static int wait_for_the_end(struct tending *t, double seconds, struct wtl_error *err)
{
    const struct wtl_clock *clock = &t->ctx->clock;
    int64_t end_ns = clock->monotonic_ns(clock->ctx) + (int64_t)(seconds * 1e9);
    int rc = 0;
    while (rc == 0) {
        int64_t left_ns = end_ns - clock->monotonic_ns(clock->ctx);
        if (left_ns <= 0 || wtl_interrupt_wait(left_ns < WTL_NS_PER_S ? left_ns : WTL_NS_PER_S))
            return 0;
        rc = tend(t, err);
    }
    return rc;
}

static void say_put_back(const struct wtl_context *ctx)
{
    if (ctx->verbosity >= 0)
        fprintf(ctx->messages, "put back\n");
}

int wtl_loan_for(struct wtl_context *ctx, const struct wtl_loan *loan, double seconds,
                 struct wtl_error *err)
{
    struct tending t = {.ctx = ctx, .loan = loan};
    if (ctx->verbosity >= 0)
        fprintf(ctx->messages, "held for %g s; Ctrl-C puts it back at once\n", seconds);
    fflush(ctx->out);
    int lost = wait_for_the_end(&t, seconds, err);
    int rc = loan->end(loan->what, lost ? NULL : err);
    if (lost == 0 && rc == 0)
        say_put_back(ctx);
    return lost ? lost : rc;
}

static void look(void *tending)
{
    (void)tend(tending, NULL);
}

int wtl_loan_for_child(struct wtl_context *ctx, const struct wtl_loan *loan, struct wtl_error *err)
{
    struct tending t = {.ctx = ctx, .loan = loan};
    const struct wtl_child_care care = {look, &t};
    if (ctx->verbosity >= 0)
        fprintf(ctx->messages, "held until %s ends\n", ctx->child[0]);
    fflush(ctx->out);
    int rc = wtl_child_run(ctx->child, &care, &ctx->child_status, err);
    rc = rc > 0 ? 0 : rc;
    if (rc == -(int)WTL_NOTFOUND || rc == -(int)WTL_PERMISSION)
        ctx->child_status = rc == -(int)WTL_NOTFOUND ? WTL_EXIT_NOT_FOUND : WTL_EXIT_NO_PROGRAM;
    int ended = loan->end(loan->what, rc ? NULL : err);
    if (ended == 0)
        say_put_back(ctx);
    if (ended < 0 && rc == 0)
        ctx->child_status = 0;
    return rc ? rc : ended;
}
