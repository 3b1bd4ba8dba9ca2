/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tables that say what an object has, and the calls that arrive at it. From the tables follow dispatch, signature
 * checks, introspection, properties and authorisation. Knows nothing of connections and jobs.
 *
 *     static int method_get_job(BusCall *call, void *object, Error **ret_error) {
 *             const char *name;
 *             int r = bus_call_read(call, "s", &name);
 *             if (r < 0)
 *                     return r;
 *             if (!…)
 *                     return bus_call_fail(call, BUS_ERROR_NO_SUCH_JOB, "No job is called %s", name);
 *             return bus_call_write(call, "o", path);
 *     }
 *
 * Tables end with an element whose name is NULL. */

#include <stdbool.h>
#include <sys/types.h>

#include "bus-error.h"
#include "bus-message.h"
#include "cleanup.h"
#include "error.h"

typedef struct BusCall BusCall;
typedef struct BusProperty BusProperty;

/* What a handler returns when it keeps a reference on the call and will answer later. */
#define BUS_CALL_LATER 1

/**
 * BusHandler - a method, or the setter of a property
 * @object: what the object's owner registered or its finder found; valid during the call only
 *
 * 0: the reply is sent with what was written, unless the handler sent it or an error already. BUS_CALL_LATER: see
 * there. < 0: the caller gets the error that belongs to the errno, with the text of *ret_error.
 * A setter reads its value with bus_call_read() like an argument. With an action in the table the handler runs only
 * once the caller is authorised; the object is looked up after that.
 */
typedef int (*BusHandler)(BusCall *call, void *object, Error **ret_error);

/** BusGetter - append the value of @property to @m; one getter may serve many properties by their name.
 * < 0: Get answers with that error, GetAll leaves the property out. */
typedef int (*BusGetter)(BusMessage *m, const BusProperty *property, void *object, Error **ret_error);

enum {
        BUS_PRIVATE = 1 << 0,  /* interface or method: on the private endpoint only */
        BUS_WANT_UID = 1 << 1, /* method: bus_call_get_uid() must work; implied by an action */
};

typedef struct BusMethod {
        const char *name;
        const char *in, *in_names;   /* signature ("" or NULL: none) and names, separated by spaces */
        const char *out, *out_names;
        BusHandler handler;
        unsigned flags;
        const char *action;          /* polkit action, or NULL for none */
} BusMethod;

typedef struct BusSignal {
        const char *name;
        const char *args, *arg_names;
} BusSignal;

typedef enum BusPropertyChange {
        BUS_PROPERTY_EMITS,       /* PropertiesChanged carries the new value */
        BUS_PROPERTY_INVALIDATES, /* PropertiesChanged carries the name */
        BUS_PROPERTY_CONST,
        BUS_PROPERTY_SILENT,
} BusPropertyChange;

struct BusProperty {
        const char *name;
        const char *signature;
        BusGetter get;
        BusHandler set;              /* NULL: read only */
        BusPropertyChange change;
        const char *action;          /* polkit action to set it, or NULL for none */
};

typedef struct BusInterface {
        const char *name;
        const BusMethod *methods;
        const BusSignal *signals;
        const BusProperty *properties;
        unsigned flags;
} BusInterface;

/* Many objects below one path, PREFIX/<escaped name>; nothing to register or unregister, a stale path is unknown. */
typedef struct BusFallback {
        /* The object of that name, or NULL. Borrowed until control returns to the loop. */
        void *(*find)(const char *name, void *userdata);
        /* All names, for introspection and GetManagedObjects; the caller frees the list. Errors: -errno. */
        int (*list)(void *userdata, char ***ret_names);
} BusFallback;

BusCall *bus_call_ref(BusCall *call);
/** bus_call_unref() - the last one answers Failed if nobody did; that is a bug and is logged */
BusCall *bus_call_unref(BusCall *call);
DEFINE_CLEANUP(BusCall *, bus_call_unref)
#define _cleanup_bus_call_ _cleanup_(bus_call_unrefp)

/** bus_call_args() - the arguments, to read; gone (NULL) once the handler returned BUS_CALL_LATER */
BusMessage *bus_call_args(BusCall *call);
/** bus_call_reply() - the reply, to write; NULL for OOM, which bus_message_append() understands */
BusMessage *bus_call_reply(BusCall *call);
#define bus_call_read(call, ...) bus_message_read(bus_call_args(call), __VA_ARGS__)
#define bus_call_write(call, ...) bus_message_append(bus_call_reply(call), __VA_ARGS__)

/** bus_call_finish() - send the reply (in a handler "return 0" does it). Always 0: what cannot be sent (too large,
 * not the signature of the table) becomes an error reply. */
int bus_call_finish(BusCall *call);
/** bus_call_fail() - send an error instead; always 0, so "return bus_call_fail(…)" */
int bus_call_fail(BusCall *call, BusErrorCode code, const char *fmt, ...) _printf_(3, 4);
/** bus_call_fail_errno() - the same for a result < 0 and its text (may be NULL) */
int bus_call_fail_errno(BusCall *call, int r, const Error *error);

/** bus_call_get_uid() - who asks, from the kernel or the bus. Errors: -ENODATA if nobody asked for it (BUS_WANT_UID).
 */
int bus_call_get_uid(BusCall *call, uid_t *ret);
bool bus_call_is_private(const BusCall *call);
const char *bus_call_get_path(const BusCall *call);
const char *bus_call_get_interface(const BusCall *call);
const char *bus_call_get_member(const BusCall *call);
/** bus_call_on_vanish() - once, when the caller of a kept call has gone; the reference stays the keeper's. The
 * callback is not called after the call was answered. */
void bus_call_on_vanish(BusCall *call, void (*callback)(BusCall *call, void *userdata), void *userdata);

/** bus_introspect() - <interface> elements of @interfaces (NULL-terminated) with all their members, for the
 * documentation and its test; the caller frees. Errors: -ENOMEM. */
int bus_introspect(const BusInterface *const *interfaces, char **ret);
