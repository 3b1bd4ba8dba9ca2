/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "file-util.h"
#include "tap.h"

TEST(an_atomic_write_replaces_the_whole_file) {
        const char *path = tap_write_file("atomic", "old", 3);
        _cleanup_free_ char *data = NULL;
        struct stat st;
        size_t size;

        CHECK_INT(file_write_atomic(path, "new content", 11, 0640), 0);
        CHECK_INT(file_read_full(path, 100, &data, &size), 0);
        CHECK_INT(size, 11);
        CHECK_STR(data, "new content");
        CHECK_INT(stat(path, &st), 0);
        CHECK_INT(st.st_mode & 0777, 0640);
}

TEST(what_is_no_file_is_told_apart) {
        _cleanup_free_ char *fifo = path_join(tap_tmpdir(), "fifo");
        const char *path = tap_write_file("big", "0123456789", 10);
        char *data = NULL;

        CHECK_INT(file_read_full(tap_tmpdir(), 100, &data, NULL), -EISDIR);
        CHECK_INT(file_read_full("/nonexistent/x", 100, &data, NULL), -ENOENT);
        CHECK_INT(mkfifo(fifo, 0600), 0);
        CHECK_INT(file_read_full(fifo, 100, &data, NULL), -EBADFD);
        CHECK_INT(file_read_full(path, 9, &data, NULL), -E2BIG);
        CHECK(!data);
}

TEST(a_lock_has_one_holder_and_dies_with_it) {
        _cleanup_free_ char *path = path_join(tap_tmpdir(), "lock");
        int a, b;

        a = file_lock(path, false);
        CHECK(a >= 0);
        CHECK_INT(file_lock(path, false), -EAGAIN);
        safe_close(a);
        b = file_lock(path, false);
        CHECK(b >= 0);
        safe_close(b);
}

TEST(c1_a_lock_on_a_file_that_has_gone_is_none) {
        _cleanup_free_ char *path = path_join(tap_tmpdir(), "lock-gone");
        int a, b, taken[2];
        struct pollfd p;
        pid_t pid;

        a = file_lock(path, false);
        CHECK(a >= 0 && pipe(taken) == 0);
        pid = fork();
        if (pid == 0) {
                safe_close(a);
                _exit(file_lock(path, true) >= 0 && write(taken[1], "", 1) == 1 ? 0 : 1);
        }
        p = (struct pollfd) { .fd = taken[0], .events = POLLIN };
        CHECK_INT(poll(&p, 1, 100), 0);
        CHECK_INT(unlink(path), 0);
        b = file_lock(path, false);
        CHECK(b >= 0);
        safe_close(a);
        CHECK_INT(poll(&p, 1, 100), 0);
        safe_close(b);
        CHECK_INT(poll(&p, 1, 10000), 1);
        CHECK_INT(waitpid(pid, NULL, 0), pid);
        safe_close(taken[0]);
        safe_close(taken[1]);
}

TEST(a_lock_is_no_symbolic_link) {
        _cleanup_free_ char *path = path_join(tap_tmpdir(), "lock-link"), *elsewhere = path_join(tap_tmpdir(), "elsewhere");

        CHECK_INT(symlink(elsewhere, path), 0);
        CHECK_INT(file_lock(path, false), -ELOOP);
        CHECK_INT(access(elsewhere, F_OK), -1);
}

TEST(folders_are_made_with_their_parents) {
        _cleanup_free_ char *path = path_join(tap_tmpdir(), "a/b/c");
        struct stat st;

        CHECK_INT(mkdir_parents(path, 0755), 0);
        CHECK_INT(mkdir_parents(path, 0755), 0);
        CHECK_INT(stat(path, &st), 0);
        CHECK(S_ISDIR(st.st_mode));
}
