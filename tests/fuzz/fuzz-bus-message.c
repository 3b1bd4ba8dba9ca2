/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever libdbus takes for a message must be readable without a crash, whatever types the reader hopes for; and
 * what can be read can be copied. */

#include "config.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "bus-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* By what is there. */
static void walk(BusMessage *m, unsigned depth) {
        while (bus_message_more(m)) {
                char type = bus_message_peek(m), types[2] = {type};
                char signature[256];

                if (type == 'v' && bus_message_peek_variant(m, signature) < 0)
                        return;
                if (strchr("a({v", type) && depth < 40) {
                        if (bus_message_enter(m, type, NULL) < 0)
                                return;
                        walk(m, depth + 1);
                        if (bus_message_exit(m) < 0)
                                return;
                } else if (strchr("sog", type)) {
                        const char *s = NULL;

                        if (bus_message_read(m, types, &s) < 0 || !s)
                                return;
                } else {
                        uint64_t any;

                        if (bus_message_read(m, type == 'h' ? "h" : types, type == 'h' ? NULL : &any) < 0)
                                return;
                }
        }
}

/* By what one hopes for. */
static void hope(BusMessage *m) {
        _cleanup_strv_ char **l = NULL;
        const char *a, *b, *c;
        uint32_t u;
        uint64_t t;
        bool flag;

        bus_message_rewind(m);
        if (bus_message_read(m, "as", &l) == 0)
                return;
        bus_message_rewind(m);
        if (bus_message_enter(m, 'a', "(ss)") == 0)
                while (bus_message_more(m))
                        (void) bus_message_read(m, "(ss)", &a, &b);
        bus_message_rewind(m);
        if (bus_message_enter(m, 'a', "{sv}") == 0)
                while (bus_message_more(m))
                        (void) bus_message_read(m, "{sv}", &a, "u", &u);
        bus_message_rewind(m);
        (void) bus_message_read(m, "ssub(stt)v", &a, &b, &u, &flag, &c, &t, &t, "s", &a);
        bus_message_rewind(m);
        (void) bus_message_read(m, "v", "(sv)", &a, "t", &t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_bus_message_ BusMessage *m = NULL, *copy = NULL;
        _cleanup_dbus_message_ DBusMessage *dm = NULL, *scratch = NULL;

        if (size > INT_MAX)
                return 0;
        dm = dbus_message_demarshal((const char *) data, (int) size, NULL);
        if (!dm || bus_message_wrap(dm, false, &m) < 0)
                return 0;
        walk(m, 0);
        hope(m);
        bus_message_rewind(m);
        scratch = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN);
        if (scratch && bus_message_wrap(scratch, true, &copy) == 0)
                (void) bus_message_append_from(copy, m);
        return 0;
}
