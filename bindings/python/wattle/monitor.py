# SPDX-License-Identifier: Apache-2.0
"""Monitor: windows of this program and their energy, in the shape of Zeus' monitor."""

from __future__ import annotations

import contextlib
import csv
import functools
import inspect
import math
import os
import pathlib
import re
import threading
import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from numbers import Integral
from types import TracebackType
from typing import Any, Callable, TextIO, TypeVar

from . import _library
from ._sync import SyncWith, waiter

_Function = TypeVar("_Function", bound=Callable[..., Any])
_NAME_BYTES = 63
_NAMES_MAX = 10000  # that are told apart where markers would have them alike


@dataclass
class Measurement:
    """One window. Energies are in joules, by index, as in Zeus; what follows is Wattle's own.

    time            seconds
    gpu_energy      by GPU
    cpu_energy      by CPU package; None: not measured
    dram_energy     the memory of packages; None: not measured
    soc_energy      always None: no such sensor is read
    interval        by device id: (low, high) of the random part, 95 %
    method          by device id: "counter_edges", "counter", "ring", "polled", "averaged", "estimated"
    energy_class    by device id: how far absolute joules can be off, "A" (5 %) to "D" (factor of 2)
    device_energy   by device id
    energy          all of these that are no part of another; None: not known, which is warned of
    settled         whether later readings could not have changed it
    latency_s       as it was given
    document        all that the library said, also of devices that were not chosen
    """

    time: float
    gpu_energy: dict[int, float] = field(default_factory=dict)
    cpu_energy: dict[int, float] | None = None
    dram_energy: dict[int, float] | None = None
    soc_energy: None = None
    interval: dict[str, tuple[float, float]] = field(default_factory=dict)
    method: dict[str, str] = field(default_factory=dict)
    energy_class: dict[str, str] = field(default_factory=dict)
    device_energy: dict[str, float] = field(default_factory=dict)
    energy: float | None = None
    energy_interval: tuple[float, float] | None = None
    settled: bool = False
    work: float | None = None
    unit: str | None = None
    latency_s: float | None = None
    document: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def total_energy(self) -> float:
        """Of the GPUs, as in Zeus; `energy` is that of all devices."""
        return sum(self.gpu_energy.values())


def _number(device: dict[str, Any], position: int) -> int:
    """By which a device goes: as its vendor numbers it, as its id does, or as it came."""
    if device["index"] is not None:
        return int(device["index"])
    match = re.match(r"rapl:(\d+)", device["id"])
    return int(match.group(1)) if match else position


def _numbered(devices: list[dict[str, Any]], kind: str) -> list[tuple[int, dict[str, Any]]]:
    of_kind = [device for device in devices if device["kind"] == kind]
    return [(_number(device, position), device) for position, device in enumerate(of_kind)]


def _visible_gpus(devices: list[dict[str, Any]], whole: bool) -> list[tuple[int, dict[str, Any]]]:
    """As frameworks number them, after CUDA_VISIBLE_DEVICES. whole: these are all of the machine."""
    gpus = _numbered(devices, "gpu")
    setting = os.environ.get("CUDA_VISIBLE_DEVICES")
    if setting is None:
        return gpus
    visible = []
    words = filter(None, (word.strip() for word in setting.split(",")))
    for position, word in enumerate(words):
        found = [
            gpu
            for number, gpu in gpus
            if (word.isdigit() and number == int(word)) or gpu["id"].startswith("nvml:" + word)
        ]
        if not found and whole:  # as CUDA does: what follows an unknown one is not visible
            break
        visible += [(position, gpu) for gpu in found[:1]]
    return visible


def _named(devices: list[dict[str, Any]], name: str) -> list[str]:
    """Ids that a name can mean: an id or the start of one, a UUID, the number of a GPU."""
    ids = [device["id"] for device in devices]
    if name in ids:
        return [name]
    if name.isdigit():
        return [d["id"] for d in devices if d["kind"] == "gpu" and d["index"] == int(name)]
    return [i for i in ids if len(name) >= 8 and (i.startswith(name) or i.startswith("nvml:" + name))]


