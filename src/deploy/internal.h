/* SPDX-License-Identifier: Apache-2.0
 *
 * The documents of a deployment, each appended to a buffer. Private to deploy/.
 */
#ifndef WTL_DEPLOY_INTERNAL_H
#define WTL_DEPLOY_INTERNAL_H

#include "base/text.h"
#include "deploy/deploy.h"

/* A systemd unit for one plan. */
void wtl_deploy_unit(const struct wtl_deployment *d, const struct wtl_deploy_item *item,
                     struct wtl_buf *out);

/* clocks.sh and install.sh: the shipped text `template` with the names of this deployment set in at
 * the line "# @CONFIG@". -WTL_CORRUPT when it has no such line. */
int wtl_deploy_script(const struct wtl_deployment *d, const char *template, struct wtl_buf *out,
                      struct wtl_error *err);
int wtl_deploy_installer(const struct wtl_deployment *d, const char *template, struct wtl_buf *out,
                         struct wtl_error *err);

/* DEPLOY.md: what the files are and how they are used. */
void wtl_deploy_readme(const struct wtl_deployment *d, struct wtl_buf *out);

/* One word for bash: 'plain' or $'with \044 octal escapes'; nothing in it is ever expanded. */
void wtl_quote_shell(const char *text, struct wtl_buf *out);

/* The program of ExecStart=: in double quotes, with %, quotes and control characters escaped. It is
 * not subject to $ expansion (systemd.service(5)). */
void wtl_quote_systemd_program(const char *path, struct wtl_buf *out);

/* Text for comments and Markdown: control characters and backticks become '?'. */
void wtl_quote_plain(const char *text, struct wtl_buf *out);

#endif
