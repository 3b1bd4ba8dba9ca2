#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Prints the vectors of test-fingerprint.c: the construction in the comment of fingerprint.c, once more and in whole numbers.
import struct

P = 2**127 - 1
M64 = 2**64 - 1


def rotate(x, n):
    return (x << n | x >> (32 - n)) & 0xFFFFFFFF


def chacha20(key, counter, nonce):
    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8I", key), counter, *struct.unpack("<3I", nonce)]
    w = start[:]

    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            w[x] = (w[x] + w[y]) & 0xFFFFFFFF
            w[z] = rotate(w[z] ^ w[x], n)

    for _ in range(10):
        for i in range(4):
            quarter(i, i + 4, i + 8, i + 12)
        for i in range(4):
            quarter(i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(w, start)))


def fingerprint(secret, context, data):
    stream = b"".join(
        bytes(x ^ y for x, y in zip(chacha20(secret[:32], i, b"fingerprint\0"), chacha20(secret[32:], i, b"FINGERPRINT\0")))
        for i in range(18)
    )
    words = struct.unpack("<144Q", stream)
    n = words[:130]
    *k, r = [(words[131 + 2 * i] & M64 >> 1) << 64 | words[130 + 2 * i] for i in range(7)]
    h = 0
    for offset in range(0, len(data), 1024):
        block = data[offset : offset + 1024]
        block += bytes(-len(block) % 16)
        m = struct.unpack(f"<{len(block) // 8}Q", block)
        a = sum((m[i] + n[i] & M64) * (m[i + 1] + n[i + 1] & M64) for i in range(0, len(m), 2)) % 2**128
        b = sum((m[i] + n[i + 2] & M64) * (m[i + 1] + n[i + 3] & M64) for i in range(0, len(m), 2)) % 2**128
        h = (h * r + (a & M64) * k[0] + (a >> 64) * k[1] + (b & M64) * k[2] + (b >> 64) * k[3]) % P
    h = (h + len(data) * k[4] + context * k[5]) % P
    return h & M64, h >> 64 | 1 << 63


for size, context in [(0, 0), (0, 1), (1, 0), (15, 0), (16, 0), (17, 5), (63, M64), (64, 0), (400, 42), (1023, 1), (1024, 1),
                      (1025, 1), (2048, 9), (5000, 7)]:
    record = bytes(i * 7 + (i >> 8) * 13 + 3 & 255 for i in range(size))
    lo, hi = fingerprint(bytes(range(64)), context, record)
    print(f"        {{ {size}, UINT64_C({context:#x}), UINT64_C(0x{lo:016x}), UINT64_C(0x{hi:016x}) }},")
