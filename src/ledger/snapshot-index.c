/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "snapshot-index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "file-util.h"
#include "string-util.h"

/* The file: a header, then one row of 20 bytes for each record of the last reading, in its order. A fingerprint has its top
 * bit set; a row without it, or with link 0, is unsettled: it says only that the same record, in the same place, must be parsed
 * again. Its link, if it has one, is kept, so that the record's absence is noticed all the same.
 *
 * A reading walks along the rows. As long as record n has the fingerprint of row n, nothing is allocated and nothing is
 * looked up. With the first record that differs come
 *   - a hash table of all settled rows, to find a record that has moved; a row found there is where the walk goes on, so
 *     that an insertion, a deletion or a change costs two look-ups and a shuffle one for each record;
 *   - a bit for each row that was met (before, all up to the cursor were);
 *   - the rows of this reading, to be written at its end.
 *
 * The rows are mapped, not read: ten million of them would be 200 MB of memory. The file is ours, in a folder that only we
 * may enter, and only ever replaced as a whole, so that nobody cuts it off under the mapping. */

typedef struct Row {
        uint32_t fingerprint[4];
        uint32_t link;
} Row;

#define MAX_ROWS (UINT32_MAX - 1)
#define SETTLED (UINT32_C(1) << 31)   /* in fingerprint[3] */
#define BYTE_ORDER_MARK UINT32_C(0x01020304)

typedef struct Header {
        char magic[8];
        uint32_t byte_order, row_size;
        uint64_t n_rows;
        uint64_t generation;
        char configuration[40];
        Fingerprint schema, secret_check;
        Fingerprint rows_sum;     /* of the rows, with a key that everybody knows: against damage, not against people */
        Fingerprint header_sum;   /* of all above */
} Header;

_Static_assert(sizeof(Row) == 20, "a row is packed");
_Static_assert(sizeof(Header) == 136, "the header is packed");

static const char magic[8] = "RPRVIDX1";

struct SnapshotIndex {
        const Row *rows;          /* of last time, in the mapping */
        uint32_t n_rows;
        uint32_t cursor;          /* the row that the next record is expected to be */
        void *map;
        size_t map_size;

        uint32_t n_records;
        Row *records;             /* of this reading; NULL while they are the first n_records rows */
        size_t n_records_allocated;

        uint32_t *table;          /* row + 1, 0 for free; NULL until a record was not where it was expected */
        uint32_t table_mask;
        uint8_t *seen;            /* with the table */

        uint32_t *forgotten;      /* links to be unsettled, in one pass over the records */
        size_t n_forgotten, n_forgotten_allocated;
};

SnapshotIndex *snapshot_new_empty(void) {
        return calloc(1, sizeof(SnapshotIndex));
}

SnapshotIndex *snapshot_free(SnapshotIndex *s) {
        if (!s)
                return NULL;

        if (s->map)
                (void) munmap(s->map, s->map_size);
        free(s->records);
        free(s->table);
        free(s->seen);
        free(s->forgotten);
        free(s);
        return NULL;
}

/* ---- the file ---- */

static int checksum(const Header *h, const Row *rows, size_t n_rows, Fingerprint *ret_rows, Fingerprint *ret_header) {
        static const uint8_t known[64] = "reprieve snapshot index";
        _cleanup_(fingerprinter_freep) Fingerprinter *f = NULL;

        f = fingerprinter_new(known);
        if (!f)
                return -ENOMEM;
        *ret_rows = fingerprint(f, 0, rows, n_rows * sizeof(Row));
        *ret_header = fingerprint(f, 1, h, offsetof(Header, header_sum));
        return 0;
}

static bool fingerprint_equal(const Fingerprint *a, const Fingerprint *b) {
        return a->lo == b->lo && a->hi == b->hi;
}

