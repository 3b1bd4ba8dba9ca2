/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "connector-test.h"
#include "file-util.h"
#include "tap.h"

/* One users file with this content, read to its end. */
static int read_users(const char *data, size_t size, Reading *ret) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;

        c = test_config(true, "json", "Users", tap_write_file("users.jsonl", data, size), NULL);
        return read_all(c, ret, NULL);
}

static bool contains(const char *text, const char *part) {
        if (text && strstr(text, part))
                return true;
        tap_diag("\"%s\" lacks \"%s\"", strempty(text), part);
        return false;
}

#define CHECK_CONTAINS(text, part) CHECK(contains((text), (part)))

/* Content that is given as a string literal, NUL bytes and all. */
#define READ_USERS(literal, ret) read_users(literal, sizeof(literal) - 1, (ret))

TEST(users_and_groups_are_read_in_this_order) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
        _cleanup_reading_ Reading r = {};
        const char users[] = "{\"id\":\"u1\",\"userName\":\"a\"}\n{\"userName\":\"b\",\"id\":2}\n";
        const char groups[] = "{\"id\":\"g1\",\"displayName\":\"G\",\"members\":[{\"value\":\"u1\"},{\"value\":\"2\"}]}\n";

        c = test_config(true, "json", "Users", tap_write_file("u.jsonl", users, strlen(users)), "Groups",
                        tap_write_file("g.jsonl", groups, strlen(groups)), NULL);
        CHECK_INT(read_all(c, &r, NULL), 0);
        CHECK(r.complete);
        CHECK_STR(r.ids, "u:u1 u:2 g:g1 ");
        CHECK_STR(r.last->members[1], "u1");
        CHECK_STR(object_get_string(object_attributes(r.last), "displayName"), "G");
}

TEST(one_file_with_a_kind_in_each_record) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
        _cleanup_(source_freep) Source *s = NULL;
        _cleanup_reading_ Reading r = {};
        const char all[] = "{\"kind\":\"group\",\"id\":\"x\"}\n{\"kind\":\"user\",\"id\":\"x\"}\n";

        c = test_config(true, "json", "File", tap_write_file("all.jsonl", all, strlen(all)), NULL);
        CHECK_INT(read_all(c, &r, NULL), 0);
        CHECK(r.complete);
        CHECK_STR(r.ids, "g:x u:x ");
        CHECK(!json_object_object_get(object_attributes(r.last), "kind"));
        CHECK_INT(source_open(c, &s, NULL), 0);
        CHECK_INT(s->kinds, 3);
        CHECK_STR(s->schema, "json;Id=id;kind");
}

TEST(e2_a_record_whose_kind_is_unknown_could_be_anybodys) {
        static const char *const table[] = { "{\"id\":\"x\"}\n", "{\"id\":\"x\",\"kind\":\"User\"}\n",
                                             "{\"id\":\"x\",\"kind\":1}\n", "[]\n" };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
                _cleanup_reading_ Reading r = {};

                c = test_config(true, "json", "File", tap_write_file("all.jsonl", table[i], strlen(table[i])), NULL);
                CHECK_INT(read_all(c, &r, NULL), 0);
                CHECK(!r.complete);
                CHECK_STR(r.ids, "? ");
        }
}

TEST(only_what_is_named_is_provisioned) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
        _cleanup_(source_freep) Source *s = NULL;

        c = test_config(true, "json", "Groups", tap_write_file("g.jsonl", "", 0), "Id", "uid", NULL);
        CHECK_INT(source_open(c, &s, NULL), 0);
        CHECK_INT(s->kinds, OBJECT_KIND_MASK(OBJECT_KIND_GROUP));
        CHECK_STR(s->schema, "json;Id=uid");
}

TEST(another_attribute_can_be_the_id) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
        _cleanup_reading_ Reading r = {};
        const char users[] = "{\"id\":\"no\",\"uid\":\"yes\"}\n";

        c = test_config(true, "json", "Users", tap_write_file("u.jsonl", users, strlen(users)), "Id", "uid", NULL);
        CHECK_INT(read_all(c, &r, NULL), 0);
        CHECK_STR(r.ids, "u:yes ");
        CHECK_STR(object_get_string(object_attributes(r.last), "id"), "no");
}

