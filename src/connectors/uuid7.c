/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "uuid7.h"

#include <stdio.h>
#include <string.h>

#include "file-util.h"
#include "macro.h"
#include "time-util.h"

#define RANDOM_BITS 74U
#define RAND_B_BITS 62U
#define LOW_BITS(v, n) ((uint64_t) (v) & ((UINT64_C(1) << (n)) - 1))

void uuid7_seen(Uuid7 *u, const char *text) {
        static const char pattern[] = "xxxxxxxx-xxxx-7xxx-vxxx-xxxxxxxxxxxx";
        unsigned __int128 all = 0, value;

        if (strlen(text) != sizeof(pattern) - 1)
                return;
        for (size_t i = 0; i < sizeof(pattern) - 1; i++) {
                const char *digits = "0123456789abcdef", *d = strchr(digits, text[i]);

                if (pattern[i] == '-') {
                        if (text[i] != '-')
                                return;
                        continue;
                }
                if (!d || (pattern[i] == '7' && text[i] != '7') || (pattern[i] == 'v' && !strchr("89ab", text[i])))
                        return;
                all = all << 4 | (unsigned) (d - digits);
        }
        value = all >> 80;
        value = value << 12 | LOW_BITS(all >> 64, 12);
        value = value << RAND_B_BITS | LOW_BITS(all, RAND_B_BITS);
        if (value > u->last)
                u->last = value;
}

int uuid7_next(Uuid7 *u, char ret[static UUID7_TEXT_SIZE]) {
        unsigned __int128 fresh;
        uint64_t high, low;
        struct Uuid7Random random;
        int r;

        /* A call of the kernel for each of a million ids would take longer than all the rest. */
        if (u->n_random == 0) {
                r = random_bytes(u->random, sizeof(u->random));
                if (r < 0)
                        return r;
                u->n_random = ELEMENTSOF(u->random);
        }
        random = u->random[--u->n_random];
        fresh = (unsigned __int128) (clock_now() / USEC_PER_MSEC) << RANDOM_BITS;
        fresh |= (unsigned __int128) LOW_BITS(random.a, 12) << RAND_B_BITS | LOW_BITS(random.b, RAND_B_BITS);
        /* Within a millisecond, and after the clock was set back: RFC 9562 section 6.2, method 2. */
        if (fresh <= u->last)
                fresh = u->last + 1 + (uint32_t) random.b;
        u->last = fresh;

        high = (uint64_t) (fresh >> RANDOM_BITS) << 16 | 0x7000U | LOW_BITS(fresh >> RAND_B_BITS, 12);
        low = UINT64_C(1) << 63 | LOW_BITS(fresh, RAND_B_BITS);
        (void) snprintf(ret, UUID7_TEXT_SIZE, "%08x-%04x-%04x-%04x-%012llx", (unsigned) (high >> 32),
                        (unsigned) LOW_BITS(high >> 16, 16), (unsigned) LOW_BITS(high, 16), (unsigned) (low >> 48),
                        (unsigned long long) LOW_BITS(low, 48));
        return 0;
}
