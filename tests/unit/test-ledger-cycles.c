/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "ledger-test.h"
#include "time-util.h"

static void note(char text[static 512], const char *word) {
        (void) snprintf(text + strlen(text), 512 - strlen(text), "%s ", strempty(word));
}

static int note_intent(const Intent *i, void *userdata) {
        note(userdata, i->source_id);
        note(userdata, change_action_to_string(i->action));
        note(userdata, i->desired);
        return 0;
}

TEST(c5_an_intent_survives_until_its_result_is_recorded) {
        char text[512] = "";

        {
                NEW_LEDGER(l);
                OK(ledger_begin(l));
                OK(ledger_add_intent(l, &(Intent) { .action = CHANGE_CREATE, .kind = OBJECT_KIND_USER, .change_id = "c1",
                                                    .cycle = "cy", .source_id = "b", .desired = "{\"x\":1}" }));
                OK(ledger_add_intent(l, &(Intent) { .action = CHANGE_DELETE, .kind = OBJECT_KIND_GROUP, .cause = CAUSE_DELETED,
                                                    .link = 4, .source_id = "a", .target_id = "t" }));
                OK(ledger_commit(l));
        }
        {
                NEW_LEDGER(l);
                OK(ledger_scan_intents(l, note_intent, text));
                CHECK_STR(text, "b Create {\"x\":1} a Delete  ");
                /* Results and the end of the intents are one step. */
                OK(ledger_begin(l));
                OK(add_user(l, "b", NULL));
                OK(ledger_clear_intents(l));
                ledger_rollback(l);
                text[0] = '\0';
                OK(ledger_scan_intents(l, note_intent, text));
                CHECK_STR(text, "b Create {\"x\":1} a Delete  ");
                OK(ledger_begin(l));
                OK(ledger_clear_intents(l));
                OK(ledger_commit(l));
                text[0] = '\0';
                OK(ledger_scan_intents(l, note_intent, text));
                CHECK_STR(text, "");
        }
}

static int keep_intent(const Intent *i, void *userdata) {
        return i->seq == 1 && i->cause == CAUSE_BLOCKED && i->kind == OBJECT_KIND_GROUP && i->link == 7 &&
                               streq(i->change_id, "ch") && streq(i->cycle, "cy") && streq(i->target_id, "t") &&
                               streq(i->display_name, "d")
                       ? 0
                       : -EINVAL;
}

TEST(an_intent_comes_back_whole) {
        NEW_LEDGER(l);

        OK(ledger_begin(l));
        OK(ledger_add_intent(l, &(Intent) { .action = CHANGE_DISABLE, .kind = OBJECT_KIND_GROUP, .cause = CAUSE_BLOCKED, .link = 7,
                                            .change_id = "ch", .cycle = "cy", .source_id = "s", .target_id = "t",
                                            .display_name = "d" }));
        OK(ledger_commit(l));
        OK(ledger_scan_intents(l, keep_intent, NULL));
}

static int note_escrow(const Escrow *e, void *userdata) {
        char *text = userdata;

        (void) snprintf(text + strlen(text), 512 - strlen(text), "%s %s %u %d %s;", e->source_id, change_action_to_string(e->action),
                        e->attempts, e->allowed, strempty(e->digest));
        return 0;
}

