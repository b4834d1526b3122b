#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes files as C arrays: embed_font.py OUT.c NAME=FILE..."""
import sys

with open(sys.argv[1], "w", encoding="ascii") as out:
    out.write('#include "report/font_data.h"\n')
    for argument in sys.argv[2:]:
        name, path = argument.split("=", 1)
        with open(path, "rb") as font:
            data = font.read()
        out.write(f"\nconst unsigned char wtl_font_{name}[] = {{")
        for i, byte in enumerate(data):
            out.write(("\n    " if i % 20 == 0 else " ") + f"{byte},")
        out.write(f"\n}};\nconst unsigned wtl_font_{name}_size = {len(data)};\n")
