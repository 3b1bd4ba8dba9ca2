/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connector-test.h"
#include "file-util.h"
#include "tap.h"

/* A folder of its own for each test, with these files (NULL: none), and the target opened on it. */
typedef struct Fixture {
        char *directory;
        Target *target;
} Fixture;

static void fixture_done(Fixture *f) {
        target_free(f->target);
        free(f->directory);
}
#define _cleanup_fixture_ _cleanup_(fixture_done)

static void put_file(const Fixture *f, const char *name, const char *text) {
        _cleanup_free_ char *path = path_join(f->directory, name);

        if (file_write_atomic(path, text, strlen(text), 0640) < 0)
                abort();
}

static Target *open_target(const char *directory, const char *key, const char *value) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
        _cleanup_error_ Error *e = NULL;
        Target *t = NULL;

        c = test_config(false, "json", "Directory", directory, key, value, NULL);
        if (target_open(c, &t, &e) < 0)
                tap_diag("%s", error_text(e, 0));
        return t;
}

static Fixture fixture_with(const char *users, const char *groups, const char *key, const char *value) {
        static unsigned n;
        Fixture f = {};

        if (asprintf(&f.directory, "%s/target%u", tap_tmpdir(), n++) < 0 || mkdir(f.directory, 0755) < 0)
                abort();
        if (users)
                put_file(&f, "users.jsonl", users);
        if (groups)
                put_file(&f, "groups.jsonl", groups);
        f.target = open_target(f.directory, key, value);
        if (!f.target)
                abort();
        return f;
}

static Fixture fixture(const char *users, const char *groups) {
        return fixture_with(users, groups, NULL, NULL);
}

/* A file's content; lives until the next call but three. */
static const char *content(const Fixture *f, const char *name) {
        static char *texts[4];
        static unsigned next;
        _cleanup_free_ char *path = path_join(f->directory, name);
        char **text = &texts[next++ % ELEMENTSOF(texts)];

        free(*text);
        *text = NULL;
        if (file_read_full(path, 1 << 30, text, NULL) < 0)
                return NULL;
        return *text;
}

static int commit(const Fixture *f, TargetChange *changes, size_t n) {
        _cleanup_error_ Error *e = NULL;
        int r;

        r = f->target->vtable->commit(f->target, changes, n, &e);
        if (r < 0)
                tap_diag("commit: %s", error_text(e, r));
        return r;
}

static void outcomes_done(TargetChange *changes, size_t n) {
        for (size_t i = 0; i < n; i++)
                target_outcome_done(&changes[i].outcome);
}

#define USER .kind = OBJECT_KIND_USER
#define GROUP .kind = OBJECT_KIND_GROUP

#define A "{\"id\":\"a\",\"active\":true,\"userName\":\"alice\",\"x\":1.50}\n"
#define B "{\"id\":\"b\", \"userName\":\"Bob\"}\r\n"
#define C "{\"id\":\"c\",\"userName\":\"carol\"}\n"

TEST(a_new_object_is_written_with_an_id_of_its_own) {
        _cleanup_fixture_ Fixture f = fixture(NULL, NULL);
        TargetChange changes[] = {
                { TARGET_CREATE, USER, .desired = "{\"displayName\":\"D\",\"userName\":\"d\"}" },
                { TARGET_CREATE, GROUP, .desired = "{\"displayName\":\"G\"}" },
                { TARGET_CREATE, USER, .desired = "{\"userName\":\"e\"}" },
        };
        _cleanup_free_ char *users = NULL, *groups = NULL;

        CHECK_INT(commit(&f, changes, 3), 0);
        for (size_t i = 0; i < 3; i++) {
                CHECK_INT(changes[i].outcome.result, TARGET_DONE);
                CHECK(changes[i].outcome.target_id && !changes[i].target_id);
        }
        CHECK(strcmp(changes[0].outcome.target_id, changes[2].outcome.target_id) < 0);
        CHECK(asprintf(&users, "{\"id\":\"%s\",\"active\":true,\"displayName\":\"D\",\"userName\":\"d\"}\n"
                       "{\"id\":\"%s\",\"active\":true,\"userName\":\"e\"}\n", changes[0].outcome.target_id,
                       changes[2].outcome.target_id) > 0);
        CHECK(asprintf(&groups, "{\"id\":\"%s\",\"displayName\":\"G\"}\n", changes[1].outcome.target_id) > 0);
        CHECK_STR(content(&f, "users.jsonl"), users);
        CHECK_STR(content(&f, "groups.jsonl"), groups);
        CHECK(!content(&f, ".users.jsonl.new"));
        outcomes_done(changes, 3);
}

TEST(new_ids_stand_in_their_place_among_foreign_ones) {
        _cleanup_fixture_ Fixture f = fixture("{\"id\":\"!\"}\n{\"id\":\"~\"}\n", NULL);
        TargetChange changes[] = { { TARGET_CREATE, USER, .desired = "{\"userName\":\"d\"}" } };
        _cleanup_free_ char *users = NULL;

        CHECK_INT(commit(&f, changes, 1), 0);
        CHECK(asprintf(&users, "{\"id\":\"!\"}\n{\"id\":\"%s\",\"active\":true,\"userName\":\"d\"}\n{\"id\":\"~\"}\n",
                       changes[0].outcome.target_id) > 0);
        CHECK_STR(content(&f, "users.jsonl"), users);
        outcomes_done(changes, 1);
}

