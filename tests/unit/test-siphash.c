/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "siphash.h"
#include "string-util.h"
#include "tap.h"

/* Of the reference implementation's vectors_sip128: key 00 01 … 0f, input 00 01 … of each length. OpenSSL 3 says the same:
 * openssl mac -macopt hexkey:000102…0f -macopt size:16 -in FILE SIPHASH */
TEST(the_published_vectors_come_out) {
        static const struct {
                size_t size;
                const char *hash;
        } vectors[] = {
                { 0, "a3817f04ba25a8e66df67214c7550293" },  { 1, "da87c1d86b99af44347659119b22fc45" },
                { 2, "8177228da4a45dc7fca38bdef60affe4" },  { 3, "9c70b60c5267a94e5f33b6b02985ed51" },
                { 7, "a1f1ebbed8dbc153c0b84aa61ff08239" },  { 8, "3b62a9ba6258f5610f83e264f31497b4" },
                { 15, "5493e99933b0a8117e08ec0f97cfc3d9" }, { 16, "6ee2a4ca67b054bbfd3315bf85230577" },
                { 63, "5150d1772f50834a503e069a973fbd7c" },
        };
        uint8_t key[16], input[64], hash[16];

        for (size_t i = 0; i < sizeof(input); i++)
                input[i] = (uint8_t) i;
        memcpy(key, input, sizeof(key));
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                _cleanup_free_ char *hex = NULL;

                siphash128(key, input, vectors[i].size, hash);
                hex = hex_encode(hash, sizeof(hash));
                CHECK_STR(hex, vectors[i].hash);
        }
}
