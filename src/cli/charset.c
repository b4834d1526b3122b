/* SPDX-License-Identifier: Apache-2.0
 * The character set of the environment's locale. */
#include "cli/charset.h"

#include <langinfo.h>
#include <locale.h>
#include <string.h>

bool wtl_locale_has_utf8(void)
{
    locale_t here = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (here == (locale_t)0)
        return false;
    const bool has = strcmp(nl_langinfo_l(CODESET, here), "UTF-8") == 0;
    freelocale(here);
    return has;
}