TEST(crlf_empty_lines_and_a_byte_order_mark_do_not_matter) {
        _cleanup_reading_ Reading r = {};

        CHECK_INT(READ_USERS("\xef\xbb\xbf{\"id\":\"a\"}\r\n\r\n \t\n\n{\"id\":\"b\"}\n\n", &r), 0);
        CHECK(r.complete);
        CHECK_STR(r.ids, "u:a u:b ");
}

TEST(lines_are_counted_from_one_with_empty_ones) {
        _cleanup_reading_ Reading r = {};

        CHECK_INT(READ_USERS("{\"id\":\"a\"}\n\n\r\n{\"id\":\n", &r), 0);
        CHECK_CONTAINS(r.reason, "users.jsonl:4: ");
}

TEST(e1_truncated_at_any_byte_it_is_never_complete_with_less) {
        static const char whole[] = "\xef\xbb\xbf{\"id\":\"a\",\"n\":{\"x\":[1,\"}\"]}}\r\n\n{\"id\":\"\xc3\xa4\"}\n{\"id\":\"c\"}\n";

        for (size_t n = 0; n < sizeof(whole); n++) {
                _cleanup_reading_ Reading r = {};
                bool at_end;

                CHECK_INT(read_users(whole, n, &r), 0);
                /* Exactly behind a line end nothing can be known: that is what the guard is for. */
                at_end = n == 0 || n == 3 || whole[n - 1] == '\n';
                if (r.complete != at_end)
                        tap_diag("cut at %zu: %s", n, strempty(r.reason));
                CHECK(r.complete == at_end);
                CHECK_INT(r.n_invalid + r.n_invalid_known, 0);
                if (!at_end && n > 3) {
                        CHECK_CONTAINS(r.reason, "users.jsonl:");
                        CHECK_CONTAINS(r.reason, "ends in the middle of a record");
                }
        }
}

TEST(e1_a_last_line_without_newline_is_incomplete_even_if_it_parses) {
        _cleanup_reading_ Reading r = {};

        CHECK_INT(READ_USERS("{\"id\":\"a\"}\n{\"id\":\"b\"}", &r), 0);
        CHECK(!r.complete);
        CHECK_STR(r.ids, "u:a ");
        CHECK_CONTAINS(r.reason, "users.jsonl:2: the file ends in the middle of a record: its last line has no newline");
}

TEST(e3_an_empty_file_is_a_complete_reading_of_nothing) {
        _cleanup_reading_ Reading r = {}, bom = {};

        CHECK_INT(READ_USERS("", &r), 0);
        CHECK(r.complete);
        CHECK_STR(r.ids, "");
        CHECK_INT(READ_USERS("\xef\xbb\xbf\n", &bom), 0);
        CHECK(bom.complete);
}

TEST(e1_what_is_no_readable_file_is_told_apart) {
        _cleanup_free_ char *dir = NULL, *fifo = NULL, *sock = NULL;
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;
        const struct {
                const char *path, *text;
        } table[] = {
                { dir = path_join(tap_tmpdir(), "dir"), "dir: this is a directory, not a file" },
                { fifo = path_join(tap_tmpdir(), "fifo"), "fifo: this is a FIFO, not a file" },
                { sock = path_join(tap_tmpdir(), "sock"), "sock: this is a socket, not a file" },
                { "/dev/null", "/dev/null: this is a device, not a file" },
                { "/nowhere/users.jsonl", "/nowhere/users.jsonl: there is no such file" },
                { "/proc/self/mem", "/proc/self/mem:1: cannot be read on: Input/output error" },
        };

        CHECK_INT(mkdir(dir, 0700), 0);
        CHECK_INT(mkfifo(fifo, 0600), 0);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(strlen(sock) < sizeof(addr.sun_path));
        strcpy(addr.sun_path, sock);
        CHECK_INT(bind(fd, (struct sockaddr *) &addr, sizeof(addr)), 0);

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
                _cleanup_reading_ Reading r = {};

                c = test_config(true, "json", "Users", table[i].path, NULL);
                CHECK_INT(read_all(c, &r, NULL), 0);
                CHECK(!r.complete);
                CHECK_CONTAINS(r.reason, table[i].text);
        }
}

