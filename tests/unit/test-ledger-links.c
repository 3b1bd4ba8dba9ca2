/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "ledger-test.h"

typedef struct Seen {
        char text[512];
        unsigned n;
        Ledger *ledger;
} Seen;

static int note_link(const Link *link, void *userdata) {
        Seen *s = userdata;

        (void) snprintf(s->text + strlen(s->text), sizeof(s->text) - strlen(s->text), "%s ", link->source_id);
        s->n++;
        return 0;
}

static int note_id(uint64_t id, void *userdata) {
        Seen *s = userdata;

        (void) snprintf(s->text + strlen(s->text), sizeof(s->text) - strlen(s->text), "%llu ", (unsigned long long) id);
        return 0;
}

TEST(a_link_comes_back_as_it_was_written) {
        NEW_LEDGER(l);
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Link a = {
                .kind = OBJECT_KIND_USER,
                .source_id = "s\n1'\"\xc3\xa4",
                .target_id = "t1",
                .display_name = "Nobody; DROP TABLE links",
                .written = "{\"x\":1}",
                .disabled = true,
                .absent = true,
                .disabled_at = 12345,
                .disabled_cause = CAUSE_OUT_OF_SCOPE,
        }, b;
        uint64_t id, found;

        OK(ledger_begin(l));
        OK(ledger_add_link(l, &a, &id));
        OK(ledger_commit(l));
        CHECK_INT(id, 1);
        OK(ledger_get_link(l, id, arena, &b));
        CHECK_INT(b.id, id);
        CHECK_INT(b.kind, OBJECT_KIND_USER);
        CHECK_STR(b.source_id, a.source_id);
        CHECK_STR(b.target_id, a.target_id);
        CHECK_STR(b.display_name, a.display_name);
        CHECK_STR(b.written, a.written);
        CHECK(b.disabled && b.absent);
        CHECK_INT(b.disabled_at, 12345);
        CHECK_INT(b.disabled_cause, CAUSE_OUT_OF_SCOPE);
        OK(ledger_find_link(l, OBJECT_KIND_USER, a.source_id, arena, &b));
        OK(ledger_find_target(l, OBJECT_KIND_USER, "t1", arena, &b));
        CHECK_INT(b.id, id);
        OK(ledger_find_id(l, OBJECT_KIND_USER, a.source_id, &found));
        CHECK_INT(found, id);
        CHECK_INT(ledger_find_link(l, OBJECT_KIND_GROUP, a.source_id, arena, &b), LEDGER_E_NOT_FOUND);
        CHECK_INT(ledger_find_target(l, OBJECT_KIND_GROUP, "t1", arena, &b), LEDGER_E_NOT_FOUND);
        CHECK_INT(ledger_find_id(l, OBJECT_KIND_USER, "nobody", &found), LEDGER_E_NOT_FOUND);
        CHECK_INT(ledger_get_link(l, 2, arena, &b), LEDGER_E_NOT_FOUND);
}

TEST(an_object_is_linked_once) {
        NEW_LEDGER(l);
        uint64_t all, enabled, a, b;

        OK(ledger_begin(l));
        OK(add_user(l, "a", &a));
        OK(add_user(l, "b", &b));
        CHECK_INT(add_user(l, "a", NULL), -EEXIST);
        CHECK_INT(ledger_add_link(l, &(Link) { .kind = OBJECT_KIND_USER, .source_id = "c", .target_id = "t-a" }, NULL), -EEXIST);
        /* Another kind is another object, and a refusal does not break the transaction. */
        OK(ledger_add_link(l, &(Link) { .kind = OBJECT_KIND_GROUP, .source_id = "a", .target_id = "t-a" }, NULL));
        CHECK_INT(ledger_update_link(l, &(Link) { .id = b, .target_id = "t-a" }), -EEXIST);
        CHECK_INT(ledger_update_link(l, &(Link) { .id = 77, .target_id = "x" }), -ENOENT);
        CHECK_INT(ledger_remove_link(l, 77), -ENOENT);
        CHECK_INT(ledger_set_absent(l, 77, true), -ENOENT);
        OK(ledger_commit(l));
        OK(ledger_count_links(l, OBJECT_KIND_USER, &all, &enabled));
        CHECK_INT(all, 2);
        OK(ledger_count_links(l, OBJECT_KIND_GROUP, &all, &enabled));
        CHECK_INT(all, 1);
}

