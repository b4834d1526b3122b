/* SPDX-License-Identifier: Apache-2.0
 *
 * What may be drawn: in a locale without UTF-8 (LC_ALL, LC_CTYPE, LANG), ASCII alone. Names and
 * paths are passed on as they are.
 */
#ifndef WTL_CLI_CHARSET_H
#define WTL_CLI_CHARSET_H

#include <stdbool.h>

/* Whether the locale of the environment has UTF-8. One that is not installed counts as "C", as the
 * standard has it. Changes no locale. */
bool wtl_locale_has_utf8(void);

#endif
