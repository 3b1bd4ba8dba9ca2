/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Every event in every language against tests/golden/mail/EVENT.LANGUAGE.txt; what is shown there was read by a
 * person. Set UPDATE_GOLDEN=1 to write them anew, and read the diff. */

#include "mail-text.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>

#include "file-util.h"
#include "staged-csv.h"
#include "string-util.h"
#include "tap.h"
#include "time-util.h"

#define COMMON                                                                                                     \
        "\"job\":\"staff\",\"description\":\"Staff directory to the chat "                                         \
        "application\",\"at\":1795324660000000,\"host\":\"id1\""
#define REVIEW "\"review\":\"0123456789abcdef\",\"reason\":\"TooManyDeletes\",\"since\":1795324660000000"
#define SET                                                                                                        \
        "\"staged\":1234,\"causes\":[{\"cause\":\"deleted\",\"kind\":\"user\",\"action\":\"Delete\",\"count\":"    \
        "1200},"                                                                                                   \
        "{\"cause\":\"blocked\",\"kind\":\"user\",\"action\":\"Disable\",\"count\":33},"                           \
        "{\"cause\":\"out-of-scope\",\"kind\":\"group\",\"action\":\"Delete\",\"count\":1}],"                      \
        "\"first\":[{\"action\":\"Delete\",\"kind\":\"group\",\"cause\":\"out-of-scope\",\"name\":\"Sales\","      \
        "\"source_id\":\"G1\"},"                                                                                   \
        "{\"action\":\"Delete\",\"kind\":\"user\",\"cause\":\"deleted\",\"name\":\"Γεώργιος "              \
        "Παπαδόπουλος\",\"source_id\":\"A000055\"},"                                                   \
        "{\"action\":\"Disable\",\"kind\":\"user\",\"cause\":\"blocked\",\"name\":\"\",\"source_id\":\"A000056\"}" \
        "]"
#define LIMITS                                                                                                     \
        "\"counted\":1234,\"limit\":500,\"population\":12000,\"threshold\":500,\"exceeded\":false,\"stopped\":"    \
        "false"
#define QUARANTINE                                                                                          \
        "\"reason\":\"InvalidCredentials\",\"message\":\"ldaps://ldap.example.com: Invalid credentials\","  \
        "\"since\":1792905460000000,\"times\":7,\"next_attempt\":1795346260000000"

