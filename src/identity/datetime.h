/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Dates as mapping expressions and filters write them. An instant is an int64_t in units of 100 ns (ticks) since
 * 0001-01-01 00:00 UTC, years 1 to 9999: what the reference's date functions count in. No locale, no time zone data. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
