/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <endian.h>
#include <string.h>

#include "chacha20.h"
#include "cleanup.h"
#include "snapshot-index.h"

/* The fingerprint of a raw record: a keyed universal hash of 127 bits.
 *
 * Whoever writes records into the source chooses them freely, but sees neither the key nor a fingerprint. What is needed
 * is therefore not a one-way function but a family in which any two different inputs, fixed before the key is drawn,
 * meet with a probability that can be proved small. That is much faster: two multiplications for 16 bytes.
 *
 * Construction. p = 2^127 - 1, a prime; words are 64 bits, little-endian; all keys are independent.
 *
 *   1. The record is cut into blocks of 1024 bytes; the last is padded with zeros to a multiple of 16.
 *   2. A block of words m[0] … m[2k-1] becomes two numbers of 128 bits, with the keys n[0] … n[129] (NH of UMAC:
 *      Black, Halevi, Krawczyk, Krovetz, Rogaway, CRYPTO '99, here with words of 64 bits and a Toeplitz shift of one pair):
 *         a = sum (m[2i] + n[2i]  ) * (m[2i+1] + n[2i+1])  mod 2^128     (the additions inside mod 2^64)
 *         b = sum (m[2i] + n[2i+2]) * (m[2i+1] + n[2i+3])  mod 2^128
 *   3. With the keys k0 … k3 below p:  d = a_lo k0 + a_hi k1 + b_lo k2 + b_hi k3  mod p
 *   4. Over the blocks, with the key r:  h = d_1 r^(n-1) + d_2 r^(n-2) + … + d_n  mod p
 *   5. With the keys k4, k5:  h + length k4 + context k5  mod p. Bit 127 is set; the index keeps a mark there.
 *
 * Bound. Let two different (context, record) be fixed. If lengths or contexts differ, then for any choice of the other
 * keys at most one value of k4 (or k5) makes the sums equal: 1/p. Otherwise the blocks pair up, and some pair differs.
 *   - In that pair both a and b are equal with a probability of at most 2^-128. Let i be the last pair of words that
 *     differs, say in m[2i]. n[2i+3] is in b there but in no differing term of a; whatever the other keys are, at most one
 *     of its 2^64 values makes b equal, and likewise one value of n[2i+1] makes a equal (Theorem 4.2 of that paper).
 *   - If they differ, d differs but with 1/p.
 *   - If any d differs, r is the root of a polynomial of degree n - 1: (n - 1)/p.
 * Together at most (n + 1)/p for records of n blocks, n = size/1024 rounded up: below 2^-125 for a record of up to three KiB.
 * Among q records there are q^2/2 pairs: ten million records of that size contain any collision with a probability below 2^-79.
 * The keys come from the 64 random bytes of the ledger through ChaCha20, which adds what it takes to tell ChaCha20 from
 * chance; drawing 127 bits may give p itself, which adds nothing worth writing (2^-127). */

#define BLOCK_SIZE 1024U
#define N_NH (BLOCK_SIZE / 8 + 2)
#define N_FIELD 7U /* k0 … k5, r */

/* ---- numbers of 128 bits, and modulo p ---- */

#if defined(__SIZEOF_INT128__) && !defined(REPRIEVE_WITHOUT_INT128)
typedef unsigned __int128 U128;

static inline U128 u128(uint64_t hi, uint64_t lo) {
        return (U128) hi << 64 | lo;
}
static inline uint64_t u128_lo(U128 x) {
        return (uint64_t) x;
}
static inline uint64_t u128_hi(U128 x) {
        return (uint64_t) (x >> 64);
}
static inline U128 u128_add(U128 a, U128 b) {
        return a + b;
}
static inline U128 u128_mul(uint64_t a, uint64_t b) {
        return (U128) a * b;
}
#else
/* Machines of 32 bits have no such type. */
typedef struct U128 {
        uint64_t lo, hi;
} U128;

static inline U128 u128(uint64_t hi, uint64_t lo) {
        return (U128) { lo, hi };
}
static inline uint64_t u128_lo(U128 x) {
        return x.lo;
}
static inline uint64_t u128_hi(U128 x) {
        return x.hi;
}
static inline U128 u128_add(U128 a, U128 b) {
        uint64_t lo = a.lo + b.lo;

        return (U128) { lo, a.hi + b.hi + (lo < a.lo) };
}
static inline U128 u128_mul(uint64_t a, uint64_t b) {
        uint64_t a0 = (uint32_t) a, a1 = a >> 32, b0 = (uint32_t) b, b1 = b >> 32;
        uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32), other = a0 * b1 + (uint32_t) middle;

        return (U128) { other << 32 | (uint32_t) low, a1 * b1 + (middle >> 32) + (other >> 32) };
}
#endif

#define LOW_63 (UINT64_MAX >> 1)

/* The same number modulo p; at most p if @x is at most 2p, at most p + 1 always. */
static inline U128 fold(U128 x) {
        return u128_add(u128(u128_hi(x) & LOW_63, u128_lo(x)), u128(0, u128_hi(x) >> 63));
}

/* @a and @b at most p; so is the result. */
static inline U128 field_add(U128 a, U128 b) {
        return fold(u128_add(a, b));
}

