/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "bus-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "file-util.h"
#include "string-util.h"
#include "time-util.h"

static char dir[256], bus_address[600], private_address[600], log_text[64 * 1024];
static pid_t daemon_pid, demo_pid, polkit_pid;

static pid_t spawn(const char *log, char *const argv[]) {
        char path[512];
        pid_t pid;

        (void) snprintf(path, sizeof(path), "%s/%s", dir, log);
        (void) unlink(path); /* of one before */
        pid = fork();
        if (pid == 0) {
                int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_APPEND, 0644);

                if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
                        _exit(126);
                execvp(argv[0], argv);
                _exit(127);
        }
        return pid;
}

const char *fixture_log(const char *who) {
        _cleanup_free_ char *text = NULL;
        char path[512];

        (void) snprintf(path, sizeof(path), "%s/%s", dir, who);
        log_text[0] = '\0';
        if (file_read_full(path, sizeof(log_text) - 1, &text, NULL) == 0)
                (void) snprintf(log_text, sizeof(log_text), "%s", text);
        return log_text;
}

/* The end of the demo service is looked at as well: a sanitizer speaks then. */
static bool ends_well(void) {
        int status = -1;

        (void) kill(demo_pid, SIGTERM);
        for (int i = 0; i < 1000; i++) {
                if (waitpid(demo_pid, &status, WNOHANG) == demo_pid) {
                        demo_pid = 0;
                        return status == 0;
                }
                usleep(10 * 1000);
        }
        return false;
}

static void stop_all(void) {
        pid_t *pids[] = {&demo_pid, &polkit_pid, &daemon_pid};
        bool well = demo_pid <= 0 || ends_well();

        for (size_t i = 0; i < ELEMENTSOF(pids); i++)
                if (*pids[i] > 0) {
                        (void) kill(*pids[i], SIGKILL);
                        (void) waitpid(*pids[i], NULL, 0);
                        *pids[i] = 0;
                }
        if (!well) {
                fprintf(stderr, "The demo service did not end well: %s\n", fixture_log("demo"));
                _exit(1);
        }
}

bool fixture_wait_log(const char *who, const char *text) {
        for (int i = 0; i < 500; i++) {
                if (strstr(fixture_log(who), text))
                        return true;
                usleep(10 * 1000);
        }
        tap_diag("%s never printed \"%s\" but: %s", who, text, log_text);
        return false;
}

unsigned fixture_count(const char *who, const char *text) {
        unsigned n = 0;

        for (const char *p = fixture_log(who); (p = strstr(p, text)); p++)
                n++;
        return n;
}

bool fixture_start(const char *auth, const char *worker_uid, bool with_polkit) {
        char config[512], program[512], listen[600];
        const char *build = getenv("TOP_BUILDDIR");
        FILE *f;

        if (fixture_alive())
                return true;
        if (daemon_pid > 0)
                goto demo;
        (void) snprintf(dir, sizeof(dir), "%s", tap_tmpdir());
        (void) chmod(dir, 0755);
        (void) snprintf(listen, sizeof(listen), "unix:path=%s/bus", dir);
        (void) snprintf(bus_address, sizeof(bus_address), "%s", listen);
        (void) snprintf(private_address, sizeof(private_address), "unix:path=%s/private", dir);
        (void) snprintf(config, sizeof(config), "%s/bus.conf", dir);
        f = fopen(config, "we");
        if (!f)
                return false;
        fprintf(f, "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\""
                " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">"
                "<busconfig><type>custom</type><listen>%s</listen><auth>EXTERNAL</auth><policy context=\"default\">"
                "<allow send_destination=\"*\" eavesdrop=\"true\"/><allow receive_sender=\"*\"/><allow own=\"*\"/>"
                "<allow user=\"*\"/></policy></busconfig>", listen);
        fclose(f);
        (void) atexit(stop_all);
        daemon_pid = spawn("daemon", (char *[]){(char *) "dbus-daemon", (char *) "--nofork",
                                                (char *) "--print-address", (char *) "--config-file", config, NULL});
        if (daemon_pid < 0 || !fixture_wait_log("daemon", "unix:"))
                return false;
        if (with_polkit) {
                (void) snprintf(program, sizeof(program), "%s/tests/bus/fake-polkit", build ? build : ".");
                polkit_pid = spawn("polkit", (char *[]) {program, bus_address, NULL});
                if (polkit_pid < 0 || !fixture_wait_log("polkit", "ready"))
                        return false;
        }
demo:
        (void) snprintf(program, sizeof(program), "%s/tests/bus/demo-service", build ? build : ".");
        demo_pid = spawn("demo",
                         (char *[]){program, bus_address, private_address, (char *) auth, (char *) worker_uid, NULL});
        return demo_pid > 0 && fixture_wait_log("demo", "ready");
}

const char *fixture_bus(void) {
        return bus_address;
}

const char *fixture_private(void) {
        return private_address;
}

bool fixture_alive(void) {
        if (demo_pid > 0 && waitpid(demo_pid, NULL, WNOHANG) != 0)
                demo_pid = 0;
        return demo_pid > 0;
}

int fixture_wait(void) {
        int status = -1;

        if (demo_pid <= 0 || waitpid(demo_pid, &status, 0) != demo_pid)
                return -1;
        demo_pid = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

pid_t fixture_pid(void) {
        return demo_pid;
}

void fixture_stop_bus(void) {
        (void) kill(daemon_pid, SIGKILL);
        (void) waitpid(daemon_pid, NULL, 0);
        daemon_pid = 0;
        (void) unlink(bus_address + strlen("unix:path="));
}

int fixture_stop(void) {
        (void) kill(demo_pid, SIGTERM);
        return fixture_wait();
}

bool fixture_polkit(const char *mode) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;

        return bus_client_connect(bus_address, "org.freedesktop.PolicyKit1", &c, NULL) == 0 &&
               bus_client_call(c, "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
                               "SetMode", 5 * USEC_PER_SEC, NULL, NULL, "s", mode) == 0;
}

DBusConnection *fixture_raw(const char *address) {
        DBusConnection *c = dbus_connection_open_private(address, NULL);

        if (!c)
                return NULL;
        dbus_connection_set_exit_on_disconnect(c, FALSE);
        if (!dbus_bus_register(c, NULL)) {
                dbus_connection_close(c);
                dbus_connection_unref(c);
                return NULL;
        }
        return c;
}

int as_user(unsigned uid, int (*f)(void)) {
        int status;
        pid_t pid;

        fflush(stdout);
        pid = fork();
        if (pid == 0) {
                if (setgid(uid) < 0 || setuid(uid) < 0)
                        _exit(99);
                _exit(f());
        }
        return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const char *call_error(BusClient *c, const char *path, const char *interface, const char *member) {
        static char name[256];
        _cleanup_error_ Error *e = NULL;

        name[0] = '\0';
        if (bus_client_call(c, path, interface, member, 5 * USEC_PER_SEC, NULL, &e, "") < 0)
                (void) snprintf(name, sizeof(name), "%s", e && e->id ? e->id : "?");
        return name;
}
