/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file-util.h"
#include "ini-file.h"
#include "job-config.h"
#include "string-util.h"
#include "tap.h"
#include "time-util.h"

#define BASE "# by hand\n[Source]\nConnector=json\nUsers=/u\n[Target]\nConnector=json\nDirectory=/d\n[Notify]\nEmail=a@example.com\n"
#define HEADER \
        "# Written by reprieved for changes made over D-Bus. It is read after the job's own file, which stays as it is.\n"

/* A configuration folder of its own for each test. */
static char dir[4096];

static void begin(const char *name) {
        char path[8192];

        (void) snprintf(dir, sizeof(dir), "%s/%s", tap_tmpdir(), name);
        (void) snprintf(path, sizeof(path), "%s/jobs.d", dir);
        (void) mkdir_parents(path, 0755);
}

static void write_file(const char *name, const char *text) {
        char path[8192];

        (void) snprintf(path, sizeof(path), "%s/%s", strrchr(dir, '/') + 1, name);
        (void) tap_write_file(path, text, strlen(text));
}

static char *read_file(const char *name) {
        char path[8192], *text = NULL;

        (void) snprintf(path, sizeof(path), "%s/%s", dir, name);
        return file_read_full(path, 1024 * 1024, &text, NULL) < 0 ? NULL : text;
}

static bool exists(const char *name) {
        char path[8192];

        (void) snprintf(path, sizeof(path), "%s/%s", dir, name);
        return access(path, F_OK) == 0;
}

static int set(const char *key, const char *value, JobConfig **ret, Error **ret_error) {
        char *keys[] = { (char *) key, NULL }, *values[] = { (char *) value, NULL };

        *ret = job_config_free(*ret);
        return job_config_set(dir, "t", keys, values, ret, ret_error);
}

TEST(a_change_goes_to_the_drop_in_and_leaves_the_file_alone) {
        _cleanup_(job_config_freep) JobConfig *c = NULL;
        _cleanup_free_ char *own = NULL, *first = NULL, *second = NULL, *third = NULL;
        _cleanup_error_ Error *error = NULL;

        begin("set");
        write_file("jobs.d/t.conf", BASE);
        CHECK_INT(set("Deletions.DeletionThreshold", "5", &c, &error), 0);
        CHECK_INT(c->limits.threshold, 5);
        first = read_file("jobs.d/t.conf.d/50-reprieve.conf");
        CHECK_STR(first, HEADER "\n[Deletions]\nDeletionThreshold=5\n");

        CHECK_INT(set("Notify.Email", "b@example.com  c@example.com", &c, &error), 0);
        CHECK_INT(set("Job.Description", "  =# x; [y]  ", &c, &error), 0);
        CHECK_INT(set("Deletions.DeletionThreshold", "6", &c, &error), 0);
        CHECK_INT(set("Deletions.OnTrip", "stop", &c, &error), 0);
        second = read_file("jobs.d/t.conf.d/50-reprieve.conf");
        CHECK_STR(second, HEADER "\n[Deletions]\nDeletionThreshold=6\nOnTrip=stop\n\n[Notify]\nEmail=\n"
                                 "Email=b@example.com  c@example.com\n\n[Job]\nDescription==# x; [y]\n");
        CHECK_INT(c->limits.threshold, 6);
        CHECK_INT(strv_length(c->email), 2);
        CHECK_STR(c->email[0], "b@example.com");
        CHECK_STR(c->description, "=# x; [y]");

        /* an empty value takes back what the file says, too */
        CHECK_INT(set("Notify.Email", "", &c, &error), 0);
        CHECK(!c->email);
        CHECK_INT(set("Deletions.DeletionThreshold", "", &c, &error), 0);
        CHECK_INT(c->limits.threshold, 500);
        third = read_file("jobs.d/t.conf.d/50-reprieve.conf");
        CHECK(strstr(third, "\nEmail=\n") && strstr(third, "\nDeletionThreshold=\n"));

        own = read_file("jobs.d/t.conf");
        CHECK_STR(own, BASE);
}

