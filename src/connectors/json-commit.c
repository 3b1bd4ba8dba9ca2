/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "json-commit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "file-util.h"
#include "json-line.h"
#include "json-scan.h"

#define NONE UINT32_MAX
#define WRITE_SIZE ((size_t) 4 * 1024 * 1024)
/* What is written beyond this goes to the disk without the page cache: fsync(2) would wait for it anyway, and hundreds of
 * megabytes of cache cost more than the disk and drive out what others need. */
#define CACHED_SIZE ((uint64_t) 32 * 1024 * 1024)
#define ALIGNMENT 4096

/* An object of the batch: one that stands in the file, or a new one. */
typedef struct Item {
        const char *id;           /* borrowed from the first change */
        uint64_t offset;          /* its line in the file; for a new object where it is to be inserted */
        uint64_t number;          /* of that line */
        uint32_t size, full_size; /* without and with the line end; no line is longer */
        uint32_t first;           /* of its changes, in their order; see Commit.next */
        uint32_t claim;           /* the change that decides which unique value it has, or NONE */
        uint32_t renaming;        /* the change that would give it another one and is not decided yet, or NONE */
        bool exists;              /* in the file */
        bool deleted;
        bool dirty;               /* something of it is to be written */
} Item;

/* A unique value that an object of the batch takes. */
typedef struct Claim {
        uint32_t hash;            /* its lower half */
        uint32_t change;          /* plus one; 0: free */
} Claim;

typedef struct Commit {
        JsonStore *store;
        TargetChange *changes;
        size_t n;
        const bool *decided;
        uint32_t *item_of, *next; /* by change */
        Item *items;              /* sorted by id */
        size_t n_items;
        size_t cursor;            /* of the pass over the file */
        JsonIndex *filling;       /* made in that pass, if there is none and it will be needed */
        Claim *claims;
        size_t n_claims;          /* a power of two */
        uint32_t *waiting;        /* changes whose value somebody has who may still be renamed */
        size_t n_waiting, n_waiting_allocated;
        StrBuf name, other;
} Commit;

static void commit_done(Commit *c) {
        free(c->item_of);
        free(c->next);
        free(c->items);
        free(c->claims);
        free(c->waiting);
        json_index_free(c->filling);
        strbuf_done(&c->name);
        strbuf_done(&c->other);
}

static bool concerns(const Commit *c, size_t i) {
        return c->changes[i].kind == c->store->kind && !c->decided[i];
}

static int refuse(TargetChange *change, const char *text) {
        change->outcome.result = TARGET_FAILED;
        (void) error_set_full(&change->outcome.error, -EINVAL, ERROR_SCOPE_ITEM, ERROR_RETRY_LATER, "Refused", "%s", text);
        return change->outcome.error ? 0 : -ENOMEM;
}

/* ---- the objects of the batch ---- */

static int compare_changes(const void *a, const void *b, void *userdata) {
        const TargetChange *changes = userdata;
        uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;
        int r = strcmp(changes[x].target_id, changes[y].target_id);

        return r != 0 ? r : (x > y) - (x < y);
}

/* A new object gets its id here; until all is done changes[].target_id lends it to the sorting. */
static int give_ids(Commit *c, Uuid7 *ids, Error **ret_error) {
        _cleanup_free_ char *last = NULL;
        char text[UUID7_TEXT_SIZE];
        bool seen = false;
        int r;

        for (size_t i = 0; i < c->n; i++) {
                if (!concerns(c, i) || c->changes[i].action != TARGET_CREATE)
                        continue;
                if (!seen) {
                        r = json_store_last_id(c->store, &last, ret_error);
                        if (r < 0)
                                return r;
                        if (last)
                                uuid7_seen(ids, last);
                        seen = true;
                }
                r = uuid7_next(ids, text);
                if (r < 0)
                        return r;
                c->changes[i].outcome.target_id = strdup(text);
                if (!c->changes[i].outcome.target_id)
                        return -ENOMEM;
                c->changes[i].target_id = c->changes[i].outcome.target_id;
        }
        return 0;
}

