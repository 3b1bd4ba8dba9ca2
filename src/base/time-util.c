/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "time-util.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "macro.h"

static uint64_t clock_get(clockid_t id) {
        struct timespec ts;

        assert(clock_gettime(id, &ts) == 0);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

uint64_t clock_now(void) {
        static bool read = false;
        static uint64_t offset = 0;

        if (!read) {
                const char *e = secure_getenv("REPRIEVE_CLOCK_OFFSET");

                if (e)
                        (void) duration_parse(e, &offset);
                read = true;
        }
        return clock_get(CLOCK_REALTIME) + offset;
}

uint64_t clock_monotonic(void) {
        return clock_get(CLOCK_MONOTONIC);
}

static const struct {
        const char *name;
        uint64_t usec;
} units[] = {
        /* Longest names first, so that "min" is not read as "m"; the names are systemd.time(7)'s. */
        { "seconds", USEC_PER_SEC },  { "second", USEC_PER_SEC },   { "minutes", USEC_PER_MINUTE },
        { "minute", USEC_PER_MINUTE }, { "months", 2629800 * USEC_PER_SEC }, { "month", 2629800 * USEC_PER_SEC },
        { "msec", USEC_PER_MSEC },    { "usec", 1 },                { "hours", USEC_PER_HOUR },
        { "hour", USEC_PER_HOUR },    { "weeks", USEC_PER_WEEK },   { "week", USEC_PER_WEEK },
        { "years", 31557600 * USEC_PER_SEC }, { "year", 31557600 * USEC_PER_SEC },
        { "days", USEC_PER_DAY },     { "day", USEC_PER_DAY },      { "min", USEC_PER_MINUTE },
        { "sec", USEC_PER_SEC },      { "hr", USEC_PER_HOUR },      { "ms", USEC_PER_MSEC },
        { "us", 1 },                  { "y", 31557600 * USEC_PER_SEC },
        { "M", 2629800 * USEC_PER_SEC }, { "w", USEC_PER_WEEK },    { "d", USEC_PER_DAY },
        { "h", USEC_PER_HOUR },       { "m", USEC_PER_MINUTE },     { "s", USEC_PER_SEC },
};

int duration_parse(const char *s, uint64_t *ret_usec) {
        uint64_t total = 0;
        bool any = false;

        s += strspn(s, " \t");
        if (strcmp(s, "infinity") == 0) {
                *ret_usec = USEC_INFINITY;
                return 0;
        }

        while (*s) {
                uint64_t n = 0, part, unit = USEC_PER_SEC, fraction = 0, scale = 1;
                size_t i;

                if (!isdigit((unsigned char) *s))
                        return -EINVAL;
                for (; isdigit((unsigned char) *s); s++)
                        if (__builtin_mul_overflow(n, 10, &n) ||
                            __builtin_add_overflow(n, (uint64_t) (*s - '0'), &n))
                                return -ERANGE;
                if (*s == '.') {
                        s++;
                        if (!isdigit((unsigned char) *s))
                                return -EINVAL;
                        for (; isdigit((unsigned char) *s); s++)
                                if (scale < 1000000) {
                                        fraction = fraction * 10 + (uint64_t) (*s - '0');
                                        scale *= 10;
                                }
                }
                s += strspn(s, " \t");
                if (*s && !isdigit((unsigned char) *s)) {
                        for (i = 0; i < ELEMENTSOF(units); i++) {
                                size_t l = strlen(units[i].name);

                                if (strncmp(s, units[i].name, l) == 0 && !isalpha((unsigned char) s[l])) {
                                        unit = units[i].usec;
                                        s += l;
                                        break;
                                }
                        }
                        if (i == ELEMENTSOF(units))
                                return -EINVAL;
                }
                if (__builtin_mul_overflow(n, unit, &part) || __builtin_add_overflow(total, part, &total) ||
                    __builtin_add_overflow(total, (uint64_t) ((__uint128_t) fraction * unit / scale), &total))
                        return -ERANGE;
                any = true;
                s += strspn(s, " \t");
        }
        if (!any)
                return -EINVAL;
        if (total == USEC_INFINITY)
                return -ERANGE;
        *ret_usec = total;
        return 0;
}

char *duration_format(uint64_t usec, char buf[static 64]) {
        static const struct {
                const char *name;
                uint64_t usec;
        } parts[] = {
                { "w", USEC_PER_WEEK }, { "d", USEC_PER_DAY }, { "h", USEC_PER_HOUR }, { "min", USEC_PER_MINUTE },
                { "s", USEC_PER_SEC }, { "ms", USEC_PER_MSEC }, { "us", 1 },
        };
        size_t n = 0;

        if (usec == USEC_INFINITY)
                return strcpy(buf, "infinity");
        if (usec == 0)
                return strcpy(buf, "0");
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                if (usec < parts[i].usec)
                        continue;
                n += (size_t) snprintf(buf + n, 64 - n, "%s%llu%s", n > 0 ? " " : "",
                                       (unsigned long long) (usec / parts[i].usec), parts[i].name);
                usec %= parts[i].usec;
        }
        return buf;
}

char *timestamp_format(uint64_t usec, char buf[static 64]) {
        time_t t = (time_t) (usec / USEC_PER_SEC);
        struct tm tm;

        if (usec == 0 || !localtime_r(&t, &tm) || strftime(buf, 64, "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
                return strcpy(buf, "never");
        return buf;
}

char *timestamp_format_rfc3339(uint64_t usec, char buf[static 64]) {
        time_t t = (time_t) (usec / USEC_PER_SEC);
        struct tm tm;
        size_t n;

        if (!gmtime_r(&t, &tm))
                return strcpy(buf, "1970-01-01T00:00:00Z");
        n = strftime(buf, 64, "%Y-%m-%dT%H:%M:%S", &tm);
        (void) snprintf(buf + n, 64 - n, ".%06uZ", (unsigned) (usec % USEC_PER_SEC));
        return buf;
}
