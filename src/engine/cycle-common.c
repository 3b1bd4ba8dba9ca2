/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cycle.h"

#include <stdio.h>

/* What every step of a cycle asks of the cycle itself. It knows none of the steps. */

char *cycle_digest(Cycle *c, Arena *arena, const char *text) {
        Fingerprint f = fingerprint(c->fingerprinter, UINT64_C(0x1f0000), strempty(text), strlen(strempty(text)));
        char hex[33];

        (void) snprintf(hex, sizeof(hex), "%016llx%016llx", (unsigned long long) f.hi, (unsigned long long) f.lo);
        return arena_strdup(arena, hex);
}

char *cycle_change_id(Cycle *c, Arena *arena, ChangeAction action, ObjectKind kind, const char *source_id,
                      uint64_t link, const char *detail) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        /* The generation is another after each change that is carried out, so the same wish at another time is another change. */
        strbuf_printf(&b, "%s/%s/%llu/%llu/%s/", change_action_to_string(action), object_kind_to_string(kind),
                      (unsigned long long) link, (unsigned long long) c->state.generation, strempty(detail));
        strbuf_puts(&b, source_id);
        return strbuf_check(&b) < 0 ? NULL : cycle_digest(c, arena, b.data);
}

bool cycle_should_stop(Cycle *c) {
        if (c->options->stop && *c->options->stop)
                c->stopped = true;
        return c->stopped;
}

void cycle_progress(Cycle *c, const char *phase, uint64_t done, uint64_t total) {
        if (c->options->progress)
                c->options->progress(phase, done, total, c->options->userdata);
}
