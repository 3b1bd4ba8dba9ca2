/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <time.h>

#include "datetime.h"
#include "tap.h"

TEST(days_agree_with_the_c_library) {
        /* Every day of four centuries and a bit, forwards and backwards. */
        for (int64_t day = -200000; day < 100000; day++) {
                time_t t = (time_t) day * 86400 + (day & 0xffff);
                int64_t ticks = TICKS_1970 + (int64_t) t * TICKS_PER_SEC + 7, back;
                struct tm tm;
                DateFields f;

                CHECK(gmtime_r(&t, &tm));
                date_to_fields(ticks, &f);
                CHECK(f.year == tm.tm_year + 1900 && f.month == tm.tm_mon + 1 && f.day == tm.tm_mday);
                CHECK(f.hour == tm.tm_hour && f.minute == tm.tm_min && f.second == tm.tm_sec && f.ticks == 7);
                CHECK_INT(f.weekday, tm.tm_wday);
                CHECK(date_from_fields(&f, &back) && back == ticks);
        }
}

TEST(the_years_1_to_9999_are_all) {
        static const DateFields bad[] = {
                { .year = 0, .month = 1, .day = 1 },     { .year = 10000, .month = 1, .day = 1 },
                { .year = 2021, .month = 13, .day = 1 }, { .year = 2021, .month = 0, .day = 1 },
                { .year = 2021, .month = 2, .day = 29 }, { .year = 1900, .month = 2, .day = 29 },
                { .year = 2021, .month = 1, .day = 0 },  { .year = 2021, .month = 1, .day = 1, .hour = 24 },
                { .year = 9999, .month = 12, .day = 31, .hour = 23, .minute = 59, .second = 60 },
        };
        DateFields f;
        int64_t t = 1;

        CHECK(date_from_fields(&(DateFields) { .year = 1, .month = 1, .day = 1 }, &t) && t == 0);
        CHECK(date_from_fields(&(DateFields) { .year = 9999, .month = 12, .day = 31 }, &t) && t == TICKS_MAX - TICKS_PER_DAY);
        CHECK(date_from_fields(&(DateFields) { .year = 1601, .month = 1, .day = 1 }, &t) && t == TICKS_1601);
        CHECK(date_from_fields(&(DateFields) { .year = 2000, .month = 2, .day = 29 }, &t));
        date_to_fields(TICKS_MAX - 1, &f);
        CHECK(f.year == 9999 && f.month == 12 && f.day == 31 && f.hour == 23 && f.ticks == 9999999);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                CHECK(!date_from_fields(&bad[i], &t));
}

TEST(rfc3339_date_times_are_instants) {
        static const struct {
                const char *text;
                int64_t unix_ticks;
        } table[] = {
                /* RFC 3339 section 5.8 */
                { "1985-04-12T23:20:50.52Z", INT64_C(4821960505200000) },
                { "1996-12-19T16:39:57-08:00", INT64_C(8510423970000000) },
                { "1996-12-20T00:39:57Z", INT64_C(8510423970000000) },
                { "1990-12-31T23:59:60Z", INT64_C(6626880000000000) },
                { "1990-12-31T15:59:60-08:00", INT64_C(6626880000000000) },
                { "1937-01-01T12:00:27.87+00:20", -INT64_C(10413371721300000) },
                { "1970-01-01t00:00:00z", 0 },
                { "1970-01-01T00:00:00.123456789Z", 1234567 },
        };
        static const char *const bad[] = {
                "",                     "1996-12-19",           "1996-12-19T16:39:57",     "1996-12-19 16:39:57Z",
                "1996-12-19T16:39Z",    "1996-13-19T16:39:57Z", "1996-12-19T24:39:57Z",    "1996-12-19T16:39:57.Z",
                "1996-12-19T16:39:57Zx", "1996-12-19T16:39:57+8", "1996-12-19T16:39:57+0800", "96-12-19T16:39:57Z",
        };
        int64_t t;

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                CHECK(date_parse_rfc3339(table[i].text, strlen(table[i].text), &t));
                CHECK_INT(t - TICKS_1970, table[i].unix_ticks);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (date_parse_rfc3339(bad[i], strlen(bad[i]), &t))
                        tap_fail(__FILE__, __LINE__, "%s is taken for a date-time", bad[i]);
}

