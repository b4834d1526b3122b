/* SPDX-License-Identifier: Apache-2.0
 *
 * A node's power from its BMC over the network: `redfish:URL[,OPTION...]`, URL being
 * https://[USER@]HOST[:PORT][/redfish/v1/Chassis/ID].
 *
 *   password-file=PATH  its first line is USER's password; a file that others may read is refused.
 *                       Without it: $WATTLE_REDFISH_PASSWORD
 *   ca-file=PATH        what its certificate is checked against, where that is none of the
 *                       system's: itself, where it signed that itself
 *   insecure            the certificate is not checked, and http:// may carry the password
 *   name=NAME           the device is "redfish:NAME"; else "redfish:HOST/ID"
 *
 * A URL without a chassis means the only one that there is. Power is looked for in (DMTF Redfish
 * schemas) EnvironmentMetrics.PowerWatts, then Power.PowerControl[0].PowerConsumedWatts, then a
 * Sensor of type Power whose name says that it is the total; energy in EnvironmentMetrics, where a
 * service has it, also where its power stands elsewhere. A resource that is broken does not hide
 * another. Links are followed on that host alone, redirects never.
 *
 * It is asked once a second at most; a reading in between gives the last answer with its time.
 * After a failure it is left alone for 5 s, after a refused password for good: services lock
 * accounts.
 */
#ifndef WTL_DEVICE_REDFISH_REDFISH_H
#define WTL_DEVICE_REDFISH_REDFISH_H

#include "base/text.h"
#include "codec/json.h"
#include "device/backend.h"

/* ---- Names ----------------------------------------------------------------------------------- */

enum { WTL_REDFISH_PATH = 256 };

struct wtl_redfish_options {
    char origin[WTL_REDFISH_PATH]; /* "https://bmc:8443" */
    char host[WTL_LIMIT_NAME];     /* "bmc:8443" */
    char user[WTL_LIMIT_NAME];
    char path[WTL_REDFISH_PATH]; /* of the chassis; "": the only one */
    char password_file[WTL_LIMIT_PATH], ca_file[WTL_LIMIT_PATH];
    char name[64];
    bool insecure;
};

/* Takes apart what follows "redfish:". -WTL_USAGE. */
int wtl_redfish_parse(const char *text, struct wtl_redfish_options *options_out,
                      struct wtl_error *err);

/* ---- Documents ------------------------------------------------------------------------------- */

enum wtl_redfish_kind { WTL_REDFISH_ENVIRONMENT, WTL_REDFISH_POWER, WTL_REDFISH_SENSOR };

struct wtl_redfish_values {
    bool has_power, has_energy;     /* the service has such a value now */
    bool knows_power, knows_energy; /* the property is there, be it null */
    double power_w, energy_j;
    int64_t period_ns; /* SensingInterval of a sensor; 0: not said */
};

/* What a resource says. A number that is none, or negative: -WTL_PARSE. */
int wtl_redfish_values(const struct wtl_json *resource, enum wtl_redfish_kind kind,
                       struct wtl_redfish_values *out, struct wtl_error *err);

/* The path that `key` ({"@odata.id": PATH}) links to. False: there is no such link, or it leads
 * somewhere else than to a path of this host. */
bool wtl_redfish_link(const struct wtl_json *resource, const char *key,
                      char path[WTL_REDFISH_PATH]);

/* The same of member i of a collection; *n_out is how many it has. */
bool wtl_redfish_member(const struct wtl_json *collection, size_t i, size_t *n_out,
                        char path[WTL_REDFISH_PATH]);

/* "PT1.5S", "PT1M" (ISO 8601) in ns; 0: no such duration, or one of more than a day. */
int64_t wtl_redfish_duration_ns(const char *text);

/* ---- Getting ---------------------------------------------------------------------------------
 */

/* The largest answer that is taken; resources of power are a few kB. */
enum { WTL_REDFISH_ANSWER = 1 << 20 };

/* Fetches one path; tests put their own in its place. 0 with the body in *body_out (cleared
 * before), -WTL_PERMISSION, -WTL_NOTFOUND, -WTL_TIMEOUT, -WTL_LIMIT, -WTL_BUSY, -WTL_FAILED. */
struct wtl_redfish_service {
    int (*get)(void *ctx, const char *path, struct wtl_buf *body_out, struct wtl_error *err);
    void (*interrupt)(void *ctx); /* from another thread: gets a call back */
    void (*close)(void *ctx);
    void *ctx;
};

/* The service over the network. The password is kept by libcurl alone. */
int wtl_redfish_connect(struct wtl_arena *arena, const struct wtl_redfish_options *options,
                        struct wtl_redfish_service *service_out, struct wtl_error *err);

/* As wtl_backend_redfish.open for these options; takes the service over, also on failure. */
int wtl_redfish_open(const struct wtl_backend_host *host, const struct wtl_redfish_options *options,
                     const struct wtl_redfish_service *service, struct wtl_error *err);

#endif
