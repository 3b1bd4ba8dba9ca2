/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

extern const TapTest __start_TAPTESTS[], __stop_TAPTESTS[];

static bool failed;
static const char *skipped;
static char tmpdir[PATH_MAX];

void tap_diag(const char *fmt, ...) {
        va_list ap;

        printf("# ");
        va_start(ap, fmt);
        vprintf(fmt, ap);
        va_end(ap);
        printf("\n");
}

void tap_fail(const char *file, int line, const char *fmt, ...) {
        va_list ap;

        failed = true;
        printf("# %s:%d: ", file, line);
        va_start(ap, fmt);
        vprintf(fmt, ap);
        va_end(ap);
        printf("\n");
}

void tap_skip(const char *reason) {
        skipped = reason;
}

bool tap_check_int(const char *file, int line, const char *ea, const char *eb, long long a, long long b) {
        if (a == b)
                return true;
        tap_fail(file, line, "%s is %lld, but %s is %lld", ea, a, eb, b);
        return false;
}

bool tap_check_str(const char *file, int line, const char *ea, const char *eb, const char *a, const char *b) {
        if (a == b || (a && b && strcmp(a, b) == 0))
                return true;
        tap_fail(file, line, "%s is \"%s\", but %s is \"%s\"", ea, a ? a : "(null)", eb, b ? b : "(null)");
        return false;
}

const char *tap_tmpdir(void) {
        if (!tmpdir[0]) {
                const char *base = getenv("TMPDIR");

                snprintf(tmpdir, sizeof(tmpdir), "%s/reprieve-test-XXXXXX", base ? base : "/tmp");
                if (!mkdtemp(tmpdir)) {
                        perror("mkdtemp");
                        abort();
                }
        }
        return tmpdir;
}

const char *tap_write_file(const char *name, const void *data, size_t size) {
        static char paths[8][PATH_MAX];
        static unsigned next;
        char *path = paths[next++ % 8];
        FILE *f;

        if (snprintf(path, PATH_MAX, "%s/%s", tap_tmpdir(), name) >= PATH_MAX)
                abort();
        f = fopen(path, "we");
        if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0) {
                perror(path);
                abort();
        }
        return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void) st;
        (void) type;
        (void) ftw;
        (void) remove(path);
        return 0;
}

int main(int argc, char *argv[]) {
        unsigned n = 0, n_failed = 0;

        setvbuf(stdout, NULL, _IOLBF, 0);
        printf("TAP version 13\n");
        for (const TapTest *t = __start_TAPTESTS; t < __stop_TAPTESTS; t++) {
                if (argc > 1 && strcmp(argv[1], t->name) != 0)
                        continue;
                failed = false;
                skipped = NULL;
                t->run();
                n++;
                if (failed)
                        n_failed++;
                printf("%sok %u - %s%s%s\n", failed ? "not " : "", n, t->name, !failed && skipped ? " # SKIP " : "",
                       !failed && skipped ? skipped : "");
        }
        printf("1..%u\n", n);
        if (tmpdir[0])
                (void) nftw(tmpdir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        return n_failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