static int make_items(Commit *c) {
        _cleanup_free_ uint32_t *sorted = NULL;
        size_t n = 0, k = 0;
        bool in_order = true;

        sorted = calloc(c->n + 1, sizeof(*sorted));
        c->item_of = calloc(c->n + 1, sizeof(*c->item_of));
        c->next = calloc(c->n + 1, sizeof(*c->next));
        if (!sorted || !c->item_of || !c->next)
                return -ENOMEM;
        for (size_t i = 0; i < c->n; i++) {
                if (!concerns(c, i))
                        continue;
                sorted[n++] = (uint32_t) i;
                if (n > 1 && strcmp(c->changes[sorted[n - 2]].target_id, c->changes[i].target_id) > 0)
                        in_order = false;
        }
        if (!in_order)
                qsort_r(sorted, n, sizeof(*sorted), compare_changes, c->changes);

        c->items = calloc(n + 1, sizeof(*c->items));
        if (!c->items)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                uint32_t change = sorted[i];

                if (i == 0 || !streq(c->changes[change].target_id, c->items[k - 1].id))
                        c->items[k++] = (Item) { .id = c->changes[change].target_id, .first = change, .claim = NONE, .renaming = NONE };
                else
                        c->next[sorted[i - 1]] = change;
                c->item_of[change] = (uint32_t) k - 1;
                c->next[change] = NONE;
        }
        c->n_items = k;
        return 0;
}

static int compare_id(const char *id, const JsonStoreLine *line) {
        size_t n = strlen(id);
        int r = memcmp(id, line->id, MIN2(n, line->id_size));

        return r != 0 ? r : (n > line->id_size) - (n < line->id_size);
}

static int meet_line(const JsonStoreLine *line, void *userdata, Error **ret_error) {
        Commit *c = userdata;
        int r = -1;

        for (; c->cursor < c->n_items; c->cursor++) {
                r = compare_id(c->items[c->cursor].id, line);
                if (r >= 0)
                        break;
                c->items[c->cursor].offset = line->offset;
        }
        if (c->cursor < c->n_items && r == 0) {
                Item *item = &c->items[c->cursor++];

                item->exists = true;
                item->offset = line->offset;
                item->number = line->number;
                item->size = (uint32_t) line->size;
                item->full_size = (uint32_t) line->full_size;
        }
        if (!c->filling)
                return 0;
        r = json_index_add_object(c->filling, line->data, line->size, line->offset);
        if (r == -EINVAL)
                return error_set_full(ret_error, r, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_AFTER_RECONFIGURE, NULL,
                                      "%s:%" PRIu64 ": this is not a whole JSON object", c->store->path, line->number);
        return r;
}

static int locate_items(Commit *c, Error **ret_error) {
        int r;

        r = json_store_scan(c->store, meet_line, c, ret_error);
        if (r < 0)
                return r;
        for (; c->cursor < c->n_items; c->cursor++)
                c->items[c->cursor].offset = json_store_size(c->store);
        if (c->filling)
                json_store_take_index(c->store, TAKE_PTR(c->filling));
        return 0;
}

/* ---- values that no two objects share ---- */

static int copy_value(const char *value, size_t size, void *userdata) {
        StrBuf *out = userdata;

        strbuf_append(out, value, size);
        return out->failed ? -ENOMEM : 1;
}

int json_change_name(const char *attributes, const char *attribute, StrBuf *out) {
        strbuf_clear(out);
        return json_line_values(attributes, strlen(attributes), attribute, copy_value, out);
}

static bool sets_attributes(const TargetChange *change) {
        return change->action == TARGET_CREATE || change->action == TARGET_UPDATE || change->action == TARGET_RESTORE;
}

/* Does this change give its object a unique value that it did not have? Then c->name is that value. */
static int takes_name(Commit *c, const TargetChange *change) {
        const char *attribute = json_store_unique(c->store);
        int r;

        if (!sets_attributes(change))
                return 0;
        r = json_change_name(change->desired, attribute, &c->name);
        if (r <= 0 || change->action == TARGET_CREATE || !change->written)
                return r;
        r = json_change_name(change->written, attribute, &c->other);
        if (r <= 0)
                return r < 0 ? r : 1;
        return !json_value_equal(attribute, c->name.data, c->name.size, c->other.data, c->other.size);
}

