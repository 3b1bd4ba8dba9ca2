/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A service with nothing to do, behind both doors: what the tests of src/bus talk to.
 * Usage: demo-service BUS-ADDRESS|- PRIVATE-ADDRESS|- polkit|same-uid [UID that gets only the Worker interface]
 * Prints "ready" once it serves, and a line for each refusal, lost bus and vanished caller. */

#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

#include "bus-server.h"
#include "log.h"
#include "string-util.h"
#include "time-util.h"

#define ROOT "/org/reprieve1"
#define JOBS ROOT "/job"

typedef struct Job {
        char *name;
        uint32_t threshold;
        bool protect;
        char **mail;
} Job;

static Bus *bus;
static sd_event *event;
static Job *jobs[64];
static BusCall *kept[256];
static size_t n_kept;
static uid_t worker_uid = (uid_t) -1;

static Job *job_find(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
                if (jobs[i] && streq(jobs[i]->name, name))
                        return jobs[i];
        return NULL;
}

static char *job_path(const char *name) {
        char *path = NULL;

        return bus_path_encode(JOBS, name, &path) < 0 ? NULL : path;
}

static int job_add(const char *name) {
        _cleanup_free_ char *path = job_path(name);

        for (size_t i = 0; path && i < ELEMENTSOF(jobs); i++)
                if (!jobs[i]) {
                        jobs[i] = calloc(1, sizeof(Job));
                        jobs[i]->name = strdup(name);
                        jobs[i]->threshold = 500;
                        jobs[i]->protect = true;
                        (void) strv_extend(&jobs[i]->mail, "root@localhost");
                        return bus_emit_added(bus, path);
                }
        return -ENOSPC;
}

static void job_remove(Job *job) {
        _cleanup_free_ char *path = job_path(job->name);

        (void) bus_emit_removed(bus, path);
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
                if (jobs[i] == job)
                        jobs[i] = NULL;
        strv_free(job->mail);
        free(job->name);
        free(job);
}

/* --- Manager */

static int method_echo(BusCall *call, void *object, Error **ret_error) {
        const char *s;
        int r = bus_call_read(call, "s", &s);

        return r < 0 ? r : bus_call_write(call, "s", s);
}

static int method_list(BusCall *call, void *object, Error **ret_error) {
        BusMessage *m = bus_call_reply(call);

        (void) bus_message_open(m, 'a', "(so)");
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
                if (jobs[i]) {
                        _cleanup_free_ char *path = job_path(jobs[i]->name);
                        (void) bus_message_append(m, "(so)", jobs[i]->name, path);
                }
        return bus_message_close(m);
}

static int method_create(BusCall *call, void *object, Error **ret_error) {
        _cleanup_free_ char *path = NULL;
        const char *name;
        int r;

        r = bus_call_read(call, "s", &name);
        if (r < 0)
                return r;
        if (job_find(name))
                return bus_call_fail(call, BUS_ERROR_JOB_EXISTS, "There is a job %s", name);
        r = job_add(name);
        path = job_path(name);
        return r < 0 ? r : bus_call_write(call, "o", path);
}

static int method_remove(BusCall *call, void *object, Error **ret_error) {
        const char *name;
        int r = bus_call_read(call, "s", &name);

        if (r < 0)
                return r;
        if (!job_find(name))
                return bus_call_fail(call, BUS_ERROR_NO_SUCH_JOB, "No job is called %s", name);
        job_remove(job_find(name));
        return 0;
}

static int method_flash(BusCall *call, void *object, Error **ret_error) {
        int r = job_add("flash");

        if (r == 0)
                job_remove(job_find("flash"));
        return r;
}

static int method_whoami(BusCall *call, void *object, Error **ret_error) {
        uid_t uid;
        int r = bus_call_get_uid(call, &uid);

        return r < 0 ? r : bus_call_write(call, "ub", uid, bus_call_is_private(call));
}

static int method_bytes(BusCall *call, void *object, Error **ret_error) {
        uint32_t n;
        char *s;
        int r = bus_call_read(call, "u", &n);

        if (r < 0)
                return r;
        s = calloc(1, (size_t) n + 1);
        if (!s)
                return -ENOMEM;
        memset(s, 'x', n);
        r = bus_call_write(call, "s", s);
        free(s);
        return r;
}

static int method_bad_utf8(BusCall *call, void *object, Error **ret_error) {
        return bus_call_write(call, "s", "caf\xe9");
}

static int method_bad_error(BusCall *call, void *object, Error **ret_error) {
        return error_set(ret_error, -ENOENT, "no \xff such thing");
}

static int method_wrong(BusCall *call, void *object, Error **ret_error) {
        return bus_call_write(call, "u", 1U);
}

static int method_forget(BusCall *call, void *object, Error **ret_error) {
        return bus_call_unref(bus_call_ref(call)) ? 0 : BUS_CALL_LATER;
}

