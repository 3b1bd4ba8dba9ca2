/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "file-util.h"
#include "snapshot-index.h"
#include "string-util.h"
#include "tap.h"

#define _cleanup_snapshot_ _cleanup_(snapshot_freep)

static const SnapshotStamp stamp = {
        .generation = 7,
        .configuration = "0123456789abcdef0123456789abcdef",
        .schema = { 1, 2 },
        .secret_check = { 3, 4 },
};

static Fingerprint print_of(unsigned record) {
        return (Fingerprint) { .lo = record * UINT64_C(0x9e3779b97f4a7c15), .hi = ~(uint64_t) record };
}

static const char *path_of(const char *name) {
        static char paths[4][4096];
        static unsigned next;
        char *p = paths[next++ % 4];

        (void) snprintf(p, sizeof(paths[0]), "%s/%s", tap_tmpdir(), name);
        return p;
}

/* What one reading was: a letter a record (U, N, R) with its link, and what was not seen. */
typedef struct Reading {
        char text[2048];
} Reading;

static int read_one(SnapshotIndex *s, unsigned record, Reading *reading, uint32_t *ret_record) {
        size_t n = strlen(reading->text);
        SnapshotMatch match;
        uint32_t ordinal;
        uint64_t link;
        int r;

        r = snapshot_next(s, print_of(record), &match, &link, &ordinal);
        if (r < 0)
                return r;
        switch (match) {
        case SNAPSHOT_UNCHANGED:
                (void) snprintf(reading->text + n, sizeof(reading->text) - n, "U%llu ", (unsigned long long) link);
                break;
        case SNAPSHOT_NEW:
                (void) snprintf(reading->text + n, sizeof(reading->text) - n, "N ");
                break;
        case SNAPSHOT_REPEATED:
                (void) snprintf(reading->text + n, sizeof(reading->text) - n, "R%llu ", (unsigned long long) link);
                break;
        }
        if (ret_record)
                *ret_record = ordinal;
        return 0;
}

static int read_all(SnapshotIndex *s, const unsigned *records, Reading *reading) {
        int r = 0;

        for (; *records && r >= 0; records++)
                r = read_one(s, *records, reading, NULL);
        return r;
}

#define RECORDS(...) ((const unsigned[]) { __VA_ARGS__, 0 })

static int note_link(uint64_t link, void *userdata) {
        Reading *r = userdata;
        size_t n = strlen(r->text);

        (void) snprintf(r->text + n, sizeof(r->text) - n, "%llu ", (unsigned long long) link);
        return 0;
}

static int note_seen(uint64_t link, uint32_t record, void *userdata) {
        Reading *r = userdata;
        size_t n = strlen(r->text);

        (void) snprintf(r->text + n, sizeof(r->text) - n, "%llu@%u ", (unsigned long long) link, record);
        return 0;
}

static const char *unseen(SnapshotIndex *s) {
        static Reading r;

        r.text[0] = '\0';
        return snapshot_scan_unseen(s, note_link, &r) == 0 ? r.text : "failed";
}

static const char *seen(SnapshotIndex *s) {
        static Reading r;

        r.text[0] = '\0';
        return snapshot_scan_seen(s, note_seen, &r) == 0 ? r.text : "failed";
}

/* An index of records 1 … @n, record i settled as link 100 + i. */
static int make_index(const char *path, unsigned n) {
        _cleanup_snapshot_ SnapshotIndex *s = snapshot_new_empty();
        Reading reading = {};
        uint32_t record;
        int r;

        if (!s)
                return -ENOMEM;
        for (unsigned i = 1; i <= n; i++) {
                r = read_one(s, i, &reading, &record);
                if (r >= 0)
                        r = snapshot_settle(s, record, 100 + i);
                if (r < 0)
                        return r;
                reading.text[0] = '\0';
        }
        return snapshot_write(s, path, &stamp);
}

static SnapshotIndex *open_index(const char *path) {
        _cleanup_error_ Error *error = NULL;
        SnapshotIndex *s = NULL;
        int r;

        r = snapshot_open(path, &stamp, &s, &error);
        if (r != 0)
                tap_fail(__FILE__, __LINE__, "%s: %s", path, error_text(error, r));
        return s;
}

/* The index of five records, opened for a second reading. */
#define FIVE(s)                                              \
        const char *path = path_of(__func__);                \
        CHECK_INT(make_index(path, 5), 0);                   \
        _cleanup_snapshot_ SnapshotIndex *s = open_index(path); \
        Reading reading = {};                                \
        CHECK(s)