TEST(the_population_follows_every_change) {
        NEW_LEDGER(l);
        uint64_t all, enabled, a, b, g;

        OK(ledger_begin(l));
        OK(add_user(l, "a", &a));
        OK(add_user(l, "b", &b));
        OK(add_group(l, "g", &g));
        OK(ledger_update_link(l, &(Link) { .id = a, .target_id = "t-a", .disabled = true }));
        OK(ledger_update_link(l, &(Link) { .id = a, .target_id = "t-a", .disabled = true }));
        OK(ledger_count_links(l, OBJECT_KIND_USER, &all, &enabled));
        CHECK_INT(all, 2);
        CHECK_INT(enabled, 1);
        OK(ledger_commit(l));
        OK(ledger_begin(l));
        OK(ledger_remove_link(l, a));
        OK(ledger_commit(l));
        OK(ledger_count_links(l, OBJECT_KIND_USER, &all, &enabled));
        CHECK_INT(all, 1);
        CHECK_INT(enabled, 1);
        OK(ledger_begin(l));
        OK(ledger_update_link(l, &(Link) { .id = b, .target_id = "t-b", .disabled = true }));
        OK(ledger_update_link(l, &(Link) { .id = b, .target_id = "t-b", .disabled = false }));
        OK(ledger_remove_link(l, b));
        OK(ledger_commit(l));
        OK(ledger_count_links(l, OBJECT_KIND_USER, &all, &enabled));
        CHECK_INT(all, 0);
        CHECK_INT(enabled, 0);
        OK(ledger_count_links(l, OBJECT_KIND_GROUP, &all, &enabled));
        CHECK_INT(enabled, 1);
}

TEST(a_link_number_is_never_used_again) {
        uint64_t a, b, c;

        {
                NEW_LEDGER(l);
                OK(ledger_begin(l));
                OK(add_user(l, "a", &a));
                OK(add_user(l, "b", &b));
                OK(ledger_remove_link(l, b));
                OK(ledger_commit(l));
        }
        {
                NEW_LEDGER(l);
                OK(ledger_begin(l));
                OK(add_user(l, "b", &c));
                OK(ledger_commit(l));
        }
        CHECK(c > b);
}

static int stop_at_second(const Link *link, void *userdata) {
        Seen *s = userdata;

        return ++s->n == 2 ? -ECANCELED : 0;
}

static int scan_within(const Link *link, void *userdata) {
        Seen *s = userdata, inner = {};
        int r;

        r = ledger_scan_links(s->ledger, OBJECT_KIND_USER, false, note_link, &inner);
        s->n += inner.n;
        return r;
}

TEST(links_are_scanned_in_the_order_of_their_source_ids) {
        NEW_LEDGER(l);
        Seen s = {}, absent = {}, stopped = {}, nested = { .ledger = l };
        uint64_t id;

        OK(ledger_begin(l));
        OK(add_user(l, "b", NULL));
        OK(add_user(l, "\xc3\xa4", NULL));
        OK(add_user(l, "B", &id));
        OK(add_user(l, "a", NULL));
        OK(add_group(l, "g", NULL));
        OK(ledger_set_absent(l, id, true));
        OK(ledger_commit(l));
        OK(ledger_scan_links(l, OBJECT_KIND_USER, false, note_link, &s));
        CHECK_STR(s.text, "B a b \xc3\xa4 ");
        OK(ledger_scan_links(l, OBJECT_KIND_USER, true, note_link, &absent));
        CHECK_STR(absent.text, "B ");
        CHECK_INT(ledger_scan_links(l, OBJECT_KIND_USER, false, stop_at_second, &stopped), -ECANCELED);
        CHECK_INT(stopped.n, 2);
        OK(ledger_scan_links(l, OBJECT_KIND_USER, false, scan_within, &nested));
        CHECK_INT(nested.n, 16);
        OK(ledger_begin(l));
        OK(ledger_set_absent(l, id, false));
        OK(ledger_commit(l));
        OK(ledger_scan_links(l, OBJECT_KIND_USER, true, note_link, &absent));
        CHECK_STR(absent.text, "B ");
}

static int remove_each(const Link *link, void *userdata) {
        return ledger_remove_link(userdata, link->id);
}

TEST(a_scan_may_change_what_it_walks_along) {
        NEW_LEDGER(l);
        uint64_t all, enabled;
        char id[16];

        OK(ledger_begin(l));
        for (unsigned i = 0; i < 500; i++) {
                (void) snprintf(id, sizeof(id), "u%03u", i);
                OK(add_user(l, id, NULL));
        }
        OK(ledger_scan_links(l, OBJECT_KIND_USER, false, remove_each, l));
        OK(ledger_count_links(l, OBJECT_KIND_USER, &all, &enabled));
        CHECK_INT(all, 0);
        OK(ledger_commit(l));
}

