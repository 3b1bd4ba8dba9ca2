/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files that survive a crash, and locks that die with their holder. Every descriptor is O_CLOEXEC. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** path_join() - "a/b"; NULL for OOM */
char *path_join(const char *a, const char *b);

/**
 * file_read_full() - a whole regular file into memory, NUL terminated
 * @max: refuse a larger one with -E2BIG
 * @ret_size: may be NULL
 *
 * Errors: errno of open(2)/read(2), -EISDIR, -EBADFD for what is no regular file, -E2BIG, -ENOMEM.
 */
int file_read_full(const char *path, size_t max, char **ret, size_t *ret_size);

/** file_write_atomic() - temporary file beside @path, fsync, rename, fsync of the folder. Errors: errno. */
int file_write_atomic(const char *path, const void *data, size_t size, mode_t mode);

/** loop_write() - write(2) until all is written; Errors: errno */
int loop_write(int fd, const void *data, size_t size);

/** fsync_parent() - make a rename or unlink of @path durable */
int fsync_parent(const char *path);

/** mkdir_parents() - @path and what is missing above it, each with @mode; an existing folder is fine */
int mkdir_parents(const char *path, mode_t mode);

/**
 * become_owner() - root becomes the user whom @path belongs to, for good, with that user's groups
 *
 * For programs that are also run by hand: root must neither follow where a service's user leads in his own folder nor
 * leave files there that this user cannot open. Anybody else, and where @path is root's or missing, stays who he is.
 * Errors: errno.
 */
int become_owner(const char *path);

/**
 * file_lock() - open (create) @path, never through a symbolic link, and take an exclusive flock(2) on it
 * @wait: whether to wait for another holder
 *
 * The lock dies with the descriptor, and is on the file that stands at @path when it is taken. Returns the descriptor. Errors: -EAGAIN if somebody else holds it, errno.
 */
int file_lock(const char *path, bool wait);

/** random_bytes() - from the kernel. Errors: errno. */
int random_bytes(void *p, size_t size);
