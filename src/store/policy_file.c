/* SPDX-License-Identifier: Apache-2.0
 * Policy files. */
#include "store/policy_file.h"

#include "base/data.h"
#include "base/file.h"
#include "codec/yaml.h"
#include "core/clocks.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A parser of text as a parser of nodes: its error moves to the place of the node. */
static int at_node(const struct wtl_yaml_node *node, const struct wtl_error *inner,
                   struct wtl_error *err)
{
    int rc = wtl_yaml_fail(node, err, "%s", inner->message);
    wtl_error_hint(err, "%s", inner->hint);
    return rc;
}

#define PARSER(name, type, call)                                                                   \
    static int name(struct wtl_arena *arena, const struct wtl_yaml_node *node, void *field,        \
                    struct wtl_error *err)                                                         \
    {                                                                                              \
        const char *text;                                                                          \
        type value;                                                                                \
        struct wtl_error inner = {0};                                                              \
        (void)arena;                                                                               \
        int rc = wtl_yaml_string(node, #type, &text, err);                                         \
        if (rc < 0)                                                                                \
            return rc;                                                                             \
        if (call < 0)                                                                              \
            return at_node(node, &inner, err);                                                     \
        memcpy(field, &value, sizeof value);                                                       \
        return 0;                                                                                  \
    }

PARSER(parse_objective, struct wtl_objective, wtl_objective_parse(text, &value, &inner))
PARSER(parse_baseline, struct wtl_baseline, wtl_baseline_parse(text, &value, &inner))

/* Fields of an overlay that several members of struct wtl_policy hold are parsed into the whole. */
static int parse_slo(struct wtl_arena *arena, const struct wtl_yaml_node *node, void *field,
                     struct wtl_error *err)
{
    struct wtl_policy *policy = field;
    bool list = node->kind == WTL_YAML_SEQUENCE;
    size_t n = list ? node->n : 1;
    (void)arena;
    if (n > WTL_SLO_MAX)
        return wtl_yaml_fail(node, err, "more than %d latency objectives", WTL_SLO_MAX);
    for (size_t i = 0; i < n; i++) {
        const struct wtl_yaml_node *item = list ? node->items[i] : node;
        const char *text;
        struct wtl_error inner = {0};
        int rc = wtl_yaml_string(item, "slo", &text, err);
        if (rc < 0)
            return rc;
        if (wtl_slo_parse(text, &policy->slo[i], &inner) < 0)
            return at_node(item, &inner, err);
    }
    policy->n_slo = (int)n;
    return 0;
}

static int parse_clocks(struct wtl_arena *arena, const struct wtl_yaml_node *node, void *field,
                        struct wtl_error *err)
{
    struct wtl_policy *policy = field;
    struct wtl_buf text;
    struct wtl_clocks clocks;
    struct wtl_error inner = {0};
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 20);
    bool list = node->kind == WTL_YAML_SEQUENCE;
    for (size_t i = 0; i < (list ? node->n : 1); i++)
        wtl_buf_printf(&text, "%s\n", list ? node->items[i]->text : node->text);
    int rc = wtl_clocks_parse(arena, wtl_buf_str(&text), &clocks, &inner);
    wtl_buf_fini(&text);
    if (rc < 0)
        return at_node(node, &inner, err);
    policy->clocks_mhz = clocks.mhz;
    policy->n_clocks = clocks.n;
    return 0;
}

static const struct wtl_yaml_choice prefer_choices[] = {
    {"fastest", WTL_PREFER_FASTEST, "the highest clock of the tied"},
    {"best", WTL_PREFER_BEST, "the optimum of the point estimates"},
    {"least-energy", WTL_PREFER_LEAST_ENERGY, "the tied clock with the least energy"},
    {"lowest-clock", WTL_PREFER_LOWEST_CLOCK, "the lowest clock of the tied"},
    {0},
};

#define SET(member) offsetof(struct wtl_policy_rule, set.member)
#define VALUE(member) .offset = SET(values.member)
#define FLAG(member) .flag = SET(member) + 1

