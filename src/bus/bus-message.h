/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Messages, written and read so that neither our data nor a peer's can make libdbus abort: every append is validated,
 * every read is checked against the type that is there. Knows nothing of objects or connections.
 *
 * Errors stick: after the first failed append or read of a message every further one returns the same error, so a run
 * of calls needs one check. Type strings are those of D-Bus:
 *
 *   y b n q i u x t d   uint8_t, bool, int16_t, uint16_t, int32_t, uint32_t, int64_t, uint64_t, double (read: pointer
 * to it) s o g               const char *; read: const char ** borrowed from the message h                   int fd;
 * append duplicates it, read hands out a new one that the caller closes as                  char *const *,
 * NULL-terminated (NULL is empty); read: char *** owned by the caller (…) {…}             a struct or dict entry: its
 * members as arguments in turn v                   const char *signature, then the arguments of that signature
 *
 * so "a(sso)" is written as bus_message_open(m, 'a', "(sso)"), n times bus_message_append(m, "(sso)", …),
 * bus_message_close(m). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"

/* A message above this is refused with -EMSGSIZE (LimitsExceeded); what may be longer goes through a descriptor. */
#define BUS_MESSAGE_SIZE_MAX ((size_t) 1024 * 1024)

typedef struct BusMessage BusMessage;

BusMessage *bus_message_ref(BusMessage *m);
BusMessage *bus_message_unref(BusMessage *m);
DEFINE_CLEANUP(BusMessage *, bus_message_unref)
#define _cleanup_bus_message_ _cleanup_(bus_message_unrefp)

/* Header fields; NULL where the message has none. Borrowed. */
const char *bus_message_get_path(const BusMessage *m);
const char *bus_message_get_interface(const BusMessage *m);
const char *bus_message_get_member(const BusMessage *m);
const char *bus_message_get_signature(const BusMessage *m);
bool bus_message_is_signal(const BusMessage *m, const char *interface, const char *member);

/**
 * bus_message_append() - append arguments of @types (see above)
 *
 * A string that is no UTF-8 is repaired with U+FFFD and NULL becomes ""; a bad path or signature is refused; any
 * non-zero boolean is true. @m may be NULL (a message that could not be made): -ENOMEM.
 *
 * Errors: -EINVAL bad path, signature, or not the type that the open container wants; -EMSGSIZE; -ENOMEM.
 */
int bus_message_append(BusMessage *m, const char *types, ...);
/** bus_message_open() - begin 'a' array, '(' struct, '{' dict entry or 'v' variant with these @contents */
int bus_message_open(BusMessage *m, char type, const char *contents);
int bus_message_close(BusMessage *m);
/** bus_message_append_counts() - "a{st}" from parallel arrays */
int bus_message_append_counts(BusMessage *m, const char *const *names, const uint64_t *values, size_t n);

/**
 * bus_message_read() - read arguments of @types (see above); any out pointer may be NULL
 *
 * Errors: -EBADMSG when there is another type or nothing more; -ENOMEM; -EMFILE and others from duplicating an fd.
 * What was read before the error stays read (and owned).
 */
int bus_message_read(BusMessage *m, const char *types, ...);
/** bus_message_enter() - go into a container; @contents NULL accepts any. Errors: as bus_message_read(). */
int bus_message_enter(BusMessage *m, char type, const char *contents);
/** bus_message_exit() - leave it, skipping what was not read */
int bus_message_exit(BusMessage *m);
/** bus_message_more() - is there something more in this container? false too after an error */
bool bus_message_more(BusMessage *m);
/** bus_message_skip() - pass over one value of whatever type */
int bus_message_skip(BusMessage *m);
/** bus_message_peek() - type of the next value ('(' and '{' for struct and dict entry), 0 at the end */
char bus_message_peek(BusMessage *m);
/** bus_message_peek_variant() - signature of what is in the variant that comes next, into @buf. Errors: -EBADMSG. */
int bus_message_peek_variant(BusMessage *m, char buf[static 256]);
/** bus_message_status() - 0, or the error that stuck */
int bus_message_status(const BusMessage *m);

/** bus_path_encode() - prefix/escaped name, as sd_bus_path_encode(3). Errors: -EINVAL, -ENOMEM. */
int bus_path_encode(const char *prefix, const char *name, char **ret);
/** bus_path_decode() - the name in a path made by bus_path_encode(), NULL in *ret if it is none. Errors: -ENOMEM. */
int bus_path_decode(const char *path, const char *prefix, char **ret);
