/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <sys/epoll.h>

#include "bus-internal.h"
#include "time-util.h"

/* libdbus asks for two watches on one descriptor, and epoll takes a descriptor once: so there is one slot a
 * descriptor with both watches and one event source, which is off when no watch is enabled (epoll reports HUP even
 * for an empty mask). Handling a watch may remove it, close the descriptor and free the connection: the slot is
 * marked busy and freed afterwards. libdbus holds the connection's lock while it calls add, remove and toggle, so
 * these touch event sources only.
 *
 * Dispatching is one message a turn, or a few where each is quickly done with, from a defer source. The source is one-shot and armed again, because sd-event
 * runs the oldest of equal priority first and a defer source that stays on never gets younger: it would starve the
 * rest. */

#define PAUSE_USEC USEC_PER_SEC

typedef struct Loop {
        sd_event *event;
        DBusConnection *connection; /* not owned; one of the two */
        bool noted;
        DBusServer *server;
        struct Slot *slots;
        sd_event_source *dispatch;
        sd_event_source *pause;
        const unsigned *n_accepted;
} Loop;

typedef struct Slot {
        Loop *loop;
        int fd;
        DBusWatch *watches[2];
        sd_event_source *source;
        bool busy;
        struct Slot *next;
} Slot;

typedef struct TimeoutSlot {
        DBusTimeout *timeout; /* NULL once removed */
        sd_event_source *source;
        bool busy;
} TimeoutSlot;

static dbus_int32_t connection_data_slot = -1, server_data_slot = -1;

static void slot_free(Slot *slot) {
        sd_event_source_unref(slot->source);
        free(slot);
}

static void slot_update(Slot *slot) {
        uint32_t mask = 0;

        for (size_t i = 0; i < 2; i++)
                if (slot->watches[i] && dbus_watch_get_enabled(slot->watches[i])) {
                        unsigned flags = dbus_watch_get_flags(slot->watches[i]);

                        mask |= (flags & DBUS_WATCH_READABLE ? EPOLLIN : 0) |
                                (flags & DBUS_WATCH_WRITABLE ? EPOLLOUT : 0);
                }
        if (mask)
                (void) sd_event_source_set_io_events(slot->source, mask);
        (void) sd_event_source_set_enabled(slot->source, mask ? SD_EVENT_ON : SD_EVENT_OFF);
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata) {
        Loop *loop = userdata;

        for (Slot *slot = loop->slots; slot; slot = slot->next)
                slot_update(slot);
        return 0;
}

/* libdbus drops the error of accept(2), and a connection that cannot be accepted for want of descriptors stays
 * readable: without a pause this would spin until somebody closes one. */
static void server_pause(Loop *loop) {
        for (Slot *slot = loop->slots; slot; slot = slot->next)
                (void) sd_event_source_set_enabled(slot->source, SD_EVENT_OFF);
        loop->pause = sd_event_source_unref(loop->pause);
        (void) sd_event_add_time_relative(loop->event, &loop->pause, CLOCK_MONOTONIC, PAUSE_USEC, 0, on_pause_over,
                                          loop);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Slot *slot = userdata;
        Loop *loop = slot->loop;
        DBusConnection *connection = loop->connection;
        DBusServer *server = loop->server;
        unsigned flags, before = loop->n_accepted ? *loop->n_accepted : 0;

        flags = (revents & EPOLLIN ? DBUS_WATCH_READABLE : 0) | (revents & EPOLLOUT ? DBUS_WATCH_WRITABLE : 0) |
                (revents & EPOLLERR ? DBUS_WATCH_ERROR : 0) | (revents & EPOLLHUP ? DBUS_WATCH_HANGUP : 0);
        if (connection)
                dbus_connection_ref(connection);
        if (server)
                dbus_server_ref(server);
        slot->busy = true;
        for (size_t i = 0; i < 2; i++) {
                DBusWatch *watch = slot->watches[i];
                unsigned mine;

                if (!watch || !dbus_watch_get_enabled(watch))
                        continue;
                mine = flags & (dbus_watch_get_flags(watch) | DBUS_WATCH_ERROR | DBUS_WATCH_HANGUP);
                if (mine)
                        (void) dbus_watch_handle(watch, mine);
        }
        slot->busy = false;
        if (!slot->watches[0] && !slot->watches[1])
                slot_free(slot);
        else if (loop->n_accepted && *loop->n_accepted == before)
                server_pause(loop);
        if (connection)
                dbus_connection_unref(connection);
        if (server)
                dbus_server_unref(server);
        return 0;
}

