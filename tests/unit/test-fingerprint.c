/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "chacha20.h"
#include "snapshot-index.h"
#include "tap.h"

#define _cleanup_fingerprinter_ _cleanup_(fingerprinter_freep)

/* RFC 8439, 2.3.2 and A.1. */
static const struct {
        uint8_t key_first, key_step, key_last;
        uint32_t counter;
        uint8_t nonce[12];
        uint8_t stream[64];
} blocks[] = {
        { 0, 1, 31, 1, { 0, 0, 0, 0x09, 0, 0, 0, 0x4a },
          { 0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3, 0x20, 0x71, 0xc4,
            0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22, 0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e,
            0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa, 0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2,
            0xb5, 0x12, 0x9c, 0xd1, 0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e } },
        { 0, 0, 0, 0, {},
          { 0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28,
            0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a, 0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7,
            0xda, 0x41, 0x59, 0x7c, 0x51, 0x57, 0x48, 0x8d, 0x77, 0x24, 0xe0, 0x3f, 0xb8, 0xd8, 0x4a, 0x37,
            0x6a, 0x43, 0xb8, 0xf4, 0x15, 0x18, 0xa1, 0x1c, 0xc3, 0x87, 0xb6, 0x69, 0xb2, 0xee, 0x65, 0x86 } },
        { 0, 0, 1, 1, {},
          { 0x3a, 0xeb, 0x52, 0x24, 0xec, 0xf8, 0x49, 0x92, 0x9b, 0x9d, 0x82, 0x8d, 0xb1, 0xce, 0xd4, 0xdd,
            0x83, 0x20, 0x25, 0xe8, 0x01, 0x8b, 0x81, 0x60, 0xb8, 0x22, 0x84, 0xf3, 0xc9, 0x49, 0xaa, 0x5a,
            0x8e, 0xca, 0x00, 0xbb, 0xb4, 0xa7, 0x3b, 0xda, 0xd1, 0x92, 0xb5, 0xc4, 0x2f, 0x73, 0xf2, 0xfd,
            0x4e, 0x27, 0x36, 0x44, 0xc8, 0xb3, 0x61, 0x25, 0xa6, 0x4a, 0xdd, 0xeb, 0x00, 0x6c, 0x13, 0xa0 } },
};

TEST(chacha20_gives_the_published_blocks) {
        for (size_t i = 0; i < ELEMENTSOF(blocks); i++) {
                uint8_t key[32], stream[64];

                for (unsigned j = 0; j < 32; j++)
                        key[j] = (uint8_t) (blocks[i].key_first + j * blocks[i].key_step);
                key[31] = blocks[i].key_last;
                chacha20_block(key, blocks[i].counter, blocks[i].nonce, stream);
                CHECK_INT(memcmp(stream, blocks[i].stream, sizeof(stream)), 0);
        }
}

static Fingerprinter *counting_secret(void) {
        uint8_t secret[64];

        for (unsigned i = 0; i < sizeof(secret); i++)
                secret[i] = (uint8_t) i;
        return fingerprinter_new(secret);
}

/* Printed by fingerprint-vectors.py, which computes the same in whole numbers of any size. */
static const struct {
        size_t size;
        uint64_t context, lo, hi;
} vectors[] = {
        { 0, UINT64_C(0x0), UINT64_C(0x0000000000000000), UINT64_C(0x8000000000000000) },
        { 0, UINT64_C(0x1), UINT64_C(0xcbdb7364e923bdea), UINT64_C(0xb4491b6252a50de2) },
        { 1, UINT64_C(0x0), UINT64_C(0xb6f71a857691ce46), UINT64_C(0x87adcfc4be648ffd) },
        { 15, UINT64_C(0x0), UINT64_C(0x76158c64b110139c), UINT64_C(0xdc2eb266c716c5e8) },
        { 16, UINT64_C(0x0), UINT64_C(0x12eb72e3c40c10c1), UINT64_C(0xdf4499c5de2d47c9) },
        { 17, UINT64_C(0x5), UINT64_C(0x65d55f779ff66ffe), UINT64_C(0xf3c107e80554c8dc) },
        { 63, UINT64_C(0xffffffffffffffff), UINT64_C(0x7293aee240a146a5), UINT64_C(0x8a9379b314335786) },
        { 64, UINT64_C(0x0), UINT64_C(0x1eb75b089e93f939), UINT64_C(0x89e674597c6ab6ca) },
        { 400, UINT64_C(0x2a), UINT64_C(0x7c43468f4d6deb7c), UINT64_C(0xff17f79d33060889) },
        { 1023, UINT64_C(0x1), UINT64_C(0x276518965a6e1e02), UINT64_C(0xb5b1aa17586719fb) },
        { 1024, UINT64_C(0x1), UINT64_C(0x5731c8af4e2d5951), UINT64_C(0xe021fed4042a3351) },
        { 1025, UINT64_C(0x1), UINT64_C(0xbd6511039dc56280), UINT64_C(0xaa6b903e374ca32b) },
        { 2048, UINT64_C(0x9), UINT64_C(0x25091a464a46423b), UINT64_C(0x898a3595caebc01d) },
        { 5000, UINT64_C(0x7), UINT64_C(0x47f0267769972e5c), UINT64_C(0xa515b31602672cc6) },
};

