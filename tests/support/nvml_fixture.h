/* SPDX-License-Identifier: Apache-2.0
 *
 * A machine whose NVML is a copy of the fake one, in which chosen symbols are missing: their names
 * are struck from the copy's file, so that the loader truly finds none. Each copy is a library of
 * its own with a state of its own.
 */
#ifndef WTL_TESTS_NVML_FIXTURE_H
#define WTL_TESTS_NVML_FIXTURE_H

#include "base/clock.h"
#include "device/device.h"
#include "tests/support/fake_nvml.h"

struct nvml_fixture {
    char path[4096];
    void *handle;
    struct fake_nvml *fake; /* stays after the machine is closed */
    struct wtl_machine *machine;
    int64_t now_ns;          /* monotonic, of the machine */
    const char *const *only; /* as in wtl_machine_options; NULL: everything that is found */
    struct wtl_sysfs *files; /* likewise; NULL: of "/" */
};

/* Makes and loads a copy below `folder` (of in_test_directory()) without the NULL-terminated
 * symbols of `hidden` (NULL: none). With one A100; set others before opening. */
void nvml_fixture_load(struct nvml_fixture *f, const char *folder, const char *const *hidden);
void nvml_fixture_unload(struct nvml_fixture *f);

/* wtl_machine_open(): the fake's devices and no others. */
int nvml_fixture_try(struct nvml_fixture *f, struct wtl_alloc alloc, struct wtl_error *err);
void nvml_fixture_open(struct nvml_fixture *f); /* must work */
void nvml_fixture_close(struct nvml_fixture *f);

/* The i-th device. */
struct wtl_device *nvml_fixture_device(const struct nvml_fixture *f, size_t i);

/* GPUs of known numbers. The A100 has every field, no average (GA100), and sensors of all kinds; a
 * V100 has no field 186 and no memory locks; a 3080 Ti has the average; an H100 has GPM. */
struct fake_gpu fake_a100(void);
struct fake_gpu fake_v100(void);
struct fake_gpu fake_3080ti(void);
struct fake_gpu fake_h100(void);

/* Makes an H100 with MIG and two instances (GPU instances 1 and 5) the table's only GPU. */
void fake_mig(struct fake_nvml *fake);

/* Sets, or adds, what a field gives; takes one away. */
struct fake_field *fake_field(struct fake_gpu *g, uint32_t field, uint32_t scope);
void fake_no_field(struct fake_gpu *g, uint32_t field);

/* Whether a finding of the machine says `text` at that level. */
bool nvml_fixture_finds(const struct nvml_fixture *f, enum wtl_finding_level level,
                        const char *text);

#endif
