/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "ledger-private.h"

/* Links, memberships and references: what the job has provisioned, and what it last wrote there. */

#define IS_ABSENT "EXISTS (SELECT 1 FROM absent AS a WHERE a.kind = links.kind AND a.source_id = links.source_id)"
#define LINK_COLUMNS "id, kind, source_id, target_id, display_name, written, disabled, disabled_at, disabled_cause, disabled_by, " IS_ABSENT

static int read_link(Statement *s, Link *ret) {
        Link link = {
                .id = column_u32(s, 0),
                .kind = column_kind(s, 1),
                .source_id = column_string(s, 2),
                .target_id = column_string(s, 3),
                .display_name = column_text(s, 4),
                .written = column_text(s, 5),
                .disabled = column_bool(s, 6),
                .disabled_at = column_u64(s, 7),
                .disabled_cause = column_cause(s, 8),
                .disabled_by = column_u64(s, 9),
                .absent = column_bool(s, 10),
        };
        int r;

        r = statement_check(s);
        if (r < 0)
                return r;
        *ret = link;
        return 0;
}

int ledger_add_link(Ledger *l, const Link *link, uint64_t *ret_id) {
        uint64_t id = l->counters.next_link;
        int r;

        if (id > INT32_MAX)
                return ledger_fail(l, -EOVERFLOW, "has given out all of its 2^31 link numbers");
        r = ledger_execute(l, "INSERT INTO links (id, kind, source_id, target_id, display_name, written, disabled, disabled_at, "
                              "disabled_cause, disabled_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "utttttiutu",
                           id, object_kind_to_string(link->kind), link->source_id, link->target_id, link->display_name,
                           link->written, (int) link->disabled, link->disabled_at, cause_to_string(link->disabled_cause),
                           link->disabled_by);
        if (r >= 0 && link->absent)
                r = ledger_set_absent(l, id, true);
        if (r < 0)
                return r;
        l->counters.next_link++;
        l->counters.links[link->kind]++;
        l->counters.enabled[link->kind] += !link->disabled;
        l->links_changed = true;
        if (ret_id)
                *ret_id = id;
        return 0;
}

/* What must be known of a link before it is changed. */
typedef struct LinkBefore {
        ObjectKind kind;
        bool disabled, absent;
        bool same_target;         /* as in the link that it will be */
} LinkBefore;

static int look_at_link(Ledger *l, const Link *link, LinkBefore *ret) {
        _cleanup_statement_ Statement *s = NULL;
        LinkBefore before;
        int r;

        r = statement_open(l, &s, "SELECT kind, disabled, target_id = ?, " IS_ABSENT " FROM links WHERE id = ?", "tu",
                           link->target_id, link->id);
        if (r < 0)
                return r;
        r = statement_step(s);
        if (r < 0)
                return r;
        if (r == 0)
                return ledger_fail(l, -ENOENT, "there is no link %llu", (unsigned long long) link->id);
        before = (LinkBefore) { .kind = column_kind(s, 0), .disabled = column_bool(s, 1),
                                .same_target = column_bool(s, 2), .absent = column_bool(s, 3) };
        r = statement_check(s);
        if (r < 0)
                return r;
        *ret = before;
        return 0;
}

int ledger_update_link(Ledger *l, const Link *link) {
        LinkBefore before = {};
        int r;

        r = look_at_link(l, link, &before);
        if (r < 0)
                return r;
        /* SQLite writes the indexes of all columns that are named, changed or not. */
        if (!before.same_target)
                r = ledger_execute(l, "UPDATE links SET target_id = ? WHERE id = ?", "tu", link->target_id, link->id);
        if (r >= 0)
                r = ledger_execute(l, "UPDATE links SET display_name = ?, written = ?, disabled = ?, disabled_at = ?, "
                                      "disabled_cause = ?, disabled_by = ? WHERE id = ?", "ttiutuu",
                                   link->display_name, link->written, (int) link->disabled, link->disabled_at,
                                   cause_to_string(link->disabled_cause), link->disabled_by, link->id);
        if (r >= 0 && before.absent != link->absent)
                r = ledger_set_absent(l, link->id, link->absent);
        if (r < 0)
                return r;
        l->counters.enabled[before.kind] += before.disabled;
        l->counters.enabled[before.kind] -= link->disabled;
        l->links_changed = true;
        return 0;
}

