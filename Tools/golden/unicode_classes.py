#!/usr/bin/env python3
"""Writes Sources/Tokenizers/UnicodeClassData.swift: the class of every scalar, as tokenizers' regular expressions see it.

The classes are asked of the reference implementation itself, so that the table holds the Unicode version with which the
published vocabularies are used (16.0 with tokenizers 0.23; tiktoken 0.14 gives the same answers).
"""

import pathlib

from tokenizers import Regex, pre_tokenizers

CLASSES = [
    ("b", r"\p{Lu}"), ("c", r"\p{Lt}"), ("d", r"\p{Ll}"), ("e", r"\p{Lm}"), ("f", r"\p{Lo}"), ("g", r"\p{M}"),
    ("h", r"\p{N}"), ("i", r"\s"),
]
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"


def base32(value):
    text = ""
    while value:
        text = DIGITS[value % 32] + text
        value //= 32
    return text


def main():
    scalars = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    everything = "".join(map(chr, scalars))
    table = ["a"] * 0x110000
    for letter, pattern in CLASSES:
        kept = pre_tokenizers.Split(Regex(pattern), "removed").pre_tokenize_str(everything)
        members = set(scalars) - {ord(c) for piece, _ in kept for c in piece}
        for c in members:
            assert table[c] == "a", hex(c)
            table[c] = letter
    runs = []
    start = 0
    for c in range(1, 0x110001):
        if c == 0x110000 or table[c] != table[start]:
            runs.append(table[start] + (base32(c - start) if c - start > 1 else ""))
            start = c
    lines, line = [], ""
    for run in runs:
        if len(line) + len(run) > 96:
            lines.append(line)
            line = ""
        line += run
    lines.append(line)
    out = [
        "// Written by Tools/golden/unicode_classes.py; do not edit.",
        "",
        "extension UnicodeClasses {",
        "    /// Runs of equal class from U+0000 up, Unicode 16.0: a letter for the class, then the length in base 32 (nothing",
        "    /// for 1).",
        '    static let runs: StaticString = """',
    ]
    out += ["        " + line + "\\" for line in lines[:-1]] + ["        " + lines[-1], '        """', "}", ""]
    path = pathlib.Path(__file__).resolve().parents[2] / "Sources/Tokenizers/UnicodeClassData.swift"
    path.write_text("\n".join(out))
    print(len(runs), "runs,", sum(map(len, lines)), "bytes")


main()
