/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "connector-keys.h"
#include "file-util.h"
#include "job-config.h"
#include "job-keys.h"
#include "reference.h"
#include "string-util.h"
#include "tap.h"
#include "time-util.h"

#define BASE "[Source]\nConnector=json\nUsers=/u\n[Target]\nConnector=json\nDirectory=/d\n"

static const char *config_dir(void) {
        static char dir[4096];
        char jobs[8192];

        (void) snprintf(dir, sizeof(dir), "%s/etc", tap_tmpdir());
        (void) snprintf(jobs, sizeof(jobs), "%s/jobs.d", dir);
        (void) mkdir_parents(jobs, 0755);
        return dir;
}

static void write_file(const char *name, const char *text) {
        char path[8192];

        (void) snprintf(path, sizeof(path), "%s/%s", config_dir(), name);
        *strrchr(path, '/') = '\0';
        (void) mkdir_parents(path, 0755);
        (void) snprintf(path, sizeof(path), "etc/%s", name);
        (void) tap_write_file(path, text, strlen(text));
}

static void remove_file(const char *name) {
        char path[8192];

        (void) snprintf(path, sizeof(path), "%s/%s", config_dir(), name);
        (void) remove(path);
}

/* Loads job "t" from this text; an error's text comes without the path of the folder. */
static int load(const char *text, JobConfig **ret, char **ret_says) {
        _cleanup_error_ Error *error = NULL;
        int r;

        write_file("jobs.d/t.conf", text);
        r = job_config_load(config_dir(), "t", ret, &error);
        *ret_says = NULL;
        if (error) {
                const char *rest = startswith(error->text, config_dir());

                *ret_says = strdup(rest ? rest + 1 : error->text);
        }
        return r;
}

static int load_with(const char *more, JobConfig **ret, char **ret_says) {
        _cleanup_free_ char *text = NULL;

        if (asprintf(&text, BASE "%s", more) < 0)
                return -ENOMEM;
        return load(text, ret, ret_says);
}

TEST(a_minimal_job_has_the_defaults) {
        _cleanup_(job_config_freep) JobConfig *c = NULL;
        _cleanup_free_ char *says = NULL, *file = NULL;
        const GuardLimits limits = GUARD_LIMITS_DEFAULT;

        CHECK_INT(load(BASE, &c, &says), 0);
        CHECK(!says);
        CHECK_STR(c->name, "t");
        CHECK(asprintf(&file, "%s/jobs.d/t.conf", config_dir()) > 0);
        CHECK_STR(c->file, file);
        CHECK(!c->description && !c->language);
        CHECK(c->enabled);
        CHECK_INT(c->journal_limit, 50000);
        CHECK_STR(c->source.connector, "json");
        CHECK(c->source.is_source && !c->target.is_source);
        CHECK_STR(c->source.file, file);
        CHECK_STR(connector_config_get(&c->source, "Users", NULL), "/u");
        CHECK(!connector_config_get(&c->source, "Groups", NULL));
        CHECK_INT(c->target.settings[0].line, 6);
        CHECK_STR(c->target.settings[0].file, file);
        CHECK(!c->soft_deleted && !c->blocked && !c->assigned && !c->assigned_nested);
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++)
                CHECK(!c->scope[k] && !c->map[k] && strv_length(c->match[k]) == 1);
        CHECK_STR(c->match[OBJECT_KIND_USER][0], "userName");
        CHECK_STR(c->match[OBJECT_KIND_GROUP][0], "displayName");
        CHECK_INT(c->deprovision[CAUSE_DELETED], DEPROVISION_DELETE);
        for (Cause cause = CAUSE_SOFT_DELETED; cause < _CAUSE_MAX; cause++)
                CHECK_INT(c->deprovision[cause], DEPROVISION_DEFAULT);
        CHECK_INT(c->limits.prevent, limits.prevent);
        CHECK_INT(c->limits.threshold, limits.threshold);
        CHECK_INT(c->limits.exceeded, limits.exceeded);
        CHECK_INT(c->limits.percent, limits.percent);
        CHECK_INT(c->limits.minimum_population, limits.minimum_population);
        CHECK_INT(c->limits.budget, limits.budget);
        CHECK_INT(c->limits.membership_threshold, limits.membership_threshold);
        CHECK_INT(c->limits.group_loss_share, limits.group_loss_share);
        CHECK_INT(c->limits.group_loss_minimum, limits.group_loss_minimum);
        CHECK(!c->limits.hold_emptied && !c->carry_approvals);
        CHECK_INT(c->limits.on_trip, limits.on_trip);
        CHECK_INT(c->approval_expires_usec, 24 * USEC_PER_HOUR);
        CHECK(!c->judge_configuration_change);
        CHECK_INT(c->approvers, 1);
        CHECK(!c->email);
        CHECK_INT(c->reminder_interval_usec, 24 * USEC_PER_HOUR);
        CHECK_INT(c->interval_usec, 40 * USEC_PER_MINUTE);
        CHECK(!c->on_calendar && !c->persistent);
        CHECK_INT(c->randomized_delay_usec, 0);
        CHECK_INT(strlen(c->fingerprint), 32);
}

/* ---- values that are taken ---- */

/* A field as text, so that one table can hold every type. */
static void show(const JobConfig *c, const ConfigKey *k, StrBuf *b) {
        const void *p = config_key_field(k, (void *) c);

        if (streq(k->name, "DeletionBudget"))
                strbuf_printf(b, "%llu/%llu", (unsigned long long) c->limits.budget, (unsigned long long) c->budget_window_usec);
        else if (k->parse == config_parse_boolean || k->parse == config_parse_choice_bool)
                strbuf_puts(b, *(const bool *) p ? "yes" : "no");
        else if (k->parse == config_parse_choice || streq(k->name, "OnTrip"))
                strbuf_printf(b, "%d", *(const int *) p);
        else if (k->parse == config_parse_unsigned)
                strbuf_printf(b, "%u", *(const unsigned *) p);
        else if (streq(k->section, "References")) {
                const References *references = *(References *const *) p;

                for (size_t i = 0; i < references_count(references); i++)
                        strbuf_printf(b, "<%s>", references_name(references, i));
        } else if (k->is_list) {
                for (char *const *s = *(char **const *) p; s && *s; s++)
                        strbuf_printf(b, "<%s>", *s);
        } else if (k->parse == config_parse_number || k->parse == config_parse_duration || streq(k->name, "Interval") ||
                   streq(k->name, "DeletionThresholdPercent") || streq(k->name, "GroupLossShare"))
                strbuf_printf(b, "%llu", (unsigned long long) *(const uint64_t *) p);
        else if (streq(k->section, "Scope") || (streq(k->section, "Source") && k->offset != offsetof(JobConfig, source.connector) &&
                                                   k->offset != offsetof(JobConfig, source.credential)))
                strbuf_puts(b, *(void *const *) p ? "set" : "");
        else
                strbuf_puts(b, strempty(*(const char *const *) p));
}

