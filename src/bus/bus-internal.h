/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this room share and nobody else may see, libdbus' types among it. */

#include <dbus/dbus.h>
#include <systemd/sd-event.h>

#include "bus-client.h"
#include "bus-message.h"
#include "bus-server.h"
#include "string-util.h"

DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)
DEFINE_CLEANUP(DBusPendingCall *, dbus_pending_call_unref)
#define _cleanup_dbus_message_ _cleanup_(dbus_message_unrefp)

/* What one sender may make us remember. */
#define BUS_CALLS_PER_SENDER 64U
#define BUS_POLKIT_PER_SENDER 16U
#define BUS_CALLS_MAX 1024U
#define BUS_SENDERS_MAX 384U                       /* each costs a match rule; the bus allows 512 */
#define BUS_KEPT_BYTES_MAX ((size_t) 16 * 1024 * 1024) /* libdbus stops reading when 63 MiB are kept */
/* What the calls of one user may take of that, over however many connections: the rest is for the others. */
#define BUS_CALLS_PER_USER 48U
#define BUS_KEPT_BYTES_PER_USER (BUS_KEPT_BYTES_MAX / 8)
/* Of the calls that have arrived and wait for their turn; a system bus allows 128 that expect an answer. */
#define BUS_QUEUED_PER_SENDER 256U
/* Messages of the bus that are noted in one turn of the loop. */
#define BUS_NOTED_PER_TURN 256U
/* The private endpoint. */
#define BUS_PRIVATE_MAX 64U
#define BUS_PRIVATE_PER_UID 32U
#define BUS_PRIVATE_AUTH_USEC (30 * USEC_PER_SEC)
#define BUS_PRIVATE_OUTGOING_MAX (8 * (long) BUS_MESSAGE_SIZE_MAX)
#define BUS_PRIVATE_OURS ":private.0"

/* --- bus-error.c */

/** bus_error_take() - frees @e; the result is negative */
int bus_error_take(DBusError *e, Error **ret_error);

/* --- bus-message.c */

/** bus_message_wrap() - keeps a reference on @m. Errors: -ENOMEM. */
int bus_message_wrap(DBusMessage *m, bool writing, BusMessage **ret);
DBusMessage *bus_message_get_dbus(const BusMessage *m);
/** bus_message_rewind() - read again from the start */
void bus_message_rewind(BusMessage *m);
/** bus_message_seal() - may it be sent? 0, the error that stuck, or -EINVAL with a container still open */
int bus_message_seal(const BusMessage *m);
int bus_message_appendv(BusMessage *m, const char *types, va_list ap);
/** bus_message_append_from() - all that was written into @from, value by value */
int bus_message_append_from(BusMessage *m, const BusMessage *from);
/** bus_message_new_error() - a DBusMessage with a text that is UTF-8; NULL for OOM */
DBusMessage *bus_message_new_error(BusErrorCode code, const char *text);

/* --- bus-loop.c: libdbus' watches and timeouts as event sources */

/** bus_loop_attach() - @noted: messages are only noted when they are handed on (bus-queue.c), not served */
int bus_loop_attach(sd_event *event, DBusConnection *c, bool noted);
void bus_loop_detach(DBusConnection *c);
/** bus_loop_attach_server() - *@n_accepted is watched: a wake-up that does not raise it is a failed accept(2) */
int bus_loop_attach_server(sd_event *event, DBusServer *s, const unsigned *n_accepted);
void bus_loop_detach_server(DBusServer *s);

/* --- the object tree and the doors */

typedef struct Node Node;
typedef struct Conn Conn;
typedef struct Sender Sender;
typedef struct Change Change;
typedef struct Server Server;
typedef struct Queue Queue;

struct Node {
        char *path; /* of the object, or of the folder of a fallback */
        const BusInterface **interfaces;
        void *object; /* or the fallback's userdata */
        const BusFallback *fallback;
        Node *next;
};

/* One who calls: a unique name on the bus, or a private connection. On the bus it is remembered only while there is
 * something to remember: its uid, or a call without an answer. */
