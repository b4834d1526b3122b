/* SPDX-License-Identifier: Apache-2.0
 * Boards as YAML. */
#include "simhost/profile.h"

#include "base/data.h"
#include "base/file.h"
#include "base/text.h"
#include "board/board_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct document {
    struct wtl_sim_board board;
    const char *file; /* under data/boards */
    const struct wtl_yaml_node *file_node;
    struct wtl_yaml_list mig;
    struct wtl_yaml_strings sources;
};

static const struct {
    const char *name;
    unsigned bit;
} CAPABILITIES[] = {
    {"lock_sm", WTL_SIM_LOCK_SM},
    {"lock_mem", WTL_SIM_LOCK_MEM},
    {"energy_counter", WTL_SIM_ENERGY_COUNTER},
    {"field_instant", WTL_SIM_FIELD_INSTANT},
    {"field_average", WTL_SIM_FIELD_AVERAGE},
    {"usage_is_average", WTL_SIM_USAGE_IS_AVERAGE},
    {"mem_temp", WTL_SIM_MEM_TEMP},
    {"mig", WTL_SIM_MIG},
    {"gpm", WTL_SIM_GPM},
    {"set_limit", WTL_SIM_SET_LIMIT},
    {"mps", WTL_SIM_MPS},
};
enum { N_CAPABILITIES = sizeof CAPABILITIES / sizeof CAPABILITIES[0] };

static int parse_capabilities(struct wtl_arena *arena, const struct wtl_yaml_node *node,
                              void *field, struct wtl_error *err)
{
    unsigned bits = 0;
    (void)arena;
    if (node->kind != WTL_YAML_SEQUENCE)
        return wtl_yaml_fail(node, err, "capabilities must be a list");
    for (size_t i = 0; i < node->n; i++) {
        const char *text;
        size_t k = 0;
        int rc = wtl_yaml_string(node->items[i], "capability", &text, err);
        if (rc < 0)
            return rc;
        while (k < N_CAPABILITIES && strcmp(CAPABILITIES[k].name, text) != 0)
            k++;
        if (k == N_CAPABILITIES)
            return wtl_yaml_fail(node->items[i], err, "unknown capability '%s'", text);
        bits |= CAPABILITIES[k].bit;
    }
    *(unsigned *)field = bits;
    return 0;
}

/* "10de:20f1": vendor, device. */
static int parse_pci(struct wtl_arena *arena, const struct wtl_yaml_node *node, void *field,
                     struct wtl_error *err)
{
    const char *text;
    (void)arena;
    int rc = wtl_yaml_string(node, "PCI id", &text, err);
    if (rc < 0)
        return rc;
    if (strlen(text) != 9 || text[4] != ':' || strspn(text, "0123456789abcdef") != 4 ||
        strspn(text + 5, "0123456789abcdef") != 4)
        return wtl_yaml_fail(node, err, "'%s' is no PCI id; write \"10de:20f1\"", text);
    *(uint32_t *)field =
        (uint32_t)strtoul(text + 5, NULL, 16) << 16 | (uint32_t)strtoul(text, NULL, 16);
    return 0;
}

static int keep_node(struct wtl_arena *arena, const struct wtl_yaml_node *node, void *field,
                     struct wtl_error *err)
{
    struct document *doc = (struct document *)((char *)field - offsetof(struct document, file));
    (void)arena;
    int rc = wtl_yaml_string(node, "board", &doc->file, err);
    if (rc == 0)
        doc->file_node = node;
    return rc;
}

#define NUMBER(owner, field)                                                                       \
    {                                                                                              \
        .name = #field, .type = WTL_YAML_T_NUMBER, .offset = offsetof(struct owner, field),        \
        .required = true, .doc = "As in struct " #owner "."                                        \
    }
#define WHOLE(owner, field)                                                                        \
    {                                                                                              \
        .name = #field, .type = WTL_YAML_T_INT, .offset = offsetof(struct owner, field),           \
        .required = true, .min = 0, .max = 1e9, .doc = "As in struct " #owner "."                  \
    }