TEST(new_ids_are_greater_than_the_last_of_the_file) {
        const char *last = "ffffffff-0000-7000-8000-000000000000";
        _cleanup_fixture_ Fixture f = fixture("{\"id\":\"ffffffff-0000-7000-8000-000000000000\"}\n", NULL);
        TargetChange changes[] = { { TARGET_CREATE, USER, .desired = "{}" } };

        CHECK_INT(commit(&f, changes, 1), 0);
        CHECK(strcmp(changes[0].outcome.target_id, last) > 0);
        outcomes_done(changes, 1);
}

TEST(e5_what_is_not_changed_stays_byte_for_byte) {
        _cleanup_fixture_ Fixture f = fixture(A "\n" B C, NULL);
        TargetChange changes[] = { { TARGET_UPDATE, USER, .target_id = "c", .desired = "{\"userName\":\"carla\"}",
                                     .written = "{\"userName\":\"carol\"}" } };

        CHECK_INT(commit(&f, changes, 1), 0);
        CHECK_INT(changes[0].outcome.result, TARGET_DONE);
        CHECK_STR(content(&f, "users.jsonl"), A "\n" B "{\"id\":\"c\",\"userName\":\"carla\"}\n");
}

TEST(each_action_does_what_it_says) {
        static const char *add[] = { "a", "c" }, *gone[] = { "b" };
        _cleanup_fixture_ Fixture f = fixture(A B C, "{\"id\":\"g\",\"displayName\":\"G\",\"members\":[{\"value\":\"b\"}]}\n");
        TargetChange changes[] = {
                { TARGET_UPDATE, USER, .target_id = "a", .desired = "{\"userName\":\"alice\",\"y\":2}",
                  .written = "{\"userName\":\"alice\",\"active\":true}" },
                { TARGET_DISABLE, USER, .target_id = "b", .written = "{\"userName\":\"Bob\"}" },
                { TARGET_MEMBERS, GROUP, .target_id = "g", .add = add, .n_add = 2, .remove = gone, .n_remove = 1 },
                { TARGET_DELETE, USER, .target_id = "c" },
        };

        CHECK_INT(commit(&f, changes, 4), 0);
        for (size_t i = 0; i < 4; i++)
                CHECK_INT(changes[i].outcome.result, TARGET_DONE);
        CHECK_STR(content(&f, "users.jsonl"), "{\"id\":\"a\",\"userName\":\"alice\",\"x\":1.50,\"y\":2}\n"
                                              "{\"id\":\"b\",\"active\":false,\"userName\":\"Bob\"}\n");
        CHECK_STR(content(&f, "groups.jsonl"),
                  "{\"id\":\"g\",\"displayName\":\"G\",\"members\":[{\"value\":\"a\"},{\"value\":\"c\"}]}\n");
}

TEST(r4_restore_enables_whatever_is_desired) {
        _cleanup_fixture_ Fixture f = fixture("{\"id\":\"a\",\"active\":false,\"userName\":\"x\"}\n", NULL);
        TargetChange changes[] = { { TARGET_RESTORE, USER, .target_id = "a", .desired = "{\"userName\":\"x\"}",
                                     .written = "{\"userName\":\"x\"}" } };

        CHECK_INT(commit(&f, changes, 1), 0);
        CHECK_STR(content(&f, "users.jsonl"), "{\"id\":\"a\",\"active\":true,\"userName\":\"x\"}\n");
}

TEST(several_changes_of_one_object_come_in_their_order) {
        _cleanup_fixture_ Fixture f = fixture(A B, NULL);
        TargetChange changes[] = {
                { TARGET_DISABLE, USER, .target_id = "b" },
                { TARGET_DELETE, USER, .target_id = "a" },
                { TARGET_RESTORE, USER, .target_id = "b", .desired = "{\"userName\":\"Bob\",\"n\":1}" },
                { TARGET_UPDATE, USER, .target_id = "a", .desired = "{\"n\":1}" },
                { TARGET_UPDATE, USER, .target_id = "b", .desired = "{\"userName\":\"Bob\",\"n\":2}" },
        };

        CHECK_INT(commit(&f, changes, 5), 0);
        CHECK_INT(changes[3].outcome.result, TARGET_NOT_FOUND);
        CHECK_STR(content(&f, "users.jsonl"), "{\"id\":\"b\",\"active\":true,\"n\":2,\"userName\":\"Bob\"}\n");
}

TEST(c5_an_object_that_is_not_there_is_said_to_be) {
        _cleanup_fixture_ Fixture f = fixture(A, NULL);
        struct stat before, after;
        _cleanup_free_ char *path = path_join(f.directory, "users.jsonl");
        TargetChange changes[] = {
                { TARGET_DELETE, USER, .target_id = "nobody" },
                { TARGET_UPDATE, USER, .target_id = "", .desired = "{}" },
                { TARGET_DISABLE, USER, .target_id = "zzz" },
                { TARGET_MEMBERS, GROUP, .target_id = "g" },
        };

        CHECK_INT(stat(path, &before), 0);
        CHECK_INT(commit(&f, changes, 4), 0);
        for (size_t i = 0; i < 4; i++)
                CHECK_INT(changes[i].outcome.result, TARGET_NOT_FOUND);
        /* C6: and nothing was written. */
        CHECK_INT(stat(path, &after), 0);
        CHECK(before.st_ino == after.st_ino);
        CHECK(!content(&f, "groups.jsonl"));
}

