/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "planner.h"

#include <errno.h>

#include "time-util.h"

/* What the ledger says already of a removal: staged, allowed, held, or refused by the target before. */

static int compare_staged(const void *a, const void *b) {
        const StagedRow *x = a, *y = b;

        if (x->link != y->link)
                return x->link < y->link ? -1 : 1;
        if (x->kind != y->kind)
                return x->kind < y->kind ? -1 : 1;
        return strcmp(x->source_id, y->source_id);
}

static int load_staged(const Staged *s, void *userdata) {
        Cycle *c = userdata;
        StagedRow *row;

        if (ARRAY_GROW(c->staged, c->n_staged_allocated, c->n_staged + 1) < 0)
                return -ENOMEM;
        row = &c->staged[c->n_staged++];
        *row = (StagedRow) { .link = s->link, .member = s->member, .staged_at = s->staged_at, .kind = s->kind,
                             .action = s->action, .cause = s->cause, .state = s->state, .decision = s->decision };
        /* Q5, for a preview, and for what was decided while the source was read */
        if (row->state == STAGED_ALLOWED && cycle_approval_is_void(c, s->allowed_at))
                row->state = STAGED_UNDECIDED;
        c->n_allowed += row->state == STAGED_ALLOWED;
        row->source_id = arena_strdup(c->arena, s->source_id);
        row->target_id = arena_strdup(c->arena, s->target_id);
        row->display_name = arena_strdup(c->arena, s->display_name);
        row->change_id = arena_strdup(c->arena, s->change_id);
        return row->source_id && row->change_id ? 0 : -ENOMEM;
}

static int load_escrow(const Escrow *e, void *userdata) {
        Cycle *c = userdata;
        EscrowRow *row;

        if (ARRAY_GROW(c->escrow, c->n_escrow_allocated, c->n_escrow + 1) < 0)
                return -ENOMEM;
        row = &c->escrow[c->n_escrow++];
        *row = (EscrowRow) { .kind = e->kind, .action = e->action, .first_failed = e->first_failed,
                             .next_attempt = e->next_attempt, .attempts = e->attempts, .decision = e->decision,
                             /* Q5 */
                             .allowed = e->allowed && !c->configuration_changed };
        row->source_id = arena_strdup(c->arena, e->source_id);
        row->digest = arena_strdup(c->arena, strempty(e->digest));
        row->change_id = arena_strdup(c->arena, strempty(e->change_id));
        return row->source_id && row->digest && row->change_id ? 0 : -ENOMEM;
}

static int load_hold(const Hold *h, void *userdata) {
        Cycle *c = userdata;
        HoldRow *row;

        if (ARRAY_GROW(c->holds, c->n_holds_allocated, c->n_holds + 1) < 0)
                return -ENOMEM;
        row = &c->holds[c->n_holds++];
        *row = (HoldRow) { .link = h->link, .member = h->member, .kind = h->kind };
        row->source_id = arena_strdup(c->arena, h->source_id);
        row->display_name = arena_strdup(c->arena, h->display_name);
        return row->source_id ? 0 : -ENOMEM;
}

static int compare_holds(const void *a, const void *b) {
        const HoldRow *x = a, *y = b;

        if (x->link != y->link)
                return x->link < y->link ? -1 : 1;
        return x->member < y->member ? -1 : x->member > y->member;
}

static int compare_escrow(const void *a, const void *b) {
        const EscrowRow *x = a, *y = b;

        if (x->kind != y->kind)
                return x->kind < y->kind ? -1 : 1;
        if (x->action != y->action)
                return x->action < y->action ? -1 : 1;
        return strcmp(x->source_id, y->source_id);
}

