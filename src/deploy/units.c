/* SPDX-License-Identifier: Apache-2.0
 * systemd units: one a plan, oneshot, active while the clocks are held. */
#include "deploy/internal.h"

#include <string.h>

/* Two plans for one GPU cannot hold at once: starting one stops the other, and only an ordering
 * makes the stop come first (systemd.unit(5), Conflicts=). */
static void add_conflicts(const struct wtl_deployment *d, const struct wtl_deploy_item *item,
                          struct wtl_buf *out)
{
    for (size_t i = 0; i < d->n_items; i++) {
        const struct wtl_deploy_item *other = &d->items[i];
        if (other != item && !other->left_out[0] &&
            wtl_same_name(other->plan->gpu, item->plan->gpu))
            wtl_buf_printf(out, "Conflicts=%s.service\nAfter=%s.service\n", other->name,
                           other->name);
    }
}

static void add_commands(const struct wtl_deployment *d, const struct wtl_deploy_item *item,
                         struct wtl_buf *out)
{
    if (d->options->without_wattle) {
        static const char script[] = "/usr/local/lib/wattle-clocks/clocks.sh";
        wtl_buf_printf(out, "ExecStartPre=%s recover\n", script);
        wtl_buf_printf(out, "ExecStart=%s apply %s\n", script, item->name);
        wtl_buf_printf(out, "ExecStop=%s rollback %s\n", script, item->name);
        /* After an apply that was killed, too: what it left half done is put back. */
        wtl_buf_printf(out, "ExecStopPost=%s recover\n", script);
        wtl_buf_puts(out, "StateDirectory=wattle-clocks\n");
        return;
    }
    wtl_buf_puts(out, "ExecStart=");
    wtl_quote_systemd_program(d->options->program, out);
    wtl_buf_printf(out, " apply /etc/wattle/%s.json --standing %s\n", item->name, item->name);
    wtl_buf_puts(out, "ExecStop=");
    wtl_quote_systemd_program(d->options->program, out);
    wtl_buf_printf(out, " restore --standing %s\n", item->name);
    /* After an apply that was killed together with its guardian. */
    wtl_buf_puts(out, "ExecStopPost=");
    wtl_quote_systemd_program(d->options->program, out);
    wtl_buf_puts(out, " restore\n");
    wtl_buf_puts(out, "StateDirectory=wattle\n");
}

void wtl_deploy_unit(const struct wtl_deployment *d, const struct wtl_deploy_item *item,
                     struct wtl_buf *out)
{
    wtl_buf_puts(out, "# Written by `wattle deploy`; install.sh puts it in place.\n");
    wtl_buf_printf(out, "[Unit]\nDescription=Wattle: hold the GPU clock of plan %s at %d MHz\n",
                   item->name, item->plan->clock_mhz);
    wtl_buf_puts(out, "Documentation=man:wattle-deploy(1)\nAfter=nvidia-persistenced.service\n");
    add_conflicts(d, item, out);
    wtl_buf_puts(out, "\n[Service]\nType=oneshot\nRemainAfterExit=yes\n");
    add_commands(d, item, out);
    /* A hanging driver must not hold up the boot: the default of a oneshot unit is for ever. */
    wtl_buf_puts(out, "TimeoutStartSec=120\nTimeoutStopSec=120\n");
    wtl_buf_puts(out, "NoNewPrivileges=yes\nProtectSystem=strict\nProtectHome=yes\nPrivateTmp=yes\n"
                      "PrivateNetwork=yes\nRestrictAddressFamilies=AF_UNIX\n"
                      "RestrictNamespaces=yes\nLockPersonality=yes\n"
                      "\n[Install]\nWantedBy=multi-user.target\n");
}