/* x * 2^64, for x at most p. */
static inline U128 field_shift(U128 x) {
        /* What moves beyond bit 126 comes back at the bottom: 2^127 is 1. */
        uint64_t over = u128_hi(x) << 1 | u128_lo(x) >> 63;

        return field_add(u128(u128_lo(x) & LOW_63, 0), u128(0, over));
}

/* @a at most p. */
static inline U128 field_mul64(U128 a, uint64_t m) {
        /* The upper half is at most 2^63 - 1 times 2^64 - 1, below p. */
        return field_add(fold(fold(u128_mul(u128_lo(a), m))), field_shift(u128_mul(u128_hi(a), m)));
}

static inline U128 field_mul(U128 a, U128 b) {
        return field_add(field_mul64(a, u128_lo(b)), field_shift(field_mul64(a, u128_hi(b))));
}

/* ---- the key ---- */

struct Fingerprinter {
        uint64_t nh[N_NH];
        U128 k[6], r;
};

Fingerprinter *fingerprinter_new(const uint8_t secret[static 64]) {
        static const uint8_t nonces[2][12] = { "fingerprint", "FINGERPRINT" };
        uint64_t words[(N_NH + 2 * N_FIELD + 7) / 8 * 8];
        uint8_t a[64], b[64];
        Fingerprinter *f;

        f = malloc(sizeof(*f));
        if (!f)
                return NULL;
        /* Two streams, so that all of the secret counts; two nonces, so that equal halves do not cancel out. */
        for (unsigned i = 0; i < ELEMENTSOF(words) / 8; i++) {
                chacha20_block(secret, i, nonces[0], a);
                chacha20_block(secret + 32, i, nonces[1], b);
                for (unsigned j = 0; j < 64; j++)
                        a[j] ^= b[j];
                memcpy(&words[8 * i], a, 64);
        }
        for (unsigned i = 0; i < ELEMENTSOF(words); i++)
                words[i] = le64toh(words[i]);
        memcpy(f->nh, words, sizeof(f->nh));
        for (unsigned i = 0; i < N_FIELD; i++) {
                U128 x = u128(words[N_NH + 2 * i + 1] & LOW_63, words[N_NH + 2 * i]);

                if (i < ELEMENTSOF(f->k))
                        f->k[i] = x;
                else
                        f->r = x;
        }
        explicit_bzero(words, sizeof(words));
        explicit_bzero(a, sizeof(a));
        explicit_bzero(b, sizeof(b));
        return f;
}

Fingerprinter *fingerprinter_free(Fingerprinter *f) {
        if (f)
                explicit_bzero(f, sizeof(*f));
        free(f);
        return NULL;
}

/* ---- the hash ---- */

static inline uint64_t load64(const uint8_t *p) {
        uint64_t v;

        memcpy(&v, p, sizeof(v));
        return le64toh(v);
}

typedef struct Nh {
        U128 a, b;
} Nh;

static inline void nh_pair(Nh *nh, const uint64_t *key, const uint8_t *p) {
        uint64_t x = load64(p), y = load64(p + 8);

        nh->a = u128_add(nh->a, u128_mul(x + key[0], y + key[1]));
        nh->b = u128_add(nh->b, u128_mul(x + key[2], y + key[3]));
}

static inline U128 block_digest(const Fingerprinter *f, const uint8_t *p, size_t size) {
        Nh nh = { u128(0, 0), u128(0, 0) };
        const uint64_t *key = f->nh;
        uint8_t rest[16] = {};
        U128 d;

        for (; size >= 64; size -= 64, p += 64, key += 8) {
                nh_pair(&nh, key, p);
                nh_pair(&nh, key + 2, p + 16);
                nh_pair(&nh, key + 4, p + 32);
                nh_pair(&nh, key + 6, p + 48);
        }
        for (; size >= 16; size -= 16, p += 16, key += 2)
                nh_pair(&nh, key, p);
        if (size > 0) {
                memcpy(rest, p, size);
                nh_pair(&nh, key, rest);
        }
        d = field_mul64(f->k[0], u128_lo(nh.a));
        d = field_add(d, field_mul64(f->k[1], u128_hi(nh.a)));
        d = field_add(d, field_mul64(f->k[2], u128_lo(nh.b)));
        return field_add(d, field_mul64(f->k[3], u128_hi(nh.b)));
}

Fingerprint fingerprint(const Fingerprinter *f, uint64_t context, const void *data, size_t size) {
        const uint8_t *p = data;
        U128 h = u128(0, 0);
        size_t left = size;

        for (; left > BLOCK_SIZE; left -= BLOCK_SIZE, p += BLOCK_SIZE)
                h = field_add(field_mul(h, f->r), block_digest(f, p, BLOCK_SIZE));
        if (left > 0) {
                if (size > BLOCK_SIZE)
                        h = field_mul(h, f->r);
                h = field_add(h, block_digest(f, p, left));
        }
        h = field_add(h, field_mul64(f->k[4], size));
        h = field_add(h, field_mul64(f->k[5], context));
        /* p and 0 are one. */
        if (u128_hi(h) == LOW_63 && u128_lo(h) == UINT64_MAX)
                h = u128(0, 0);
        return (Fingerprint) { .lo = u128_lo(h), .hi = u128_hi(h) | UINT64_C(1) << 63 };
}