static const struct {
        const char *name;
        OutboxEvent event;
        const char *payload;
} mails[] = {
        { "review-opened", OUTBOX_REVIEW_OPENED,
          "{" COMMON "," REVIEW "," SET ",\"verdict\":\"threshold\"," LIMITS "}" },
        { "review-grown", OUTBOX_REVIEW_GROWN,
          "{" COMMON "," REVIEW "," SET ",\"verdict\":\"joined\"," LIMITS "}" },
        { "reminder", OUTBOX_REMINDER,
          "{" COMMON "," REVIEW "," SET
          ",\"verdict\":\"percent\",\"counted\":1234,\"limit\":1200,\"population\":12000,"
          "\"threshold\":5000,\"percent\":10000000,\"exceeded\":true,\"stopped\":true}" },
        { "one-removal", OUTBOX_REVIEW_OPENED,
          "{" COMMON "," REVIEW
          ",\"verdict\":\"threshold\",\"staged\":1,\"causes\":[{\"cause\":\"unassigned\",\"kind\":\"user\","
          "\"action\":\"Disable\",\"count\":1}],\"first\":[{\"action\":\"Disable\",\"kind\":\"user\",\"cause\":"
          "\"unassigned\","
          "\"name\":\"Jane "
          "Doe\",\"source_id\":\"A1\"}],\"counted\":1,\"limit\":1,\"population\":1,\"threshold\":0}" },
        { "empty-source", OUTBOX_REVIEW_OPENED,
          "{" COMMON "," REVIEW "," SET ",\"verdict\":\"empty-source\"," LIMITS "}" },
        { "group-emptied", OUTBOX_REVIEW_OPENED,
          "{" COMMON "," REVIEW
          ",\"verdict\":\"group-emptied\",\"staged\":73,"
          "\"causes\":[{\"cause\":\"\",\"kind\":\"group\",\"action\":\"Members\",\"count\":73}],\"groups_total\":3,\"groups\":["
          "{\"count\":40,\"members\":40,\"source_id\":\"G1\",\"name\":\"Sales\"},"
          "{\"count\":33,\"members\":1040,\"source_id\":\"G2\",\"name\":\"\"}],\"first\":[{"
          "\"action\":\"Members\","
          "\"kind\":\"group\",\"cause\":\"\",\"name\":\"Sales\",\"source_id\":\"G1\",\"member\":\"Jane Doe\"}]}" },
        { "everything", OUTBOX_REVIEW_OPENED,
          "{" COMMON "," REVIEW "," SET ",\"verdict\":\"everything\"," LIMITS "}" },
        { "assigned-group-missing", OUTBOX_REVIEW_OPENED,
          "{" COMMON "," REVIEW "," SET ",\"verdict\":\"assigned-group-missing\",\"missing_groups\":[\"Sales\",\"Team \\\"A\\\"\"]," LIMITS "}" },
        { "configuration", OUTBOX_REVIEW_OPENED,
          "{" COMMON "," REVIEW "," SET ",\"verdict\":\"configuration-changed\"," LIMITS "}" },
        { "budget", OUTBOX_REVIEW_OPENED,
          "{" COMMON "," REVIEW "," SET
          ",\"verdict\":\"budget\",\"budget\":1000,\"budget_window\":604800000000," LIMITS
          ",\"percent\":2500000}" },
        { "memberships", OUTBOX_REVIEW_OPENED,
          "{" COMMON "," REVIEW
          ",\"verdict\":\"memberships\",\"memberships\":2500,\"membership_threshold\":2000,\"staged\":2500,"
          "\"causes\":[{\"cause\":\"\",\"kind\":\"group\",\"action\":\"Members\",\"count\":2500}],\"first\":[{"
          "\"action\":\"Members\","
          "\"kind\":\"group\",\"cause\":\"\",\"name\":\"Sales\",\"source_id\":\"G1\",\"member\":\"Jane Doe\"}]}" },
        { "second-wave", OUTBOX_REVIEW_OPENED,
          "{" COMMON "," REVIEW "," SET ",\"verdict\":\"threshold\"," LIMITS ",\"second_wave\":1150,"
          "\"waves\":[{\"count\":1140,\"at\":1792732660000000,\"last\":1792732660000000,\"by\":\"alice\",\"review\":\"f123456789abcdef\"},"
          "{\"count\":9,\"at\":1792732660000000,\"last\":1792905460000000,\"by\":\"\",\"review\":\"\"}]}" },
        { "allowed", OUTBOX_ALLOWED,
          "{" COMMON ",\"review\":\"0123456789abcdef\",\"by\":\"alice\",\"uid\":1000,\"comment\":\"They left on "
                     "Friday\",\"decided\":1200,"
          "\"joined_later\":34,\"remaining\":0,\"approval_expires\":86400000000}" },
        { "rejected", OUTBOX_REJECTED,
          "{" COMMON ",\"review\":\"0123456789abcdef\",\"by\":\"alice\",\"uid\":1000,\"decided\":1,\"joined_"
                     "later\":0,\"remaining\":12}" },
        { "healed", OUTBOX_HEALED, "{" COMMON ",\"review\":\"0123456789abcdef\",\"count\":1234}" },
        { "restarted", OUTBOX_RESTARTED, "{" COMMON ",\"review\":\"0123456789abcdef\",\"count\":1234}" },
        { "expired", OUTBOX_EXPIRED,
          "{" COMMON ",\"review\":\"0123456789abcdef\",\"count\":1234,\"approval_expires\":86400000000}" },
        { "quarantined", OUTBOX_QUARANTINED, "{" COMMON "," QUARANTINE "}" },
        { "interrupted", OUTBOX_QUARANTINED,
          "{" COMMON
          ",\"reason\":\"IngestionInterrupted\",\"message\":\"users.jsonl:17: the file ends within a record\"}" },
        { "escrow", OUTBOX_QUARANTINED, "{" COMMON ",\"reason\":\"EncounteredEscrowThreshold\"}" },
        { "job-disable-soon", OUTBOX_JOB_DISABLE_SOON,
          "{" COMMON "," QUARANTINE ",\"disable_at\":1795497460000000}" },
        { "job-disabled", OUTBOX_JOB_DISABLED, "{" COMMON "," QUARANTINE "}" },
        { "recovered", OUTBOX_RECOVERED,
          "{" COMMON ",\"reason\":\"InvalidCredentials\",\"since\":1792905460000000}" },
        { "test", OUTBOX_TEST, "{" COMMON ",\"by\":\"alice\"}" },
};

