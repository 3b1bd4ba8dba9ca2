/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "json-store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "file-util.h"
#include "json-line.h"
#include "json-scan.h"

/* Fits the second level cache. */
#define BUFFER_SIZE ((size_t) 256 * 1024)
/* What is read at once where a line is expected whose length is not known. */
#define LINE_SIZE_GUESS ((size_t) 4096)
#define LINE_SIZE_MAX ((size_t) 1024 * 1024 * 1024)

static const char *const file_names[_OBJECT_KIND_MAX] = {
        [OBJECT_KIND_USER] = "users.jsonl",
        [OBJECT_KIND_GROUP] = "groups.jsonl",
};

static const char *const unique_attributes[_OBJECT_KIND_MAX] = {
        [OBJECT_KIND_USER] = "userName",
        [OBJECT_KIND_GROUP] = "displayName",
};

int json_store_init(JsonStore *s, ObjectKind kind, const char *directory) {
        *s = (JsonStore) { .kind = kind, .fd = -1 };
        s->path = path_join(directory, file_names[kind]);
        return s->path ? 0 : -ENOMEM;
}

static void drop_indexes(JsonStore *s) {
        for (unsigned i = 0; i < s->n_indexes; i++)
                s->indexes[i] = json_index_free(s->indexes[i]);
        s->n_indexes = 0;
}

void json_store_done(JsonStore *s) {
        drop_indexes(s);
        free(s->path);
        s->fd = safe_close(s->fd);
}

const char *json_store_unique(const JsonStore *s) {
        return unique_attributes[s->kind];
}

uint64_t json_store_size(const JsonStore *s) {
        return s->fd >= 0 ? (uint64_t) s->st.st_size : 0;
}

static int io_error(const JsonStore *s, int r, const char *what, Error **ret_error) {
        return error_set_full(ret_error, r, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_LATER, NULL, "%s: cannot be %s: %s",
                              s->path, what, strerror(-r));
}

static int line_error(const JsonStore *s, uint64_t line, Error **ret_error, const char *text) {
        return error_set_full(ret_error, -EINVAL, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_AFTER_RECONFIGURE, NULL,
                              "%s:%" PRIu64 ": %s", s->path, line, text);
}

static bool same_file(const struct stat *a, const struct stat *b) {
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int json_store_take_fd(JsonStore *s, int fd, Error **ret_error) {
        struct stat st;

        if (fstat(fd, &st) < 0) {
                int r = -errno;

                (void) safe_close(fd);
                return io_error(s, r, "examined", ret_error);
        }
        drop_indexes(s);
        (void) safe_close(s->fd);
        s->fd = fd;
        s->st = st;
        s->opened = true;
        return 0;
}

int json_store_check(const JsonStore *s, Error **ret_error) {
        struct stat st;
        bool there = lstat(s->path, &st) == 0;

        if (s->fd >= 0 ? there && same_file(&st, &s->st) : !there)
                return 0;
        return error_set_full(ret_error, -EAGAIN, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_NOW, NULL,
                              "%s: another program changed it at the same time", s->path);
}

int json_store_refresh(JsonStore *s, Error **ret_error) {
        struct stat st;
        int fd;

        /* O_NOFOLLOW: a rename would replace a link, not what it points to. */
        if (s->fd >= 0 && lstat(s->path, &st) == 0 && same_file(&st, &s->st))
                return 0;
        fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
        if (fd < 0 && errno == ENOENT) {
                drop_indexes(s);
                s->fd = safe_close(s->fd);
                s->opened = true;
                return 0;
        }
        if (fd < 0 && errno == ELOOP)
                return error_set_full(ret_error, -ELOOP, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_AFTER_RECONFIGURE, NULL,
                                      "%s: this is a symbolic link, not a file", s->path);
        if (fd < 0)
                return io_error(s, -errno, "opened", ret_error);
        if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
                (void) safe_close(fd);
                return error_set_full(ret_error, -EBADFD, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_AFTER_RECONFIGURE, NULL,
                                      "%s: this is not a regular file", s->path);
        }
        return json_store_take_fd(s, fd, ret_error);
}

