/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "ledger-test.h"

#define T0 UINT64_C(1700000000000000)

typedef struct Text {
        char text[1024];
} Text;

/* "source id[:member] action cause state joined;" of each row. */
static int note_staged(const Staged *s, void *userdata) {
        static const char states[] = "UAR";
        Text *t = userdata;
        size_t n = strlen(t->text);

        n += (size_t) snprintf(t->text + n, sizeof(t->text) - n, "%s", s->source_id);
        if (s->member > 0)
                n += (size_t) snprintf(t->text + n, sizeof(t->text) - n, ":%llu", (unsigned long long) s->member);
        (void) snprintf(t->text + n, sizeof(t->text) - n, " %s %c%llu;", change_action_to_string(s->action), states[s->state],
                        (unsigned long long) s->joined);
        return 0;
}

static int note_hold(const Hold *h, void *userdata) {
        Text *t = userdata;
        size_t n = strlen(t->text);

        (void) snprintf(t->text + n, sizeof(t->text) - n, "%s:%llu %s %s %s;", h->source_id, (unsigned long long) h->member,
                        cause_to_string(h->cause), strempty(h->by), strempty(h->comment));
        return 0;
}

static int note_decision(const Decision *d, uint64_t n, void *userdata) {
        Text *t = userdata;
        size_t m = strlen(t->text);

        (void) snprintf(t->text + m, sizeof(t->text) - m, "%s %llu %s %llu;", d->verb, (unsigned long long) d->uid,
                        strempty(d->comment), (unsigned long long) n);
        return 0;
}

static const char *staged(Ledger *l) {
        static Text t;

        t.text[0] = '\0';
        return ledger_scan_staged(l, 0, 0, note_staged, &t) == 0 ? t.text : ledger_last_error(l);
}

static const char *holds(Ledger *l) {
        static Text t;

        t.text[0] = '\0';
        return ledger_scan_holds(l, 0, 0, note_hold, &t) == 0 ? t.text : ledger_last_error(l);
}

static const char *decisions(Ledger *l) {
        static Text t;

        t.text[0] = '\0';
        return ledger_scan_decisions(l, 0, note_decision, &t) == 0 ? t.text : ledger_last_error(l);
}

static int stage(Ledger *l, const char *id, ChangeAction action, Cause cause) {
        return ledger_stage(l, &(Staged) { .kind = OBJECT_KIND_USER, .source_id = id, .target_id = "t", .display_name = "n",
                                           .action = action, .cause = cause, .staged_at = T0, .change_id = "c",
                                           .link = action == CHANGE_CREATE ? 0 : 1 });
}

/* Stages some users and opens a review on them, in one transaction as the engine does. */
static int stage_all(Ledger *l, char *const *ids, char ret_review[static 17]) {
        int r;

        r = ledger_begin(l);
        for (; r >= 0 && ids && *ids; ids++)
                r = stage(l, *ids, CHANGE_DELETE, CAUSE_DELETED);
        if (r >= 0)
                r = ledger_open_review(l, QUARANTINE_TOO_MANY_DELETES, T0, ret_review);
        if (r >= 0)
                r = ledger_commit(l);
        else
                ledger_rollback(l);
        return r;
}

typedef struct Answer {
        uint64_t decided, later;
        unsigned missing;
        Text told;
} Answer;

static int allow(Ledger *l, const char *review, uint64_t uid, unsigned approvers, Answer *a) {
        int r = ledger_begin(l);

        *a = (Answer) {};
        if (r == 0)
                r = ledger_allow(l, &(Decision) { .review = review, .uid = uid, .user = "root", .comment = "fine", .at = T0 + 1 }, NULL, 0,
                             approvers, note_staged, &a->told, &a->decided, &a->later, &a->missing);
        return end_transaction(l, r);
}

static int reject(Ledger *l, const char *review, uint64_t uid, unsigned approvers, Answer *a) {
        int r = ledger_begin(l);

        *a = (Answer) {};
        if (r == 0)
                r = ledger_reject(l, &(Decision) { .review = review, .uid = uid, .user = "root", .comment = "no", .at = T0 + 1 }, NULL, 0,
                              approvers, note_staged, &a->told, &a->decided, &a->later, &a->missing);
        return end_transaction(l, r);
}

