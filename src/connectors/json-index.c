/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "json-index.h"

#include <errno.h>

#include "file-util.h"
#include "json-line.h"
#include "unicode.h"

typedef struct Slot {
        uint64_t hash;
        uint64_t offset;          /* plus one; 0: free */
} Slot;

struct JsonIndex {
        char *attribute;
        Slot *slots;
        size_t n_slots, n_used;   /* n_slots is a power of two */
};

/* ---- how values compare ---- */

static bool is_exact(const char *attribute) {
        return ascii_strcaseeq(attribute, "id") || ascii_strcaseeq(attribute, "externalId");
}

bool json_value_equal(const char *attribute, const char *a, size_t a_size, const char *b, size_t b_size) {
        if (a_size == b_size && memcmp(a, b, a_size) == 0)
                return true;
        return !is_exact(attribute) && text_compare_folded(a, a_size, b, b_size) == 0;
}

/* The hash is a polynomial over the integers modulo 2^61 - 1, at a random point: whoever chooses values and does not
 * know the point makes two of them meet with a probability of length / 2^61. */
#define PRIME ((UINT64_C(1) << 61) - 1)

static uint64_t point;

static int choose_point(void) {
        uint64_t random;
        int r;

        while (point == 0) {
                r = random_bytes(&random, sizeof(random));
                if (r < 0)
                        return r;
                point = random % PRIME;
        }
        return 0;
}

static uint64_t step(uint64_t h, uint64_t chunk) {
        unsigned __int128 product = (unsigned __int128) (h + chunk) * point;
        uint64_t r = (uint64_t) (product & PRIME) + (uint64_t) (product >> 61);

        return r >= PRIME ? r - PRIME : r;
}

uint64_t json_value_hash(const char *attribute, const char *value, size_t size) {
        bool exact = is_exact(attribute);
        uint64_t h = 0, chunk = 0, n = 0;
        uint32_t c;

        assert(point != 0);
        /* Two characters a step, 21 bits each. */
        for (size_t i = 0; i < size;) {
                if (exact || (unsigned char) value[i] < 0x80)
                        c = (unsigned char) value[i++];
                else
                        i += utf8_next(value + i, size - i, &c);
                chunk = chunk << 21 | (exact ? c : char_fold(c));
                if ((++n & 1) == 0) {
                        h = step(h, chunk);
                        chunk = 0;
                }
        }
        return step(step(h, chunk), n + 1);
}

/* ---- the table ---- */

int json_index_new(const char *attribute, size_t expected, JsonIndex **ret) {
        _cleanup_(json_index_freep) JsonIndex *i = NULL;
        int r;

        r = choose_point();
        if (r < 0)
                return r;
        i = calloc(1, sizeof(*i));
        if (!i)
                return -ENOMEM;
        for (i->n_slots = 64; i->n_slots / 4 * 3 < expected; i->n_slots *= 2)
                ;
        i->attribute = strdup(attribute);
        i->slots = calloc(i->n_slots, sizeof(Slot));
        if (!i->attribute || !i->slots)
                return -ENOMEM;
        *ret = TAKE_PTR(i);
        return 0;
}

JsonIndex *json_index_free(JsonIndex *i) {
        if (!i)
                return NULL;
        free(i->attribute);
        free(i->slots);
        free(i);
        return NULL;
}

const char *json_index_attribute(const JsonIndex *i) {
        return i->attribute;
}

static void insert(JsonIndex *i, Slot new) {
        size_t mask = i->n_slots - 1, at = new.hash & mask;
        unsigned n_equal = 0;

        for (; i->slots[at].offset != 0; at = (at + 1) & mask) {
                if (i->slots[at].hash != new.hash)
                        continue;
                /* The same value twice in one object counts once. With two objects it is ambiguous, and a third is no
                 * news: else an attribute that a million objects share would cost its square. */
                if (i->slots[at].offset == new.offset || ++n_equal == 2)
                        return;
        }
        i->slots[at] = new;
        i->n_used++;
}

static int grow(JsonIndex *i) {
        JsonIndex larger = { .n_slots = i->n_slots * 2 };

        larger.slots = calloc(larger.n_slots, sizeof(Slot));
        if (!larger.slots)
                return -ENOMEM;
        for (size_t k = 0; k < i->n_slots; k++)
                if (i->slots[k].offset != 0)
                        insert(&larger, i->slots[k]);
        free(i->slots);
        i->slots = larger.slots;
        i->n_slots = larger.n_slots;
        i->n_used = larger.n_used;
        return 0;
}

typedef struct Adding {
        JsonIndex *index;
        uint64_t offset;
} Adding;

static int add_value(const char *value, size_t size, void *userdata) {
        Adding *a = userdata;
        JsonIndex *i = a->index;
        int r;

        if (i->n_used >= i->n_slots / 4 * 3) {
                r = grow(i);
                if (r < 0)
                        return r;
        }
        insert(i, (Slot) { json_value_hash(i->attribute, value, size), a->offset + 1 });
        return 0;
}

int json_index_add_object(JsonIndex *i, const char *text, size_t size, uint64_t offset) {
        Adding a = { i, offset };

        return json_line_values(text, size, i->attribute, add_value, &a);
}

unsigned json_index_lookup(const JsonIndex *i, const char *value, size_t size, uint64_t ret_offsets[static 2]) {
        uint64_t hash = json_value_hash(i->attribute, value, size);
        size_t mask = i->n_slots - 1;
        unsigned n = 0;

        for (size_t at = hash & mask; i->slots[at].offset != 0 && n < 2; at = (at + 1) & mask)
                if (i->slots[at].hash == hash)
                        ret_offsets[n++] = i->slots[at].offset - 1;
        return n;
}
