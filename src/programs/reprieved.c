/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* The service: jobs, reviews and decisions on D-Bus. It has neither network nor credentials; cycles and mail are
 * other programs, which it starts. It may leave whenever nothing runs: all state is in the ledgers. */

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "api.h"
#include "file-util.h"
#include "i18n.h"
#include "log.h"
#include "options.h"
#include "time-util.h"

/* What a service that was started on demand waits for the next request. */
#define IDLE_DEFAULT_USEC (30 * USEC_PER_SEC)
#define DRAIN_USEC (50 * USEC_PER_MSEC)

typedef struct Service {
        sd_event *event;
        Manager *manager;
        Api *api;
        uint64_t idle_usec;       /* 0: stays */
        sd_event_source *idle, *drain, *status;
        bool stopping;            /* SIGTERM, or the bus has gone */
        bool leaving;             /* idle: the name is given up */
        int result;
} Service;

static CommonOptions arg_common;
static LaunchMode arg_launch = LAUNCH_SYSTEMD;
static const char *arg_exec_dir;
static const char *arg_introspect;
static uint64_t arg_idle_usec = USEC_INFINITY;

static int parse_launch(const char *value, void *userdata, Error **ret_error) {
        LaunchMode m = launch_mode_from_string(value);

        if (m < 0)
                return error_set(ret_error, -EINVAL, "expected systemd or direct");
        arg_launch = m;
        return 0;
}

static int parse_idle(const char *value, void *userdata, Error **ret_error) {
        uint64_t usec;

        if (duration_parse(value, &usec) < 0)
                return error_set(ret_error, -EINVAL, "expected a time span such as 30s, or infinity");
        arg_idle_usec = usec == USEC_INFINITY ? 0 : MAX2(usec, USEC_PER_MSEC);
        return 0;
}

/* ---- leaving ---- */

static bool is_idle(Service *s) {
        return !manager_is_busy(s->manager) && !bus_is_busy(api_get_bus(s->api)) &&
               bus_get_n_private(api_get_bus(s->api)) == 0;
}

/* After the name was given up, or after SIGTERM: until everything that runs has ended. */
static int on_drain(sd_event_source *source, uint64_t usec, void *userdata) {
        Service *s = userdata;

        if (s->stopping ? !manager_is_busy(s->manager) : is_idle(s))
                return sd_event_exit(s->event, s->result);
        (void) sd_event_source_set_time_relative(source, DRAIN_USEC);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void start_draining(Service *s) {
        if (!s->drain && sd_event_add_time_relative(s->event, &s->drain, CLOCK_MONOTONIC, 0, 0, on_drain, s) < 0)
                (void) sd_event_exit(s->event, s->result);
}

static void stop(Service *s, int result) {
        if (s->stopping) {
                (void) sd_event_exit(s->event, s->result);
                return;
        }
        s->stopping = true;
        s->result = result;
        (void) sd_notify(0, "STOPPING=1");
        manager_stop(s->manager);
        start_draining(s);
}

static void on_released(Bus *bus, void *userdata) {
        start_draining(userdata);
}

/* Requests made while the name is given up are still served; later ones start a successor. None is lost. */
static int on_idle(sd_event_source *source, uint64_t usec, void *userdata) {
        uint64_t now = clock_monotonic(), since;
        Service *s = userdata;

        if (s->leaving || s->stopping)
                return 0;
        since = bus_get_last_activity(api_get_bus(s->api));
        if (is_idle(s) && now >= since + s->idle_usec) {
                log_debug("Nobody needs the service; it leaves.");
                s->leaving = true;
                (void) sd_notify(0, "STOPPING=1");
                if (bus_release_name(api_get_bus(s->api), on_released, s) < 0)
                        start_draining(s);
                return 0;
        }
        (void) sd_event_source_set_time_relative(source, is_idle(s) ? since + s->idle_usec - now : s->idle_usec);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void on_lost(const char *why, void *userdata) {
        Service *s = userdata;

        if (s->leaving || s->stopping)
                return;
        log_error("The bus is gone: %s.", why);
        stop(s, EXIT_FAILURE);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        stop(userdata, EXIT_SUCCESS);
        return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        _cleanup_error_ Error *error = NULL;
        Service *s = userdata;
        int r;

        (void) sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long) clock_monotonic());
        r = manager_reload(s->manager, NULL, &error);
        if (r != 0)
                log_error("Not all job files could be read: %.*s.", ERROR_LINE(error, r));
        (void) sd_notify(0, "READY=1");
        return 0;
}