struct Sender {
        Conn *conn;
        char *name;
        bool uid_known;
        uid_t uid;
        bool watched; /* a match rule for its end is set */
        unsigned n_calls, n_polkit;
        uint64_t last_used_usec;
        DBusPendingCall *query;
        Sender *next;
};

/* One connection: to the bus, or of one private client. */
struct Conn {
        Bus *bus;
        DBusConnection *c;
        bool private;
        bool doomed; /* to be closed when the loop turns; nothing more is sent */
        bool spoken; /* private: its first message was answered; until then it is told of nothing */
        uid_t uid;
        unsigned id;
        char name[32]; /* private: what we call it; bus: our unique name */
        sd_event_source *auth_timer;
        Sender *senders;
        unsigned n_senders;
        Conn *next;
};

struct Bus {
        sd_event *event;
        BusAuth auth;
        BusHooks hooks;
        void *userdata;
        Node *nodes;
        char **managers;
        Conn *conns;
        Conn *main; /* the connection to the bus, one of conns */
        char *name;
        bool released;
        void (*on_released)(Bus *bus, void *userdata);
        void *on_released_userdata;
        Server *servers;
        unsigned n_private, n_accepted, next_id, next_cancellation;
        Queue *queues, **queues_tail; /* calls that have arrived over the bus; the next sender first */
        sd_event_source *queue_source, *queue_timer;
        BusCall *calls; /* kept ones */
        unsigned n_calls;
        size_t kept_bytes;
        Change *changes, **changes_tail;
        bool flushing;
        sd_event_source *flush_source, *reap_source;
        uint64_t last_activity_usec;
};

typedef enum CallWait {
        CALL_WAIT_NOTHING,
        CALL_WAIT_UID,
        CALL_WAIT_POLKIT,
        CALL_WAIT_HANDLER,
} CallWait;

struct BusCall {
        unsigned n_ref;
        Bus *bus;   /* NULL once it is gone */
        Conn *conn; /* NULL once it is gone */
        Sender *sender;
        DBusMessage *m; /* until the handler keeps the call */
        dbus_uint32_t serial;
        bool no_reply, interactive, private, answered, listed;
        uid_t uid;
        bool uid_known;
        char *sender_name, *path;
        const BusInterface *interface; /* of the method, or of the property that is set */
        const BusMethod *method;
        const BusProperty *property; /* being set */
        BusMessage *args, *reply;
        CallWait wait;
        size_t kept_bytes;
        const char *authorized; /* action that polkit said yes to */
        DBusPendingCall *polkit;
        unsigned cancellation;
        void (*on_vanish)(BusCall *call, void *userdata);
        void *on_vanish_userdata;
        BusCall *prev, *next;
};

/* What a path leads to. */
typedef struct Target {
        Bus *bus;
        Conn *conn;       /* who looks: NULL for nobody in particular */
        uid_t uid;
        const char *path;
        const Node *node; /* NULL for a folder that only has children */
        void *object;
} Target;

/* --- bus-tree.c */
/** tree_find() - false if nothing is there */
bool tree_find(Bus *bus, const char *path, Target *ret);
/** tree_find_node() - without asking whether the object exists */
const Node *tree_find_node(const Bus *bus, const char *path);
bool tree_is_manager(const Bus *bus, const char *path);
/** tree_manager_of() - path of the ObjectManager above @path, or NULL */
const char *tree_manager_of(const Bus *bus, const char *path);
/** tree_children() - names of the next level, without doubles. Errors: -ENOMEM, those of a fallback's list. */
int tree_children(Bus *bus, const char *path, char ***ret);
/** tree_objects_below() - paths of all objects below @path */
int tree_objects_below(Bus *bus, const char *path, char ***ret);
void tree_free(Bus *bus);

const BusInterface *interface_find(const BusInterface **list, const char *name);
const BusMethod *method_find(const BusInterface *i, const char *name);
const BusProperty *property_find(const BusInterface *i, const char *name);
/** interface_visible() - may whoever looks through @conn (NULL: our documentation) know of it? */
bool interface_visible(const Bus *bus, const Conn *conn, const BusInterface *i);

