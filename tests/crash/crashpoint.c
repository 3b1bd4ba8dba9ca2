/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loaded with LD_PRELOAD into an unchanged reprieve-cycle: counts every call that reads or changes a file, and kills the
 * process just before or just after number REPRIEVE_CRASH_AT. REPRIEVE_CRASH_COUNT names a file that gets the total. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static unsigned long n_steps, crash_at;
static int initialized, after;

static void initialize(void) {
        const char *e;

        if (initialized)
                return;
        initialized = 1;
        e = getenv("REPRIEVE_CRASH_AT");
        crash_at = e ? strtoul(e, NULL, 10) : 0;
        after = getenv("REPRIEVE_CRASH_AFTER") != NULL;
}

static int step(int is_after) {
        initialize();
        if (!is_after)
                n_steps++;
        if (crash_at > 0 && n_steps == crash_at && is_after == after) {
                kill(getpid(), SIGKILL);
                for (;;)
                        pause();
        }
        return 0;
}

/* Only what lies in a file counts: pipes, sockets and terminals are not state. */
static int is_file(int fd) {
        struct stat st;

        return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

#define WRAP(type, name, declaration, call, condition)                          \
        type name declaration {                                                 \
                static type(*real) declaration;                                 \
                type r;                                                         \
                int counted = (condition);                                      \
                if (!real)                                                      \
                        *(void **) &real = dlsym(RTLD_NEXT, #name);             \
                if (counted)                                                    \
                        step(0);                                                \
                r = real call;                                                  \
                if (counted) {                                                  \
                        int saved = errno;                                      \
                        step(1);                                                \
                        errno = saved;                                          \
                }                                                               \
                return r;                                                       \
        }

WRAP(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), is_file(fd))
WRAP(ssize_t, pread64, (int fd, void *p, size_t n, off64_t o), (fd, p, n, o), is_file(fd))
WRAP(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n), is_file(fd))
WRAP(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), is_file(fd))
WRAP(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t o), (fd, p, n, o), is_file(fd))
WRAP(ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t o), (fd, p, n, o), is_file(fd))
WRAP(ssize_t, copy_file_range, (int a, off64_t *b, int c, off64_t *d, size_t e, unsigned f), (a, b, c, d, e, f), 1)
WRAP(int, fsync, (int fd), (fd), 1)
WRAP(int, fdatasync, (int fd), (fd), 1)
WRAP(int, rename, (const char *a, const char *b), (a, b), 1)
WRAP(int, renameat, (int a, const char *b, int c, const char *d), (a, b, c, d), 1)
WRAP(int, unlink, (const char *a), (a), 1)
WRAP(int, ftruncate, (int fd, off_t n), (fd, n), 1)
WRAP(int, ftruncate64, (int fd, off64_t n), (fd, n), 1)

__attribute__((destructor)) static void report(void) {
        const char *path = getenv("REPRIEVE_CRASH_COUNT");
        char text[32];
        int fd, n;

        if (!path)
                return;
        crash_at = 0;
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        n = snprintf(text, sizeof(text), "%lu\n", n_steps);
        if (fd >= 0) {
                (void) !write(fd, text, (size_t) n);
                close(fd);
        }
}
