#!/usr/bin/env python3
"""Writes Sources/Tokenizers/UnicodePropertyData.swift: what normalisers and pre-tokenizers know about each scalar.

The reference implementation mixes tables of several Unicode versions; each property is therefore asked of it, scalar by
scalar, through the component that uses it.
"""

import pathlib
import unicodedata

from tokenizers import normalizers, pre_tokenizers

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def base32(value):
    text = ""
    while value:
        text = DIGITS[value % 32] + text
        value //= 32
    return text


def zigzag(value):
    return value * 2 if value >= 0 else -value * 2 - 1


def kept(pre_tokenizer):
    """The scalars that the pieces of a text of all scalars hold."""
    return {ord(c) for piece, _ in pre_tokenizer.pre_tokenize_str("".join(map(chr, SCALARS))) for c in piece}


def flags():
    everything = "".join(map(chr, SCALARS))
    table = [0] * 0x110000
    spaces = set(SCALARS) - kept(pre_tokenizers.WhitespaceSplit())
    clean = normalizers.BertNormalizer(True, False, False, False).normalize_str(everything)
    others = set(SCALARS) - {ord(c) for c in clean} - spaces
    for c in spaces:
        table[c] |= 1
    for c in others:
        table[c] |= 2
    for piece, _ in pre_tokenizers.Punctuation("isolated").pre_tokenize_str(everything):
        if len(piece) == 1 and len(pre_tokenizers.Punctuation("isolated").pre_tokenize_str("a" + piece)) == 2:
            table[ord(piece)] |= 4
    accents = normalizers.BertNormalizer(False, False, True, False)
    for c in SCALARS:
        text = chr(c)
        if normalizers.NFD().normalize_str(text) == text and accents.normalize_str(text) == "":
            table[c] |= 8
        if normalizers.StripAccents().normalize_str(text) == "":
            table[c] |= 16
    digits = pre_tokenizers.Digits(individual_digits=True)
    words = pre_tokenizers.Whitespace()
    for c in SCALARS:
        text = "a" + chr(c)
        if len(digits.pre_tokenize_str(text)) == 2:
            table[c] |= 32
        if words.pre_tokenize_str(text) == [(text, (0, 2))]:
            table[c] |= 64
    return table


def runs(table):
    kinds = sorted(set(table))
    assert len(kinds) <= 26, len(kinds)
    text = []
    start = 0
    for c in range(1, 0x110001):
        if c == 0x110000 or table[c] != table[start]:
            text.append(chr(97 + kinds.index(table[start])) + (base32(c - start) if c - start > 1 else ""))
            start = c
    return kinds, text


def combining_classes():
    """Runs (gap, length, class); the class of Unicode's data where the reference shows that it knows the scalar."""
    nfd = normalizers.NFD()
    classes = {}
    for c in SCALARS:
        # U+0334 has the class 1 and U+0345 the class 240: any other mark changes places with one of them.
        text = chr(c)
        if nfd.normalize_str(text) != text:
            continue
        low, high = "a" + text + "\u0334", "a\u0345" + text
        if nfd.normalize_str(low) != low or nfd.normalize_str(high) != high:
            classes[c] = unicodedata.combining(text)
            assert classes[c], hex(c)
    classes[0x345] = 240
    result, last = [], 0
    members = sorted(classes)
    index = 0
    while index < len(members):
        end = index
        while (end + 1 < len(members) and members[end + 1] == members[end] + 1
               and classes[members[end + 1]] == classes[members[index]]):
            end += 1
        result += [members[index] - last, end - index + 1, classes[members[index]]]
        last = members[end]
        index = end + 1
    return result


def lower():
    result, last = [], 0
    for c in SCALARS:
        mapped = normalizers.Lowercase().normalize_str(chr(c))
        if mapped == chr(c):
            continue
        if len(mapped) != 1:
            assert c == 0x130 and mapped == "i\u0307", hex(c)
            continue
        result += [c - last, zigzag(ord(mapped) - c)]
        last = c
    return result