static int check_stamp(const Header *h, const SnapshotStamp *expected, Error **ret_error) {
        if (strncmp(h->configuration, expected->configuration, sizeof(h->configuration)) != 0)
                return error_set(ret_error, SNAPSHOT_E_UNUSABLE, "it was made with another configuration");
        if (!fingerprint_equal(&h->secret_check, &expected->secret_check))
                return error_set(ret_error, SNAPSHOT_E_UNUSABLE, "it is another job's");
        if (!fingerprint_equal(&h->schema, &expected->schema))
                return error_set(ret_error, SNAPSHOT_E_UNUSABLE, "the schema of the source has changed");
        if (h->generation != expected->generation)
                return error_set(ret_error, SNAPSHOT_E_UNUSABLE,
                                 "it goes with generation %llu of the ledger, which is at %llu",
                                 (unsigned long long) h->generation, (unsigned long long) expected->generation);
        return 0;
}

static int check_file(const Header *h, size_t size, const SnapshotStamp *expected, Error **ret_error) {
        const Row *rows = (const Row *) (h + 1);
        Fingerprint rows_sum, header_sum;
        int r;

        if (memcmp(h->magic, magic, sizeof(magic)) != 0 || h->byte_order != BYTE_ORDER_MARK || h->row_size != sizeof(Row))
                return error_set(ret_error, SNAPSHOT_E_UNUSABLE, "it is no snapshot index of this machine and version");
        if (h->n_rows > MAX_ROWS || size - sizeof(Header) != h->n_rows * sizeof(Row))
                return error_set(ret_error, SNAPSHOT_E_UNUSABLE, "it is truncated or too long");
        /* Before the rows are read at all: what is not for us needs no checking. */
        r = check_stamp(h, expected, ret_error);
        if (r != 0)
                return r;
        r = checksum(h, rows, h->n_rows, &rows_sum, &header_sum);
        if (r < 0)
                return error_set(ret_error, r, "Out of memory");
        if (!fingerprint_equal(&header_sum, &h->header_sum) || !fingerprint_equal(&rows_sum, &h->rows_sum))
                return error_set(ret_error, SNAPSHOT_E_UNUSABLE, "it is damaged");
        return 0;
}

