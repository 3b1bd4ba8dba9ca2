/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "arena.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK_SIZE ((size_t) 256 * 1024)
/* A small cycle needs no file; a large one few calls. */
#define SPILL_AFTER ((size_t) 8 * 1024 * 1024)
#define SPILL_SIZE ((size_t) 4 * 1024 * 1024)

typedef struct Chunk Chunk;
struct Chunk {
        Chunk *next;
        size_t used, size;        /* of data */
        bool mapped;
        _Alignas(8) char data[];
};

struct Arena {
        Chunk *head;
        size_t in_memory;         /* bytes of chunks that are not in the file */
        char *dir;                /* where to spill; NULL: nowhere, or no longer */
        int fd;                   /* of the file, -1 until it is needed */
        off_t file_size;
};

Arena *arena_new(void) {
        Arena *a = calloc(1, sizeof(Arena));

        if (a)
                a->fd = -1;
        return a;
}

Arena *arena_new_spilling(const char *dir) {
        Arena *a = arena_new();

        if (!a)
                return NULL;
        a->dir = strdup(dir);
        return a->dir ? a : arena_free(a);
}

static void chunk_free(Arena *a, Chunk *c) {
        if (c->mapped)
                (void) munmap(c, SPILL_SIZE);
        else {
                a->in_memory -= c->size;
                free(c);
        }
}

Arena *arena_free(Arena *a) {
        if (!a)
                return NULL;
        for (Chunk *c = a->head, *next; c; c = next) {
                next = c->next;
                chunk_free(a, c);
        }
        (void) safe_close(a->fd);
        free(a->dir);
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
                        chunk_free(a, c);
        }
        a->head = kept;
}

/* The space is reserved first: a full disk must show here, and not as a SIGBUS later. */
static Chunk *chunk_new_in_file(Arena *a) {
        Chunk *c;

        if (a->fd < 0)
                a->fd = open(a->dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
        if (a->fd < 0 || fallocate(a->fd, 0, a->file_size, (off_t) SPILL_SIZE) < 0)
                return NULL;
        c = mmap(NULL, SPILL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd, a->file_size);
        if (c == MAP_FAILED)
                return NULL;
        a->file_size += (off_t) SPILL_SIZE;
        c->size = SPILL_SIZE - sizeof(Chunk);
        c->mapped = true;
        return c;
}

static Chunk *chunk_new(Arena *a, size_t size) {
        Chunk *c;

        if (a->dir && size <= CHUNK_SIZE && a->in_memory >= SPILL_AFTER) {
                c = chunk_new_in_file(a);
                if (c)
                        return c;
                /* No second try: then it is memory after all. */
                free(a->dir);
                a->dir = NULL;
        }
        size = MAX2(size, CHUNK_SIZE);
        c = malloc(sizeof(Chunk) + size);
        if (!c)
                return NULL;
        c->size = size;
        c->mapped = false;
        a->in_memory += size;
        return c;
}

void *arena_alloc(Arena *a, size_t size) {
        Chunk *c = a->head;
        void *p;

        if (size > SIZE_MAX / 2)
                return NULL;
        size = (size + 7) & ~(size_t) 7;
        if (!c || c->size - c->used < size) {
                c = chunk_new(a, size);
                if (!c)
                        return NULL;
                c->used = 0;
                /* A chunk of its own for something large must not hide the room left in the current one. */
                if (a->head && size > CHUNK_SIZE) {
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
