/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The contract of every source and target. The engine knows connectors only by what stands here; a connector knows
 * nothing of ledger, plan or guard. All calls may block; a cycle is a process of its own. */

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "job-config.h"
#include "object.h"

/* ---- sources ---- */

/* Positive conditions of source_next() and source_parse(). */
enum {
        SOURCE_E_RECORD = 1,      /* source_next(): here is a record */
        SOURCE_E_INVALID_ID_KNOWN,/* source_parse(): unusable, but whose it is can be said: seen but invalid (E2) */
        SOURCE_E_INVALID,         /* source_parse(): unusable and could be anybody's: the reading is incomplete (E2) */
};

/* One raw record. Borrowed: valid until the next source_next(). */
typedef struct SourceRecord {
        uint32_t kinds;           /* OBJECT_KIND_MASK(kind) this record can be; one bit unless a `kind` inside decides */
        const char *data;         /* the raw bytes, as they stand in the source, without the line end */
        size_t size;
        const char *file;         /* where, for messages */
        uint64_t line;            /* first line of the record, from 1; 0 if lines mean nothing there */
} SourceRecord;

/* What a reading ends with (E1). */
typedef struct SourceEvidence {
        bool complete;
        Error *reason;            /* why not, with file and line; NULL if complete; owned */
} SourceEvidence;

void source_evidence_done(SourceEvidence *e);

typedef struct Source Source;

typedef struct SourceVTable {
        const char *name;         /* Connector= */
        /* Opens whatever can be opened without reading a record. Errors: scope CONNECTOR or SOURCE; with
         * ERROR_RETRY_AFTER_RECONFIGURE for a bad setting, naming file, line and key; id "InvalidCredentials" (X3). */
        int (*open)(const ConnectorConfig *config, Source **ret, Error **ret_error);
        /* Before the first next(): only records that can be of one of these kinds are wanted, and evidence is about those.
         * Others may be given all the same. */
        void (*want)(Source *s, uint32_t kinds);
        /* SOURCE_E_RECORD with *ret set; 0 at the end, after which evidence() tells. Anything that would make a later
         * record doubtful ends the reading here. Errors: -ENOMEM only; all else is evidence. */
        int (*next)(Source *s, SourceRecord *ret);
        /* Parses a raw record, the one next() has just given. 0 with *ret; SOURCE_E_INVALID_ID_KNOWN with *ret_kind
         * and *ret_id (owned by the caller); SOURCE_E_INVALID. Errors: -ENOMEM. */
        int (*parse)(Source *s, const SourceRecord *record, Object **ret, ObjectKind *ret_kind, char **ret_id,
                     Error **ret_error);
        int (*evidence)(Source *s, SourceEvidence *ret);
        Source *(*free)(Source *s);
} SourceVTable;

/* What every source begins with. */
struct Source {
        const SourceVTable *vtable;
        uint32_t kinds;           /* OBJECT_KIND_MASK of what is provisioned at all; set by open() */
        /* What the meaning of raw bytes depends on besides themselves (a CSV header, the Id= attribute): part of the
         * fingerprint of each record. Set by open(); owned by the source; may be NULL. */
        char *schema;
        /* By kind, the names of all attributes that its records can have, and where that stands, if the source says so before the
         * first record (a CSV header). Set by open(); owned by the source; may be NULL. */
        char **attributes[_OBJECT_KIND_MAX];
        const char *attributes_file[_OBJECT_KIND_MAX];
};

/* ---- targets ---- */

typedef enum TargetResult {
        TARGET_DONE,              /* it is so, and durable */
        TARGET_EXISTS,            /* Create: something is in the way: match again (C5) */
        TARGET_NOT_FOUND,         /* Delete: done (C5); anything else: the linked object has vanished */
        TARGET_FAILED,            /* this object only; see error */
} TargetResult;

