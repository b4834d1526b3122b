/* SPDX-License-Identifier: Apache-2.0
 * Answers of nvidia-cuda-mps-control, read as each of the answers that there are; and a record of a
 * control daemon. */
#include "fuzz/fuzz.h"

#include "mps/record.h"
#include "mps/text.h"

#include <stdlib.h>
#include <string.h>

static void read_answers(const char *text)
{
    int64_t pids[WTL_MPS_PIDS];
    struct wtl_mps_client clients[64];
    struct wtl_error err = {0};
    size_t n = 0;
    double percent = 0;
    enum wtl_mps_status status = WTL_MPS_UNKNOWN;
    if (wtl_mps_parse_pids("x", text, pids, &n, &err) == 0)
        for (size_t i = 0; i < n; i++)
            fuzz_check(pids[i] > 0, "a process has a number");
    else
        fuzz_check(err.message[0] != '\0' && !strchr(err.message, '\n'), "the error says why");
    if (wtl_mps_parse_percentage("x", text, &percent, NULL) == 0)
        fuzz_check(percent >= 0 && percent <= 100, "a percentage is one");
    if (wtl_mps_parse_status("x", text, &status, NULL) == 0)
        fuzz_check(wtl_mps_status_name(status)[0] != '\0', "a status has a name");
    if (wtl_mps_parse_ps(text, clients, 64, &n, NULL) == 0)
        for (size_t i = 0; i < n; i++)
            fuzz_check(clients[i].pid > 0 && clients[i].server > 0 &&
                           strlen(clients[i].command) < sizeof clients[i].command,
                       "a client is one");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct wtl_mps_record r;
    fuzz_check(text != NULL, "memory");
    memcpy(text, data, size);
    text[size] = '\0';
    read_answers(text);
    if (wtl_mps_record_decode(text, size, "x", &r, NULL) == 0)
        fuzz_check(r.owner.pid > 0 && strstr(r.dir, "/mps/") && strlen(r.dir) < WTL_MPS_DIR,
                   "a record names its owner and a folder");
    free(text);
    return 0;
}
