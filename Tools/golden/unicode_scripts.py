#!/usr/bin/env python3
"""Writes Sources/Tokenizers/ScriptData.swift: the script of every scalar, from the Unicode data of fontTools.

usage: unicode_scripts.py
"""

import pathlib

from fontTools import unicodedata

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"


def base32(value):
    text = ""
    while value:
        text = DIGITS[value % 32] + text
        value //= 32
    return text


def main():
    names = ["Zyyy", "Zinh", "Hani", "Hira", "Kana"]
    table = []
    for scalar in range(0x110000):
        name = unicodedata.script(chr(scalar))
        if name not in names:
            names.append(name)
        table.append(names.index(name))
    runs, start = [], 0
    for scalar in range(1, 0x110001):
        if scalar == 0x110000 or table[scalar] != table[start]:
            first, second = divmod(table[start], 26)
            length = base32(scalar - start) if scalar - start > 1 else ""
            runs.append(chr(97 + first) + chr(97 + second) + length)
            start = scalar
    lines, line = [], ""
    for run in runs:
        if len(line) + len(run) > 96:
            lines.append(line)
            line = ""
        line += run
    lines.append(line)
    out = [
        "// Written by Tools/golden/unicode_scripts.py; do not edit.",
        "",
        "extension UnicodeScript {",
        f"    /// Runs of equal script from U+0000 up: two letters for the number of the",
        "    /// script (aa common, ab inherited, ac Han, ad Hiragana, ae Katakana, others by first appearance), then the length",
        "    /// in base 32 (nothing for 1).",
        '    static let runs: StaticString = """',
    ]
    out += ["        " + line + "\\" for line in lines[:-1]] + ["        " + lines[-1], '        """', "}", ""]
    path = pathlib.Path(__file__).resolve().parents[2] / "Sources/Tokenizers/ScriptData.swift"
    path.write_text("\n".join(out))
    print(len(names), "scripts,", len(runs), "runs,", sum(map(len, lines)), "bytes")


main()