static int allow_some(Ledger *l, const char *review, const ObjectName *o, size_t n, uint64_t uid, unsigned approvers, Answer *a) {
        int r = ledger_begin(l);

        *a = (Answer) {};
        if (r == 0)
                r = ledger_allow(l, &(Decision) { .review = review, .uid = uid, .user = "root", .at = T0 + 1 }, o, n, approvers, note_staged,
                             &a->told, &a->decided, &a->later, &a->missing);
        return end_transaction(l, r);
}

static int reject_some(Ledger *l, const char *review, const ObjectName *o, size_t n, uint64_t uid, unsigned approvers, Answer *a) {
        int r = ledger_begin(l);

        *a = (Answer) {};
        if (r == 0)
                r = ledger_reject(l, &(Decision) { .review = review, .uid = uid, .user = "root", .at = T0 + 1 }, o, n, approvers, note_staged,
                              &a->told, &a->decided, &a->later, &a->missing);
        return end_transaction(l, r);
}

TEST(a_staged_row_comes_back_whole) {
        NEW_LEDGER(l);
        StagedCounts c;

        OK(ledger_begin(l));
        OK(stage(l, "b", CHANGE_DISABLE, CAUSE_BLOCKED));
        OK(stage(l, "a", CHANGE_DELETE, CAUSE_DELETED));
        OK(ledger_stage(l, &(Staged) { .kind = OBJECT_KIND_GROUP, .source_id = "0", .action = CHANGE_MEMBERS, .link = 4, .member = 9,
                                       .staged_at = T0 - 5 }));
        CHECK_INT(ledger_stage(l, &(Staged) { .kind = OBJECT_KIND_GROUP, .source_id = "0", .action = CHANGE_MEMBERS }), -EINVAL);
        CHECK_INT(ledger_stage(l, &(Staged) { .source_id = "0", .action = CHANGE_DELETE, .member = 1 }), -EINVAL);
        OK(ledger_commit(l));
        /* Users before groups, and by source id. */
        CHECK_STR(staged(l), "a Delete U1;b Disable U1;0:9 Members U1;");
        OK(ledger_count_staged(l, &c));
        CHECK_INT(c.undecided, 3);
        CHECK_INT(c.deletes, 1);
        CHECK_INT(c.actions, 2);
        CHECK_INT(c.allowed + c.rejudge, 0);
        CHECK(c.since == T0 - 5);
}

static int check_row(const Staged *s, void *userdata) {
        return s->kind == OBJECT_KIND_USER && s->link == 1 && streq(s->target_id, "t") && streq(s->display_name, "n") &&
                               s->cause == CAUSE_SOFT_DELETED && s->staged_at == T0 && streq(s->change_id, "c") &&
                               s->state == STAGED_UNDECIDED && s->allowed_at == 0
                       ? 0
                       : -EINVAL;
}

TEST(pages_of_the_staged_set_fit_together) {
        NEW_LEDGER(l);
        Text all = {}, pages = {};
        char id[16];

        OK(ledger_begin(l));
        OK(stage(l, "one", CHANGE_DISABLE, CAUSE_SOFT_DELETED));
        OK(ledger_scan_staged(l, 0, 0, check_row, NULL));
        for (unsigned i = 0; i < 20; i++) {
                (void) snprintf(id, sizeof(id), "%02u", i);
                OK(stage(l, id, CHANGE_DELETE, CAUSE_DELETED));
        }
        OK(ledger_commit(l));
        OK(ledger_scan_staged(l, 0, 0, note_staged, &all));
        for (uint64_t offset = 0; offset < 30; offset += 6)
                OK(ledger_scan_staged(l, offset, 6, note_staged, &pages));
        CHECK_STR(pages.text, all.text);
}

