/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* call-fd ADDRESS PATH INTERFACE MEMBER [STRING]: calls a method that answers with a descriptor, and prints what is
 * in it. busctl shows the number only. Exits 3 with the error's name and text on stderr. */

#include <stdio.h>
#include <unistd.h>

#include "bus-client.h"
#include "time-util.h"

int main(int argc, char *argv[]) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;
        _cleanup_bus_message_ BusMessage *reply = NULL;
        _cleanup_error_ Error *error = NULL;
        _cleanup_close_ int fd = -1;
        char buf[4096];
        ssize_t n;
        int r;

        if (argc < 5)
                return 2;
        r = bus_client_connect(argv[1], "org.reprieve1", &c, &error);
        if (r >= 0)
                r = bus_client_call(c, argv[2], argv[3], argv[4], 20 * USEC_PER_SEC, &reply, &error,
                                    argc > 5 ? "s" : "", argv[5]);
        if (r >= 0)
                r = bus_message_read(reply, "h", &fd);
        if (r < 0) {
                fprintf(stderr, "%s: %s\n", error && error->id ? error->id : "?", error_text(error, r));
                return 3;
        }
        while ((n = read(fd, buf, sizeof(buf))) > 0)
                (void) fwrite(buf, 1, (size_t) n, stdout);
        return 0;
}
