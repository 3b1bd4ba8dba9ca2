/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The other side, for programs without an event loop: blocking calls with time limits, and waiting for signals. */

#include <stdbool.h>
#include <stdint.h>

#include "bus-error.h"
#include "bus-message.h"
#include "error.h"

typedef struct BusClient BusClient;

/**
 * bus_client_connect() - to the service that owns @destination
 * @address: "system", "session", a D-Bus address, or the absolute path of the service's private endpoint
 *
 * A path, and an address whose bus says Hello but is no bus, have no names: @destination is ignored there.
 * Errors: -errno; error->id is the D-Bus error name, error->code -bus_error_to_errno().
 */
int bus_client_connect(const char *address, const char *destination, BusClient **ret, Error **ret_error);
BusClient *bus_client_free(BusClient *c);
DEFINE_CLEANUP(BusClient *, bus_client_free)

/**
 * bus_client_call() - call a method and wait for its reply
 * @timeout_usec: USEC_INFINITY for calls that may ask the user for a password
 * @ret_reply: may be NULL; to be read with bus_message_read()
 * @types: arguments as bus_message_append()
 *
 * Interactive authorisation is allowed. Errors: -errno with error->id (D-Bus error name) and error->text as the
 * service said it; bus_error_from_name(error->id) for a switch.
 */
int bus_client_call(BusClient *c, const char *path, const char *interface, const char *member, uint64_t timeout_usec,
                    BusMessage **ret_reply, Error **ret_error, const char *types, ...);
/** bus_client_message() and bus_client_send() - the same in two steps, for arguments with arrays */
int bus_client_message(BusClient *c, const char *path, const char *interface, const char *member, BusMessage **ret);
int bus_client_send(BusClient *c, BusMessage *m, uint64_t timeout_usec, BusMessage **ret_reply, Error **ret_error);

/** bus_client_get_property() - the message is positioned inside the variant, whose type is checked by reading */
int bus_client_get_property(BusClient *c, const char *path, const char *interface, const char *property,
                            BusMessage **ret, Error **ret_error);
/** bus_client_set_property() - @types is the property's signature */
int bus_client_set_property(BusClient *c, const char *path, const char *interface, const char *property,
                            Error **ret_error, const char *types, ...);

/** bus_client_subscribe() - receive the service's signals from @path and below; subscribe before the call that
 * causes them. Also gives NameOwnerChanged of org.freedesktop.DBus when the service comes or goes. */
int bus_client_subscribe(BusClient *c, const char *path, Error **ret_error);

/* No signal came in time. */
#define BUS_CLIENT_TIMEOUT 1
/**
 * bus_client_wait() - the next signal, in order
 *
 * Errors: BUS_CLIENT_TIMEOUT; -EINTR when a signal handler of the program ran; -ECONNRESET when the connection ended;
 * -ENOMEM.
 */
int bus_client_wait(BusClient *c, uint64_t timeout_usec, BusMessage **ret);