int ledger_set_absent(Ledger *l, uint64_t link, bool absent) {
        uint64_t there;
        int r;

        if (absent)
                r = ledger_execute(l, "INSERT OR REPLACE INTO absent SELECT kind, source_id FROM links WHERE id = ?", "u", link);
        else
                r = ledger_execute(l, "DELETE FROM absent WHERE (kind, source_id) IN "
                                      "(SELECT kind, source_id FROM links WHERE id = ?)", "u", link);
        if (r < 0)
                return r;
        if (r > 0) {
                l->links_changed = true;
                return 0;
        }
        /* Nothing to take back, or nothing at all? */
        r = ledger_query_u64(l, &there, "SELECT count(*) FROM links WHERE id = ?", "u", link);
        if (r < 0)
                return r;
        return there > 0 ? 0 : ledger_fail(l, -ENOENT, "there is no link %llu", (unsigned long long) link);
}

static int remove_link_rows(Ledger *l, uint64_t link, ObjectKind kind, const char *source_id) {
        int r;

        r = ledger_execute(l, "DELETE FROM members WHERE group_id = ?", "u", link);
        if (r >= 0)
                r = ledger_execute(l, "DELETE FROM members WHERE member_id = ?", "u", link);
        if (r >= 0)
                r = ledger_execute(l, "DELETE FROM object_references WHERE holder = ?", "u", link);
        if (r >= 0)
                r = ledger_execute(l, "DELETE FROM object_references WHERE referenced = ? AND referenced > 0", "u", link);
        if (r >= 0)
                r = ledger_remove_link_staged(l, link, kind, source_id);
        if (r >= 0)
                r = ledger_remove_link_escrow(l, kind, source_id);
        if (r >= 0)
                r = ledger_execute(l, "DELETE FROM absent WHERE kind = ? AND source_id = ?", "tt", object_kind_to_string(kind),
                                   source_id);
        if (r >= 0)
                r = ledger_execute(l, "DELETE FROM links WHERE kind = ? AND source_id = ?", "tt", object_kind_to_string(kind),
                                   source_id);
        return r < 0 ? r : 0;
}

int ledger_remove_link(Ledger *l, uint64_t link) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        Link k;
        int r;

        arena = arena_new();
        if (!arena)
                return ledger_sqlite_error(l, SQLITE_NOMEM);
        r = ledger_get_link(l, link, arena, &k);
        if (r < 0)
                return r;
        if (r == LEDGER_E_NOT_FOUND)
                return ledger_fail(l, -ENOENT, "there is no link %llu", (unsigned long long) link);
        r = remove_link_rows(l, link, k.kind, k.source_id);
        if (r < 0)
                return r;
        l->counters.links[k.kind]--;
        l->counters.enabled[k.kind] -= !k.disabled;
        l->links_changed = true;
        return 0;
}

static int copy_string(Arena *arena, const char **s) {
        if (!*s)
                return 0;
        *s = arena_strdup(arena, *s);
        return *s ? 0 : -ENOMEM;
}

/* Takes @s, a statement that finds one link or none. */
static int take_one_link(Statement *taken, Arena *arena, Link *ret) {
        _cleanup_statement_ Statement *s = taken;
        Link link;
        int r;

        r = statement_first(s);
        if (r != 0)
                return r;
        r = read_link(s, &link);
        if (r < 0)
                return r;
        if (copy_string(arena, &link.source_id) < 0 || copy_string(arena, &link.target_id) < 0 ||
            copy_string(arena, &link.display_name) < 0 || copy_string(arena, &link.written) < 0)
                return ledger_sqlite_error(s->ledger, SQLITE_NOMEM);
        *ret = link;
        return 0;
}

