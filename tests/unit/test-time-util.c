/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "tap.h"
#include "time-util.h"

TEST(durations_are_read_as_systemd_reads_them) {
        static const struct {
                const char *text;
                uint64_t usec;
        } table[] = {
                { "40min", 40 * USEC_PER_MINUTE }, { "24h", USEC_PER_DAY },  { "7d", USEC_PER_WEEK },
                { "1h 30min", 90 * USEC_PER_MINUTE }, { "90", 90 * USEC_PER_SEC }, { "1.5h", 90 * USEC_PER_MINUTE },
                { "2 weeks", 14 * USEC_PER_DAY },  { "5ms", 5000 },          { "3us", 3 },
                { "1m", USEC_PER_MINUTE },         { "0", 0 },               { "infinity", USEC_INFINITY },
                { "1h30min", 90 * USEC_PER_MINUTE },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                uint64_t v = 1;

                CHECK_INT(duration_parse(table[i].text, &v), 0);
                CHECK(v == table[i].usec);
        }
}

TEST(broken_durations_are_refused) {
        static const char *const table[] = { "", " ", "h", "5x", "-5min", "5 minutesx", "1.h", "5min x" };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                uint64_t v = 1;

                CHECK_INT(duration_parse(table[i], &v), -EINVAL);
                CHECK_INT(v, 1);
        }
        uint64_t v = 1;
        CHECK_INT(duration_parse("99999999999999999999", &v), -ERANGE);
        CHECK_INT(duration_parse("9999999999999y", &v), -ERANGE);
}

TEST(durations_survive_a_round_trip) {
        static const uint64_t table[] = { 0, 1, 999, 40 * USEC_PER_MINUTE, USEC_PER_WEEK + 3, USEC_INFINITY };
        char buf[64];

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                uint64_t v = 7;

                CHECK_INT(duration_parse(duration_format(table[i], buf), &v), 0);
                CHECK(v == table[i]);
        }
        CHECK_STR(duration_format(90 * USEC_PER_MINUTE, buf), "1h 30min");
}