#define SILICON(field) NUMBER(wtl_sim_silicon, field)
#define UNCORE(field)                                                                              \
    {                                                                                              \
        .name = "uncore_" #field, .type = WTL_YAML_T_NUMBER,                                       \
        .offset = offsetof(struct wtl_sim_silicon, uncore_##field),                                \
        .doc = "As in struct wtl_sim_silicon; without it no SM clock slows the uncore."            \
    }
static const struct wtl_yaml_key silicon_keys[] = {
    SILICON(sm_mhz_min),  SILICON(sm_mhz_max),
    SILICON(mem_mhz_max), SILICON(knee_mhz),
    SILICON(v_min),       SILICON(v_max),
    SILICON(base_w),      SILICON(leak_w),
    SILICON(clock_w),     SILICON(memory_w),
    SILICON(leak_ref_c),  SILICON(leak_e_c),
    SILICON(vram_mib),    SILICON(vram_reserved_mib),
    UNCORE(knee_mhz),     UNCORE(floor_mhz),
    UNCORE(loss),         UNCORE(step_mhz),
};
#define MIG_INT(field, low, high)                                                                  \
    {                                                                                              \
        .name = #field, .type = WTL_YAML_T_INT,                                                    \
        .offset = offsetof(struct wtl_sim_mig_profile, field), .required = true, .min = (low),     \
        .max = (high), .doc = "As in struct wtl_sim_mig_profile."                                  \
    }
static const struct wtl_yaml_key mig_keys[] = {
    {.name = "name",
     .type = WTL_YAML_T_NAME,
     .offset = offsetof(struct wtl_sim_mig_profile, name),
     .size = sizeof(((struct wtl_sim_mig_profile *)NULL)->name),
     .required = true,
     .doc = "What it is called: 3g.20gb."},
    MIG_INT(id, 0, 255),
    MIG_INT(slices, 1, 7),
    MIG_INT(eighths, 1, WTL_SIM_EIGHTHS),
    MIG_INT(n_sm, 1, 10000),
    NUMBER(wtl_sim_mig_profile, vram_mib),
    {.name = "media",
     .type = WTL_YAML_T_BOOL,
     .offset = offsetof(struct wtl_sim_mig_profile, media),
     .doc = "Whether it has the video engines, which one instance of a board may."},
};
#define THERMAL(field) NUMBER(wtl_sim_thermal, field)
static const struct wtl_yaml_key thermal_keys[] = {
    THERMAL(ambient_c),  THERMAL(sink_k_per_w), THERMAL(sink_s),       THERMAL(die_k_per_w),
    THERMAL(die_s),      THERMAL(mem_k_per_w),  THERMAL(mem_s),        THERMAL(target_c),
    THERMAL(slowdown_c), THERMAL(shutdown_c),   THERMAL(mem_target_c),
};
static const struct wtl_yaml_key idle_keys[] = {
    WHOLE(wtl_sim_idle, pstate),         WHOLE(wtl_sim_idle, sm_mhz),
    WHOLE(wtl_sim_idle, mem_mhz),        NUMBER(wtl_sim_idle, saving_w),
    WHOLE(wtl_sim_idle, after_ms),       WHOLE(wtl_sim_idle, wake_ms),
    WHOLE(wtl_sim_idle, context_sm_mhz),
};
#define SENSOR(field) WHOLE(wtl_sim_power_sensor, field)
static const struct wtl_yaml_key sensor_keys[] = {
    SENSOR(update_ms),
    SENSOR(window_ms),
    SENSOR(lag_ms),
    NUMBER(wtl_sim_power_sensor, gain_spread),
    NUMBER(wtl_sim_power_sensor, offset_spread_w),
    NUMBER(wtl_sim_power_sensor, noise_w),
    SENSOR(resolution_mw),
    SENSOR(counter_ms),
    SENSOR(counter_quantum_mj),
    {.name = "counter_part_time",
     .type = WTL_YAML_T_BOOL,
     .offset = offsetof(struct wtl_sim_power_sensor, counter_part_time),
     .doc = "Whether the energy counter adds only what the windows see."},
};

#define N(array) (sizeof(array) / sizeof((array)[0]))
static const struct wtl_yaml_table silicon_table = {"silicon", "struct wtl_sim_silicon.",
                                                    sizeof(struct wtl_sim_silicon), silicon_keys,
                                                    N(silicon_keys)};
static const struct wtl_yaml_table mig_table = {"mig_profiles", "Sizes of MIG instances.",
                                                sizeof(struct wtl_sim_mig_profile), mig_keys,
                                                N(mig_keys)};
static const struct wtl_yaml_table thermal_table = {"thermal", "struct wtl_sim_thermal.",
                                                    sizeof(struct wtl_sim_thermal), thermal_keys,
                                                    N(thermal_keys)};
static const struct wtl_yaml_table idle_table = {
    "idle", "struct wtl_sim_idle.", sizeof(struct wtl_sim_idle), idle_keys, N(idle_keys)};
static const struct wtl_yaml_table sensor_table = {"sensor", "struct wtl_sim_power_sensor.",
                                                   sizeof(struct wtl_sim_power_sensor), sensor_keys,
                                                   N(sensor_keys)};

static const struct wtl_yaml_choice architectures[] = {
    {"pascal", WTL_SIM_PASCAL, ""},
    {"volta", WTL_SIM_VOLTA, ""},
    {"turing", WTL_SIM_TURING, ""},
    {"ampere", WTL_SIM_AMPERE, ""},
    {"ada", WTL_SIM_ADA, ""},
    {"hopper", WTL_SIM_HOPPER, ""},
    {"blackwell", WTL_SIM_BLACKWELL, ""},
    {NULL, 0, NULL},
};

#define AT(member) .offset = offsetof(struct document, board.member)
#define BOARD_INT(field)                                                                           \
    {                                                                                              \
        .name = #field, .type = WTL_YAML_T_INT, AT(field), .required = true, .min = 0, .max = 1e6, \
        .doc = "As in struct wtl_sim_board."                                                       \
    }
#define BOARD_NUMBER(field)                                                                        \
    {                                                                                              \
        .name = #field, .type = WTL_YAML_T_NUMBER, AT(field), .required = true,                    \
        .doc = "As in struct wtl_sim_board."                                                       \
    }
#define BOARD_WATT(key, field)                                                                     \
    {                                                                                              \
        .name = key, .type = WTL_YAML_T_NUMBER, .unit = WTL_UNIT_WATT, AT(field),                  \
        .required = true, .min = 1, .max = 1e5, .doc = "What the power limit may be set to."       \
    }
#define BOARD_TABLE(field)                                                                         \
    {                                                                                              \
        .name = #field, .type = WTL_YAML_T_TABLE, AT(field), .required = true,                     \
        .table = &field##_table, .doc = "See below."                                               \
    }
static const struct wtl_yaml_key board_keys[] = {
    {.name = "board",
     .type = WTL_YAML_T_CUSTOM,
     .offset = offsetof(struct document, file),
     .required = true,
     .parse = keep_node,
     .form = "a100-pcie-40gb",
     .doc = "The file under data/boards with its name, legal clocks and default limit."},
    {.name = "short_name",
     .type = WTL_YAML_T_NAME,
     AT(short_name),
     .size = sizeof(((struct wtl_sim_board *)NULL)->short_name),
     .required = true,
     .doc = "What people call it: virtual:a100."},
    {.name = "architecture",
     .type = WTL_YAML_T_CHOICE,
     AT(architecture),
     .required = true,
     .choices = architectures,
     .doc = "Generation of the chip."},
    {.name = "capabilities",
     .type = WTL_YAML_T_CUSTOM,
     AT(capabilities),
     .required = true,
     .parse = parse_capabilities,
     .form = "[lock_sm, set_limit]",
     .doc = "What the driver offers on it."},
    {.name = "pci_device",
     .type = WTL_YAML_T_CUSTOM,
     AT(pci_device_id),
     .required = true,
     .parse = parse_pci,
     .form = "\"10de:20f1\"",
     .doc = "Vendor and device."},
    {.name = "pci_subsystem",
     .type = WTL_YAML_T_CUSTOM,
     AT(pci_subsystem_id),
     .required = true,
     .parse = parse_pci,
     .form = "\"10de:145f\"",
     .doc = "Vendor and board."},
    BOARD_INT(n_sm),
    BOARD_INT(mig_slices),
    {.name = "mig_profiles",
     .type = WTL_YAML_T_LIST,
     .offset = offsetof(struct document, mig),
     .table = &mig_table,
     .doc = "Sizes of MIG instances, smallest first; needed with the capability."},
    BOARD_INT(sm_mhz_default),
    BOARD_INT(sm_mhz_base),
    BOARD_INT(mem_mhz_default),
    BOARD_NUMBER(switch_ms_min),
    BOARD_NUMBER(switch_ms_max),
    BOARD_WATT("limit_min", limit_w_min),
    BOARD_WATT("limit_max", limit_w_max),
    BOARD_NUMBER(loop_s),
    BOARD_NUMBER(loop_gain),
    BOARD_INT(util_ms),
    BOARD_TABLE(silicon),
    BOARD_TABLE(thermal),
    BOARD_TABLE(idle),
    BOARD_TABLE(sensor),
    {.name = "sources",
     .type = WTL_YAML_T_STRINGS,
     .offset = offsetof(struct document, sources),
     .required = true,
     .doc = "What the keys in the comments behind the numbers stand for."},
};
static const struct wtl_yaml_table board_table = {
    "virtual board", "A virtual board.", sizeof(struct document), board_keys, N(board_keys)};

static int add_mig(struct document *doc, const struct wtl_yaml_node *root, struct wtl_error *err)
{
    if (doc->mig.n > WTL_SIM_MIG_PROFILES)
        return wtl_yaml_fail(wtl_yaml_get(root, "mig_profiles"), err, "at most %d MIG profiles",
                             WTL_SIM_MIG_PROFILES);
    doc->board.n_mig = (int)doc->mig.n;
    if (doc->mig.n > 0)
        memcpy(doc->board.mig, doc->mig.items, doc->mig.n * sizeof doc->board.mig[0]);
    return 0;
}

/* Name, legal clocks and default limit, from the file that is their only home. */
static int add_known(struct wtl_arena *arena, struct document *doc, struct wtl_error *err)
{
    struct wtl_sim_board *b = &doc->board;
    struct wtl_board known;
    char *path, *text, name[WTL_SIM_BOARD_NAME + 16];
    size_t size;
    if (strspn(doc->file, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(doc->file) ||
        strlen(doc->file) >= WTL_SIM_BOARD_NAME)
        return wtl_yaml_fail(doc->file_node, err, "'%s' is no name of a file under data/boards",
                             doc->file);
    snprintf(name, sizeof name, "boards/%s.yaml", doc->file);
    int rc = wtl_data_path(arena, name, &path, err);
    if (rc == 0)
        rc = wtl_file_read(arena, path, 1 << 20, &text, &size, err);
    if (rc == 0)
        rc = wtl_board_parse(arena, text, size, path, &known, err);
    if (rc < 0)
        return rc;
    if (known.clocks.n > WTL_SIM_SM_CLOCKS || known.n_memory_clocks > WTL_SIM_MEM_CLOCKS ||
        strlen(known.name) >= sizeof b->name || known.clocks.mhz[known.clocks.n - 1] > UINT16_MAX)
        return WTL_FAIL(err, WTL_LIMIT,
                        "%s: too many clocks or too long a name for a virtual board", path);
    snprintf(b->name, sizeof b->name, "%s", known.name);
    b->limit_w_default = known.power_limit_w;
    for (size_t i = 0; i < known.clocks.n; i++)
        b->sm_clocks_mhz[i] = (uint16_t)known.clocks.mhz[i];
    b->n_sm_clocks = (int)known.clocks.n;
    for (size_t i = 0; i < known.n_memory_clocks; i++) {
        size_t at = i;
        while (at > 0 && b->mem_clocks_mhz[at - 1] > known.memory_clocks_mhz[i])
            at--;
        memmove(&b->mem_clocks_mhz[at + 1], &b->mem_clocks_mhz[at],
                (i - at) * sizeof b->mem_clocks_mhz[0]);
        b->mem_clocks_mhz[at] = (uint16_t)known.memory_clocks_mhz[i];
    }
    b->n_mem_clocks = (int)known.n_memory_clocks;
    return 0;
}

int wtl_sim_board_parse(struct wtl_arena *arena, const char *text, size_t size, const char *file,
                        struct wtl_sim_board *out, struct wtl_error *err)
{
    const struct wtl_yaml_node *root;
    struct document doc;
    memset(&doc, 0, sizeof doc);
    int rc = wtl_yaml_parse(arena, text, size, file, &root, err);
    if (rc == 0)
        rc = wtl_yaml_load(arena, root, &board_table, &doc, err);
    if (rc == 0)
        rc = add_mig(&doc, root, err);
    if (rc == 0)
        rc = add_known(arena, &doc, err);
    struct wtl_error inner = {0};
    if (rc == 0 && wtl_sim_board_check(&doc.board, &inner) < 0)
        rc = wtl_yaml_fail(root, err, "%s", inner.message);
    if (rc == 0)
        *out = doc.board;
    return rc;
}
