/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "connector-class.h"
#include "file-util.h"
#include "json-commit.h"
#include "json-faults.h"
#include "json-line.h"
#include "json-store.h"
#include "time-util.h"

/* The json target: a folder with users.jsonl and groups.jsonl, one object a line, sorted by "id" bytewise, compact, "id"
 * first. People can read it, and whoever watches the folder sees each file replaced as a whole, never half of it.
 *
 * What a commit does not change stays byte for byte, attributes of others included. Several jobs can share a folder: a
 * commit holds a lock on ".lock" in it and begins with what is on disk by then. userName and displayName are unique
 * without regard to case. A new user is active unless the attributes say otherwise; a disabled object has
 * "active":false. */

/* Another job's commit takes a second or two. */
#define LOCK_TIMEOUT_USEC (60 * USEC_PER_SEC)
#define LOCK_RETRY_USEC (20 * USEC_PER_MSEC)

static const TargetVTable json_target_vtable;

typedef struct JsonTarget {
        Target target;
        char *directory;
        JsonStore stores[_OBJECT_KIND_MAX];
        Uuid7 ids;
        JsonFaults *faults;
} JsonTarget;

static int target_error(const JsonTarget *t, int r, const char *text, Error **ret_error) {
        return error_set_full(ret_error, r, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_LATER, NULL, "%s: %s: %s", t->directory,
                              text, strerror(-r));
}

/* ---- opening ---- */

static Target *json_target_free(Target *target) {
        JsonTarget *t = (JsonTarget *) target;

        if (!t)
                return NULL;
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++)
                json_store_done(&t->stores[k]);
        json_faults_free(t->faults);
        free(t->directory);
        free(t);
        return NULL;
}
DEFINE_CLEANUP(Target *, json_target_free)

static int check_directory(const JsonTarget *t, Error **ret_error) {
        struct stat st;

        if (stat(t->directory, &st) < 0)
                return errno == ENOENT ? 0 : target_error(t, -errno, "cannot be examined", ret_error);
        if (!S_ISDIR(st.st_mode))
                return target_error(t, -ENOTDIR, "this is not a folder", ret_error);
        if (faccessat(AT_FDCWD, t->directory, R_OK | X_OK, AT_EACCESS) < 0)
                return target_error(t, -errno, "the folder cannot be read", ret_error);
        return 0;
}

/* The folder may be made at the first commit, never what is above it: there a typing error is more likely, or a file
 * system that is not mounted. */
static int json_target_writable(Target *target, Error **ret_error) {
        const JsonTarget *t = (const JsonTarget *) target;
        _cleanup_free_ char *parent = strdup(t->directory);
        char *slash;

        if (!parent)
                return -ENOMEM;
        if (faccessat(AT_FDCWD, t->directory, R_OK | W_OK | X_OK, AT_EACCESS) == 0)
                return 0;
        if (errno != ENOENT)
                return target_error(t, -errno, "the folder cannot be written", ret_error);
        for (slash = parent + strlen(parent); slash > parent + 1 && slash[-1] == '/'; slash--)
                slash[-1] = '\0';
        slash = strrchr(parent, '/');
        if (slash == parent)
                slash++;
        *slash = '\0';
        if (faccessat(AT_FDCWD, parent, W_OK | X_OK, AT_EACCESS) < 0)
                return target_error(t, -errno, "there is no such folder, and none can be made", ret_error);
        return 0;
}

static int json_target_open(const ConnectorConfig *config, Target **ret, Error **ret_error) {
        const char *can_disable = connector_config_get(config, "CanDisable", NULL);
        const char *faults = connector_config_get(config, "Faults", NULL);
        _cleanup_(json_target_freep) Target *target = NULL;
        FaultResult fault;
        JsonTarget *t;
        int r;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        target = &t->target;
        target->vtable = &json_target_vtable;
        target->can_disable = !can_disable || parse_boolean(can_disable) > 0;
        target->batch_size = SIZE_MAX;
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++)
                t->stores[k].fd = -1;
        t->directory = strdup(connector_config_get(config, "Directory", NULL));
        if (!t->directory)
                return -ENOMEM;
        if (faults) {
                r = json_faults_load(faults, &t->faults, ret_error);
                if (r < 0)
                        return r;
                fault = json_faults_open(t->faults);
                if (fault != FAULT_NONE)
                        return json_faults_error(fault, ret_error);
        }
        r = check_directory(t, ret_error);
        for (ObjectKind k = 0; r == 0 && k < _OBJECT_KIND_MAX; k++) {
                r = json_store_init(&t->stores[k], k, t->directory);
                if (r == 0)
                        r = json_store_refresh(&t->stores[k], ret_error);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(target);
        return 0;
}