/* clang-format off */
/* What every level of a policy file may say. */
#define LIMIT(name, unit_, member, flag_, lo, hi, text)                                            \
    {name, WTL_YAML_T_NUMBER, WTL_UNIT_##unit_, VALUE(member), FLAG(flag_), .min = lo, .max = hi,  \
     .doc = text}
#define CUSTOM(name, at, flag_, function, how, text)                                               \
    {name, WTL_YAML_T_CUSTOM, .offset = SET(at), FLAG(flag_), .parse = function, .form = how,      \
     .doc = text}
#define OVERLAY_KEYS                                                                               \
    CUSTOM("objective", values.objective, objective, parse_objective,                              \
           "energy, time, edp, ed2p, E*t^N, weighted:W, throughput-per-watt",                      \
           "What is minimised; or a published `optimization_metric`."),                            \
    CUSTOM("baseline", values.baseline, baseline, parse_baseline,                                  \
           "max, default, fastest, clock:MHZ, job:ID, rep:N",                                      \
           "What saving and slowdown are measured against; `job:ID` is a job whose runs are all at one clock."),                                      \
    {"prefer", WTL_YAML_T_CHOICE, VALUE(prefer), FLAG(prefer), .choices = prefer_choices,          \
     .doc = "Which of the statistically tied clocks is taken."},                                   \
    LIMIT("max_slowdown", FRACTION, max_slowdown, values.has_max_slowdown, WTL_MAX_SLOWDOWN_LO, WTL_MAX_SLOWDOWN_HI,                 \
          "Limit of t/t_base - 1, held by its upper 97.5 % bound."),                               \
    LIMIT("max_energy", FRACTION, max_energy_ratio, values.has_max_energy, WTL_MAX_ENERGY_LO, WTL_MAX_ENERGY_HI,               \
          "Limit of E/E_base."),                                                                   \
    LIMIT("min_clock_ratio", FRACTION, min_clock_ratio, values.has_min_clock_ratio, WTL_MIN_CLOCK_RATIO_LO, WTL_MIN_CLOCK_RATIO_HI,       \
          "Least clock over the highest clock."),                                                  \
    LIMIT("max_power", WATT, max_power_w, values.has_max_power, WTL_MAX_POWER_LO, WTL_MAX_POWER_HI,                            \
          "Limit of the mean power."),                                                             \
    LIMIT("min_saving", FRACTION, min_saving, values.has_min_saving, WTL_MIN_SAVING_LO, WTL_MIN_SAVING_HI,                        \
          "Least 1 - E/E_base."),                                                                  \
    LIMIT("rate", RATE, rate_per_s, values.has_rate, WTL_RATE_LO, WTL_RATE_HI,                                    \
          "Arrival rate; idle energy between runs then counts."),                                  \
    CUSTOM("slo", values, slo, parse_slo, "p99=200ms, or a list",                                  \
           "Latency that requests must keep."),                                                    \
    CUSTOM("clocks", values, clocks, parse_clocks, "1095,1110 or 510-1410:15, or a list",          \
           "The clocks that are allowed."),                                                        \
    LIMIT("confidence", FRACTION, confidence, confidence, WTL_CONFIDENCE_LO, WTL_CONFIDENCE_HI,                             \
          "Of all intervals; 95 % when nothing says otherwise.")
/* clang-format on */

static const struct wtl_yaml_key default_keys[] = {OVERLAY_KEYS};
static const struct wtl_yaml_table default_table = {
    "defaults", "For every workload, unless a line below says otherwise.",
    sizeof(struct wtl_policy_rule), default_keys, sizeof default_keys / sizeof default_keys[0]};

#define NAME_KEY(key, member, needed, text)                                                        \
    {                                                                                              \
        key, WTL_YAML_T_NAME, .offset = offsetof(struct wtl_policy_rule, member),                  \
                              .size = WTL_LIMIT_NAME, .required = needed, .doc = text              \
    }

static const struct wtl_yaml_key category_keys[] = {
    NAME_KEY("category", category, true, "Its name: latency-sensitive, balanced, batch, ..."),
    OVERLAY_KEYS};
static const struct wtl_yaml_table category_table = {
    "category", "A kind of service.", sizeof(struct wtl_policy_rule), category_keys,
    sizeof category_keys / sizeof category_keys[0]};