TEST(a_first_reading_is_new_throughout) {
        _cleanup_snapshot_ SnapshotIndex *s = snapshot_new_empty();
        Reading reading = {};

        CHECK(s);
        CHECK(snapshot_is_identical(s));
        CHECK_INT(read_all(s, RECORDS(1, 2, 1), &reading), 0);
        /* Two alike are told by their id when they are parsed. */
        CHECK_STR(reading.text, "N N N ");
        CHECK_STR(unseen(s), "");
        CHECK_STR(seen(s), "");
        CHECK(!snapshot_is_identical(s));
}

TEST(an_empty_index_is_an_index) {
        const char *path = path_of(__func__);

        CHECK_INT(make_index(path, 0), 0);
        {
                _cleanup_snapshot_ SnapshotIndex *s = open_index(path);
                Reading reading = {};

                CHECK(s);
                CHECK(snapshot_is_identical(s));
                CHECK_INT(read_all(s, RECORDS(1), &reading), 0);
                CHECK_STR(reading.text, "N ");
        }
}

TEST(an_unchanged_source_is_recognised_in_place) {
        FIVE(s);
        struct stat st;

        CHECK_INT(stat(path, &st), 0);
        CHECK_INT(st.st_mode & 0777, 0600);
        CHECK_INT(read_all(s, RECORDS(1, 2, 3, 4, 5), &reading), 0);
        CHECK_STR(reading.text, "U101 U102 U103 U104 U105 ");
        CHECK(snapshot_is_identical(s));
        CHECK_STR(unseen(s), "");
        CHECK_STR(seen(s), "101@0 102@1 103@2 104@3 105@4 ");
}

TEST(a_missing_tail_is_unseen) {
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(1, 2, 3), &reading), 0);
        CHECK_STR(reading.text, "U101 U102 U103 ");
        CHECK_STR(unseen(s), "104 105 ");
        CHECK(!snapshot_is_identical(s));
}

TEST(a_changed_record_is_new_and_its_old_row_unseen) {
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(1, 2, 33, 4, 5), &reading), 0);
        CHECK_STR(reading.text, "U101 U102 N U104 U105 ");
        CHECK_STR(unseen(s), "103 ");
        CHECK_STR(seen(s), "101@0 102@1 104@3 105@4 ");
        CHECK(!snapshot_is_identical(s));
}

TEST(insertions_deletions_and_moves_are_followed) {
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(9, 1, 3, 8, 7, 4, 2), &reading), 0);
        CHECK_STR(reading.text, "N U101 U103 N N U104 U102 ");
        CHECK_STR(unseen(s), "105 ");
}

TEST(a_shuffled_source_is_unchanged_but_not_identical) {
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(5, 3, 1, 4, 2), &reading), 0);
        CHECK_STR(reading.text, "U105 U103 U101 U104 U102 ");
        CHECK_STR(unseen(s), "");
        CHECK(!snapshot_is_identical(s));
        CHECK_INT(snapshot_write(s, path, &stamp), 0);
        {
                _cleanup_snapshot_ SnapshotIndex *t = open_index(path);

                CHECK(t);
                reading.text[0] = '\0';
                CHECK_INT(read_all(t, RECORDS(5, 3, 1, 4, 2), &reading), 0);
                CHECK_STR(reading.text, "U105 U103 U101 U104 U102 ");
                CHECK(snapshot_is_identical(t));
        }
}

TEST(e2_a_record_twice_is_repeated_wherever_it_stands) {
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(1, 2, 2, 3, 1, 5, 4, 5), &reading), 0);
        CHECK_STR(reading.text, "U101 U102 R102 U103 R101 U105 U104 R105 ");
        CHECK_STR(unseen(s), "");
        CHECK_STR(seen(s), "101@0 102@1 103@3 105@5 104@6 ");
}

TEST(e2_a_record_that_comes_before_its_place_is_met_once) {
        FIVE(s);

        /* The walk comes to row 2 after its record was met elsewhere. */
        CHECK_INT(read_all(s, RECORDS(2, 1, 2, 3, 4, 5), &reading), 0);
        CHECK_STR(reading.text, "U102 U101 R102 U103 U104 U105 ");
}

