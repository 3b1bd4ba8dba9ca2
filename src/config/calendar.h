/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether systemd would take a calendar event. A timer with a bad OnCalendar= is not loaded at all, so the job file must
 * not pass on what systemd refuses. Says nothing about when the event is: that is systemd's. */

#include "error.h"

/**
 * calendar_check() - is this a calendar event, such as "Mon..Fri *-*-* 06:00" or "daily"?
 *
 * Refuses everything systemd 252 refuses, and of what it takes the rare forms that nobody writes by hand for a job:
 * "-" in a range of weekdays, and trailing commas.
 *
 * Errors: -EINVAL with "expected …"; -ENOMEM. Source: systemd.time(7), CALENDAR EVENTS.
 */
int calendar_check(const char *text, Error **ret_error);