static const char *const languages[] = { "en", "de", "el" };

static void setup(void) {
        static bool done = false;
        char path[4096];

        if (done)
                return;
        (void) snprintf(path, sizeof(path), "%s/tests/locale",
                        getenv("TOP_BUILDDIR") ? getenv("TOP_BUILDDIR") : ".");
        mail_text_setup(path);
        done = true;
}

/* Compares @text with the golden file, or writes it. */
static bool is_golden(const char *name, const char *language, const char *ending, const char *text) {
        _cleanup_free_ char *golden = NULL;
        const char *top = getenv("TOP_SRCDIR");
        char path[4096];

        (void) snprintf(path, sizeof(path), "%s/tests/golden/mail/%s.%s.%s", top ? top : ".", name, language,
                        ending);
        if (getenv("UPDATE_GOLDEN"))
                return file_write_atomic(path, text, strlen(text), 0644) == 0;
        if (file_read_full(path, 1 << 20, &golden, NULL) == 0 && streq(golden, text))
                return true;
        tap_diag("%s differs; got: %s", path, text);
        return false;
}

TEST(n3_every_event_reads_as_it_should_in_every_language) {
        setup();
        for (size_t i = 0; i < ELEMENTSOF(mails); i++)
                for (size_t k = 0; k < ELEMENTSOF(languages); k++) {
                        _cleanup_mail_facts_ MailFacts f = {};
                        _cleanup_mail_text_ MailText t = {};
                        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

                        CHECK_INT(mail_facts_parse(mails[i].event, mails[i].payload, &f), 0);
                        CHECK_INT(mail_text_set_language(languages[k]), 0);
                        CHECK_INT(mail_text_compose(&f, true, &t), 0);
                        CHECK_STR(t.language, languages[k]);
                        strbuf_printf(&b, "Subject: %s\n\n%s", t.subject, t.text);
                        CHECK(is_golden(mails[i].name, languages[k], "txt", b.data));
                        if (streq(mails[i].name, "review-opened") || streq(mails[i].name, "quarantined"))
                                CHECK(is_golden(mails[i].name, languages[k], "html", t.html));
                }
}

TEST(n3_a_review_mail_has_the_commands_and_numbers) {
        _cleanup_mail_facts_ MailFacts f = {};
        _cleanup_mail_text_ MailText t = {};
        static const char *const needles[] = {
                "reprievectl staged staff",
                "reprievectl allow staff 0123456789abcdef",
                "reprievectl reject staff 0123456789abcdef",
                "1,234",
                "1,200",
                "12,000",
                "500",
                "TooManyDeletes",
                "A000055",
                "Γεώργιος Παπαδόπουλος",
        };

        setup();
        CHECK_INT(mail_text_set_language("en"), 0);
        CHECK_INT(mail_facts_parse(OUTBOX_REVIEW_OPENED, mails[0].payload, &f), 0);
        CHECK_INT(mail_text_compose(&f, true, &t), 0);
        for (size_t i = 0; i < ELEMENTSOF(needles); i++) {
                CHECK(strstr(t.text, needles[i]));
                CHECK(strstr(t.html, needles[i]));
        }
        CHECK(!t.file_name);
}