TEST(e1_a_file_that_may_not_be_read_is_incomplete) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
        _cleanup_reading_ Reading r = {};
        const char *path = tap_write_file("secret.jsonl", "{\"id\":\"a\"}\n", 11);
        bool root = geteuid() == 0;
        int result;

        CHECK_INT(chmod(path, 0), 0);
        c = test_config(true, "json", "Users", path, NULL);
        /* Root may read everything. */
        if (root)
                CHECK_INT(seteuid(65534), 0);
        result = read_all(c, &r, NULL);
        if (root)
                CHECK_INT(seteuid(0), 0);
        CHECK_INT(result, 0);
        CHECK(!r.complete);
        CHECK_CONTAINS(r.reason, "secret.jsonl: cannot be opened: Permission denied");
}

TEST(e1_without_the_groups_users_are_still_read) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
        _cleanup_reading_ Reading r = {};

        c = test_config(true, "json", "Users", tap_write_file("u.jsonl", "{\"id\":\"a\"}\n", 11), "Groups",
                        "/nowhere/groups.jsonl", NULL);
        CHECK_INT(read_all(c, &r, NULL), 0);
        CHECK_STR(r.ids, "u:a ");
        CHECK(!r.complete);
        CHECK_CONTAINS(r.reason, "/nowhere/groups.jsonl: there is no such file");
}

/* What happens to the file between the first record and the end. */
typedef void (*Accident)(const char *path);

static void replace(const char *path) {
        (void) file_write_atomic(path, "{\"id\":\"z\"}\n", 11, 0600);
}

static void truncate_it(const char *path) {
        if (truncate(path, 11) < 0)
                abort();
}

static void append(const char *path) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

        (void) loop_write(fd, "{\"id\":\"z\"}\n", 11);
}

static void overwrite(const char *path) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        /* A clock tick later: within one the kernel gives the same time. */
        (void) usleep(20 * 1000);
        (void) loop_write(fd, "{\"id\":\"y\"}\n", 11);
}

static void overwrite_and_hide(const char *path) {
        struct timespec times[2];
        struct stat st;

        (void) stat(path, &st);
        overwrite(path);
        times[0] = st.st_atim;
        times[1] = st.st_mtim;
        (void) utimensat(AT_FDCWD, path, times, 0);
}

static void remove_it(const char *path) {
        (void) unlink(path);
}

static void nothing(const char *path) {
        (void) path;
}

TEST(e1_a_file_that_changes_while_it_is_read_is_incomplete) {
        static const struct {
                Accident accident;
                const char *text;
        } table[] = {
                { nothing, NULL },
                { replace, "users.jsonl: it was replaced while it was read" },
                { truncate_it, "users.jsonl: it shrank while it was read" },
                { append, "users.jsonl: it grew while it was read" },
                { overwrite, "users.jsonl: it was changed while it was read" },
                { overwrite_and_hide, "users.jsonl: it was changed while it was read" },
                { remove_it, "users.jsonl: it went away while it was read" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
                _cleanup_(source_freep) Source *s = NULL;
                SourceEvidence e = {};
                SourceRecord record;
                const char *path;

                path = tap_write_file("users.jsonl", "{\"id\":\"a\"}\n{\"id\":\"b\"}\n", 22);
                c = test_config(true, "json", "Users", path, NULL);
                CHECK_INT(source_open(c, &s, NULL), 0);
                CHECK_INT(s->vtable->next(s, &record), SOURCE_E_RECORD);
                table[i].accident(path);
                while (s->vtable->next(s, &record) == SOURCE_E_RECORD)
                        ;
                CHECK_INT(s->vtable->evidence(s, &e), 0);
                if (table[i].text) {
                        CHECK(!e.complete);
                        CHECK_CONTAINS(e.reason->text, table[i].text);
                        CHECK_INT(e.reason->scope, ERROR_SCOPE_SOURCE);
                } else
                        CHECK(e.complete);
                source_evidence_done(&e);
                source_evidence_done(&e);
        }
}

TEST(e1_users_replaced_while_groups_are_read_are_noticed_too) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
        _cleanup_(source_freep) Source *s = NULL;
        SourceEvidence e = {};
        SourceRecord record;
        const char *users = tap_write_file("u.jsonl", "", 0);

        c = test_config(true, "json", "Users", users, "Groups", tap_write_file("g.jsonl", "{\"id\":\"g\"}\n", 11), NULL);
        CHECK_INT(source_open(c, &s, NULL), 0);
        CHECK_INT(s->vtable->next(s, &record), SOURCE_E_RECORD);
        CHECK_INT(record.kinds, OBJECT_KIND_MASK(OBJECT_KIND_GROUP));
        replace(users);
        CHECK_INT(s->vtable->next(s, &record), 0);
        CHECK_INT(s->vtable->evidence(s, &e), 0);
        CHECK(!e.complete);
        CHECK_CONTAINS(e.reason->text, "u.jsonl: it was replaced");
        source_evidence_done(&e);
}

