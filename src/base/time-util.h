/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Time is uint64_t microseconds everywhere: instants since the epoch, durations plain. One clock seam for tests. */

#include <stdint.h>

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)
#define USEC_PER_WEEK (7 * USEC_PER_DAY)
#define USEC_INFINITY UINT64_MAX

/** clock_now() - microseconds since the epoch (CLOCK_REALTIME).
 *
 * Tests that must see days pass set REPRIEVE_CLOCK_OFFSET (a duration as duration_parse() reads it); it is added to
 * the real time and shifts nothing else. */
uint64_t clock_now(void);
/** clock_monotonic() - for measuring how long something took */
uint64_t clock_monotonic(void);

/**
 * duration_parse() - a systemd time span (systemd.time(7)): "40min", "1h 30min", "7d", "90" (seconds), "infinity"
 *
 * Errors: -EINVAL, -ERANGE; *@ret_usec untouched then.
 */
int duration_parse(const char *s, uint64_t *ret_usec);
/** duration_format() - the shortest exact form, e.g. "1h 30min"; writes into @buf and returns it */
char *duration_format(uint64_t usec, char buf[static 64]);
/** timestamp_format() - local time, "2026-11-22 05:17:40 UTC"; "never" for 0 */
char *timestamp_format(uint64_t usec, char buf[static 64]);
/** timestamp_format_rfc3339() - "2026-11-22T05:17:40.123456Z" */
char *timestamp_format_rfc3339(uint64_t usec, char buf[static 64]);