TEST(other_keys_of_the_drop_in_stay) {
        _cleanup_(job_config_freep) JobConfig *c = NULL;
        _cleanup_free_ char *text = NULL;
        _cleanup_error_ Error *error = NULL;

        begin("stay");
        write_file("jobs.d/t.conf", BASE);
        CHECK_INT(set("Job.Language", "de", &c, &error), 0);
        write_file("jobs.d/t.conf.d/50-reprieve.conf", "[Job]\nLanguage=fr\nDescription=two \\\nlines\n[Schedule]\nInterval=1h\n");
        CHECK_INT(set("Schedule.Interval", "2h", &c, &error), 0);
        CHECK_STR(c->language, "fr");
        text = read_file("jobs.d/t.conf.d/50-reprieve.conf");
        CHECK_STR(text, HEADER "\n[Job]\nLanguage=fr\nDescription=two  lines\n\n[Schedule]\nInterval=2h\n");
}

TEST(a_refused_change_touches_nothing) {
        static const struct {
                const char *key, *value, *says;
        } cases[] = {
                { "Deletions.DeletionThreshold", "-1", "/jobs.d/t.conf.d/50-reprieve.conf:4: DeletionThreshold=-1: expected a whole number from "
                                                       "0 to 4294967295" },
                { "Deletions.Threshold", "1", "Deletions.Threshold: Threshold=: unknown key in [Deletions]" },
                { "Deletions.DeletionTreshold", "1", "Deletions.DeletionTreshold: DeletionTreshold=: unknown key in [Deletions]; did you mean "
                                                     "DeletionThreshold=?" },
                { "Deletion.DeletionThreshold", "1", "Deletion.DeletionThreshold: there is no section of this name in a job file" },
                { "Mail.Server", "smtp://x", "Mail.Server: there is no section of this name in a job file" },
                { "DeletionThreshold", "1", "DeletionThreshold: expected Section.Key, such as Deletions.DeletionThreshold" },
                { "Deletions.", "1", "Deletions.: expected Section.Key, such as Deletions.DeletionThreshold" },
                { ".x", "1", ".x: expected Section.Key, such as Deletions.DeletionThreshold" },
                { "", "1", ": expected Section.Key, such as Deletions.DeletionThreshold" },
                { "Job.Description", "x\n[Deletions]\nPreventAccidentalDeletions=no", "Job.Description: expected one line of UTF-8 text "
                                                                                       "without control characters" },
                { "Job.Description", "x\ry", "Job.Description: expected one line of UTF-8 text without control characters" },
                { "Job.Description", "\xff", "Job.Description: expected one line of UTF-8 text without control characters" },
                { "Job.Description", "x\\", "Job.Description: a value cannot end in a backslash" },
                { "Job.Description", "x\\ \t", "Job.Description: a value cannot end in a backslash" },
                { "Map User.x\ny", "1", "Map User.x\\x0ay: such a key cannot stand in a job file" },
                { "Map User.x=y", "1", "Map User.x=y: such a key cannot stand in a job file" },
                { "Map User.[x]", "1", "Map User.[x]: such a key cannot stand in a job file" },
                { "Map User.#x", "1", "Map User.#x: such a key cannot stand in a job file" },
                { "Map User. x", "1", "Map User. x: such a key cannot stand in a job file" },
                { "Source.Usrs", "/x", "/jobs.d/t.conf.d/50-reprieve.conf:4: Usrs=: unknown key in [Source]; did you mean Users=?" },
        };

        begin("refused");
        write_file("jobs.d/t.conf", BASE);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(job_config_freep) JobConfig *c = NULL;
                _cleanup_error_ Error *error = NULL;
                const char *rest;

                CHECK_INT(set(cases[i].key, cases[i].value, &c, &error), -EINVAL);
                rest = startswith(error->text, dir);
                CHECK_STR(rest ? rest : error->text, cases[i].says);
                CHECK(!exists("jobs.d/t.conf.d"));
        }
}

