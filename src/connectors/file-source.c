/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "file-source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* Fits the second level cache, so that what read(2) put there is still there when it is looked at. */
#define BUFFER_SIZE ((size_t) 256 * 1024)
/* A group with millions of members fits; a file of another format that has no line ends does not eat the memory. */
#define RECORD_SIZE_MAX ((size_t) 256 * 1024 * 1024)

int source_reason(Error **ret, int code, const char *file, uint64_t line, const char *fmt, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&text, fmt, ap);
        va_end(ap);
        if (n < 0)
                text = NULL;
        if (line > 0)
                return error_set_full(ret, code, ERROR_SCOPE_SOURCE, ERROR_RETRY_LATER, "IncompleteReading",
                                      "%s:%" PRIu64 ": %s", file, line, strempty(text));
        return error_set_full(ret, code, ERROR_SCOPE_SOURCE, ERROR_RETRY_LATER, "IncompleteReading", "%s: %s", file,
                              strempty(text));
}

/* ---- one file ---- */

static const char *file_type(mode_t mode) {
        if (S_ISDIR(mode))
                return "a directory";
        if (S_ISFIFO(mode))
                return "a FIFO";
        if (S_ISSOCK(mode))
                return "a socket";
        return "a device";
}

/* A file's times come from a clock that ticks some hundred times a second. Who writes again within the tick of his last write
 * leaves the times as they were, so that what we read might not be what was looked at: hence we begin with the next tick. */
static void wait_for_next_tick(const struct stat *st) {
        struct timespec now, pause = { .tv_nsec = 1000000 };

        /* A time that lies ahead is the clock's fault, and not waited for. */
        for (unsigned i = 0; i < 20; i++) {
                if (clock_gettime(CLOCK_REALTIME_COARSE, &now) < 0 || now.tv_sec > st->st_ctim.tv_sec ||
                    (now.tv_sec == st->st_ctim.tv_sec && now.tv_nsec > st->st_ctim.tv_nsec))
                        return;
                (void) nanosleep(&pause, NULL);
        }
}

