/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Ids for new objects: UUIDs of version 7 (RFC 9562 section 5.7), each greater than the one before, as text as well. */

#include <stddef.h>
#include <stdint.h>

#define UUID7_TEXT_SIZE 37U

typedef struct Uuid7 {
        unsigned __int128 last;   /* the 122 bits that are not version and variant, of the last id that was made or seen */
        struct Uuid7Random {
                uint64_t a, b;
        } random[64];             /* not used yet: the first n_random */
        unsigned n_random;
} Uuid7;

/** uuid7_seen() - ids made from now on are greater than this one; text that is no such UUID is left alone */
void uuid7_seen(Uuid7 *u, const char *text);

/** uuid7_next() - Errors: errno of the random numbers. */
int uuid7_next(Uuid7 *u, char ret[static UUID7_TEXT_SIZE]);
