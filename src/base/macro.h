/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Small macros that every room uses. Knows nothing. */

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))
#define MIN2(a, b) ((a) < (b) ? (a) : (b))
#define MAX2(a, b) ((a) > (b) ? (a) : (b))

#define _printf_(f, a) __attribute__((format(printf, f, a)))
#define _unused_ __attribute__((unused))
#define _noreturn_ __attribute__((noreturn))
#define _sentinel_ __attribute__((sentinel))

/* Gives the pointer away and leaves NULL behind, so that a cleanup attribute frees nothing. */
#define TAKE_PTR(ptr)                                   \
        ({                                              \
                __typeof__(ptr) *_pptr_ = &(ptr);       \
                __typeof__(ptr) _ptr_ = *_pptr_;        \
                *_pptr_ = NULL;                         \
                _ptr_;                                  \
        })

#define TAKE_FD(fd)                     \
        ({                              \
                int *_pfd_ = &(fd);     \
                int _fd_ = *_pfd_;      \
                *_pfd_ = -1;            \
                _fd_;                   \
        })

/**
 * array_grow() - room for at least @need elements of @size bytes at *@array
 *
 * Doubles, zeroes nothing. Errors: -ENOMEM, and then nothing changed; also on overflow.
 */
int array_grow(void *array, size_t *n_allocated, size_t need, size_t size);

#define ARRAY_GROW(array, n_allocated, need) \
        array_grow(&(array), &(n_allocated), (need), sizeof((array)[0]))