TEST(e1_a_reading_that_was_not_ended_is_not_complete) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
        _cleanup_(source_freep) Source *s = NULL;
        SourceEvidence e = {};
        SourceRecord record;

        c = test_config(true, "json", "Users", tap_write_file("u.jsonl", "{\"id\":\"a\"}\n{\"id\":\"b\"}\n", 22), NULL);
        CHECK_INT(source_open(c, &s, NULL), 0);
        CHECK_INT(s->vtable->next(s, &record), SOURCE_E_RECORD);
        CHECK_INT(s->vtable->evidence(s, &e), 0);
        CHECK(!e.complete);
        CHECK_CONTAINS(e.reason->text, "not read to its end");
        source_evidence_done(&e);
}

TEST(e2_an_unusable_record_with_an_id_is_seen_but_invalid) {
        static const struct {
                const char *record, *ids, *text;
        } table[] = {
                { "{\"id\":\"a\",\"n\":\"\xfc\"}", "!u:a ", "users.jsonl:1: column 16: this is no UTF-8" },
                { "{\"id\":\"a\",\"n\":\"x\\u0000y\"}", "!u:a ", "users.jsonl:1: a NUL character" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_reading_ Reading r = {};
                _cleanup_free_ char *line = NULL;

                CHECK(asprintf(&line, "%s\n", table[i].record) > 0);
                CHECK_INT(read_users(line, strlen(line), &r), 0);
                CHECK_STR(r.ids, table[i].ids);
                CHECK(r.complete);
                CHECK_CONTAINS(r.invalid_text, table[i].text);
        }
}

TEST(e2_members_that_are_no_members_make_a_group_invalid) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
        _cleanup_reading_ Reading r = {};
        const char groups[] = "{\"id\":\"g\",\"members\":\"u1\"}\n{\"id\":\"h\"}\n";

        c = test_config(true, "json", "Groups", tap_write_file("g.jsonl", groups, strlen(groups)), NULL);
        CHECK_INT(read_all(c, &r, NULL), 0);
        CHECK_STR(r.ids, "!g:g g:h ");
        CHECK(r.complete);
        CHECK_CONTAINS(r.invalid_text, "g.jsonl:1: members is not an array");
}

TEST(e2_what_says_two_things_of_a_removal_says_nothing) {
        static const char *const table[] = {
                "\"active\":true,\"active\":false", "\"Active\":true,\"ACTIVE\":false", "\"ACTIVE\":false,\"active\":true",
                "\"\\u0061ctive\":false,\"active\":true", "\"active\":true,\"x\":\"\\n\",\"Active\":false",
                "\"deleted\":false,\"Deleted\":true", "\"members\":[],\"Members\":[\"a\"]", "\"members\":[\"a\"],\"m\\u0065mbers\":[]",
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
                _cleanup_reading_ Reading r = {};
                char line[256];

                (void) snprintf(line, sizeof(line), "{\"id\":\"x\",%s}\n", table[i]);
                c = test_config(true, "json", "Groups", tap_write_file("g.jsonl", line, strlen(line)), NULL);
                CHECK_INT(read_all(c, &r, NULL), 0);
                CHECK_STR(r.ids, "!g:x ");
                CHECK(r.complete);
                CHECK_CONTAINS(r.invalid_text, "stands twice");
        }
}