TEST(e2_a_moved_and_changed_record_can_be_told_from_what_was_seen) {
        FIVE(s);

        /* 22 is a second record with the id of 2: when it is parsed, its link is one that was seen. */
        CHECK_INT(read_all(s, RECORDS(22, 1, 2, 3, 4, 5), &reading), 0);
        CHECK_STR(reading.text, "N U101 U102 U103 U104 U105 ");
        CHECK_STR(seen(s), "101@1 102@2 103@3 104@4 105@5 ");
}

TEST(what_is_unsettled_is_parsed_again_but_stays_in_its_place) {
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(1, 2, 3, 4, 5), &reading), 0);
        CHECK_INT(snapshot_unsettle(s, 2, 0), 0);
        CHECK(!snapshot_is_identical(s));
        CHECK_INT(snapshot_write(s, path, &stamp), 0);
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_snapshot_ SnapshotIndex *t = open_index(path);

                CHECK(t);
                reading.text[0] = '\0';
                CHECK_INT(read_all(t, RECORDS(1, 2, 3, 4, 5), &reading), 0);
                CHECK_STR(reading.text, "U101 U102 N U104 U105 ");
                /* Nothing to write as long as it stays so (C6). */
                CHECK(snapshot_is_identical(t));
                CHECK_STR(unseen(t), "");
                if (i == 0)
                        continue;
                CHECK_INT(snapshot_settle(t, 2, 103), 0);
                CHECK(!snapshot_is_identical(t));
                CHECK_INT(snapshot_write(t, path, &stamp), 0);
        }
        {
                _cleanup_snapshot_ SnapshotIndex *t = open_index(path);

                CHECK(t);
                reading.text[0] = '\0';
                CHECK_INT(read_all(t, RECORDS(1, 2, 3, 4, 5), &reading), 0);
                CHECK_STR(reading.text, "U101 U102 U103 U104 U105 ");
        }
}

TEST(an_unsettled_row_never_matches_elsewhere) {
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(1, 2, 3, 4, 5), &reading), 0);
        CHECK_INT(snapshot_unsettle(s, 1, 0), 0);
        CHECK_INT(snapshot_write(s, path, &stamp), 0);
        {
                _cleanup_snapshot_ SnapshotIndex *t = open_index(path);

                CHECK(t);
                reading.text[0] = '\0';
                CHECK_INT(read_all(t, RECORDS(1, 3, 2, 4, 2, 5), &reading), 0);
                CHECK_STR(reading.text, "U101 U103 N U104 N U105 ");
                CHECK_STR(unseen(t), "");
        }
}

TEST(a_new_or_repeated_record_is_kept_only_when_settled) {
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(1, 6, 2, 2, 7, 3, 4, 5), &reading), 0);
        CHECK_STR(reading.text, "U101 N U102 R102 N U103 U104 U105 ");
        CHECK_INT(snapshot_settle(s, 1, 106), 0);
        CHECK_INT(snapshot_settle(s, 4, 0), -ERANGE);
        CHECK_INT(snapshot_settle(s, 4, UINT64_C(1) << 32), -ERANGE);
        CHECK_INT(snapshot_write(s, path, &stamp), 0);
        {
                _cleanup_snapshot_ SnapshotIndex *t = open_index(path);

                CHECK(t);
                reading.text[0] = '\0';
                CHECK_INT(read_all(t, RECORDS(1, 6, 2, 7, 3, 4, 5), &reading), 0);
                CHECK_STR(reading.text, "U101 U106 U102 N U103 U104 U105 ");
        }
}

TEST(e2_a_link_of_two_records_has_neither_settled) {
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(1, 22, 2, 3, 4, 5), &reading), 0);
        CHECK_INT(snapshot_settle(s, 1, 102), 0);
        CHECK_INT(snapshot_write(s, path, &stamp), 0);
        {
                _cleanup_snapshot_ SnapshotIndex *t = open_index(path);

                CHECK(t);
                reading.text[0] = '\0';
                CHECK_INT(read_all(t, RECORDS(1, 22, 2, 3, 4, 5), &reading), 0);
                CHECK_STR(reading.text, "U101 N N U103 U104 U105 ");
        }
}

