/* SPDX-License-Identifier: Apache-2.0
 *
 * The shipped measured data for tests of the pure wing, which must not depend on the readers of
 * trace/: a small parser each, that knows these files only.
 */
#ifndef WTL_TESTS_FREQUENCY_DATA_H
#define WTL_TESTS_FREQUENCY_DATA_H

#include "base/alloc.h"
#include "core/run.h"
#include "core/sample.h"

/* data/frequency/runs_v100_a100.csv in file order: gpu, workload, job, seq, rep, clock, reported
 * time, rows, mean power, first power and the published (nominal) time and energy; nothing chosen.
 * NULL gpu or workload: all. Fails the test when the file is not there. */
struct wtl_run *load_frequency_runs(struct wtl_arena *arena, const char *gpu, const char *workload,
                                    size_t *n_out);

/* Samples of a 17-field DCGMI trace of data/frequency/raw (power, counter, application clock,
 * activity, utilisation): `rows` long arrays of batches. `name` is the beginning of a file name. */
struct wtl_batch *load_dcgmi_trace(struct wtl_arena *arena, const char *name,
                                   size_t *n_batches_out);

#endif
