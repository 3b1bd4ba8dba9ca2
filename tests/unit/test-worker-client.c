/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tap.h"
#include "time-util.h"
#include "worker-client.h"

/* What it says to a real service, tests/service/test-lifecycle.py sees. Here: it is in nobody's way. */

static int listen_at(const char *path) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void) snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
        (void) unlink(path);
        if (bind(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0 || listen(fd, 5) < 0)
                return -1;
        return fd;
}

TEST(without_a_service_there_is_nothing_to_do) {
        WorkerClient *w = (WorkerClient *) 1;

        CHECK_INT(worker_client_new("/nonexistent", "staff", "x", &w), 0);
        CHECK(!w);
        worker_client_progress(w, "import", 1, 2);
        CHECK(!worker_client_free(w));
}

TEST(a_service_that_never_answers_costs_no_more_than_the_farewell) {
        WorkerClient *w = NULL;
        char path[4096];
        uint64_t begin;
        int fd;

        (void) snprintf(path, sizeof(path), "%s/bus", tap_tmpdir());
        fd = listen_at(path);
        CHECK(fd >= 0);
        begin = clock_monotonic();
        CHECK_INT(worker_client_new(tap_tmpdir(), "staff", "0123456789abcdef0123456789abcdef", &w), 0);
        for (unsigned i = 0; i < 100000; i++)
                worker_client_progress(w, "import", i, 100000);
        CHECK(clock_monotonic() - begin < 2 * USEC_PER_SEC);
        begin = clock_monotonic();
        (void) worker_client_free(w);
        CHECK(clock_monotonic() - begin < 2 * USEC_PER_SEC);
        (void) close(fd); /* the thread wakes up and ends */
        (void) usleep(200 * 1000);
}

TEST(a_socket_that_nobody_serves_is_as_none) {
        WorkerClient *w = NULL;
        char path[4096];

        (void) snprintf(path, sizeof(path), "%s/bus", tap_tmpdir());
        (void) close(listen_at(path));
        CHECK_INT(worker_client_new(tap_tmpdir(), "staff", "0123456789abcdef0123456789abcdef", &w), 0);
        worker_client_progress(w, "import", 1, 2);
        (void) worker_client_free(w);
}