TEST(e2_a_record_of_two_kinds_could_be_anybodys) {
        static const char *const table[] = { "\"kind\":\"user\",\"kind\":\"group\"", "\"kind\":\"user\",\"\\u006bind\":\"group\"" };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
                _cleanup_reading_ Reading r = {};
                char line[256];

                (void) snprintf(line, sizeof(line), "{\"id\":\"x\",%s}\n", table[i]);
                c = test_config(true, "json", "File", tap_write_file("all.jsonl", line, strlen(line)), NULL);
                CHECK_INT(read_all(c, &r, NULL), 0);
                CHECK_STR(r.ids, "? ");
                CHECK(!r.complete);
                CHECK_CONTAINS(r.reason, "\"kind\" stands twice");
        }
}

TEST(members_that_are_null_say_nothing) {
        static const char *const table[] = { "{\"id\":\"g\",\"members\":null}\n", "{\"id\":\"g\",\"x\":\"\\n\",\"members\":null}\n", "{\"id\":\"g\"}\n" };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
                _cleanup_reading_ Reading r = {};

                c = test_config(true, "json", "Groups", tap_write_file("g.jsonl", table[i], strlen(table[i])), NULL);
                CHECK_INT(read_all(c, &r, NULL), 0);
                CHECK_STR(r.ids, "g:g ");
                CHECK(!r.last->members);
        }
}

/* In place, of the same size, at once: a file's times tick slowly. */
TEST(e1_a_file_that_is_written_again_at_once_is_not_read_whole) {
        const char first[] = "{\"id\":\"a\"}\n{\"id\":\"b\"}\n", second[] = "{\"id\":\"b\"}\n{\"id\":\"c\"}\n";

        for (unsigned i = 0; i < 30; i++) {
                const char *path = tap_write_file("users.jsonl", first, strlen(first));
                _cleanup_(test_config_freep) ConnectorConfig *c = test_config(true, "json", "Users", path, NULL);
                _cleanup_(source_freep) Source *s = NULL;
                _cleanup_close_ int fd = -1;
                SourceEvidence e = {};
                SourceRecord record;

                CHECK_INT(source_open(c, &s, NULL), 0);
                fd = open(path, O_WRONLY | O_CLOEXEC);
                CHECK_INT(pwrite(fd, second, strlen(second), 0), (ssize_t) strlen(second));
                while (s->vtable->next(s, &record) == SOURCE_E_RECORD)
                        ;
                CHECK_INT(s->vtable->evidence(s, &e), 0);
                CHECK(!e.complete);
                source_evidence_done(&e);
        }
}

