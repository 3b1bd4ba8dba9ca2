/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "file-util.h"
#include "ledger-private.h"

/* The schema, one function a version. Each runs in a transaction that ends by writing the new version (PRAGMA
 * user_version); what a released program has made is never edited, only followed by another function.
 *
 * Words are kept as words (kinds, actions, causes), so that "sqlite3 ledger.db" can be read by a person; times are
 * microseconds since the epoch, 0 for never. "kind DESC" puts users before groups.
 *
 * Tables have no foreign keys where a million rows are written: what belongs to a link goes with it in
 * ledger_remove_link(), and what is left over otherwise harms nobody. */

static const char schema_1[] =
        "CREATE TABLE job ("
        "  one INTEGER PRIMARY KEY CHECK (one = 1),"
        "  secret BLOB NOT NULL CHECK (length(secret) = 64),"
        "  paused INTEGER NOT NULL DEFAULT 0,"
        "  disabled INTEGER NOT NULL DEFAULT 0,"
        "  generation INTEGER NOT NULL DEFAULT 0,"
        "  fingerprint TEXT NOT NULL DEFAULT '',"
        "  kinds INTEGER NOT NULL DEFAULT 0,"
        "  quarantine TEXT NOT NULL DEFAULT '',"
        "  quarantine_message TEXT,"
        "  quarantine_since INTEGER NOT NULL DEFAULT 0,"
        "  quarantine_count INTEGER NOT NULL DEFAULT 0,"
        "  next_attempt INTEGER NOT NULL DEFAULT 0,"
        "  incomplete_in_a_row INTEGER NOT NULL DEFAULT 0,"
        "  notification_problem TEXT,"
        "  mailed_staged INTEGER NOT NULL DEFAULT 0,"
        "  mailed_at INTEGER NOT NULL DEFAULT 0,"
        "  warned_at INTEGER NOT NULL DEFAULT 0,"
        "  mail_thread TEXT,"
        "  full_requested INTEGER NOT NULL DEFAULT 0,"
        "  next_link INTEGER NOT NULL DEFAULT 1,"
        "  next_review INTEGER NOT NULL DEFAULT 1,"
        "  users INTEGER NOT NULL DEFAULT 0,"
        "  users_enabled INTEGER NOT NULL DEFAULT 0,"
        "  groups INTEGER NOT NULL DEFAULT 0,"
        "  groups_enabled INTEGER NOT NULL DEFAULT 0"
        ") STRICT;"

        /* Ordered by what every full evaluation walks along; the rest of a row lies beside its key. */
        "CREATE TABLE links ("
        "  kind TEXT NOT NULL,"
        "  source_id TEXT NOT NULL,"
        "  id INTEGER NOT NULL,"
        "  target_id TEXT NOT NULL,"
        "  display_name TEXT,"
        "  written TEXT,"
        "  disabled INTEGER NOT NULL,"
        "  disabled_at INTEGER NOT NULL,"
        "  disabled_cause TEXT NOT NULL,"
        "  PRIMARY KEY (kind, source_id)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE UNIQUE INDEX links_id ON links (id);"
        "CREATE UNIQUE INDEX links_target ON links (kind, target_id);"
        /* Links whose objects the last complete reading did not have. Not a column: a flag that changes in twenty thousand
         * rows all over a million would write a page for each. */
        "CREATE TABLE absent ("
        "  kind TEXT NOT NULL,"
        "  source_id TEXT NOT NULL,"
        "  PRIMARY KEY (kind, source_id)"
        ") STRICT, WITHOUT ROWID;"

        "CREATE TABLE members ("
        "  group_id INTEGER NOT NULL,"
        "  member_id INTEGER NOT NULL,"
        "  PRIMARY KEY (group_id, member_id)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX members_member ON members (member_id, group_id);"

        /* member: 0, or the link of the member whose removal from the group is withheld. */
        "CREATE TABLE staged ("
        "  kind TEXT NOT NULL,"
        "  source_id TEXT NOT NULL,"
        "  member INTEGER NOT NULL,"
        "  link INTEGER NOT NULL,"
        "  target_id TEXT,"
        "  display_name TEXT,"
        "  action TEXT NOT NULL,"
        "  cause TEXT NOT NULL,"
        "  staged_at INTEGER NOT NULL,"
        "  change_id TEXT,"
        "  state TEXT NOT NULL,"
        "  joined INTEGER NOT NULL,"
        "  allowed_at INTEGER NOT NULL,"
        "  PRIMARY KEY (kind DESC, source_id, member)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX staged_member ON staged (member, link) WHERE member > 0;"

        /* how: NULL while undecided. */
        "CREATE TABLE reviews ("
        "  ordinal INTEGER PRIMARY KEY,"
        "  id TEXT NOT NULL UNIQUE,"
        "  reason TEXT NOT NULL,"
        "  opened_at INTEGER NOT NULL,"
        "  decided_at INTEGER NOT NULL DEFAULT 0,"
        "  how TEXT"
        ") STRICT;"
        "CREATE INDEX reviews_undecided ON reviews (ordinal) WHERE how IS NULL;"
        "CREATE TABLE decisions ("
        "  seq INTEGER PRIMARY KEY,"
        "  verb TEXT NOT NULL,"
        "  review TEXT,"
        "  comment TEXT,"
        "  uid INTEGER NOT NULL,"
        "  user TEXT,"
        "  at INTEGER NOT NULL,"
        "  decided INTEGER NOT NULL"
        ") STRICT;"
        /* Who has said so already, where more than one must (Approvers=). objects: what exactly was named, empty for all. */
        "CREATE TABLE approvals ("
        "  review INTEGER NOT NULL REFERENCES reviews (ordinal),"
        "  verb TEXT NOT NULL,"
        "  uid INTEGER NOT NULL,"
        "  objects BLOB NOT NULL"
        ") STRICT;"
        "CREATE INDEX approvals_review ON approvals (review, verb, uid);"

        "CREATE TABLE holds ("
        "  kind TEXT NOT NULL,"
        "  source_id TEXT NOT NULL,"
        "  member INTEGER NOT NULL,"
        "  link INTEGER NOT NULL,"
        "  target_id TEXT,"
        "  display_name TEXT,"
        "  cause TEXT NOT NULL,"
        "  since INTEGER NOT NULL,"
        "  held_by TEXT,"
        "  comment TEXT,"
        "  PRIMARY KEY (kind DESC, source_id, member)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX holds_member ON holds (member, link) WHERE member > 0;"

        "CREATE TABLE intents ("
        "  seq INTEGER PRIMARY KEY,"
        "  action TEXT NOT NULL,"
        "  kind TEXT NOT NULL,"
        "  cause TEXT NOT NULL,"
        "  link INTEGER NOT NULL,"
        "  change_id TEXT,"
        "  cycle TEXT,"
        "  source_id TEXT,"
        "  target_id TEXT,"
        "  display_name TEXT,"
        "  desired TEXT"
        ") STRICT;"

        "CREATE TABLE escrow ("
        "  kind TEXT NOT NULL,"
        "  source_id TEXT NOT NULL,"
        "  action TEXT NOT NULL,"
        "  change_id TEXT,"
        "  first_failed INTEGER NOT NULL,"
        "  next_attempt INTEGER NOT NULL,"
        "  attempts INTEGER NOT NULL,"
        "  allowed INTEGER NOT NULL,"
        "  digest TEXT,"
        "  code TEXT,"
        "  text TEXT,"
        "  PRIMARY KEY (kind DESC, source_id, action)"
        ") STRICT, WITHOUT ROWID;"

        "CREATE TABLE cycles ("
        "  seq INTEGER PRIMARY KEY,"
        "  id TEXT NOT NULL UNIQUE,"
        "  started INTEGER NOT NULL,"
        "  finished INTEGER NOT NULL,"
        "  result TEXT NOT NULL,"
        "  verdict TEXT NOT NULL,"
        "  error TEXT"
        ") STRICT;"
        /* Counts that are 0 have no row, so that a new count needs no new column. */
        "CREATE TABLE cycle_counts ("
        "  cycle INTEGER NOT NULL REFERENCES cycles (seq) ON DELETE CASCADE,"
        "  name TEXT NOT NULL,"
        "  value INTEGER NOT NULL,"
        "  PRIMARY KEY (cycle, name)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE TABLE removals ("
        "  at INTEGER PRIMARY KEY,"
        "  n INTEGER NOT NULL"
        ") STRICT;"

        /* AUTOINCREMENT: an id that was sent is never another mail's. */
        "CREATE TABLE outbox ("
        "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
        "  event TEXT NOT NULL,"
        "  review TEXT,"
        "  payload TEXT,"
        "  queued_at INTEGER NOT NULL,"
        "  next_attempt INTEGER NOT NULL,"
        "  attempts INTEGER NOT NULL,"
        "  last_error TEXT,"
        "  permanent INTEGER NOT NULL,"
        "  delivery TEXT,"
        "  message_id TEXT"
        ") STRICT;";

