/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Cleanup attributes for what libc hands out. Other libraries' handles get theirs in the room that may use them. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "macro.h"

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Defines FUNCp(), the form that _cleanup_() wants, for a destructor FUNC that accepts NULL. */
#define DEFINE_CLEANUP(type, func)                                     \
        static inline _unused_ void func##p(type *p) {                 \
                if (*p)                                                \
                        func(*p);                                      \
        }

static inline _unused_ void freep(void *p) {
        free(*(void **) p);
}

static inline _unused_ void closep(int *fd) {
        if (*fd >= 0)
                (void) close(*fd);
}

static inline _unused_ int safe_close(int fd) {
        if (fd >= 0)
                (void) close(fd);
        return -1;
}

DEFINE_CLEANUP(FILE *, fclose)
DEFINE_CLEANUP(DIR *, closedir)

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)
#define _cleanup_fclose_ _cleanup_(fclosep)
#define _cleanup_closedir_ _cleanup_(closedirp)
