# SPDX-License-Identifier: Apache-2.0
"""Builds the wheel of pyproject.toml: a few Python files need no build system (PEP 517, PEP 427)."""

import base64
import hashlib
import pathlib
import re
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
VERSION = re.search(r'^version = "(.*)"', (HERE / "pyproject.toml").read_text(), re.M).group(1)
INFO = f"wattle-{VERSION}.dist-info"
WHEEL = "Wheel-Version: 1.0\nGenerator: wattle\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
METADATA = (
    f"Metadata-Version: 2.1\nName: wattle\nVersion: {VERSION}\n"
    "Summary: Energy of windows of a program, with intervals, by libwattle\n"
    "License: Apache-2.0\nRequires-Python: >=3.9\n"
)


def _write(wheel, files):
    record = ""
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            record += f"{name},sha256={digest},{len(content)}\n"
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)
        record += f"{INFO}/RECORD,,\n"
        archive.writestr(zipfile.ZipInfo(f"{INFO}/RECORD", (2026, 1, 1, 0, 0, 0)), record)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """The wheel; returns its name."""
    name = f"wattle-{VERSION}-py3-none-any.whl"
    files = {
        f"wattle/{path.name}": path.read_bytes()
        for path in sorted((HERE / "wattle").iterdir())
        if path.suffix == ".py" or path.name == "py.typed"
    }
    files[f"{INFO}/WHEEL"] = WHEEL.encode()
    files[f"{INFO}/METADATA"] = METADATA.encode()
    _write(pathlib.Path(wheel_directory) / name, files)
    return name