TEST(x1_escrow_has_one_row_an_object_and_action) {
        NEW_LEDGER(l);
        Escrow e = { .kind = OBJECT_KIND_USER, .source_id = "a", .action = CHANGE_DELETE, .change_id = "c", .first_failed = 1,
                     .next_attempt = 2, .attempts = 1, .allowed = true, .digest = "d", .code = "Busy", .text = "try later" };
        char text[512] = "";
        uint64_t n;

        OK(ledger_begin(l));
        OK(ledger_put_escrow(l, &e));
        e.attempts = 2;
        OK(ledger_put_escrow(l, &e));
        e.action = CHANGE_UPDATE;
        e.allowed = false;
        e.digest = NULL;
        OK(ledger_put_escrow(l, &e));
        e.kind = OBJECT_KIND_GROUP;
        OK(ledger_put_escrow(l, &e));
        OK(ledger_scan_escrow(l, note_escrow, text));
        CHECK_STR(text, "a Delete 2 1 d;a Update 2 0 ;a Update 2 0 ;");
        OK(ledger_remove_escrow(l, OBJECT_KIND_USER, "a", CHANGE_DELETE));
        OK(ledger_remove_escrow(l, OBJECT_KIND_USER, "a", CHANGE_DELETE));
        OK(ledger_count_escrow(l, &n));
        CHECK_INT(n, 2);
        OK(add_user(l, "a", &n));
        OK(ledger_remove_link(l, n));
        OK(ledger_count_escrow(l, &n));
        CHECK_INT(n, 1);
        OK(ledger_clear_escrow(l));
        OK(ledger_count_escrow(l, &n));
        CHECK_INT(n, 0);
        OK(ledger_commit(l));
}

static int note_cycle(const CycleRecord *c, void *userdata) {
        note(userdata, c->id);
        return 0;
}

TEST(a_cycle_is_on_record_from_its_start) {
        NEW_LEDGER(l);
        _cleanup_(cycle_record_done) CycleRecord c = { .id = "cycle-1", .started = 100 }, d = {}, e = {};
        char text[512] = "";

        CHECK_INT(ledger_last_cycle(l, &d), LEDGER_E_NOT_FOUND);
        OK(ledger_begin(l));
        OK(ledger_begin_cycle(l, &c));
        OK(ledger_commit(l));
        OK(ledger_last_cycle(l, &d));
        CHECK_INT(d.result, CYCLE_RUNNING);
        CHECK_INT(d.finished, 0);

        c.finished = 200;
        c.result = CYCLE_INCOMPLETE;
        c.counts[COUNT_IMPORTED] = 5;
        c.counts[COUNT_UNRESOLVED] = 1;
        c.counts[COUNT_LIMIT] = UINT64_MAX;
        strcpy(c.verdict, "pass");
        c.error = strdup("the connection was lost");
        OK(ledger_begin(l));
        OK(ledger_finish_cycle(l, &c));
        strcpy(c.id, "cycle-2");
        CHECK_INT(ledger_finish_cycle(l, &c), -ENOENT);
        OK(ledger_begin_cycle(l, &c));
        OK(ledger_commit(l));
        OK(ledger_scan_cycles(l, 0, note_cycle, text));
        CHECK_STR(text, "cycle-2 cycle-1 ");
        text[0] = '\0';
        OK(ledger_scan_cycles(l, 1, note_cycle, text));
        CHECK_STR(text, "cycle-2 ");
        OK(ledger_begin(l));
        strcpy(c.id, "cycle-1");
        c.counts[COUNT_UNRESOLVED] = 0;
        OK(ledger_finish_cycle(l, &c));
        OK(ledger_commit(l));
        OK(ledger_last_cycle(l, &e));
        CHECK_STR(e.id, "cycle-2");
}

static int compare_cycle(const CycleRecord *c, void *userdata) {
        const CycleRecord *d = userdata;

        return streq(c->id, d->id) && c->started == d->started && c->finished == d->finished && c->result == d->result &&
                               memcmp(c->counts, d->counts, sizeof(c->counts)) == 0 && streq(c->verdict, d->verdict) &&
                               streq_ptr(c->error, d->error)
                       ? 0
                       : -EINVAL;
}

TEST(a_cycles_counts_come_back) {
        NEW_LEDGER(l);
        CycleRecord c = { .id = "x", .started = 1, .finished = 2, .result = CYCLE_STAGED, .verdict = "threshold" };

        for (CycleCount i = 0; i < _CYCLE_COUNT_MAX; i++)
                c.counts[i] = 1000 + i;
        OK(ledger_begin(l));
        OK(ledger_begin_cycle(l, &c));
        OK(ledger_finish_cycle(l, &c));
        OK(ledger_commit(l));
        OK(ledger_scan_cycles(l, 0, compare_cycle, &c));
        for (CycleCount i = 0; i < _CYCLE_COUNT_MAX; i++)
                CHECK(!isempty(cycle_count_to_string(i)));
        for (CycleResult i = 0; i < _CYCLE_RESULT_MAX; i++)
                CHECK_INT(cycle_result_from_string(cycle_result_to_string(i)), i);
        CHECK_INT(cycle_result_from_string("?"), _CYCLE_RESULT_INVALID);
}