static void source_file_open(SourceFile *f) {
        int r;

        f->failed = true;
        /* O_NONBLOCK: a FIFO in the file's place must not hang us before fstat() can tell. */
        f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (f->fd < 0) {
                r = -errno;
                /* A socket cannot be opened; its error number would puzzle. */
                if (r == -ENXIO && stat(f->path, &f->st) == 0)
                        (void) source_reason(&f->error, r, f->path, 0, "this is %s, not a file",
                                             file_type(f->st.st_mode));
                else if (r == -ENOENT)
                        (void) source_reason(&f->error, r, f->path, 0, "there is no such file");
                else
                        (void) source_reason(&f->error, r, f->path, 0, "cannot be opened: %s", strerror(-r));
                return;
        }
        if (fstat(f->fd, &f->st) < 0) {
                r = -errno;
                (void) source_reason(&f->error, r, f->path, 0, "cannot be examined: %s", strerror(-r));
                return;
        }
        if (!S_ISREG(f->st.st_mode)) {
                (void) source_reason(&f->error, S_ISDIR(f->st.st_mode) ? -EISDIR : -EBADFD, f->path, 0,
                                     "this is %s, not a file", file_type(f->st.st_mode));
                return;
        }
        wait_for_next_tick(&f->st);
        (void) posix_fadvise(f->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
        f->failed = false;
}

void source_file_fail(SourceFile *f, Error *reason) {
        error_free(f->error);
        f->error = reason;
        f->failed = true;
}

/* More bytes behind @end. 1 if there are, 0 at the end of the file, SOURCE_FILE_E_BROKEN. */
static int source_file_fill(SourceFile *f, Error **ret_reason) {
        ssize_t n;
        int r;

        if (f->start > 0) {
                memmove(f->buffer, f->buffer + f->start, f->end - f->start);
                f->scan -= f->start;
                f->end -= f->start;
                f->start = 0;
        }
        if (f->end == f->allocated) {
                if (f->allocated >= RECORD_SIZE_MAX)
                        return source_reason(ret_reason, SOURCE_FILE_E_BROKEN, f->path, f->line,
                                             "a record of more than %zu MiB", RECORD_SIZE_MAX / 1024 / 1024);
                r = array_grow(&f->buffer, &f->allocated, MAX2(f->allocated * 2, BUFFER_SIZE), 1);
                if (r < 0)
                        return r;
        }

        do
                n = read(f->fd, f->buffer + f->end, f->allocated - f->end);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return source_reason(ret_reason, SOURCE_FILE_E_BROKEN, f->path, f->line, "cannot be read on: %s",
                                     strerror(errno));
        f->n_read += (uint64_t) n;
        /* Stop at once: whoever appends faster than we read would keep us for ever. */
        if (f->n_read > (uint64_t) f->st.st_size)
                return source_reason(ret_reason, SOURCE_FILE_E_BROKEN, f->path, 0, "it grew while it was read");
        if (n == 0)
                return 0;

        if (f->n_read == (uint64_t) n) {
                if (n >= 3 && memcmp(f->buffer, "\xef\xbb\xbf", 3) == 0)
                        f->start = f->scan = 3;
                else if (n >= 2 && (memcmp(f->buffer, "\xff\xfe", 2) == 0 || memcmp(f->buffer, "\xfe\xff", 2) == 0))
                        return source_reason(ret_reason, SOURCE_FILE_E_BROKEN, f->path, 1,
                                             "this is UTF-16; UTF-8 is needed");
        }
        f->end += (size_t) n;
        return 1;
}

/* Whether the number of double quotes is odd. 16 bytes at a time, as the steady state looks at every byte. */
static bool odd_quotes(const char *p, size_t size) {
        typedef unsigned char Bytes __attribute__((vector_size(16)));
        const Bytes quotes = (Bytes) {} + (unsigned char) '"';
        Bytes parity = {}, chunk;
        bool odd = false;

        for (; size >= sizeof(chunk); p += sizeof(chunk), size -= sizeof(chunk)) {
                memcpy(&chunk, p, sizeof(chunk));
                parity ^= (Bytes) (chunk == quotes);
        }
        for (size_t i = 0; i < sizeof(parity); i++)
                odd ^= parity[i] != 0;
        for (; size > 0; p++, size--)
                odd ^= *p == '"';
        return odd;
}

static bool is_blank(const SourceFile *f, const char *s, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (s[i] != ' ' && (s[i] != '\t' || f->tabs_count))
                        return false;
        return true;
}

int source_file_next(SourceFile *f, SourceRecord *ret, Error **ret_reason) {
        int r;

        for (;;) {
                const char *begin, *newline;
                uint64_t line;
                size_t size;

                newline = f->end > f->scan ? memchr(f->buffer + f->scan, '\n', f->end - f->scan) : NULL;
                if (!newline) {
                        if (f->csv && f->end > f->scan && odd_quotes(f->buffer + f->scan, f->end - f->scan))
                                f->quoted = !f->quoted;
                        f->scan = f->end;
                        r = source_file_fill(f, ret_reason);
                        if (r < 0 || r == SOURCE_FILE_E_BROKEN)
                                return r;
                        if (r > 0)
                                continue;
                        if (f->start == f->end)
                                return 0;
                        if (f->quoted)
                                return source_reason(ret_reason, SOURCE_FILE_E_BROKEN, f->path, f->line, "the file ends "
                                                     "in the middle of a record: a quotation mark is never closed");
                        return source_reason(ret_reason, SOURCE_FILE_E_BROKEN, f->path, f->line, "the file ends in the "
                                             "middle of a record: its last line has no newline");
                }

                size = (size_t) (newline - f->buffer) - f->scan;
                if (f->csv && odd_quotes(f->buffer + f->scan, size))
                        f->quoted = !f->quoted;
                f->scan += size + 1;
                if (f->quoted) {
                        f->quoted_lines++;
                        continue;
                }

                begin = f->buffer + f->start;
                size = (size_t) (newline - begin);
                line = f->line;
                f->line += 1 + f->quoted_lines;
                f->quoted_lines = 0;
                f->start = f->scan;
                if (size > 0 && begin[size - 1] == '\r')
                        size--;
                if (size == 0 || ((begin[0] == ' ' || begin[0] == '\t') && is_blank(f, begin, size)))
                        continue;

                *ret = (SourceRecord) {
                        .kinds = f->kinds,
                        .data = begin,
                        .size = size,
                        .file = f->path,
                        .line = line,
                };
                return SOURCE_FILE_E_RECORD;
        }
}

static bool same_time(const struct timespec *a, const struct timespec *b) {
        return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Is it still the file that was opened, and have we had all of it? 0 or SOURCE_FILE_E_BROKEN. */
static int source_file_verify(const SourceFile *f, Error **ret_reason) {
        struct stat now, path;

        if (fstat(f->fd, &now) < 0)
                return source_reason(ret_reason, SOURCE_FILE_E_BROKEN, f->path, 0, "cannot be examined: %s",
                                     strerror(errno));
        if (stat(f->path, &path) < 0)
                return source_reason(ret_reason, SOURCE_FILE_E_BROKEN, f->path, 0, "it went away while it was read: %s",
                                     strerror(errno));
        if (path.st_dev != f->st.st_dev || path.st_ino != f->st.st_ino)
                return source_reason(ret_reason, SOURCE_FILE_E_BROKEN, f->path, 0, "it was replaced while it was read");
        if (now.st_size < f->st.st_size || f->n_read < (uint64_t) f->st.st_size)
                return source_reason(ret_reason, SOURCE_FILE_E_BROKEN, f->path, 0, "it shrank while it was read");
        if (now.st_size > f->st.st_size)
                return source_reason(ret_reason, SOURCE_FILE_E_BROKEN, f->path, 0, "it grew while it was read");
        /* The change time too: what writes through mmap or sets the old time back is seen there only. */
        if (!same_time(&now.st_mtim, &f->st.st_mtim) || !same_time(&now.st_ctim, &f->st.st_ctim))
                return source_reason(ret_reason, SOURCE_FILE_E_BROKEN, f->path, 0, "it was changed while it was read");
        return 0;
}

/* ---- the source ---- */

static int add_file(FileSource *s, const char *path, uint32_t kinds, bool csv) {
        SourceFile *f = &s->files[s->n_files];

        *f = (SourceFile) { .fd = -1, .kinds = kinds, .csv = csv, .line = 1 };
        s->n_files++;
        f->path = strdup(path);
        if (!f->path)
                return -ENOMEM;
        source_file_open(f);
        s->source.kinds |= kinds;
        return 0;
}

int file_source_init(FileSource *s, const SourceVTable *vtable, const ConnectorConfig *config, bool csv) {
        const char *users = connector_config_get(config, "Users", NULL);
        const char *groups = connector_config_get(config, "Groups", NULL);
        const char *file = connector_config_get(config, "File", NULL);
        const char *id = connector_config_get(config, "Id", NULL);
        int r;

        s->source.vtable = vtable;
        s->kind_inside = file != NULL;
        s->wanted = UINT32_MAX;
        s->id_name = strdup(id ? id : "id");
        if (!s->id_name)
                return -ENOMEM;
        if (file)
                return add_file(s, file, OBJECT_KIND_MASK(OBJECT_KIND_USER) | OBJECT_KIND_MASK(OBJECT_KIND_GROUP), csv);
        /* Users first: a group's members are then known when the group is looked at. */
        r = users ? add_file(s, users, OBJECT_KIND_MASK(OBJECT_KIND_USER), csv) : 0;
        if (r == 0 && groups)
                r = add_file(s, groups, OBJECT_KIND_MASK(OBJECT_KIND_GROUP), csv);
        return r;
}

void file_source_done(FileSource *s) {
        for (unsigned i = 0; i < s->n_files; i++) {
                free(s->files[i].path);
                free(s->files[i].buffer);
                error_free(s->files[i].error);
                s->files[i].fd = safe_close(s->files[i].fd);
        }
        free(s->id_name);
        free(s->source.schema);
        error_free(s->reason);
}

static int copy_error(Error **ret, const Error *e) {
        if (!e)
                return 0;
        (void) error_set_full(ret, e->code, e->scope, e->retry, e->id, "%s", error_text(e, e->code));
        return *ret ? 0 : -ENOMEM;
}

/* The first reason is the one that is kept. */
static int give_up(FileSource *s, const Error *reason) {
        if (s->incomplete)
                return 0;
        s->incomplete = true;
        return copy_error(&s->reason, reason);
}

bool file_source_id_is_padded(const char *id) {
        return strchr(" \t\r\n", id[0]) || strchr(" \t\r\n", id[strlen(id) - 1]);
}

int file_source_doubtful(FileSource *s, const SourceRecord *record, Error **ret_error, const char *fmt, ...) {
        _cleanup_free_ char *text = NULL;
        _cleanup_error_ Error *e = NULL;
        va_list ap;
        int n, r;

        va_start(ap, fmt);
        n = vasprintf(&text, fmt, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL;
                return -ENOMEM;
        }
        (void) source_reason(&e, SOURCE_E_INVALID, record->file, record->line, "%s", text);
        r = give_up(s, e);
        if (r < 0)
                return r;
        if (ret_error) {
                error_free(*ret_error);
                *ret_error = TAKE_PTR(e);
        }
        return SOURCE_E_INVALID;
}

int file_source_invalid(const SourceRecord *record, Error **ret_error, const char *fmt, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&text, fmt, ap);
        va_end(ap);
        if (n < 0)
                text = NULL;
        return error_set_full(ret_error, SOURCE_E_INVALID_ID_KNOWN, ERROR_SCOPE_ITEM, ERROR_RETRY_LATER, "InvalidRecord",
                              "%s:%" PRIu64 ": %s", record->file, record->line, strempty(text));
}

void file_source_want(Source *source, uint32_t kinds) {
        ((FileSource *) source)->wanted = kinds;
}

int file_source_next(Source *source, SourceRecord *ret) {
        FileSource *s = (FileSource *) source;
        _cleanup_error_ Error *reason = NULL;
        int r;

        if (s->at_end)
                return 0;
        for (; s->current < s->n_files; s->current++) {
                SourceFile *f = &s->files[s->current];

                if (!(f->kinds & s->wanted))
                        continue;
                if (f->failed) {
                        s->at_end = true;
                        return give_up(s, f->error);
                }
                r = source_file_next(f, ret, &reason);
                if (r < 0)
                        return r;
                if (r == SOURCE_FILE_E_RECORD)
                        return SOURCE_E_RECORD;
                if (r == SOURCE_FILE_E_BROKEN) {
                        s->at_end = true;
                        return give_up(s, reason);
                }
        }

        s->at_end = true;
        for (unsigned i = 0; i < s->n_files; i++)
                if ((s->files[i].kinds & s->wanted) && source_file_verify(&s->files[i], &reason) != 0)
                        return give_up(s, reason);
        return 0;
}

int file_source_evidence(Source *source, SourceEvidence *ret) {
        FileSource *s = (FileSource *) source;
        SourceEvidence e = {};
        int r;

        e.complete = s->at_end && !s->incomplete;
        if (s->incomplete)
                r = copy_error(&e.reason, s->reason);
        else if (!s->at_end)
                r = source_reason(&e.reason, 0, s->files[0].path, 0, "it was not read to its end");
        else
                r = 0;
        if (r < 0)
                return r;
        *ret = e;
        return 0;
}