#define RENAME(id, from, to)                                                                                          \
        { TARGET_UPDATE, USER, .target_id = id, .desired = "{\"userName\":\"" to "\"}", .written = "{\"userName\":\"" from "\"}" }

/* The three userNames, in the order of the file. */
static const char *names(Fixture *f) {
        static char text[256];
        const char *p = content(f, "users.jsonl");

        text[0] = '\0';
        while (p && (p = strstr(p, "\"userName\":\""))) {
                p += strlen("\"userName\":\"");
                (void) snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.*s ", (int) strcspn(p, "\""), p);
        }
        return text;
}

TEST(names_are_swapped_and_passed_round) {
        _cleanup_fixture_ Fixture f = fixture(A B C, NULL);
        TargetChange swap[] = { RENAME("a", "Alice", "bob"), RENAME("b", "Bob", "alice") };
        TargetChange round[] = { RENAME("a", "bob", "carol"), RENAME("b", "alice", "Bob"), RENAME("c", "Carol", "Alice") };

        CHECK_INT(commit(&f, swap, 2), 0);
        CHECK_INT(swap[0].outcome.result, TARGET_DONE);
        CHECK_INT(swap[1].outcome.result, TARGET_DONE);
        CHECK_STR(names(&f), "bob alice carol ");
        CHECK_INT(commit(&f, round, 3), 0);
        for (size_t i = 0; i < 3; i++)
                CHECK_INT(round[i].outcome.result, TARGET_DONE);
        CHECK_STR(names(&f), "carol Bob Alice ");
        outcomes_done(swap, 2);
        outcomes_done(round, 3);
}

TEST(who_wants_the_name_of_one_who_keeps_it_keeps_his_own) {
        _cleanup_fixture_ Fixture f = fixture(A B C, NULL);
        /* b gets no new name, because c stays; so a gets none either. */
        TargetChange chain[] = { RENAME("a", "Alice", "bob"), RENAME("b", "Bob", "carol") };
        /* The first of two who want one name keeps it from the second, who stays, and so on. */
        TargetChange two[] = { RENAME("a", "Alice", "bob"), RENAME("c", "Carol", "bob"), RENAME("b", "Bob", "carol") };

        CHECK_INT(commit(&f, chain, 2), 0);
        CHECK_INT(chain[0].outcome.result, TARGET_FAILED);
        CHECK_STR(chain[0].outcome.error->text, "another object has this userName");
        CHECK_INT(chain[1].outcome.result, TARGET_FAILED);
        CHECK_STR(names(&f), "alice Bob carol ");
        CHECK_INT(commit(&f, two, 3), 0);
        CHECK_INT(two[0].outcome.result, TARGET_FAILED);
        CHECK_INT(two[1].outcome.result, TARGET_FAILED);
        CHECK_INT(two[2].outcome.result, TARGET_FAILED);
        CHECK_STR(names(&f), "alice Bob carol ");
        outcomes_done(chain, 2);
        outcomes_done(two, 3);
}

TEST(c5_a_name_that_is_taken_is_in_the_way) {
        _cleanup_fixture_ Fixture f = fixture(A B C, "{\"id\":\"g\",\"displayName\":\"Gr\xc3\xbcn\"}\n");
        TargetChange changes[] = {
                { TARGET_CREATE, USER, .desired = "{\"userName\":\"ALICE\"}" },
                { TARGET_CREATE, GROUP, .desired = "{\"displayName\":\"GR\xc3\x9cN\"}" },
                { TARGET_CREATE, USER, .desired = "{\"userName\":\"dave\"}" },
                { TARGET_CREATE, USER, .desired = "{\"userName\":\"Dave\"}" },
                { TARGET_UPDATE, USER, .target_id = "b", .desired = "{\"userName\":\"carol\"}", .written = "{\"userName\":\"Bob\"}" },
                { TARGET_UPDATE, USER, .target_id = "a", .desired = "{\"userName\":\"Alice\"}", .written = "{}" },
        };

        CHECK_INT(commit(&f, changes, 6), 0);
        CHECK_INT(changes[0].outcome.result, TARGET_EXISTS);
        CHECK(!changes[0].outcome.target_id);
        CHECK_INT(changes[1].outcome.result, TARGET_EXISTS);
        CHECK_INT(changes[2].outcome.result, TARGET_DONE);
        CHECK_INT(changes[3].outcome.result, TARGET_EXISTS);
        CHECK_INT(changes[4].outcome.result, TARGET_FAILED);
        CHECK_STR(changes[4].outcome.error->text, "another object has this userName");
        CHECK_INT(changes[4].outcome.error->scope, ERROR_SCOPE_ITEM);
        CHECK_INT(changes[5].outcome.result, TARGET_DONE);
        outcomes_done(changes, 6);
}