static int note_summary(Cause cause, ObjectKind kind, ChangeAction action, uint64_t count, void *userdata) {
        Text *t = userdata;
        size_t n = strlen(t->text);

        (void) snprintf(t->text + n, sizeof(t->text) - n, "%s %s %s %llu;", cause_to_string(cause), object_kind_to_string(kind),
                        change_action_to_string(action), (unsigned long long) count);
        return 0;
}

TEST(the_summary_says_why_at_a_glance) {
        NEW_LEDGER(l);
        Text t = {};

        OK(ledger_begin(l));
        OK(stage(l, "a", CHANGE_DISABLE, CAUSE_BLOCKED));
        OK(stage(l, "b", CHANGE_DELETE, CAUSE_DELETED));
        OK(stage(l, "c", CHANGE_DELETE, CAUSE_DELETED));
        OK(ledger_summarize_staged(l, note_summary, &t));
        CHECK_STR(t.text, "deleted user Delete 2;blocked user Disable 1;");
        OK(ledger_commit(l));
}

TEST(q2_a_row_that_is_still_staged_keeps_its_review_and_a_new_one_joins) {
        NEW_LEDGER(l);
        char first[17], second[17], id[17];
        QuarantineReason reason;
        uint64_t opened;

        CHECK_INT(ledger_current_review(l, id, &reason, &opened), LEDGER_E_NOT_FOUND);
        OK(stage_all(l, STRV_OF("a", "b"), first));
        CHECK_INT(strlen(first), 16);
        OK(ledger_begin(l));
        OK(stage(l, "a", CHANGE_DELETE, CAUSE_DELETED));
        OK(stage(l, "c", CHANGE_DELETE, CAUSE_DELETED));
        OK(ledger_open_review(l, QUARANTINE_EMPTY_SOURCE, T0 + 9, second));
        OK(ledger_commit(l));
        CHECK(!streq(first, second));
        CHECK_STR(staged(l), "a Delete U1;b Delete U1;c Delete U2;");
        OK(ledger_current_review(l, id, &reason, &opened));
        CHECK_STR(id, second);
        CHECK_INT(reason, QUARANTINE_EMPTY_SOURCE);
        CHECK(opened == T0);
        OK(ledger_begin(l));
        OK(ledger_close_reviews(l, "healed", T0));
        OK(ledger_commit(l));
        CHECK_INT(ledger_current_review(l, id, NULL, NULL), LEDGER_E_NOT_FOUND);
}

TEST(q4_another_cause_or_action_is_a_new_removal) {
        NEW_LEDGER(l);
        char first[17], second[17];
        Answer a;

        OK(ledger_begin(l));
        OK(stage(l, "a", CHANGE_DISABLE, CAUSE_BLOCKED));
        OK(stage(l, "b", CHANGE_DISABLE, CAUSE_BLOCKED));
        OK(stage(l, "c", CHANGE_DISABLE, CAUSE_BLOCKED));
        OK(ledger_open_review(l, QUARANTINE_TOO_MANY_DELETES, T0, first));
        OK(ledger_commit(l));
        OK(ledger_begin(l));
        OK(stage(l, "a", CHANGE_DELETE, CAUSE_DELETED));
        OK(stage(l, "b", CHANGE_DISABLE, CAUSE_UNASSIGNED));
        OK(ledger_open_review(l, QUARANTINE_TOO_MANY_DELETES, T0, second));
        OK(ledger_commit(l));
        CHECK_STR(staged(l), "a Delete U2;b Disable U2;c Disable U1;");
        OK(allow(l, first, 0, 1, &a));
        CHECK_STR(staged(l), "a Delete R2;b Disable R2;c Disable A1;");
        CHECK_INT(a.decided, 1);
        CHECK_INT(a.later, 2);
}