int ledger_get_link(Ledger *l, uint64_t id, Arena *arena, Link *ret) {
        Statement *s;
        int r;

        r = statement_open(l, &s, "SELECT " LINK_COLUMNS " FROM links WHERE id = ?", "u", id);
        return r < 0 ? r : take_one_link(s, arena, ret);
}

int ledger_find_link(Ledger *l, ObjectKind kind, const char *source_id, Arena *arena, Link *ret) {
        Statement *s;
        int r;

        r = statement_open(l, &s, "SELECT " LINK_COLUMNS " FROM links WHERE kind = ? AND source_id = ?", "tt",
                           object_kind_to_string(kind), source_id);
        return r < 0 ? r : take_one_link(s, arena, ret);
}

int ledger_find_target(Ledger *l, ObjectKind kind, const char *target_id, Arena *arena, Link *ret) {
        Statement *s;
        int r;

        r = statement_open(l, &s, "SELECT " LINK_COLUMNS " FROM links WHERE kind = ? AND target_id = ?", "tt",
                           object_kind_to_string(kind), target_id);
        return r < 0 ? r : take_one_link(s, arena, ret);
}

int ledger_get_disabling(Ledger *l, uint64_t id, Arena *arena, Disabling *ret) {
        _cleanup_statement_ Statement *s = NULL;
        Disabling d;
        int r;

        r = statement_open(l, &s, "SELECT disabled_at, disabled_cause, user, review, "
                                  "disabled_by > (SELECT configured_after FROM job) FROM links "
                                  "LEFT JOIN decisions ON seq = disabled_by WHERE id = ? AND disabled", "u", id);
        if (r >= 0)
                r = statement_first(s);
        if (r != 0)
                return r;
        d = (Disabling) { .at = column_u64(s, 0), .cause = column_cause(s, 1), .user = column_text(s, 2), .review = column_text(s, 3),
                          .in_force = column_bool(s, 4) };
        r = statement_check(s);
        if (r < 0)
                return r;
        if (copy_string(arena, &d.user) < 0 || copy_string(arena, &d.review) < 0)
                return ledger_sqlite_error(l, SQLITE_NOMEM);
        *ret = d;
        return 0;
}

int ledger_find_id(Ledger *l, ObjectKind kind, const char *source_id, uint64_t *ret) {
        _cleanup_statement_ Statement *s = NULL;
        uint64_t id;
        int r;

        r = statement_open(l, &s, "SELECT id FROM links WHERE kind = ? AND source_id = ?", "tt", object_kind_to_string(kind),
                           source_id);
        if (r >= 0)
                r = statement_first(s);
        if (r != 0)
                return r;
        id = column_u32(s, 0);
        r = statement_check(s);
        if (r < 0)
                return r;
        *ret = id;
        return 0;
}

int ledger_scan_links(Ledger *l, ObjectKind kind, bool only_absent, LedgerLinkFunc f, void *userdata) {
        _cleanup_statement_ Statement *s = NULL;
        Link link;
        int r;

        r = statement_open(l, &s,
                           only_absent ? "SELECT " LINK_COLUMNS " FROM absent CROSS JOIN links USING (kind, source_id) "
                                         "WHERE kind = ? ORDER BY source_id"
                                       : "SELECT " LINK_COLUMNS " FROM links WHERE kind = ? ORDER BY source_id",
                           "t", object_kind_to_string(kind));
        while (r >= 0 && (r = statement_step(s)) > 0) {
                r = read_link(s, &link);
                if (r >= 0)
                        r = f(&link, userdata);
        }
        return r;
}

int ledger_count_links(Ledger *l, ObjectKind kind, uint64_t *ret_all, uint64_t *ret_enabled) {
        _cleanup_statement_ Statement *s = NULL;
        uint64_t all, enabled;
        int r;

        /* The counters of an open transaction are of its view and count what it has changed. */
        if (l->transaction != TRANSACTION_NONE) {
                if (l->failed < 0)
                        return l->failed;
                *ret_all = l->counters.links[kind];
                *ret_enabled = l->counters.enabled[kind];
                return 0;
        }
        r = statement_open(l, &s, "SELECT users, users_enabled, groups, groups_enabled FROM job", "");
        if (r >= 0)
                r = statement_job_row(s);
        if (r != 0)
                return r;
        all = column_u64(s, kind == OBJECT_KIND_USER ? 0 : 2);
        enabled = column_u64(s, kind == OBJECT_KIND_USER ? 1 : 3);
        r = statement_check(s);
        if (r < 0)
                return r;
        *ret_all = all;
        *ret_enabled = enabled;
        return 0;
}