TEST(a_fingerprint_is_what_the_construction_says) {
        _cleanup_fingerprinter_ Fingerprinter *f = counting_secret();
        uint8_t record[8 + 5000];

        CHECK(f);
        /* Wherever the record lies. */
        for (size_t shift = 0; shift < 8; shift++)
                for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                        Fingerprint fp;

                        for (size_t j = 0; j < vectors[i].size; j++)
                                record[shift + j] = (uint8_t) (j * 7 + (j >> 8) * 13 + 3);
                        fp = fingerprint(f, vectors[i].context, record + shift, vectors[i].size);
                        if (fp.lo != vectors[i].lo || fp.hi != vectors[i].hi)
                                tap_fail(__FILE__, __LINE__, "vector %zu at %zu: 0x%016llx 0x%016llx", i, shift,
                                         (unsigned long long) fp.lo, (unsigned long long) fp.hi);
                }
}

TEST(every_bit_and_the_length_and_the_context_count) {
        _cleanup_fingerprinter_ Fingerprinter *f = counting_secret();
        static const size_t sizes[] = { 1, 16, 31, 64, 400, 1024, 1025, 2100 };
        uint8_t record[2200] = {};
        Fingerprint a, b;

        CHECK(f);
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                a = fingerprint(f, 7, record, sizes[i]);
                for (size_t bit = 0; bit < 8 * sizes[i]; bit++) {
                        record[bit / 8] ^= (uint8_t) (1U << bit % 8);
                        b = fingerprint(f, 7, record, sizes[i]);
                        CHECK(a.lo != b.lo && a.hi != b.hi);
                        record[bit / 8] ^= (uint8_t) (1U << bit % 8);
                }
                /* Zeros at the end are part of the record, though blocks are padded with them. */
                b = fingerprint(f, 7, record, sizes[i] + 1);
                CHECK(a.lo != b.lo);
                b = fingerprint(f, 7, record, sizes[i] - 1);
                CHECK(a.lo != b.lo);
                b = fingerprint(f, 8, record, sizes[i]);
                CHECK(a.lo != b.lo);
        }
}

TEST(blocks_cannot_change_places) {
        _cleanup_fingerprinter_ Fingerprinter *f = counting_secret();
        uint8_t a[3072] = {}, b[3072] = {};

        CHECK(f);
        a[0] = 1;
        b[1024] = 1;
        CHECK(fingerprint(f, 0, a, sizeof(a)).lo != fingerprint(f, 0, b, sizeof(b)).lo);
        CHECK(fingerprint(f, 0, a, 2048).lo != fingerprint(f, 0, b, 2048).lo);
        b[1024] = 0;
        b[16] = 1;
        CHECK(fingerprint(f, 0, a, 1024).lo != fingerprint(f, 0, b, 1024).lo);
}

TEST(each_half_of_the_secret_counts_and_equal_halves_do_not_cancel_out) {
        uint8_t secret[64] = {};
        Fingerprint seen[3];

        for (unsigned i = 0; i < 3; i++) {
                _cleanup_fingerprinter_ Fingerprinter *f = NULL;

                if (i > 0)
                        secret[i * 32 - 1] = 1;
                f = fingerprinter_new(secret);
                CHECK(f);
                seen[i] = fingerprint(f, 3, "abc", 3);
                CHECK(seen[i].lo != 0);
                for (unsigned j = 0; j < i; j++)
                        CHECK(seen[i].lo != seen[j].lo);
                /* Nor is anything zero. */
                CHECK(fingerprint(f, 0, "", 0).hi != 0);
        }
}