TEST(q4_an_id_allows_exactly_what_was_in_the_set_then_and_still_is) {
        NEW_LEDGER(l);
        char first[17], second[17];
        Answer a;

        OK(stage_all(l, STRV_OF("a", "b", "healed"), first));
        OK(ledger_begin(l));
        OK(ledger_unstage(l, 1, OBJECT_KIND_USER, "healed"));
        OK(ledger_commit(l));
        OK(stage_all(l, STRV_OF("later"), second));
        OK(allow(l, first, 0, 1, &a));
        CHECK_INT(a.decided, 2);
        CHECK_INT(a.later, 1);
        CHECK_INT(a.missing, 0);
        CHECK_STR(a.told.text, "a Delete A1;b Delete A1;");
        CHECK_STR(staged(l), "a Delete A1;b Delete A1;later Delete R2;");
        /* Decided is decided, by whichever id. */
        CHECK_INT(allow(l, first, 0, 1, &a), LEDGER_E_NO_SUCH_REVIEW);
        CHECK_INT(allow(l, second, 0, 1, &a), LEDGER_E_NO_SUCH_REVIEW);
        CHECK_INT(reject(l, second, 0, 1, &a), LEDGER_E_NO_SUCH_REVIEW);
        CHECK_INT(ledger_current_review(l, first, NULL, NULL), LEDGER_E_NOT_FOUND);
}

TEST(q4_the_newest_id_covers_all) {
        NEW_LEDGER(l);
        char first[17], second[17];
        Answer a;

        OK(stage_all(l, STRV_OF("a"), first));
        OK(stage_all(l, STRV_OF("b"), second));
        OK(allow(l, second, 0, 1, &a));
        CHECK_INT(a.decided, 2);
        CHECK_INT(a.later, 0);
}

TEST(q4_an_unknown_or_another_jobs_id_is_refused) {
        NEW_LEDGER(l);
        _cleanup_ledger_ Ledger *other = ledger_open_test("another-job", LEDGER_READ_WRITE);
        char mine[17], theirs[17];
        Answer a;

        CHECK(other);
        OK(stage_all(l, STRV_OF("a"), mine));
        OK(stage_all(other, STRV_OF("a"), theirs));
        CHECK_INT(allow(l, theirs, 0, 1, &a), LEDGER_E_NO_SUCH_REVIEW);
        CHECK_INT(allow(l, "0000000000000000", 0, 1, &a), LEDGER_E_NO_SUCH_REVIEW);
        CHECK_INT(allow(l, "", 0, 1, &a), LEDGER_E_NO_SUCH_REVIEW);
        CHECK_INT(allow(l, NULL, 0, 1, &a), LEDGER_E_NO_SUCH_REVIEW);
        CHECK_STR(staged(l), "a Delete U1;");
        CHECK_STR(decisions(l), "");
        OK(allow(l, mine, 0, 1, &a));
}

TEST(q4_what_joined_later_is_judged_anew_and_may_join_again) {
        NEW_LEDGER(l);
        char first[17], second[17], third[17];
        Answer a;

        OK(stage_all(l, STRV_OF("a"), first));
        OK(stage_all(l, STRV_OF("b"), second));
        OK(allow(l, first, 0, 1, &a));
        CHECK_STR(staged(l), "a Delete A1;b Delete R2;");
        /* An open review names no row that waits to be judged, though it joined before. */
        OK(stage_all(l, NULL, third));
        OK(allow(l, third, 0, 1, &a));
        CHECK_INT(a.decided, 0);
        CHECK_STR(staged(l), "a Delete A1;b Delete R2;");
        OK(stage_all(l, STRV_OF("b"), third));
        CHECK_STR(staged(l), "a Delete A1;b Delete U4;");
        OK(allow(l, third, 0, 1, &a));
        CHECK_INT(a.decided, 1);
        CHECK_STR(staged(l), "a Delete A1;b Delete A4;");
}

TEST(q4_rows_whose_review_was_never_opened_are_named_by_none) {
        NEW_LEDGER(l);
        char first[17];
        Answer a;

        OK(stage_all(l, STRV_OF("a"), first));
        OK(ledger_begin(l));
        OK(stage(l, "b", CHANGE_DELETE, CAUSE_DELETED));
        OK(ledger_commit(l));
        OK(allow(l, first, 0, 1, &a));
        CHECK_INT(a.decided, 1);
        CHECK_STR(staged(l), "a Delete A1;b Delete R2;");
}