TEST(every_key_takes_what_it_should) {
        static const struct {
                const char *section, *key, *value, *shows;
        } cases[] = {
                { "Job", "Description", "Staff directory = chat; # all", "Staff directory = chat; # all" },
                { "Job", "Enabled", "no", "no" },
                { "Job", "Enabled", "on", "yes" },
                { "Job", "Language", "de", "de" },
                { "Job", "Language", "pt_BR.UTF-8", "pt_BR.UTF-8" },
                { "Job", "Language", "sr@latin", "sr@latin" },
                { "Job", "JournalLimit", "0", "0" },
                { "Job", "JournalLimit", "4294967295", "4294967295" },
                { "Source", "Connector", "csv", "csv" },
                { "Source", "Credential", "chat-ldap", "chat-ldap" },
                { "Source", "SoftDeleted", "deleted = true", "set" },
                { "Source", "Blocked", "Not(active)", "set" },
                { "Target", "Connector", "json", "json" },
                { "Target", "Credential", "a.b_c-1", "a.b_c-1" },
                { "Scope", "Assigned", "all", "" },
                { "Scope", "Assigned", "sales head-office", "<sales><head-office>" },
                { "Scope", "Assigned", "\"Sales Team\" 'the \"best\"' \"a\\\"b\\\\c\"", "<Sales Team><the \"best\"><a\"b\\c>" },
                { "Scope", "Assigned", "\"all\"", "<all>" },
                { "Scope", "Assigned", "a b a", "<a><b>" },
                { "Scope", "AssignedNested", "yes", "yes" },
                { "Scope", "Users", "department eq \"Sales\" or title sw \"Head\"", "set" },
                { "Scope", "Groups", "displayName sw \"team-\"", "set" },
                { "Match", "User", "mail", "<mail>" },
                { "Match", "User", "externalId, name.familyName userName", "<externalId><name.familyName><userName>" },
                { "Match", "User", "emails[type eq \"work, x\"].value,mail", "<emails[type eq \"work, x\"].value><mail>" },
                { "Match", "Group", "externalId", "<externalId>" },
                { "References", "User", "manager", "<manager>" },
                { "References", "User", "urn:a:b:2.0:User:manager.value, Assistant", "<Assistant><urn:a:b:2.0:User:manager>" },
                { "References", "Group", "owners owners.value", "<owners>" },
                { "Deprovision", "Deleted", "disable", "1" },
                { "Deprovision", "SoftDeleted", "delete", "2" },
                { "Deprovision", "Blocked", "keep", "3" },
                { "Deprovision", "Unassigned", "disable", "1" },
                { "Deprovision", "OutOfScope", "delete", "2" },
                { "Deletions", "PreventAccidentalDeletions", "no", "no" },
                { "Deletions", "DeletionThreshold", "0", "0" },
                { "Deletions", "DeletionThreshold", "4294967295", "4294967295" },
                { "Deletions", "DeletionThresholdTrips", "reached", "no" },
                { "Deletions", "DeletionThresholdTrips", "exceeded", "yes" },
                { "Deletions", "DeletionThresholdPercent", "0", "0" },
                { "Deletions", "DeletionThresholdPercent", "10", "10000000" },
                { "Deletions", "DeletionThresholdPercent", "2.5", "2500000" },
                { "Deletions", "DeletionThresholdPercent", "0.000001", "1" },
                { "Deletions", "DeletionThresholdPercent", "33.333333", "33333333" },
                { "Deletions", "DeletionThresholdPercent", "99.999999", "99999999" },
                { "Deletions", "DeletionThresholdPercent", "100", "100000000" },
                { "Deletions", "DeletionThresholdPercent", "100.000000", "100000000" },
                { "Deletions", "MinimumPopulation", "0", "0" },
                { "Deletions", "DeletionBudget", "1000 per 7d", "1000/604800000000" },
                { "Deletions", "DeletionBudget", "0  per  1h 30min", "0/5400000000" },
                { "Deletions", "DeletionBudget", "4294967295 per 1min", "4294967295/60000000" },
                { "Deletions", "MembershipThreshold", "2000", "2000" },
                { "Deletions", "GroupLossShare", "33.5", "33500000" },
                { "Deletions", "GroupLossMinimum", "4", "4" },
                { "Deletions", "OnGroupEmptied", "judge", "no" },
                { "Deletions", "OnGroupEmptied", "hold", "yes" },
                { "Deletions", "OnTrip", "stop", "1" },
                { "Deletions", "OnTrip", "hold-removals", "0" },
                { "Deletions", "OnConfigurationChange", "judge", "yes" },
                { "Deletions", "OnConfigurationChange", "trip", "no" },
                { "Deletions", "SecondWave", "approved", "yes" },
                { "Deletions", "SecondWave", "count", "no" },
                { "Deletions", "ApprovalExpires", "1s", "1000000" },
                { "Deletions", "ApprovalExpires", "52w", "31449600000000" },
                { "Deletions", "Approvers", "2", "2" },
                { "Deletions", "Approvers", "16", "16" },
                { "Notify", "Email", "identity@example.com  security@example.com", "<identity@example.com><security@example.com>" },
                { "Notify", "ReminderInterval", "90", "90000000" },
                { "Schedule", "Interval", "1h 30min", "5400000000" },
                { "Schedule", "Interval", "infinity", "0" },
                { "Schedule", "Interval", "1s", "1000000" },
                { "Schedule", "OnCalendar", "Mon..Fri *-*-* 06:00", "Mon..Fri *-*-* 06:00" },
                { "Schedule", "RandomizedDelaySec", "0", "0" },
                { "Schedule", "RandomizedDelaySec", "5min", "300000000" },
                { "Schedule", "Persistent", "true", "yes" },
        };
        size_t n;
        const ConfigKey *keys = job_config_keys(&n);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const ConfigKey *k = config_key_find(keys, n, cases[i].section, cases[i].key);
                _cleanup_(job_config_freep) JobConfig *c = NULL;
                _cleanup_free_ char *text = NULL, *says = NULL;
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

                CHECK(k);
                CHECK(asprintf(&text, "[%s]\n%s=%s\n", cases[i].section, cases[i].key, cases[i].value) > 0);
                CHECK_INT(load_with(text, &c, &says), 0);
                strbuf_puts(&b, "");
                show(c, k, &b);
                CHECK_STR(b.data, cases[i].shows);
        }
        /* and none was forgotten */
        for (size_t i = 0; i < n; i++) {
                bool seen = false;

                for (size_t j = 0; j < ELEMENTSOF(cases); j++)
                        seen = seen || (streq(cases[j].section, keys[i].section) && streq(cases[j].key, keys[i].name));
                if (!seen)
                        tap_diag("nothing tests %s.%s", keys[i].section, keys[i].name);
                CHECK(seen);
        }
}

