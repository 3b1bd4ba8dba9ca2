/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of planning share: planner.c (the whole, and who goes), wanted.c (what a record wants), memberships.c,
 * and standing.c (what was decided before). None of them writes anything (C7). */

#include "cycle.h"

/* ---- standing.c ---- */

/** standing_load() - staged rows, escrow and holds, sorted. Errors: those of the ledger. */
int standing_load(Cycle *c);
/** standing_find_staged() - the first row of an object, or NULL; its others follow while standing_same_object() */
StagedRow *standing_find_staged(Cycle *c, uint64_t link, ObjectKind kind, const char *source_id);
bool standing_same_object(const Cycle *c, const StagedRow *row, const StagedRow *first);
/** standing_find_hold() - of an object (@member 0) or of one membership; NULL if there is none */
HoldRow *standing_find_hold(Cycle *c, uint64_t link, uint64_t member);
/** standing_end_hold() - the source has it again (Q7); @h may be NULL */
void standing_end_hold(HoldRow *h);
/** standing_of() - of a planned removal; gives it the id of the row that it is */
Standing standing_of(Cycle *c, Change *change);
/** standing_waits_in_escrow() - X1: refused by the target before, and its next attempt is still to come */
bool standing_waits_in_escrow(Cycle *c, Change *change);

/* ---- wanted.c ---- */

/** plan_add_wanted() - a change of what the record @e wants; to be ended by plan_finish_wanted() */
int plan_add_wanted(Cycle *c, ChangeAction action, Evaluated *e, Change **ret);
/** plan_create() - a link for a record that has none: what it matches in the target, or a new object. Errors: those of the target. */
int plan_create(Cycle *c, Evaluated *e, Error **ret_error);
/** plan_update() - e->desired to an object that is linked; @late: it is not whole before others are there */
int plan_update(Cycle *c, Evaluated *e, bool late, Error **ret_error);
/** plan_finish_wanted() - give the change its id, or leave it out while it waits in escrow */
int plan_finish_wanted(Cycle *c, Change *change, Evaluated *e);

/* ---- memberships.c ---- */

/** plan_resolve() - who is meant by a source id: a user, else a group. A pending record that will be linked, or a link; neither:
 * nobody whom we know. Errors: those of the ledger. */
int plan_resolve(Cycle *c, const char *source_id, MemberRef *ret, bool *ret_resolved);
/** plan_memberships() - what the record of a group wants (G5, Q7) */
int plan_memberships(Cycle *c, Evaluated *e);
/** plan_endings() - the memberships that end because their member is deleted by this plan (C4) */
int plan_endings(Cycle *c);
