/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "file-util.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "string-util.h"

char *path_join(const char *a, const char *b) {
        size_t n = strlen(a);
        char *s;

        while (n > 1 && a[n - 1] == '/')
                n--;
        if (asprintf(&s, "%.*s/%s", (int) n, a, b) < 0)
                return NULL;
        return s;
}

int file_read_full(const char *path, size_t max, char **ret, size_t *ret_size) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        _cleanup_close_ int fd = -1;
        char chunk[16384];
        struct stat st;
        size_t size;
        ssize_t n;
        int r;

        /* O_NONBLOCK: a FIFO in the file's place must not hang us before fstat() can tell. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (!S_ISREG(st.st_mode))
                return -EBADFD;

        for (;;) {
                n = read(fd, chunk, sizeof(chunk));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                if ((size_t) n > max - b.size)
                        return -E2BIG;
                strbuf_append(&b, chunk, (size_t) n);
        }
        size = b.size;
        r = strbuf_steal(&b, ret);
        if (r < 0)
                return r;
        if (ret_size)
                *ret_size = size;
        return 0;
}

int loop_write(int fd, const void *data, size_t size) {
        const char *p = data;
        ssize_t n;

        while (size > 0) {
                n = write(fd, p, size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                p += n;
                size -= (size_t) n;
        }
        return 0;
}

int fsync_parent(const char *path) {
        _cleanup_free_ char *dir = NULL;
        _cleanup_close_ int fd = -1;
        const char *slash;

        slash = strrchr(path, '/');
        dir = slash ? strndup(path, slash == path ? 1 : (size_t) (slash - path)) : strdup(".");
        if (!dir)
                return -ENOMEM;
        fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
        if (fd < 0)
                return -errno;
        return fsync(fd) < 0 ? -errno : 0;
}

int file_write_atomic(const char *path, const void *data, size_t size, mode_t mode) {
        _cleanup_free_ char *tmp = NULL;
        _cleanup_close_ int fd = -1;
        int r;

        if (asprintf(&tmp, "%s.XXXXXX", path) < 0) {
                tmp = NULL;
                return -ENOMEM;
        }
        fd = mkostemp(tmp, O_CLOEXEC);
        if (fd < 0)
                return -errno;

        r = loop_write(fd, data, size);
        if (r >= 0 && fchmod(fd, mode) < 0)
                r = -errno;
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        if (r >= 0 && rename(tmp, path) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlink(tmp);
                return r;
        }
        return fsync_parent(path);
}

int mkdir_parents(const char *path, mode_t mode) {
        _cleanup_free_ char *copy = NULL;

        copy = strdup(path);
        if (!copy)
                return -ENOMEM;
        for (char *p = copy + 1;; p++) {
                char c = *p;

                if (c != '/' && c != '\0')
                        continue;
                *p = '\0';
                if (mkdir(copy, mode) < 0 && errno != EEXIST)
                        return -errno;
                if (c == '\0')
                        break;
                *p = c;
        }
        return 0;
}

int become_owner(const char *path) {
        const struct passwd *pw;
        struct stat st;
        gid_t gid;
        int r;

        if (geteuid() != 0)
                return 0;
        if (stat(path, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (st.st_uid == 0)
                return 0;
        pw = getpwuid(st.st_uid);
        gid = pw ? pw->pw_gid : st.st_gid;
        r = pw ? initgroups(pw->pw_name, gid) : setgroups(0, NULL);
        if (r < 0 || setresgid(gid, gid, gid) < 0 || setresuid(st.st_uid, st.st_uid, st.st_uid) < 0)
                return -errno;
        return 0;
}

/* The file that was locked may have gone while we waited, or between opening and locking it: then others lock another one. */
static bool is_at(int fd, const char *path) {
        struct stat opened, there;

        return fstat(fd, &opened) >= 0 && lstat(path, &there) >= 0 && opened.st_dev == there.st_dev &&
               opened.st_ino == there.st_ino;
}

int file_lock(const char *path, bool wait) {
        for (;;) {
                _cleanup_close_ int fd = -1;

                fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);
                if (fd < 0)
                        return -errno;
                while (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0) {
                        if (errno == EINTR)
                                continue;
                        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
                }
                if (is_at(fd, path))
                        return TAKE_FD(fd);
        }
}

int random_bytes(void *p, size_t size) {
        char *c = p;
        ssize_t n;

        while (size > 0) {
                n = getrandom(c, size, 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                c += n;
                size -= (size_t) n;
        }
        return 0;
}