/* Up to @size bytes; less at the end of the file only. */
static ssize_t read_at(JsonStore *s, char *p, size_t size, uint64_t offset) {
        size_t done = 0;
        ssize_t n;

        while (done < size) {
                n = pread(s->fd, p + done, size - done, (off_t) (offset + done));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                done += (size_t) n;
        }
        return (ssize_t) done;
}

int json_store_read(JsonStore *s, uint64_t offset, size_t size, StrBuf *out, Error **ret_error) {
        size_t begin = out->size;
        ssize_t n;

        if (array_grow(&out->data, &out->allocated, begin + size + 1, 1) < 0)
                return -ENOMEM;
        n = read_at(s, out->data + begin, size, offset);
        if (n >= 0 && (size_t) n < size)
                n = -EIO;
        if (n < 0)
                return io_error(s, (int) n, "read", ret_error);
        out->size += size;
        out->data[out->size] = '\0';
        return 0;
}

/* ---- lines ---- */

static int line_id(const char *data, size_t size, StrBuf *buffer, const char **ret, size_t *ret_size) {
        static const char usual[] = "{\"id\":\"";
        const char *begin = data + sizeof(usual) - 1, *end;
        JsonMember m;
        int r;

        if (size > sizeof(usual) - 1 && memcmp(data, usual, sizeof(usual) - 1) == 0) {
                size_t left = size - (sizeof(usual) - 1);

                end = memchr(begin, '"', left);
                if (end && end > begin && !memchr(begin, '\\', (size_t) (end - begin))) {
                        *ret = begin;
                        *ret_size = (size_t) (end - begin);
                        return 0;
                }
        }
        r = json_scan_find(data, size, "id", &m);
        if (r <= 0)
                return -EINVAL;
        r = json_scan_text(m.value, m.value_size, buffer, ret, ret_size);
        return r == 0 && *ret_size == 0 ? -EINVAL : r;
}

static int compare_ids(const char *a, size_t a_size, const char *b, size_t b_size) {
        int r = memcmp(a, b, MIN2(a_size, b_size));

        return r != 0 ? r : (a_size > b_size) - (a_size < b_size);
}

typedef struct Scan {
        JsonStore *store;
        JsonStoreVisit visit;
        void *userdata;
        StrBuf previous, buffer;  /* ids */
        uint64_t number;
} Scan;

static int scan_line(Scan *scan, const char *data, size_t full_size, uint64_t offset, Error **ret_error) {
        JsonStoreLine line = { .data = data, .size = full_size, .full_size = full_size, .offset = offset };
        int r;

        line.number = ++scan->number;
        if (line.size > 0 && data[line.size - 1] == '\n')
                line.size--;
        if (line.size > 0 && data[line.size - 1] == '\r')
                line.size--;
        if (line.size == 0)
                return 0;

        r = line_id(data, line.size, &scan->buffer, &line.id, &line.id_size);
        if (r == -EINVAL)
                return line_error(scan->store, line.number, ret_error, "this is not an object with an \"id\"");
        if (r < 0)
                return r;
        if (scan->previous.data) {
                r = compare_ids(scan->previous.data, scan->previous.size, line.id, line.id_size);
                if (r == 0)
                        return line_error(scan->store, line.number, ret_error,
                                          "the \"id\" is the same as in the line before");
                if (r > 0)
                        return line_error(scan->store, line.number, ret_error, "the lines are not sorted by \"id\"; "
                                          "jq -sc 'sort_by(.id)[]' sorts them");
        }
        strbuf_clear(&scan->previous);
        strbuf_append(&scan->previous, line.id, line.id_size);
        r = strbuf_check(&scan->previous);
        if (r < 0)
                return r;
        return scan->visit(&line, scan->userdata, ret_error);
}