TEST(q5_an_allow_that_is_void_waits_for_another_one_under_another_id) {
        NEW_LEDGER(l);
        StagedCounts c;
        uint64_t n;
        char id[17];
        Answer a;

        OK(stage_all(l, STRV_OF("a", "b"), id));
        OK(allow(l, id, 0, 1, &a));
        OK(ledger_count_staged(l, &c));
        CHECK_INT(c.allowed, 2);
        CHECK_INT(c.undecided, 0);
        CHECK_INT(c.since, 0);
        OK(ledger_begin(l));
        OK(ledger_reset_allowed(l, UINT64_MAX, 0, &n));
        CHECK_INT(n, 2);
        OK(ledger_open_review(l, QUARANTINE_TOO_MANY_DELETES, T0 + 2, id));
        OK(ledger_commit(l));
        OK(ledger_count_staged(l, &c));
        CHECK_INT(c.undecided, 2);
        CHECK_INT(c.allowed, 0);
        CHECK_INT(c.rejudge, 0);
        OK(allow(l, id, 0, 1, &a));
        CHECK_INT(a.decided, 2);
}

TEST(q5_only_what_was_allowed_out_of_the_span_is_taken_back) {
        const ObjectName a = { OBJECT_KIND_USER, "a" }, b = { OBJECT_KIND_USER, "b" };
        NEW_LEDGER(l);
        uint64_t n;
        char id[17];
        Answer answer;

        OK(stage_all(l, STRV_OF("a", "b"), id));
        OK(allow_some(l, id, &a, 1, 0, 1, &answer));
        OK(ledger_begin(l));
        OK(ledger_reset_allowed(l, T0 + 1, T0 + 1, &n));
        CHECK_INT(n, 0);
        OK(ledger_reset_allowed(l, T0, T0, &n));
        CHECK_INT(n, 1);
        CHECK_STR(staged(l), "a Delete U2;b Delete U1;");
        OK(ledger_open_review(l, QUARANTINE_TOO_MANY_DELETES, T0 + 2, id));
        OK(ledger_commit(l));
        OK(allow_some(l, id, &b, 1, 0, 1, &answer));
        OK(ledger_begin(l));
        OK(ledger_reset_allowed(l, T0 + 2, T0 + 3, &n));
        CHECK_INT(n, 1);
        OK(ledger_commit(l));
}

TEST(q6_a_selection_leaves_the_rest_under_review) {
        const ObjectName ab[] = { { OBJECT_KIND_USER, "b" }, { OBJECT_KIND_USER, "a" }, { OBJECT_KIND_USER, "b" } };
        const ObjectName c[] = { { OBJECT_KIND_USER, "c" } }, d[] = { { OBJECT_KIND_USER, "d" } };
        NEW_LEDGER(l);
        char first[17], second[17], id[17];
        Answer a;

        OK(stage_all(l, STRV_OF("a", "b", "c"), first));
        OK(stage_all(l, STRV_OF("d"), second));
        OK(allow_some(l, first, ab, 3, 0, 1, &a));
        CHECK_INT(a.decided, 2);
        CHECK_INT(a.later, 1);
        CHECK_STR(a.told.text, "b Delete A1;a Delete A1;");
        CHECK_STR(staged(l), "a Delete A1;b Delete A1;c Delete U1;d Delete U2;");
        OK(ledger_current_review(l, id, NULL, NULL));
        CHECK_STR(id, second);
        OK(reject_some(l, first, c, 1, 0, 1, &a));
        CHECK_INT(a.decided, 1);
        CHECK_STR(staged(l), "a Delete A1;b Delete A1;d Delete U2;");
        CHECK_STR(holds(l), "c:0 deleted root ;");
        /* The last one decides the review. */
        OK(allow_some(l, second, d, 1, 0, 1, &a));
        CHECK_INT(ledger_current_review(l, id, NULL, NULL), LEDGER_E_NOT_FOUND);
}

