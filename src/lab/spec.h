/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sweep is to do, as its YAML file says it. One schema table reads the file and documents it
 * (`wattle sweep --schema`). Nothing here knows a device: which clocks are legal, and so which
 * points there are, is worked out in lab/points.h.
 */
#ifndef WTL_LAB_SPEC_H
#define WTL_LAB_SPEC_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "codec/yaml.h"
#include "core/point.h"
#include "core/policy.h"

/* A list of clocks, as it was asked for. */
enum wtl_clock_choice {
    WTL_CLOCKS_UNSET, /* not named: the clock is left alone */
    WTL_CLOCKS_ALL,   /* every legal one */
    WTL_CLOCKS_EVERY, /* legal ones nearest to equal steps down from the highest */
    WTL_CLOCKS_RANGE, /* legal ones between two ends, all or in steps */
    WTL_CLOCKS_LIST,  /* exactly these */
};
struct wtl_clock_axis {
    enum wtl_clock_choice choice;
    double step_mhz;       /* EVERY, and RANGE where > 0 */
    double lo_mhz, hi_mhz; /* RANGE */
    const int *list_mhz;   /* LIST, as written */
    size_t n;
    const struct wtl_yaml_node *node; /* where it stands, for messages */
};

/* Values of each setting; every combination is a point. An empty list: the setting is left alone.
 */
struct wtl_grid_spec {
    struct wtl_clock_axis clocks, mem_clocks;
    struct wtl_yaml_numbers setting[WTL_N_SETTINGS];
    struct wtl_yaml_strings variants;
};

/* One point, written out. 0, "" and a cleared bit: left alone. */
struct wtl_point_spec {
    int clock_mhz, mem_clock_mhz;
    struct wtl_point point;
    bool has_clock, has_mem_clock;
    const struct wtl_yaml_node *node;
};

enum wtl_workload_kind { WTL_WORKLOAD_VIRTUAL, WTL_WORKLOAD_COMMAND };
struct wtl_workload_spec {
    char name[WTL_LIMIT_NAME];       /* of its runs */
    const char *virtual_name;        /* profile of the virtual GPU; NULL: another kind */
    struct wtl_yaml_strings command; /* words, with {batch} and so on */
    struct wtl_yaml_strings env;     /* "NAME=VALUE", likewise */
    char unit[16];                   /* of its work */
    double ready_timeout_s;          /* how long loading may take */
    bool pauses;                     /* a command may be stopped for a while */
    bool in_group;                   /* runs in the control group among the devices */
    bool mps;                        /* its shares are given through MPS */
    enum wtl_workload_kind kind;
    const struct wtl_yaml_node *node; /* where it stands, for messages */
};

enum wtl_search { WTL_SEARCH_GRID, WTL_SEARCH_ADAPTIVE };

struct wtl_protocol_spec {
    double settle_s;       /* after a knob was set */
    double warmup_s;       /* at least so long under load */
    int warmup_iterations; /* and so many of them */
    double warmup_max_s;   /* then it is measured, and said to be unsteady */
    bool band;             /* bring the device to one temperature before each run */
    bool has_band_c;       /* which; else that of the reference point */
    double band_c;         /* its middle */
    double band_width_c;   /* how far from it is good */
    double band_timeout_s; /* then it is measured, and said */
    double window_min_s;   /* and 20 steps of the energy counter */
    double window_max_s;
    double window_target; /* relative 95 % half-width of energy and throughput */
    double target;        /* of a point's mean over blocks, relative to the reference */
    int blocks_min, blocks_max;
    int anchor_every; /* visits between two of the reference point; 0: start, middle, end */
    int attempts;     /* of a visit that was disturbed */
    bool idle;        /* idle power at every point, once */
    bool keep_samples;
};

enum { WTL_SWEEP_DEVICES = 8, WTL_SWEEP_POINTS = 20000 };

struct wtl_sweep_spec {
    char name[WTL_LIMIT_NAME];
    const char *description;
    struct wtl_yaml_strings
        devices; /* measured: the first, and others of its kind; all lend knobs */
    int64_t seed;
    const struct wtl_workload_spec *workloads;
    size_t n_workloads;
    /* Whose reference points say at which temperature runs begin: those of the spec as it is
     * written. NULL: `workloads`. */
    const struct wtl_workload_spec *warms;
    size_t n_warms;
    struct wtl_grid_spec grid;
    const struct wtl_point_spec *list; /* points besides the grid */
    size_t n_list;
    bool has_baseline;
    struct wtl_point_spec baseline;
    enum wtl_search search;
    struct wtl_objective objective;
    bool has_max_slowdown;
    double max_slowdown;
    double indifference; /* adaptive: what is no longer worth looking for, relative */
    int budget;          /* runs at most; 0: no limit */
    bool no_privilege;
    struct wtl_protocol_spec protocol;
    const struct wtl_yaml_node *root; /* the whole, for messages */
};

/* The protocol as it is when nothing is said. */
struct wtl_protocol_spec wtl_protocol_default(void);

/* Reads a spec from text; `file` names it in messages. Everything lives in the arena.
 * -WTL_PARSE with line and column, "did you mean" and what is known. */
int wtl_sweep_spec_parse(struct wtl_arena *arena, const char *text, size_t n, const char *file,
                         struct wtl_sweep_spec *out, struct wtl_error *err);

/* The same of a file; the name falls back to the file's own. */
int wtl_sweep_spec_read(struct wtl_arena *arena, const char *path, struct wtl_sweep_spec *out,
                        struct wtl_error *err);

/* Where the spec says that a setting has this value, or names this variant: in the grid, the list,
 * or the baseline. For messages; never NULL. */
const struct wtl_yaml_node *wtl_sweep_spec_setting_place(const struct wtl_sweep_spec *spec,
                                                         enum wtl_setting setting, double value);
const struct wtl_yaml_node *wtl_sweep_spec_variant_place(const struct wtl_sweep_spec *spec,
                                                         const char *variant);
/* The value of a key of a mapping, or the mapping where it has no such key. */
const struct wtl_yaml_node *wtl_sweep_spec_place(const struct wtl_yaml_node *mapping,
                                                 const char *key);

/* Gives an error that is there the place of a node. */
void wtl_sweep_spec_at(const struct wtl_yaml_node *node, struct wtl_error *err);

/* The schema as Markdown. */
void wtl_sweep_spec_document(struct wtl_buf *out);

#endif
