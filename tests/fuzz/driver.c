/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a fuzz target over a corpus without libFuzzer, so that every "make check" does: the files of
 * TOP_SRCDIR/tests/fuzz/corpus/NAME for a program fuzz-NAME, or those given as arguments. TAP. */
#include "config.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

#include "cleanup.h"
#include "file-util.h"
#include "string-util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path, unsigned n) {
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        r = file_read_full(path, 64 << 20, &data, &size);
        if (r < 0) {
                printf("not ok %u - %s: %s\n", n, path, strerror(-r));
                return r;
        }
        (void) LLVMFuzzerTestOneInput((const uint8_t *) data, size);
        printf("ok %u - %s\n", n, path);
        return 0;
}

int main(int argc, char *argv[]) {
        _cleanup_closedir_ DIR *d = NULL;
        _cleanup_free_ char *dir = NULL;
        const char *name, *top = getenv("TOP_SRCDIR");
        int failed = 0;
        unsigned n = 0;

        setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc > 1) {
                for (int i = 1; i < argc; i++)
                        failed |= run_file(argv[i], ++n) < 0;
                printf("1..%u\n", n);
                return failed;
        }
        name = strrchr(argv[0], '/');
        name = startswith(name ? name + 1 : argv[0], "fuzz-");
        if (!name || !top || asprintf(&dir, "%s/tests/fuzz/corpus/%s", top, name) < 0) {
                dir = NULL;
                printf("1..0 # SKIP no corpus: set TOP_SRCDIR or name files\n");
                return 0;
        }
        d = opendir(dir);
        for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
                _cleanup_free_ char *path = NULL;

                if (e->d_name[0] == '.')
                        continue;
                path = path_join(dir, e->d_name);
                failed |= !path || run_file(path, ++n) < 0;
        }
        if (n == 0) {
                printf("not ok 1 - %s holds no corpus\n", dir);
                failed = 1;
                n = 1;
        }
        printf("1..%u\n", n);
        return failed;
}