TEST(q6_a_selection_with_one_wrong_name_decides_nothing) {
        const ObjectName later[] = { { OBJECT_KIND_USER, "a" }, { OBJECT_KIND_USER, "later" } };
        const ObjectName kind[] = { { OBJECT_KIND_USER, "a" }, { OBJECT_KIND_GROUP, "a" } };
        NEW_LEDGER(l);
        char first[17], second[17];
        Answer a;

        OK(stage_all(l, STRV_OF("a"), first));
        OK(stage_all(l, STRV_OF("later"), second));
        CHECK_INT(allow_some(l, first, later, 2, 0, 1, &a), LEDGER_E_NOT_STAGED);
        CHECK_INT(allow_some(l, second, kind, 2, 0, 1, &a), LEDGER_E_NOT_STAGED);
        CHECK_INT(reject_some(l, first, later, 2, 0, 1, &a), LEDGER_E_NOT_STAGED);
        CHECK_STR(staged(l), "a Delete U1;later Delete U2;");
        CHECK_STR(a.told.text, "");
        CHECK_STR(decisions(l), "");
        /* Decided once is not decided again. */
        OK(allow_some(l, second, later, 1, 0, 1, &a));
        CHECK_INT(allow_some(l, second, later, 1, 0, 1, &a), LEDGER_E_NOT_STAGED);
}

TEST(q6_an_empty_selection_is_not_everything) {
        const ObjectName none[1] = {};
        NEW_LEDGER(l);
        char id[17];
        Answer a;

        OK(stage_all(l, STRV_OF("a"), id));
        OK(allow_some(l, id, none, 0, 0, 1, &a));
        CHECK_INT(a.decided, 0);
        CHECK_STR(staged(l), "a Delete U1;");
        OK(ledger_current_review(l, id, NULL, NULL));
}

TEST(q7_a_reject_holds_each_and_what_joined_later_is_judged_anew) {
        NEW_LEDGER(l);
        char first[17], second[17];
        uint64_t n;
        Answer a;

        OK(stage_all(l, STRV_OF("a", "b"), first));
        OK(stage_all(l, STRV_OF("later"), second));
        OK(reject(l, first, 0, 1, &a));
        CHECK_INT(a.decided, 2);
        CHECK_INT(a.later, 1);
        CHECK_STR(a.told.text, "a Delete U1;b Delete U1;");
        CHECK_STR(staged(l), "later Delete R2;");
        CHECK_STR(holds(l), "a:0 deleted root no;b:0 deleted root no;");
        CHECK_INT(reject(l, second, 0, 1, &a), LEDGER_E_NO_SUCH_REVIEW);
        OK(ledger_count_holds(l, &n));
        CHECK_INT(n, 2);
        /* Release, or the source has it again. */
        OK(ledger_begin(l));
        OK(ledger_remove_hold(l, OBJECT_KIND_USER, "a"));
        CHECK_INT(ledger_remove_hold(l, OBJECT_KIND_USER, "a"), LEDGER_E_NOT_FOUND);
        CHECK_INT(ledger_remove_hold(l, OBJECT_KIND_GROUP, "b"), LEDGER_E_NOT_FOUND);
        OK(ledger_add_decision(l, &(Decision) { .verb = "release", .uid = 5, .user = "u", .comment = "back", .at = T0 }, 1));
        OK(ledger_commit(l));
        CHECK_STR(holds(l), "b:0 deleted root no;");
        CHECK_STR(decisions(l), "release 5 back 1;reject 0 no 2;");
}

static int check_hold(const Hold *h, void *userdata) {
        return h->kind == OBJECT_KIND_USER && h->link == 1 && streq(h->target_id, "t") && streq(h->display_name, "n") &&
                               h->since == T0 + 1 && h->cause == CAUSE_DELETED
                       ? 0
                       : -EINVAL;
}