TEST(a_name_that_becomes_free_in_the_batch_can_be_taken_after_that_only) {
        _cleanup_fixture_ Fixture f = fixture(A B C, NULL);
        TargetChange changes[] = {
                { TARGET_CREATE, USER, .desired = "{\"userName\":\"alice\"}" },
                { TARGET_DELETE, USER, .target_id = "a" },
                { TARGET_CREATE, USER, .desired = "{\"userName\":\"alice\"}" },
                { TARGET_UPDATE, USER, .target_id = "b", .desired = "{\"userName\":\"bert\"}", .written = "{\"userName\":\"Bob\"}" },
                { TARGET_UPDATE, USER, .target_id = "c", .desired = "{\"userName\":\"bob\"}", .written = "{\"userName\":\"carol\"}" },
                { TARGET_CREATE, USER, .desired = "{\"userName\":\"bert\"}" },
                { TARGET_UPDATE, USER, .target_id = "b", .desired = "{\"userName\":\"ben\"}", .written = "{\"userName\":\"bert\"}" },
                { TARGET_CREATE, USER, .desired = "{\"userName\":\"BERT\"}" },
        };
        static const TargetResult expected[] = {
                TARGET_EXISTS, TARGET_DONE, TARGET_DONE, TARGET_DONE, TARGET_DONE, TARGET_EXISTS, TARGET_DONE, TARGET_DONE,
        };

        CHECK_INT(commit(&f, changes, 8), 0);
        for (size_t i = 0; i < 8; i++) {
                if (changes[i].outcome.result != expected[i])
                        tap_diag("change %zu", i);
                CHECK_INT(changes[i].outcome.result, expected[i]);
        }
        outcomes_done(changes, 8);
}

TEST(attributes_that_are_none_fail_for_this_object_only) {
        _cleanup_fixture_ Fixture f = fixture(A, NULL);
        TargetChange changes[] = {
                { TARGET_CREATE, USER, .desired = "[]" },
                { TARGET_UPDATE, USER, .target_id = "a", .desired = "{\"n\":1}" },
        };

        CHECK_INT(commit(&f, changes, 2), 0);
        CHECK_INT(changes[0].outcome.result, TARGET_FAILED);
        CHECK_INT(changes[1].outcome.result, TARGET_DONE);
        outcomes_done(changes, 2);
}

TEST(objects_are_found_by_any_attribute_and_two_are_enough) {
        _cleanup_fixture_ Fixture f = fixture("{\"id\":\"a\",\"userName\":\"x\",\"mail\":\"m\"}\n{\"id\":\"b\",\"userName\":\"y\",\"mail\":\"M\"}\n"
                                              "{\"id\":\"c\",\"mail\":\"m\"}\n{\"id\":\"d\",\"name\":{\"familyName\":\"F\"}}", NULL);
        Object *found[2];
        unsigned n;

        CHECK_INT(f.target->vtable->find(f.target, OBJECT_KIND_USER, "userName", "Y", found, &n, NULL), 0);
        CHECK_INT(n, 1);
        CHECK_STR(found[0]->id, "b");
        CHECK_STR(object_get_string(found[0]->attributes, "mail"), "M");
        object_free(found[0]);
        CHECK_INT(f.target->vtable->find(f.target, OBJECT_KIND_USER, "mail", "m", found, &n, NULL), 0);
        CHECK_INT(n, 2);
        object_free(found[0]);
        object_free(found[1]);
        CHECK_INT(f.target->vtable->find(f.target, OBJECT_KIND_USER, "name.familyName", "f", found, &n, NULL), 0);
        CHECK_INT(n, 1);
        CHECK_STR(found[0]->id, "d");
        object_free(found[0]);
        CHECK_INT(f.target->vtable->find(f.target, OBJECT_KIND_USER, "userName", "z", found, &n, NULL), 0);
        CHECK_INT(n, 0);
        CHECK_INT(f.target->vtable->find(f.target, OBJECT_KIND_GROUP, "displayName", "z", found, &n, NULL), 0);
        CHECK_INT(n, 0);
}

static bool user_is(const Fixture *f, const char *id, const char *name) {
        _cleanup_(object_freep) Object *o = NULL;

        if (f->target->vtable->get(f->target, OBJECT_KIND_USER, id, &o, NULL) < 0)
                return false;
        return name ? o && streq(o->id, id) && streq_ptr(object_get_string(o->attributes, "userName"), name) : !o;
}

TEST(finding_keeps_step_with_commits) {
        _cleanup_fixture_ Fixture f = fixture(A B C, NULL);
        TargetChange changes[] = {
                { TARGET_UPDATE, USER, .target_id = "a", .desired = "{\"userName\":\"a much longer name than before\"}" },
                { TARGET_DELETE, USER, .target_id = "b" },
                { TARGET_CREATE, USER, .desired = "{\"userName\":\"dave\"}" },
        };

        CHECK(user_is(&f, "a", "alice") && user_is(&f, "b", "Bob") && user_is(&f, "c", "carol") && user_is(&f, "A", NULL));
        CHECK_INT(commit(&f, changes, 3), 0);
        CHECK(user_is(&f, "a", "a much longer name than before"));
        CHECK(user_is(&f, "b", NULL));
        CHECK(user_is(&f, "c", "carol"));
        CHECK(user_is(&f, changes[2].outcome.target_id, "dave"));
        outcomes_done(changes, 3);
}