/* ---- the status line ---- */

static int on_status(sd_event_source *source, void *userdata) {
        _cleanup_free_ char *text = NULL;
        Service *s = userdata;

        if (manager_format_status(s->manager, &text) >= 0)
                (void) sd_notifyf(0, "STATUS=%s", text);
        return 0;
}

/* Once a turn of the loop, however much has changed. */
static void on_changed(void *userdata) {
        Service *s = userdata;

        if (s->status)
                (void) sd_event_source_set_enabled(s->status, SD_EVENT_ONESHOT);
}

/* ---- setting up ---- */

static int own_folder(char **ret) {
        char *path = realpath("/proc/self/exe", NULL), *slash;

        if (!path)
                return -errno;
        slash = strrchr(path, '/');
        *slash = '\0';
        *ret = path;
        return 0;
}

static int set_up_loop(Service *s) {
        static const int signals[] = { SIGTERM, SIGINT };
        sigset_t set;
        int r;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGTERM);
        (void) sigaddset(&set, SIGINT);
        (void) sigaddset(&set, SIGHUP);
        (void) sigaddset(&set, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
        r = sd_event_default(&s->event);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(signals); i++)
                r = sd_event_add_signal(s->event, NULL, signals[i], on_signal, s);
        if (r >= 0)
                r = sd_event_add_signal(s->event, NULL, SIGHUP, on_hangup, s);
        if (r >= 0)
                r = sd_event_set_watchdog(s->event, true);
        if (r >= 0)
                r = sd_event_add_defer(s->event, &s->status, on_status, s);
        return r < 0 ? r : sd_event_source_set_enabled(s->status, SD_EVENT_ONESHOT);
}

/* At least one door must open; a bus that is not there is no reason to be unreachable in a rescue shell. */
static int open_doors(Service *s, bool have_sockets) {
        _cleanup_error_ Error *error = NULL;
        Bus *bus = api_get_bus(s->api);
        bool private = false;
        int r;

        if (have_sockets) {
                r = bus_listen(bus, "systemd:", &error);
                if (r < 0)
                        return log_error_errno(r, "Failed to listen at the socket that systemd passed: %s.",
                                               error_text(error, r));
                private = true;
        } else if (arg_launch == LAUNCH_DIRECT) {
                _cleanup_free_ char *address = NULL;

                r = mkdir_parents(arg_common.runtime_dir, 0755);
                if (r < 0)
                        return log_error_errno(r, "Failed to make %s: %m", arg_common.runtime_dir);
                if (asprintf(&address, "unix:path=%s/bus", arg_common.runtime_dir) < 0)
                        return -ENOMEM;
                r = bus_listen(bus, address, &error);
                if (r < 0)
                        return log_error_errno(r, "Failed to listen at %s/bus: %s.", arg_common.runtime_dir,
                                               error_text(error, r));
                private = true;
        }
        error = error_free(error);
        r = bus_open_bus(bus, arg_common.bus, API_NAME, &error);
        if (r < 0 && (!have_sockets || !private || r == -EEXIST))
                return log_error_errno(r, "Failed to own %s on the %s bus: %s.", API_NAME, arg_common.bus,
                                       error_text(error, r));
        if (r < 0)
                log_warning("The %s bus cannot be used (%s); the private endpoint can.", arg_common.bus,
                            error_text(error, r));
        return 0;
}

static bool started_on_demand(bool have_sockets) {
        return have_sockets || getenv("DBUS_STARTER_ADDRESS") || getenv("DBUS_STARTER_BUS_TYPE");
}

