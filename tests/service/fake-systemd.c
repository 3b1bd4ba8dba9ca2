/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* fake-systemd ADDRESS PROGRAM ARGUMENT...: owns org.freedesktop.systemd1 and prints every StartUnit, StopUnit and
 * Reload. A unit reprieve-cycle@JOB.service is PROGRAM ARGUMENT... JOB, and reprieve-task@JOB.service the same with
 * --task; one of job "forbidden" is refused, one of job "stillborn" does nothing. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus-server.h"
#include "string-util.h"

static char **program;
static pid_t running, running_task;

static void start(pid_t *running_unit, const char *job) {
        char *argv[64];
        size_t n = 0;

        if (*running_unit > 0 && waitpid(*running_unit, NULL, WNOHANG) != *running_unit)
                return;
        *running_unit = fork();
        if (*running_unit != 0)
                return;
        (void) setpgid(0, 0);
        for (char **p = program; *p && n + 3 < ELEMENTSOF(argv); p++)
                argv[n++] = *p;
        if (running_unit == &running_task)
                argv[n++] = (char *) "--task";
        argv[n++] = (char *) job;
        argv[n] = NULL;
        execv(argv[0], argv);
        _exit(127);
}

static int method_start(BusCall *call, void *object, Error **ret_error) {
        _cleanup_free_ char *job = NULL;
        const char *unit, *mode, *task, *p;
        int r;

        r = bus_call_read(call, "ss", &unit, &mode);
        if (r < 0)
                return r;
        printf("StartUnit %s %s\n", unit, mode);
        task = startswith(unit, "reprieve-task@");
        p = task ?: startswith(unit, "reprieve-cycle@");
        job = p ? strndup(p, strcspn(p, ".")) : NULL;
        if (job && streq(job, "forbidden"))
                return bus_call_fail(call, BUS_ERROR_ACCESS_DENIED, "Nobody may start this");
        if (job && !streq(job, "stillborn") && strstr(p, ".service"))
                start(task ? &running_task : &running, job);
        return bus_call_write(call, "o", "/org/freedesktop/systemd1/job/1");
}

static int method_stop(BusCall *call, void *object, Error **ret_error) {
        const char *unit, *mode;
        int r;

        r = bus_call_read(call, "ss", &unit, &mode);
        if (r < 0)
                return r;
        printf("StopUnit %s %s\n", unit, mode);
        if (startswith(unit, "reprieve-task@") && running_task > 0)
                (void) kill(-running_task, SIGTERM);
        else if (strstr(unit, ".service") && running > 0)
                (void) kill(running, SIGTERM);
        return bus_call_write(call, "o", "/org/freedesktop/systemd1/job/2");
}

static int method_reload(BusCall *call, void *object, Error **ret_error) {
        printf("Reload\n");
        return 0;
}

static const BusMethod methods[] = {
        { "StartUnit", "ss", "unit mode", "o", "job", method_start, 0, NULL },
        { "StopUnit", "ss", "unit mode", "o", "job", method_stop, 0, NULL },
        { "Reload", "", "", "", "", method_reload, 0, NULL },
        {},
};

static const BusInterface manager = { .name = "org.freedesktop.systemd1.Manager", .methods = methods };
static const BusInterface *const interfaces[] = { &manager, NULL };

int main(int argc, char *argv[]) {
        sd_event *event = NULL;
        Bus *bus = NULL;
        int r;

        if (argc < 3)
                return 2;
        program = argv + 2;
        (void) setvbuf(stdout, NULL, _IOLBF, 0);
        r = sd_event_default(&event);
        if (r >= 0)
                r = bus_new(event, BUS_AUTH_SAME_UID_OR_ROOT, NULL, NULL, &bus);
        if (r >= 0)
                r = bus_add_object(bus, "/org/freedesktop/systemd1", interfaces, NULL);
        if (r >= 0)
                r = bus_open_bus(bus, argv[1], "org.freedesktop.systemd1", NULL);
        if (r < 0)
                return 1;
        printf("ready\n");
        return sd_event_loop(event) < 0;
}
