/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "chacha20.h"

#include <endian.h>
#include <string.h>

static inline uint32_t rotate(uint32_t x, unsigned n) {
        return x << n | x >> (32 - n);
}

static void quarter_round(uint32_t s[static 16], unsigned a, unsigned b, unsigned c, unsigned d) {
        s[a] += s[b];
        s[d] = rotate(s[d] ^ s[a], 16);
        s[c] += s[d];
        s[b] = rotate(s[b] ^ s[c], 12);
        s[a] += s[b];
        s[d] = rotate(s[d] ^ s[a], 8);
        s[c] += s[d];
        s[b] = rotate(s[b] ^ s[c], 7);
}

static uint32_t load32(const uint8_t *p) {
        uint32_t v;

        memcpy(&v, p, sizeof(v));
        return le32toh(v);
}

void chacha20_block(const uint8_t key[static 32], uint32_t counter, const uint8_t nonce[static 12], uint8_t ret[static 64]) {
        uint32_t start[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }, s[16], v;

        for (unsigned i = 0; i < 8; i++)
                start[4 + i] = load32(key + 4 * i);
        start[12] = counter;
        for (unsigned i = 0; i < 3; i++)
                start[13 + i] = load32(nonce + 4 * i);
        memcpy(s, start, sizeof(s));

        for (unsigned i = 0; i < 10; i++) {
                quarter_round(s, 0, 4, 8, 12);
                quarter_round(s, 1, 5, 9, 13);
                quarter_round(s, 2, 6, 10, 14);
                quarter_round(s, 3, 7, 11, 15);
                quarter_round(s, 0, 5, 10, 15);
                quarter_round(s, 1, 6, 11, 12);
                quarter_round(s, 2, 7, 8, 13);
                quarter_round(s, 3, 4, 9, 14);
        }
        for (unsigned i = 0; i < 16; i++) {
                v = htole32(s[i] + start[i]);
                memcpy(ret + 4 * i, &v, sizeof(v));
        }
}