TEST(members_come_back_as_target_ids) {
        _cleanup_fixture_ Fixture f = fixture(NULL, "{\"id\":\"g\",\"displayName\":\"G\",\"members\":[{\"value\":\"b\"},{\"value\":\"a\"}]}\n");
        _cleanup_(object_freep) Object *o = NULL;

        CHECK_INT(f.target->vtable->get(f.target, OBJECT_KIND_GROUP, "g", &o, NULL), 0);
        CHECK(o && o->members);
        CHECK_STR(o->members[0], "a");
        CHECK_STR(o->members[1], "b");
}

TEST(two_jobs_on_one_folder_lose_nothing_of_each_other) {
        _cleanup_fixture_ Fixture f = fixture(A, NULL), g = {};
        TargetChange ours = { TARGET_UPDATE, USER, .target_id = "a", .desired = "{\"ours\":1}" };
        TargetChange theirs = { TARGET_CREATE, USER, .desired = "{\"userName\":\"theirs\"}" };
        TargetChange again = { TARGET_CREATE, USER, .desired = "{\"userName\":\"Theirs\"}" };

        g.directory = strdup(f.directory);
        g.target = open_target(g.directory, NULL, NULL);
        CHECK(g.target && user_is(&f, "a", "alice"));
        CHECK_INT(commit(&g, &theirs, 1), 0);
        CHECK_INT(commit(&f, &ours, 1), 0);
        CHECK(user_is(&f, theirs.outcome.target_id, "theirs"));
        CHECK_INT(commit(&f, &again, 1), 0);
        CHECK_INT(again.outcome.result, TARGET_EXISTS);
        outcomes_done(&theirs, 1);
        CHECK(strstr(content(&f, "users.jsonl"), "\"ours\":1") && strstr(content(&f, "users.jsonl"), "theirs"));
}

TEST(jobs_that_commit_at_the_same_time_take_turns) {
        _cleanup_fixture_ Fixture f = fixture(NULL, NULL);
        const char *text;
        unsigned n = 0;

        for (unsigned job = 0; job < 4; job++) {
                if (fork() != 0)
                        continue;
                for (unsigned i = 0; i < 25; i++) {
                        char desired[64];
                        TargetChange change = { TARGET_CREATE, USER, .desired = desired };
                        Target *t = open_target(f.directory, NULL, NULL);

                        snprintf(desired, sizeof(desired), "{\"userName\":\"%u-%u\"}", job, i);
                        if (!t || t->vtable->commit(t, &change, 1, NULL) < 0 || change.outcome.result != TARGET_DONE)
                                _exit(1);
                        target_outcome_done(&change.outcome);
                        target_free(t);
                }
                target_free(f.target);
                _exit(0);
        }
        for (unsigned job = 0; job < 4; job++) {
                int status;

                CHECK(wait(&status) > 0);
                CHECK_INT(status, 0);
        }
        text = content(&f, "users.jsonl");
        for (const char *p = text; (p = strchr(p, '\n')); p++)
                n++;
        CHECK_INT(n, 100);
}

