/* SPDX-License-Identifier: Apache-2.0
 *
 * --at SETTINGS: the configurations that a command is about, spelt alike in all of them.
 */
#ifndef WTL_CLI_AT_OPTION_H
#define WTL_CLI_AT_OPTION_H

#include "cli/command.h"
#include "core/configuration.h"

/* clang-format off */
#define WTL_OPT_AT(type_, member, text)                                                            \
    {.name = "at", .type = WTL_OPT_STRING, .arg = "SETTINGS",                                      \
     .offset = offsetof(type_, member), .help = text}
/* clang-format on */

/* NULL for NULL (not given); -WTL_USAGE quotes what is no setting. */
int wtl_at_option(struct wtl_arena *arena, const char *text, const struct wtl_at **out,
                  struct wtl_error *err);

#endif