def _number_all(devices: list[dict[str, Any]], whole: bool) -> dict[str, list[tuple[int, str]]]:
    """Number and id of all that have a number, by kind."""
    found = {"gpu": _visible_gpus(devices, whole)}
    found.update({kind: _numbered(devices, kind) for kind in ("cpu", "dram")})
    return {kind: [(n, device["id"]) for n, device in items] for kind, items in found.items()}


def _list(what: str, values: Any, kind: type, of: str) -> Any:
    if values is None:
        return None
    items = list(values) if isinstance(values, Iterable) and not isinstance(values, str) else [None]
    if not all(isinstance(item, kind) for item in items):
        raise TypeError(f"{what}={values!r}: a list of {of}, or None")
    return items


def _cut(name: str, room: int) -> str:
    return name.encode()[:room].decode("utf-8", "ignore")


class _Names:
    """Of windows, as markers have them: one word of 63 bytes; another one for every key."""

    def __init__(self) -> None:
        self._by_key: dict[str, bytes] = {}
        self._taken: set[bytes] = set()

    def of(self, key: str) -> bytes:
        if not isinstance(key, str):
            raise TypeError(f"the key of a window is text, not {key!r}")
        name = self._by_key.get(key)
        if name is not None:
            return name
        word = re.sub(r"[\x00-\x20\x7f]+", "_", key) or "_"
        name, again = _cut(word, _NAME_BYTES).encode(), 2
        while name in self._taken:
            mark = f"~{again}"
            name, again = (_cut(word, _NAME_BYTES - len(mark)) + mark).encode(), again + 1
        if len(self._by_key) < _NAMES_MAX:
            self._by_key[key] = name
            self._taken.add(name)
        return name


def _warn(text: str) -> None:
    """Of the line of the program that called this package."""
    here, level = os.path.dirname(__file__), 1
    frame = inspect.currentframe()
    while frame and os.path.dirname(frame.f_code.co_filename) == here:
        frame, level = frame.f_back, level + 1
    warnings.warn(text, RuntimeWarning, stacklevel=level)


def _is_part(device: dict[str, Any], devices: list[dict[str, Any]]) -> bool:
    """Whether another of these counts it already."""
    return device["part_of_another"] and any(
        other["kind"] == "node" or device["id"].startswith(other["id"] + "/")
        for other in devices
        if other is not device
    )


def _sum(devices: list[dict[str, Any]]) -> tuple[float, tuple[float, float]] | None:
    """Energy and interval of all that are no part of another. Estimates are off alike."""
    energies = [device["energy"] for device in devices if not _is_part(device, devices)]
    if not energies:
        return None
    joules = sum(e["energy_j"] for e in energies)
    sides = []
    for k in (0, 1):
        widths: dict[bool, list[float]] = {True: [], False: []}
        for e in energies:
            widths[e["method"] == "estimated"].append(abs(e["interval_j"][k] - e["energy_j"]))
        sides.append(math.hypot(sum(widths[True]), *widths[False]))
    return joules, (joules - sides[0], joules + sides[1])