TEST(a_line_that_is_not_understood_is_named_and_nothing_is_lost) {
        static const struct {
                const char *users, *text;
        } table[] = {
                { A "garbage\n" C, "users.jsonl:2: this is not an object with an \"id\"" },
                { A "{\"userName\":\"x\"}\n", "users.jsonl:2: this is not an object with an \"id\"" },
                { A "{\"id\":\"\"}\n", "users.jsonl:2: this is not an object with an \"id\"" },
                { A "\n" C B, "users.jsonl:4: the lines are not sorted by \"id\"" },
                { A A, "users.jsonl:2: the \"id\" is the same" },
                { A "{\"id\":\"b\",\"userNa", "users.jsonl:2: this is not a whole JSON object" },
                { A "[\"id\"]", "users.jsonl:2: this is not an object with an \"id\"" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_fixture_ Fixture f = fixture(table[i].users, NULL);
                TargetChange changes[] = { { TARGET_DELETE, USER, .target_id = "a" }, { TARGET_CREATE, USER, .desired = "{\"userName\":\"new\"}" } };
                _cleanup_error_ Error *e = NULL;

                CHECK_INT(f.target->vtable->commit(f.target, changes, 2, &e), -EINVAL);
                if (!strstr(e->text, table[i].text))
                        tap_diag("got %s, expected %s", e->text, table[i].text);
                CHECK(strstr(e->text, table[i].text));
                CHECK_INT(e->scope, ERROR_SCOPE_CONNECTOR);
                CHECK(!changes[1].outcome.target_id);
                CHECK_STR(content(&f, "users.jsonl"), table[i].users);
        }
}

TEST(a_broken_line_with_an_id_fails_for_its_object_only) {
        _cleanup_fixture_ Fixture f = fixture(A "{\"id\":\"b\",\"userName\":\n" C, NULL);
        TargetChange changes[] = { { TARGET_DISABLE, USER, .target_id = "b" }, { TARGET_DELETE, USER, .target_id = "a" } };

        CHECK_INT(commit(&f, changes, 2), 0);
        CHECK_INT(changes[0].outcome.result, TARGET_FAILED);
        CHECK(strstr(changes[0].outcome.error->text, "users.jsonl:2: this is not a whole JSON object"));
        CHECK_INT(changes[1].outcome.result, TARGET_DONE);
        CHECK_STR(content(&f, "users.jsonl"), "{\"id\":\"b\",\"userName\":\n" C);
        outcomes_done(changes, 2);
}

TEST(a_last_line_without_its_end_does_not_run_into_the_next) {
        _cleanup_fixture_ Fixture f = fixture("{\"id\":\"!\"}", NULL);
        TargetChange changes[] = { { TARGET_CREATE, USER, .desired = "{}" } };
        const char *text;

        CHECK_INT(commit(&f, changes, 1), 0);
        text = content(&f, "users.jsonl");
        CHECK(strncmp(text, "{\"id\":\"!\"}\n{", 12) == 0);
        CHECK(text[strlen(text) - 1] == '\n');
        outcomes_done(changes, 1);
}

TEST(what_cannot_be_a_target_is_refused_when_it_is_opened) {
        _cleanup_free_ char *file = strdup(tap_write_file("file", "", 0)), *below = NULL, *link = NULL, *deep = NULL;
        _cleanup_fixture_ Fixture f = fixture(NULL, NULL);
        const struct {
                const char *directory, *text;
        } table[] = {
                { file, "/file: this is not a folder" },
                { below = path_join(file, "x"), "/file/x: cannot be examined" },
                { deep = path_join(tap_tmpdir(), "no/such"), "/no/such: there is no such folder, and none can be made" },
                { f.directory, "users.jsonl: this is a symbolic link" },
        };

        link = path_join(f.directory, "users.jsonl");
        CHECK_INT(symlink(file, link), 0);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
                _cleanup_(target_freep) Target *t = NULL;
                _cleanup_error_ Error *e = NULL;

                c = test_config(false, "json", "Directory", table[i].directory, NULL);
                CHECK(target_open(c, &t, &e) < 0 || target_writable(t, &e) < 0);
                if (!strstr(e->text, table[i].text))
                        tap_diag("got %s", e->text);
                CHECK(strstr(e->text, table[i].text));
        }
}

TEST(a_folder_that_may_not_be_written_can_be_opened_and_says_so) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
        _cleanup_fixture_ Fixture f = fixture(NULL, NULL);
        _cleanup_(target_freep) Target *t = NULL;
        _cleanup_error_ Error *e = NULL;
        bool root = geteuid() == 0;
        int r, opened;

        CHECK_INT(chmod(f.directory, 0555), 0);
        CHECK_INT(chmod(tap_tmpdir(), 0755), 0);
        c = test_config(false, "json", "Directory", f.directory, NULL);
        /* Root may write everything. */
        if (root)
                CHECK_INT(seteuid(65534), 0);
        opened = target_open(c, &t, &e);
        r = opened < 0 ? opened : target_writable(t, &e);
        if (root)
                CHECK_INT(seteuid(0), 0);
        CHECK_INT(chmod(f.directory, 0755), 0);
        CHECK_INT(opened, 0);
        CHECK_INT(r, -EACCES);
        CHECK(strstr(e->text, "the folder cannot be written: Permission denied"));
}

TEST(the_folder_is_made_by_the_first_commit_and_not_before) {
        _cleanup_fixture_ Fixture f = {};
        TargetChange change = { TARGET_CREATE, USER, .desired = "{}" };

        f.directory = path_join(tap_tmpdir(), "made/");
        f.target = open_target(f.directory, NULL, NULL);
        CHECK(f.target);
        CHECK(access(f.directory, F_OK) < 0);
        CHECK_INT(commit(&f, &change, 1), 0);
        CHECK(content(&f, "users.jsonl"));
        outcomes_done(&change, 1);
}

TEST(mode_and_owner_of_a_file_stay) {
        _cleanup_fixture_ Fixture f = fixture(A, NULL);
        _cleanup_free_ char *path = path_join(f.directory, "users.jsonl");
        TargetChange change = { TARGET_DISABLE, USER, .target_id = "a" };
        struct stat st;

        CHECK_INT(chmod(path, 0604), 0);
        if (geteuid() == 0)
                CHECK_INT(chown(path, 12, 34), 0);
        CHECK_INT(commit(&f, &change, 1), 0);
        CHECK_INT(stat(path, &st), 0);
        CHECK_INT(st.st_mode & 07777, 0604);
        CHECK(geteuid() != 0 || (st.st_uid == 12 && st.st_gid == 34));
}

TEST(r2_a_target_can_be_told_that_it_cannot_disable) {
        _cleanup_fixture_ Fixture f = fixture_with(A, NULL, "CanDisable", "no");
        TargetChange change = { TARGET_DISABLE, USER, .target_id = "a" };

        CHECK(!f.target->can_disable);
        CHECK_INT(commit(&f, &change, 1), 0);
        CHECK_INT(change.outcome.result, TARGET_FAILED);
        outcomes_done(&change, 1);
        CHECK_STR(content(&f, "users.jsonl"), A);
}