int snapshot_open(const char *path, const SnapshotStamp *expected, SnapshotIndex **ret, Error **ret_error) {
        _cleanup_(snapshot_freep) SnapshotIndex *s = NULL;
        _cleanup_close_ int fd = -1;
        const Header *h;
        struct stat st;
        int r;

        s = snapshot_new_empty();
        if (!s)
                return error_set(ret_error, -ENOMEM, "Out of memory");
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return error_set(ret_error, SNAPSHOT_E_UNUSABLE, errno == ENOENT ? "there is none yet" : "it cannot be opened: %s",
                                 strerror(errno));
        if (!S_ISREG(st.st_mode) || st.st_size < (off_t) sizeof(Header) || (uintmax_t) st.st_size > SIZE_MAX)
                return error_set(ret_error, SNAPSHOT_E_UNUSABLE, "it is truncated");
        s->map_size = (size_t) st.st_size;
        s->map = mmap(NULL, s->map_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
        if (s->map == MAP_FAILED) {
                s->map = NULL;
                if (errno == ENOMEM)
                        return error_set(ret_error, -ENOMEM, "Out of memory");
                return error_set(ret_error, SNAPSHOT_E_UNUSABLE, "it cannot be mapped: %s", strerror(errno));
        }
        h = s->map;
        r = check_file(h, s->map_size, expected, ret_error);
        if (r != 0)
                return r;
        s->rows = (const Row *) (h + 1);
        s->n_rows = (uint32_t) h->n_rows;
        *ret = TAKE_PTR(s);
        return 0;
}

static int write_file(const char *path, const Header *h, const Row *rows) {
        _cleanup_close_ int fd = -1;
        int r;

        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = loop_write(fd, h, sizeof(*h));
        if (r >= 0)
                r = loop_write(fd, rows, h->n_rows * sizeof(Row));
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        return r;
}

/* ---- a reading ---- */

/* Settled or not. */
static inline bool row_is(const Row *row, Fingerprint fp) {
        uint32_t key[4];

        memcpy(key, &fp, sizeof(key));
        return row->fingerprint[0] == key[0] && row->fingerprint[1] == key[1] && row->fingerprint[2] == key[2] &&
               (row->fingerprint[3] | SETTLED) == key[3];
}

static inline bool row_settled(const Row *row) {
        return row->link != 0 && (row->fingerprint[3] & SETTLED);
}

static inline const Row *records_of(const SnapshotIndex *s) {
        return s->records ? s->records : s->rows;
}

static inline bool row_seen(const SnapshotIndex *s, uint32_t row) {
        return s->seen ? s->seen[row / 8] >> row % 8 & 1 : row < s->cursor;
}

static int own_records(SnapshotIndex *s) {
        size_t n = (size_t) s->n_rows + s->n_rows / 64 + 64;
        int r;

        if (s->records)
                return 0;
        r = ARRAY_GROW(s->records, s->n_records_allocated, n);
        if (r < 0)
                return r;
        if (s->n_records > 0)
                memcpy(s->records, s->rows, s->n_records * sizeof(Row));
        return 0;
}

/* The fingerprint is uniform to whoever does not know the key: its lower bits are hash enough. */
static uint32_t first_slot(const SnapshotIndex *s, const uint32_t fp[static 4]) {
        return fp[0] & s->table_mask;
}

static int make_table(SnapshotIndex *s) {
        _cleanup_free_ uint32_t *table = NULL;
        _cleanup_free_ uint8_t *seen = NULL;
        uint64_t n_slots = 16;
        uint32_t slot;

        if (s->table)
                return 0;
        while (n_slots < (uint64_t) s->n_rows + s->n_rows / 2)
                n_slots *= 2;
        /* 2^32 - 2 rows fill 2^32 slots at most: one is always free, and the mask fits. */
        n_slots = MIN2(n_slots, UINT64_C(1) << 32);
        if (n_slots > SIZE_MAX / sizeof(uint32_t))
                return -ENOMEM;
        table = calloc(n_slots, sizeof(uint32_t));
        seen = calloc((size_t) s->n_rows / 8 + 1, 1);
        if (!table || !seen)
                return -ENOMEM;
        memset(seen, 0xff, s->cursor / 8);
        for (uint32_t row = s->cursor / 8 * 8; row < s->cursor; row++)
                seen[row / 8] |= (uint8_t) (1U << row % 8);

        s->table_mask = (uint32_t) (n_slots - 1);
        for (uint32_t row = 0; row < s->n_rows; row++) {
                if (!row_settled(&s->rows[row]))
                        continue;
                for (slot = first_slot(s, s->rows[row].fingerprint); table[slot] != 0; slot = (slot + 1) & s->table_mask)
                        /* Of two rows alike the first is found; the other only in its place. */
                        if (memcmp(s->rows[table[slot] - 1].fingerprint, s->rows[row].fingerprint, 16) == 0)
                                break;
                if (table[slot] == 0)
                        table[slot] = row + 1;
        }
        s->table = TAKE_PTR(table);
        s->seen = TAKE_PTR(seen);
        return 0;
}

static const Row *find_row(const SnapshotIndex *s, Fingerprint fp) {
        uint32_t key[4], slot;

        memcpy(key, &fp, sizeof(key));
        for (slot = first_slot(s, key); s->table[slot] != 0; slot = (slot + 1) & s->table_mask)
                if (row_is(&s->rows[s->table[slot] - 1], fp))
                        return &s->rows[s->table[slot] - 1];
        return NULL;
}

static void mark_seen(SnapshotIndex *s, uint32_t row) {
        if (s->seen)
                s->seen[row / 8] |= (uint8_t) (1U << row % 8);
        s->cursor = row + 1;
}

static int add_record(SnapshotIndex *s, const Row *row) {
        int r;

        r = ARRAY_GROW(s->records, s->n_records_allocated, (size_t) s->n_records + 1);
        if (r < 0)
                return r;
        s->records[s->n_records] = *row;
        return 0;
}

static int next_in_place(SnapshotIndex *s, SnapshotMatch *ret, uint64_t *ret_link) {
        const Row *row = &s->rows[s->cursor];
        int r;

        if (s->records) {
                r = add_record(s, row);
                if (r < 0)
                        return r;
        }
        mark_seen(s, s->cursor);
        /* An unsettled row says where its record stands, and no more. */
        *ret = row_settled(row) ? SNAPSHOT_UNCHANGED : SNAPSHOT_NEW;
        *ret_link = row_settled(row) ? row->link : 0;
        return 0;
}

static int next_elsewhere(SnapshotIndex *s, Fingerprint fp, SnapshotMatch *ret, uint64_t *ret_link) {
        Row unknown = { .link = 0 };
        const Row *row;
        bool met;
        int r;

        r = own_records(s);
        if (r >= 0)
                r = make_table(s);
        if (r < 0)
                return r;
        memcpy(unknown.fingerprint, &fp, sizeof(unknown.fingerprint));
        row = find_row(s, fp);
        met = row && row_seen(s, (uint32_t) (row - s->rows));
        r = add_record(s, row && !met ? row : &unknown);
        if (r < 0)
                return r;
        if (row && !met)
                mark_seen(s, (uint32_t) (row - s->rows));
        *ret = !row ? SNAPSHOT_NEW : met ? SNAPSHOT_REPEATED : SNAPSHOT_UNCHANGED;
        *ret_link = row ? row->link : 0;
        return 0;
}

int snapshot_next(SnapshotIndex *s, Fingerprint fp, SnapshotMatch *ret, uint64_t *ret_link, uint32_t *ret_record) {
        int r;

        assert(fp.hi >> 63 == 1);

        if (s->n_records >= MAX_ROWS)
                return -E2BIG;
        if (s->cursor < s->n_rows && row_is(&s->rows[s->cursor], fp) && !row_seen(s, s->cursor))
                r = next_in_place(s, ret, ret_link);
        else
                r = next_elsewhere(s, fp, ret, ret_link);
        if (r < 0)
                return r;
        *ret_record = s->n_records++;
        return 0;
}

static int set_link(SnapshotIndex *s, uint32_t record, uint32_t link, bool settled) {
        const Row *row;
        int r;

        assert(record < s->n_records);

        row = &records_of(s)[record];
        if (row->link == link && !!(row->fingerprint[3] & SETTLED) == settled)
                return 0;
        r = own_records(s);
        if (r < 0)
                return r;
        s->records[record].link = link;
        s->records[record].fingerprint[3] = (s->records[record].fingerprint[3] & ~SETTLED) | (settled ? SETTLED : 0);
        return 0;
}

/* ---- links to forget ---- */

static int push_forgotten(SnapshotIndex *s, uint32_t link) {
        int r;

        r = ARRAY_GROW(s->forgotten, s->n_forgotten_allocated, s->n_forgotten + 1);
        if (r < 0)
                return r;
        s->forgotten[s->n_forgotten++] = link;
        return 0;
}

int snapshot_forget_links(SnapshotIndex *s, const uint64_t *links, size_t n) {
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                if (links[i] > 0 && links[i] <= UINT32_MAX)
                        r = push_forgotten(s, (uint32_t) links[i]);
        return r;
}

static uint32_t *find_link_slot(uint32_t *set, uint32_t mask, uint32_t link) {
        uint32_t slot = (link * UINT32_C(2654435769)) & mask;

        while (set[slot] != 0 && set[slot] != link)
                slot = (slot + 1) & mask;
        return &set[slot];
}

static int forget_now(SnapshotIndex *s) {
        _cleanup_free_ uint32_t *set = NULL;
        uint32_t n_slots = 16, link;
        int r;

        if (s->n_forgotten == 0)
                return 0;
        while (n_slots < UINT32_C(1) << 31 && n_slots / 2 < s->n_forgotten)
                n_slots *= 2;
        if (n_slots / 2 < s->n_forgotten)
                return -ENOMEM;
        set = calloc(n_slots, sizeof(uint32_t));
        if (!set)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_forgotten; i++)
                *find_link_slot(set, n_slots - 1, s->forgotten[i]) = s->forgotten[i];
        for (uint32_t i = 0; i < s->n_records; i++) {
                link = records_of(s)[i].link;
                if (link == 0 || *find_link_slot(set, n_slots - 1, link) == 0)
                        continue;
                r = set_link(s, i, link, false);
                if (r < 0)
                        return r;
        }
        s->n_forgotten = 0;
        return 0;
}