static dbus_bool_t add_watch(DBusWatch *watch, void *data) {
        Loop *loop = data;
        int fd = dbus_watch_get_unix_fd(watch);
        Slot *slot;

        for (slot = loop->slots; slot; slot = slot->next)
                if (slot->fd == fd && (!slot->watches[0] || !slot->watches[1]))
                        break;
        if (!slot) {
                slot = calloc(1, sizeof(*slot));
                if (!slot)
                        return FALSE;
                slot->loop = loop;
                slot->fd = fd;
                if (sd_event_add_io(loop->event, &slot->source, fd, 0, on_io, slot) < 0) {
                        free(slot);
                        return FALSE;
                }
                slot->next = loop->slots;
                loop->slots = slot;
        }
        slot->watches[slot->watches[0] ? 1 : 0] = watch;
        dbus_watch_set_data(watch, slot, NULL);
        slot_update(slot);
        return TRUE;
}

static void remove_watch(DBusWatch *watch, void *data) {
        Loop *loop = data;
        Slot *slot = dbus_watch_get_data(watch);

        if (!slot)
                return;
        dbus_watch_set_data(watch, NULL, NULL);
        for (size_t i = 0; i < 2; i++)
                if (slot->watches[i] == watch)
                        slot->watches[i] = NULL;
        if (slot->watches[0] || slot->watches[1]) {
                slot_update(slot);
                return;
        }
        /* The descriptor may be closed as soon as we return: epoll must forget it now. */
        slot->source = sd_event_source_disable_unref(slot->source);
        for (Slot **p = &loop->slots; *p; p = &(*p)->next)
                if (*p == slot) {
                        *p = slot->next;
                        break;
                }
        if (!slot->busy)
                slot_free(slot);
}

static void toggle_watch(DBusWatch *watch, void *data) {
        Slot *slot = dbus_watch_get_data(watch);

        if (slot)
                slot_update(slot);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        TimeoutSlot *slot = userdata;

        slot->busy = true;
        (void) dbus_timeout_handle(slot->timeout);
        slot->busy = false;
        if (!slot->timeout) {
                free(slot);
                return 0;
        }
        /* It fires each interval until it is removed. */
        if (dbus_timeout_get_enabled(slot->timeout)) {
                (void) sd_event_source_set_time_relative(source, (uint64_t) dbus_timeout_get_interval(slot->timeout) *
                                                                         USEC_PER_MSEC);
                (void) sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }
        return 0;
}

static dbus_bool_t add_timeout(DBusTimeout *timeout, void *data) {
        Loop *loop = data;
        TimeoutSlot *slot = calloc(1, sizeof(*slot));

        if (!slot)
                return FALSE;
        if (sd_event_add_time_relative(loop->event, &slot->source, CLOCK_MONOTONIC,
                                       (uint64_t) dbus_timeout_get_interval(timeout) * USEC_PER_MSEC, 0, on_timeout,
                                       slot) < 0) {
                free(slot);
                return FALSE;
        }
        slot->timeout = timeout;
        dbus_timeout_set_data(timeout, slot, NULL);
        if (!dbus_timeout_get_enabled(timeout))
                (void) sd_event_source_set_enabled(slot->source, SD_EVENT_OFF);
        return TRUE;
}

static void remove_timeout(DBusTimeout *timeout, void *data) {
        TimeoutSlot *slot = dbus_timeout_get_data(timeout);

        if (!slot)
                return;
        dbus_timeout_set_data(timeout, NULL, NULL);
        slot->source = sd_event_source_disable_unref(slot->source);
        slot->timeout = NULL;
        if (!slot->busy)
                free(slot);
}

