# SPDX-License-Identifier: Apache-2.0
"""libwattle.so.0 through ctypes: where it is found, its functions, its errors."""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
from typing import Any

_NAME = "libwattle.so.0"

MARK_ONLY, ALONE, NO_ESTIMATE = 1, 2, 4  # enum wtl_monitor_flag
SETTLED, CANCEL = 1, 2  # enum wtl_window_flag
_CLOSED = 2  # WTL_USAGE
# WTL_USAGE, WTL_UNSUPPORTED, WTL_LIMIT: what wtl_window_end() says of a window that stays open
_REFUSALS = frozenset((2, 3, 19))


class LibraryNotFound(ImportError):
    """libwattle.so.0 is nowhere, or too old."""


class WattleError(RuntimeError):
    """What the library could not do. `code` is an enum wtl_code, `hint` what to try next."""

    def __init__(self, code: int, message: str, hint: str) -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self.code, self.message, self.hint = code, message, hint


class _Error(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_int),
        ("message", ctypes.c_char * 400),
        ("hint", ctypes.c_char * 400),
        ("source_file", ctypes.c_char_p),
        ("source_func", ctypes.c_char_p),
        ("source_line", ctypes.c_int),
        ("input_file", ctypes.c_char * 256),
        ("input_line", ctypes.c_int64),
        ("input_column", ctypes.c_int64),
    ]


class _MonitorArgs(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("observer", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("ids", ctypes.POINTER(ctypes.c_char_p)),
        ("n_ids", ctypes.c_size_t),
        ("tdp_w", ctypes.c_double),
        ("interval_s", ctypes.c_double),
    ]


class _EndArgs(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("flags", ctypes.c_uint64),
        ("work", ctypes.c_double),
        ("unit", ctypes.c_char_p),
        ("requests", ctypes.POINTER(ctypes.c_char_p)),
        ("requests_work", ctypes.POINTER(ctypes.c_double)),
        ("n_requests", ctypes.c_size_t),
        ("latency_s", ctypes.POINTER(ctypes.c_double)),
    ]


def _places() -> list[str]:
    """Where the library may be, the best place first."""
    forced = os.environ.get("WATTLE_LIBRARY")
    if forced:
        return [forced]
    here = pathlib.Path(__file__).resolve()
    places = []
    if here.parts[-4:-1] == ("bindings", "python", "wattle"):  # the source tree
        places.append(here.parents[3] / "build" / _NAME)
    for prefix in here.parents:  # PREFIX/lib/python3/dist-packages/wattle/_library.py
        if prefix.name == "lib":
            places += [prefix / _NAME, *sorted(prefix.glob("*-linux-gnu*/" + _NAME))]
    return [str(place) for place in places if place.exists()] + [_NAME]


def _load() -> ctypes.CDLL:
    why = []
    for place in _places():
        try:
            library = ctypes.CDLL(place)
        except OSError as error:
            why.append(str(error))
            continue
        if hasattr(library, "wtl_monitor_devices"):
            return library
        why.append(f"{place} is older than this package")
    raise LibraryNotFound(
        f"{_NAME} cannot be loaded: {'; '.join(why)}. Install Wattle, or set WATTLE_LIBRARY to "
        "the path of the library."
    )


_lib = _load()
_lib.wtl_version.restype = ctypes.c_char_p
_lib.wtl_free.argtypes = [ctypes.c_void_p]
_lib.wtl_free.restype = None
_lib.wtl_monitor_close.argtypes = [ctypes.c_void_p]
_lib.wtl_monitor_close.restype = None
_ERROR = ctypes.POINTER(_Error)
_lib.wtl_monitor_open.argtypes = [
    ctypes.POINTER(_MonitorArgs),
    ctypes.POINTER(ctypes.c_void_p),
    _ERROR,
]
_lib.wtl_monitor_devices.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), _ERROR]
_lib.wtl_monitor_ready.argtypes = [ctypes.c_void_p, _ERROR]
_lib.wtl_window_begin.argtypes = [ctypes.c_void_p, ctypes.c_char_p, _ERROR]
_lib.wtl_window_end.argtypes = [
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.POINTER(_EndArgs),
    ctypes.POINTER(ctypes.c_void_p),
    _ERROR,
]
_lib.wtl_devices.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), _ERROR]