static const struct wtl_yaml_key workload_keys[] = {
    NAME_KEY("workload", workload, true, "Compared without case, blanks and punctuation."),
    NAME_KEY("gpu", gpu, false, "Only on this GPU."),
    NAME_KEY("category", category, false, "Takes the settings of this category first."),
    OVERLAY_KEYS};
static const struct wtl_yaml_table workload_table = {
    "workload", "One workload, on all GPUs or on one.", sizeof(struct wtl_policy_rule),
    workload_keys, sizeof workload_keys / sizeof workload_keys[0]};

struct document {
    char name[WTL_LIMIT_NAME];
    const char *description;
    const char *source;
    struct wtl_policy_rule defaults;
    struct wtl_yaml_list categories;
    struct wtl_yaml_list workloads;
};

#define AT(member) .offset = offsetof(struct document, member)
static const struct wtl_yaml_key document_keys[] = {
    {"name", WTL_YAML_T_NAME, AT(name), .size = WTL_LIMIT_NAME, .required = true,
     .doc = "Of the policy."},
    {"description", WTL_YAML_T_STRING, AT(description), .fallback = "\"\"", .doc = "One line."},
    {"source", WTL_YAML_T_STRING, AT(source), .fallback = "\"\"", .doc = "Where it comes from."},
    {"defaults", WTL_YAML_T_TABLE, AT(defaults), .table = &default_table,
     .doc = "For every workload."},
    {"categories", WTL_YAML_T_LIST, AT(categories), .table = &category_table,
     .doc = "Kinds of service."},
    {"workloads", WTL_YAML_T_LIST, AT(workloads), .table = &workload_table,
     .doc = "Rules per workload."},
};
static const struct wtl_yaml_table document_table = {
    "policy", "A policy file: what is minimised and what must hold, per workload.",
    sizeof(struct document), document_keys, sizeof document_keys / sizeof document_keys[0]};

void wtl_policy_file_document(struct wtl_buf *out)
{
    wtl_yaml_document(&document_table, out);
}

static const struct wtl_policy_rule *find_category(const struct wtl_policy_file *file,
                                                   const char *name)
{
    for (size_t i = 0; i < file->n_categories; i++)
        if (wtl_same_name(file->categories[i].category, name))
            return &file->categories[i];
    return NULL;
}

static int unknown_category(const struct wtl_policy_file *file, const char *name,
                            enum wtl_code code, struct wtl_error *err)
{
    char known[300] = "";
    for (size_t i = 0; i < file->n_categories; i++) {
        size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", file->categories[i].category);
    }
    int rc = WTL_FAIL(err, code, "policy \"%s\" has no category \"%s\"", file->name, name);
    wtl_error_hint(err, "its categories: %s", known[0] ? known : "none");
    return rc;
}

/* Categories that rules name must exist, and no two rules may be about the same. */
static int check_rules(const struct wtl_policy_file *file, const char *path, struct wtl_error *err)
{
    for (size_t i = 0; i < file->n_workloads; i++) {
        const struct wtl_policy_rule *rule = &file->workloads[i];
        int rc = 0;
        if (rule->category[0] && !find_category(file, rule->category))
            rc = unknown_category(file, rule->category, WTL_PARSE, err);
        for (size_t k = 0; k < i && rc == 0; k++)
            if (wtl_same_name(file->workloads[k].workload, rule->workload) &&
                wtl_same_name(file->workloads[k].gpu, rule->gpu))
                rc = WTL_FAIL(err, WTL_PARSE, "two rules for workload \"%s\"%s%s", rule->workload,
                              rule->gpu[0] ? " on " : "", rule->gpu);
        if (rc < 0) {
            wtl_error_input(err, path, 0, 0);
            return rc;
        }
    }
    return 0;
}