/* ---- looking up ---- */

typedef struct Found {
        JsonStore *store;
        Object *objects[2];
        unsigned n;
} Found;

static int take_object(const JsonStoreLine *line, void *userdata, Error **ret_error) {
        Found *f = userdata;
        _cleanup_error_ Error *e = NULL;
        json_object *json;
        int r;

        r = json_parse_whole(line->data, line->size, &json, &e);
        if (r == 0)
                r = object_new_from_json(f->store->kind, json, "id", &f->objects[f->n], NULL, &e);
        if (r == -EINVAL)
                return error_set_full(ret_error, r, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_AFTER_RECONFIGURE, NULL,
                                      "%s: the object with id %.*s is not understood: %s", f->store->path,
                                      (int) line->id_size, line->id, error_text(e, r));
        if (r < 0)
                return r;
        f->n++;
        return 0;
}

static int find_objects(JsonTarget *t, ObjectKind kind, const char *attribute, const char *value, Found *f,
                        Error **ret_error) {
        int r;

        *f = (Found) { .store = &t->stores[kind] };
        r = json_store_find(f->store, attribute, value, strlen(value), take_object, f, ret_error);
        if (r < 0)
                for (unsigned i = 0; i < f->n; i++)
                        f->objects[i] = object_free(f->objects[i]);
        return r;
}

static int json_target_find(Target *target, ObjectKind kind, const char *attribute, const char *value,
                            Object *ret[static 2], unsigned *ret_n, Error **ret_error) {
        Found f;
        int r;

        r = find_objects((JsonTarget *) target, kind, attribute, value, &f, ret_error);
        if (r < 0)
                return r;
        ret[0] = f.objects[0];
        ret[1] = f.objects[1];
        *ret_n = f.n;
        return 0;
}

static int json_target_get(Target *target, ObjectKind kind, const char *target_id, Object **ret, Error **ret_error) {
        Found f;
        int r;

        r = find_objects((JsonTarget *) target, kind, "id", target_id, &f, ret_error);
        if (r < 0)
                return r;
        object_free(f.objects[1]);
        *ret = f.objects[0];
        return 0;
}

/* ---- committing ---- */

static int take_name(const JsonStoreLine *line, void *userdata, Error **ret_error) {
        StrBuf *out = userdata;

        strbuf_append(out, line->data, line->size);
        return strbuf_check(out);
}

/* The userName or displayName of the object that a change is about. */
static int change_name(JsonTarget *t, const TargetChange *c, StrBuf *out, Error **ret_error) {
        JsonStore *store = &t->stores[c->kind];
        _cleanup_strbuf_ StrBuf line = STRBUF_INIT;
        int r;

        if (c->desired)
                r = json_change_name(c->desired, json_store_unique(store), out);
        else {
                r = json_store_find(store, "id", c->target_id, strlen(c->target_id), take_name, &line, ret_error);
                if (r == 0 && line.size > 0)
                        r = json_change_name(line.data, json_store_unique(store), out);
        }
        return r == -EINVAL ? 0 : r;
}

/* Lets the fault plan decide what it wants to. *ret_n is how many changes are carried out before *ret_fault happens. */
static int plan_faults(JsonTarget *t, TargetChange *changes, size_t n, bool *decided, size_t *ret_n,
                       FaultResult *ret_fault, Error **ret_error) {
        _cleanup_strbuf_ StrBuf name = STRBUF_INIT;
        int r;

        *ret_n = n;
        *ret_fault = FAULT_NONE;
        for (size_t i = 0; t->faults && i < n; i++) {
                FaultResult fault;

                strbuf_clear(&name);
                r = change_name(t, &changes[i], &name, ret_error);
                if (r < 0)
                        return r;
                fault = json_faults_change(t->faults, &changes[i], r > 0 ? name.data : NULL);
                switch (fault) {
                case FAULT_FAILED:
                        changes[i].outcome.result = TARGET_FAILED;
                        (void) json_faults_error(fault, &changes[i].outcome.error);
                        decided[i] = true;
                        break;
                case FAULT_EXISTS:
                        changes[i].outcome.result = TARGET_EXISTS;
                        decided[i] = true;
                        break;
                case FAULT_NOT_FOUND:
                        changes[i].outcome.result = TARGET_NOT_FOUND;
                        decided[i] = true;
                        break;
                case FAULT_CRASH_BEFORE:
                case FAULT_CRASH_AFTER:
                case FAULT_DISCONNECT:
                case FAULT_UNAUTHORIZED:
                case FAULT_THROTTLE:
                        *ret_n = fault == FAULT_CRASH_AFTER ? i + 1 : i;
                        *ret_fault = fault;
                        return 0;
                case FAULT_NONE:
                case _FAULT_MAX:
                case _FAULT_INVALID:
                        break;
                }
        }
        return 0;
}