TEST(memberships_go_with_either_end) {
        NEW_LEDGER(l);
        Seen members = {}, groups = {}, left = {};
        uint64_t a, b, g, h;

        OK(ledger_begin(l));
        OK(add_user(l, "a", &a));
        OK(add_user(l, "b", &b));
        OK(add_group(l, "g", &g));
        OK(add_group(l, "h", &h));
        OK(ledger_add_member(l, g, b));
        OK(ledger_add_member(l, g, a));
        OK(ledger_add_member(l, g, a));
        OK(ledger_add_member(l, h, a));
        OK(ledger_add_member(l, h, g));
        OK(ledger_scan_members(l, g, note_id, &members));
        CHECK_STR(members.text, "1 2 ");
        OK(ledger_scan_groups_of(l, a, note_id, &groups));
        CHECK_STR(groups.text, "3 4 ");
        OK(ledger_remove_link(l, g));
        OK(ledger_scan_members(l, h, note_id, &left));
        CHECK_STR(left.text, "1 ");
        OK(ledger_scan_members(l, g, note_id, &left));
        CHECK_STR(left.text, "1 ");
        OK(ledger_remove_link(l, a));
        OK(ledger_scan_members(l, h, note_id, &left));
        CHECK_STR(left.text, "1 ");
        OK(ledger_commit(l));
}

static int note_reference(const char *attribute, const char *source_id, uint64_t referenced, void *userdata) {
        Seen *s = userdata;

        (void) snprintf(s->text + strlen(s->text), sizeof(s->text) - strlen(s->text), "%s=%s>%llu ", attribute, source_id,
                        (unsigned long long) referenced);
        return 0;
}

/* What @holder refers to; static until the next call. */
static const char *references_of(Ledger *l, uint64_t holder) {
        static Seen s;

        s = (Seen) {};
        return ledger_scan_references(l, holder, note_reference, &s) < 0 ? "failed" : s.text;
}

static const char *referrers_of(Ledger *l, uint64_t referenced) {
        static Seen s;

        s = (Seen) {};
        return ledger_scan_referrers(l, referenced, note_id, &s) < 0 ? "failed" : s.text;
}

TEST(f4_references_go_with_either_end) {
        NEW_LEDGER(l);
        uint64_t a, b, c, before, after;
        JobState state = {};
        bool any = true;

        OK(ledger_has_references(l, &any));
        CHECK(!any);
        OK(ledger_begin(l));
        OK(add_user(l, "a", &a));
        OK(add_user(l, "b", &b));
        OK(add_user(l, "c", &c));
        OK(ledger_commit(l));
        OK(ledger_get_state(l, &state));
        before = state.generation;
        job_state_done(&state);

        OK(ledger_begin(l));
        OK(ledger_put_reference(l, a, "owners", "c", c));
        OK(ledger_put_reference(l, a, "manager", "b", 0));
        OK(ledger_put_reference(l, a, "manager", "b", b));
        OK(ledger_put_reference(l, a, "owners", "b", b));
        OK(ledger_put_reference(l, b, "manager", "nobody", 0));
        OK(ledger_put_reference(l, c, "manager", "c", c));
        OK(ledger_commit(l));
        OK(ledger_get_state(l, &state));
        after = state.generation;
        job_state_done(&state);
        /* An index from before is as good as it was. */
        CHECK_INT(after, before);
        OK(ledger_has_references(l, &any));
        CHECK(any);
        CHECK_STR(references_of(l, a), "manager=b>2 owners=b>2 owners=c>3 ");
        CHECK_STR(references_of(l, b), "manager=nobody>0 ");
        CHECK_STR(referrers_of(l, b), "1 ");
        CHECK_STR(referrers_of(l, c), "1 3 ");
        CHECK_STR(referrers_of(l, 0), "");

        OK(ledger_begin(l));
        OK(ledger_remove_link(l, c));
        CHECK_STR(references_of(l, a), "manager=b>2 owners=b>2 ");
        CHECK_STR(references_of(l, c), "");
        OK(ledger_clear_references(l, a));
        CHECK_STR(references_of(l, a), "");
        CHECK_STR(references_of(l, b), "manager=nobody>0 ");
        OK(ledger_clear_references(l, 0));
        OK(ledger_has_references(l, &any));
        CHECK(!any);
        OK(ledger_commit(l));
}