int standing_load(Cycle *c) {
        int r;

        r = ledger_scan_staged(c->ledger, 0, 0, load_staged, c);
        if (r < 0)
                return r;
        r = ledger_scan_escrow(c->ledger, load_escrow, c);
        if (r < 0)
                return r;
        c->escrow_is_empty = c->n_escrow == 0;
        r = ledger_scan_holds(c->ledger, 0, 0, load_hold, c);
        if (r < 0)
                return r;
        if (c->n_staged > 0)
                qsort(c->staged, c->n_staged, sizeof(*c->staged), compare_staged);
        if (c->n_escrow > 0)
                qsort(c->escrow, c->n_escrow, sizeof(*c->escrow), compare_escrow);
        if (c->n_holds > 0)
                qsort(c->holds, c->n_holds, sizeof(*c->holds), compare_holds);
        return 0;
}

/* The first row of an object, or NULL; its others follow. */
StagedRow *standing_find_staged(Cycle *c, uint64_t link, ObjectKind kind, const char *source_id) {
        StagedRow key = { .link = link, .kind = kind, .source_id = source_id }, *row;

        if (c->n_staged == 0)
                return NULL;
        row = bsearch(&key, c->staged, c->n_staged, sizeof(*c->staged), compare_staged);
        while (row && row > c->staged && compare_staged(row - 1, &key) == 0)
                row--;
        return row;
}

bool standing_same_object(const Cycle *c, const StagedRow *row, const StagedRow *first) {
        return row < c->staged + c->n_staged && compare_staged(row, first) == 0;
}

static EscrowRow *standing_find_escrow(Cycle *c, ObjectKind kind, ChangeAction action, const char *source_id) {
        EscrowRow key = { .kind = kind, .action = action, .source_id = source_id };

        return c->n_escrow == 0 ? NULL : bsearch(&key, c->escrow, c->n_escrow, sizeof(*c->escrow), compare_escrow);
}

HoldRow *standing_find_hold(Cycle *c, uint64_t link, uint64_t member) {
        HoldRow key = { .link = link, .member = member };

        return c->n_holds == 0 ? NULL : bsearch(&key, c->holds, c->n_holds, sizeof(*c->holds), compare_holds);
}

void standing_end_hold(HoldRow *h) {
        if (h)
                h->over = true;
}

/* Q: the same removal as the one that was reviewed, or a new one? */
Standing standing_of(Cycle *c, Change *change) {
        const EscrowRow *escrow;
        StagedRow *first;

        if (standing_find_hold(c, change->link, 0))
                return STANDING_HELD;
        first = standing_find_staged(c, change->link, change->kind, change->source_id);
        for (StagedRow *row = first; row && standing_same_object(c, row, first); row++) {
                if (row->action != change->action || row->cause != change->cause)
                        continue;
                row->still_due = true;
                change->id = row->change_id;
                switch (row->state) {
                case STAGED_UNDECIDED:
                        return STANDING_STAGED;
                case STAGED_ALLOWED:
                        change->decision = row->decision;
                        return STANDING_ALLOWED;
                case STAGED_REJUDGE:
                        return STANDING_NEW;
                }
        }
        /* X1: what was allowed and then refused by the target stays allowed. */
        escrow = standing_find_escrow(c, change->kind, change->action, change->source_id);
        if (!escrow || !escrow->allowed || !streq(escrow->digest, strempty(change->digest)))
                return STANDING_NEW;
        change->decision = escrow->decision;
        return STANDING_ALLOWED;
}

/* X1: a change that the target refused waits for its next attempt, unless its object has changed since. */
bool standing_waits_in_escrow(Cycle *c, Change *change) {
        EscrowRow *e = standing_find_escrow(c, change->kind, change->action, change->source_id);

        if (!e)
                return false;
        if (change->action != CHANGE_MEMBERS && !streq(e->digest, strempty(change->digest)))
                return false;
        e->still_due = true;
        /* A group has one row, and may have several changes: the others are not the one that was refused. */
        if (streq(e->digest, strempty(change->digest)))
                change->id = e->change_id;
        /* What lies further ahead than any gap was written by a clock that has been set back since. */
        return e->next_attempt == USEC_INFINITY || (e->next_attempt > c->now && e->next_attempt - c->now <= ESCROW_LARGEST_GAP_USEC);
}