def decompositions(form, without=None):
    result, last = [], 0
    for c in SCALARS:
        if 0xAC00 <= c < 0xD7A4:
            continue
        mapped = form.normalize_str(chr(c))
        if mapped == chr(c) or without and without.normalize_str(chr(c)) == mapped:
            continue
        result += [c - last, len(mapped)] + [ord(d) for d in mapped]
        last = c
    return result


def compositions():
    nfd, nfc = normalizers.NFD(), normalizers.NFC()
    result = []
    for c in SCALARS:
        if 0xAC00 <= c < 0xD7A4:
            continue
        parts = nfd.normalize_str(chr(c))
        if len(parts) < 2 or nfc.normalize_str(parts) != chr(c):
            continue
        first = nfc.normalize_str(parts[:-1])
        assert len(first) == 1 and nfc.normalize_str(first + parts[-1]) == chr(c), hex(c)
        result += [ord(first), ord(parts[-1]), c]
    return result


def scripts():
    """Runs (length, script): every script a number, 0 for what joins any."""
    split = pre_tokenizers.UnicodeScripts()

    def together(left, right):
        # A scalar without script at the beginning would hide a border.
        return len(split.pre_tokenize_str(chr(left) + chr(right))) == 1

    def is_any(c):
        return together(0x41, c) and together(0x410, c)

    representatives, result = [], []
    start, current = 0, None
    cache = {}

    def number(c):
        if is_any(c):
            return 0
        for index, other in enumerate(representatives):
            if together(other, c):
                return index + 1
        representatives.append(c)
        return len(representatives)

    for c in range(0x110001):
        if 0xD800 <= c < 0xE000:
            continue
        if c == 0x110000:
            value = None
        elif current is not None and current > 0 and together(representatives[current - 1], c) and not is_any(c):
            value = current
        else:
            value = number(c)
        if value != current:
            if current is not None:
                result += [c - start, current]
            start, current = c, value
    return result


def literal(parts, separator):
    lines, line = [], ""
    for part in parts:
        if len(line) + len(part) + len(separator) > 96:
            lines.append(line)
            line = ""
        line += part + separator
    lines.append(line)
    return ['"""'] + ["        " + line + "\\" for line in lines[:-1]] + ["        " + lines[-1], '        """']


def numbers(values):
    return literal([base32(v) or "0" for v in values], " ")


def main():
    kinds, text = runs(flags())
    out = [
        "// Written by Tools/golden/unicode_properties.py; do not edit.",
        "",
        "extension UnicodeProperties {",
        "    /// The combinations of flags that occur; the letters of `flagRuns` count them from a.",
        f"    static let flagKinds: [UInt8] = {kinds}",
        "    /// Runs of equal flags from U+0000 up: a letter, then the length in base 32 (nothing for 1).",
    ]
    parts = [("flagRuns", None, literal(text, ""))]
    parts += [
        ("combiningRuns", "Canonical combining classes: gap, length, class.", numbers(combining_classes())),
        ("lowercaseMap", "Lower case: gap, zigzag of the distance; U+0130 alone becomes two scalars.", numbers(lower())),
        ("canonicalMap", "Full canonical decompositions: gap, count, scalars.", numbers(decompositions(normalizers.NFD()))),
        ("compatibilityMap", "Full compatibility decompositions that differ from the canonical ones.",
         numbers(decompositions(normalizers.NFKD(), normalizers.NFD()))),
        ("compositions", "Pairs that compose: first, second, composed.", numbers(compositions())),
        ("scriptRuns", "Scripts from U+0000 up: length, number; 0 joins any script.", numbers(scripts())),
    ]
    for name, comment, lines in parts:
        if comment:
            out.append(f"    /// {comment}")
        out.append(f"    static let {name}: StaticString = {lines[0]}")
        out += lines[1:]
    out += ["}", ""]
    path = pathlib.Path(__file__).resolve().parents[2] / "Sources/Tokenizers/UnicodePropertyData.swift"
    path.write_text("\n".join(out))
    print(path.stat().st_size, "bytes")


main()
