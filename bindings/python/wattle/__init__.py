# SPDX-License-Identifier: Apache-2.0
"""Energy of windows of a program, with intervals: docs/python.md of Wattle.

    from wattle import Monitor

    monitor = Monitor()
    monitor.begin_window("epoch")
    ...
    result = monitor.end_window("epoch")
    print(result.time, result.gpu_energy, result.interval)
"""

from ._library import LibraryNotFound, WattleError, version
from .monitor import Measurement, Monitor, Window

__all__ = ["LibraryNotFound", "Measurement", "Monitor", "WattleError", "Window", "version"]
