/* SPDX-License-Identifier: Apache-2.0
 *
 * The virtual GPU of src/sim inside this process: `virtual:BOARD[#N][,OPTION...]`.
 *
 *   BOARD         a profile (a100, v100, h100, rtx3080ti, p40, or a YAML file), or "plain": a
 *                 made-up board that needs no file
 *   #N            its number, 0..31 (its PCI bus); several of one board differ by it and its seed
 *   seed=N        of the card: gain and offset of its sensor, noise, deviation from the profile;
 *                 default 1
 *   load=W[/B][@S]  a process that runs workload W all the time, B items a batch, on S of the SMs
 *                 ("load=resnet50/64@40%"); may be repeated: with more than one they are MPS
 * clients on=T/P        the load before it works only the first T of every P ("on=2s/5s")
 *   calibrated    as the profile says, without the seed's deviation
 *   exact         sensors without gain, offset and noise
 *
 * Simulated time is the machine's: from 0 at opening, and a call brings the simulation up to now.
 * Everything is of this process: nobody else sees the board, and it is gone at close. The board
 * that other programs see, too, is that of `wattle sim start`.
 */
#ifndef WTL_DEVICE_VIRTUAL_VIRTUAL_H
#define WTL_DEVICE_VIRTUAL_VIRTUAL_H

#include "device/device.h"
#include "sim/gpu.h"

enum { WTL_VIRTUAL_LOADS = 8 };

struct wtl_virtual_load {
    char workload[WTL_SIM_NAME];
    int batch;    /* 0: the workload's own */
    double share; /* of the SMs, 0 < share <= 1 */
    struct wtl_sim_pattern pattern;
};

struct wtl_virtual_options {
    char board[WTL_LIMIT_NAME];
    int index;
    struct wtl_sim_options sim;
    int n_loads;
    struct wtl_virtual_load load[WTL_VIRTUAL_LOADS];
};

/* Takes apart what follows "virtual:". -WTL_USAGE quotes what it cannot read. */
int wtl_virtual_parse(const char *text, struct wtl_virtual_options *options_out,
                      struct wtl_error *err);

/* The GPU of a virtual device's state, brought up to now: for tests that ask for the truth. */
struct wtl_device_ops;
const struct wtl_sim_gpu *wtl_virtual_gpu(const struct wtl_device_ops *ops);

#endif