static int run_statements(Ledger *l, const char *sql) {
        int rc = sqlite3_exec(l->db, sql, NULL, NULL, NULL);

        return rc == SQLITE_OK ? 0 : ledger_sqlite_error(l, rc);
}

static int migrate_to_1(Ledger *l) {
        uint8_t secret[64];
        int r;

        r = random_bytes(secret, sizeof(secret));
        if (r < 0)
                return ledger_fail(l, r, "no random bytes from the kernel: %s", strerror(-r));
        r = run_statements(l, schema_1);
        if (r < 0)
                return r;
        r = ledger_execute(l, "INSERT INTO job (one, secret) VALUES (1, ?)", "b", (const void *) secret, sizeof(secret));
        explicit_bzero(secret, sizeof(secret));
        return r < 0 ? r : 0;
}

/* Which decision allowed what is carried out, and later: why an object is disabled. */
static const char schema_2[] =
        "ALTER TABLE links ADD COLUMN disabled_by INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE staged ADD COLUMN decision INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE escrow ADD COLUMN decision INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE intents ADD COLUMN decision INTEGER NOT NULL DEFAULT 0;"
        "UPDATE staged SET decision = coalesce((SELECT max(seq) FROM decisions WHERE verb = 'allow' AND decided > 0 "
        "AND at = allowed_at), 0) WHERE state = 'allowed';";