TEST(links_are_forgotten_wherever_they_are) {
        const uint64_t links[] = { 3, 102, 105, 900, UINT64_MAX }, others[] = { 1, 99, 200 };
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(5, 1, 2, 3, 4), &reading), 0);
        CHECK_INT(snapshot_forget_links(s, links, ELEMENTSOF(links)), 0);
        CHECK_STR(seen(s), "101@1 103@3 104@4 ");
        {
                _cleanup_snapshot_ SnapshotIndex *t = open_index(path);

                CHECK(t);
                CHECK_INT(read_all(t, RECORDS(1, 2, 3, 4, 5), &reading), 0);
                CHECK_INT(snapshot_forget_links(t, others, ELEMENTSOF(others)), 0);
                CHECK_INT(snapshot_forget_links(t, NULL, 0), 0);
                CHECK(snapshot_is_identical(t));
                CHECK_INT(snapshot_forget_links(t, links, ELEMENTSOF(links)), 0);
                CHECK(!snapshot_is_identical(t));
                CHECK_STR(seen(t), "101@0 103@2 104@3 ");
        }
}

TEST(what_is_forgotten_while_reading_is_forgotten_of_all_that_follows) {
        const uint64_t links[] = { 104, 101, 101 };
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(1, 2), &reading), 0);
        CHECK_INT(snapshot_forget_links(s, links, ELEMENTSOF(links)), 0);
        CHECK_INT(read_all(s, RECORDS(3, 4, 5), &reading), 0);
        CHECK_STR(reading.text, "U101 U102 U103 U104 U105 ");
        /* Settling after it is of this record alone. */
        CHECK_INT(snapshot_settle(s, 0, 101), 0);
        CHECK_STR(seen(s), "101@0 102@1 103@2 105@4 ");
}

TEST(e1_the_absence_of_an_unsettled_record_is_noticed) {
        const uint64_t links[] = { 102 };
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(1, 2, 3, 4, 5), &reading), 0);
        CHECK_INT(snapshot_forget_links(s, links, 1), 0);
        CHECK_INT(snapshot_unsettle(s, 3, 104), 0);
        CHECK_INT(snapshot_write(s, path, &stamp), 0);
        {
                _cleanup_snapshot_ SnapshotIndex *t = open_index(path);

                CHECK(t);
                reading.text[0] = '\0';
                CHECK_INT(read_all(t, RECORDS(1, 3, 5), &reading), 0);
                CHECK_STR(reading.text, "U101 U103 U105 ");
                CHECK_STR(unseen(t), "102 104 ");
        }
        {
                _cleanup_snapshot_ SnapshotIndex *t = open_index(path);

                CHECK(t);
                reading.text[0] = '\0';
                /* In its place it is new, and there; what follows a first deviation keeps its link just the same. */
                CHECK_INT(read_all(t, RECORDS(33, 1, 2, 3, 4), &reading), 0);
                CHECK_STR(reading.text, "N U101 N U103 N ");
                CHECK_STR(unseen(t), "105 ");
                CHECK_STR(seen(t), "101@1 103@3 ");
                CHECK_INT(snapshot_write(t, path, &stamp), 0);
        }
        {
                _cleanup_snapshot_ SnapshotIndex *t = open_index(path);

                CHECK(t);
                reading.text[0] = '\0';
                CHECK_INT(read_all(t, RECORDS(1), &reading), 0);
                CHECK_STR(unseen(t), "102 103 104 ");
        }
}

TEST(a_mark_may_stand_more_than_once) {
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(1, 2, 3, 4, 5, 6, 7, 8), &reading), 0);
        CHECK_INT(snapshot_settle(s, 5, SNAPSHOT_FIRST_MARK), 0);
        CHECK_INT(snapshot_settle(s, 6, UINT32_MAX), 0);
        CHECK_INT(snapshot_settle(s, 7, UINT32_MAX), 0);
        CHECK_INT(snapshot_write(s, path, &stamp), 0);
        {
                _cleanup_snapshot_ SnapshotIndex *t = open_index(path);

                CHECK(t);
                reading.text[0] = '\0';
                CHECK_INT(read_all(t, RECORDS(1, 2, 3, 4, 5, 6, 7, 8), &reading), 0);
                CHECK_STR(reading.text, "U101 U102 U103 U104 U105 U2147483648 U4294967295 U4294967295 ");
        }
}

static int stop(uint64_t link, void *userdata) {
        return -ECANCELED;
}

static int stop_seen(uint64_t link, uint32_t record, void *userdata) {
        return -ECANCELED;
}

TEST(scans_stop_when_told) {
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(1), &reading), 0);
        CHECK_INT(snapshot_scan_unseen(s, stop, NULL), -ECANCELED);
        CHECK_INT(snapshot_scan_seen(s, stop_seen, NULL), -ECANCELED);
}