static void on_vanish(BusCall *call, void *userdata) {
        printf("vanished %s\n", bus_call_get_member(call));
        for (size_t i = 0; i < n_kept; i++)
                if (kept[i] == call) {
                        kept[i] = kept[--n_kept];
                        bus_call_unref(call);
                        break;
                }
}

static int method_wait(BusCall *call, void *object, Error **ret_error) {
        if (n_kept == ELEMENTSOF(kept))
                return -EMFILE;
        kept[n_kept++] = bus_call_ref(call);
        bus_call_on_vanish(call, on_vanish, NULL);
        return BUS_CALL_LATER;
}

/* Ends all waits; the answers are sent in the reverse order. */
static int method_wake(BusCall *call, void *object, Error **ret_error) {
        uint32_t n = 0;

        while (n_kept > 0) {
                BusCall *c = kept[--n_kept];
                (void) bus_call_write(c, "s", "woken");
                bus_call_finish(c);
                bus_call_unref(c);
                n++;
        }
        return bus_call_write(call, "u", n);
}

static int method_open(BusCall *call, void *object, Error **ret_error) {
        _cleanup_close_ int fd = memfd_create("demo", MFD_CLOEXEC);

        if (fd < 0 || write(fd, "hello\n", 6) != 6 || lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        return bus_call_write(call, "h", fd);
}

static int method_reset(BusCall *call, void *object, Error **ret_error) {
        return bus_call_write(call, "s", "reset");
}

static void on_released(Bus *b, void *userdata) {
        printf("released\n");
        (void) sd_event_exit(event, 0);
}

static int method_quit(BusCall *call, void *object, Error **ret_error) {
        return bus_release_name(bus, on_released, NULL);
}

static int get_version(BusMessage *m, const BusProperty *p, void *object, Error **ret_error) {
        return bus_message_append(m, "s", "0.1");
}

static int get_broken(BusMessage *m, const BusProperty *p, void *object, Error **ret_error) {
        return error_set(ret_error, -EIO, "the disk is gone");
}

#define MANAGE "org.reprieve1.manage"

static const BusInterface manager = {
        .name = "org.reprieve1.Manager",
        .methods = (const BusMethod[]) {
                {"Echo", "s", "text", "s", "text", method_echo},
                {"ListJobs", NULL, NULL, "a(so)", "jobs", method_list},
                {"CreateJob", "s", "name", "o", "job", method_create},
                {"RemoveJob", "s", "name", NULL, NULL, method_remove},
                {"Flash", NULL, NULL, NULL, NULL, method_flash},
                {"WhoAmI", NULL, NULL, "ub", "uid private", method_whoami, BUS_WANT_UID},
                {"Bytes", "u", "size", "s", "text", method_bytes},
                {"BadUtf8", NULL, NULL, "s", "text", method_bad_utf8},
                {"BadError", NULL, NULL, "s", "text", method_bad_error},
                {"Wrong", NULL, NULL, "s", "text", method_wrong},
                {"Forget", NULL, NULL, "s", "text", method_forget},
                {"Wait", NULL, NULL, "s", "text", method_wait},
                {"Wake", NULL, NULL, "u", "woken", method_wake},
                {"Open", NULL, NULL, "h", "file", method_open},
                {"Reset", NULL, NULL, "s", "text", method_reset, 0, MANAGE},
                {"Quit", NULL, NULL, NULL, NULL, method_quit},
                {},
        },
        .properties = (const BusProperty[]) {
                {"Version", "s", get_version, NULL, BUS_PROPERTY_CONST},
                {"Broken", "s", get_broken, NULL, BUS_PROPERTY_SILENT},
                {},
        },
};

/* --- Job */

static int get_name(BusMessage *m, const BusProperty *p, void *object, Error **ret_error) {
        return bus_message_append(m, "s", ((Job *) object)->name);
}

static int get_threshold(BusMessage *m, const BusProperty *p, void *object, Error **ret_error) {
        return bus_message_append(m, "u", ((Job *) object)->threshold);
}

static int set_threshold(BusCall *call, void *object, Error **ret_error) {
        return bus_call_read(call, "u", &((Job *) object)->threshold);
}

static int get_protect(BusMessage *m, const BusProperty *p, void *object, Error **ret_error) {
        return bus_message_append(m, "b", ((Job *) object)->protect);
}

static int set_protect(BusCall *call, void *object, Error **ret_error) {
        return bus_call_read(call, "b", &((Job *) object)->protect);
}

static int get_mail(BusMessage *m, const BusProperty *p, void *object, Error **ret_error) {
        return bus_message_append(m, "as", ((Job *) object)->mail);
}

static int set_mail(BusCall *call, void *object, Error **ret_error) {
        _cleanup_strv_ char **l = NULL;
        int r = bus_call_read(call, "as", &l);

        if (r < 0)
                return r;
        strv_free(((Job *) object)->mail);
        ((Job *) object)->mail = TAKE_PTR(l);
        return 0;
}

static int get_progress(BusMessage *m, const BusProperty *p, void *object, Error **ret_error) {
        return bus_message_append(m, "(stt)", "import", UINT64_C(1), UINT64_C(2));
}

/* Many changes in one turn, then a signal, then the reply. */
static int method_burst(BusCall *call, void *object, Error **ret_error) {
        Job *job = object;

        for (int i = 0; i < 100; i++) {
                job->threshold++;
                (void) bus_emit_properties_changed(bus, bus_call_get_path(call), "org.reprieve1.Job",
                                                   "DeletionThreshold", "NotificationEmail", NULL);
        }
        (void) bus_emit_signal(bus, bus_call_get_path(call), "org.reprieve1.Job", "CycleStarted", "s", "c1");
        return 0;
}

static const BusInterface job_interface = {
        .name = "org.reprieve1.Job",
        .methods = (const BusMethod[]) {
                {"Burst", NULL, NULL, NULL, NULL, method_burst},
                {"Reset", NULL, NULL, "s", "text", method_reset, 0, MANAGE},
                {},
        },
        .signals = (const BusSignal[]) {
                {"CycleStarted", "s", "cycle"},
                {},
        },
        .properties = (const BusProperty[]) {
                {"Name", "s", get_name, NULL, BUS_PROPERTY_CONST},
                {"DeletionThreshold", "u", get_threshold, set_threshold},
                {"PreventAccidentalDeletions", "b", get_protect, set_protect, BUS_PROPERTY_EMITS, MANAGE},
                {"NotificationEmail", "as", get_mail, set_mail, BUS_PROPERTY_INVALIDATES},
                {"Progress", "(stt)", get_progress, NULL, BUS_PROPERTY_SILENT},
                {},
        },
};

/* --- Worker */

static const BusInterface worker = {
        .name = "org.reprieve1.Worker",
        .flags = BUS_PRIVATE,
        .methods = (const BusMethod[]) {
                {"Report", "s", "text", "s", "text", method_echo},
                {},
        },
};

static void *fallback_find(const char *name, void *userdata) {
        return job_find(name);
}

static int fallback_list(void *userdata, char ***ret_names) {
        char **l = NULL;

        for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
                if (jobs[i] && strv_extend(&l, jobs[i]->name) < 0)
                        return -ENOMEM;
        *ret_names = l;
        return 0;
}

static void on_lost(Bus *b, const char *why, void *userdata) {
        printf("lost %s\n", why);
        (void) sd_event_exit(event, 3);
}

static void on_refused(Bus *b, const BusRefusal *r, void *userdata) {
        printf("refused %s.%s %s %s\n", r->interface, r->member, strempty(r->action), bus_error_to_name(r->code));
}

static bool access_rule(uid_t uid, const char *interface, void *userdata) {
        return uid == worker_uid ? !interface || streq(interface, "org.reprieve1.Worker")
                                 : uid == 0 || uid == geteuid();
}

int main(int argc, char *argv[]) {
        static const BusFallback fallback = {fallback_find, fallback_list};
        const BusHooks hooks = {on_lost, on_refused, access_rule};
        _cleanup_error_ Error *error = NULL;
        sigset_t mask;
        int r;

        if (argc < 4)
                return 2;
        if (argc > 4)
                worker_uid = (uid_t) atoi(argv[4]);
        log_setup("demo-service");
        setvbuf(stdout, NULL, _IOLBF, 0);
        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        r = sd_event_new(&event);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
        if (r >= 0)
                r = bus_new(event, streq(argv[3], "polkit") ? BUS_AUTH_POLKIT : BUS_AUTH_SAME_UID_OR_ROOT, &hooks,
                            NULL, &bus);
        if (r >= 0)
                r = bus_add_object(bus, ROOT, (const BusInterface *const[]) {&manager, &worker, NULL}, NULL);
        if (r >= 0)
                r = bus_add_fallback(bus, JOBS, (const BusInterface *const[]){&job_interface, NULL}, &fallback, NULL);
        if (r >= 0)
                r = bus_add_object_manager(bus, ROOT);
        if (r >= 0)
                r = job_add("staff");
        if (r >= 0)
                r = job_add("br\xc3\xbc" "cke-2");
        if (r >= 0 && !streq(argv[1], "-"))
                r = bus_open_bus(bus, argv[1], "org.reprieve1", &error);
        if (r >= 0 && !streq(argv[2], "-"))
                r = bus_listen(bus, argv[2], &error);
        if (r < 0) {
                printf("failed %s\n", error_text(error, r));
                return 1;
        }
        printf("ready\n");
        r = sd_event_loop(event);
        bus = bus_free(bus);
        while (n_kept > 0)
                bus_call_unref(kept[--n_kept]);
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
                if (jobs[i]) {
                        strv_free(jobs[i]->mail);
                        free(jobs[i]->name);
                        free(jobs[i]);
                }
        sd_event_unref(event);
        return r;
}
