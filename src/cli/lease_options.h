/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of option tables of the commands that move knobs, so that they are spelt alike; `type_` is
 * the command's option struct.
 */
#ifndef WTL_CLI_LEASE_OPTIONS_H
#define WTL_CLI_LEASE_OPTIONS_H

#include "cli/command.h"

/* clang-format off */
#define WTL_LEASE_OPT_IDS(type_, member, text)                                                     \
    {.name = "id", .letter = 'i', .type = WTL_OPT_LIST, .arg = "ID",                               \
     .offset = offsetof(type_, member), .help = text}
#define WTL_LEASE_OPT_STANDING(type_, member, text)                                                \
    {.name = "standing", .type = WTL_OPT_STRING, .arg = "NAME",                                    \
     .offset = offsetof(type_, member), .help = text}
#define WTL_LEASE_OPT_DRY_RUN(type_, member, text)                                                 \
    {.name = "dry-run", .letter = 'n', .type = WTL_OPT_FLAG,                                       \
     .offset = offsetof(type_, member), .help = text}
/* clang-format on */

#endif