typedef struct TargetOutcome {
        TargetResult result;
        char *target_id;          /* Create; owned */
        Error *error;             /* TARGET_FAILED; owned */
} TargetOutcome;

void target_outcome_done(TargetOutcome *o);

typedef enum TargetAction {
        TARGET_CREATE,
        TARGET_UPDATE,            /* attributes wanted whole; those of `written` not among them are removed */
        TARGET_RESTORE,           /* as Update, and enabled again whatever `desired` says of it (R4) */
        TARGET_MEMBERS,
        TARGET_DISABLE,
        TARGET_DELETE,
} TargetAction;

/* A request. All borrowed until the batch has ended. */
typedef struct TargetChange {
        TargetAction action;
        ObjectKind kind;
        const char *target_id;    /* all but Create */
        const char *desired;      /* Create, Update, Restore: canonical JSON of the attributes */
        const char *written;      /* Update, Restore, Disable: what was last written; attributes outside of it belong to others */
        const char **add, **remove; /* Members: target ids */
        uint32_t n_add, n_remove;
        TargetOutcome outcome;    /* filled in by commit() */
} TargetChange;

typedef struct Target Target;

typedef struct TargetVTable {
        const char *name;
        /* Opens for looking things up. Errors: as SourceVTable.open. */
        int (*open)(const ConnectorConfig *config, Target **ret, Error **ret_error);
        /* Could commit() write? Tries nothing. Errors: scope CONNECTOR; -EROFS where the file system, or the sandbox around
         * us, lets nobody write, who else may. */
        int (*writable)(Target *t, Error **ret_error);
        /* Objects whose @attribute (a top-level name or path, compared as the target compares it) is @value; at most
         * two are given: nobody needs more to know that it is ambiguous. *ret_n is 0, 1 or 2; ret[i] owned by the caller. */
        int (*find)(Target *t, ObjectKind kind, const char *attribute, const char *value, Object *ret[static 2],
                    unsigned *ret_n, Error **ret_error);
        /* The object with this id; *ret NULL if there is none. */
        int (*get)(Target *t, ObjectKind kind, const char *target_id, Object **ret, Error **ret_error);
        /* Carries out a batch in this order, and fills in each outcome. Objects that pass their names round within it are no
         * conflict for a target that replaces all at once. Once it has returned 0, everything said to be
         * done is durable. An error (scope CONNECTOR) means that nothing is known of any of them: look them up. */
        int (*commit)(Target *t, TargetChange *changes, size_t n, Error **ret_error);
        /* What set_mark() has left for this job: up to 32 characters, "" if nothing. */
        int (*get_mark)(Target *t, const char *job, char ret[static 33], Error **ret_error);
        /* Keeps a word for this job, beside its objects and seen by none of its readers; durable when it returns. */
        int (*set_mark)(Target *t, const char *job, const char *mark, Error **ret_error);
        Target *(*free)(Target *t);
} TargetVTable;

struct Target {
        const TargetVTable *vtable;
        bool can_disable;         /* R2: a target that cannot disable deletes instead */
        size_t batch_size;        /* as many changes as one commit() should get; a file wants them all, a network few */
};

/* ---- the registry ---- */

/** source_open() - by Connector=. Errors: -EINVAL naming file and line for an unknown connector; as open(). */
int source_open(const ConnectorConfig *config, Source **ret, Error **ret_error);
Source *source_free(Source *s);
DEFINE_CLEANUP(Source *, source_free)

int target_open(const ConnectorConfig *config, Target **ret, Error **ret_error);
/** target_writable() - whether a cycle can write what it plans; see TargetVTable.writable */
int target_writable(Target *t, Error **ret_error);
Target *target_free(Target *t);
DEFINE_CLEANUP(Target *, target_free)

/** connector_check() - are the settings of this section known and complete? Opens nothing.
 * Errors: -EINVAL with file, line, key and what would be right. */
int connector_check(const ConnectorConfig *config, Error **ret_error);
