/* SPDX-License-Identifier: Apache-2.0
 *
 * Small trace trees of known content for the tests of the import. */
#ifndef WTL_TESTS_MADE_TREE_H
#define WTL_TESTS_MADE_TREE_H

#include "support/support.h"

#include "base/text.h"

#include <stdio.h>

/* A DCGM trace of style B: constant power, a counter that integrates it, the SM clock. */
struct made_trace {
    const char *device; /* "NVIDIA A100-PCIE-40GB" */
    int rows;
    double power_w;
    int clock_mhz;
    double period_s;  /* true one; 0: 0.05 */
    double counter_j; /* at the first row */
};

static inline void put_trace(struct wtl_buf *out, const struct made_trace *t)
{
    double period_s = t->period_s > 0 ? t->period_s : 0.05;
    wtl_buf_puts(out, "#Entity   NVIDX  DVNAM                   POWER     TOTEC          "
                      "TMPTR  GPUTL  SMCLK  SACLK  SMACT\n");
    wtl_buf_puts(out, "ID                                     W         mJ             "
                      "C\n");
    for (int i = 0; i < t->rows; i++)
        wtl_buf_printf(out, "GPU 0     0      %s   %.3f   %.0f   45   97   %d   %d   0.850\n",
                       t->device, t->power_w,
                       1000 * (t->counter_j + t->power_w * period_s * (i + 1)), t->clock_mhz,
                       t->clock_mhz);
}

static inline void write_trace(const char *path, const struct made_trace *t)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 26);
    put_trace(&text, t);
    assert_false(text.failed);
    write_file(path, text.data, text.len);
    wtl_buf_fini(&text);
}

/* run_<seq>_<rep>_freq_<MHz>_profile.csv for three clocks and two repetitions below
 * DIR/results_<gpu>_llama_job_77, with application output, but without a timing log. */
static inline void make_sweep(const char *dir, const char *gpu, const char *device)
{
    int seq = 0;
    char path[400];
    for (int clock = 1410; clock >= 1110; clock -= 150)
        for (int rep = 1; rep <= 2; rep++) {
            seq++;
            struct made_trace t = {.device = device,
                                   .rows = 200 + 10 * seq,
                                   .power_w = clock / 10.0 + rep,
                                   .clock_mhz = clock,
                                   .counter_j = 1000.0 * seq};
            snprintf(path, sizeof path,
                     "%s/results_%s_llama_job_77/run_%d_%02d_freq_%d_profile.csv", dir, gpu, seq,
                     rep, clock);
            write_trace(path, &t);
            snprintf(path, sizeof path, "%s/results_%s_llama_job_77/run_%d_%02d_freq_%d_app.out",
                     dir, gpu, seq, rep, clock);
            write_text(path, "Total Inference Time: 9.5s\n");
        }
}

/* The log of make_sweep(): durations of 11 s + seq, run 4 failed. */
static inline void make_timing_log(const char *dir, const char *gpu)
{
    struct wtl_buf text;
    char path[400];
    int seq = 0;
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 20);
    wtl_buf_puts(&text, "# Run Timing Summary\n"
                        "# Format: run_id,frequency_mhz,duration_seconds,exit_code,status\n");
    for (int clock = 1410; clock >= 1110; clock -= 150)
        for (int rep = 1; rep <= 2; rep++) {
            seq++;
            wtl_buf_printf(&text, "%d_%02d,%d,%d,%d,%s\n", seq, rep, clock, 11 + seq,
                           seq == 4 ? 1 : 0, seq == 4 ? "failed" : "success");
        }
    snprintf(path, sizeof path, "%s/results_%s_llama_job_77/timing_summary.log", dir, gpu);
    write_file(path, text.data, text.len);
    wtl_buf_fini(&text);
}

#endif