static int scan_all(Scan *scan, StrBuf *buffer, Error **ret_error) {
        JsonStore *s = scan->store;
        uint64_t offset = 0;            /* of buffer->data */
        size_t start = 0, searched = 0; /* in the buffer: the line's begin, and how far there is no newline */
        ssize_t n;
        int r;

        for (;;) {
                const char *newline = NULL;
                size_t size;

                if (buffer->size > searched)
                        newline = memchr(buffer->data + searched, '\n', buffer->size - searched);
                if (newline) {
                        size = (size_t) (newline + 1 - buffer->data) - start;
                        r = scan_line(scan, buffer->data + start, size, offset + start, ret_error);
                        if (r != 0)
                                return r;
                        start += size;
                        searched = start;
                        continue;
                }

                if (start > 0)
                        memmove(buffer->data, buffer->data + start, buffer->size - start);
                buffer->size -= start;
                offset += start;
                start = 0;
                searched = buffer->size;
                size = MAX2(BUFFER_SIZE, buffer->size);
                if (buffer->size > LINE_SIZE_MAX)
                        return line_error(s, scan->number + 1, ret_error, "the line is too long");
                if (array_grow(&buffer->data, &buffer->allocated, buffer->size + size, 1) < 0)
                        return -ENOMEM;
                n = read_at(s, buffer->data + buffer->size, size, offset + buffer->size);
                if (n < 0)
                        return io_error(s, (int) n, "read", ret_error);
                buffer->size += (size_t) n;
                if (n == 0)
                        break;
        }
        return buffer->size > 0 ? scan_line(scan, buffer->data, buffer->size, offset, ret_error) : 0;
}

int json_store_scan(JsonStore *s, JsonStoreVisit visit, void *userdata, Error **ret_error) {
        Scan scan = { .store = s, .visit = visit, .userdata = userdata };
        _cleanup_strbuf_ StrBuf buffer = STRBUF_INIT;
        int r;

        if (s->fd < 0)
                return 0;
        (void) posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
        r = scan_all(&scan, &buffer, ret_error);
        strbuf_done(&scan.previous);
        strbuf_done(&scan.buffer);
        return r;
}

int json_store_last_id(JsonStore *s, char **ret, Error **ret_error) {
        _cleanup_strbuf_ StrBuf tail = STRBUF_INIT, buffer = STRBUF_INIT;
        uint64_t size = json_store_size(s);
        size_t take = LINE_SIZE_GUESS, end, begin, id_size;
        const char *id;
        int r;

        for (;; take *= 4) {
                take = MIN2(take, size);
                strbuf_clear(&tail);
                if (take > 0) {
                        r = json_store_read(s, size - take, take, &tail, ret_error);
                        if (r < 0)
                                return r;
                }
                for (end = take; end > 0 && strchr("\r\n", tail.data[end - 1]) && tail.data[end - 1]; end--)
                        ;
                for (begin = end; begin > 0 && tail.data[begin - 1] != '\n'; begin--)
                        ;
                if (begin > 0 || take == size)
                        break;
        }
        if (end == 0) {
                *ret = NULL;
                return 0;
        }
        r = line_id(tail.data + begin, end - begin, &buffer, &id, &id_size);
        if (r == -EINVAL) {
                *ret = NULL;
                return 0;
        }
        if (r < 0)
                return r;
        *ret = strndup(id, id_size);
        return *ret ? 0 : -ENOMEM;
}

/* ---- finding ---- */

JsonIndex *json_store_known_index(const JsonStore *s, const char *attribute) {
        for (unsigned i = 0; i < s->n_indexes; i++)
                if (streq(json_index_attribute(s->indexes[i]), attribute))
                        return s->indexes[i];
        return NULL;
}

void json_store_take_index(JsonStore *s, JsonIndex *index) {
        /* More attributes than are ever matched on: the oldest index goes. */
        if (s->n_indexes == ELEMENTSOF(s->indexes)) {
                json_index_free(s->indexes[0]);
                memmove(s->indexes, s->indexes + 1, (ELEMENTSOF(s->indexes) - 1) * sizeof(s->indexes[0]));
                s->n_indexes--;
        }
        s->indexes[s->n_indexes++] = index;
}

