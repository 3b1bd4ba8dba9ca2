/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One file of the json target as it stands on disk: users.jsonl or groups.jsonl, an object a line, sorted by "id"
 * bytewise. Reads it line by line, or where an index points; never holds it as a whole. Knows nothing of changes.
 *
 * Errors have scope CONNECTOR and name the file, and the line if there is one that is not understood: -EINVAL. */

#include <stdint.h>
#include <sys/stat.h>

#include "json-index.h"
#include "object.h"

/* A line, borrowed for the duration of a visit. */
typedef struct JsonStoreLine {
        const char *data;
        size_t size;              /* without the line end */
        size_t full_size;         /* with it */
        uint64_t offset;
        uint64_t number;          /* from 1 */
        const char *id;
        size_t id_size;
} JsonStoreLine;

/* Returns 0, or an error to end with. */
typedef int (*JsonStoreVisit)(const JsonStoreLine *line, void *userdata, Error **ret_error);

typedef struct JsonStore {
        ObjectKind kind;
        char *path;
        int fd;                   /* -1: there is no such file, or it was not looked at yet */
        bool opened;
        struct stat st;           /* of what is open */
        JsonIndex *indexes[4];    /* of the file as it is open */
        unsigned n_indexes;
} JsonStore;

/** json_store_init() - Errors: -ENOMEM. */
int json_store_init(JsonStore *s, ObjectKind kind, const char *directory);
void json_store_done(JsonStore *s);

/** json_store_refresh() - open what stands at the path now, unless that is what is open */
int json_store_refresh(JsonStore *s, Error **ret_error);

/** json_store_check() - is what stands at the path still what is open? Errors: -EAGAIN if somebody changed it who does
 * not know the lock. */
int json_store_check(const JsonStore *s, Error **ret_error);

/** json_store_take_fd() - from now on @fd is the file */
int json_store_take_fd(JsonStore *s, int fd, Error **ret_error);

/** json_store_size() - bytes; 0 without a file */
uint64_t json_store_size(const JsonStore *s);

/** json_store_scan() - all lines in their order. Errors: -EINVAL for a line without an id, an id that stands twice and
 * lines that are not sorted; errno; what @visit gave. */
int json_store_scan(JsonStore *s, JsonStoreVisit visit, void *userdata, Error **ret_error);

/** json_store_read() - @size bytes at @offset, appended to @out */
int json_store_read(JsonStore *s, uint64_t offset, size_t size, StrBuf *out, Error **ret_error);

/** json_store_last_id() - of the last line; *ret NULL if there is none or it is not understood (the scan will say so);
 * owned */
int json_store_last_id(JsonStore *s, char **ret, Error **ret_error);

/** json_store_unique() - the attribute whose value no two objects share: userName (RFC 7643 4.1.1) or displayName */
const char *json_store_unique(const JsonStore *s);

/** json_store_known_index() - the index of @attribute if there is one */
JsonIndex *json_store_known_index(const JsonStore *s, const char *attribute);

/** json_store_new_index() - an empty index of a size that suits the file. Errors: as json_index_new(). */
int json_store_new_index(const JsonStore *s, const char *attribute, JsonIndex **ret);

/** json_store_take_index() - an index that somebody has filled who passed over the file anyway */
void json_store_take_index(JsonStore *s, JsonIndex *index);

/**
 * json_store_find() - the lines that have @value in @attribute: two at most, and two only if there are two or more
 *
 * Makes an index in one pass over the file, the first time an attribute is asked for. Lines have no number here.
 * Errors: as json_store_scan().
 */
int json_store_find(JsonStore *s, const char *attribute, const char *value, size_t size, JsonStoreVisit visit,
                    void *userdata, Error **ret_error);