/* A few megabytes, so that writing is not over with one call. */
static char *many_users(size_t n) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        char *text;

        for (size_t i = 0; i < n; i++)
                strbuf_printf(&b, "{\"id\":\"%08zu\",\"userName\":\"user%zu\",\"x\":\"%0200zu\"}\n", i, i, i);
        if (strbuf_steal(&b, &text) < 0)
                abort();
        return text;
}

TEST(a_commit_that_cannot_be_written_leaves_the_old_file_whole) {
        _cleanup_free_ char *users = many_users(20000);
        _cleanup_fixture_ Fixture f = fixture(users, NULL);
        TargetChange changes[] = { { TARGET_DELETE, USER, .target_id = "00000007" }, { TARGET_DISABLE, USER, .target_id = "00019999" } };
        struct rlimit old, low;
        _cleanup_error_ Error *e = NULL;
        int r;

        CHECK_INT(getrlimit(RLIMIT_FSIZE, &old), 0);
        (void) signal(SIGXFSZ, SIG_IGN);
        low = (struct rlimit) { .rlim_cur = 3 * 1024 * 1024 + 17, .rlim_max = old.rlim_max };
        CHECK_INT(setrlimit(RLIMIT_FSIZE, &low), 0);
        r = f.target->vtable->commit(f.target, changes, 2, &e);
        CHECK_INT(setrlimit(RLIMIT_FSIZE, &old), 0);
        CHECK_INT(r, -EFBIG);
        CHECK(strstr(e->text, ".users.jsonl.new: cannot be written: File too large"));
        CHECK_INT(e->scope, ERROR_SCOPE_CONNECTOR);
        CHECK_STR(content(&f, "users.jsonl"), users);
        CHECK(!content(&f, ".users.jsonl.new"));
        CHECK_INT(commit(&f, changes, 2), 0);
        CHECK(user_is(&f, "00000007", NULL) && user_is(&f, "00000008", "user8"));
}

/* Kills a child in the middle of its commit, some time after its beginning. Is the file one of the two? */
static bool killed_after(const Fixture *f, const char *before, const char *after, useconds_t delay) {
        TargetChange changes[] = { { TARGET_DELETE, USER, .target_id = "00000007" } };
        _cleanup_free_ char *text = NULL;
        pid_t pid;

        put_file(f, "users.jsonl", before);
        pid = fork();
        if (pid == 0)
                _exit(f->target->vtable->commit(f->target, changes, 1, NULL) < 0);
        (void) usleep(delay);
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);
        text = strdup(strempty(content(f, "users.jsonl")));
        return text && (streq(text, before) || streq(text, after));
}

/* Lines of 100 kB and a few bytes, so that none ends where a page does. */
static size_t put_large_lines(char *text, unsigned n, const char *changed) {
        char *p = text;

        for (unsigned i = 0; i < n; i++) {
                p += sprintf(p, "{\"id\":\"u%04u\",\"userName\":\"name%u\",\"x\":\"", i, i);
                memset(p, 'a' + (int) (i % 26), 100000 + i);
                p += 100000 + i;
                p += sprintf(p, "\",\"y\":\"%s\"}\n", i % 100 == 7 ? changed : "old");
        }
        return (size_t) (p - text);
}

TEST(what_goes_past_the_cache_is_written_whole) {
        enum { N = 450 };
        _cleanup_free_ char *before = malloc(N * 100600), *after = malloc(N * 100600);
        _cleanup_fixture_ Fixture f = fixture(NULL, NULL);
        TargetChange changes[N / 100 + 1];
        char ids[N / 100 + 1][8];
        size_t n = 0, size;
        const char *is;

        if (!before || !after)
                abort();
        put_large_lines(before, N, "old");
        size = put_large_lines(after, N, "a new and longer value");
        put_file(&f, "users.jsonl", before);
        for (unsigned i = 7; i < N; i += 100, n++) {
                (void) snprintf(ids[n], sizeof(ids[n]), "u%04u", i);
                changes[n] = (TargetChange) { TARGET_UPDATE, USER, ids[n], "{\"y\":\"a new and longer value\"}", "{\"y\":\"old\"}" };
        }
        CHECK_INT(commit(&f, changes, n), 0);
        is = content(&f, "users.jsonl");
        CHECK(is && strlen(is) == size && memcmp(is, after, size) == 0);
        outcomes_done(changes, n);
}

TEST(c5_a_commit_killed_at_any_time_is_done_or_not) {
        _cleanup_free_ char *before = many_users(20000), *after = NULL;
        _cleanup_fixture_ Fixture f = fixture(before, NULL);
        TargetChange changes[] = { { TARGET_DELETE, USER, .target_id = "00000007" } };

        CHECK_INT(commit(&f, changes, 1), 0);
        after = strdup(content(&f, "users.jsonl"));
        CHECK(after && strlen(after) < strlen(before));
        for (useconds_t delay = 0; delay < 30000; delay += 1000)
                CHECK(killed_after(&f, before, after, delay));
        /* What the last kill left behind is in nobody's way. */
        put_file(&f, "users.jsonl", before);
        CHECK_INT(commit(&f, changes, 1), 0);
        CHECK_INT(changes[0].outcome.result, TARGET_DONE);
        CHECK(!content(&f, ".users.jsonl.new"));
}