TEST(an_unknown_language_is_english_and_the_system_has_its_own) {
        _cleanup_mail_facts_ MailFacts f = {};

        setup();
        CHECK_INT(mail_facts_parse(OUTBOX_TEST, "{\"job\":\"staff\"}", &f), 0);
        static const struct {
                const char *language, *result;
        } cases[] = { { "xx", "en" },    { "de_AT.UTF-8", "de" }, { "C", "en" },
                      { "el_GR", "el" }, { "fr:de", "de" },       { NULL, "en" } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_mail_text_ MailText t = {};

                CHECK_INT(mail_text_set_language(cases[i].language), 0);
                CHECK_INT(mail_text_compose(&f, true, &t), 0);
                CHECK_STR(t.language, cases[i].result);
        }
}

static char *payload_with_list(unsigned n, size_t max, uint64_t staged) {
        _cleanup_(staged_list_freep) StagedList *l = staged_list_new(max);
        _cleanup_free_ char *packed = NULL;
        uint64_t rows, size;
        char *s;

        for (unsigned i = 0; i < n; i++) {
                char id[16];

                (void) snprintf(id, sizeof(id), "%u", i * 7919 % 100003);
                if (staged_list_add(l,
                                    &(Staged) { .kind = OBJECT_KIND_USER,
                                               .source_id = id,
                                               .display_name = id,
                                               .action = CHANGE_DELETE,
                                               .cause = CAUSE_DELETED,
                                               .staged_at = 1 },
                                    NULL) < 0)
                        return NULL;
        }
        if (staged_list_finish(l, &packed, &rows, &size) < 0 ||
            asprintf(&s,
                     "{\"job\":\"staff\",\"review\":\"0123456789abcdef\",\"staged\":%llu,\"list\":\"%s\",\"list_"
                     "rows\":%llu,"
                     "\"list_size\":%llu,\"first\":[{}]}",
                     (unsigned long long) staged, packed, (unsigned long long) rows, (unsigned long long) size) < 0)
                return NULL;
        return s;
}

TEST(n3_the_list_is_attached_plain_packed_or_cut) {
        static const struct {
                unsigned n;
                size_t max;
                const char *name, *type, *note;
        } cases[] = {
                { 10, 1 << 20, "staff-0123456789abcdef.csv", "text/csv; charset=utf-8; header=present",
                  "The whole list is attached as" },
                { 20000, 1 << 20, "staff-0123456789abcdef.csv.gz", "application/gzip",
                  "The whole list is attached as" },
                { 20000, 20000, NULL, "text/csv; charset=utf-8; header=present", " is cut: " },
        };

        setup();
        CHECK_INT(mail_text_set_language("en"), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *payload = payload_with_list(cases[i].n, cases[i].max, cases[i].n);
                _cleanup_mail_facts_ MailFacts f = {};
                _cleanup_mail_text_ MailText t = {};

                CHECK(payload);
                CHECK_INT(mail_facts_parse(OUTBOX_REVIEW_OPENED, payload, &f), 0);
                CHECK_INT(mail_text_compose(&f, true, &t), 0);
                if (cases[i].name)
                        CHECK_STR(t.file_name, cases[i].name);
                else
                        CHECK(startswith(t.file_name, "staff-0123456789abcdef-first-"));
                CHECK_STR(t.file_type, cases[i].type);
                CHECK(strstr(t.text, cases[i].note));
                CHECK(t.file_size > 0);
        }
}

TEST(a_damaged_payload_is_refused) {
        static const char *const bad[] = {
                "", "{", "[]", "null", "{\"first\":{}}", "{\"first\":[1]}", "{}x", "{\"a\":[[[[[[[[[1]]]]]]]]]}"
        };
        _cleanup_mail_facts_ MailFacts good = {};
        MailText t;
        MailFacts f;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                CHECK_INT(mail_facts_parse(OUTBOX_TEST, bad[i], &f), -EBADMSG);
        CHECK_INT(mail_facts_parse(_OUTBOX_EVENT_MAX, "{}", &f), -EBADMSG);
        CHECK_INT(mail_facts_parse(OUTBOX_REMINDER, "{\"list\":\"AAAA\"}", &good), 0);
        CHECK_INT(mail_text_compose(&good, true, &t), -EBADMSG);
}