/* ---- values that are not ---- */

#define NUMBER_ERROR "expected a whole number from 0 to 4294967295"
#define PERCENT_ERROR "expected a percentage from 0 to 100 with at most 6 decimals and without a percent sign, such as 10 or 2.5"
#define BUDGET_ERROR                                                                                                     \
        "expected a whole number from 0 to 4294967295, per and a time span from 1min to 52w, such as 1000 per 7d"
#define SPAN_ERROR "expected a time span from 1s to 52w, such as 40min or 1h 30min"

TEST(every_mistake_is_named_with_its_place_and_what_is_right) {
        static const struct {
                const char *more, *says;
        } cases[] = {
                /* what the brief shows */
                { "[Deletions]\nDeletionThreshold=-3\n", "jobs.d/t.conf:8: DeletionThreshold=-3: " NUMBER_ERROR },
                { "[Deletions]\nDeletionThreshold=4294967296\n", "jobs.d/t.conf:8: DeletionThreshold=4294967296: " NUMBER_ERROR },
                { "[Deletions]\nDeletionThreshold=1.5\n", "jobs.d/t.conf:8: DeletionThreshold=1.5: " NUMBER_ERROR },
                { "[Deletions]\nDeletionThreshold=500 # half\n",
                  "jobs.d/t.conf:8: DeletionThreshold=500 # half: " NUMBER_ERROR " (a comment needs a line of its own)" },
                { "[Deletions]\nOnTrip=stop   # or hold-removals\n", "jobs.d/t.conf:8: OnTrip=stop   # or hold-removals: expected hold-removals "
                                                                    "or stop (a comment needs a line of its own)" },
                { "[Deletions]\nDeletionThresholdTrips=above\n",
                  "jobs.d/t.conf:8: DeletionThresholdTrips=above: expected reached or exceeded" },
                { "[Deletions]\nOnConfigurationChange=ask\n", "jobs.d/t.conf:8: OnConfigurationChange=ask: expected trip or judge" },
                { "[Deletions]\nPreventAccidentalDeletions=maybe\n",
                  "jobs.d/t.conf:8: PreventAccidentalDeletions=maybe: expected yes or no" },
                { "[Deletions]\nDeletionThresholdPercent=10%\n", "jobs.d/t.conf:8: DeletionThresholdPercent=10%: " PERCENT_ERROR },
                { "[Deletions]\nDeletionThresholdPercent=100.000001\n",
                  "jobs.d/t.conf:8: DeletionThresholdPercent=100.000001: " PERCENT_ERROR },
                { "[Deletions]\nDeletionThresholdPercent=1.2345678\n",
                  "jobs.d/t.conf:8: DeletionThresholdPercent=1.2345678: " PERCENT_ERROR },
                { "[Deletions]\nDeletionThresholdPercent=.5\n", "jobs.d/t.conf:8: DeletionThresholdPercent=.5: " PERCENT_ERROR },
                { "[Deletions]\nDeletionThresholdPercent=5.\n", "jobs.d/t.conf:8: DeletionThresholdPercent=5.: " PERCENT_ERROR },
                { "[Deletions]\nDeletionThresholdPercent=1e1\n", "jobs.d/t.conf:8: DeletionThresholdPercent=1e1: " PERCENT_ERROR },
                { "[Deletions]\nDeletionThresholdPercent=99999999999999999999999999\n",
                  "jobs.d/t.conf:8: DeletionThresholdPercent=99999999999999999999999999: " PERCENT_ERROR },
                { "[Deletions]\nMinimumPopulation=many\n", "jobs.d/t.conf:8: MinimumPopulation=many: " NUMBER_ERROR },
                { "[Deletions]\nMembershipThreshold=-1\n", "jobs.d/t.conf:8: MembershipThreshold=-1: " NUMBER_ERROR },
                { "[Deletions]\nDeletionBudget=1000\n", "jobs.d/t.conf:8: DeletionBudget=1000: " BUDGET_ERROR },
                { "[Deletions]\nDeletionBudget=per 7d\n", "jobs.d/t.conf:8: DeletionBudget=per 7d: " BUDGET_ERROR },
                { "[Deletions]\nDeletionBudget=1000 per\n", "jobs.d/t.conf:8: DeletionBudget=1000 per: " BUDGET_ERROR },
                { "[Deletions]\nDeletionBudget=1000 per7d\n", "jobs.d/t.conf:8: DeletionBudget=1000 per7d: " BUDGET_ERROR },
                { "[Deletions]\nDeletionBudget=1000per 7d\n", "jobs.d/t.conf:8: DeletionBudget=1000per 7d: " BUDGET_ERROR },
                { "[Deletions]\nDeletionBudget=1000 per 0\n", "jobs.d/t.conf:8: DeletionBudget=1000 per 0: " BUDGET_ERROR },
                { "[Deletions]\nDeletionBudget=1000 per 59s\n", "jobs.d/t.conf:8: DeletionBudget=1000 per 59s: " BUDGET_ERROR },
                { "[Deletions]\nDeletionBudget=1000 per infinity\n", "jobs.d/t.conf:8: DeletionBudget=1000 per infinity: " BUDGET_ERROR },
                { "[Deletions]\nApprovalExpires=0\n", "jobs.d/t.conf:8: ApprovalExpires=0: " SPAN_ERROR },
                { "[Deletions]\nApprovalExpires=infinity\n", "jobs.d/t.conf:8: ApprovalExpires=infinity: " SPAN_ERROR },
                { "[Deletions]\nApprovers=0\n", "jobs.d/t.conf:8: Approvers=0: expected a whole number from 1 to 16" },
                { "[Deletions]\nApprovers=17\n", "jobs.d/t.conf:8: Approvers=17: expected a whole number from 1 to 16" },
                { "[Job]\nEnabled=ja\n", "jobs.d/t.conf:8: Enabled=ja: expected yes or no" },
                { "[Job]\nLanguage=German\n", "jobs.d/t.conf:8: Language=German: expected a language such as de or pt_BR" },
                { "[Job]\nLanguage=d\n", "jobs.d/t.conf:8: Language=d: expected a language such as de or pt_BR" },
                { "[Job]\nLanguage=de_De\n", "jobs.d/t.conf:8: Language=de_De: expected a language such as de or pt_BR" },
                { "[Job]\nLanguage=de/../x\n", "jobs.d/t.conf:8: Language=de/../x: expected a language such as de or pt_BR" },
                { "[Job]\nJournalLimit=lots\n", "jobs.d/t.conf:8: JournalLimit=lots: " NUMBER_ERROR },
                { "[Scope]\nAssigned=all sales\n", "jobs.d/t.conf:8: Assigned=all sales: expected all, or names of groups; a group named all "
                                                  "needs quotation marks around each name" },
                { "[Scope]\nAssigned=\"Sales Team\n", "jobs.d/t.conf:8: Assigned=\"Sales Team: expected a \" at the end" },
                { "[Scope]\nAssigned=\"Sales\"Team\n", "jobs.d/t.conf:8: Assigned=\"Sales\"Team: expected a space after \"" },
                { "[Scope]\nAssigned=\"\"\n", "jobs.d/t.conf:8: Assigned=\"\": expected something between the quotation marks" },
                { "[Scope]\nAssigned=O'Brien\n", "jobs.d/t.conf:8: Assigned=O'Brien: expected ' only around a whole word" },
                { "[Scope]\nAssigned=\"a\\\n", "jobs.d/t.conf:8: Assigned=\"a: expected a \" at the end" },
                { "[Scope]\nAssignedNested=deep\n", "jobs.d/t.conf:8: AssignedNested=deep: expected yes or no" },
                { "[Deprovision]\nDeleted=remove\n", "jobs.d/t.conf:8: Deleted=remove: expected disable, delete or keep" },
                { "[Deprovision]\nBlocked=default\n", "jobs.d/t.conf:8: Blocked=default: expected disable, delete or keep" },
                { "[Deprovision]\nSoftDeleted=Keep\n", "jobs.d/t.conf:8: SoftDeleted=Keep: expected disable, delete or keep" },
                { "[Deprovision]\nUnassigned=hold\n", "jobs.d/t.conf:8: Unassigned=hold: expected disable, delete or keep" },
                { "[Deprovision]\nOutOfScope=1\n", "jobs.d/t.conf:8: OutOfScope=1: expected disable, delete or keep" },
                { "[Notify]\nEmail=a@example.com, b@example.com\n", "jobs.d/t.conf:8: Email=a@example.com, b@example.com: expected mail "
                                                                   "addresses without names, with nothing but spaces between them" },
                { "[Notify]\nEmail=Ann <a@example.com>\n",
                  "jobs.d/t.conf:8: Email=Ann <a@example.com>: expected mail addresses without names, with nothing but spaces between them" },
                { "[Notify]\nEmail=a@-example.com\n",
                  "jobs.d/t.conf:8: Email=a@-example.com: expected mail addresses; a@-example.com: the domain is no host name" },
                { "[Notify]\nReminderInterval=often\n", "jobs.d/t.conf:8: ReminderInterval=often: " SPAN_ERROR },
                { "[Notify]\nReminderInterval=0\n", "jobs.d/t.conf:8: ReminderInterval=0: " SPAN_ERROR },
                { "[Schedule]\nInterval=0\n",
                  "jobs.d/t.conf:8: Interval=0: expected a time span from 1s to 52w, such as 40min, or infinity for never" },
                { "[Schedule]\nInterval=53w\n",
                  "jobs.d/t.conf:8: Interval=53w: expected a time span from 1s to 52w, such as 40min, or infinity for never" },
                { "[Schedule]\nOnCalendar=every day\n",
                  "jobs.d/t.conf:8: OnCalendar=every day: expected a calendar event such as daily, 06:00 or Mon..Fri *-*-* 06..20:00 (see "
                  "systemd.time(7); try it with: systemd-analyze calendar)" },
                { "[Schedule]\nRandomizedDelaySec=-1\n",
                  "jobs.d/t.conf:8: RandomizedDelaySec=-1: expected a time span from 0 to 52w, such as 40min or 1h 30min" },
                { "[Schedule]\nPersistent=sometimes\n", "jobs.d/t.conf:8: Persistent=sometimes: expected yes or no" },
                { "[Source]\nConnector=ldap\n",
                  "jobs.d/t.conf:8: Connector=ldap: ldap as a source is not in this version; expected json or csv" },
                { "[Source]\nConnector=xml\n", "jobs.d/t.conf:8: Connector=xml: expected json or csv" },
                { "[Source]\nConnector=json   # json, csv\n",
                  "jobs.d/t.conf:8: Connector=json   # json, csv: expected json or csv (a comment needs a line of its own)" },
                { "[Target]\nConnector=csv\n", "jobs.d/t.conf:8: Connector=csv: csv as a target is not in this version; expected json" },
                { "[Target]\nConnector=scim\n", "jobs.d/t.conf:8: Connector=scim: scim as a target is not in this version; expected json" },
                { "[Source]\nUsers=users.jsonl\n",
                  "jobs.d/t.conf:8: Users=users.jsonl: expected an absolute path, such as /srv/hr/users.jsonl" },
                { "[Source]\nFile=/f\n", "jobs.d/t.conf:8: File=/f: expected either File=, or Users= and Groups=, not both" },
                { "[Source]\nGroups=/u\n", "jobs.d/t.conf:8: Groups=/u: expected another file than that of Users=; one file for both, with a "
                                          "kind in each record, is File=" },
                { "[Source]\nUsers=\n", "jobs.d/t.conf: [Source] names no file; expected Users= and Groups=, one of them, or File=" },
                { "[Source]\nDelimiter=;\n", "jobs.d/t.conf:8: Delimiter=: the connector json has no such key in [Source]" },
                { "[Source]\nConnector=csv\nDelimiter=xx\n", "jobs.d/t.conf:9: Delimiter=xx: expected one ASCII punctuation character that is "
                                                            "no quotation mark, or tab" },
                { "[Source]\nConnector=csv\nDelimiter=\"\n", "jobs.d/t.conf:9: Delimiter=\": expected one ASCII punctuation character that is "
                                                            "no quotation mark, or tab" },
                { "[Source]\nUser=/x\n", "jobs.d/t.conf:8: User=: unknown key in [Source]; did you mean Users=?" },
                { "[Source]\nUri=ldaps://x\n", "jobs.d/t.conf:8: Uri=: the connector json has no such key in [Source]" },
                { "[Source]\nConnector=\n", "jobs.d/t.conf: [Source] Connector= is missing; expected json or csv" },
                { "[Target]\nConnector=\n", "jobs.d/t.conf: [Target] Connector= is missing; expected json" },
                { "[Target]\nDirectory=\n", "jobs.d/t.conf: [Target] Directory= is missing; expected: The folder for users.jsonl and groups.jsonl" },
                { "[Target]\nDirectory=out\n",
                  "jobs.d/t.conf:8: Directory=out: expected an absolute path, such as /srv/hr/users.jsonl" },
                { "[Source]\nUsers=/srv//out/./users.jsonl\n[Target]\nDirectory=/srv/out/\n",
                  "jobs.d/t.conf:8: Users=/srv//out/./users.jsonl: expected another file than one that this job writes, in Directory= of [Target]" },
                { "[Source]\nGroups=/users.jsonl\n[Target]\nDirectory=/\n", "jobs.d/t.conf:8: Groups=/users.jsonl: expected another file than one that this job writes, in Directory= of [Target]" },
                { "[Target]\nDirektory=/x\n", "jobs.d/t.conf:8: Direktory=: unknown key in [Target]; did you mean Directory=?" },

                { "[Match]\nUser=mail boss.value\n[References]\nUser=x\nUser=boss\n",
                  "jobs.d/t.conf:11: User=boss: expected no attribute of [Match]; \"boss\" is one" },
                { "[Map User]\nuserName=mail\n[References]\nUser=manager\n",
                  "jobs.d/t.conf:10: User=manager: no line of the mapping writes \"manager\"" },
                { "[References]\nUser=manager\n[Map User]\nuserName=mail\nmanager.value=boss\nCreateOnly=manager.value\n",
                  "jobs.d/t.conf:8: User=manager: \"manager.value\" is in CreateOnly=, so it could not be completed later; expected WhenEmpty=" },
                { "[References]\nUser=manager\n[Map User]\nuserName=mail\nmanager=boss\nDefault:manager=\"x\"\n",
                  "jobs.d/t.conf:8: User=manager: \"manager\" has a Default:, which could not be completed later; expected Coalesce()" },

                /* unknown keys and sections */
                { "[Deletions]\nDeletionTreshold=5\n",
                  "jobs.d/t.conf:8: DeletionTreshold=: unknown key in [Deletions]; did you mean DeletionThreshold=?" },
                { "[Deletions]\ndeletionthreshold=5\n",
                  "jobs.d/t.conf:8: deletionthreshold=: unknown key in [Deletions]; did you mean DeletionThreshold=?" },
                { "[Deletions]\nInterval=5\n", "jobs.d/t.conf:8: Interval=: unknown key in [Deletions]; it belongs into [Schedule]" },
                { "[Deletions]\nColour=red\n", "jobs.d/t.conf:8: Colour=: unknown key in [Deletions]" },
                { "[Deletion]\n", "jobs.d/t.conf:7: [Deletion]: unknown section; did you mean [Deletions]?" },
                { "[Map Users]\nx=y\n", "jobs.d/t.conf:7: [Map Users]: unknown section; did you mean [Map User]?" },
                { "[Map]\nx=y\n", "jobs.d/t.conf:7: [Map]: expected [Map User] or [Map Group]" },
                { "[Mail]\nServer=x\n", "jobs.d/t.conf:7: [Mail] belongs into reprieve.conf: it is the same for all jobs" },
                { "[Unit]\n", "jobs.d/t.conf:7: [Unit]: unknown section; expected Job, Source, Target, Scope, Match, References, Map User, "
                              "Map Group, Deprovision, Deletions, Notify or Schedule" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(job_config_freep) JobConfig *c = NULL;
                _cleanup_free_ char *says = NULL;

                CHECK_INT(load_with(cases[i].more, &c, &says), -EINVAL);
                CHECK_STR(says, cases[i].says);
                CHECK(!c);
        }
}

#define SECRET_ERROR                                                                                                             \
        "a secret does not belong into this file, which many may read; put it into a systemd credential, /etc/credstore/NAME "  \
        "or encrypted with systemd-creds(1) /etc/credstore.encrypted/NAME, and say Credential=NAME"

TEST(a_secret_is_refused_and_never_repeated) {
        static const struct {
                const char *more, *says;
        } cases[] = {
                { "[Source]\nPassword=hunter2\n", "jobs.d/t.conf:8: Password=: " SECRET_ERROR },
                { "[Source]\nBindPassword=hunter2\n", "jobs.d/t.conf:8: BindPassword=: " SECRET_ERROR },
                { "[Target]\nToken=hunter2\n", "jobs.d/t.conf:8: Token=: " SECRET_ERROR },
                { "[Target]\nClientSecret=hunter2\n", "jobs.d/t.conf:8: ClientSecret=: " SECRET_ERROR },
                { "[Job]\npassword=hunter2\n", "jobs.d/t.conf:8: password=: " SECRET_ERROR },
                { "[Target]\nCredential=hunter2!$\n", "jobs.d/t.conf:8: Credential=: expected the name of a systemd credential (letters, digits, "
                                                     "-, _ and .), never the secret itself" },
                { "[Target]\nCredential=../../shadow\n", "jobs.d/t.conf:8: Credential=: expected the name of a systemd credential (letters, "
                                                        "digits, -, _ and .), never the secret itself" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(job_config_freep) JobConfig *c = NULL;
                _cleanup_free_ char *says = NULL;

                CHECK_INT(load_with(cases[i].more, &c, &says), -EINVAL);
                CHECK_STR(says, cases[i].says);
        }
}

TEST(a_mistake_in_one_of_the_languages_is_shown_with_a_caret) {
        static const struct {
                const char *more, *says;
        } cases[] = {
                { "[Scope]\nUsers=department eqq \"Sales\"\n", "jobs.d/t.conf:8: Users=: column 12: " },
                { "[Scope]\nGroups=(displayName pr\n", "jobs.d/t.conf:8: Groups=: column 16: " },
                { "[Source]\nSoftDeleted=Not(\n", "jobs.d/t.conf:8: SoftDeleted=: column 5: " },
                { "[Source]\nBlocked=Nott(active)\n", "jobs.d/t.conf:8: Blocked=: column 1: " },
                { "[Match]\nUser=emails[type\n", "jobs.d/t.conf:8: User=: column 12: " },
                { "[References]\nUser=boss members\n", "jobs.d/t.conf:8: User=: column 6: " },
                { "[References]\nGroup=owners[x eq 1]\n", "jobs.d/t.conf:8: Group=: column 7: " },
                { "[Map User]\nuserName=Join(\" \", givenName\n", "jobs.d/t.conf:8: userName=: column 20: " },
                { "[Map Group]\nemails[type=mail\n", "jobs.d/t.conf:8: emails[type=: column 12: " },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(job_config_freep) JobConfig *c = NULL;
                _cleanup_free_ char *says = NULL;

                CHECK_INT(load_with(cases[i].more, &c, &says), -EINVAL);
                if (!startswith(says, cases[i].says))
                        CHECK_STR(says, cases[i].says);
                CHECK(strstr(says, "\n") && says[strlen(says) - 1] == '^');
        }
}

TEST(a_map_as_a_whole_is_checked) {
        _cleanup_(job_config_freep) JobConfig *c = NULL;
        _cleanup_free_ char *says = NULL;

        CHECK_INT(load_with("[Map User]\nuserName=mail\nCreateOnly=nickName\n", &c, &says), -EINVAL);
        CHECK(startswith(says, "jobs.d/t.conf: [Map User] "));
}

TEST(a_map_that_was_taken_back_lets_everything_flow) {
        _cleanup_(job_config_freep) JobConfig *c = NULL;
        _cleanup_free_ char *says = NULL;

        CHECK_INT(load_with("[Map User]\nuserName=mail\n[Map Group]\ndisplayName=cn\n[Map User]\nuserName=\n", &c, &says), 0);
        CHECK(!c->map[OBJECT_KIND_USER]);
        CHECK(c->map[OBJECT_KIND_GROUP]);
}

TEST(a_long_value_is_cut_in_the_error) {
        _cleanup_(job_config_freep) JobConfig *c = NULL;
        _cleanup_free_ char *says = NULL, *text = NULL;

        CHECK(asprintf(&text, "[Job]\nLanguage=%0200d\n", 0) > 0);
        CHECK_INT(load_with(text, &c, &says), -EINVAL);
        CHECK(strlen(says) < 200);
        CHECK(strstr(says, "0…: expected a language"));
}

TEST(a_job_that_is_not_there_is_told_from_one_with_a_mistake) {
        _cleanup_(job_config_freep) JobConfig *c = NULL;
        _cleanup_error_ Error *error = NULL;

        CHECK_INT(job_config_load(config_dir(), "none", &c, &error), -ENOENT);
        CHECK(strstr(error->text, "/jobs.d/none.conf: No such file or directory"));
        CHECK_INT(job_config_load(config_dir(), "../t", &c, &error), -EINVAL);
        CHECK(strstr(error->text, "\"../t\" is no name of a job"));
}

TEST(names_of_jobs_are_checked) {
        CHECK(job_name_is_valid("staff") && job_name_is_valid("a") && job_name_is_valid("9.b-c_D"));
        CHECK(!job_name_is_valid("") && !job_name_is_valid("-a") && !job_name_is_valid(".a") && !job_name_is_valid("a/b") &&
              !job_name_is_valid("a b") && !job_name_is_valid("ä") && !job_name_is_valid("a%b") && !job_name_is_valid("a\n"));
        CHECK(job_name_is_valid("1234567890123456789012345678901234567890123456789012345678901234"));
        CHECK(!job_name_is_valid("12345678901234567890123456789012345678901234567890123456789012345"));
}

/* ---- layers ---- */

TEST(drop_ins_and_defaults_come_in_their_order) {
        _cleanup_(job_config_freep) JobConfig *c = NULL;
        _cleanup_free_ char *says = NULL;

        write_file("reprieve.conf", "[Deletions]\nDeletionThreshold=100\nMinimumPopulation=7\nApprovers=2\n[Notify]\nEmail=all@example.com\n"
                                    "[Job]\nLanguage=fr\n[Schedule]\nInterval=2h\n[Mail]\nNonsense=1\n");
        write_file("jobs.d/t.conf.d/20-b.conf", "[Deletions]\nDeletionThreshold=20\n[Notify]\nEmail=b@example.com\n");
        write_file("jobs.d/t.conf.d/10-a.conf", "[Deletions]\nDeletionThreshold=10\nMinimumPopulation=\n");
        write_file("jobs.d/t.conf.d/.hidden.conf", "junk\n");
        write_file("jobs.d/t.conf.d/README", "junk\n");
        CHECK_INT(load(BASE "[Notify]\nEmail=a@example.com\n[Deletions]\nDeletionThreshold=5\nMinimumPopulation=8\n", &c, &says), 0);
        CHECK_INT(c->limits.threshold, 20);
        CHECK_INT(c->limits.minimum_population, 20);
        CHECK_INT(c->approvers, 2);
        CHECK_INT(c->interval_usec, 2 * USEC_PER_HOUR);
        CHECK_STR(c->language, "fr");
        CHECK_INT(strv_length(c->email), 2);
        CHECK_STR(c->email[0], "a@example.com");
        CHECK_STR(c->email[1], "b@example.com");

        /* its own list takes the place of the default, an empty one takes it away */
        remove_file("jobs.d/t.conf.d/20-b.conf");
        c = job_config_free(c);
        CHECK_INT(load(BASE, &c, &says), 0);
        CHECK_STR(c->email[0], "all@example.com");
        c = job_config_free(c);
        CHECK_INT(load(BASE "[Notify]\nEmail=\n", &c, &says), 0);
        CHECK(!c->email);

        /* a mistake in a drop-in or in reprieve.conf is named there */
        c = job_config_free(c);
        write_file("jobs.d/t.conf.d/10-a.conf", "[Deletions]\n\nDeletionThreshold=x\n");
        CHECK_INT(load(BASE, &c, &says), -EINVAL);
        CHECK_STR(says, "jobs.d/t.conf.d/10-a.conf:3: DeletionThreshold=x: " NUMBER_ERROR);
        remove_file("jobs.d/t.conf.d/10-a.conf");
        free(TAKE_PTR(says));
        write_file("reprieve.conf", "[Source]\nConnector=json\n");
        CHECK_INT(load(BASE, &c, &says), -EINVAL);
        CHECK_STR(says, "reprieve.conf:2: Connector=: a key of [Source] that belongs into a job's own file");
        remove_file("reprieve.conf");
}

TEST(a_file_may_stand_in_the_place_of_the_job_s_own) {
        _cleanup_(job_config_freep) JobConfig *c = NULL;
        _cleanup_error_ Error *error = NULL;
        const char *path;

        write_file("jobs.d/t.conf", "junk");
        write_file("jobs.d/t.conf.d/10-a.conf", "[Deletions]\nDeletionThreshold=10\n");
        path = tap_write_file("with.conf", BASE, strlen(BASE));
        CHECK_INT(job_config_load_file(config_dir(), "t", path, &c, &error), 0);
        CHECK_STR(c->name, "t");
        CHECK_STR(c->file, path);
        CHECK_INT(c->limits.threshold, 10);
        remove_file("jobs.d/t.conf.d/10-a.conf");
}

TEST(the_job_s_own_schedule_replaces_the_default_one) {
        static const struct {
                const char *common, *own;
                uint64_t interval;
                const char *calendar;
        } cases[] = {
                { "", "", 40 * USEC_PER_MINUTE, NULL },
                { "", "OnCalendar=daily\n", 0, "daily" },
                { "", "OnCalendar=daily\nInterval=1h\n", USEC_PER_HOUR, "daily" },
                { "Interval=2h\n", "OnCalendar=daily\n", 0, "daily" },
                { "OnCalendar=weekly\n", "Interval=1h\n", USEC_PER_HOUR, NULL },
                { "OnCalendar=weekly\n", "", 0, "weekly" },
                { "OnCalendar=weekly\n", "OnCalendar=\n", 40 * USEC_PER_MINUTE, NULL },
                { "", "Interval=infinity\n", 0, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *common = NULL, *own = NULL, *says = NULL;
                _cleanup_(job_config_freep) JobConfig *c = NULL;

                CHECK(asprintf(&common, "[Schedule]\n%s", cases[i].common) > 0);
                CHECK(asprintf(&own, "[Schedule]\n%s", cases[i].own) > 0);
                write_file("reprieve.conf", common);
                CHECK_INT(load_with(own, &c, &says), 0);
                CHECK_INT(c->interval_usec, cases[i].interval);
                CHECK_STR(c->on_calendar, cases[i].calendar);
        }
        remove_file("reprieve.conf");
}

TEST(the_schedule_can_be_read_from_a_broken_job) {
        _cleanup_(job_config_freep) JobConfig *c = NULL, *none = NULL;
        _cleanup_error_ Error *error = NULL;

        write_file("jobs.d/t.conf", "[Job]\nDescription=x\n[Source]\nConnector=ldap\n[Schedule]\nInterval=1h\n[Junk]\nx=y\n");
        CHECK_INT(job_config_load_schedule(config_dir(), "t", &c, &error), JOB_CONFIG_E_SCHEDULE_ONLY);
        CHECK(strstr(error->text, "t.conf:4: Connector=ldap"));
        CHECK_INT(c->interval_usec, USEC_PER_HOUR);
        CHECK_STR(c->description, "x");

        write_file("jobs.d/t.conf", "[Source]\nConnector=ldap\n[Schedule]\nInterval=0\n");
        CHECK_INT(job_config_load_schedule(config_dir(), "t", &none, &error), -EINVAL);
        CHECK(!none);
        write_file("jobs.d/t.conf", "junk\n");
        CHECK_INT(job_config_load_schedule(config_dir(), "t", &none, &error), -EINVAL);
        CHECK(!none);
}

TEST(deprovision_has_names) {
        for (Deprovision d = 0; d < _DEPROVISION_MAX; d++)
                CHECK_INT(deprovision_from_string(deprovision_to_string(d)), d);
        CHECK_INT(deprovision_from_string("hold"), _DEPROVISION_INVALID);
        CHECK(!deprovision_to_string(_DEPROVISION_MAX));
}

TEST(every_key_is_documented) {
        size_t n, n_mail;
        const ConfigKey *keys = job_config_keys(&n), *mail = mail_config_keys(&n_mail);

        for (size_t i = 0; i < n + n_mail; i++) {
                const ConfigKey *k = i < n ? keys + i : mail + i - n;

                CHECK(k->argument && k->help && k->help[strlen(k->help) - 1] != '.');
                CHECK(config_key_find(i < n ? keys : mail, i < n ? n : n_mail, k->section, k->name) == k);
        }
}

/* ---- fingerprint ---- */

#define E4_JOB                                                                                                           \
        "[Source]\nConnector=json\nUsers=/u\nGroups=/g\nBlocked=Not(active)\n[Target]\nConnector=json\nDirectory=/d\n"      \
        "[Scope]\nAssigned=a \"b c\"\nUsers=department eq \"Sales\" or title sw \"Head\"\n[Match]\nUser=externalId userName\n"     \
        "[Map User]\nuserName=mail\ndisplayName=Join(\" \", givenName, sn)\n[Deprovision]\nBlocked=keep\n"

static int fingerprint_of(const char *text, char ret[static 33]) {
        _cleanup_(job_config_freep) JobConfig *c = NULL;
        _cleanup_free_ char *says = NULL;
        int r;

        r = load(text, &c, &says);
        if (says)
                tap_diag("%s", says);
        if (r == 0)
                memcpy(ret, c->fingerprint, 33);
        return r;
}

TEST(e4_the_same_configuration_written_otherwise_has_the_same_fingerprint) {
        static const char *const others[] = {
                /* comments, white space, continued lines, order of sections and keys */
                "# c\n[Map User]\n  displayName = Join(\" \",givenName,   sn)\n; c\nuserName =\\\n mail\n[Deprovision]\nBlocked=keep\n"
                "[Match]\nUser=externalId,  userName\n[Scope]\nUsers=department EQ \"Sales\" OR (title sw \"Head\")\nAssigned=\"b c\" a\n"
                "[Target]\nDirectory=/d\nConnector=json\n[Source]\nGroups=/g\nUsers=/u\nConnector=json\nBlocked=Not( active )\n",
                /* defaults written down */
                E4_JOB "[Source]\nId=id\n[Match]\nGroup=displayName\n[Deprovision]\nDeleted=delete\n[Scope]\nAssignedNested=no\n",
                /* no references */
                E4_JOB "[References]\nUser=displayName\nUser=\nGroup=\n",
                /* what was said first and taken back */
                "[Source]\nUsers=/other\nId=x\nId=\n[Deprovision]\nBlocked=delete\nUnassigned=keep\nUnassigned=\n[Scope]\nAssigned=x\nAssigned=\n" E4_JOB,
                /* lists in pieces */
                E4_JOB "[Scope]\nAssigned=a\n",
                /* what is not covered: limits, schedule, addresses, description, credentials */
                E4_JOB "[Job]\nDescription=x\nLanguage=de\nEnabled=no\nJournalLimit=1\n[Deletions]\nDeletionThreshold=1\nOnTrip=stop\nOnConfigurationChange=judge\n"
                       "[Notify]\nEmail=a@example.com\n[Schedule]\nInterval=1h\n[Source]\nCredential=a\n[Target]\nCredential=b\n",
        };
        char first[33], other[33];

        CHECK_INT(fingerprint_of(E4_JOB, first), 0);
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                CHECK_INT(fingerprint_of(others[i], other), 0);
                if (!streq(first, other))
                        tap_diag("case %zu", i);
                CHECK_STR(other, first);
        }
}

TEST(e4_it_does_not_matter_in_which_file_a_setting_stands) {
        char first[33], other[33];

        CHECK_INT(fingerprint_of(E4_JOB, first), 0);
        write_file("jobs.d/t.conf.d/10-a.conf", "[Deprovision]\nBlocked=keep\n[Map User]\ndisplayName=Join(\" \", givenName, sn)\n");
        write_file("jobs.d/t.conf.d/20-b.conf", "[Scope]\nAssigned=\nAssigned=\"b c\"\nAssigned=a\n");
        CHECK_INT(fingerprint_of("[Source]\nConnector=json\nUsers=/u\nGroups=/g\nBlocked=Not(active)\n[Target]\nConnector=json\n"
                                 "Directory=/d\n[Scope]\nUsers=department eq \"Sales\" or title sw \"Head\"\n[Match]\n"
                                 "User=externalId userName\n[Map User]\nuserName=mail\n", other), 0);
        CHECK_STR(other, first);
        remove_file("jobs.d/t.conf.d/10-a.conf");
        remove_file("jobs.d/t.conf.d/20-b.conf");
}

TEST(e4_every_change_that_matters_changes_the_fingerprint) {
        static const char *const changes[] = {
                "",
                "[Source]\nUsers=/other\n",
                "[Source]\nGroups=\n",
                "[Source]\nConnector=csv\n",
                "[Source]\nConnector=csv\nDelimiter=;\n",
                "[Source]\nId=uid\n",
                "[Source]\nSoftDeleted=deleted\n",
                "[Source]\nBlocked=active\n",
                "[Source]\nBlocked=\n",
                "[Target]\nDirectory=/e\n",
                "[Scope]\nAssigned=all\n",
                "[Scope]\nAssigned=c\n",
                "[Scope]\nAssigned=\nAssigned=a b c\n",
                "[Scope]\nAssignedNested=yes\n",
                "[Scope]\nUsers=department eq \"Sales\"\n",
                "[Scope]\nUsers=\n",
                "[Scope]\nGroups=displayName pr\n",
                "[Match]\nUser=\nUser=userName externalId\n",
                "[Match]\nGroup=externalId\n",
                "[References]\nUser=userName\n[Match]\nUser=\nUser=externalId\n",
                "[References]\nUser=displayName\n",
                "[References]\nGroup=owners\n",
                "[References]\nGroup=owners boss\n",
                "[Map User]\nuserName=upn\n",
                "[Map User]\ntitle=jobTitle\n",
                "[Map User]\nCreateOnly=userName\n",
                "[Map User]\nuserName=\n",
                "[Map Group]\ndisplayName=cn\n",
                "[Deprovision]\nDeleted=disable\n",
                "[Deprovision]\nDeleted=keep\n",
                "[Deprovision]\nBlocked=\n",
                "[Deprovision]\nSoftDeleted=delete\n",
                "[Deprovision]\nUnassigned=delete\n",
                "[Deprovision]\nOutOfScope=delete\n",
        };
        char seen[ELEMENTSOF(changes)][33];

        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                _cleanup_free_ char *text = NULL;

                CHECK(asprintf(&text, E4_JOB "%s", changes[i]) > 0);
                CHECK_INT(fingerprint_of(text, seen[i]), 0);
                for (size_t j = 0; j < i; j++) {
                        if (streq(seen[i], seen[j]))
                                tap_diag("%s and %s", changes[i], changes[j]);
                        CHECK(!streq(seen[i], seen[j]));
                }
        }
}

TEST(e4_the_fingerprint_of_a_version_is_that_of_the_next) {
        char fingerprint[33];

        /* It is kept in ledgers: were it to change with an update of the program, every job would trip. */
        CHECK_INT(fingerprint_of(E4_JOB, fingerprint), 0);
        CHECK_STR(fingerprint, "1dc6dd0f5116166c84ca8805070b1ffa");
}