TEST(e2_a_record_that_could_be_anybodys_makes_the_reading_incomplete) {
        static const struct {
                const char *record;
                size_t size;
                const char *text;
        } table[] = {
#define RECORD(literal) literal, sizeof(literal) - 1
                { RECORD("{\"userName\":\"x\"}"), "the record has no attribute \"id\"" },
                { RECORD("{\"ID\":\"x\"}"), "the record has no attribute \"id\" but \"ID\"" },
                { RECORD("{\"id\":\"\"}"), "\"id\" is empty" },
                { RECORD("{\"id\":\" \"}"), "\"id\" begins or ends with a blank" },
                { RECORD("{\"id\":\"first \"}"), "\"id\" begins or ends with a blank" },
                { RECORD("{\"id\":\"\\nfirst\"}"), "\"id\" begins or ends with a blank" },
                { RECORD("{\"id\":\"first \",\"a\":\"\xff\"}"), "column 21: this is no UTF-8" },
                { RECORD("{\"id\":null}"), "\"id\" is neither" },
                { RECORD("{\"id\":1.5}"), "\"id\" is neither" },
                { RECORD("{\"id\":\"x\\u0000y\"}"), "\"id\" holds a NUL byte" },
                { RECORD("{\"id\":\"\xfc\"}"), "column 8: this is no UTF-8" },
                { RECORD("{\"id\":\"x\",\"a\":\"\xff\"} {\"id\":\"y\"}"), "this is no UTF-8" },
                { RECORD("{\"id\":\"x\",\"a\":\"\0\"}"), "column 16: a NUL byte" },
                { RECORD("{\"id\":\"x\"}{\"id\":\"y\"}"), "text after the end" },
                { RECORD("{\"id\":\"x\",\"a\":\"b,\"id\":\"y\"}"), "column" },
                { RECORD("{\"id\":\"x\",\"id\":\"y\"}"), "\"id\" stands twice" },
                { RECORD("{\"id\":\"x\",\"\\u0069d\":\"y\"}"), "\"id\" stands twice" },
                { RECORD("{\"id\":\"x\",\"id\\u0000z\":\"y\"}"), "\"id\" stands twice" },
                { RECORD("{\"id\":18446744073709551616}"), "a number that is too large" },
                { RECORD("{\"id\":-9223372036854775809}"), "a number that is too large" },
                { RECORD("[\"id\"]"), "not a JSON object" },
                { RECORD("\"id\""), "not a JSON object" },
                { RECORD("{\"id\":\"x\""), "ends too early" },
                { RECORD("id,userName"), "column" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_reading_ Reading r = {};
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

                strbuf_puts(&b, "{\"id\":\"first\"}\n");
                strbuf_append(&b, table[i].record, table[i].size);
                strbuf_puts(&b, "\n{\"id\":\"last\"}\n");
                CHECK_INT(read_users(b.data, b.size, &r), 0);
                CHECK_STR(r.ids, "u:first ? u:last ");
                CHECK(!r.complete);
                CHECK_CONTAINS(r.reason, "users.jsonl:2: ");
                CHECK_CONTAINS(r.reason, table[i].text);
                CHECK_STR(r.reason, r.invalid_text);
        }
}

TEST(e1_utf16_is_named) {
        _cleanup_reading_ Reading r = {};

        CHECK_INT(READ_USERS("\xff\xfe{\0\"\0i\0d\0\"\0:\0\"\0a\0\"\0}\0\n\0", &r), 0);
        CHECK(!r.complete);
        CHECK_CONTAINS(r.reason, "users.jsonl:1: this is UTF-16");
}

TEST(records_larger_than_the_buffer_come_whole) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        _cleanup_reading_ Reading r = {};
        size_t n = 3 * 1024 * 1024;

        /* Sizes around a power of two, so that a record ends on each side of a buffer's end. */
        for (size_t i = 0; i < 20; i++)
                strbuf_printf(&b, "{\"id\":\"%zu\",\"x\":\"%*s\"}\n", i, (int) (256 * 1024 - 30 + i), "x");
        strbuf_printf(&b, "{\"id\":\"big\",\"x\":\"%*s\"}\n", (int) n, "x");
        strbuf_puts(&b, "{\"id\":\"end\"}\n");
        CHECK_INT(read_users(b.data, b.size, &r), 0);
        CHECK(r.complete);
        CHECK_INT(r.n_users, 22);
        CHECK_CONTAINS(r.ids, "u:19 u:big u:end ");
}

/* ---- both ways to read a record ---- */

typedef struct Parsed {
        Object *object;
        ObjectKind kind;
        char *id;
        Error *error;
} Parsed;

static void parsed_done(Parsed *p) {
        object_free(p->object);
        free(p->id);
        error_free(p->error);
}

static int parse(Source *s, uint32_t kinds, const char *text, size_t size, Parsed *ret) {
        const SourceRecord record = { .kinds = kinds, .data = text, .size = size, .file = "f", .line = 1 };

        *ret = (Parsed) {};
        return s->vtable->parse(s, &record, &ret->object, &ret->kind, &ret->id, &ret->error);
}

