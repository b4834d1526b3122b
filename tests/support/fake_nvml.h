/* SPDX-License-Identifier: Apache-2.0
 *
 * A fake NVML, as a shared library of its own for tests of the back end: what the simulated
 * drop-in cannot show. Every function of nvml-abi/nvml_abi.h answers from a table that the test
 * may change while it runs, or with the code that the test wants. fake_nvml_state() gives the
 * table; nvml_fixture.h opens copies in which symbols are missing.
 */
#ifndef WTL_TESTS_FAKE_NVML_H
#define WTL_TESTS_FAKE_NVML_H

#include "nvml-abi/nvml_abi.h"

#include <stdbool.h>

enum fake_function {
#define X(name, args) FAKE_##name,
    NVML_FUNCTIONS(X)
#undef X
        FAKE_N_FUNCTIONS
};

enum { FAKE_GPUS = 4, FAKE_LIST = 64, FAKE_FIELDS = 16, FAKE_KINDS = 8 };

struct fake_field {
    uint32_t field, scope;
    int type; /* NVML_VALUE_* */
    union nvml_value value;
    int64_t timestamp_us;
    int ret;
};

struct fake_list {
    unsigned n;
    struct nvml_process item[FAKE_LIST];
};

struct fake_gpu {
    char name[64], uuid[64];
    unsigned index, bus, architecture;
    int capability_major, capability_minor;
    unsigned persistence, compute_mode, virtualization, restricted;
    unsigned power_mw, limit_mw, enforced_mw, min_mw, max_mw, default_mw;
    unsigned long long energy_mj, reasons;
    unsigned clock_mhz[4], pstate, util_gpu, util_memory, encoder, decoder, fan;
    int temp_c;
    struct nvml_memory_v2 memory;
    uint64_t violation_ns[2];
    struct fake_field field[FAKE_FIELDS];
    unsigned n_fields;
    unsigned mem_clocks[8], n_mem_clocks;
    unsigned sm_clocks[FAKE_LIST], n_sm_clocks; /* at the highest memory clock */
    struct nvml_sample ring[FAKE_KINDS][FAKE_LIST];
    unsigned n_ring[FAKE_KINDS];
    struct fake_list compute, graphics, mps;
    struct nvml_process_util util[FAKE_LIST];
    unsigned n_util;
    bool gpm;
    double gpm_value;         /* of every metric, percent */
    unsigned events;          /* kinds that it offers */
    unsigned xid[16], n_xids; /* that fell */
    unsigned mig;             /* mode; instances are `slices`, GPUs of this table behind n_gpus */
    unsigned n_slices;        /* places, some of which may be empty (slice < 0) */
    int slice[8];
    unsigned gpu_instance, compute_instance; /* of such an instance */
    /* What was set. */
    unsigned sm_lock[2], mem_lock[2]; /* 0: none */
};

struct fake_nvml {
    unsigned n_gpus;
    struct fake_gpu gpu[FAKE_GPUS];
    int ret[FAKE_N_FUNCTIONS]; /* what a function gives instead of its answer; 0: it answers */
    long fail_at, fail_for;    /* calls that fail, from 1, and how many in a row; 0: none */
    int fail_code;
    long calls; /* so far, of all functions */
    long count[FAKE_N_FUNCTIONS];
    int inits, gpm_samples, event_sets; /* alive */
};

struct fake_nvml *fake_nvml_state(void);

#endif
