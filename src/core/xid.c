/* SPDX-License-Identifier: Apache-2.0
 * What is known of XIDs. */
#include "core/xid.h"

#include <stddef.h>
#include <stdio.h>

enum { SERIOUS = 1, LOSES = 2 };

static const struct {
    int number;
    unsigned what;
    const char *text;
} xids[] = {
    {8, 0, "the GPU stopped processing"},
    {13, 0, "graphics engine exception"},
    {31, 0, "GPU memory page fault"},
    {32, 0, "corrupted push buffer"},
    {38, 0, "driver firmware error"},
    {43, 0, "a channel was reset"},
    {45, 0, "clean-up after earlier errors"},
    {48, SERIOUS, "double-bit ECC error"},
    {61, 0, "micro-controller breakpoint"},
    {62, SERIOUS | LOSES, "micro-controller halted"},
    {63, 0, "memory row remapped or page retired"},
    {64, SERIOUS, "row remapping or page retirement failed"},
    {68, 0, "video decoder exception"},
    {69, 0, "graphics engine class error"},
    {74, SERIOUS, "NVLink error"},
    {79, SERIOUS | LOSES, "the GPU has fallen off the bus"},
    {92, 0, "many single-bit ECC errors"},
    {94, 0, "contained memory error"},
    {95, SERIOUS | LOSES, "uncontained memory error"},
    {109, 0, "context switch timed out"},
    {119, SERIOUS | LOSES, "the GPU's firmware (GSP) does not answer"},
    {120, SERIOUS | LOSES, "error of the GPU's firmware (GSP)"},
};
enum { N_XIDS = sizeof xids / sizeof *xids };

static int place_of(int number)
{
    for (int i = 0; i < N_XIDS; i++)
        if (xids[i].number == number)
            return i;
    return -1;
}

static bool is(int number, unsigned what)
{
    const int i = place_of(number);
    return i >= 0 && (xids[i].what & what);
}

const char *wtl_xid_text(int number)
{
    const int i = place_of(number);
    return i >= 0 ? xids[i].text : NULL;
}

const char *wtl_xid_format(int number, char buf[WTL_XID_TEXT])
{
    const char *text = wtl_xid_text(number);
    if (text)
        (void)snprintf(buf, WTL_XID_TEXT, "XID %d (%s)", number, text);
    else
        (void)snprintf(buf, WTL_XID_TEXT, "XID %d", number);
    return buf;
}

bool wtl_xid_is_serious(int number)
{
    return is(number, SERIOUS);
}

bool wtl_xid_loses_board(int number)
{
    return is(number, LOSES);
}
