/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* References besides members, step by step: read, planned, applied, remembered. The rules are those of F in
 * docs/semantics.md; which attributes are references, reference.h knows. */

#include "cycle.h"

/* One id in a record. What comes after it changes whenever it is looked at again. */
typedef struct Reference {
        const char *id;           /* as the source has it; of_target: as the target has it */
        uint32_t attribute;       /* references_name() */
        bool of_target;           /* written earlier, and the source says nothing of it now */
        bool pending;             /* a Create or Adopt of this plan will link it */
        uint64_t link;            /* 0: pending or unresolved */
        const char *source_id;    /* NULL: of a target's id that nobody has any more */
        const char *target_id;    /* in the scratch arena */
} Reference;

/* What a record that refers to others has besides. */
typedef struct Referring {
        const char *template;     /* canonical JSON of the attributes wanted, with marked ids */
        Reference *items;
        uint32_t n, n_pending, n_unresolved;
        uint32_t n_counted;       /* of the unresolved, in the cycle's count */
        bool as_found;            /* adopted as it is: the next cycle says what it shall be */
} Referring;

/** cycle_has_references() - does the job name any? */
bool cycle_has_references(const Cycle *c);

/* ---- references-read.c ---- */

/** references_read() - mark the ids of @attributes and note them with @e; @of_target: those that are not marked yet.
 * Errors: -ENOMEM. */
int references_read(Cycle *c, Evaluated *e, json_object *attributes, bool of_target);

/* ---- references.c ---- */

/** plan_known_references() - e->desired, with all who are linked already. Errors: those of the ledger. */
int plan_known_references(Cycle *c, Evaluated *e);
/** plan_references() - what else a record that refers to others wants, when it is known who arrives */
int plan_references(Cycle *c, Evaluated *e, Error **ret_error);

/** apply_references() - completes a late change with what the creates have made; *@ret_left: is there anything to write? */
int apply_references(Cycle *c, Change *change, bool *ret_left);

/** cycle_settle_references() - when all is applied: who refers to whom goes into the ledger, who was not found into the
 * journal, once */
int cycle_settle_references(Cycle *c, Error **ret_error);

/** cycle_look_at_references() - brings e->referring up to date, after what was applied */
int cycle_look_at_references(Cycle *c, Evaluated *e);