static int prepare_names(Commit *c) {
        size_t n_names = 0;
        int r;

        for (size_t i = 0; i < c->n; i++) {
                if (!concerns(c, i))
                        continue;
                r = takes_name(c, &c->changes[i]);
                if (r == -ENOMEM)
                        return r;
                if (r <= 0)
                        continue;
                n_names++;
                if (c->changes[i].action != TARGET_CREATE)
                        c->items[c->item_of[i]].renaming = (uint32_t) i;
        }
        if (n_names == 0)
                return 0;
        for (c->n_claims = 16; c->n_claims < 2 * n_names; c->n_claims *= 2)
                ;
        c->claims = calloc(c->n_claims, sizeof(*c->claims));
        if (!c->claims)
                return -ENOMEM;
        if (json_store_known_index(c->store, json_store_unique(c->store)))
                return 0;
        return json_store_new_index(c->store, json_store_unique(c->store), &c->filling);
}

typedef struct Question {
        Commit *commit;
        const Item *asking;
        bool taken, perhaps;      /* by somebody who stays; who may still be renamed */
} Question;

static int compare_item(const void *key, const void *item) {
        return -compare_id(((const Item *) item)->id, key);
}

/* Somebody in the file has the value. Unless the batch has just deleted or renamed him. */
static int meet_owner(const JsonStoreLine *line, void *userdata, Error **ret_error) {
        Question *q = userdata;
        const Item *owner;

        owner = bsearch(line, q->commit->items, q->commit->n_items, sizeof(Item), compare_item);
        if (!owner)
                q->taken = true;
        else if (owner != q->asking && !owner->deleted && owner->claim == NONE) {
                if (owner->renaming != NONE)
                        q->perhaps = true;
                else
                        q->taken = true;
        }
        return 0;
}

#define PERHAPS 2

/* Is c->name taken by another object than @item? 1, 0, PERHAPS (by one that the batch may still rename), or an error.
 * If not, change @i takes it if it @claims. */
static int claim_name(Commit *c, uint32_t i, Item *item, bool claims, Error **ret_error) {
        const char *attribute = json_store_unique(c->store);
        Question q = { .commit = c, .asking = item };
        uint64_t hash = json_value_hash(attribute, c->name.data, c->name.size);
        size_t mask = c->n_claims - 1, at;
        int r;

        for (at = hash & mask; c->claims[at].change != 0; at = (at + 1) & mask) {
                uint32_t other = c->claims[at].change - 1;
                const Item *owner = &c->items[c->item_of[other]];

                if (c->claims[at].hash != (uint32_t) hash || owner == item || owner->deleted || owner->claim != other)
                        continue;
                r = json_change_name(c->changes[other].desired, attribute, &c->other);
                if (r < 0)
                        return r;
                if (r > 0 && json_value_equal(attribute, c->name.data, c->name.size, c->other.data, c->other.size))
                        return 1;
        }
        r = json_store_find(c->store, attribute, c->name.data, c->name.size, meet_owner, &q, ret_error);
        if (r < 0)
                return r;
        if (q.taken || q.perhaps)
                return q.taken ? 1 : PERHAPS;
        if (!claims)
                return 0;
        c->claims[at] = (Claim) { (uint32_t) hash, i + 1 };
        item->claim = i;
        return 0;
}

/* ---- outcomes ---- */

static int refuse_name(Commit *c, TargetChange *change) {
        return refuse(change, json_store_unique(c->store)[0] == 'u' ? "another object has this userName"
                                                                     : "another object has this displayName");
}

static int decide_attributes(Commit *c, uint32_t i, Item *item, Error **ret_error) {
        TargetChange *change = &c->changes[i];
        int r;

        r = json_line_check(change->desired);
        if (r == -EINVAL)
                return refuse(change, "the attributes are no JSON object, or too many");
        if (r < 0)
                return r;
        r = takes_name(c, change);
        if (r < 0)
                return r;
        if (r > 0) {
                r = claim_name(c, i, item, true, ret_error);
                if (r < 0)
                        return r;
                if (r > 0 && change->action == TARGET_CREATE) {
                        change->outcome.result = TARGET_EXISTS;
                        return 0;
                }
                if (r == PERHAPS) {
                        r = ARRAY_GROW(c->waiting, c->n_waiting_allocated, c->n_waiting + 1);
                        if (r < 0)
                                return r;
                        c->waiting[c->n_waiting++] = i;
                        return 0;
                }
                item->renaming = NONE;
                if (r > 0)
                        return refuse_name(c, change);
        }
        item->dirty = true;
        return 0;
}