static void toggle_timeout(DBusTimeout *timeout, void *data) {
        TimeoutSlot *slot = dbus_timeout_get_data(timeout);

        if (!slot)
                return;
        (void) sd_event_source_set_time_relative(slot->source,
                                                 (uint64_t) dbus_timeout_get_interval(timeout) * USEC_PER_MSEC);
        (void) sd_event_source_set_enabled(slot->source,
                                           dbus_timeout_get_enabled(timeout) ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static void on_dispatch_status(DBusConnection *c, DBusDispatchStatus status, void *data) {
        Loop *loop = data;

        (void) sd_event_source_set_enabled(loop->dispatch,
                                           status == DBUS_DISPATCH_COMPLETE ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static int on_dispatch(sd_event_source *source, void *userdata) {
        Loop *loop = userdata;
        DBusConnection *c = dbus_connection_ref(loop->connection);
        DBusDispatchStatus status = DBUS_DISPATCH_DATA_REMAINS;
        bool attached = true;

        sd_event_source_ref(source);
        for (unsigned n = loop->noted ? BUS_NOTED_PER_TURN : 1; n > 0 && attached && status == DBUS_DISPATCH_DATA_REMAINS; n--) {
                status = dbus_connection_dispatch(c);
                attached = dbus_connection_get_data(c, connection_data_slot) == loop;
        }
        if (attached)
                (void) sd_event_source_set_enabled(source, status == DBUS_DISPATCH_COMPLETE ? SD_EVENT_OFF
                                                                                             : SD_EVENT_ONESHOT);
        sd_event_source_unref(source);
        dbus_connection_unref(c);
        return 0;
}

static void loop_free(void *data) {
        Loop *loop = data;

        if (loop->dispatch)
                (void) sd_event_source_set_enabled(loop->dispatch, SD_EVENT_OFF);
        sd_event_source_unref(loop->dispatch);
        sd_event_source_disable_unref(loop->pause);
        sd_event_unref(loop->event);
        free(loop);
}

static Loop *loop_new(sd_event *event) {
        Loop *loop = calloc(1, sizeof(*loop));

        if (loop)
                loop->event = sd_event_ref(event);
        return loop;
}

int bus_loop_attach(sd_event *event, DBusConnection *c, bool noted) {
        Loop *loop = loop_new(event);
        int r;

        if (!loop)
                return -ENOMEM;
        loop->connection = c;
        loop->noted = noted;
        r = sd_event_add_defer(event, &loop->dispatch, on_dispatch, loop);
        if (r < 0) {
                loop_free(loop);
                return r;
        }
        (void) sd_event_source_set_enabled(loop->dispatch, SD_EVENT_OFF);
        if (!dbus_connection_allocate_data_slot(&connection_data_slot) ||
            !dbus_connection_set_data(c, connection_data_slot, loop, NULL)) {
                loop_free(loop);
                return -ENOMEM;
        }
        if (!dbus_connection_set_watch_functions(c, add_watch, remove_watch, toggle_watch, loop, NULL) ||
            !dbus_connection_set_timeout_functions(c, add_timeout, remove_timeout, toggle_timeout, loop, NULL)) {
                bus_loop_detach(c);
                return -ENOMEM;
        }
        dbus_connection_set_dispatch_status_function(c, on_dispatch_status, loop, NULL);
        /* Messages may have come in during a blocking call before. */
        on_dispatch_status(c, dbus_connection_get_dispatch_status(c), loop);
        return 0;
}

void bus_loop_detach(DBusConnection *c) {
        Loop *loop = connection_data_slot >= 0 ? dbus_connection_get_data(c, connection_data_slot) : NULL;

        if (!loop)
                return;
        (void) dbus_connection_set_watch_functions(c, NULL, NULL, NULL, NULL, NULL);
        (void) dbus_connection_set_timeout_functions(c, NULL, NULL, NULL, NULL, NULL);
        dbus_connection_set_dispatch_status_function(c, NULL, NULL, NULL);
        (void) dbus_connection_set_data(c, connection_data_slot, NULL, NULL);
        dbus_connection_free_data_slot(&connection_data_slot);
        loop_free(loop);
}

int bus_loop_attach_server(sd_event *event, DBusServer *s, const unsigned *n_accepted) {
        Loop *loop = loop_new(event);

        if (!loop)
                return -ENOMEM;
        loop->server = s;
        loop->n_accepted = n_accepted;
        if (!dbus_server_allocate_data_slot(&server_data_slot) ||
            !dbus_server_set_data(s, server_data_slot, loop, NULL)) {
                loop_free(loop);
                return -ENOMEM;
        }
        if (!dbus_server_set_watch_functions(s, add_watch, remove_watch, toggle_watch, loop, NULL) ||
            !dbus_server_set_timeout_functions(s, add_timeout, remove_timeout, toggle_timeout, loop, NULL)) {
                bus_loop_detach_server(s);
                return -ENOMEM;
        }
        return 0;
}

void bus_loop_detach_server(DBusServer *s) {
        Loop *loop = server_data_slot >= 0 ? dbus_server_get_data(s, server_data_slot) : NULL;

        if (!loop)
                return;
        (void) dbus_server_set_watch_functions(s, NULL, NULL, NULL, NULL, NULL);
        (void) dbus_server_set_timeout_functions(s, NULL, NULL, NULL, NULL, NULL);
        (void) dbus_server_set_data(s, server_data_slot, NULL, NULL);
        dbus_server_free_data_slot(&server_data_slot);
        loop_free(loop);
}
