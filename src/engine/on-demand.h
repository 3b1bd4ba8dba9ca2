/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Provision on demand: one object through a judged plan. Knows what a cycle knows; is never a way around the guard. */

#include "cycle.h"

/** on_demand_run() - apply what the sealed plan has for one object, and write what each step came to as JSON lines */
int on_demand_run(Cycle *c, ObjectKind kind, const char *source_id, int fd, Error **ret_error);
