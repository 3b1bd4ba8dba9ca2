/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Unit tests that register themselves and speak TAP 13: TEST(name_is_a_sentence) { … CHECK(…); }. The plan is counted.
 * A failed check ends its test function, not the process. */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "macro.h"

typedef struct TapTest {
        const char *name;
        void (*run)(void);
} TapTest;

#define TEST(id)                                                                                         \
        static void test_##id(void);                                                                     \
        __attribute__((used, section("TAPTESTS"), aligned(sizeof(void *)))) static const TapTest tap_##id = { \
                #id, test_##id                                                                           \
        };                                                                                               \
        static void test_##id(void)

void tap_fail(const char *file, int line, const char *fmt, ...) _printf_(3, 4);
void tap_skip(const char *reason);
bool tap_check_int(const char *file, int line, const char *ea, const char *eb, long long a, long long b);
bool tap_check_str(const char *file, int line, const char *ea, const char *eb, const char *a, const char *b);
/** tap_diag() - a "# …" line that explains a failure to come */
void tap_diag(const char *fmt, ...) _printf_(1, 2);

#define CHECK(expr)                                                     \
        do {                                                            \
                if (!(expr)) {                                          \
                        tap_fail(__FILE__, __LINE__, "%s", #expr);      \
                        return;                                         \
                }                                                       \
        } while (0)
/* Two integers, both printed when they differ. */
#define CHECK_INT(a, b)                                                                            \
        do {                                                                                       \
                if (!tap_check_int(__FILE__, __LINE__, #a, #b, (long long) (a), (long long) (b)))  \
                        return;                                                                    \
        } while (0)
/* Two strings (NULL allowed), both printed when they differ. */
#define CHECK_STR(a, b)                                                          \
        do {                                                                     \
                if (!tap_check_str(__FILE__, __LINE__, #a, #b, (a), (b)))        \
                        return;                                                  \
        } while (0)
#define SKIP(reason)              \
        do {                      \
                tap_skip(reason); \
                return;           \
        } while (0)

/* A scratch folder, made on first use and removed when the process ends. */
const char *tap_tmpdir(void);
/** tap_write_file() - NAME below tap_tmpdir() with this content; returns its path (static until the next call but 7) */
const char *tap_write_file(const char *name, const void *data, size_t size);
