/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "siphash.h"

#include <endian.h>
#include <string.h>

static uint64_t rotate(uint64_t x, unsigned bits) {
        return (x << bits) | (x >> (64 - bits));
}

static uint64_t read_le64(const uint8_t *p) {
        uint64_t x;

        memcpy(&x, p, sizeof(x));
        return le64toh(x);
}

static void write_le64(uint8_t *p, uint64_t x) {
        x = htole64(x);
        memcpy(p, &x, sizeof(x));
}

static void sip_rounds(uint64_t v[static 4], unsigned n) {
        while (n-- > 0) {
                v[0] += v[1];
                v[2] += v[3];
                v[1] = rotate(v[1], 13) ^ v[0];
                v[3] = rotate(v[3], 16) ^ v[2];
                v[0] = rotate(v[0], 32);
                v[2] += v[1];
                v[0] += v[3];
                v[1] = rotate(v[1], 17) ^ v[2];
                v[3] = rotate(v[3], 21) ^ v[0];
                v[2] = rotate(v[2], 32);
        }
}

void siphash128(const uint8_t key[static 16], const void *data, size_t size, uint8_t ret[static 16]) {
        uint64_t k0 = read_le64(key), k1 = read_le64(key + 8), last = (uint64_t) size << 56;
        uint64_t v[4] = {
                k0 ^ UINT64_C(0x736f6d6570736575),
                k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
                k0 ^ UINT64_C(0x6c7967656e657261),
                k1 ^ UINT64_C(0x7465646279746573),
        };
        const uint8_t *p = data;

        for (size_t n = size / 8; n > 0; n--, p += 8) {
                uint64_t m = read_le64(p);

                v[3] ^= m;
                sip_rounds(v, 2);
                v[0] ^= m;
        }
        for (size_t i = 0; i < size % 8; i++)
                last |= (uint64_t) p[i] << (8 * i);
        v[3] ^= last;
        sip_rounds(v, 2);
        v[0] ^= last;

        v[2] ^= 0xee;
        sip_rounds(v, 4);
        write_le64(ret, v[0] ^ v[1] ^ v[2] ^ v[3]);
        v[1] ^= 0xdd;
        sip_rounds(v, 4);
        write_le64(ret + 8, v[0] ^ v[1] ^ v[2] ^ v[3]);
}
