/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "bus-internal.h"
#include "time-util.h"

/* The calls that came over the bus, in the order in which they are served. There all clients share one connection, so
 * whoever sends ten thousand calls would make everybody wait for their answers. Hence what arrives is first noted,
 * which is quick, and then served: one call of the next sender at a time. Who has too many waiting is refused. A
 * private client has a connection of its own, which libdbus limits, and needs none of this. */

/* While more arrives, or private clients keep the loop busy, one call is served in so long. */
#define SERVE_EVERY_USEC (20 * USEC_PER_MSEC)

typedef struct Waiting Waiting;

struct Waiting {
        DBusMessage *m;
        Waiting *next;
};

struct Queue {
        char *sender;
        Waiting *first, **tail;
        unsigned n;
        Queue *next;
};

static Queue *queue_free(Queue *q) {
        while (q->first) {
                Waiting *w = q->first;

                q->first = w->next;
                dbus_message_unref(w->m);
                free(w);
        }
        free(q->sender);
        free(q);
        return NULL;
}

void queues_free(Bus *bus) {
        while (bus->queues) {
                Queue *q = bus->queues;

                bus->queues = q->next;
                (void) queue_free(q);
        }
        bus->queues_tail = &bus->queues;
}

static void append(Bus *bus, Queue *q) {
        q->next = NULL;
        *bus->queues_tail = q;
        bus->queues_tail = &q->next;
}

static Queue *take_first(Bus *bus) {
        Queue *q = bus->queues;

        if (q) {
                bus->queues = q->next;
                if (!bus->queues)
                        bus->queues_tail = &bus->queues;
        }
        return q;
}

static void serve_next(Bus *bus) {
        _cleanup_dbus_message_ DBusMessage *m = NULL;
        Queue *q = take_first(bus);
        Waiting *w;

        if (!q)
                return;
        w = q->first;
        m = w->m;
        q->first = w->next;
        free(w);
        if (--q->n > 0)
                append(bus, q);
        else
                (void) queue_free(q);
        if (bus->main)
                bus_dispatch(bus->main, m);
}

/* Nothing else is to be done. */
static int on_quiet(sd_event_source *source, void *userdata) {
        Bus *bus = userdata;

        serve_next(bus);
        return bus->queues ? sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) : 0;
}

/* Others keep the loop busy. */
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Bus *bus = userdata;

        serve_next(bus);
        if (!bus->queues)
                return 0;
        (void) sd_event_source_set_time_relative(source, SERVE_EVERY_USEC);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int start_serving(Bus *bus) {
        int enabled;

        (void) sd_event_source_get_enabled(bus->queue_timer, &enabled);
        if (enabled == SD_EVENT_OFF) {
                (void) sd_event_source_set_time_relative(bus->queue_timer, SERVE_EVERY_USEC);
                (void) sd_event_source_set_enabled(bus->queue_timer, SD_EVENT_ONESHOT);
        }
        return sd_event_source_set_enabled(bus->queue_source, SD_EVENT_ONESHOT);
}

int queues_new(Bus *bus) {
        int r;

        bus->queues_tail = &bus->queues;
        r = sd_event_add_defer(bus->event, &bus->queue_source, on_quiet, bus);
        if (r >= 0)
                r = sd_event_source_set_priority(bus->queue_source, SD_EVENT_PRIORITY_NORMAL + 1);
        if (r >= 0)
                r = sd_event_source_set_enabled(bus->queue_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time_relative(bus->event, &bus->queue_timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC,
                                               on_timer, bus);
        if (r >= 0)
                r = sd_event_source_set_priority(bus->queue_timer, SD_EVENT_PRIORITY_NORMAL - 1);
        return r < 0 ? r : sd_event_source_set_enabled(bus->queue_timer, SD_EVENT_OFF);
}

static int add(Bus *bus, const char *sender, DBusMessage *m) {
        Waiting *w;
        Queue *q;

        for (q = bus->queues; q && !streq(q->sender, sender);)
                q = q->next;
        if (q && q->n >= BUS_QUEUED_PER_SENDER)
                return -EMSGSIZE;
        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        if (!q) {
                q = calloc(1, sizeof(*q));
                if (q)
                        q->sender = strdup(sender);
                if (!q || !q->sender) {
                        free(q);
                        free(w);
                        return -ENOMEM;
                }
                q->tail = &q->first;
                append(bus, q);
        }
        w->m = dbus_message_ref(m);
        *q->tail = w;
        q->tail = &w->next;
        q->n++;
        return start_serving(bus);
}

void bus_enqueue(Conn *conn, DBusMessage *m) {
        _cleanup_dbus_message_ DBusMessage *error = NULL;
        const char *sender = dbus_message_get_sender(m);
        int r;

        /* A bus always says who, and that is where answers go. */
        if (!sender || !dbus_validate_bus_name(sender, NULL))
                return;
        r = add(conn->bus, sender, m);
        if (r >= 0 || dbus_message_get_no_reply(m))
                return;
        error = bus_message_new_error(bus_error_from_errno(r), r == -EMSGSIZE ? "Too many calls wait for an answer"
                                                                               : "Out of memory");
        if (error && dbus_message_set_reply_serial(error, dbus_message_get_serial(m)) &&
            dbus_message_set_destination(error, sender)) {
                dbus_message_set_no_reply(error, TRUE);
                conn_send(conn, error);
        }
}