TEST(several_changes_are_made_together_or_not_at_all) {
        _cleanup_(job_config_freep) JobConfig *c = NULL;
        _cleanup_error_ Error *error = NULL;
        char *keys[] = { (char *) "Deletions.DeletionThreshold", (char *) "Schedule.Interval", NULL };
        char *good[] = { (char *) "7", (char *) "1h", NULL }, *bad[] = { (char *) "8", (char *) "x", NULL };
        _cleanup_free_ char *before = NULL, *after = NULL;

        begin("several");
        write_file("jobs.d/t.conf", BASE);
        CHECK_INT(job_config_set(dir, "t", keys, good, &c, &error), 0);
        CHECK_INT(c->limits.threshold, 7);
        CHECK_INT(c->interval_usec, USEC_PER_HOUR);
        before = read_file("jobs.d/t.conf.d/50-reprieve.conf");
        c = job_config_free(c);
        CHECK_INT(job_config_set(dir, "t", keys, bad, &c, &error), -EINVAL);
        after = read_file("jobs.d/t.conf.d/50-reprieve.conf");
        CHECK_STR(after, before);
}

TEST(a_folder_that_cannot_be_written_is_named) {
        _cleanup_(job_config_freep) JobConfig *c = NULL;
        _cleanup_error_ Error *error = NULL;

        begin("unwritable");
        write_file("jobs.d/t.conf", BASE);
        write_file("jobs.d/t.conf.d", "a file in the folder's place");
        CHECK_INT(set("Job.Language", "de", &c, &error), -ENOTDIR);
        CHECK(strstr(error->text, "jobs.d/t.conf.d"));
}

TEST(a_job_that_is_not_there_is_not_made_by_a_change) {
        _cleanup_(job_config_freep) JobConfig *c = NULL;
        _cleanup_error_ Error *error = NULL;

        begin("absent");
        CHECK_INT(set("Job.Language", "de", &c, &error), -ENOENT);
        CHECK(!exists("jobs.d/t.conf.d"));
}

TEST(a_job_is_made_listed_and_removed) {
        _cleanup_(job_config_freep) JobConfig *c = NULL, *again = NULL;
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **l = NULL, **none = NULL;
        _cleanup_error_ Error *error = NULL;
        char *keys[] = { (char *) "Source.Connector", (char *) "Source.File",     (char *) "Target.Connector",
                         (char *) "Target.Directory", (char *) "Job.Enabled",     (char *) "Notify.Email", NULL };
        char *values[] = { (char *) "json", (char *) "/f", (char *) "json", (char *) "/d", (char *) "no", (char *) "a@example.com", NULL };

        char jobs_dir[8192];

        begin("make");
        (void) snprintf(jobs_dir, sizeof(jobs_dir), "%s/jobs.d", dir);
        (void) rmdir(jobs_dir);
        CHECK_INT(job_config_list(dir, &none), 0);
        CHECK_INT(strv_length(none), 0);

        CHECK_INT(job_config_create(dir, "staff", keys, values, &c, &error), 0);
        CHECK(!c->enabled);
        text = read_file("jobs.d/staff.conf");
        CHECK_STR(text, "[Source]\nConnector=json\nFile=/f\n\n[Target]\nConnector=json\nDirectory=/d\n\n[Job]\nEnabled=no\n\n[Notify]\nEmail=\n"
                        "Email=a@example.com\n");
        CHECK(!exists("jobs.d/.staff.conf"));
        CHECK_INT(job_config_create(dir, "staff", keys, values, &again, &error), -EEXIST);
        CHECK_INT(job_config_create(dir, "../x", keys, values, &again, &error), -EINVAL);
        keys[1] = (char *) "Source.Fiel";
        CHECK_INT(job_config_create(dir, "other", keys, values, &again, &error), -EINVAL);
        CHECK(!exists("jobs.d/other.conf"));

        write_file("jobs.d/bad name.conf", "");
        write_file("jobs.d/README", "");
        write_file("jobs.d/.hidden.conf", "");
        write_file("jobs.d/another.conf", "");
        CHECK_INT(job_config_list(dir, &l), 0);
        CHECK_INT(strv_length(l), 2);
        CHECK_STR(l[0], "another");
        CHECK_STR(l[1], "staff");

        c = job_config_free(c);
        keys[0] = (char *) "Job.Language", keys[1] = NULL, values[0] = (char *) "de", values[1] = NULL;
        CHECK_INT(job_config_set(dir, "staff", keys, values, &c, &error), 0);
        CHECK(exists("jobs.d/staff.conf.d/50-reprieve.conf"));
        CHECK_INT(job_config_remove(dir, "staff", &error), 0);
        CHECK(!exists("jobs.d/staff.conf") && !exists("jobs.d/staff.conf.d"));
        CHECK_INT(job_config_remove(dir, "staff", &error), -ENOENT);
}