TEST(q7_a_withheld_create_is_rejected_without_a_hold) {
        NEW_LEDGER(l);
        char id[17];
        Answer a;

        OK(ledger_begin(l));
        OK(stage(l, "a", CHANGE_DELETE, CAUSE_DELETED));
        OK(stage(l, "new", CHANGE_CREATE, CAUSE_NONE));
        OK(stage(l, "renamed", CHANGE_UPDATE, CAUSE_NONE));
        OK(ledger_open_review(l, QUARANTINE_TOO_MANY_DELETES, T0, id));
        OK(ledger_commit(l));
        OK(reject(l, id, 0, 1, &a));
        CHECK_INT(a.decided, 3);
        CHECK_STR(staged(l), "");
        CHECK_STR(holds(l), "a:0 deleted root no;");
        OK(ledger_scan_holds(l, 0, 0, check_hold, NULL));
}

TEST(g5_a_membership_is_staged_held_and_healed_on_its_own) {
        const ObjectName g[] = { { OBJECT_KIND_GROUP, "g" } };
        Staged s = { .kind = OBJECT_KIND_GROUP, .source_id = "g", .action = CHANGE_MEMBERS, .link = 3, .staged_at = T0 };
        NEW_LEDGER(l);
        char id[17];
        Answer a;

        OK(ledger_begin(l));
        for (s.member = 5; s.member < 9; s.member++)
                OK(ledger_stage(l, &s));
        OK(ledger_open_review(l, QUARANTINE_TOO_MANY_DELETES, T0, id));
        OK(ledger_unstage_member(l, 3, 5));
        OK(ledger_unstage_member(l, 4, 6));
        OK(ledger_commit(l));
        CHECK_STR(staged(l), "g:6 Members U1;g:7 Members U1;g:8 Members U1;");
        OK(reject_some(l, id, g, 1, 0, 1, &a));
        CHECK_INT(a.decided, 3);
        CHECK_STR(staged(l), "");
        CHECK_STR(holds(l), "g:6  root ;g:7  root ;g:8  root ;");
        OK(ledger_begin(l));
        OK(ledger_remove_member_hold(l, 3, 6));
        CHECK_INT(ledger_remove_member_hold(l, 3, 6), LEDGER_E_NOT_FOUND);
        CHECK_STR(holds(l), "g:7  root ;g:8  root ;");
        OK(ledger_remove_hold(l, OBJECT_KIND_GROUP, "g"));
        CHECK_STR(holds(l), "");
        OK(ledger_commit(l));
}

TEST(a_link_takes_its_staged_rows_and_holds_along) {
        NEW_LEDGER(l);
        uint64_t a, g, h;
        char id[17];
        Answer answer;

        OK(ledger_begin(l));
        OK(add_user(l, "a", &a));
        OK(add_group(l, "g", &g));
        OK(add_group(l, "h", &h));
        OK(ledger_stage(l, &(Staged) { .kind = OBJECT_KIND_USER, .source_id = "a", .link = a, .action = CHANGE_DELETE }));
        OK(ledger_stage(l, &(Staged) { .kind = OBJECT_KIND_GROUP, .source_id = "g", .link = g, .action = CHANGE_MEMBERS, .member = a }));
        OK(ledger_open_review(l, QUARANTINE_TOO_MANY_DELETES, T0, id));
        OK(ledger_commit(l));
        OK(reject(l, id, 0, 1, &answer));
        OK(ledger_begin(l));
        OK(ledger_stage(l, &(Staged) { .kind = OBJECT_KIND_USER, .source_id = "a", .link = a, .action = CHANGE_DELETE }));
        OK(ledger_stage(l, &(Staged) { .kind = OBJECT_KIND_GROUP, .source_id = "g", .link = g, .action = CHANGE_MEMBERS, .member = a }));
        OK(ledger_stage(l, &(Staged) { .kind = OBJECT_KIND_GROUP, .source_id = "g", .link = g, .action = CHANGE_MEMBERS, .member = h }));
        OK(ledger_remove_link(l, a));
        CHECK_STR(staged(l), "g:3 Members U2;");
        CHECK_STR(holds(l), "");
        OK(ledger_remove_link(l, g));
        CHECK_STR(staged(l), "");
        OK(ledger_commit(l));
}

