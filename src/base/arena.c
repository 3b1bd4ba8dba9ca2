/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "arena.h"

#include <stdint.h>
#include <string.h>

#define CHUNK_SIZE (256U * 1024U)

typedef struct Chunk Chunk;
struct Chunk {
        Chunk *next;
        size_t used, size;
        char data[];
};

struct Arena {
        Chunk *head;
};

Arena *arena_new(void) {
        return calloc(1, sizeof(Arena));
}

Arena *arena_free(Arena *a) {
        if (!a)
                return NULL;
        for (Chunk *c = a->head, *next; c; c = next) {
                next = c->next;
                free(c);
        }
        free(a);
        return NULL;
}

void arena_reset(Arena *a) {
        Chunk *kept = NULL;

        for (Chunk *c = a->head, *next; c; c = next) {
                next = c->next;
                if (!kept && c->size == CHUNK_SIZE) {
                        kept = c;
                        kept->used = 0;
                        kept->next = NULL;
                } else
                        free(c);
        }
        a->head = kept;
}

void *arena_alloc(Arena *a, size_t size) {
        Chunk *c = a->head;
        void *p;

        if (size > SIZE_MAX / 2)
                return NULL;
        size = (size + 7) & ~(size_t) 7;
        if (!c || c->size - c->used < size) {
                size_t n = MAX2(size, (size_t) CHUNK_SIZE);

                c = malloc(sizeof(Chunk) + n);
                if (!c)
                        return NULL;
                c->used = 0;
                c->size = n;
                /* A chunk of its own for something large must not hide the room left in the current one. */
                if (a->head && n > CHUNK_SIZE) {
                        c->next = a->head->next;
                        a->head->next = c;
                } else {
                        c->next = a->head;
                        a->head = c;
                }
        }
        p = c->data + c->used;
        c->used += size;
        return p;
}

char *arena_strndup(Arena *a, const char *s, size_t size) {
        char *p;

        p = arena_alloc(a, size + 1);
        if (!p)
                return NULL;
        memcpy(p, s, size);
        p[size] = '\0';
        return p;
}

char *arena_strdup(Arena *a, const char *s) {
        return s ? arena_strndup(a, s, strlen(s)) : NULL;
}