static Fixture fixture_with_faults(const char *users, const char *faults) {
        static unsigned n;
        char name[32];

        snprintf(name, sizeof(name), "faults%u", n++);
        return fixture_with(users, NULL, "Faults", tap_write_file(name, faults, strlen(faults)));
}

TEST(the_fault_plan_decides_outcomes) {
        _cleanup_fixture_ Fixture f = fixture_with_faults(
                A B C, "{\"action\":\"Create\",\"match\":\"new\",\"result\":\"failed\",\"times\":1}\n"
                       "{\"match\":\"a\",\"result\":\"not-found\"}\n{\"match\":\"Bob\",\"action\":\"Delete\",\"result\":\"failed\"}\n"
                       "\n{\"action\":\"Create\",\"match\":\"old\",\"result\":\"exists\"}\n");
        TargetChange changes[] = {
                { TARGET_CREATE, USER, .desired = "{\"userName\":\"new\"}" },
                { TARGET_CREATE, USER, .desired = "{\"userName\":\"old\"}" },
                { TARGET_DELETE, USER, .target_id = "a" },
                { TARGET_DELETE, USER, .target_id = "b" },
                { TARGET_DELETE, USER, .target_id = "c" },
                { TARGET_CREATE, USER, .desired = "{\"userName\":\"new\"}" },
        };
        static const TargetResult expected[] = {
                TARGET_FAILED, TARGET_EXISTS, TARGET_NOT_FOUND, TARGET_FAILED, TARGET_DONE, TARGET_DONE,
        };

        CHECK_INT(commit(&f, changes, 6), 0);
        for (size_t i = 0; i < 6; i++)
                CHECK_INT(changes[i].outcome.result, expected[i]);
        CHECK(strstr(content(&f, "users.jsonl"), A B));
        outcomes_done(changes, 6);
}

TEST(x3_the_fault_plan_can_break_off) {
        static const struct {
                const char *faults, *id;
                ErrorRetry retry;
        } table[] = {
                { "{\"match\":\"b\",\"result\":\"disconnect\"}", NULL, ERROR_RETRY_LATER },
                { "{\"match\":\"b\",\"result\":\"unauthorized\"}", "InvalidCredentials", ERROR_RETRY_AFTER_RECONFIGURE },
                { "{\"match\":\"b\",\"result\":\"throttle\"}", "Throttled", ERROR_RETRY_LATER },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_fixture_ Fixture f = fixture_with_faults(A B C, table[i].faults);
                TargetChange changes[] = {
                        { TARGET_DELETE, USER, .target_id = "a" },
                        { TARGET_DELETE, USER, .target_id = "b" },
                        { TARGET_DELETE, USER, .target_id = "c" },
                };
                _cleanup_error_ Error *e = NULL;

                CHECK(f.target->vtable->commit(f.target, changes, 3, &e) < 0);
                CHECK_INT(e->scope, ERROR_SCOPE_CONNECTOR);
                CHECK_INT(e->retry, table[i].retry);
                CHECK_STR(e->id, table[i].id);
                CHECK_STR(content(&f, "users.jsonl"), B C);
        }
}

TEST(c5_the_fault_plan_can_crash_before_and_after_a_change) {
        for (unsigned after = 0; after < 2; after++) {
                _cleanup_fixture_ Fixture f = fixture_with_faults(A B C, after ? "{\"match\":\"b\",\"result\":\"crash-after\"}"
                                                                               : "{\"match\":\"b\",\"result\":\"crash-before\"}");
                TargetChange changes[] = { { TARGET_DELETE, USER, .target_id = "a" }, { TARGET_DELETE, USER, .target_id = "b" } };
                int status;
                pid_t pid;

                pid = fork();
                if (pid == 0) {
                        (void) commit(&f, changes, 2);
                        _exit(0);
                }
                CHECK_INT(waitpid(pid, &status, 0), pid);
                CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
                CHECK_STR(content(&f, "users.jsonl"), after ? C : B C);
        }
}

TEST(a_fault_plan_can_refuse_to_open_and_a_bad_one_is_named) {
        static const struct {
                const char *faults, *text;
        } table[] = {
                { "{\"action\":\"Open\",\"result\":\"unauthorized\"}", "refuses the credentials" },
                { "\n{\"result\":\"what\"}", "bad:2: there is no such \"result\"" },
                { "{\"result\":\"failed\",\"action\":\"Make\"}", "bad:1: there is no such \"action\"" },
                { "{\"result\":\"failed\",\"when\":1}", "bad:1: \"when\" is unknown" },
                { "{\"result\":\"failed\",\"times\":-1}", "bad:1: \"times\" is unknown or no number" },
                { "{", "bad:1: " },
                { "[]", "bad:1: this is not an object" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
                _cleanup_(target_freep) Target *t = NULL;
                _cleanup_error_ Error *e = NULL;

                c = test_config(false, "json", "Directory", tap_tmpdir(), "Faults",
                                tap_write_file("bad", table[i].faults, strlen(table[i].faults)), NULL);
                CHECK(target_open(c, &t, &e) < 0);
                if (!strstr(e->text, table[i].text))
                        tap_diag("got %s", e->text);
                CHECK(strstr(e->text, table[i].text));
        }
}
