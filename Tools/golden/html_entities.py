#!/usr/bin/env python3
"""Writes Sources/TextProcessing/Cleaning/HTMLEntityData.swift: the named character references of the HTML standard.

The source is Python's html.entities.html5. Names that the standard allows without a semicolon are marked.
"""

import html.entities
import pathlib

WIDTH = 96


def main():
    table = html.entities.html5
    entries = []
    for name in sorted(name for name in table if name.endswith(";")):
        plain = name[:-1]
        mark = "!" if plain in table else ""
        value = " ".join(f"{ord(scalar):X}" for scalar in table[name])
        entries.append(f"{mark}{plain}={value.replace(' ', '+')}")
    lines, line = [], ""
    for entry in entries:
        if len(line) + len(entry) + 1 > WIDTH:
            lines.append(line)
            line = ""
        line += entry + " "
    lines.append(line.rstrip())
    out = [
        "// Written by Tools/golden/html_entities.py; do not edit.",
        "",
        "extension HTMLEntities {",
        "    /// Name and scalars in hexadecimal of every named character reference; an exclamation mark stands before those",
        "    /// that need no semicolon.",
        '    static let list: StaticString = """',
    ]
    out += ["        " + line + "\\" for line in lines[:-1]] + ["        " + lines[-1], '        """', "}", ""]
    root = pathlib.Path(__file__).resolve().parents[2]
    (root / "Sources/TextProcessing/Cleaning/HTMLEntityData.swift").write_text("\n".join(out))
    print(len(entries), "entities,", sum(map(len, lines)), "bytes")


main()