static int reason(const char *path, const SnapshotStamp *expected, const char *words) {
        _cleanup_snapshot_ SnapshotIndex *s = NULL;
        _cleanup_error_ Error *error = NULL;
        int r;

        r = snapshot_open(path, expected, &s, &error);
        if (r == SNAPSHOT_E_UNUSABLE && (!error || !strstr(error->text, words)))
                tap_fail(__FILE__, __LINE__, "not \"%s\" but \"%s\"", words, error_text(error, r));
        return r;
}

TEST(another_stamp_makes_it_unusable) {
        SnapshotStamp other;
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(1), &reading), 0);
        CHECK_INT(reason(path_of("nothing"), &stamp, "none yet"), SNAPSHOT_E_UNUSABLE);
        CHECK_INT(reason(tap_tmpdir(), &stamp, "truncated"), SNAPSHOT_E_UNUSABLE);
        /* Killed between the ledger's commit and the index: the ledger is a generation ahead. */
        other = stamp;
        other.generation++;
        CHECK_INT(reason(path, &other, "generation"), SNAPSHOT_E_UNUSABLE);
        other = stamp;
        other.configuration[31] = '0';
        CHECK_INT(reason(path, &other, "configuration"), SNAPSHOT_E_UNUSABLE);
        other = stamp;
        other.schema.hi++;
        CHECK_INT(reason(path, &other, "schema"), SNAPSHOT_E_UNUSABLE);
        other = stamp;
        other.secret_check.lo++;
        CHECK_INT(reason(path, &other, "another job"), SNAPSHOT_E_UNUSABLE);
}

TEST(a_truncated_or_lengthened_file_is_unusable) {
        _cleanup_free_ char *data = NULL;
        const char *bad = path_of("bad-length");
        size_t size;
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(1), &reading), 0);
        CHECK_INT(file_read_full(path, 1 << 20, &data, &size), 0);
        for (size_t n = 0; n < size; n++) {
                CHECK_INT(file_write_atomic(bad, data, n, 0600), 0);
                CHECK_INT(reason(bad, &stamp, "it is"), SNAPSHOT_E_UNUSABLE);
        }
        /* file_read_full() has put a NUL behind it. */
        CHECK_INT(file_write_atomic(bad, data, size + 1, 0600), 0);
        CHECK_INT(reason(bad, &stamp, "it is"), SNAPSHOT_E_UNUSABLE);
        CHECK_INT(file_write_atomic(bad, data, size, 0600), 0);
        CHECK_INT(reason(bad, &stamp, ""), 0);
}

TEST(no_bit_can_flip_unnoticed) {
        _cleanup_free_ char *data = NULL;
        const char *bad = path_of("bad-bits");
        _cleanup_close_ int fd = -1;
        size_t size;
        FIVE(s);

        CHECK_INT(read_all(s, RECORDS(1), &reading), 0);
        CHECK_INT(file_read_full(path, 1 << 20, &data, &size), 0);
        CHECK_INT(file_write_atomic(bad, data, size, 0600), 0);
        fd = open(bad, O_RDWR | O_CLOEXEC);
        CHECK(fd >= 0);
        for (size_t bit = 0; bit < 8 * size; bit++) {
                char c = (char) (data[bit / 8] ^ 1 << bit % 8);

                CHECK_INT(pwrite(fd, &c, 1, (off_t) (bit / 8)), 1);
                CHECK_INT(reason(bad, &stamp, ""), SNAPSHOT_E_UNUSABLE);
                CHECK_INT(pwrite(fd, &data[bit / 8], 1, (off_t) (bit / 8)), 1);
        }
        CHECK_INT(reason(bad, &stamp, ""), 0);
}

TEST(a_failed_write_leaves_the_old_index) {
        _cleanup_free_ char *temporary = NULL;
        FIVE(s);

        /* Something that cannot be overwritten stands where the new one would be made. */
        CHECK(asprintf(&temporary, "%s.new", path) > 0);
        CHECK_INT(mkdir(temporary, 0700), 0);
        CHECK_INT(read_all(s, RECORDS(1, 2), &reading), 0);
        CHECK(snapshot_write(s, path, &stamp) < 0);
        CHECK_INT(rmdir(temporary), 0);
        {
                _cleanup_snapshot_ SnapshotIndex *t = open_index(path);

                CHECK(t);
                reading.text[0] = '\0';
                CHECK_INT(read_all(t, RECORDS(1, 2, 3, 4, 5), &reading), 0);
                CHECK(snapshot_is_identical(t));
        }
        /* What a kill left there is overwritten. */
        CHECK_INT(file_write_atomic(temporary, "half", 4, 0600), 0);
        CHECK_INT(snapshot_write(s, path, &stamp), 0);
        CHECK_INT(access(temporary, F_OK), -1);
        CHECK_INT(reason(path, &stamp, ""), 0);
}

