/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Dates as mapping expressions and filters write them. An instant is an int64_t in units of 100 ns (ticks) since
 * 0001-01-01 00:00 UTC, years 1 to 9999: what the reference's date functions count in. No locale, no time zones. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "string-util.h"

#define TICKS_PER_SEC INT64_C(10000000)
#define TICKS_PER_DAY (86400 * TICKS_PER_SEC)
/* 1601-01-01 (file times of Windows) and 1970-01-01 */
#define TICKS_1601 (584388 * TICKS_PER_DAY)
#define TICKS_1970 (719162 * TICKS_PER_DAY)
#define TICKS_MAX (3652059 * TICKS_PER_DAY)

typedef struct DateFields {
        int year, month, day;           /* month and day from 1 */
        int hour, minute, second;
        int ticks;                      /* of the second */
        int weekday;                    /* 0 is Sunday; ignored by date_from_fields() */
} DateFields;

/** date_from_fields() - false if there is no such day or time; a leap second counts as the next second */
bool date_from_fields(const DateFields *f, int64_t *ret);
void date_to_fields(int64_t ticks, DateFields *ret);
int date_days_in_month(int year, int month);

/** date_parse_rfc3339() - a whole date-time with its offset (RFC 3339 section 5.6), nothing around it */
bool date_parse_rfc3339(const char *s, size_t size, int64_t *ret);

/**
 * date_parse() - a date as people and programs write it, with or without time and offset, UTC where none is given
 *
 * 2020-03-16, 2020-03-16-07:00, 2009-06-15T01:45:30-07:00, 2020-12-31 23:59:59.5 -08:00, 3/16/2020 7:00:00 AM (month
 * first), 20150123105347.1Z (LDAP's generalized time). White space around it is ignored.
 */
bool date_parse(const char *s, size_t size, int64_t *ret);

/** date_format() - "M/d/yyyy h:mm:ss tt", e.g. "7/2/2021 3:33:38 PM": the reference's text of a date */
#define DATE_TEXT_MAX 32
char *date_format(int64_t ticks, char buf[static DATE_TEXT_MAX]);

/* What DateAdd() and DateDiff() count in. */
typedef enum DateUnit {
        DATE_UNIT_YEAR,
        DATE_UNIT_MONTH,
        DATE_UNIT_DAY,
        DATE_UNIT_WEEK,
        DATE_UNIT_HOUR,
        DATE_UNIT_MINUTE,
        DATE_UNIT_SECOND,
        _DATE_UNIT_MAX,
        _DATE_UNIT_INVALID = -22,
} DateUnit;

/** date_unit_from_string() - yyyy, m, d, ww, h, n, s */
DateUnit date_unit_from_string(const char *s, size_t size);

/** date_add() - false where the result is no date of the years 1 to 9999; a month keeps its last day */
bool date_add(int64_t ticks, DateUnit unit, int64_t n, int64_t *ret);

/** date_diff() - @b minus @a: years and months by the calendar, weeks by the Sundays between, else whole units */
int64_t date_diff(DateUnit unit, int64_t a, int64_t b);

/* How strictly date_parse_pattern() takes white space. */
typedef enum DateSpace {
        DATE_SPACE_LEADING = 1 << 0,
        DATE_SPACE_TRAILING = 1 << 1,
        DATE_SPACE_INNER = 1 << 2,
} DateSpace;

/**
 * date_pattern_check() - whether @pattern is a custom date and time format string of .NET, e.g. "yyyyMMddHHmmss.fZ",
 * or one of its standard ones s, u, o
 * @for_parsing: whether it must be able to say which day it is
 *
 * Returns NULL, or what is wrong; *@ret_offset then says where.
 */
const char *date_pattern_check(const char *pattern, bool for_parsing, size_t *ret_offset);

/** date_parse_pattern() - false if @s is not written as the (checked) @pattern says */
bool date_parse_pattern(const char *s, size_t size, const char *pattern, unsigned space, int64_t *ret);

/** date_format_pattern() - append @ticks as the (checked) @pattern says, English names, UTC */
void date_format_pattern(int64_t ticks, const char *pattern, StrBuf *out);
