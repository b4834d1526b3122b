/* SPDX-License-Identifier: Apache-2.0
 *
 * What tools/calibrate-sim fits: the product's own wtl_sim_rates_limited() over rows of equal
 * tenants, as one call for Python's ctypes.
 */
#include "sim/workload.h"

#include <string.h>

void calibrate_rows(const struct wtl_sim_silicon *silicon, const struct wtl_sim_fit *fit,
                    double limit_w, int rows, const double *share, const double *n,
                    const double *batch, const double *sm_mhz, double *work_per_s, double *watt,
                    double *sm_util, double *mem_util);

void calibrate_rows(const struct wtl_sim_silicon *silicon, const struct wtl_sim_fit *fit,
                    double limit_w, int rows, const double *share, const double *n,
                    const double *batch, const double *sm_mhz, double *work_per_s, double *watt,
                    double *sm_util, double *mem_util)
{
    struct wtl_sim_tenant tenants[WTL_SIM_TENANTS];
    struct wtl_sim_rates r;
    memset(tenants, 0, sizeof tenants);
    for (int i = 0; i < WTL_SIM_TENANTS; i++) {
        wtl_sim_workload_plain(&tenants[i].workload);
        tenants[i].workload.phases[0].fits[0] = *fit;
        tenants[i].workload.process_mib = 0;
        tenants[i].workload.item_mib = 0;
    }
    for (int k = 0; k < rows; k++) {
        for (int i = 0; i < (int)n[k]; i++) {
            tenants[i].share = share[k];
            tenants[i].batch = (int)batch[k];
        }
        double f = wtl_sim_rates_limited(silicon, tenants, (int)n[k], sm_mhz[k], fit->mem_mhz,
                                         limit_w, &r);
        work_per_s[k] = r.work_per_s;
        watt[k] = wtl_sim_static_w(silicon, f, fit->mem_mhz, silicon->leak_ref_c) + r.dynamic_w;
        sm_util[k] = r.sm_util;
        mem_util[k] = r.mem_util;
    }
}
