/* SPDX-License-Identifier: Apache-2.0 */
#include "support/frequency_data.h"

#include "codec/input.h"
#include "runs/reduce.h"
#include "support/support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All bytes of a (compressed) file. */
static char *read_whole(struct wtl_arena *arena, const char *path)
{
    struct wtl_error err = {0};
    struct wtl_input *input = NULL;
    assert_ok(wtl_input_new(wtl_alloc_system(), &input, &err), &err);
    assert_ok(wtl_input_open(input, path, false, &err), &err);
    char *all = wtl_arena_strdup(arena, "");
    for (size_t len = 0;;) {
        const char *data;
        size_t n;
        assert_ok(wtl_input_next(input, &data, &n, &err), &err);
        if (n == 0)
            break;
        char *more = wtl_arena_calloc(arena, len + n + 1, 1);
        assert_non_null(more);
        memcpy(more, all, len);
        memcpy(more + len, data, n);
        all = more;
        len += n;
    }
    wtl_input_free(input);
    return all;
}

static void run_of_cells(struct wtl_run *r, char **cell)
{
    (void)snprintf(r->gpu, sizeof r->gpu, "%s", cell[0]);
    (void)snprintf(r->workload, sizeof r->workload, "%s", cell[1]);
    (void)snprintf(r->job, sizeof r->job, "%s", cell[2]);
    r->seq = atoll(cell[3]);
    r->rep = atoi(cell[4]);
    r->clock_mhz = atoi(cell[5]);
    static const enum wtl_run_metric metric[] = {WTL_R_reported_time_s, WTL_R_nominal_time_s,
                                                 WTL_R_power_mean_w,    WTL_R_energy_nominal_j,
                                                 WTL_R_n_samples,       WTL_R_power_first_w};
    for (int k = 0; k < 6; k++)
        if (cell[6 + k][0] != '\0')
            wtl_run_set(r, metric[k], strtod(cell[6 + k], NULL));
    wtl_run_set(r, WTL_R_label_interval_s, 0.05);
}

struct wtl_run *load_frequency_runs(struct wtl_arena *arena, const char *gpu, const char *workload,
                                    size_t *n_out)
{
    char *text = read_whole(arena, source_path("data/frequency/runs_v100_a100.csv"));
    struct wtl_run *runs = WTL_NEW_ARRAY(arena, struct wtl_run, 1440);
    assert_non_null(runs);
    size_t n = 0;
    char *line = strchr(text, '\n') + 1;
    for (char *end; (end = strchr(line, '\n')); line = end + 1) {
        char *cell[13] = {line};
        *end = '\0';
        for (int k = 1; k < 13; k++) {
            cell[k] = strchr(cell[k - 1], ',');
            assert_non_null(cell[k]);
            *cell[k]++ = '\0';
        }
        if ((gpu && strcmp(cell[0], gpu) != 0) || (workload && strcmp(cell[1], workload) != 0))
            continue;
        assert_true(n < 1440);
        run_of_cells(&runs[n++], cell);
    }
    *n_out = n;
    return runs;
}

static const char *find_raw(const char *name)
{
    static char path[512];
    const char *dir = source_path("data/frequency/raw");
    DIR *d = opendir(dir);
    assert_non_null(d);
    path[0] = '\0';
    for (struct dirent *e; (e = readdir(d));)
        if (strncmp(e->d_name, name, strlen(name)) == 0)
            (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
    closedir(d);
    return path[0] ? path : NULL;
}

static void row_of_cells(struct wtl_batch *b, char **cell)
{
    static const enum wtl_metric field[17] = {
        WTL_M_gr_active,       WTL_M_sm_active,   WTL_M_sm_occupancy, WTL_M_tensor_active,
        WTL_M_dram_active,     WTL_M_fp64_active, WTL_M_fp32_active,  WTL_M_fp16_active,
        WTL_M_pcie_tx_b,       WTL_M_pcie_rx_b,   WTL_M_gpu_util,     WTL_M_mem_util,
        WTL_N_METRICS,         WTL_N_METRICS,     WTL_M_power_w,      WTL_M_energy_counter_j,
        WTL_M_app_sm_clock_mhz};
    for (int k = 0; k < 17; k++) {
        if (field[k] == WTL_N_METRICS)
            continue;
        double scale = field[k] == WTL_M_energy_counter_j                         ? 1e-3
                       : field[k] == WTL_M_gpu_util || field[k] == WTL_M_mem_util ? 0.01
                                                                                  : 1;
        struct wtl_column *c = &b->column[field[k]];
        b->present |= UINT64_C(1) << field[k];
        c->value[b->n] = scale * strtod(cell[k], NULL);
        if (strcmp(cell[k], "N/A") != 0)
            c->valid[b->n >> 6] |= UINT64_C(1) << (b->n & 63);
    }
    b->n++;
}

struct wtl_batch *load_dcgmi_trace(struct wtl_arena *arena, const char *name, size_t *n_batches_out)
{
    const char *path = find_raw(name);
    assert_non_null(path);
    char *text = read_whole(arena, path), *keep_line = NULL, *keep_cell = NULL;
    size_t cap = strlen(text) / 100 / WTL_BATCH_ROWS + 2, n = 0;
    struct wtl_batch *b = WTL_NEW_ARRAY(arena, struct wtl_batch, cap);
    assert_non_null(b);
    for (char *line = strtok_r(text, "\n", &keep_line); line;
         line = strtok_r(NULL, "\n", &keep_line)) {
        char *cell[20];
        int k = 0;
        for (char *c = strtok_r(line, " \r", &keep_cell); c && k < 20;
             c = strtok_r(NULL, " \r", &keep_cell))
            cell[k++] = c;
        if (k != 19 || strcmp(cell[0], "GPU") != 0)
            continue;
        if (b[n].n == WTL_BATCH_ROWS)
            n++;
        assert_true(n < cap);
        row_of_cells(&b[n], cell + 2);
    }
    *n_batches_out = n + 1;
    return b;
}
