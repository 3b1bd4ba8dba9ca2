/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "file-util.h"
#include "process.h"
#include "string-util.h"
#include "tap.h"
#include "time-util.h"

typedef struct Ended {
        sd_event *event;
        int status;
        unsigned n;
} Ended;

static void on_exited(Process *p, int status, void *userdata) {
        Ended *e = userdata;

        e->status = status;
        e->n++;
        (void) sd_event_exit(e->event, 0);
}

static sd_event *new_loop(void) {
        sd_event *event = NULL;
        sigset_t set;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        return sd_event_new(&event) < 0 ? NULL : event;
}

/* Runs a shell line; its output; the status in *ret. */
static char *shell(const char *line, int *ret) {
        char *argv[] = { (char *) "/bin/sh", (char *) "-c", (char *) line, NULL };
        const char *path = tap_write_file("out", "", 0);
        Ended e = { .event = new_loop() };
        Process *p = NULL;
        char *text = NULL;
        int fd;

        fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        if (process_spawn(e.event, argv, fd, fd, on_exited, &e, &p) >= 0)
                (void) sd_event_loop(e.event);
        (void) process_free(p);
        (void) sd_event_unref(e.event);
        (void) close(fd);
        (void) file_read_full(path, 1 << 20, &text, NULL);
        *ret = e.status;
        return text;
}

static bool on_valgrind(void) {
        return strstr(strempty(getenv("LD_PRELOAD")), "vgpreload");
}

TEST(a_child_has_its_output_its_status_and_no_descriptor_of_ours) {
        _cleanup_free_ char *text = NULL;
        int status;

        if (on_valgrind())
                SKIP("valgrind has descriptors of its own");
        text = shell("echo out; echo err >&2; ls /proc/$$/fd; exit 7", &status);
        CHECK_INT(status, 7);
        CHECK_STR(text, "out\nerr\n0\n1\n2\n");
}

TEST(a_child_does_not_get_what_systemd_said_to_us) {
        _cleanup_free_ char *text = NULL;
        int status;

        (void) setenv("NOTIFY_SOCKET", "/x", 1);
        (void) setenv("LISTEN_FDS", "1", 1);
        (void) setenv("KEPT", "yes", 1);
        text = shell("echo \"$NOTIFY_SOCKET$LISTEN_FDS$KEPT\"", &status);
        (void) unsetenv("NOTIFY_SOCKET");
        (void) unsetenv("LISTEN_FDS");
        CHECK_STR(text, "yes\n");
}

TEST(a_child_has_no_blocked_or_ignored_signals) {
        _cleanup_free_ char *text = NULL;
        int status;

        (void) signal(SIGPIPE, SIG_IGN);
        /* 32 and 33 are glibc's own, and posix_spawn(3) sees to them */
        text = shell("for s in $(sed -nE 's/Sig(Blk|Ign):.*(.{16})/\\2/p' /proc/self/status); do echo $((0x$s & "
                     "0x7fffffff)); done",
                     &status);
        (void) signal(SIGPIPE, SIG_DFL);
        CHECK_STR(text, "0\n0\n");
}

TEST(a_child_that_a_signal_ended_has_128_and_the_signal) {
        _cleanup_free_ char *text = NULL;
        int status;

        text = shell("kill -9 $$", &status);
        CHECK_INT(status, 128 + SIGKILL);
}

TEST(a_program_that_is_not_there_is_an_error_at_once) {
        char *argv[] = { (char *) "/nonexistent", NULL };
        sd_event *event = NULL;
        Process *p = NULL;

        if (on_valgrind())
                SKIP("valgrind's vfork(2) is a fork(2): the child's exec error gets lost");
        event = new_loop();
        CHECK_INT(process_spawn(event, argv, -1, -1, on_exited, NULL, &p), -ENOENT);
        CHECK(!p);
        CHECK(waitpid(-1, NULL, WNOHANG) < 0);
        (void) sd_event_unref(event);
}

TEST(a_child_that_does_not_listen_is_killed_after_its_grace) {
        char *argv[] = {(char *) "/bin/sh", (char *) "-c", (char *) "trap '' TERM; echo; while :; do sleep 0.1; done",
                        NULL};
        Ended e = { .event = new_loop() };
        uint64_t begin;
        Process *p = NULL;

        CHECK_INT(process_spawn(e.event, argv, -1, -1, on_exited, &e, &p), 0);
        (void) usleep(100 * 1000);
        begin = clock_monotonic();
        process_terminate(p, 200 * USEC_PER_MSEC);
        process_terminate(p, 100 * USEC_PER_SEC);
        (void) sd_event_loop(e.event);
        CHECK_INT(e.status, 128 + SIGKILL);
        CHECK(clock_monotonic() - begin >= 200 * USEC_PER_MSEC);
        CHECK(clock_monotonic() - begin < 20 * USEC_PER_SEC);
        (void) process_free(p);
        (void) sd_event_unref(e.event);
}

TEST(a_process_that_is_freed_is_killed_and_leaves_no_zombie) {
        char *argv[] = { (char *) "/bin/sleep", (char *) "100", NULL };
        sd_event *event = new_loop();
        Process *p = NULL;

        CHECK_INT(process_spawn(event, argv, -1, -1, on_exited, NULL, &p), 0);
        (void) process_free(p);
        CHECK(waitpid(-1, NULL, WNOHANG) < 0);
        (void) sd_event_unref(event);
}