class _Log:
    """Zeus' table of windows. Its columns are the GPUs that are meant."""

    def __init__(self, path: str | os.PathLike[str], gpus: list[int]) -> None:
        self._path, self._gpus = path, gpus
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = open(path, "w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._lock = threading.Lock()
        columns = [f"gpu{gpu}_energy" for gpu in gpus]
        try:
            self._rows.writerow(["start_time", "window_name", "elapsed_time", *columns])
            self._file.flush()
        except OSError as error:
            self.close()
            raise OSError(error.errno, error.strerror, str(self._path)) from None

    def add(self, start: float, key: str, result: Measurement) -> None:
        """What cannot be written is warned of: the measurement is worth more than its line."""
        energies = [result.gpu_energy.get(gpu, "") for gpu in self._gpus]
        with self._lock:
            if self._file.closed:
                return
            try:
                self._rows.writerow([start, key, result.time, *energies])
                self._file.flush()
                return
            except OSError as error:
                why = error.strerror
                self.close()
        _warn(f'the log "{self._path}" ends here, without window "{key}": {why}')

    def close(self) -> None:
        with contextlib.suppress(OSError):  # of what is still in its buffer
            self._file.close()


class _StillOpen(Exception):
    """What was said of the end of a window cannot be: it has not ended."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class Window:
    """What Monitor.window() gives: a context manager and a decorator.

    `measurement` is there after the end, also when the block raised; `work` and `latency_s` may be
    set in it.
    """

    def __init__(self, monitor: Monitor, key: str, options: dict[str, Any]) -> None:
        self._monitor, self._key, self._options = monitor, key, options
        self._begun: tuple[int, float] | None = None
        self._pid = 0
        self.work: float | None = options["work"]
        self.latency_s: float | None = options["latency_s"]
        self.measurement: Measurement | None = None

    def __enter__(self) -> Window:
        if self._begun:
            raise RuntimeError(f'this window "{self._key}" is open: monitor.window() makes another')
        self._begun = self._monitor._begin(self._key, self._options["sync_execution"])
        self._pid = os.getpid()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        begun, self._begun = self._begun, None
        assert begun is not None
        if self._pid != os.getpid():  # a child of fork() leaves the block: the window is its parent's
            return
        options = dict(self._options, work=self.work, latency_s=self.latency_s)
        # What was spent counts, though nobody knows what was done, or what was said cannot be.
        nothing = dict(self._options, work=None, unit=None, requests=None, latency_s=None)
        if kind is not None:
            with contextlib.suppress(Exception):  # the block's own goes on
                self.measurement = self._monitor._end(self._key, begun, **nothing)
            return
        try:
            self.measurement = self._monitor._end(self._key, begun, **options)
        except _StillOpen as refused:
            nothing["sync_execution"] = False
            self.measurement = self._monitor._end(self._key, begun, **nothing)
            raise refused.error from None

    def __call__(self, function: _Function) -> _Function:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function.__name__}() is a generator, which runs after it has returned: "
                f"open the window in it, by a with block"
            )
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with Window(self._monitor, self._key, self._options):
                    return await function(*args, **kwargs)

            return awaited  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with Window(self._monitor, self._key, self._options):
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]


class Monitor:
    """Time and energy of windows.

    Under `wattle stat|record|sweep` that command measures, and gets to know the windows; else
    this process does, on threads of the library. Threads may share a monitor, and a child of
    fork() gets its own when it first uses it.

    gpu_indices, cpu_indices   which are meant, GPUs after CUDA_VISIBLE_DEVICES; None: all, []: none
    devices                    instead: names as of `wattle devices`. Who listens must measure what
                               is meant: else a ValueError
    approx_instant_energy      taken for Zeus' sake: short windows are always told, with an interval
    log_file                   Zeus' table of windows, written as they end; OSError
    sync_execution_with        "torch", "jax", "cupy" or a function: called before a window begins
                               and ends; None: nothing is waited for
    settled                    whether end_window() waits, a tenth of a second or so, until the
                               energy is as good as it gets; else it is told at once with a wider
                               interval
    mark_only                  never measure here: without a listener nothing is told
    tdp_w                      of the CPUs, for the estimate where they have no sensor
    interval_s                 between readings; 0: at the sensors' own rate
    """

    def __init__(
        self,
        gpu_indices: list[int] | None = None,
        cpu_indices: list[int] | None = None,
        approx_instant_energy: bool = False,
        log_file: str | os.PathLike[str] | None = None,
        sync_execution_with: SyncWith = None,
        *,
        devices: list[str] | None = None,
        settled: bool = False,
        mark_only: bool = False,
        tdp_w: float = 0.0,
        interval_s: float = 0.0,
    ) -> None:
        if devices is not None and (gpu_indices is not None or cpu_indices is not None):
            raise ValueError("devices and gpu_indices or cpu_indices exclude each other")
        gpu_indices = _list("gpu_indices", gpu_indices, Integral, "numbers")
        cpu_indices = _list("cpu_indices", cpu_indices, Integral, "numbers")
        devices = _list("devices", devices, str, "names")
        if devices is not None and not devices:
            raise ValueError("no device is left to measure")
        self.gpu_indices, self.cpu_indices = gpu_indices, cpu_indices
        self.approx_instant_energy = approx_instant_energy
        self.settled = settled
        self._listened = bool(os.environ.get("WATTLE_MARKERS"))
        self._mark_only = mark_only
        self._wait = waiter(sync_execution_with)
        self._flags = _library.MARK_ONLY if mark_only else 0
        self._settings = (tdp_w, interval_s)
        self._ids = list(devices or [])
        self._numbers: dict[str, list[tuple[int, str]]] | None = None
        self._meant: set[str] | None = None  # ids; None: all that are measured
        self._names = _Names()
        self._log: _Log | None = None
        if not self._listened and not mark_only and devices is None:
            self._ids = self._choose_here()
        self._open()
        try:
            self._find_meant()
            if log_file is not None:
                self._log = _Log(log_file, self._gpus())
        except BaseException:
            self.close()
            raise

    # ---- Opening and closing ---------------------------------------------------------------------

    def _choose_here(self) -> list[str]:
        """Ids of what this process shall open, with their numbers in _numbers; none: all."""
        if self.gpu_indices is None and self.cpu_indices is None:
            return []
        # What is opened may lack those by which the others are numbered.
        self._numbers = _number_all(_library.devices(), whole=True)
        return self._choose(self._numbers, "is not here")

    def _choose(self, numbers: dict[str, list[tuple[int, str]]], lacks: str) -> list[str]:
        for kind, title in (("gpu", "GPU"), ("cpu", "CPU package")):
            there = sorted({number for number, _ in numbers[kind]})
            for number in self._wanted(kind) or []:
                if number not in there:
                    which = ", ".join(map(str, there))
                    raise ValueError(
                        f"{title} {number} {lacks}: {which + ' can be chosen' if which else 'none is'}"
                    )
        ids = [name for kind in numbers for _, name in self._chosen(kind, numbers)]
        if not ids:
            raise ValueError("no device is left to measure")
        return ids

    def _find_meant(self) -> None:
        """Numbers of what is measured, and which of it is told of."""
        devices = self._handle.devices()
        if not devices or self._numbers is not None:  # nobody measures; just what was chosen
            return
        self._numbers = _number_all(devices, whole=not self._listened and not self._ids)
        if self._listened and self._ids:
            self._meant = {self._listened_to(devices, name) for name in self._ids}
        elif self.gpu_indices is not None or self.cpu_indices is not None:
            self._meant = set(self._choose(self._numbers, "is not measured by who listens"))
        elif not self._ids:  # all but GPUs that are not visible
            hidden = {d["id"] for d in devices if d["kind"] == "gpu"}
            hidden -= {name for _, name in self._numbers["gpu"]}
            self._meant = {d["id"] for d in devices} - hidden if hidden else None

    @staticmethod
    def _listened_to(devices: list[dict[str, Any]], name: str) -> str:
        found = _named(devices, name)
        if len(found) != 1:
            ids = ", ".join(device["id"] for device in devices)
            raise ValueError(
                f'device "{name}" is {"several that are" if found else "not"} measured by who '
                f"listens (wattle stat -i): {ids}"
            )
        return found[0]

    def _gpus(self) -> list[int]:
        numbers = self._chosen("gpu", self._numbers) if self._numbers else []
        return [n for n, name in numbers if self._meant is None or name in self._meant]

    def _wanted(self, kind: str) -> list[int] | None:
        return self.gpu_indices if kind == "gpu" else self.cpu_indices

    def _chosen(
        self, kind: str, numbers: dict[str, list[tuple[int, str]]]
    ) -> list[tuple[int, str]]:
        wanted = self._wanted(kind)
        return [item for item in numbers[kind] if wanted is None or item[0] in wanted]

    def _open(self) -> None:
        self._handle = _library.Handle(self._ids, self._flags, *self._settings)
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._open_windows: dict[str, tuple[int, float]] = {}

    def _here(self) -> _library.Handle:
        """The handle of this process: a child of fork() opens its own, without its parent's
        windows and log."""
        if self._pid != os.getpid():
            self._handle.close()
            self._log = None
            self._open()
        return self._handle

    def close(self) -> None:
        """Ends measuring. Twice is fine."""
        if self._pid == os.getpid() and self._log:
            self._log.close()
        self._log = None
        self._handle.close()

    def __reduce__(self) -> str:
        raise TypeError("a Monitor cannot be sent to another process, or copied: make one there")

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        handle = getattr(self, "_handle", None)
        if handle is not None:
            handle.close()

    # ---- Windows ---------------------------------------------------------------------------------

    def begin_window(self, key: str, sync_execution: bool = True, restart: bool = False) -> None:
        """`key` is not open in this monitor. restart: where it is, it is dropped, and begins anew."""
        handle = self._here()
        with self._lock:
            name = self._names.of(key)
            known = key in self._open_windows
            if known and not restart:
                raise ValueError(f"Measurement window '{key}' already exists")
            if known:
                del self._open_windows[key]
                handle.end(name, flags=_library.CANCEL, measure=False)
            self._open_windows[key] = (0, 0.0)  # taken, while others wait for the GPU
        try:
            self._open_windows[key] = self._begin(key, sync_execution)
        except BaseException:
            self._open_windows.pop(key, None)
            raise

    def end_window(
        self,
        key: str,
        sync_execution: bool = True,
        cancel: bool = False,
        *,
        work: float | None = None,
        unit: str | None = None,
        requests: dict[str, float] | None = None,
        latency_s: float | None = None,
        settled: bool | None = None,
        measure: bool = True,
    ) -> Measurement:
        """Ends it. `work` units were done in it, for `requests` (units by id); its one request took
        `latency_s` seconds from the time that it was due.

        cancel: it does not count. measure=False: only its time is told, in microseconds.
        What cannot be said (work below 0, a unit of two words) is an error, and it is still open.
        """
        self._here()
        with self._lock:
            begun = self._open_windows.pop(key, None)
        if begun is None:
            raise ValueError(f"Measurement window '{key}' does not exist")
        options = {"sync_execution": sync_execution, "cancel": cancel, "measure": measure}
        options.update(work=work, unit=unit, requests=requests, settled=settled)
        try:
            return self._end(key, begun, latency_s=latency_s, **options)
        except _StillOpen as refused:
            with self._lock:
                self._open_windows.setdefault(key, begun)
            raise refused.error from None

    def window(
        self,
        key: str,
        *,
        work: float | None = None,
        unit: str | None = None,
        requests: dict[str, float] | None = None,
        latency_s: float | None = None,
        settled: bool | None = None,
        measure: bool = True,
        sync_execution: bool = True,
    ) -> Window:
        """A window as `with monitor.window("batch"):` or `@monitor.window("batch")`.

        The same key may be open several times: nested, and in several threads.
        """
        options = {"sync_execution": sync_execution, "measure": measure}
        options.update(work=work, unit=unit, requests=requests, settled=settled)
        return Window(self, key, dict(options, latency_s=latency_s))

    def ready(self) -> None:
        """Loaded and warm: a sweep measures from now on."""
        self._here().ready()

    def _begin(self, key: str, sync_execution: bool) -> tuple[int, float]:
        handle = self._here()
        if sync_execution and self._wait:
            self._wait()
        with self._lock:
            name = self._names.of(key)
        handle.begin(name)
        return time.monotonic_ns(), time.time()

    def _end(
        self,
        key: str,
        begun: tuple[int, float],
        *,
        sync_execution: bool,
        work: float | None,
        unit: str | None,
        requests: dict[str, float] | None,
        latency_s: float | None,
        settled: bool | None,
        measure: bool,
        cancel: bool = False,
    ) -> Measurement:
        """_StillOpen: the window is."""
        handle = self._here()
        with self._lock:
            name = self._names.of(key)
        try:
            if sync_execution and self._wait:
                self._wait()
        except BaseException:  # else it would be open for ever
            with contextlib.suppress(_library.WattleError):
                handle.end(name, flags=_library.CANCEL, measure=False)
            raise
        elapsed = 1e-9 * (time.monotonic_ns() - begun[0])
        wait = self.settled if settled is None else settled
        if self._listened and self._numbers is None:  # in a sweep that would cost time for nothing
            wait = False
        flags = _library.CANCEL if cancel else _library.SETTLED if wait else 0
        try:
            document = handle.end(
                name,
                flags=flags,
                work=work,
                unit=unit,
                requests=requests,
                latency_s=latency_s,
                measure=measure and not cancel,
            )
        except Exception as error:
            if _library.is_open_after(error):
                raise _StillOpen(error) from None
            raise
        if document is None:
            return Measurement(time=elapsed, work=work, unit=unit, latency_s=latency_s)
        result = self._measurement(document)
        if result.energy is None and not self._mark_only:
            self._warn_of_no_energy()
        if self._log:
            self._log.add(begun[1], key, result)
        return result

    def _warn_of_no_energy(self) -> None:
        if self._numbers is None:
            _warn(
                "nobody measures here, and windows have no energy: a sweep has it in its campaign; "
                "where WATTLE_MARKERS is left over, unset it; measure=False asks for none"
            )
        else:
            _warn("the energy of a window is not known: too many at once, or no answer in time")

    # ---- Results ---------------------------------------------------------------------------------

    def _measurement(self, document: dict[str, Any]) -> Measurement:
        meant = self._meant
        devices = [
            device
            for device in document["devices"]
            if device["energy"] and (meant is None or device["id"] in meant)
        ]
        numbers = self._numbers
        if numbers is None:  # also of those without energy: they have their numbers
            numbers = _number_all(document["devices"], whole=True)
        whole = document["energy"]
        total = _sum(devices) if meant is not None else None
        if meant is None and whole:
            total = whole["energy_j"], (whole["interval_j"][0], whole["interval_j"][1])
        energies = {device["id"]: device["energy"] for device in devices}
        return Measurement(
            time=document["time_s"],
            gpu_energy=self._energies("gpu", numbers, energies),
            cpu_energy=self._energies("cpu", numbers, energies) or None,
            dram_energy=self._energies("dram", numbers, energies) or None,
            interval={name: (e["interval_j"][0], e["interval_j"][1]) for name, e in energies.items()},
            method={name: e["method"] for name, e in energies.items()},
            energy_class={name: e["class"] for name, e in energies.items()},
            device_energy={name: e["energy_j"] for name, e in energies.items()},
            energy=total[0] if total else None,
            energy_interval=total[1] if total else None,
            settled=document["settled"],
            work=document["work"],
            unit=document["unit"],
            latency_s=document.get("latency_s"),
            document=document,
        )

    def _energies(
        self,
        kind: str,
        numbers: dict[str, list[tuple[int, str]]],
        energies: dict[str, dict[str, Any]],
    ) -> dict[int, float]:
        """By number. What has one number (the dies of a package) is added up, if all of it is known."""
        sums: dict[int, float] = {}
        unknown = set()
        for number, name in self._chosen(kind, numbers):
            if name in energies:
                sums[number] = sums.get(number, 0.0) + energies[name]["energy_j"]
            else:
                unknown.add(number)
        return {number: joules for number, joules in sums.items() if number not in unknown}