static int count_cycle(const CycleRecord *c, void *userdata) {
        unsigned *n = userdata;

        (*n)++;
        return 0;
}

TEST(old_cycles_are_dropped) {
        NEW_LEDGER(l);
        CycleRecord c = { .counts = { 1 } };
        unsigned n = 0;

        OK(ledger_begin(l));
        for (unsigned i = 0; i < 10050; i++) {
                (void) snprintf(c.id, sizeof(c.id), "c%u", i);
                OK(ledger_begin_cycle(l, &c));
                if (i % 100 == 49)
                        OK(ledger_finish_cycle(l, &c));
        }
        OK(ledger_commit(l));
        OK(ledger_scan_cycles(l, 0, count_cycle, &n));
        CHECK_INT(n, 10000);
}

TEST(g10_removals_are_counted_over_a_sliding_window) {
        uint64_t n;

        {
                NEW_LEDGER(l);
                OK(ledger_begin(l));
                OK(ledger_add_removals(l, 1 * USEC_PER_DAY, 10));
                OK(ledger_add_removals(l, 2 * USEC_PER_DAY, 20));
                OK(ledger_add_removals(l, 2 * USEC_PER_DAY, 3));
                OK(ledger_commit(l));
        }
        {
                NEW_LEDGER(l);
                OK(ledger_count_removals(l, 0, &n));
                CHECK_INT(n, 33);
                OK(ledger_count_removals(l, 1 * USEC_PER_DAY + 1, &n));
                CHECK_INT(n, 23);
                OK(ledger_count_removals(l, 2 * USEC_PER_DAY, &n));
                CHECK_INT(n, 23);
                OK(ledger_count_removals(l, 2 * USEC_PER_DAY + 1, &n));
                CHECK_INT(n, 0);
        }
}


static int note_mail(const Mail *m, void *userdata) {
        char *text = userdata;

        (void) snprintf(text + strlen(text), 512 - strlen(text), "%llu %s %s %s %u %s %d %s %s;", (unsigned long long) m->id,
                        m->event, strempty(m->review), strempty(m->payload), m->attempts, strempty(m->last_error), m->permanent,
                        strempty(m->delivery), strempty(m->message_id));
        return 0;
}

TEST(n2_mail_waits_until_it_is_sent) {
        NEW_LEDGER(l);
        Mail m = { .event = "review-opened", .review = "r", .payload = "{}", .queued_at = 5, .message_id = "<1>" };
        char text[512] = "";
        uint64_t n;

        OK(ledger_begin(l));
        OK(ledger_queue_mail(l, &m));
        OK(ledger_queue_mail(l, &(Mail) { .event = "reminder" }));
        m = (Mail) { .id = 1, .next_attempt = 9, .attempts = 3, .last_error = "550", .permanent = true, .delivery = "{\"a\":1}" };
        OK(ledger_update_mail(l, &m));
        m.id = 44;
        CHECK_INT(ledger_update_mail(l, &m), -ENOENT);
        OK(ledger_commit(l));
        OK(ledger_scan_mail(l, note_mail, text));
        CHECK_STR(text, "1 review-opened r {} 3 550 1 {\"a\":1} <1>;2 reminder   0  0  ;");
        OK(ledger_begin(l));
        OK(ledger_remove_mail(l, 2));
        OK(ledger_queue_mail(l, &(Mail) { .event = "healed" }));
        OK(ledger_remove_mail(l, 1));
        OK(ledger_commit(l));
        OK(ledger_count_mail(l, &n));
        CHECK_INT(n, 1);
        text[0] = '\0';
        OK(ledger_scan_mail(l, note_mail, text));
        CHECK_STR(text, "3 healed   0  0  ;");
}