/* Whatever its caller made of it: an index with two settled rows of one link would hide a repeated id for ever. */
static int forget_repeated(SnapshotIndex *s) {
        _cleanup_free_ uint8_t *met = NULL;
        const Row *records = records_of(s);
        uint32_t link, last = 0;
        int r;

        for (uint32_t i = 0; i < s->n_records; i++)
                if (records[i].link < SNAPSHOT_FIRST_MARK)
                        last = MAX2(last, records[i].link);
        met = calloc((size_t) last / 8 + 1, 1);
        if (!met)
                return -ENOMEM;
        for (uint32_t i = 0; i < s->n_records; i++) {
                link = records[i].link;
                if (link == 0 || link >= SNAPSHOT_FIRST_MARK)
                        continue;
                if (met[link / 8] >> link % 8 & 1) {
                        r = push_forgotten(s, link);
                        if (r < 0)
                                return r;
                }
                met[link / 8] |= (uint8_t) (1U << link % 8);
        }
        return forget_now(s);
}

int snapshot_unsettle(SnapshotIndex *s, uint32_t record, uint64_t link) {
        if (link > UINT32_MAX)
                return -ERANGE;
        return set_link(s, record, (uint32_t) link, false);
}

int snapshot_settle(SnapshotIndex *s, uint32_t record, uint64_t link) {
        int r;

        if (link == 0 || link > UINT32_MAX)
                return -ERANGE;
        /* What was forgotten before was meant of the records as they were. */
        r = forget_now(s);
        return r < 0 ? r : set_link(s, record, (uint32_t) link, true);
}