/* ---- memberships ---- */

static int scan_ids(Ledger *l, const char *sql, uint64_t key, LedgerIdFunc f, void *userdata) {
        _cleanup_statement_ Statement *s = NULL;
        uint64_t id;
        int r;

        r = statement_open(l, &s, sql, "u", key);
        while (r >= 0 && (r = statement_step(s)) > 0) {
                id = column_u32(s, 0);
                r = statement_check(s);
                if (r >= 0)
                        r = f(id, userdata);
        }
        return r;
}

int ledger_scan_members(Ledger *l, uint64_t group, LedgerIdFunc f, void *userdata) {
        return scan_ids(l, "SELECT member_id FROM members WHERE group_id = ? ORDER BY member_id", group, f, userdata);
}

int ledger_scan_groups_of(Ledger *l, uint64_t member, LedgerIdFunc f, void *userdata) {
        return scan_ids(l, "SELECT group_id FROM members WHERE member_id = ? ORDER BY group_id", member, f, userdata);
}

int ledger_add_member(Ledger *l, uint64_t group, uint64_t member) {
        int r;

        r = ledger_execute(l, "INSERT OR IGNORE INTO members (group_id, member_id) VALUES (?, ?)", "uu", group, member);
        if (r > 0)
                l->links_changed = true;
        return r < 0 ? r : 0;
}

int ledger_remove_member(Ledger *l, uint64_t group, uint64_t member) {
        int r;

        r = ledger_execute(l, "DELETE FROM members WHERE group_id = ? AND member_id = ?", "uu", group, member);
        if (r > 0)
                l->links_changed = true;
        return r < 0 ? r : 0;
}

/* ---- references ---- */

int ledger_scan_references(Ledger *l, uint64_t holder, LedgerReferenceFunc f, void *userdata) {
        _cleanup_statement_ Statement *s = NULL;
        int r;

        r = statement_open(l, &s, "SELECT attribute, source_id, referenced FROM object_references WHERE holder = ? "
                                  "ORDER BY attribute, source_id", "u", holder);
        while (r >= 0 && (r = statement_step(s)) > 0) {
                const char *attribute = column_string(s, 0), *source_id = column_string(s, 1);
                uint64_t referenced = column_u32(s, 2);

                r = statement_check(s);
                if (r >= 0)
                        r = f(attribute, source_id, referenced, userdata);
        }
        return r;
}

int ledger_scan_referrers(Ledger *l, uint64_t referenced, LedgerIdFunc f, void *userdata) {
        return scan_ids(l, "SELECT DISTINCT holder FROM object_references WHERE referenced = ? AND referenced > 0 ORDER BY holder",
                        referenced, f, userdata);
}

int ledger_put_reference(Ledger *l, uint64_t holder, const char *attribute, const char *source_id, uint64_t referenced) {
        int r;

        r = ledger_execute(l, "INSERT OR REPLACE INTO object_references (holder, attribute, source_id, referenced) VALUES (?, ?, ?, ?)",
                           "uttu", holder, attribute, source_id, referenced);
        return MIN2(r, 0);
}

int ledger_clear_references(Ledger *l, uint64_t holder) {
        int r;

        r = holder != 0 ? ledger_execute(l, "DELETE FROM object_references WHERE holder = ?", "u", holder)
                        : ledger_execute(l, "DELETE FROM object_references", "");
        return MIN2(r, 0);
}

int ledger_has_references(Ledger *l, bool *ret) {
        uint64_t n;
        int r;

        r = ledger_query_u64(l, &n, "SELECT EXISTS (SELECT 1 FROM object_references)", "");
        if (r >= 0)
                *ret = n > 0;
        return MIN2(r, 0);
}
