/* SPDX-License-Identifier: Apache-2.0
 *
 * What a chip and its board are made of, as far as steady rates and power depend on it: voltage
 * curve, static power, memory. struct wtl_sim_board (sim/board.h) holds one; the rates of a set of
 * tenants (sim/workload.h) need nothing else of the board. Plain data.
 *
 *   voltage   V(f) = v_min below the knee, from there linear up to v_max at sm_mhz_max
 *   static    P(f, V, T) = base_w + leak_w (V/v_max)^2 exp((T - leak_ref_c)/leak_e_c)
 *                          + clock_w (f/sm_mhz_max) (V/v_max)^2 + memory_w (m/mem_mhz_max)
 *             base_w: regulators, fan, what no clock moves; clock_w: the clock tree, which toggles
 *             while a context is resident and nothing computes
 *   uncore    what lies between the SMs and the memory (crossbar, L2) slows down with them:
 *             U(f) = 1 - uncore_loss clamp((uncore_knee_mhz - g)/(uncore_knee_mhz -
 * uncore_floor_mhz), 0, 1) with g = f rounded up to a multiple of uncore_step_mhz: its speed
 * against full speed
 */
#ifndef WTL_SIM_SILICON_H
#define WTL_SIM_SILICON_H

struct wtl_sim_silicon {
    double sm_mhz_min, sm_mhz_max;
    double mem_mhz_max;
    double knee_mhz;     /* at and below it the voltage is v_min */
    double v_min, v_max; /* volt */
    double base_w, leak_w, clock_w, memory_w;
    double leak_ref_c;        /* temperature at which leak_w holds, and calibration was done */
    double leak_e_c;          /* kelvin by which leakage grows e-fold */
    double vram_mib;          /* of the board */
    double vram_reserved_mib; /* of the driver, never free */
    double uncore_knee_mhz;   /* SM clock from which on the uncore runs at full speed */
    double uncore_floor_mhz;  /* SM clock below which it does not slow down further, < knee */
    double uncore_loss;       /* of its speed there, 0 <= loss < 1; 0: no SM clock slows it */
    double uncore_step_mhz;   /* of the SM clock in which it moves; 0: with every clock */
};

/* Volt at an SM clock; never falls with it. Clocks beyond the range take its end. */
double wtl_sim_voltage(const struct wtl_sim_silicon *silicon, double sm_mhz);

/* Speed of the uncore at an SM clock, against its full speed; never falls as the clock rises. */
double wtl_sim_uncore(const struct wtl_sim_silicon *silicon, double sm_mhz);

/* Power in watts of the board with clocks up and nothing running. */
double wtl_sim_static_w(const struct wtl_sim_silicon *silicon, double sm_mhz, double mem_mhz,
                        double temp_c);

/* The same in its parts, for whoever needs it at many temperatures: fixed + leak * factor. */
struct wtl_sim_static {
    double fixed_w;
    double leak_w; /* at the reference temperature */
};
struct wtl_sim_static wtl_sim_static_parts(const struct wtl_sim_silicon *silicon, double sm_mhz,
                                           double mem_mhz);
double wtl_sim_leak_factor(const struct wtl_sim_silicon *silicon, double temp_c);

#endif