TEST(dates_as_people_write_them) {
        static const struct {
                const char *text, *date;        /* NULL: refused */
        } table[] = {
                { "2020-03-16", "3/16/2020 12:00:00 AM" },
                { "  2020-3-6  ", "3/6/2020 12:00:00 AM" },
                { "2020-03-16Z", "3/16/2020 12:00:00 AM" },
                { "2020-03-16 -07:00", "3/16/2020 7:00:00 AM" },
                { "2020-03-16T07", NULL },
                { "2020-03-16 07:05 +0530", "3/16/2020 1:35:00 AM" },
                { "2020-03-16 23:59:59.9 UTC", "3/16/2020 11:59:59 PM" },
                { "3/16/2020", "3/16/2020 12:00:00 AM" },
                { "3/16/2020 12:30 am", "3/16/2020 12:30:00 AM" },
                { "3/16/2020 12:30 PM", "3/16/2020 12:30:00 PM" },
                { "3/16/2020 1:30:15PM +01", "3/16/2020 12:30:15 PM" },
                { "3/16/2020 13:30 PM", NULL },
                { "16/3/2020", NULL },
                { "20150123105347Z", "1/23/2015 10:53:47 AM" },
                { "20150123105347,5+0100", "1/23/2015 9:53:47 AM" },
                { "20150123", NULL },
                { "2015012310534799999999", NULL },
                { "0001-01-01+01:00", NULL },
                { "9999-12-31T23:00:00-01:00", NULL },
                { "", NULL },
                { "2020-03-16T07:00:00Zx", NULL },
                { "2020-03-16x", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                char buf[DATE_TEXT_MAX];
                int64_t t = 0;
                bool ok = date_parse(table[i].text, strlen(table[i].text), &t);

                if (ok != !!table[i].date || (ok && !streq(date_format(t, buf), table[i].date)))
                        tap_fail(__FILE__, __LINE__, "%s gives %s", table[i].text, ok ? date_format(t, buf) : "nothing");
        }
}

TEST(a_format_reads_what_it_writes) {
        static const char *const formats[] = {
                "yyyy-MM-dd HH:mm:ss.fffffff", "o", "s", "u", "dddd, d. MMMM yyyy h:mm:ss tt", "ddd dd MMM yyyyy HH'h'mm",
                "yyyyMMddHHmmss'.'fffK", "M/d/yyyy hh:mm:ss.FFF t zzz", "%d.%M.yyyy H:m:s z", "\"day \"dd'/'MM/yyyy",
        };
        uint64_t state = 1;

        for (size_t i = 0; i < ELEMENTSOF(formats); i++)
                for (unsigned k = 0; k < 2000; k++) {
                        _cleanup_strbuf_ StrBuf a = STRBUF_INIT, b = STRBUF_INIT;
                        int64_t t, u;
                        size_t offset;

                        state = state * UINT64_C(6364136223846793005) + 1;
                        /* From year 1000 on, so that "yyyy" has no leading zeros to argue about. */
                        t = 365000 * TICKS_PER_DAY + (int64_t) ((state >> 2) % (uint64_t) (TICKS_MAX - 365000 * TICKS_PER_DAY));
                        CHECK(!date_pattern_check(formats[i], true, &offset));
                        date_format_pattern(t, formats[i], &a);
                        if (!date_parse_pattern(a.data, a.size, formats[i], 0, &u)) {
                                tap_fail(__FILE__, __LINE__, "%s does not read %s", formats[i], a.data);
                                return;
                        }
                        date_format_pattern(u, formats[i], &b);
                        CHECK_STR(b.data, a.data);
                        if (i == 0)
                                CHECK_INT(u, t);
                }
}
