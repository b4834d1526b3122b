/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls one public function with plain arguments and prints its document, so that a script can
 * compare it with what the command prints. Uses the public header alone.
 *
 *   documents FUNCTION ARGUMENT...
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wattle/wattle.h>

static struct wtl_error err;

/* "-": NULL. The text lives until the program ends. */
static char *content(const char *path)
{
    FILE *f = strcmp(path, "-") == 0 ? NULL : fopen(path, "rb");
    if (!f)
        return NULL;
    static char text[8][1 << 22];
    static int used;
    size_t n = fread(text[used], 1, sizeof text[used] - 1, f);
    fclose(f);
    text[used][n] = '\0';
    return text[used++];
}

static const char *or_null(const char *text)
{
    return strcmp(text, "-") == 0 ? NULL : text;
}

static int save(const char *path, char *text)
{
    FILE *f = fopen(path, "wb");
    int rc = !f || !text || fputs(text, f) < 0;
    if (f && fclose(f) != 0)
        rc = 1;
    wtl_free(text);
    return rc;
}

static int call_fit(char **a, char **json)
{
    const struct wtl_fit_args args = {.size = sizeof args,
                                      .policy_yaml = "name: x\n"
                                                     "defaults: {objective: energy}\n"};
    char *model = NULL;
    int rc = wtl_fit(a[0], &args, &model, json, &err);
    return rc ? rc : save(a[1], model);
}

/* MODEL PROBE CLOCKS */
static int call_predict(char **a, char **json)
{
    const struct wtl_predict_args args = {.size = sizeof args,
                                          .at = a[2],
                                          .policy_yaml = "name: x\n"
                                                         "defaults: {max_slowdown: 7%}\n"};
    return wtl_predict(content(a[0]), a[1], &args, json, &err);
}

static int call_published(char **a, char **json)
{
    (void)a;
    const struct wtl_predict_args args = {
        .size = sizeof args, .published = "fgcs-v100", .fp = 0.3, .dram = 0.2, .time_s = 10};
    return wtl_predict(NULL, NULL, &args, json, &err);
}

/* PLAN CAMPAIGN CONFIRMED */
static int call_validate(char **a, char **json)
{
    const struct wtl_validate_args args = {.size = sizeof args, .confidence = 0.9, .margin = 0.02};
    char *plan = NULL;
    int rc = wtl_validate(content(a[0]), a[1], &args, json, &plan, &err);
    return rc ? rc : save(a[2], plan);
}

static int call_within(char **a, char **json)
{
    const struct wtl_validate_args args = {.size = sizeof args, .flags = WTL_VALIDATE_WITHIN};
    return wtl_validate(content(a[0]), a[1], &args, json, NULL, &err);
}

/* PLAN PLAN HTML PDF */
static int call_compare(char **a, char **json)
{
    const struct wtl_compare_args args = {
        .size = sizeof args, .html = a[2], .pdf = a[3], .name_a = a[0], .name_b = a[1]};
    return wtl_compare(content(a[0]), content(a[1]), &args, json, &err);
}

/* PLAN FOLDER */
static int call_deploy(char **a, char **json)
{
    const struct wtl_deploy_args args = {
        .size = sizeof args, .flags = WTL_DEPLOY_WITHOUT_WATTLE, .plan_name = a[0]};
    return wtl_deploy(content(a[0]), a[1], &args, json, &err);
}

/* CAMPAIGN or -, PLAN or -, TABLE, FILE */
static int call_export(char **a, char **json)
{
    const struct wtl_export_args args = {
        .size = sizeof args, .table = a[2], .plan_json = content(a[1])};
    return wtl_export(or_null(a[0]), a[3], &args, json, &err);
}

/* PLAN ID */
static int call_apply(char **a, char **json)
{
    const char *const ids[] = {a[1]};
    const struct wtl_apply_args args = {.size = sizeof args,
                                        .flags = WTL_APPLY_DRY_RUN | WTL_APPLY_FORCE,
                                        .ids = ids,
                                        .n_ids = 1,
                                        .gpu = "V100",
                                        .workload = "stablediffusion"};
    return wtl_apply(content(a[0]), &args, json, &err);
}

/* WATTS ID */
static int call_cap(char **a, char **json)
{
    const char *const ids[] = {a[1]};
    const struct wtl_cap_args args = {
        .size = sizeof args, .flags = WTL_CAP_DRY_RUN, .base_w = 30.5};
    return wtl_cap(atof(a[0]), ids, 1, &args, json, &err);
}

static int call_status(char **a, char **json)
{
    (void)a;
    return wtl_status(NULL, json, &err);
}

static int call_restore(char **a, char **json)
{
    (void)a;
    const struct wtl_restore_args args = {.size = sizeof args, .flags = WTL_RESTORE_ALL};
    return wtl_restore(&args, json, &err);
}

/* ROOT, DEVICE or - */
static int call_devices(char **a, char **json)
{
    const char *const only[] = {a[1]};
    const struct wtl_devices_args args = {
        .size = sizeof args, .root = a[0], .only = only, .n_only = or_null(a[1]) ? 1 : 0};
    return wtl_devices(&args, json, &err);
}

/* ROOT, FILE or - */
static int call_doctor(char **a, char **json)
{
    const struct wtl_doctor_args args = {
        .size = sizeof args, .root = a[0], .gather = or_null(a[1])};
    return wtl_doctor(&args, json, &err);
}

static const struct {
    const char *name;
    int n;
    int (*call)(char **a, char **json);
} functions[] = {
    {"cap", 2, call_cap},
    {"status", 0, call_status},
    {"restore", 0, call_restore},
    {"apply", 2, call_apply},
    {"fit", 2, call_fit},
    {"predict", 3, call_predict},
    {"published", 0, call_published},
    {"validate", 3, call_validate},
    {"within", 2, call_within},
    {"compare", 4, call_compare},
    {"deploy", 2, call_deploy},
    {"export", 4, call_export},
    {"devices", 2, call_devices},
    {"doctor", 2, call_doctor},
};

int main(int argc, char **argv)
{
    if (getenv("LC_ALL") && !setlocale(LC_ALL, "")) /* a host of that locale */
        return 77;
    for (size_t i = 0; argc > 1 && i < sizeof functions / sizeof functions[0]; i++) {
        char *json = NULL;
        if (strcmp(argv[1], functions[i].name) != 0 || argc - 2 != functions[i].n)
            continue;
        int rc = functions[i].call(argv + 2, &json);
        if (rc != 0)
            fprintf(stderr, "%s: %d %s\n%s\n", argv[1], rc, err.message, err.hint);
        else if (fputs(json, stdout) < 0)
            rc = 1;
        wtl_free(json);
        return rc != 0;
    }
    fprintf(stderr, "no such function, or not its number of arguments\n");
    return 2;
}