TEST(the_steady_state_allocates_nothing) {
        const char *path = path_of(__func__);
        const unsigned n = 200000;
        SnapshotMatch match;
        struct rusage before, after;
        uint64_t link;
        uint32_t record;

        CHECK_INT(make_index(path, n), 0);
        {
                _cleanup_snapshot_ SnapshotIndex *s = open_index(path);

                CHECK(s);
                CHECK_INT(getrusage(RUSAGE_SELF, &before), 0);
                for (unsigned i = 1; i <= n; i++) {
                        CHECK_INT(snapshot_next(s, print_of(i), &match, &link, &record), 0);
                        CHECK_INT(match, SNAPSHOT_UNCHANGED);
                        CHECK_INT(link, 100 + i);
                }
                CHECK_INT(getrusage(RUSAGE_SELF, &after), 0);
                CHECK(snapshot_is_identical(s));
                /* The file is 4 MB, and mapped before. */
                CHECK(after.ru_minflt - before.ru_minflt < 100);
        }
}

/* A second, naive implementation: a list of rows, searched from end to end. */
typedef struct Naive {
        unsigned rows[64], links[64], n_rows;
        bool seen[64];
} Naive;

static unsigned random_below(uint64_t *state, unsigned n) {
        *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (unsigned) ((*state >> 33) % n);
}

TEST(random_readings_agree_with_a_naive_index) {
        uint64_t state = 42;
        const char *path = path_of(__func__);

        for (unsigned history = 0; history < 100; history++) {
                Naive naive = {};

                CHECK_INT(make_index(path, 0), 0);
                for (unsigned reading = 0; reading < 12; reading++) {
                        _cleanup_snapshot_ SnapshotIndex *s = open_index(path);
                        unsigned links[64] = {}, records[64], n = 0, times[256] = {};
                        Naive next = {};

                        CHECK(s);
                        /* The records of last time, some gone, some swapped, some new. */
                        for (unsigned i = 0; i < naive.n_rows && n < 50; i++)
                                if (random_below(&state, 10) > 0)
                                        records[n++] = naive.rows[i];
                        while (n < 20 || (n < 60 && random_below(&state, 3) == 0))
                                records[n++] = 1 + random_below(&state, 80);
                        for (unsigned i = random_below(&state, 3); i > 0; i--) {
                                unsigned a = random_below(&state, n), b = random_below(&state, n), c = records[a];

                                records[a] = records[b];
                                records[b] = c;
                        }
                        for (unsigned i = 0; i < n; i++)
                                times[records[i]]++;
                        for (unsigned i = 0; i < n; i++) {
                                SnapshotMatch match, expected = SNAPSHOT_NEW;
                                unsigned found = 64;
                                uint32_t record;
                                uint64_t link;

                                for (unsigned j = 0; j < naive.n_rows; j++)
                                        if (naive.links[j] > 0 && naive.rows[j] == records[i])
                                                found = j;
                                if (found < 64) {
                                        expected = naive.seen[found] ? SNAPSHOT_REPEATED : SNAPSHOT_UNCHANGED;
                                        naive.seen[found] = true;
                                }
                                CHECK_INT(snapshot_next(s, print_of(records[i]), &match, &link, &record), 0);
                                CHECK_INT(match, expected);
                                CHECK_INT(record, i);
                                CHECK_INT(link, found < 64 ? naive.links[found] : 0);
                                /* What is there twice is settled neither time (E2). */
                                if (times[records[i]] > 1)
                                        CHECK_INT(snapshot_unsettle(s, record, 0), 0);
                                else if (match == SNAPSHOT_UNCHANGED)
                                        links[i] = (unsigned) link;
                                else if (random_below(&state, 4) > 0) {
                                        links[i] = 1000 + records[i];
                                        CHECK_INT(snapshot_settle(s, record, links[i]), 0);
                                }
                                next.rows[i] = records[i];
                                next.links[i] = links[i];
                        }
                        next.n_rows = n;
                        naive = next;
                        CHECK_INT(snapshot_write(s, path, &stamp), 0);
                }
        }
}
