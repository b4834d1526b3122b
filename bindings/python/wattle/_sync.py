# SPDX-License-Identifier: Apache-2.0
"""Waiting for what was dispatched to GPUs: by the framework that dispatched it."""

from __future__ import annotations

import importlib
from typing import Any, Callable, Union

SyncWith = Union[str, Callable[[], Any], None]


def _torch(torch: Any) -> Callable[[], Any]:
    def wait() -> None:
        if torch.cuda.is_available():
            for device in range(torch.cuda.device_count()):
                torch.cuda.synchronize(device)

    return wait


def _jax(jax: Any) -> Callable[[], Any]:
    def wait() -> None:
        for device in jax.devices():
            jax.device_put(0.0, device).block_until_ready()

    return wait


def _cupy(cupy: Any) -> Callable[[], Any]:
    def wait() -> None:
        for device in range(cupy.cuda.runtime.getDeviceCount()):
            with cupy.cuda.Device(device):
                cupy.cuda.runtime.deviceSynchronize()

    return wait


_FRAMEWORKS = {"torch": _torch, "jax": _jax, "cupy": _cupy}


def waiter(sync_with: SyncWith) -> Callable[[], Any] | None:
    """The function that waits; None: there is nothing to wait for."""
    if sync_with is None or callable(sync_with):
        return sync_with
    if sync_with not in _FRAMEWORKS:
        raise ValueError(
            f'sync_execution_with="{sync_with}": one of {", ".join(_FRAMEWORKS)}, a function, or None'
        )
    try:
        return _FRAMEWORKS[sync_with](importlib.import_module(sync_with))
    except ImportError as error:
        raise ImportError(
            f'sync_execution_with="{sync_with}", but {sync_with} cannot be imported: {error}'
        ) from error