static bool same_object(const Object *a, Object *b) {
        _cleanup_strbuf_ StrBuf x = STRBUF_INIT, y = STRBUF_INIT;

        if (a->text)
                strbuf_puts(&x, a->text);
        else if (json_canonical(a->attributes, &x) < 0)
                return false;
        return object_attributes(b) && json_canonical(b->attributes, &y) == 0 && streq(x.data, y.data) && a->kind == b->kind &&
               streq(a->id, b->id) && !a->members == !b->members && strv_equal(a->members, b->members) &&
               streq(object_display_name(a), object_display_name(b));
}

/* A tab before it is no part of a record, and makes it go the long way. What the short way gives up on goes it as well. */
TEST(e2_the_short_way_to_read_a_record_ends_where_the_long_way_does) {
        static const char *const names[] = { "id", "ID", "kind", "Kind", "active", "Active", "ACTIVE", "deleted", "Deleted", "members", "Members", "displayName",
                                             "displayname", "DisplayName", "userName", "USERNAME", "value", "x", "y", "\xc3\xa4", "", "\x7f", "a\\u0062" };
        static const char *const values[] = { "\"a\"", "\"b\"", "\"\"", "\"user\"", "\"group\"", "null", "true", "false", "0", "1", "-0", "00", "-7", "1.0", "1e2",
                                              "999999999999999999", "18446744073709551615", "18446744073709551616", "-9223372036854775808", "[]", "{}", "[null]",
                                              "[\"m\",\"a\",\"m\"]", "[{\"value\":\"m\"},7]", "[{\"value\":\"\"}]", "[{\"Value\":\"m\"}]", "[[1],{\"b\":2,\"a\":[1]}]",
                                              "{\"B\":1,\"a\":{\"d\":1,\"D\":2}}", "\"\xc2\x80\xe2\x80\xa8\xf0\x9f\x98\x80\"", "\"\\u00e4\"", "\"\\u0000\"", "NaN", "'x'",
                                              "nul", "[1,]", "\"/\"", "\"\\/\"", "\"<&>\"" };
        static const char *const sources[] = { "Users", "Groups", "File" };
        unsigned n_plain = 0, n_unusable = 0;
        uint64_t seed = 1;

        for (size_t k = 0; k < ELEMENTSOF(sources); k++) {
                _cleanup_(test_config_freep) ConnectorConfig *c = test_config(true, "json", sources[k], tap_write_file("empty.jsonl", "", 0), NULL);
                _cleanup_(source_freep) Source *s = NULL;

                CHECK_INT(source_open(c, &s, NULL), 0);
                for (unsigned round = 0; round < 60000; round++) {
                        __attribute__((cleanup(parsed_done))) Parsed plain, whole;
                        _cleanup_strbuf_ StrBuf text = STRBUF_INIT;
                        int r, q;

                        strbuf_putc(&text, '\t');
                        strbuf_puts(&text, round % 4 ? "{\"id\":\"a\"" : "{\"x\":1");
                        if (k == 2 && round % 8)
                                strbuf_puts(&text, round & 16 ? ",\"kind\":\"user\"" : ",\"kind\":\"group\"");
                        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
                        for (unsigned n = (unsigned) (seed >> 62) + 1; n > 0; n--) {
                                seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
                                strbuf_printf(&text, "%s\"%s\"%s:%s", seed >> 60 ? "," : " , ", names[(seed >> 33) % ELEMENTSOF(names)],
                                              seed >> 60 == 1 ? " " : "", values[(seed >> 43) % ELEMENTSOF(values)]);
                        }
                        strbuf_putc(&text, '}');
                        r = parse(s, s->kinds, text.data + 1, text.size - 1, &plain);
                        q = parse(s, s->kinds, text.data, text.size, &whole);
                        n_plain += r == 0 && plain.object->text;
                        n_unusable += r == SOURCE_E_INVALID_ID_KNOWN;
                        if (r != q || (r == 0 && !same_object(plain.object, whole.object)) ||
                            (r == SOURCE_E_INVALID_ID_KNOWN && (plain.kind != whole.kind || !streq(plain.id, whole.id)))) {
                                tap_diag("%s: %d and %d", text.data + 1, r, q);
                                CHECK(false);
                                return;
                        }
                }
        }
        CHECK(n_plain > 10000);
        CHECK(n_unusable > 1000);
}