static int decide(Commit *c, uint32_t i, bool can_disable, Error **ret_error) {
        TargetChange *change = &c->changes[i];
        Item *item = &c->items[c->item_of[i]];

        change->outcome.result = TARGET_DONE;
        if (change->action != TARGET_CREATE && (!item->exists || item->deleted)) {
                change->outcome.result = TARGET_NOT_FOUND;
                return 0;
        }
        switch (change->action) {
        case TARGET_CREATE:
                /* Cannot be: 74 random bits were met by those of somebody else. */
                if (item->exists)
                        return refuse(change, "the new id is taken");
                return decide_attributes(c, i, item, ret_error);
        case TARGET_UPDATE:
        case TARGET_RESTORE:
                return decide_attributes(c, i, item, ret_error);
        case TARGET_DISABLE:
                if (!can_disable)
                        return refuse(change, "this target cannot disable");
                item->dirty = true;
                return 0;
        case TARGET_MEMBERS:
                item->dirty = true;
                return 0;
        case TARGET_DELETE:
                item->dirty = item->deleted = true;
                return 0;
        }
        return 0;
}

/* Those that waited for others: the file is replaced as a whole, so that two objects may swap what they are called. They all
 * are renamed, but for whom that would give a value that somebody keeps; who is refused keeps his own, which may refuse another. */