typedef struct Indexing {
        JsonStore *store;
        JsonIndex *index;
} Indexing;

static int index_line(const JsonStoreLine *line, void *userdata, Error **ret_error) {
        Indexing *x = userdata;
        int r;

        r = json_index_add_object(x->index, line->data, line->size, line->offset);
        if (r == -EINVAL)
                return line_error(x->store, line->number, ret_error, "this is not a whole JSON object");
        return r;
}

int json_store_new_index(const JsonStore *s, const char *attribute, JsonIndex **ret) {
        /* An object is seldom shorter than this; a table that is too large by half costs less than making it grow. */
        return json_index_new(attribute, json_store_size(s) / 256, ret);
}

static int ensure_index(JsonStore *s, const char *attribute, JsonIndex **ret, Error **ret_error) {
        _cleanup_(json_index_freep) JsonIndex *index = NULL;
        Indexing x = { .store = s };
        int r;

        *ret = json_store_known_index(s, attribute);
        if (*ret)
                return 0;
        r = json_store_new_index(s, attribute, &index);
        if (r < 0)
                return r;
        x.index = index;
        r = json_store_scan(s, index_line, &x, ret_error);
        if (r < 0)
                return r;
        *ret = index;
        json_store_take_index(s, TAKE_PTR(index));
        return 0;
}

/* The line that begins at @offset, up to its end. */
static int read_line(JsonStore *s, uint64_t offset, StrBuf *out, size_t *ret_full_size, Error **ret_error) {
        size_t guess = LINE_SIZE_GUESS;
        const char *newline;
        ssize_t n;

        for (;; guess *= 8) {
                if (array_grow(&out->data, &out->allocated, guess + 1, 1) < 0)
                        return -ENOMEM;
                n = read_at(s, out->data, guess, offset);
                if (n < 0)
                        return io_error(s, (int) n, "read", ret_error);
                newline = memchr(out->data, '\n', (size_t) n);
                if (newline || (size_t) n < guess)
                        break;
        }
        *ret_full_size = newline ? (size_t) (newline + 1 - out->data) : (size_t) n;
        out->size = newline ? (size_t) (newline - out->data) : (size_t) n;
        if (out->size > 0 && out->data[out->size - 1] == '\r')
                out->size--;
        out->data[out->size] = '\0';
        return 0;
}

typedef struct Wanted {
        const char *attribute, *value;
        size_t size;
} Wanted;

static int compare_value(const char *value, size_t size, void *userdata) {
        const Wanted *w = userdata;

        return json_value_equal(w->attribute, value, size, w->value, w->size);
}

int json_store_find(JsonStore *s, const char *attribute, const char *value, size_t size, JsonStoreVisit visit,
                    void *userdata, Error **ret_error) {
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT, buffer = STRBUF_INIT;
        const Wanted wanted = { attribute, value, size };
        uint64_t offsets[2];
        JsonIndex *index;
        unsigned n;
        int r;

        r = s->opened ? 0 : json_store_refresh(s, ret_error);
        if (r < 0 || s->fd < 0)
                return r;
        r = ensure_index(s, attribute, &index, ret_error);
        if (r < 0)
                return r;
        n = json_index_lookup(index, value, size, offsets);
        for (unsigned i = 0; i < n; i++) {
                JsonStoreLine line = { .offset = offsets[i] };

                r = read_line(s, offsets[i], &text, &line.full_size, ret_error);
                if (r < 0)
                        return r;
                line.data = text.data;
                line.size = text.size;
                r = json_line_values(line.data, line.size, attribute, compare_value, (void *) &wanted);
                if (r == 0)
                        continue;
                if (r > 0)
                        r = line_id(line.data, line.size, &buffer, &line.id, &line.id_size);
                if (r == -EINVAL)
                        return error_set_full(ret_error, r, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_LATER, NULL,
                                              "%s: it was changed behind our back", s->path);
                if (r == 0)
                        r = visit(&line, userdata, ret_error);
                if (r < 0)
                        return r;
        }
        return 0;
}