static int lock_directory(const JsonTarget *t, Error **ret_error) {
        _cleanup_free_ char *path = path_join(t->directory, ".lock");
        uint64_t begin = clock_monotonic();
        int fd;

        if (!path)
                return -ENOMEM;
        if (mkdir(t->directory, 0755) < 0 && errno != EEXIST)
                return target_error(t, -errno, "the folder cannot be made", ret_error);
        while ((fd = file_lock(path, false)) == -EAGAIN && clock_monotonic() - begin < LOCK_TIMEOUT_USEC)
                (void) usleep(LOCK_RETRY_USEC);
        if (fd == -EAGAIN)
                return target_error(t, -ETIMEDOUT, "another program holds the lock", ret_error);
        return fd < 0 ? target_error(t, fd, "cannot be locked", ret_error) : fd;
}

static int commit_locked(JsonTarget *t, TargetChange *changes, size_t n, bool *decided, Error **ret_error) {
        _cleanup_close_ int lock = -1;
        ObjectKind first = changes[0].kind;
        FaultResult fault;
        size_t n_before;
        int r;

        lock = lock_directory(t, ret_error);
        if (lock < 0)
                return lock;
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                r = json_store_refresh(&t->stores[k], ret_error);
                if (r < 0)
                        return r;
        }
        r = plan_faults(t, changes, n, decided, &n_before, &fault, ret_error);
        if (r < 0)
                return r;
        /* The two files cannot be replaced as one; the kind that the batch begins with comes first. */
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                r = json_commit(&t->stores[(k + first) % _OBJECT_KIND_MAX], &t->ids, t->target.can_disable, changes,
                                n_before, decided, ret_error);
                if (r < 0)
                        return r;
        }
        if (fault == FAULT_CRASH_BEFORE || fault == FAULT_CRASH_AFTER)
                (void) raise(SIGKILL);
        return fault == FAULT_NONE ? 0 : json_faults_error(fault, ret_error);
}

static int json_target_commit(Target *target, TargetChange *changes, size_t n, Error **ret_error) {
        _cleanup_free_ bool *decided = NULL;
        int r;

        if (n == 0)
                return 0;
        decided = calloc(n, sizeof(bool));
        if (!decided)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                changes[i].outcome = (TargetOutcome) {};
        r = commit_locked((JsonTarget *) target, changes, n, decided, ret_error);
        /* Nothing is known of any of them. */
        for (size_t i = 0; r < 0 && i < n; i++)
                target_outcome_done(&changes[i].outcome);
        return r;
}

/* ---- the mark ---- */

static char *mark_path(const JsonTarget *t, const char *job) {
        char *s;

        return asprintf(&s, "%s/.reprieve-%s", t->directory, job) < 0 ? NULL : s;
}

static int json_target_get_mark(Target *target, const char *job, char ret[static 33], Error **ret_error) {
        const JsonTarget *t = (const JsonTarget *) target;
        _cleanup_free_ char *path = mark_path(t, job), *text = NULL;
        int r;

        if (!path)
                return -ENOMEM;
        r = file_read_full(path, 64, &text, NULL);
        if (r < 0 && r != -ENOENT)
                return target_error(t, r, path + strlen(t->directory) + 1, ret_error);
        /* What is no mark of ours is no mark that the ledger knows. */
        (void) snprintf(ret, 33, "%.*s", r < 0 ? 0 : (int) strcspn(text, "\n"), strempty(text));
        return 0;
}

static int json_target_set_mark(Target *target, const char *job, const char *mark, Error **ret_error) {
        const JsonTarget *t = (const JsonTarget *) target;
        _cleanup_free_ char *path = mark_path(t, job), *line = NULL;
        int r;

        if (!path || asprintf(&line, "%s\n", mark) < 0) {
                line = NULL;
                return -ENOMEM;
        }
        r = file_write_atomic(path, line, strlen(line), 0640);
        /* Nothing was ever written, so there is no folder yet. */
        if (r < 0 && r != -ENOENT)
                return target_error(t, r, path + strlen(t->directory) + 1, ret_error);
        return 0;
}

static const TargetVTable json_target_vtable = {
        .name = "json",
        .open = json_target_open,
        .writable = json_target_writable,
        .find = json_target_find,
        .get = json_target_get,
        .commit = json_target_commit,
        .get_mark = json_target_get_mark,
        .set_mark = json_target_set_mark,
        .free = json_target_free,
};

const ConnectorClass json_target_class = {
        .name = "json",
        .target = &json_target_vtable,
};
