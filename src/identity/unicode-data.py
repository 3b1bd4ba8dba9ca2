#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes unicode-data.h from the Unicode data that Python carries: run it by hand, with
unicode-data.py > unicode-data.h, when a newer Unicode is wanted. The tables are committed so that a mapping
gives the same result on every host, whatever its locales."""

import unicodedata

SEPARATORS = set("Zs Zl Zp Cc Cf Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So".split())
# Letters of the reference's table (NormalizeDiacritics) that Unicode does not decompose.
SPECIAL = {"æ": "ae", "Æ": "AE", "ø": "oe", "Ø": "OE", "œ": "oe", "Œ": "OE", "ß": "ss", "ı": "i", "ł": "l", "Ł": "L"}


def all_characters():
    for c in range(0x110000):
        if not 0xD800 <= c < 0xE000:
            yield c


def case_ranges(convert):
    """[first, last, step, delta]: characters first, first + step, … last become themselves + delta."""
    pairs = []
    for c in all_characters():
        s = convert(chr(c))
        if len(s) == 1 and ord(s) != c:
            pairs.append((c, ord(s) - c))
    ranges = []
    i = 0
    while i < len(pairs):
        first, delta = pairs[i]
        best = 1, 1
        for step in (1, 2):
            n = 1
            while i + n < len(pairs) and pairs[i + n] == (first + n * step, delta):
                n += 1
            if n > best[0]:
                best = n, step
        n, step = best
        # Alternating pairs (Ā ā Ă ă) interleave nothing else, so that a run is contiguous in the list.
        ranges.append((first, first + (n - 1) * step, step, delta))
        i += n
    return ranges


def runs(test):
    result, start, last = [], None, None
    for c in all_characters():
        if test(c):
            if start is not None and c == last + 1:
                last = c
                continue
            if start is not None:
                result.append((start, last))
            start = last = c
    if start is not None:
        result.append((start, last))
    return result


def base_letters():
    result = []
    for c in all_characters():
        d = chr(c)
        while True:
            t = unicodedata.decomposition(d[0])
            if not t or t.startswith("<"):
                break
            d = "".join(chr(int(x, 16)) for x in t.split()) + d[1:]
        if d != chr(c) and all(unicodedata.combining(x) for x in d[1:]):
            base = SPECIAL.get(d[0], d[0])
            if base.isascii() and base.isalpha():
                result.append((c, base))
    result += [(ord(c), base) for c, base in SPECIAL.items()]
    return sorted(result)


def table(ctype, name, comment, rows, per_line):
    print(f"\n/* {comment} */\nstatic const {ctype} {name}[] = {{")
    for i in range(0, len(rows), per_line):
        print("        " + " ".join("{ " + ", ".join(r) + " }," for r in rows[i:i + per_line]))
    print("};")


print("/* SPDX-License-Identifier: LGPL-2.1-or-later */")
print("#pragma once")
print(f"\n/* Written by unicode-data.py from Unicode {unicodedata.unidata_version}: edit that, not this. */")
print("\n#include <stdint.h>")
print("\ntypedef struct CaseRange {\n        uint32_t first, last;\n        uint32_t step;\n        int32_t delta;\n} CaseRange;")
print("\ntypedef struct CharRange {\n        uint32_t first, last;\n} CharRange;")
print("\ntypedef struct BaseLetter {\n        uint32_t c;\n        char base[3];\n} BaseLetter;")
for name, convert in ("to_lower", str.lower), ("to_upper", str.upper):
    table("CaseRange", name, "first, first + step, … last become themselves + delta",
          [(f"0x{a:x}", f"0x{b:x}", str(s), str(d)) for a, b, s, d in case_ranges(convert)], 4)
table("CharRange", "separators", "punctuation, symbols, space and control characters",
      [(f"0x{a:x}", f"0x{b:x}") for a, b in runs(lambda c: unicodedata.category(chr(c)) in SEPARATORS)], 6)
table("CharRange", "combining", "marks that Unicode composes with a letter",
      [(f"0x{a:x}", f"0x{b:x}") for a, b in runs(lambda c: unicodedata.combining(chr(c)) != 0)], 6)
table("BaseLetter", "base_letters", "Latin letters with a diacritical mark, and the letters of the reference's table",
      [(f"0x{c:x}", f'"{b}"') for c, b in base_letters()], 8)
