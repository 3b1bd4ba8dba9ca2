/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "uuid7.h"

#include "tap.h"
#include "time-util.h"

#include <stdio.h>
#include <stdlib.h>

TEST(ids_are_of_version_7_and_rise_as_text) {
        char previous[UUID7_TEXT_SIZE] = "", id[UUID7_TEXT_SIZE];
        unsigned long long msec;
        unsigned high, low;
        Uuid7 u = {};

        for (unsigned i = 0; i < 20000; i++) {
                CHECK_INT(uuid7_next(&u, id), 0);
                CHECK(strcmp(id, previous) > 0);
                CHECK_INT(strlen(id), 36);
                CHECK(id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-');
                CHECK(id[14] == '7' && strchr("89ab", id[19]));
                memcpy(previous, id, sizeof(id));
        }
        CHECK_INT(sscanf(id, "%8x-%4x", &high, &low), 2);
        msec = (unsigned long long) high << 16 | low;
        CHECK(msec + 10000 > clock_now() / USEC_PER_MSEC && msec < clock_now() / USEC_PER_MSEC + 10000);
}

TEST(an_id_from_the_future_is_exceeded) {
        static const char *const table[] = {
                "ffffffff-0000-7000-8000-000000000000", "ffffffff-0000-7fff-bfff-fffffffffff0", "fffffffe-ffff-7fff-9123-456789abcdef",
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                char id[UUID7_TEXT_SIZE];
                Uuid7 u = {};

                uuid7_seen(&u, table[i]);
                CHECK_INT(uuid7_next(&u, id), 0);
                CHECK(strcmp(id, table[i]) > 0);
        }
}

TEST(text_that_is_no_such_id_is_left_alone) {
        static const char *const table[] = {
                "", "x", "ffffffff-0000-4000-8000-000000000000", "ffffffff-0000-7000-c000-000000000000",
                "FFFFFFFF-0000-7000-8000-000000000000", "ffffffff00000-7000-8000-000000000000",
                "ffffffff-0000-7000-8000-0000000000000", "gfffffff-0000-7000-8000-000000000000",
        };
        Uuid7 u = {};

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                uuid7_seen(&u, table[i]);
                CHECK(u.last == 0);
        }
}
