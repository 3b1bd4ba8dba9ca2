/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "datetime.h"

#include <string.h>

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