int snapshot_scan_unseen(SnapshotIndex *s, int (*f)(uint64_t link, void *userdata), void *userdata) {
        int r;

        for (uint32_t row = s->seen ? 0 : s->cursor; row < s->n_rows; row++) {
                if (s->rows[row].link == 0 || row_seen(s, row))
                        continue;
                r = f(s->rows[row].link, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

int snapshot_scan_seen(SnapshotIndex *s, int (*f)(uint64_t link, uint32_t record, void *userdata), void *userdata) {
        const Row *records;
        int r;

        r = forget_now(s);
        if (r < 0)
                return r;
        records = records_of(s);
        for (uint32_t i = 0; i < s->n_records; i++) {
                if (!row_settled(&records[i]))
                        continue;
                r = f(records[i].link, i, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

bool snapshot_is_identical(SnapshotIndex *s) {
        /* Out of memory is no proof of anything. */
        return s->n_records == s->n_rows && forget_now(s) >= 0 &&
               (!s->records || s->n_rows == 0 || memcmp(s->records, s->rows, s->n_rows * sizeof(Row)) == 0);
}

int snapshot_write(SnapshotIndex *s, const char *path, const SnapshotStamp *stamp) {
        _cleanup_free_ char *temporary = NULL;
        Header h = {
                .byte_order = BYTE_ORDER_MARK,
                .row_size = sizeof(Row),
                .n_rows = s->n_records,
                .generation = stamp->generation,
                .schema = stamp->schema,
                .secret_check = stamp->secret_check,
        };
        int r;

        memcpy(h.magic, magic, sizeof(magic));
        memcpy(h.configuration, stamp->configuration, sizeof(stamp->configuration));
        r = forget_now(s);
        if (r >= 0)
                r = forget_repeated(s);
        if (r < 0)
                return r;
        r = checksum(&h, records_of(s), s->n_records, &h.rows_sum, &h.header_sum);
        if (r < 0)
                return r;

        /* Always the same name: what a kill leaves behind is overwritten by the next one. */
        if (asprintf(&temporary, "%s.new", path) < 0) {
                temporary = NULL;
                return -ENOMEM;
        }
        r = write_file(temporary, &h, records_of(s));
        if (r >= 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlink(temporary);
                return r;
        }
        return fsync_parent(path);
}
