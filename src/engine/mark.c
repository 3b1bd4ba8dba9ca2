/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cycle.h"

#include <errno.h>

#include "file-util.h"

/* E4: a ledger that was restored from a backup has forgotten what was decided since: who is held, what had to be withheld. A
 * target that was restored has people again whom the ledger knows nothing of. Neither can be seen from the one side alone, so
 * both keep a mark that changes whenever anything changes that a removal depends on. */

int cycle_check_mark(Cycle *c, Error **ret_error) {
        uint64_t links[_OBJECT_KIND_MAX], enabled[_OBJECT_KIND_MAX];
        LedgerMark mark;
        int r;

        r = c->target->vtable->get_mark(c->target, c->config->name, c->mark, ret_error);
        if (r < 0)
                return r;
        r = ledger_get_mark(c->ledger, &mark);
        for (ObjectKind k = 0; r >= 0 && k < _OBJECT_KIND_MAX; k++)
                r = ledger_count_links(c->ledger, k, &links[k], &enabled[k]);
        if (r < 0)
                return error_set(ret_error, r, "Failed to read the ledger: %s", ledger_last_error(c->ledger));
        /* Without links there is nothing to lose: a new ledger, to which any target is new. */
        if (streq(c->mark, mark.now) || streq(c->mark, mark.before) ||
            links[OBJECT_KIND_USER] + links[OBJECT_KIND_GROUP] == 0)
                return 0;
        c->restored = c->configuration_changed = true;
        return 0;
}

int cycle_renew_mark(Cycle *c, Error **ret_error) {
        _cleanup_free_ char *new = NULL;
        uint8_t random[16];
        LedgerMark mark;
        int r;

        r = ledger_get_mark(c->ledger, &mark);
        if (r < 0)
                return error_set(ret_error, r, "Failed to read the ledger: %s", ledger_last_error(c->ledger));
        if (mark.current && streq(mark.now, c->mark))
                return 0;
        r = random_bytes(random, sizeof(random));
        if (r < 0)
                return r;
        new = hex_encode(random, sizeof(random));
        if (!new)
                return -ENOMEM;
        /* Killed between the two, the target has the one of before: as good as the new one until the next cycle has ended. */
        r = ledger_begin(c->ledger);
        if (r >= 0)
                r = ledger_set_mark(c->ledger, new, c->mark);
        if (r >= 0)
                r = ledger_commit(c->ledger);
        if (r < 0) {
                ledger_rollback(c->ledger);
                return error_set(ret_error, r, "Failed to write to the ledger: %s", ledger_last_error(c->ledger));
        }
        return c->target->vtable->set_mark(c->target, c->config->name, new, ret_error);
}
