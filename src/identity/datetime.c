/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "datetime.h"

#include <stdio.h>
#include <string.h>

#include "unicode.h"

static bool is_leap_year(int year) {
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int date_days_in_month(int year, int month) {
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

        return days[month - 1] + (month == 2 && is_leap_year(year));
}

/* Days from 0001-01-01 to the first of January of @year. */
static int64_t days_before_year(int year) {
        int64_t y = year - 1;

        return y * 365 + y / 4 - y / 100 + y / 400;
}

bool date_from_fields(const DateFields *f, int64_t *ret) {
        int64_t days, ticks;

        if (f->year < 1 || f->year > 9999 || f->month < 1 || f->month > 12 || f->day < 1 ||
            f->day > date_days_in_month(f->year, f->month) || f->hour < 0 || f->hour > 23 || f->minute < 0 ||
            f->minute > 59 || f->second < 0 || f->second > 60)
                return false;
        days = days_before_year(f->year);
        for (int m = 1; m < f->month; m++)
                days += date_days_in_month(f->year, m);
        days += f->day - 1;
        ticks = days * TICKS_PER_DAY + ((f->hour * 60 + f->minute) * 60 + f->second) * TICKS_PER_SEC + f->ticks;
        if (ticks >= TICKS_MAX)
                return false;
        *ret = ticks;
        return true;
}

void date_to_fields(int64_t ticks, DateFields *ret) {
        int64_t days = ticks / TICKS_PER_DAY, rest = ticks % TICKS_PER_DAY;
        int year = (int) (days / 366) + 1, month = 1, seconds = (int) (rest / TICKS_PER_SEC);

        /* The guess is never late, and at most 20 years early. */
        while (days_before_year(year + 1) <= days)
                year++;
        *ret = (DateFields) { .weekday = (int) ((days + 1) % 7) };
        days -= days_before_year(year);
        while (days >= date_days_in_month(year, month))
                days -= date_days_in_month(year, month++);
        ret->year = year;
        ret->month = month;
        ret->day = (int) days + 1;
        ret->hour = seconds / 3600;
        ret->minute = seconds / 60 % 60;
        ret->second = seconds % 60;
        ret->ticks = (int) (rest % TICKS_PER_SEC);
}

/* Exactly @n digits; moves *i behind them. */
static bool digits(const char *s, size_t size, size_t *i, size_t n, int *ret) {
        int v = 0;

        if (size - *i < n)
                return false;
        for (size_t k = 0; k < n; k++) {
                char c = s[*i + k];

                if (c < '0' || c > '9')
                        return false;
                v = v * 10 + (c - '0');
        }
        *i += n;
        *ret = v;
        return true;
}

static bool one_of(const char *s, size_t size, size_t *i, const char *set) {
        if (*i >= size || !s[*i] || !strchr(set, s[*i]))
                return false;
        (*i)++;
        return true;
}

/* A fraction of a second, digits beyond the seventh cut off. */
static bool fraction(const char *s, size_t size, size_t *i, int *ret) {
        int v = 0, n = 0;

        for (; *i < size && s[*i] >= '0' && s[*i] <= '9'; (*i)++, n++)
                if (n < 7)
                        v = v * 10 + (s[*i] - '0');
        if (n == 0)
                return false;
        for (; n < 7; n++)
                v *= 10;
        *ret = v;
        return true;
}

bool date_parse_rfc3339(const char *s, size_t size, int64_t *ret) {
        DateFields f = {};
        size_t i = 0;
        int64_t ticks;
        int hours = 0, minutes = 0;

        if (!digits(s, size, &i, 4, &f.year) || !one_of(s, size, &i, "-") || !digits(s, size, &i, 2, &f.month) ||
            !one_of(s, size, &i, "-") || !digits(s, size, &i, 2, &f.day) || !one_of(s, size, &i, "Tt") ||
            !digits(s, size, &i, 2, &f.hour) || !one_of(s, size, &i, ":") || !digits(s, size, &i, 2, &f.minute) ||
            !one_of(s, size, &i, ":") || !digits(s, size, &i, 2, &f.second))
                return false;
        if (one_of(s, size, &i, ".") && !fraction(s, size, &i, &f.ticks))
                return false;
        if (!one_of(s, size, &i, "Zz")) {
                bool east = i < size && s[i] == '+';

                if (!one_of(s, size, &i, "+-") || !digits(s, size, &i, 2, &hours) || !one_of(s, size, &i, ":") ||
                    !digits(s, size, &i, 2, &minutes) || hours > 23 || minutes > 59)
                        return false;
                if (east) {
                        hours = -hours;
                        minutes = -minutes;
                }
        }
        if (i != size || !date_from_fields(&f, &ticks))
                return false;
        ticks += (hours * 3600 + minutes * 60) * TICKS_PER_SEC;
        *ret = ticks;
        return true;
}

static void skip_white(const char *s, size_t size, size_t *i) {
        while (*i < size && (s[*i] == ' ' || s[*i] == '\t'))
                (*i)++;
}

/* One digit or two. */
static bool short_number(const char *s, size_t size, size_t *i, int *ret) {
        size_t start = *i;

        *ret = 0;
        for (; *i < size && *i < start + 2 && s[*i] >= '0' && s[*i] <= '9'; (*i)++)
                *ret = *ret * 10 + (s[*i] - '0');
        return *i > start;
}

static bool word(const char *s, size_t size, size_t *i, const char *w) {
        size_t n = strlen(w);

        if (size - *i < n || !ascii_strncaseeq(s + *i, w, n))
                return false;
        *i += n;
        return true;
}

/* Z, UTC, GMT, ±h, ±hh, ±hhmm or ±hh:mm; *ret_ticks is what to add to reach UTC. */
static bool zone(const char *s, size_t size, size_t *i, int64_t *ret_ticks) {
        int hours, minutes = 0;
        bool west;

        *ret_ticks = 0;
        if (one_of(s, size, i, "Zz") || word(s, size, i, "UTC") || word(s, size, i, "GMT"))
                return true;
        west = *i < size && s[*i] == '-';
        if (!one_of(s, size, i, "+-") || !short_number(s, size, i, &hours))
                return false;
        if (*i < size) {
                bool colon = one_of(s, size, i, ":");

                if (!digits(s, size, i, 2, &minutes) && colon)
                        return false;
        }
        if (hours > 23 || minutes > 59)
                return false;
        *ret_ticks = (hours * 3600 + minutes * 60) * TICKS_PER_SEC * (west ? 1 : -1);
        return true;
}

static bool half_of_day(bool pm, int *hour) {
        if (*hour < 1 || *hour > 12)
                return false;
        *hour = *hour % 12 + (pm ? 12 : 0);
        return true;
}

static bool finish(const DateFields *f, int64_t offset, int64_t *ret) {
        int64_t ticks;

        if (!date_from_fields(f, &ticks) || ticks + offset < 0 || ticks + offset >= TICKS_MAX)
                return false;
        *ret = ticks + offset;
        return true;
}

bool date_parse(const char *s, size_t size, int64_t *ret) {
        DateFields f = {};
        int64_t offset = 0;
        size_t i = 0, start, end;
        bool has_time = false;

        skip_white(s, size, &i);
        while (size > i && (s[size - 1] == ' ' || s[size - 1] == '\t'))
                size--;
        start = i;
        while (i < size && s[i] >= '0' && s[i] <= '9')
                i++;
        if (i - start == 14) {
                i = start;
                (void) (digits(s, size, &i, 4, &f.year) && digits(s, size, &i, 2, &f.month) &&
                        digits(s, size, &i, 2, &f.day) && digits(s, size, &i, 2, &f.hour) &&
                        digits(s, size, &i, 2, &f.minute) && digits(s, size, &i, 2, &f.second));
                if (one_of(s, size, &i, ".,") && !fraction(s, size, &i, &f.ticks))
                        return false;
                if (i < size && !zone(s, size, &i, &offset))
                        return false;
                return i == size && finish(&f, offset, ret);
        }
        i = start;
        if (digits(s, size, &i, 4, &f.year)) {
                if (!one_of(s, size, &i, "-") || !short_number(s, size, &i, &f.month) || !one_of(s, size, &i, "-") ||
                    !short_number(s, size, &i, &f.day))
                        return false;
        } else {
                i = start;
                if (!short_number(s, size, &i, &f.month) || !one_of(s, size, &i, "/") ||
                    !short_number(s, size, &i, &f.day) || !one_of(s, size, &i, "/") ||
                    !digits(s, size, &i, 4, &f.year))
                        return false;
        }

        end = i;
        if (!one_of(s, size, &i, "Tt"))
                skip_white(s, size, &i);
        if (i > end && short_number(s, size, &i, &f.hour)) {
                has_time = true;
                if (!one_of(s, size, &i, ":") || !digits(s, size, &i, 2, &f.minute))
                        return false;
                if (one_of(s, size, &i, ":") && !digits(s, size, &i, 2, &f.second))
                        return false;
                if (i < size && s[i] == '.' && (i++, !fraction(s, size, &i, &f.ticks)))
                        return false;
                end = i;
                skip_white(s, size, &i);
                if (word(s, size, &i, "AM")) {
                        if (!half_of_day(false, &f.hour))
                                return false;
                } else if (word(s, size, &i, "PM")) {
                        if (!half_of_day(true, &f.hour))
                                return false;
                } else
                        i = end;
        }
        if (!has_time)
                i = end;
        skip_white(s, size, &i);
        if (i < size && !zone(s, size, &i, &offset))
                return false;
        return i == size && finish(&f, offset, ret);
}

char *date_format(int64_t ticks, char buf[static DATE_TEXT_MAX]) {
        DateFields f;

        date_to_fields(ticks, &f);
        (void) snprintf(buf, DATE_TEXT_MAX, "%u/%u/%04u %u:%02u:%02u %s", (unsigned) f.month % 100,
                        (unsigned) f.day % 100, (unsigned) f.year % 10000,
                        (unsigned) (f.hour % 12 == 0 ? 12 : f.hour % 12), (unsigned) f.minute % 60,
                        (unsigned) f.second % 60, f.hour < 12 ? "AM" : "PM");
        return buf;
}

DateUnit date_unit_from_string(const char *s, size_t size) {
        static const char *const names[_DATE_UNIT_MAX] = {
                [DATE_UNIT_YEAR] = "yyyy", [DATE_UNIT_MONTH] = "m", [DATE_UNIT_DAY] = "d",
                [DATE_UNIT_WEEK] = "ww",   [DATE_UNIT_HOUR] = "h",  [DATE_UNIT_MINUTE] = "n",
                [DATE_UNIT_SECOND] = "s",
        };

        for (DateUnit u = 0; u < _DATE_UNIT_MAX; u++)
                if (strlen(names[u]) == size && memcmp(names[u], s, size) == 0)
                        return u;
        return _DATE_UNIT_INVALID;
}

static const int64_t unit_ticks[_DATE_UNIT_MAX] = {
        [DATE_UNIT_DAY] = TICKS_PER_DAY,         [DATE_UNIT_WEEK] = 7 * TICKS_PER_DAY,
        [DATE_UNIT_HOUR] = 3600 * TICKS_PER_SEC, [DATE_UNIT_MINUTE] = 60 * TICKS_PER_SEC,
        [DATE_UNIT_SECOND] = TICKS_PER_SEC,
};

bool date_add(int64_t ticks, DateUnit unit, int64_t n, int64_t *ret) {
        DateFields f;
        int64_t months, days;

        if (unit != DATE_UNIT_YEAR && unit != DATE_UNIT_MONTH) {
                if (__builtin_mul_overflow(n, unit_ticks[unit], &n) || __builtin_add_overflow(ticks, n, &ticks) ||
                    ticks < 0 || ticks >= TICKS_MAX)
                        return false;
                *ret = ticks;
                return true;
        }
        if (n < -120000 || n > 120000)
                return false;
        date_to_fields(ticks, &f);
        months = (int64_t) f.year * 12 + f.month - 1 + n * (unit == DATE_UNIT_YEAR ? 12 : 1);
        if (months < 12 || months >= 120000)
                return false;
        f.year = (int) (months / 12);
        f.month = (int) (months % 12) + 1;
        days = date_days_in_month(f.year, f.month);
        if (f.day > days)
                f.day = (int) days;
        return date_from_fields(&f, ret);
}

int64_t date_diff(DateUnit unit, int64_t a, int64_t b) {
        DateFields x, y;

        date_to_fields(a, &x);
        date_to_fields(b, &y);
        switch (unit) {
        case DATE_UNIT_YEAR:
                return y.year - x.year;
        case DATE_UNIT_MONTH:
                return (y.year - x.year) * 12 + y.month - x.month;
        case DATE_UNIT_WEEK:
                /* Both back to their Sunday, the time of day kept: so does .NET's DateAndTime.DateDiff. */
                return ((b - y.weekday * TICKS_PER_DAY) - (a - x.weekday * TICKS_PER_DAY)) / TICKS_PER_DAY / 7;
        case DATE_UNIT_DAY:
        case DATE_UNIT_HOUR:
        case DATE_UNIT_MINUTE:
        case DATE_UNIT_SECOND:
                return (b - a) / unit_ticks[unit];
        case _DATE_UNIT_MAX:
        case _DATE_UNIT_INVALID:
                break;
        }
        return 0;
}

/* ---- .NET's custom date and time format strings ---- */

static const char *const month_names[] = { "January", "February", "March",     "April",   "May",      "June",
                                           "July",    "August",   "September", "October", "November", "December" };
static const char *const day_names[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };

typedef struct Specifier {
        char letter;            /* one of "dfFghHKmMstyz", or 0 for a literal character */
        size_t count;           /* how often the letter stands there */
        char literal;
} Specifier;

static const char *standard_pattern(const char *pattern) {
        if (streq(pattern, "s"))
                return "yyyy-MM-ddTHH:mm:ss";
        if (streq(pattern, "u"))
                return "yyyy-MM-dd HH:mm:ssZ";
        if (streq(pattern, "o") || streq(pattern, "O"))
                return "yyyy-MM-ddTHH:mm:ss.fffffffK";
        return pattern;
}

/* The next specifier at *p; *quote is the quotation mark that we are inside of, or 0. False at the end. */
static bool next_specifier(const char **p, char *quote, Specifier *ret) {
        const char *s = *p;

        for (;;) {
                if (*s == '\0')
                        return false;
                if (*quote ? *s == *quote : *s == '"' || *s == '\'') {
                        *quote = *quote ? '\0' : *s;
                        s++;
                        continue;
                }
                if (!*quote && *s == '%') {
                        s++;
                        continue;
                }
                break;
        }
        *ret = (Specifier) { .count = 1 };
        if (*s == '\\' && s[1])
                ret->literal = *++s;
        else if (!*quote && strchr("dfFghHKmMstyz", *s)) {
                ret->letter = *s;
                /* %dd is still two d: % only says that what follows is no standard format. */
                while (*s != 'K' && s[1] == *s) {
                        s++;
                        ret->count++;
                }
        } else
                ret->literal = *s;
        *p = s + 1;
        return true;
}

const char *date_pattern_check(const char *pattern, bool for_parsing, size_t *ret_offset) {
        const char *p = standard_pattern(pattern), *start = p;
        bool has_year = false;
        char quote = '\0';
        Specifier s;

        *ret_offset = 0;
        if (!*pattern)
                return "the format is empty";
        if (!pattern[1] && p == pattern && pattern[0] != '%')
                return "of the one-letter formats only s, u and o are known; write %d for a day alone";
        while (next_specifier(&p, &quote, &s)) {
                *ret_offset = (size_t) (p - start) - s.count;
                if ((s.letter == 'f' || s.letter == 'F') && s.count > 7)
                        return "a second has at most seven decimals: fffffff";
                if (s.letter == 'y') {
                        has_year = true;
                        if (s.count == 3 || s.count > 5)
                                return "write yy or yyyy";
                }
                if (s.letter == 'g')
                        return "eras are not supported";
        }
        if (quote) {
                *ret_offset = strlen(pattern);
                return "a quotation mark of the format is not closed";
        }
        if (for_parsing && !has_year) {
                *ret_offset = 0;
                return "a format to read a date with must contain the year";
        }
        return NULL;
}

static bool name_of(const char *s, size_t size, size_t *i, const char *const *names, size_t n, bool is_short,
                    int *ret) {
        for (size_t k = 0; k < n; k++) {
                size_t length = is_short ? 3 : strlen(names[k]);

                if (size - *i >= length && ascii_strncaseeq(s + *i, names[k], length)) {
                        *i += length;
                        *ret = (int) k;
                        return true;
                }
        }
        return false;
}

bool date_parse_pattern(const char *s, size_t size, const char *pattern, unsigned space, int64_t *ret) {
        DateFields f = { .month = 1, .day = 1 }, check;
        const char *p = standard_pattern(pattern);
        int64_t offset = 0, ticks;
        int weekday = -1, half = -1, v;
        char quote = '\0';
        size_t i = 0, before;
        Specifier t;

        if (space & DATE_SPACE_LEADING)
                skip_white(s, size, &i);
        if (space & DATE_SPACE_TRAILING)
                while (size > i && (s[size - 1] == ' ' || s[size - 1] == '\t'))
                        size--;
        while (next_specifier(&p, &quote, &t)) {
                bool ok = true;

                if (space & DATE_SPACE_INNER) {
                        skip_white(s, size, &i);
                        if (t.literal == ' ')
                                continue;
                }
                switch (t.letter) {
                case '\0':
                        if (i < size && s[i] == t.literal)
                                i++;
                        else {
                                /* Like .NET: a decimal point before F goes when there are no decimals. */
                                ok = t.literal == '.' && next_specifier(&p, &quote, &t) && t.letter == 'F';
                        }
                        break;
                case 'd':
                        ok = t.count >= 3 ? name_of(s, size, &i, day_names, 7, t.count == 3, &weekday)
                           : t.count == 2 ? digits(s, size, &i, 2, &f.day) : short_number(s, size, &i, &f.day);
                        break;
                case 'M':
                        if (t.count >= 3) {
                                ok = name_of(s, size, &i, month_names, 12, t.count == 3, &v);
                                f.month = ok ? v + 1 : 0;
                        } else
                                ok = t.count == 2 ? digits(s, size, &i, 2, &f.month)
                                                  : short_number(s, size, &i, &f.month);
                        break;
                case 'y':
                        if (t.count <= 2) {
                                ok = t.count == 2 ? digits(s, size, &i, 2, &f.year)
                                                  : short_number(s, size, &i, &f.year);
                                /* The invariant culture's TwoDigitYearMax. */
                                f.year += f.year <= 49 ? 2000 : 1900;
                        } else
                                ok = (t.count == 4 || one_of(s, size, &i, "0")) && digits(s, size, &i, 4, &f.year);
                        break;
                case 'h':
                case 'H':
                        ok = t.count >= 2 ? digits(s, size, &i, 2, &f.hour) : short_number(s, size, &i, &f.hour);
                        ok = ok && (t.letter == 'H' || f.hour <= 12);
                        break;
                case 'm':
                        ok = t.count >= 2 ? digits(s, size, &i, 2, &f.minute) : short_number(s, size, &i, &f.minute);
                        break;
                case 's':
                        ok = t.count >= 2 ? digits(s, size, &i, 2, &f.second) : short_number(s, size, &i, &f.second);
                        break;
                case 'f':
                case 'F':
                        before = i;
                        ok = fraction(s, size, &i, &f.ticks);
                        if (t.letter == 'f')
                                ok = ok && i - before == t.count;
                        else
                                ok = i - before <= t.count;
                        break;
                case 't':
                        half = word(s, size, &i, t.count == 1 ? "A" : "AM") ? 0
                             : word(s, size, &i, t.count == 1 ? "P" : "PM") ? 1 : -1;
                        ok = half >= 0;
                        break;
                case 'K':
                        if (i < size && strchr("Z+-", s[i]))
                                ok = zone(s, size, &i, &offset);
                        break;
                case 'z':
                        ok = zone(s, size, &i, &offset);
                        break;
                }
                if (!ok)
                        return false;
        }
        if (i != size || (half >= 0 && !half_of_day(half == 1, &f.hour)) || !finish(&f, 0, &ticks))
                return false;
        date_to_fields(ticks, &check);
        if (weekday >= 0 && weekday != check.weekday)
                return false;
        return finish(&f, offset, ret);
}

void date_format_pattern(int64_t ticks, const char *pattern, StrBuf *out) {
        static const int powers[] = { 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1 };
        const char *p = standard_pattern(pattern);
        char quote = '\0';
        DateFields f;
        Specifier t;

        date_to_fields(ticks, &f);
        while (next_specifier(&p, &quote, &t)) {
                int width = t.count >= 2 ? 2 : 1, hour = f.hour % 12 == 0 ? 12 : f.hour % 12, v;

                switch (t.letter) {
                case '\0':
                        strbuf_putc(out, t.literal);
                        break;
                case 'd':
                        if (t.count >= 3)
                                strbuf_append(out, day_names[f.weekday],
                                              t.count == 3 ? 3 : strlen(day_names[f.weekday]));
                        else
                                strbuf_printf(out, "%0*d", width, f.day);
                        break;
                case 'M':
                        if (t.count >= 3)
                                strbuf_append(out, month_names[f.month - 1],
                                              t.count == 3 ? 3 : strlen(month_names[f.month - 1]));
                        else
                                strbuf_printf(out, "%0*d", width, f.month);
                        break;
                case 'y':
                        if (t.count <= 2)
                                strbuf_printf(out, "%0*d", width, f.year % 100);
                        else
                                strbuf_printf(out, "%0*d", (int) t.count, f.year);
                        break;
                case 'h':
                        strbuf_printf(out, "%0*d", width, hour);
                        break;
                case 'H':
                        strbuf_printf(out, "%0*d", width, f.hour);
                        break;
                case 'm':
                        strbuf_printf(out, "%0*d", width, f.minute);
                        break;
                case 's':
                        strbuf_printf(out, "%0*d", width, f.second);
                        break;
                case 'f':
                        strbuf_printf(out, "%0*d", (int) t.count, f.ticks / powers[t.count]);
                        break;
                case 'F':
                        v = f.ticks / powers[t.count];
                        width = (int) t.count;
                        while (width > 0 && v % 10 == 0) {
                                v /= 10;
                                width--;
                        }
                        if (width > 0)
                                strbuf_printf(out, "%0*d", width, v);
                        else if (out->size > 0 && out->data[out->size - 1] == '.')
                                out->data[--out->size] = '\0';
                        break;
                case 't':
                        strbuf_append(out, f.hour < 12 ? "AM" : "PM", t.count == 1 ? 1 : 2);
                        break;
                case 'K':
                        strbuf_putc(out, 'Z');
                        break;
                case 'z':
                        strbuf_puts(out, t.count == 1 ? "+0" : t.count == 2 ? "+00" : "+00:00");
                        break;
                }
        }
}
