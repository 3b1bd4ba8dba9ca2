/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "file-util.h"
#include "snapshot-index.h"
#include "string-util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says what the rest is: an index file as it is; or a length, that many records of a first reading, and then
 * a second one, in which the index must know exactly what a list searched from end to end knows. */

static char path[] = "/tmp/reprieve-fuzz-XXXXXX";
static const SnapshotStamp stamp = { .generation = 1, .configuration = "c" };

static void clean_up(void) {
        (void) unlink(path);
}

static Fingerprint print_of(uint8_t record) {
        /* Many meet in the table. */
        return (Fingerprint) { .lo = record % 4, .hi = UINT64_C(1) << 63 | record };
}

static void read_next(SnapshotIndex *s, uint8_t record, SnapshotMatch *ret, uint64_t *ret_link, uint32_t expected) {
        uint32_t ordinal;
        int r;

        r = snapshot_next(s, print_of(record), ret, ret_link, &ordinal);
        assert(r == 0 && ordinal == expected);
}

static int count_link(uint64_t link, void *userdata) {
        uint32_t *n = userdata;

        assert(link > 0);
        n[link]++;
        return 0;
}

static int count_seen(uint64_t link, uint32_t record, void *userdata) {
        return count_link(link, userdata);
}

static void try_file(const uint8_t *data, size_t size) {
        _cleanup_(snapshot_freep) SnapshotIndex *s = NULL;
        _cleanup_error_ Error *error = NULL;
        int r;

        assert(file_write_atomic(path, data, size, 0600) == 0);
        r = snapshot_open(path, &stamp, &s, &error);
        assert(r == 0 || (r == SNAPSHOT_E_UNUSABLE && error));
        if (r == 0)
                assert(snapshot_write(s, path, &stamp) == 0);
}

static void try_readings(const uint8_t *first, size_t n_first, const uint8_t *second, size_t n_second) {
        SnapshotIndex *s = snapshot_new_empty();
        uint32_t links[257] = {}, times[256] = {}, met[256] = {};
        SnapshotMatch match;
        uint64_t link;

        assert(s);
        for (size_t i = 0; i < n_first; i++)
                times[first[i]]++;
        for (size_t i = 0; i < n_first; i++) {
                read_next(s, first[i], &match, &link, (uint32_t) i);
                assert(match == SNAPSHOT_NEW);
                /* Every seventh is invalid; what is there twice is (E2). */
                if (first[i] % 7 > 0 && times[first[i]] == 1)
                        assert(snapshot_settle(s, (uint32_t) i, 1U + first[i]) == 0);
        }
        assert(snapshot_write(s, path, &stamp) == 0);
        snapshot_free(s);

        s = NULL;
        assert(snapshot_open(path, &stamp, &s, NULL) == 0);
        for (size_t i = 0; i < n_second; i++) {
                bool known = second[i] % 7 > 0 && times[second[i]] == 1;

                read_next(s, second[i], &match, &link, (uint32_t) i);
                assert(match == (!known ? SNAPSHOT_NEW : met[second[i]]++ > 0 ? SNAPSHOT_REPEATED : SNAPSHOT_UNCHANGED));
                assert(link == (known ? 1U + second[i] : 0));
        }
        assert(snapshot_is_identical(s) == (n_first == n_second && memcmp(first, second, n_first) == 0));
        /* Each row of last time was either met or not. */
        assert(snapshot_scan_seen(s, count_seen, links) == 0);
        assert(snapshot_scan_unseen(s, count_link, links) == 0);
        for (unsigned i = 0; i < 256; i++)
                assert(links[1 + i] == (i % 7 > 0 && times[i] == 1));
        snapshot_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static bool ready;
        size_t n;
        int fd;

        if (!ready) {
                fd = mkstemp(path);
                assert(fd >= 0);
                safe_close(fd);
                (void) atexit(clean_up);
                ready = true;
        }
        if (size < 2)
                return 0;
        if (data[0] == 'R') {
                try_file(data + 1, size - 1);
                return 0;
        }
        n = MIN2((size_t) data[1], size - 2);
        try_readings(data + 2, n, data + 2 + n, size - 2 - n);
        return 0;
}
