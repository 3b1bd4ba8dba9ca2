/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "credential.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config-key.h"
#include "file-util.h"

/* What systemd passes at most. */
#define CREDENTIAL_SIZE_MAX ((size_t) 1024 * 1024)

#define REFUSE(code, ...)                                                                                            \
        error_set_full(ret_error, (code), ERROR_SCOPE_CONNECTOR, ERROR_RETRY_AFTER_RECONFIGURE,                      \
                       "InvalidCredentials", __VA_ARGS__)

void credential_done(Credential *c) {
        if (c->data)
                explicit_bzero(c->data, c->size);
        free(c->data);
        *c = CREDENTIAL_INIT;
}

/* Into memory that is never moved: a copy left behind by realloc() could not be wiped. */
static int read_all(int fd, size_t size, Credential *ret) {
        _cleanup_credential_ Credential c = {.data = malloc(size + 1), .size = size};
        size_t n_read = 0;

        if (!c.data)
                return -ENOMEM;
        while (n_read < size) {
                ssize_t n = read(fd, c.data + n_read, size - n_read);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                n_read += (size_t) n;
        }
        c.data[n_read] = '\0';
        *ret = c;
        ret->size = n_read;
        c = CREDENTIAL_INIT;
        return 0;
}

static void cut_line_end(Credential *c) {
        if (c->size > 0 && c->data[c->size - 1] == '\n')
                c->data[--c->size] = '\0';
        if (c->size > 0 && c->data[c->size - 1] == '\r')
                c->data[--c->size] = '\0';
}

int credential_read(const char *name, Credential *ret, Error **ret_error) {
        _cleanup_credential_ Credential c = CREDENTIAL_INIT;
        const char *dir = secure_getenv("CREDENTIALS_DIRECTORY");
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -1;
        struct stat st;
        int r;

        if (!credential_name_is_valid(name))
                return REFUSE(-EINVAL, "The name of the credential is not valid");
        if (!dir || *dir != '/')
                return REFUSE(-ENOENT,
                              "The credential %s is not there: $CREDENTIALS_DIRECTORY is not set, so systemd did not "
                              "start us "
                              "with LoadCredential=",
                              name);
        path = path_join(dir, name);
        if (!path)
                return -ENOMEM;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
        if (fd < 0 && errno == ENOENT)
                return REFUSE(-ENOENT,
                              "The credential %s is not there: put it into /etc/credstore/%s or, encrypted with "
                              "systemd-creds(1), into /etc/credstore.encrypted/%s, and run systemctl daemon-reload",
                              name, name, name);
        if (fd < 0 || fstat(fd, &st) < 0) {
                r = -errno;
                return REFUSE(r, "The credential %s cannot be read: %s", name, strerror(-r));
        }
        if (!S_ISREG(st.st_mode))
                return REFUSE(-EINVAL, "The credential %s is not a regular file", name);
        /* The group's r is the mask of the ACL that systemd uses where the file system has ACLs. */
        if ((st.st_mode & 0037) != 0 || (st.st_uid != 0 && st.st_uid != geteuid()))
                return REFUSE(-EPERM,
                              "The credential %s has owner %u and mode %04o; expected our own user or root, and 0400 "
                              "or 0600",
                              name, (unsigned) st.st_uid, (unsigned) st.st_mode & 07777);
        if ((uint64_t) st.st_size > CREDENTIAL_SIZE_MAX)
                return REFUSE(-E2BIG, "The credential %s is larger than %zu bytes", name, CREDENTIAL_SIZE_MAX);

        r = read_all(fd, (size_t) st.st_size, &c);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return REFUSE(r, "The credential %s cannot be read: %s", name, strerror(-r));
        cut_line_end(&c);
        if (c.size == 0)
                return REFUSE(-EINVAL, "The credential %s is empty", name);
        if (memchr(c.data, '\0', c.size))
                return REFUSE(-EINVAL, "The credential %s has a NUL byte in it", name);
        *ret = c;
        c = CREDENTIAL_INIT;
        return 0;
}