int wtl_policy_file_parse(struct wtl_arena *arena, const char *text, size_t size, const char *file,
                          struct wtl_policy_file *out, struct wtl_error *err)
{
    const struct wtl_yaml_node *root;
    struct document *doc = WTL_NEW(arena, struct document);
    if (!doc)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_yaml_parse(arena, text, size, file, &root, err);
    if (rc == 0)
        rc = wtl_yaml_load(arena, root, &document_table, doc, err);
    if (rc < 0)
        return rc;
    struct wtl_policy_file policy = {
        .description = doc->description,
        .source = doc->source,
        .defaults = doc->defaults.set,
        .categories = doc->categories.items,
        .n_categories = doc->categories.n,
        .workloads = doc->workloads.items,
        .n_workloads = doc->workloads.n,
    };
    memcpy(policy.name, doc->name, sizeof policy.name);
    rc = check_rules(&policy, file, err);
    if (rc == 0)
        *out = policy;
    return rc;
}

static int add_preset(void *ctx, const char *path, int64_t size, struct wtl_error *err)
{
    struct wtl_buf *names = ctx;
    const char *base = wtl_path_base(path);
    (void)size;
    (void)err;
    if (wtl_ends_with(base, ".yaml"))
        wtl_buf_printf(names, "%s%.*s", names->len ? ", " : "",
                       (int)(strlen(base) - strlen(".yaml")), base);
    return 0;
}

/* Adds the presets that there are to the error about one that there is not. */
static void list_presets(struct wtl_arena *arena, struct wtl_error *err)
{
    char *folder;
    struct wtl_buf names;
    wtl_buf_init(&names, wtl_alloc_system(), 300);
    if (wtl_data_path(arena, "policies", &folder, NULL) == 0 &&
        wtl_walk(folder, add_preset, &names, NULL) == 0)
        wtl_error_hint(err, "presets: %s; or give the path of a policy file", wtl_buf_str(&names));
    wtl_buf_fini(&names);
}

static bool is_preset_name(const char *name)
{
    return !strchr(name, '/') && !wtl_ends_with(name, ".yaml") && !wtl_ends_with(name, ".yml");
}

int wtl_policy_file_read(struct wtl_arena *arena, const char *name_or_path,
                         struct wtl_policy_file *out, struct wtl_error *err)
{
    const char *path = name_or_path;
    int rc;
    if (is_preset_name(name_or_path)) {
        char *preset, *name = wtl_arena_printf(arena, "policies/%s.yaml", name_or_path);
        if (!name)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        if (wtl_data_path(arena, name, &preset, NULL) == 0) {
            path = preset;
        } else if (access(name_or_path, F_OK) != 0) {
            rc = WTL_FAIL(err, WTL_NOTFOUND, "there is no policy preset \"%s\"", name_or_path);
            list_presets(arena, err);
            return rc;
        }
    }
    char *text;
    size_t size;
    rc = wtl_file_read(arena, path, WTL_LIMIT_DOCUMENT_BYTES, &text, &size, err);
    return rc < 0 ? rc : wtl_policy_file_parse(arena, text, size, path, out, err);
}

int wtl_policy_file_apply(const struct wtl_policy_file *file, const char *gpu, const char *workload,
                          const char *category, struct wtl_policy *policy, bool *matched_out,
                          struct wtl_error *err)
{
    if (category && !find_category(file, category))
        return unknown_category(file, category, WTL_USAGE, err);
    bool matched = false;
    for (size_t i = 0; i < file->n_workloads; i++) {
        const struct wtl_policy_rule *rule = &file->workloads[i];
        if (!wtl_same_name(rule->workload, workload) ||
            (rule->gpu[0] && !wtl_same_name(rule->gpu, gpu)))
            continue;
        matched = true;
        if (rule->category[0])
            category = rule->category;
    }
    wtl_overlay_apply(&file->defaults, policy);
    if (category)
        wtl_overlay_apply(&find_category(file, category)->set, policy);
    for (int with_gpu = 0; with_gpu < 2; with_gpu++)
        for (size_t i = 0; i < file->n_workloads; i++) {
            const struct wtl_policy_rule *rule = &file->workloads[i];
            if ((rule->gpu[0] != '\0') == with_gpu && wtl_same_name(rule->workload, workload) &&
                (!with_gpu || wtl_same_name(rule->gpu, gpu)))
                wtl_overlay_apply(&rule->set, policy);
        }
    if (matched_out)
        *matched_out = matched;
    return 0;
}