/* --- bus-standard.c: Introspectable, Properties, ObjectManager; the handlers' object is the Target */
extern const BusInterface bus_introspectable, bus_properties, bus_object_manager;
/** bus_append_properties() - "a{sv}" of those that can be read */
int bus_append_properties(BusMessage *m, const Target *t, const BusInterface *i);
int bus_append_property(BusMessage *m, const Target *t, const BusProperty *p, Error **ret_error);
/** bus_append_interfaces() - "a{sa{sv}}" */
int bus_append_interfaces(BusMessage *m, const Target *t);

/* --- bus-signal.c */
/** bus_flush_changes() - send the gathered changes now */
void bus_flush_changes(Bus *bus);
void bus_discard_changes(Bus *bus);
int bus_change_property(Bus *bus, const char *path, const BusInterface *i, const BusProperty *p);

/* --- bus-dispatch.c */
/** bus_dispatch() - run a method call, of a sender that is known */
void bus_dispatch(Conn *conn, DBusMessage *m);
/** bus_call_run() - from the start: look up, check, authorise, handle. Called again after each wait. */
void bus_call_run(BusCall *call);
/** bus_call_keep() - remember it until it is answered. Errors: -EMSGSIZE when there are too many. */
int bus_call_keep(BusCall *call, CallWait wait);
/** bus_call_vanish() - its caller is gone */
void bus_call_vanish(BusCall *call);
/** bus_call_forget() - off the list of kept calls */
void bus_call_forget(BusCall *call);

/* --- bus-queue.c */
int queues_new(Bus *bus);
/** bus_enqueue() - a method call has come over the bus: bus_dispatch() it when it is its sender's turn */
void bus_enqueue(Conn *conn, DBusMessage *m);
/** queues_free() - what waits is not served any more */
void queues_free(Bus *bus);

/* --- bus-sender.c */
/** sender_get() - remember the sender of @call. Errors: -EMSGSIZE when too many others are; -ENOMEM. */
int sender_get(BusCall *call, Sender **ret);
/** sender_query_uid() - ask the bus; the calls waiting for it run when the answer is there */
int sender_query_uid(Sender *s);
void sender_vanished(Conn *conn, const char *name);
void senders_free(Conn *conn);

/* --- bus-polkit.c */
/** polkit_check() - ask; the call runs again, or is refused, when the answer is there. Errors: -EMSGSIZE, -ENOMEM. */
int polkit_check(BusCall *call, const char *action);
void polkit_cancel(BusCall *call);
/** bus_refuse() - tell the caller and the hook */
void bus_refuse(BusCall *call, const char *action, BusErrorCode code, const char *text);

/* --- bus-connection.c */
/** conn_send() - queue @m (not taken) after the gathered changes */
void conn_send(Conn *conn, DBusMessage *m);
/** conn_send_now() - without them */
void conn_send_now(Conn *conn, DBusMessage *m);
/** conn_ask() - send and be told of the reply. Errors: -ENOTCONN, -ENOMEM; then @free_data was not called. */
int conn_ask(Conn *conn, DBusMessage *m, int timeout_msec, DBusPendingCallNotifyFunction notify, void *data,
             DBusFreeFunction free_data, DBusPendingCall **ret);
/** conn_new() - watches, filter, limits; takes a reference on @c */
int conn_new(Bus *bus, DBusConnection *c, bool private, Conn **ret);
/** conn_doom() - close it when the loop turns */
void conn_doom(Conn *conn);
Conn *conn_free(Conn *conn);
/** private_driver() - what a bus answers, for clients that think the private endpoint is one; false if @m is not
 * for the bus */
bool private_driver(Conn *conn, DBusMessage *m);
bool private_access(const Bus *bus, uid_t uid, const char *interface);
/** conn_hears() - is it told of signals of @interface? A client of a bus wants the answer to its Hello before anything else:
 * sd-bus gives up on a connection where a signal is faster. */
bool conn_hears(const Conn *conn, const char *interface);
void servers_free(Bus *bus);
