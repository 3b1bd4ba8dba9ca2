/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The objects and the two doors to them: a message bus with a name on it, and a private endpoint that works without
 * one. One thread, never blocks once the loop runs. Knows nothing of jobs. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "bus-object.h"
#include "error.h"

typedef struct Bus Bus;

/* Who may call a method, or set a property, that has an action. Root always may. */
typedef enum BusAuth {
        BUS_AUTH_POLKIT, /* whom polkit allows; nobody when there is no polkit, and on the private endpoint */
        BUS_AUTH_SAME_UID_OR_ROOT, /* whoever runs us: for a session bus or a test's own bus */
} BusAuth;

typedef struct BusRefusal {
        const char *sender;
        bool uid_known;
        uid_t uid;
        const char *action;  /* NULL when it was the private endpoint's access rule */
        const char *path, *interface, *member;
        BusErrorCode code;   /* AccessDenied, or InteractiveAuthorizationRequired */
} BusRefusal;

/* Any may be NULL. */
typedef struct BusHooks {
        /* The bus has gone, or our name was taken: leave with a failure status. @why is one sentence. */
        void (*lost)(Bus *bus, const char *why, void *userdata);
        /* Somebody was refused, for the journal. Rate limits are the hook's. */
        void (*refused)(Bus *bus, const BusRefusal *refusal, void *userdata);
        /* Private endpoint: may this uid use this interface (call it, and get its signals)? With @interface NULL: may
         * it connect at all? Without the hook: root and our own uid may do everything. */
        bool (*private_access)(uid_t uid, const char *interface, void *userdata);
} BusHooks;

int bus_new(sd_event *event, BusAuth auth, const BusHooks *hooks, void *userdata, Bus **ret);
/** bus_free() - sends what is queued (at most a second), closes all doors. Kept calls stay valid and go
 * nowhere: to each, its caller has vanished. */
Bus *bus_free(Bus *bus);
DEFINE_CLEANUP(Bus *, bus_free)

/** bus_add_object() - a fixed object; @interfaces is NULL-terminated; the list is copied, the
 * tables are not. Errors: -EINVAL, -EEXIST, -ENOMEM. */
int bus_add_object(Bus *bus, const char *path, const BusInterface *const *interfaces, void *object);
/** bus_add_fallback() - the objects below @prefix, see BusFallback */
int bus_add_fallback(Bus *bus, const char *prefix, const BusInterface *const *interfaces,
                     const BusFallback *fallback, void *userdata);
/** bus_add_object_manager() - ObjectManager at @path for what lies below it */
int bus_add_object_manager(Bus *bus, const char *path);

/**
 * bus_open_bus() - connect, register, own @name
 * @address: "system", "session", or a D-Bus address
 *
 * Blocks: for before the loop starts. Call it after the objects were added.
 * Errors: -errno with a text; -EEXIST when somebody else owns the name.
 */
int bus_open_bus(Bus *bus, const char *address, const char *name, Error **ret_error);
/**
 * bus_listen() - the private endpoint, at "systemd:" (all passed sockets) or "unix:path=…" (made with mode 0600)
 *
 * Consumes $LISTEN_FDS: whoever wants other passed descriptors asks before, with sd_listen_fds_with_names(0, …).
 */
int bus_listen(Bus *bus, const char *address, Error **ret_error);
/** bus_release_name() - give the name up, keep serving; @released runs once no call can arrive any more (at once
 * without a bus). Calls made before that are served first, kept ones may still be open: see bus_is_busy(). */
int bus_release_name(Bus *bus, void (*released)(Bus *bus, void *userdata), void *userdata);

/** BusAnswer - @error_name is NULL for a method return; otherwise with the other side's text. Not called when the
 * connection ends first. */
typedef void (*BusAnswer)(const char *error_name, const char *text, void *userdata);
/** bus_ask() - call a method of another service on the bus, for its effect; nothing is waited for.
 * Errors: -ENOTCONN without a bus, -EINVAL, -ENOMEM; then @answer is not called. */
int bus_ask(Bus *bus, const char *destination, const char *path, const char *interface, const char *member, BusAnswer answer,
            void *userdata, const char *types, ...);

/** bus_is_busy() - calls without an answer, or unsent messages */
bool bus_is_busy(const Bus *bus);
/** bus_get_n_private() - open connections at the private endpoint */
unsigned bus_get_n_private(const Bus *bus);
/** bus_get_last_activity() - clock_monotonic() of the last call or reply */
uint64_t bus_get_last_activity(const Bus *bus);

/** bus_emit_signal() - to everybody who may hear it; @types as bus_message_append(). Errors: -EINVAL, -ENOMEM. */
int bus_emit_signal(Bus *bus, const char *path, const char *interface, const char *member, const char *types, ...);
/** bus_signal_new(), bus_send_signal() - the same in two steps, for arguments with arrays; send does not take @m */
int bus_signal_new(Bus *bus, const char *path, const char *interface, const char *member, BusMessage **ret);
int bus_send_signal(Bus *bus, BusMessage *m);
/**
 * bus_emit_properties_changed() - these properties (NULL-terminated names) have new values
 *
 * Gathered, and sent in one PropertiesChanged an interface when the loop turns or before our next message, whichever
 * is first. The values are read then. Names without a change flag are ignored.
 */
int bus_emit_properties_changed(Bus *bus, const char *path, const char *interface, ...) _sentinel_;
/** bus_emit_added(), bus_emit_removed() - an object appeared or is gone, for the ObjectManager above it. An object
 * added and removed in one turn is not mentioned. */
int bus_emit_added(Bus *bus, const char *path);
int bus_emit_removed(Bus *bus, const char *path);
