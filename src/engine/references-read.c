/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "references.h"

#include <errno.h>

#include "reference.h"

/* The ids in a record, while it is evaluated. Who they are is asked later, when all records are known. */

typedef struct Gathering {
        Cycle *cycle;
        Reference *items;
        size_t n, n_allocated;
} Gathering;

static int gather(size_t attribute, ReferenceMark mark, const char *id, void *userdata) {
        Gathering *s = userdata;
        Reference *item;

        if (ARRAY_GROW(s->items, s->n_allocated, s->n + 1) < 0)
                return -ENOMEM;
        item = &s->items[s->n++];
        *item = (Reference) { .attribute = (uint32_t) attribute, .of_target = mark == REFERENCE_OF_TARGET };
        item->id = arena_strdup(s->cycle->arena, id);
        return item->id ? 0 : -ENOMEM;
}

int references_read(Cycle *c, Evaluated *e, json_object *attributes, bool of_target) {
        const References *references = c->config->references[e->kind];
        uint32_t n_before = e->referring ? e->referring->n : 0;
        Gathering s = { .cycle = c };
        Reference *items;
        int r;

        if (!references)
                return 0;
        r = references_mark(references, attributes, of_target ? REFERENCE_OF_TARGET : REFERENCE_OF_SOURCE, gather, &s);
        if (r >= 0 && s.n > 0) {
                if (!e->referring)
                        e->referring = arena_alloc(c->arena, sizeof(Referring));
                items = arena_alloc(c->arena, (n_before + s.n) * sizeof(Reference));
                if (!e->referring || !items)
                        r = -ENOMEM;
                else {
                        if (n_before == 0)
                                *e->referring = (Referring) {};
                        else
                                memcpy(items, e->referring->items, n_before * sizeof(Reference));
                        memcpy(items + n_before, s.items, s.n * sizeof(Reference));
                        e->referring->items = items;
                        e->referring->n = n_before + (uint32_t) s.n;
                }
        }
        free(s.items);
        return r;
}