static int migrate_to_2(Ledger *l) {
        return run_statements(l, schema_2);
}

/* The last decision that was made under an earlier configuration than the one the ledger is in line with (R5). */
static const char schema_3[] = "ALTER TABLE job ADD COLUMN configured_after INTEGER NOT NULL DEFAULT 0;";

static int migrate_to_3(Ledger *l) {
        return run_statements(l, schema_3);
}

/* What the objects refer to besides their members. referenced: the link that a source id stands for, 0 while there is none. */
static const char schema_4[] =
        "CREATE TABLE object_references ("
        "  holder INTEGER NOT NULL,"
        "  attribute TEXT NOT NULL,"
        "  source_id TEXT NOT NULL,"
        "  referenced INTEGER NOT NULL,"
        "  PRIMARY KEY (holder, attribute, source_id)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX object_references_referenced ON object_references (referenced, holder) WHERE referenced > 0;";

static int migrate_to_4(Ledger *l) {
        return run_statements(l, schema_4);
}

/* What lies in the target as a sign of this ledger, what lay there before, and for which state of the ledger it was made (E4). */
static const char schema_5[] =
        "ALTER TABLE job ADD COLUMN mark TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE job ADD COLUMN mark_before TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE job ADD COLUMN mark_of TEXT NOT NULL DEFAULT '';";

static int migrate_to_5(Ledger *l) {
        return run_statements(l, schema_5);
}

const Migration ledger_migrations[] = {
        migrate_to_1,
        migrate_to_2,
        migrate_to_3,
        migrate_to_4,
        migrate_to_5,
};
const size_t ledger_n_migrations = ELEMENTSOF(ledger_migrations);