def version() -> str:
    """Of the library: "0.1.0"."""
    return str(_lib.wtl_version().decode())


def _check(rc: int, error: _Error) -> None:
    if rc < 0:
        texts = [text.decode("utf-8", "replace") for text in (error.message, error.hint)]
        raise WattleError(-rc, *texts)


def _take(text: ctypes.c_void_p) -> Any:
    """A document, freed."""
    try:
        return json.loads(ctypes.string_at(text.value or 0))
    finally:
        _lib.wtl_free(text)


def is_open_after(error: Exception) -> bool:
    """Whether a window that Handle.end() could not end for that is still open."""
    return not isinstance(error, WattleError) or error.code in _REFUSALS


def devices() -> list[dict[str, Any]]:
    """What `wattle devices --json` lists."""
    text, error = ctypes.c_void_p(), _Error()
    _check(_lib.wtl_devices(None, ctypes.byref(text), ctypes.byref(error)), error)
    return list(_take(text)["devices"])


class Handle:
    """A struct wtl_monitor. Calls release the GIL."""

    def __init__(self, ids: list[str], flags: int, tdp_w: float, interval_s: float) -> None:
        array = (ctypes.c_char_p * len(ids))(*(name.encode() for name in ids))
        args = _MonitorArgs(
            size=ctypes.sizeof(_MonitorArgs),
            flags=flags,
            ids=array if ids else None,
            n_ids=len(ids),
            tdp_w=tdp_w,
            interval_s=interval_s,
        )
        self._monitor = ctypes.c_void_p()
        error = _Error()
        _check(_lib.wtl_monitor_open(args, ctypes.byref(self._monitor), ctypes.byref(error)), error)

    def devices(self) -> list[dict[str, Any]]:
        """Those whose energy windows have; none: nobody measures."""
        text, error = ctypes.c_void_p(), _Error()
        out = ctypes.byref(text)
        _check(_lib.wtl_monitor_devices(self._open(), out, ctypes.byref(error)), error)
        return list(_take(text)["devices"])

    def _open(self) -> ctypes.c_void_p:
        if not self._monitor:
            raise WattleError(_CLOSED, "this monitor is closed", "make another one")
        return self._monitor

    def close(self) -> None:
        """Twice is fine."""
        monitor, self._monitor = self._monitor, ctypes.c_void_p()
        _lib.wtl_monitor_close(monitor)

    def ready(self) -> None:
        error = _Error()
        _check(_lib.wtl_monitor_ready(self._open(), ctypes.byref(error)), error)

    def begin(self, name: bytes) -> None:
        error = _Error()
        _check(_lib.wtl_window_begin(self._open(), name, ctypes.byref(error)), error)

    def end(
        self,
        name: bytes,
        *,
        flags: int = 0,
        work: float | None = None,
        unit: str | None = None,
        requests: dict[str, float] | None = None,
        latency_s: float | None = None,
        measure: bool = True,
    ) -> dict[str, Any] | None:
        """The document of wtl_window_end(); None without `measure`. Of an Exception,
        is_open_after() says whether the window is still open."""
        requests = requests or {}
        args = _EndArgs(
            size=ctypes.sizeof(_EndArgs),
            flags=flags,
            work=work or 0.0,
            unit=unit.encode() if unit else None,
            requests=(ctypes.c_char_p * len(requests))(*(name.encode() for name in requests)),
            requests_work=(ctypes.c_double * len(requests))(*requests.values()),
            n_requests=len(requests),
            latency_s=None if latency_s is None else ctypes.pointer(ctypes.c_double(latency_s)),
        )
        text, error = ctypes.c_void_p(), _Error()
        out = ctypes.byref(text) if measure else None
        _check(_lib.wtl_window_end(self._open(), name, args, out, ctypes.byref(error)), error)
        return _take(text) if measure else None
