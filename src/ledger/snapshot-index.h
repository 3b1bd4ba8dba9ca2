/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The snapshot index: one fixed-size row per source record of the last complete reading, in source order, so that a record
 * that has not changed is recognised without parsing it. It is a cache: anything odd about it means a full evaluation,
 * never a wrong answer. Knows raw records and link numbers only. */

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

typedef struct Fingerprint {
        uint64_t lo, hi;
} Fingerprint;

/* A keyed universal hash; see fingerprint.c for the construction and its collision bound. */
typedef struct Fingerprinter Fingerprinter;
/** fingerprinter_new() - @secret: the ledger's; @context: mixed into each (kind, schema); NULL for OOM */
Fingerprinter *fingerprinter_new(const uint8_t secret[static 64]);
Fingerprinter *fingerprinter_free(Fingerprinter *f);
DEFINE_CLEANUP(Fingerprinter *, fingerprinter_free)
/** fingerprint() - of a raw record; @context distinguishes kinds and schemas (fingerprint of the schema's text). Bit 127
 * is always set. */
Fingerprint fingerprint(const Fingerprinter *f, uint64_t context, const void *data, size_t size);

/* What an index must agree with to be used. */
typedef struct SnapshotStamp {
        uint64_t generation;      /* of the ledger */
        char configuration[33];   /* E4 */
        Fingerprint schema;       /* of the source's schema text */
        Fingerprint secret_check; /* fingerprint of a constant: tells another job's index */
} SnapshotStamp;

typedef struct SnapshotIndex SnapshotIndex;

/**
 * snapshot_open() - load the last reading's index
 *
 * 0 with *ret; SNAPSHOT_E_UNUSABLE with a reason in *ret_error (missing, truncated, checksum, other stamp). Errors: -ENOMEM.
 */
enum { SNAPSHOT_E_UNUSABLE = 1 };
int snapshot_open(const char *path, const SnapshotStamp *expected, SnapshotIndex **ret, Error **ret_error);
SnapshotIndex *snapshot_free(SnapshotIndex *s);
DEFINE_CLEANUP(SnapshotIndex *, snapshot_free)

/* Links of the ledger are below this. From here to 2^32 - 1 are marks of the caller's own, for records that have no link;
 * more than one record may have the same. */
#define SNAPSHOT_FIRST_MARK UINT64_C(0x80000000)

/* What one record is. */
typedef enum SnapshotMatch {
        SNAPSHOT_UNCHANGED,       /* found, and not met before in this reading */
        SNAPSHOT_NEW,             /* must be parsed */
        SNAPSHOT_REPEATED,        /* found, but met before: two records are the same (E2: a repeated id) */
} SnapshotMatch;

/**
 * snapshot_next() - the fingerprint of the next record of this reading
 * @s:          on a first reading, or where there is none to use, one of snapshot_new_empty()
 * @ret_link:   of the matching row, for UNCHANGED and REPEATED
 * @ret_record: ordinal of this record in this reading, for snapshot_settle()
 *
 * In the steady state each record is found in place, in constant time and without memory of its own.
 * A row that was left unsettled last time is never UNCHANGED; in its place its record is NEW again, at no cost.
 * What is NEW or REPEATED is unsettled until snapshot_settle().
 *
 * Errors: -ENOMEM, -E2BIG (more than 2^32 - 2 records).
 */
int snapshot_next(SnapshotIndex *s, Fingerprint fp, SnapshotMatch *ret, uint64_t *ret_link, uint32_t *ret_record);
SnapshotIndex *snapshot_new_empty(void);

/** snapshot_unsettle() - the record will be parsed again by the next cycle (repeated, invalid, waiting). @link: whose it is, so that
 * its absence would be noticed; 0: nobody's. Errors: -ENOMEM, -ERANGE. */
int snapshot_unsettle(SnapshotIndex *s, uint32_t record, uint64_t link);
/** snapshot_settle() - the record's effect is committed as link @link. Errors: -ENOMEM, -ERANGE (no link of 32 bits). */
int snapshot_settle(SnapshotIndex *s, uint32_t record, uint64_t link);

/* For when the reading has ended. @f: < 0 stops and is returned. */

/** snapshot_scan_unseen() - the links of last time's rows that no record of this reading matched */
int snapshot_scan_unseen(SnapshotIndex *s, int (*f)(uint64_t link, void *userdata), void *userdata);
/** snapshot_forget_links() - rows of these links become unsettled and keep their links, wherever they are, also those
 * still to be read: a group whose members changed by another way. Costs nothing but memory until the rows are next
 * looked at. Errors: -ENOMEM. */
int snapshot_forget_links(SnapshotIndex *s, const uint64_t *links, size_t n);
/** snapshot_scan_seen() - the links of the rows that were matched, for finding repeated ids: @f gets link and record. Before
 * anything is settled or unsettled. */
int snapshot_scan_seen(SnapshotIndex *s, int (*f)(uint64_t link, uint32_t record, void *userdata), void *userdata);

/** snapshot_is_identical() - this reading is, row for row, the last one: nothing needs writing if the stamp is still right */
bool snapshot_is_identical(SnapshotIndex *s);
/** snapshot_write() - the index of this reading, atomically (temporary file, fsync, rename). A link that more than one
 * record is settled as has none of them settled: the next cycle shall see that its id is repeated. Errors: errno. */
int snapshot_write(SnapshotIndex *s, const char *path, const SnapshotStamp *stamp);
