/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A judged plan as text for people and programs. Knows the cycle's plan; writes to a descriptor and nowhere else. */

#include "cycle.h"

/** preview_write() - a line of JSON for each change in the order of C4, the verdict's line last. Errors: errno. */
int preview_write(Cycle *c, int fd, Error **ret_error);