static int run(Service *s) {
        _cleanup_free_ char *folder = NULL;
        ApiOptions ao = {
                /* Whoever names a bus of his own is its master; the system bus has polkit. */
                .auth = streq(arg_common.bus, "system") ? BUS_AUTH_POLKIT : BUS_AUTH_SAME_UID_OR_ROOT,
                .lost = on_lost, .changed = on_changed, .userdata = s,
        };
        ManagerOptions mo = {
                .config_dir = arg_common.config_dir,
                .state_dir = arg_common.state_dir,
                .runtime_dir = arg_common.runtime_dir,
                .launch = arg_launch,
                .units = &api_unit_hooks,
        };
        bool have_sockets = sd_listen_fds(0) > 0;
        int r;

        if (!arg_exec_dir) {
                r = own_folder(&folder);
                if (r < 0)
                        return log_error_errno(r, "Failed to find the folder of the programs: %m");
                arg_exec_dir = folder;
        }
        r = set_up_loop(s);
        if (r < 0)
                return log_error_errno(r, "Failed to set up the event loop: %m");
        ao.event = mo.event = s->event;
        mo.exec_dir = arg_exec_dir;
        r = api_new(&ao, &s->api);
        if (r < 0)
                return log_error_errno(r, "Failed to set up D-Bus: %m");
        mo.units_userdata = s->api;
        r = manager_new(&mo, &s->manager);
        if (r >= 0)
                r = manager_load(s->manager);
        if (r < 0)
                return log_error_errno(r, "Failed to read the job files in %s: %m", arg_common.config_dir);
        r = api_attach(s->api, s->manager);
        if (r < 0)
                return log_error_errno(r, "Failed to set up the objects: %m");
        s->idle_usec = arg_idle_usec != USEC_INFINITY        ? arg_idle_usec :
                       started_on_demand(have_sockets) ? IDLE_DEFAULT_USEC :
                                                               0;
        r = open_doors(s, have_sockets);
        if (r < 0)
                return r;
        if (s->idle_usec > 0) {
                r = sd_event_add_time_relative(s->event, &s->idle, CLOCK_MONOTONIC, s->idle_usec, 0, on_idle, s);
                if (r < 0)
                        return log_error_errno(r, "Failed to set up the event loop: %m");
        }
        (void) sd_notify(0, "READY=1");
        r = sd_event_loop(s->event);
        return r < 0 ? log_error_errno(r, "The event loop failed: %m") : r;
}

static int print_introspection(const char *path) {
        _cleanup_free_ char *xml = NULL;
        int r;

        r = api_introspect(path, &xml);
        if (r < 0)
                return log_error_errno(r, "Nothing is at %s: %m", path);
        return fputs(xml, stdout) < 0 || fflush(stdout) != 0 ? -EIO : 0;
}

int main(int argc, char *argv[]) {
        static const Option own[] = {
                { .name = "launch", .argument = "systemd|direct", .parse = parse_launch,
                  .help = N_("Start cycles as units (systemd), or as children (direct)") },
                { .name = "idle-exit", .argument = "TIME", .parse = parse_idle,
                  .help = N_("Leave when unused for so long; infinity: never") },
                { .name = "exec-dir", .argument = "DIR", .value = &arg_exec_dir,
                  .help = N_("Where reprieve-cycle and reprieve-notify are; beside this program by default") },
                { .name = "bus-introspect", .argument = "PATH", .value = &arg_introspect,
                  .help = N_("Print what is at this object path on the bus, and leave") },
                {},
        };
        static const OptionsHelp help = {
                .program = "reprieved",
                .usage = N_("[OPTION…]"),
                .summary = N_("The service of Reprieve: jobs, reviews and decisions on D-Bus."),
                .manual = "reprieved(8)",
        };
        Service s = {};
        int r;

        (void) setlocale(LC_ALL, "");
        (void) bindtextdomain(PACKAGE, LOCALEDIR);
        (void) textdomain(PACKAGE);
        log_setup("reprieved");
        r = options_parse(argc, argv, &help, own, &arg_common, NULL);
        if (r == OPTIONS_DONE)
                return EXIT_SUCCESS;
        if (r < 0)
                return 2;
        if (arg_introspect)
                return print_introspection(arg_introspect) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        r = run(&s);
        /* The doors first: nothing may arrive for jobs that are gone. */
        (void) api_free(s.api);
        (void) manager_free(s.manager);
        (void) sd_event_source_unref(s.idle);
        (void) sd_event_source_unref(s.drain);
        (void) sd_event_source_unref(s.status);
        (void) sd_event_unref(s.event);
        return r < 0 ? EXIT_FAILURE : r;
}