/* ---- round trip ---- */

static unsigned seed = 42;

static unsigned any(unsigned n) {
        return (unsigned) rand_r(&seed) % n;
}

/* Text of printable characters, some of which mean something somewhere. */
static void random_text(char *s, size_t max) {
        static const char *const pieces[] = { "a", "Z", "0", " ", "  ", "\t", "=", "#", ";", "[", "]", "\"", "'", "\\", "\\n", "\xc3\xa4",
                                              "\xe2\x80\xa6", "%", "$", "[Job]", "Enabled=no" };
        size_t n = 0, count = any(12);

        while (count-- > 0) {
                const char *piece = pieces[any(ELEMENTSOF(pieces))];

                if (n + strlen(piece) >= max)
                        break;
                n += (size_t) snprintf(s + n, max - n, "%s", piece);
        }
        s[n] = '\0';
}

TEST(what_is_set_at_random_reads_back) {
        begin("random");
        write_file("jobs.d/t.conf", BASE);
        for (unsigned round = 0; round < 300; round++) {
                _cleanup_(job_config_freep) JobConfig *c = NULL, *back = NULL;
                char text[256], threshold[32], percent[32], budget[64], interval[32], *stripped;
                char *keys[] = { (char *) "Job.Description", (char *) "Deletions.DeletionThreshold",
                                 (char *) "Deletions.DeletionThresholdPercent", (char *) "Deletions.DeletionBudget",
                                 (char *) "Schedule.Interval", (char *) "Deletions.OnTrip", NULL };
                char *values[] = { text, threshold, percent, budget, interval, (char *) (any(2) ? "stop" : "hold-removals"), NULL };
                _cleanup_error_ Error *error = NULL;
                unsigned t = (unsigned) rand_r(&seed), whole = any(100), fraction = any(1000000), b = any(1000), w = 1 + any(50),
                         i = 1 + any(100000);
                int r;

                random_text(text, sizeof(text));
                (void) snprintf(threshold, sizeof(threshold), "%u", t);
                (void) snprintf(percent, sizeof(percent), "%u.%06u", whole, fraction);
                (void) snprintf(budget, sizeof(budget), "%u per %uw", b, w);
                (void) snprintf(interval, sizeof(interval), "%us", i);
                r = job_config_set(dir, "t", keys, values, &c, &error);
                stripped = strstrip(text);
                if (*stripped && stripped[strlen(stripped) - 1] == '\\') {
                        CHECK_INT(r, -EINVAL);
                        continue;
                }
                if (r < 0)
                        tap_diag("round %u: %s", round, error_text(error, r));
                CHECK_INT(r, 0);
                CHECK_INT(job_config_load(dir, "t", &back, &error), 0);
                CHECK_STR(back->description, *stripped ? stripped : NULL);
                CHECK_STR(c->description, back->description);
                CHECK_INT(back->limits.threshold, t);
                CHECK_INT(back->limits.percent, whole * UINT64_C(1000000) + fraction);
                CHECK_INT(back->limits.budget, b);
                CHECK_INT(back->budget_window_usec, w * USEC_PER_WEEK);
                CHECK_INT(back->interval_usec, i * USEC_PER_SEC);
                CHECK_INT(back->limits.on_trip, streq(values[5], "stop") ? ON_TRIP_STOP : ON_TRIP_HOLD_REMOVALS);
                CHECK(back->enabled && back->limits.prevent);
                CHECK_STR(back->fingerprint, c->fingerprint);
        }
}
