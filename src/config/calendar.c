/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "calendar.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "file-util.h"
#include "string-util.h"

#define ZONEINFO "/usr/share/zoneinfo"

/* The elements of one component; each may be a value, a range or a repetition. */
typedef struct Component {
        long start, stop, repeat; /* seconds in microseconds; stop is -1 without a range */
} Component;

typedef struct Chain {
        Component parts[64];
        size_t n; /* 0 for "*" */
} Chain;

static bool parse_value(const char **p, bool is_second, long *ret) {
        const char *s = *p;
        long v = 0, scale = 1000000;

        if (!isdigit((unsigned char) *s))
                return false;
        for (; isdigit((unsigned char) *s); s++) {
                v = v * 10 + (*s - '0');
                if (v > 99999999)
                        return false;
        }
        if (is_second) {
                v *= 1000000;
                /* ".." begins a range, ".5" a fraction. */
                if (s[0] == '.' && s[1] != '.') {
                        s++;
                        if (!isdigit((unsigned char) *s))
                                return false;
                        for (; isdigit((unsigned char) *s); s++) {
                                scale /= 10;
                                v += scale * (*s - '0');
                        }
                }
        }
        *p = s;
        *ret = v;
        return true;
}

/* "*", "1,3", "1..5", "0/15", "1..20/5" */
static bool parse_chain(const char **p, bool is_second, Chain *ret) {
        const char *s = *p;

        ret->n = 0;
        if (*s == '*') {
                *p = s + 1;
                return true;
        }
        for (;;) {
                Component c = {.stop = -1};

                if (ret->n == ELEMENTSOF(ret->parts) || !parse_value(&s, is_second, &c.start))
                        return false;
                if (s[0] == '.' && s[1] == '.') {
                        s += 2;
                        if (!parse_value(&s, is_second, &c.stop) || c.stop < c.start)
                                return false;
                }
                if (*s == '/') {
                        s++;
                        if (!parse_value(&s, is_second, &c.repeat) || c.repeat == 0)
                                return false;
                }
                ret->parts[ret->n++] = c;
                if (*s != ',')
                        break;
                s++;
        }
        *p = s;
        return true;
}

/* @from_end: "~", days counted from the end of the month, of which systemd wants at most 28 */
static bool chain_is_valid(const Chain *chain, long from, long to, bool from_end) {
        if (from_end)
                to -= 3;
        for (size_t i = 0; i < chain->n; i++) {
                Component c = chain->parts[i];

                if (c.start < from || c.start > to || c.stop > to || c.repeat > to - from)
                        return false;
                if (c.stop >= 0 && c.start + c.repeat > c.stop)
                        return false;
                if (c.stop < 0 && (from_end ? c.start - c.repeat < from : c.start + c.repeat > to))
                        return false;
        }
        return true;
}

static int parse_weekday(const char **p) {
        static const char *const names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                            "Friday", "Saturday", "Sunday"};
        size_t n = 0;

        while (isalpha((unsigned char) (*p)[n]))
                n++;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if ((n == 3 || n == strlen(names[i])) && strncasecmp(*p, names[i], n) == 0) {
                        *p += n;
                        return (int) i;
                }
        return -1;
}

/* "Mon,Wed..Fri", up to the space or the end after it; nothing if there are no weekdays. */
static bool parse_weekdays(const char **p) {
        if (!isalpha((unsigned char) **p))
                return true;
        for (;;) {
                int day = parse_weekday(p);

                if (day < 0)
                        return false;
                if (startswith(*p, "..")) {
                        *p += 2;
                        if (parse_weekday(p) < day)
                                return false;
                }
                if (**p != ',')
                        break;
                (*p)++;
        }
        if (**p && **p != ' ')
                return false;
        *p += strspn(*p, " ");
        return true;
}

/* "2026-*-1,5", "*-1" (month and day), "*~1"; nothing if what follows is a time. */
static bool parse_date(const char **p) {
        const char *s = *p;
        Chain chains[3];
        size_t n = 0;
        bool from_end = false;

        if (!*s)
                return true;
        for (;;) {
                if (n == 3 || !parse_chain(&s, false, &chains[n++]))
                        return false;
                if (n == 1 && *s == ':')
                        return true;
                if (*s == '\0' || *s == ' ')
                        break;
                if ((*s != '-' && *s != '~') || from_end)
                        return false;
                from_end = *s++ == '~';
        }
        if (n < 2)
                return false;

        if (n == 3) {
                for (size_t i = 0; i < chains[0].n; i++) {
                        Component *c = chains[0].parts + i;

                        if (c->start < 100)
                                c->start += c->start < 70 ? 2000 : 1900;
                        if (c->stop >= 0 && c->stop < 100)
                                c->stop += c->stop < 70 ? 2000 : 1900;
                }
                if (!chain_is_valid(&chains[0], 1970, 2199, false))
                        return false;
        }
        if (!chain_is_valid(&chains[n - 2], 1, 12, false) || !chain_is_valid(&chains[n - 1], 1, 31, from_end))
                return false;
        *p = s + strspn(s, " ");
        return true;
}

/* "*:0/15", "06:00:00"; nothing means midnight. */
static bool parse_time(const char **p) {
        Chain hour, minute, second = {};

        if (!**p)
                return true;
        if (!parse_chain(p, false, &hour) || **p != ':')
                return false;
        (*p)++;
        if (!parse_chain(p, false, &minute))
                return false;
        if (**p == ':') {
                (*p)++;
                if (!parse_chain(p, true, &second))
                        return false;
        }
        return chain_is_valid(&hour, 0, 23, false) && chain_is_valid(&minute, 0, 59, false) &&
               chain_is_valid(&second, 0, 60 * 1000000L - 1, false);
}

/* Cuts a time zone off the end: "UTC", or a name that the zone database has. */
static bool cut_zone(char *s) {
        char *space = strrchr(s, ' ');
        _cleanup_free_ char *path = NULL;
        const char *zone;

        if (!space || !isalpha((unsigned char) space[1]))
                return true;
        zone = space + 1;
        if (strcasecmp(zone, "UTC") != 0) {
                if (zone[strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/")] ||
                    strstr(zone, "//"))
                        return false;
                path = path_join(ZONEINFO, zone);
                if (!path || access(path, F_OK) < 0)
                        return false;
        }
        while (space > s && space[-1] == ' ')
                space--;
        *space = '\0';
        return *s != '\0';
}

static bool is_shorthand(const char *s) {
        static const char *const names[] = {"minutely",   "hourly",      "daily",        "weekly",
                                            "monthly",    "quarterly",   "semiannually", "semi-annually",
                                            "biannually", "bi-annually", "yearly",       "annually"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcasecmp(s, names[i]) == 0)
                        return true;
        return false;
}

static bool parse_event(const char *p) {
        if (is_shorthand(p))
                return true;
        if (!*p || !parse_weekdays(&p))
                return false;
        return parse_date(&p) && parse_time(&p) && *p == '\0';
}

int calendar_check(const char *text, Error **ret_error) {
        _cleanup_free_ char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;
        if (!cut_zone(copy) || !parse_event(copy))
                return error_set(ret_error, -EINVAL,
                                 "expected a calendar event such as daily, 06:00 or Mon..Fri *-*-* 06..20:00 (see "
                                 "systemd.time(7); try it with: systemd-analyze calendar)");
        return 0;
}