TEST(q8_a_restart_drops_the_set) {
        NEW_LEDGER(l);
        char id[17];
        Answer a;

        OK(stage_all(l, STRV_OF("a", "b"), id));
        OK(ledger_begin(l));
        OK(ledger_clear_staged(l));
        OK(ledger_close_reviews(l, "restarted", T0));
        OK(ledger_commit(l));
        CHECK_STR(staged(l), "");
        CHECK_INT(allow(l, id, 0, 1, &a), LEDGER_E_NO_SUCH_REVIEW);
}

TEST(q9_who_decided_is_on_record) {
        NEW_LEDGER(l);
        char id[17];
        Answer a;

        OK(stage_all(l, STRV_OF("a", "b"), id));
        OK(allow(l, id, 1000, 1, &a));
        CHECK_STR(decisions(l), "allow 1000 fine 2;");
}

TEST(two_people_must_have_said_the_same_of_the_same) {
        const ObjectName ab[] = { { OBJECT_KIND_USER, "a" }, { OBJECT_KIND_USER, "b" } };
        const ObjectName ba[] = { { OBJECT_KIND_USER, "b" }, { OBJECT_KIND_USER, "a" }, { OBJECT_KIND_USER, "b" } };
        NEW_LEDGER(l);
        char first[17], second[17];
        Answer a;

        OK(stage_all(l, STRV_OF("a", "b", "c"), first));
        OK(allow(l, first, 1, 2, &a));
        CHECK_INT(a.decided, 0);
        CHECK_INT(a.missing, 1);
        /* The same person twice, another verb, a part, a grown set: none of them is a second voice. */
        OK(allow(l, first, 1, 2, &a));
        CHECK_INT(a.missing, 1);
        OK(reject(l, first, 2, 2, &a));
        CHECK_INT(a.missing, 1);
        OK(allow_some(l, first, ab, 2, 2, 2, &a));
        CHECK_INT(a.missing, 1);
        OK(stage_all(l, STRV_OF("d"), second));
        OK(allow(l, second, 2, 2, &a));
        CHECK_INT(a.missing, 1);
        CHECK_STR(staged(l), "a Delete U1;b Delete U1;c Delete U1;d Delete U2;");
        CHECK_STR(a.told.text, "");
        /* The same part in other words. */
        OK(allow_some(l, first, ba, 3, 3, 2, &a));
        CHECK_INT(a.missing, 0);
        CHECK_INT(a.decided, 2);
        CHECK_STR(staged(l), "a Delete A1;b Delete A1;c Delete U1;d Delete U2;");
        OK(allow(l, first, 2, 3, &a));
        CHECK_INT(a.missing, 1);
        OK(allow(l, first, 3, 3, &a));
        CHECK_INT(a.missing, 0);
        CHECK_INT(a.decided, 1);
        CHECK_STR(staged(l), "a Delete A1;b Delete A1;c Delete A1;d Delete R2;");
}

static int refuse_second(const Staged *s, void *userdata) {
        return streq(s->source_id, "b") ? -EIO : 0;
}

TEST(a_decision_that_cannot_be_told_is_undone) {
        NEW_LEDGER(l);
        uint64_t decided = 77, later = 77;
        unsigned missing = 77;
        char id[17];

        OK(stage_all(l, STRV_OF("a", "b"), id));
        OK(ledger_begin(l));
        CHECK_INT(ledger_allow(l, &(Decision) { .review = id, .user = "x", .at = 1 }, NULL, 0, 1, refuse_second, NULL, &decided, &later,
                               &missing), -EIO);
        ledger_rollback(l);
        CHECK_INT(decided, 77);
        CHECK_INT(later, 77);
        CHECK_INT(missing, 77);
        CHECK_STR(staged(l), "a Delete U1;b Delete U1;");
        OK(ledger_begin(l));
        OK(ledger_allow(l, &(Decision) { .review = id, .user = "x", .at = 1 }, NULL, 0, 1, NULL, NULL, &decided, &later, &missing));
        OK(ledger_commit(l));
        CHECK_INT(decided, 2);
}
