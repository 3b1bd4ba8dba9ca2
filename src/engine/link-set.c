/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "link-set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "macro.h"

int link_set_add(LinkSet *s, uint64_t link) {
        size_t word = (size_t) (link / 64);

        if (word >= s->n_words) {
                size_t n = MAX2(word + 1, s->n_words * 2);
                uint64_t *w = reallocarray(s->words, n, sizeof(uint64_t));

                if (!w)
                        return -ENOMEM;
                memset(w + s->n_words, 0, (n - s->n_words) * sizeof(uint64_t));
                s->words = w;
                s->n_words = n;
        }
        s->words[word] |= UINT64_C(1) << (link % 64);
        return 0;
}

bool link_set_has(const LinkSet *s, uint64_t link) {
        return link / 64 < s->n_words && (s->words[link / 64] >> (link % 64)) & 1;
}

void link_set_done(LinkSet *s) {
        free(s->words);
        *s = (LinkSet) {};
}

int link_list_push(uint64_t **array, size_t *n, size_t *n_allocated, uint64_t value) {
        if (ARRAY_GROW(*array, *n_allocated, *n + 1) < 0)
                return -ENOMEM;
        (*array)[(*n)++] = value;
        return 0;
}

int link_list_compare(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return x < y ? -1 : x > y;
}
