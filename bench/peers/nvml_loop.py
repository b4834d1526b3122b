#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A sampling loop as Python scripts have it: ctypes over libnvidia-ml.so.1, which is what pynvml is.

Reads energy and power of every GPU at an interval and prints the share of a core that this takes, as
JSON. Under `eval "$(wattle sim env)"` it reads the virtual machine room.

    nvml_loop.py [INTERVAL_MS [SECONDS]]     10 ms and 10 s
"""
import ctypes
import json
import resource
import sys
import time


def cpu_s():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    interval_s = float(sys.argv[1]) / 1e3 if len(sys.argv) > 1 else 0.01
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    nvml = ctypes.CDLL("libnvidia-ml.so.1")
    count = ctypes.c_uint()
    if nvml.nvmlInit_v2() != 0 or nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
        sys.exit("nvml_loop.py: no NVML here")
    handles = []
    for i in range(count.value):
        handle = ctypes.c_void_p()
        nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(i), ctypes.byref(handle))
        handles.append(handle)
    energy, power, rows = ctypes.c_ulonglong(), ctypes.c_uint(), []
    readings, before, begun = 0, cpu_s(), time.monotonic()
    due = begun
    while due < begun + seconds:
        for handle in handles:
            nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(energy))
            nvml.nvmlDeviceGetPowerUsage(handle, ctypes.byref(power))
            rows.append((time.monotonic(), energy.value, power.value))
            readings += 1
        if len(rows) > 10000:
            rows.clear()
        due += interval_s
        time.sleep(max(0.0, due - time.monotonic()))
    cpu = cpu_s() - before
    elapsed = time.monotonic() - begun
    print(json.dumps({"devices": len(handles), "interval_ms": 1e3 * interval_s, "seconds": elapsed,
                      "cpu_share": round(cpu / elapsed, 6),
                      "readings_per_s": round(readings / elapsed / len(handles), 1),
                      "us_per_reading": round(1e6 * cpu / readings, 2)}))


if __name__ == "__main__":
    main()
