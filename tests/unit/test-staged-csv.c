/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "staged-csv.h"

#include <errno.h>
#include <stdio.h>

#include "mime.h"
#include "tap.h"
#include "time-util.h"

static const struct {
        const char *value, *cell;
} cells[] = {
        { NULL, "" },
        { "", "" },
        { "plain", "plain" },
        { "with, comma", "\"with, comma\"" },
        { "with \"quotes\"", "\"with \"\"quotes\"\"\"" },
        { "two\r\nlines", "\"two\r\nlines\"" },
        { " blank ", "\" blank \"" },
        { "=1+1", "'=1+1" },
        { "+1", "'+1" },
        { "-1", "'-1" },
        { "@SUM(A1)", "'@SUM(A1)" },
        { "  =1", "\"'  =1\"" },
        { "\t=1", "'\t=1" },
        { "\r=1", "\"'\r=1\"" },
        { "\n=1", "\"'\n=1\"" },
        { "＝1", "'＝1" },
        { "=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"" },
        { "a=b", "a=b" },
        { "M\xc3\xbcller", "M\xc3\xbcller" },
        { "bad\xff", "bad\xef\xbf\xbd" },
};

TEST(no_cell_starts_a_formula_and_every_cell_can_be_read_back) {
        for (size_t i = 0; i < ELEMENTSOF(cells); i++) {
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

                staged_csv_append_cell(&b, cells[i].value);
                CHECK_STR(strempty(b.data), cells[i].cell);
        }
}

TEST(a_row_has_the_columns_of_its_header) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        Staged s = {
                .kind = OBJECT_KIND_USER, .source_id = "A1", .target_id = "t-1", .display_name = "Doe, Jane",
                .action = CHANGE_DELETE, .cause = CAUSE_DELETED, .staged_at = UINT64_C(1795324660123456),
        };

        staged_csv_append(&b, &s, NULL);
        CHECK_STR(b.data, "user,A1,t-1,\"Doe, Jane\",Delete,deleted,2026-11-22T05:17:40.123456Z,,,,,\r\n");
        strbuf_clear(&b);
        s.kind = OBJECT_KIND_GROUP;
        s.action = CHANGE_MEMBERS;
        s.cause = CAUSE_NONE;
        s.target_id = NULL;
        staged_csv_append(&b, &s, "A2");
        CHECK_STR(b.data, "group,A1,,\"Doe, Jane\",Members,,2026-11-22T05:17:40.123456Z,A2,,,,\r\n");
}

TEST(r5_a_second_wave_says_when_the_first_was_and_who_allowed_it) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        Staged s = {
                .kind = OBJECT_KIND_USER, .source_id = "A1", .action = CHANGE_DELETE, .cause = CAUSE_DELETED, .staged_at = 1,
                .disabled = { .at = UINT64_C(1795324660123456), .cause = CAUSE_SOFT_DELETED, .user = "=alice", .review = "r1" },
        };

        staged_csv_append(&b, &s, NULL);
        CHECK_STR(b.data, "user,A1,,,Delete,deleted,1970-01-01T00:00:00.000001Z,,2026-11-22T05:17:40.123456Z,soft-deleted,'=alice,r1\r\n");
}

static int fill(StagedList *l, unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                char id[16], name[64];
                Staged s = {
                        .kind = OBJECT_KIND_USER, .source_id = id, .target_id = id, .display_name = name,
                        .action = CHANGE_DELETE, .cause = CAUSE_DELETED, .staged_at = UINT64_C(1795324660123456),
                };
                int r;

                (void) snprintf(id, sizeof(id), "u%07u", i);
                (void) snprintf(name, sizeof(name), "Given%u Family%u", i * 7919 % 10007, i * 104729 % 20011);
                r = staged_list_add(l, &s, NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

TEST(n3_twenty_thousand_objects_make_a_sensible_size) {
        _cleanup_(staged_list_freep) StagedList *l = staged_list_new(1024 * 1024);
        _cleanup_free_ char *packed = NULL, *csv = NULL;
        _cleanup_free_ void *gzip = NULL;
        uint64_t rows, bytes;
        size_t size, csv_size, lines = 0;

        CHECK(l);
        CHECK_INT(fill(l, 20000), 0);
        CHECK_INT(staged_list_finish(l, &packed, &rows, &bytes), 0);
        CHECK_INT(rows, 20000);
        CHECK(strlen(packed) < 700 * 1024);
        CHECK_INT(mime_decode_base64(packed, &gzip, &size), 0);
        CHECK_INT(staged_list_unpack(gzip, size, 4 << 20, &csv, &csv_size), 0);
        CHECK_INT(csv_size, bytes);
        CHECK(startswith(csv, STAGED_CSV_HEADER "user,u0000000,u0000000,"));
        for (size_t i = 0; i < csv_size; i++)
                lines += csv[i] == '\n';
        CHECK_INT(lines, 20001);
}

TEST(a_list_above_its_limit_is_cut_and_says_how_many_it_has) {
        _cleanup_(staged_list_freep) StagedList *l = staged_list_new(50000);
        _cleanup_free_ char *packed = NULL, *csv = NULL;
        _cleanup_free_ void *gzip = NULL;
        uint64_t rows, bytes;
        size_t size, csv_size, lines = 0;

        CHECK(l);
        CHECK_INT(fill(l, 20000), 0);
        CHECK_INT(staged_list_finish(l, &packed, &rows, &bytes), 0);
        CHECK(rows > 0 && rows < 20000);
        CHECK(strlen(packed) < 200000);
        CHECK_INT(mime_decode_base64(packed, &gzip, &size), 0);
        CHECK_INT(staged_list_unpack(gzip, size, 4 << 20, &csv, &csv_size), 0);
        for (size_t i = 0; i < csv_size; i++)
                lines += csv[i] == '\n';
        CHECK_INT(lines, rows + 1);
}

TEST(a_damaged_list_is_noticed) {
        _cleanup_(staged_list_freep) StagedList *l = staged_list_new(50000);
        _cleanup_free_ char *packed = NULL;
        _cleanup_free_ uint8_t *gzip = NULL;
        uint64_t rows, bytes;
        char *csv = NULL;
        size_t size, csv_size;

        CHECK(l);
        CHECK_INT(fill(l, 100), 0);
        CHECK_INT(staged_list_finish(l, &packed, &rows, &bytes), 0);
        CHECK_INT(mime_decode_base64(packed, (void **) &gzip, &size), 0);
        CHECK_INT(staged_list_unpack(gzip, size, 100, &csv, &csv_size), -E2BIG);
        CHECK_INT(staged_list_unpack(gzip, size - 1, 1 << 20, &csv, &csv_size), -EBADMSG);
        CHECK_INT(staged_list_unpack(gzip, 0, 1 << 20, &csv, &csv_size), -EBADMSG);
        gzip[size / 2] ^= 0x55;
        CHECK_INT(staged_list_unpack(gzip, size, 1 << 20, &csv, &csv_size), -EBADMSG);
        CHECK(!csv);
}