static int decide_waiting(Commit *c, Error **ret_error) {
        bool again = true;
        int r;

        for (size_t k = 0; k < c->n_waiting; k++) {
                Item *item = &c->items[c->item_of[c->waiting[k]]];

                item->renaming = NONE;
                /* Deleted, or renamed twice, by other changes of this batch. */
                if (item->deleted || item->claim != NONE)
                        c->changes[c->waiting[k]].outcome.result = TARGET_FAILED;
                else
                        item->claim = c->waiting[k];
        }
        for (bool first = true; again; first = false) {
                again = false;
                for (size_t k = 0; k < c->n_waiting; k++) {
                        TargetChange *change = &c->changes[c->waiting[k]];
                        Item *item = &c->items[c->item_of[c->waiting[k]]];

                        if (item->claim != c->waiting[k])
                                continue;
                        r = takes_name(c, change);
                        if (r >= 0)
                                r = claim_name(c, c->waiting[k], item, first, ret_error);
                        if (r < 0)
                                return r;
                        if (r > 0) {
                                item->claim = NONE;
                                change->outcome.result = TARGET_FAILED;
                                again = true;
                        }
                }
        }
        for (size_t k = 0; k < c->n_waiting; k++) {
                TargetChange *change = &c->changes[c->waiting[k]];

                if (change->outcome.result == TARGET_DONE)
                        c->items[c->item_of[c->waiting[k]]].dirty = true;
                else {
                        r = refuse_name(c, change);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* ---- writing ---- */

typedef struct Writer {
        JsonStore *store;
        char *path;               /* of the file beside the old one */
        int fd;
        char *buffer;
        size_t used;
        uint64_t n_written;
        bool direct, only_cached;
        bool open_line;           /* the last byte was no line end */
} Writer;

static int writer_error(const Writer *w, int r, const char *what, Error **ret_error) {
        return error_set_full(ret_error, r, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_LATER, NULL, "%s: cannot be %s: %s",
                              w->path, what, strerror(-r));
}

static void set_direct(Writer *w, bool direct) {
        int flags = fcntl(w->fd, F_GETFL);

        /* Not every file system can. */
        if (flags < 0 || fcntl(w->fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) < 0)
                w->only_cached = true;
        else
                w->direct = direct;
}

static int writer_flush(Writer *w, Error **ret_error) {
        bool direct = w->used == WRITE_SIZE && w->n_written >= CACHED_SIZE && !w->only_cached;
        int r;

        if (w->direct != direct)
                set_direct(w, direct);
        r = loop_write(w->fd, w->buffer, w->used);
        if (r == -EINVAL && w->direct) {
                /* It says that it can, and cannot. */
                set_direct(w, false);
                w->only_cached = true;
                r = lseek(w->fd, (off_t) w->n_written, SEEK_SET) < 0 ? -errno : loop_write(w->fd, w->buffer, w->used);
        }
        if (r < 0)
                return writer_error(w, r, "written", ret_error);
        w->n_written += w->used;
        w->used = 0;
        return 0;
}

static int writer_put(Writer *w, const char *data, size_t size, Error **ret_error) {
        int r;

        while (size > 0) {
                size_t part = MIN2(size, WRITE_SIZE - w->used);

                memcpy(w->buffer + w->used, data, part);
                w->used += part;
                data += part;
                size -= part;
                w->open_line = w->buffer[w->used - 1] != '\n';
                if (w->used == WRITE_SIZE) {
                        r = writer_flush(w, ret_error);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* Bytes [from, to) of the old file as they are. */
static int writer_copy(Writer *w, uint64_t from, uint64_t to, Error **ret_error) {
        ssize_t n;
        int r;

        while (from < to) {
                n = pread(w->store->fd, w->buffer + w->used, MIN2(to - from, WRITE_SIZE - w->used), (off_t) from);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return error_set_full(ret_error, n < 0 ? -errno : -EIO, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_LATER,
                                              NULL, "%s: cannot be read: %s", w->store->path, strerror(n < 0 ? errno : EIO));
                w->used += (size_t) n;
                from += (uint64_t) n;
                w->open_line = w->buffer[w->used - 1] != '\n';
                if (w->used == WRITE_SIZE) {
                        r = writer_flush(w, ret_error);
                        if (r < 0)
                                return r;
                }
        }
        /* A last line that somebody left without its end must not run into what follows. */
        return w->open_line ? writer_put(w, "\n", 1, ret_error) : 0;
}

static int apply_change(const TargetChange *change, ObjectKind kind, const StrBuf *line, StrBuf *out, Error **ret_error) {
        switch (change->action) {
        case TARGET_CREATE:
                return json_line_create(change->target_id, change->desired, kind == OBJECT_KIND_USER, out, ret_error);
        case TARGET_UPDATE:
        case TARGET_RESTORE:
                return json_line_update(line->data, line->size, change->desired, change->written,
                                        change->action == TARGET_RESTORE, out, ret_error);
        case TARGET_MEMBERS:
                return json_line_members(line->data, line->size, change->add, change->n_add, change->remove,
                                         change->n_remove, out, ret_error);
        case TARGET_DISABLE:
                return json_line_disable(line->data, line->size, out, ret_error);
        case TARGET_DELETE:
                break;
        }
        return 0;
}

/* What the object's line is after all of its changes, in *line. */
static int make_line(Commit *c, const Item *item, StrBuf *line, StrBuf *scratch, Error **ret_error) {
        int r;

        strbuf_clear(line);
        if (item->exists) {
                r = json_store_read(c->store, item->offset, item->size, line, ret_error);
                if (r < 0)
                        return r;
        }
        for (uint32_t i = item->first; i != NONE; i = c->next[i]) {
                TargetChange *change = &c->changes[i];
                StrBuf swap;

                if (change->outcome.result != TARGET_DONE)
                        continue;
                strbuf_clear(scratch);
                r = apply_change(change, c->store->kind, line, scratch, &change->outcome.error);
                if (r == -EINVAL) {
                        /* The line is not what it should be. It stays as it is, and so do the others. */
                        change->outcome.result = TARGET_FAILED;
                        (void) error_wrap(&change->outcome.error, r, "%s:%" PRIu64, c->store->path, item->number);
                        if (!change->outcome.error)
                                return -ENOMEM;
                        change->outcome.error->scope = ERROR_SCOPE_ITEM;
                        continue;
                }
                if (r < 0)
                        return r;
                swap = *line;
                *line = *scratch;
                *scratch = swap;
        }
        return 0;
}

static int write_lines(Commit *c, Writer *w, Error **ret_error) {
        _cleanup_strbuf_ StrBuf line = STRBUF_INIT, scratch = STRBUF_INIT;
        uint64_t position = 0;
        int r;

        for (size_t k = 0; k < c->n_items; k++) {
                const Item *item = &c->items[k];

                if (!item->dirty)
                        continue;
                r = writer_copy(w, position, item->offset, ret_error);
                if (r < 0)
                        return r;
                position = item->offset + item->full_size;
                if (item->deleted)
                        continue;
                r = make_line(c, item, &line, &scratch, ret_error);
                if (r < 0)
                        return r;
                strbuf_putc(&line, '\n');
                r = strbuf_check(&line);
                if (r == 0)
                        r = writer_put(w, line.data, line.size, ret_error);
                if (r < 0)
                        return r;
        }
        r = writer_copy(w, position, json_store_size(c->store), ret_error);
        return r < 0 ? r : writer_flush(w, ret_error);
}

/* ".users.jsonl.new": always the same name, so that a crash leaves one file at most; hidden from who watches *.jsonl. */
static int writer_open(Writer *w, JsonStore *store, Error **ret_error) {
        const char *name = strrchr(store->path, '/') + 1;
        struct stat st;
        int r;

        *w = (Writer) { .store = store, .fd = -1 };
        if (asprintf(&w->path, "%.*s.%s.new", (int) (name - store->path), store->path, name) < 0) {
                w->path = NULL;
                return -ENOMEM;
        }
        w->buffer = aligned_alloc(ALIGNMENT, WRITE_SIZE);
        if (!w->buffer)
                return -ENOMEM;
        if (unlink(w->path) < 0 && errno != ENOENT)
                return writer_error(w, -errno, "removed", ret_error);
        w->fd = open(w->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (w->fd < 0)
                return writer_error(w, -errno, "created", ret_error);
        if (store->fd < 0)
                return 0;
        /* The owner first: a change of owner may take bits of the mode away. Only root can do it in general. */
        r = fstat(store->fd, &st);
        if (r == 0)
                r = fchown(w->fd, st.st_uid, st.st_gid);
        if (r < 0 && errno != EPERM)
                return writer_error(w, -errno, "given to its owner", ret_error);
        if (fchmod(w->fd, st.st_mode & 07777) < 0)
                return writer_error(w, -errno, "given its mode", ret_error);
        return 0;
}

static void writer_done(Writer *w) {
        if (w->fd >= 0) {
                (void) close(w->fd);
                (void) unlink(w->path);
        }
        free(w->path);
        free(w->buffer);
}

static int write_file(Commit *c, Error **ret_error) {
        __attribute__((cleanup(writer_done))) Writer w;
        int r;

        r = writer_open(&w, c->store, ret_error);
        if (r < 0)
                return r;
        r = write_lines(c, &w, ret_error);
        if (r < 0)
                return r;
        if (fsync(w.fd) < 0)
                return writer_error(&w, -errno, "made durable", ret_error);
        r = json_store_check(c->store, ret_error);
        if (r < 0)
                return r;
        if (rename(w.path, c->store->path) < 0)
                return writer_error(&w, -errno, "put in place", ret_error);
        r = json_store_take_fd(c->store, TAKE_FD(w.fd), ret_error);
        if (r < 0)
                return r;
        r = fsync_parent(c->store->path);
        return r < 0 ? writer_error(&w, r, "made durable in its folder", ret_error) : 0;
}

/* ---- all of it ---- */

static int run(Commit *c, Uuid7 *ids, bool can_disable, Error **ret_error) {
        bool dirty = false;
        int r;

        r = give_ids(c, ids, ret_error);
        if (r == 0)
                r = make_items(c);
        if (r < 0 || c->n_items == 0)
                return r;
        r = prepare_names(c);
        if (r == 0)
                r = locate_items(c, ret_error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < c->n; i++) {
                if (!concerns(c, i))
                        continue;
                r = decide(c, (uint32_t) i, can_disable, ret_error);
                if (r < 0)
                        return r;
        }
        r = decide_waiting(c, ret_error);
        if (r < 0)
                return r;
        for (size_t k = 0; k < c->n_items; k++)
                dirty = dirty || c->items[k].dirty;
        return dirty ? write_file(c, ret_error) : 0;
}

int json_commit(JsonStore *store, Uuid7 *ids, bool can_disable, TargetChange *changes, size_t n, const bool *decided,
                Error **ret_error) {
        __attribute__((cleanup(commit_done))) Commit c = { .store = store, .changes = changes, .n = n, .decided = decided };
        int r;

        if (n >= NONE)
                return error_set_full(ret_error, -E2BIG, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_LATER, NULL,
                                      "%s: too many changes at once", store->path);
        r = run(&c, ids, can_disable, ret_error);
        for (size_t i = 0; i < n; i++) {
                if (!concerns(&c, i) || changes[i].action != TARGET_CREATE)
                        continue;
                changes[i].target_id = NULL;
                if (changes[i].outcome.result != TARGET_DONE) {
                        free(changes[i].outcome.target_id);
                        changes[i].outcome.target_id = NULL;
                }
        }
        return r;
}
