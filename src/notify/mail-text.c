/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mail-text.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>

#include "i18n.h"
#include "mail-doc.h"
#include "mime.h"
#include "staged-csv.h"
#include "string-util.h"
#include "time-util.h"

/* ---- language ---- */

void mail_text_setup(const char *locale_dir) {
        (void) bindtextdomain(PACKAGE, locale_dir ? locale_dir : LOCALEDIR);
        (void) bind_textdomain_codeset(PACKAGE, "UTF-8");
        (void) textdomain(PACKAGE);
}

/* What the environment asks for, as gettext reads it; before the first call of mail_text_set_language() changes it.
 */
static const char *system_language(void) {
        static char *language = NULL;
        static bool known = false;

        if (!known) {
                const char *const names[] = { "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG" };

                known = true;
                for (size_t i = 0; i < ELEMENTSOF(names) && !language; i++) {
                        const char *e = getenv(names[i]);

                        if (!isempty(e))
                                language = strdup(e);
                }
        }
        return language ? language : "en";
}

int mail_text_set_language(const char *language) {
        _cleanup_free_ char *copy = NULL;

        if (isempty(language))
                language = system_language();
        else
                (void) system_language();
        copy = strdup(language);
        if (!copy)
                return -ENOMEM;
        /* "de_DE.UTF-8@euro": LANGUAGE= takes no character set. */
        copy[strcspn(copy, ".@")] = '\0';
        if (setenv("LANGUAGE", streq(copy, "C") || streq(copy, "POSIX") ? "en" : copy, 1) < 0)
                return -ENOMEM;
        /* gettext looks at LANGUAGE in any locale but "C". C.UTF-8 is part of libc, so nobody has to generate one.
         */
        if (!setlocale(LC_MESSAGES, "C.UTF-8"))
                (void) setlocale(LC_MESSAGES, "");
        /* Makes it forget what it looked up before (gettext manual, "Being a gettext grok"). */
        (void) textdomain(PACKAGE);
        return 0;
}

/* ---- words ---- */

typedef struct Word {
        const char *name, *text;
} Word;

static const Word actions[] = {
        { "Delete", N_("delete") },
        { "Disable", N_("disable") },
        { "Members", N_("remove a member") },
        { "Create", N_("create (its name is still in use)") },
        { "Update", N_("update (its name is still in use)") },
        {},
};

static const Word causes[] = {
        { "deleted", N_("gone from the source") },
        { "soft-deleted", N_("marked as deleted in the source") },
        { "blocked", N_("sign-in blocked") },
        { "unassigned", N_("no longer assigned") },
        { "out-of-scope", N_("out of scope") },
        {},
};

/* The word in the reader's language; a name that is not in the table stays what it is. */
static const char *word(const Word *table, const char *name) {
        for (; table->name; table++)
                if (streq(table->name, name))
                        return _(table->text);
        return name;
}

/* ngettext() because the catalog has these words as nouns with a plural. */
static const char *kind_word(const char *kind) {
        if (streq(kind, "user"))
                return ngettext("user", "users", 1);
        if (streq(kind, "group"))
                return ngettext("group", "groups", 1);
        return kind;
}

typedef struct Number {
        char text[40];
} Number;

/* "1,234,567" with the reader's separator */
static Number number(uint64_t n) {
        /* TRANSLATORS: this number as your language writes it; the character between the 1 and the 2 is taken from
         * it. */
        const char *sample = _("1,234");
        size_t separator = strlen(sample) > 4 && sample[0] == '1' ? strlen(sample) - 4 : 0;
        char digits[24];
        Number result = {};
        size_t len, w = 0;

        len = (size_t) snprintf(digits, sizeof(digits), "%llu", (unsigned long long) n);
        if (separator > 3)
                separator = 0;
        for (size_t i = 0; i < len; i++) {
                if (i > 0 && (len - i) % 3 == 0) {
                        memcpy(result.text + w, sample + 1, separator);
                        w += separator;
                }
                result.text[w++] = digits[i];
        }
        return result;
}

/* Millionths of a percent as "10" or "2.5" */
static Number percentage(uint64_t millionths) {
        /* TRANSLATORS: this number as your language writes it; the character between the 1 and the 5 is taken from
         * it. */
        const char *sample = _("1.5");
        Number result;
        size_t n;

        n = (size_t) snprintf(result.text, sizeof(result.text), "%llu%c%06llu",
                              (unsigned long long) (millionths / GUARD_PERCENT_SCALE),
                              strlen(sample) == 3 ? sample[1] : '.',
                              (unsigned long long) (millionths % GUARD_PERCENT_SCALE));
        while (result.text[n - 1] == '0')
                n--;
        if (result.text[n - 1] < '0' || result.text[n - 1] > '9')
                n--;
        result.text[n] = '\0';
        return result;
}

static Number when(uint64_t usec) {
        char buf[64];
        Number result;

        (void) snprintf(result.text, sizeof(result.text), "%.39s", timestamp_format(usec, buf));
        return result;
}

/* "2026-11-22" */
static Number day(uint64_t usec) {
        Number result = when(usec);

        result.text[10] = '\0';
        return result;
}

static Number duration(uint64_t usec) {
        char buf[64];
        Number result;

        (void) snprintf(result.text, sizeof(result.text), "%.39s", duration_format(usec, buf));
        return result;
}

/* ---- pieces ---- */

static bool is_review(OutboxEvent e) {
        return e == OUTBOX_REVIEW_OPENED || e == OUTBOX_REVIEW_GROWN || e == OUTBOX_REMINDER;
}

/* The title, which is the subject as well; NULL for OOM. */
static char *make_title(const MailFacts *f) {
        char *s = NULL;
        int r = 0;

        switch (f->event) {
        case OUTBOX_REVIEW_OPENED:
                r = asprintf(&s, ngettext("%s removal is held back and waits for your decision",
                                          "%s removals are held back and wait for your decision", f->staged),
                             number(f->staged).text);
                break;
        case OUTBOX_REVIEW_GROWN:
                r = asprintf(&s,
                             ngettext("Now %s removal waits for your decision",
                                      "Now %s removals wait for your decision", f->staged),
                             number(f->staged).text);
                break;
        case OUTBOX_REMINDER:
                r = asprintf(&s,
                             ngettext("%s removal still waits for your decision",
                                      "%s removals still wait for your decision", f->staged),
                             number(f->staged).text);
                break;
        case OUTBOX_ALLOWED:
                r = asprintf(&s, ngettext("%s removal was allowed", "%s removals were allowed", f->decided),
                             number(f->decided).text);
                break;
        case OUTBOX_REJECTED:
                r = asprintf(&s, ngettext("%s removal was rejected", "%s removals were rejected", f->decided),
                             number(f->decided).text);
                break;
        case OUTBOX_HEALED:
                s = strdup(_("Nothing is left to decide: the source has the objects again"));
                break;
        case OUTBOX_RESTARTED:
                s = strdup(_("The job was restarted, the held removals have a new review"));
                break;
        case OUTBOX_EXPIRED:
                s = strdup(_("An approval has expired unused"));
                break;
        case OUTBOX_QUARANTINED:
                s = strdup(_("The job does not get through and is in quarantine"));
                break;
        case OUTBOX_JOB_DISABLE_SOON:
                r = asprintf(&s, _("The job will be disabled on %s"), when(f->disable_at).text);
                break;
        case OUTBOX_JOB_DISABLED:
                s = strdup(_("The job was disabled"));
                break;
        case OUTBOX_RECOVERED:
                s = strdup(_("The job works again"));
                break;
        case OUTBOX_TEST:
                s = strdup(_("Test of the notification"));
                break;
        case _OUTBOX_EVENT_MAX:
        case _OUTBOX_EVENT_INVALID:
                break;
        }
        return r < 0 ? NULL : s;
}

static MailTone tone_of(OutboxEvent e) {
        switch (e) {
        case OUTBOX_REVIEW_OPENED:
        case OUTBOX_REVIEW_GROWN:
        case OUTBOX_REMINDER:
        case OUTBOX_EXPIRED:
                return MAIL_TONE_DECIDE;
        case OUTBOX_QUARANTINED:
        case OUTBOX_JOB_DISABLE_SOON:
        case OUTBOX_JOB_DISABLED:
                return MAIL_TONE_TROUBLE;
        case OUTBOX_HEALED:
        case OUTBOX_RECOVERED:
                return MAIL_TONE_GOOD;
        case OUTBOX_ALLOWED:
        case OUTBOX_REJECTED:
        case OUTBOX_RESTARTED:
        case OUTBOX_TEST:
        case _OUTBOX_EVENT_MAX:
        case _OUTBOX_EVENT_INVALID:
                break;
        }
        return MAIL_TONE_PLAIN;
}

/* Why the guard held it, in sentences. */
static void write_why(MailDoc *d, const MailFacts *f) {
        if (streq(f->verdict, "threshold"))
                mail_doc_paragraph(d,
                                   ngettext("One cycle wanted to remove %s object at once. From %s removals in a "
                                            "cycle on, this job "
                                            "holds them back.",
                                            "One cycle wanted to remove %s objects at once. From %s removals in a "
                                            "cycle on, this job "
                                            "holds them back.",
                                            f->counted),
                                   number(f->counted).text, number(f->limit).text);
        else if (streq(f->verdict, "percent"))
                mail_doc_paragraph(
                        d,
                        ngettext(
                                "One cycle wanted to remove %1$s object out of %2$s. The limit of this job is %3$s "
                                "percent, which is reached with %4$s.",
                                "One cycle wanted to remove %1$s objects out of %2$s. The limit of this job is "
                                "%3$s "
                                "percent, which is reached with %4$s.",
                                f->counted),
                        number(f->counted).text, number(f->population).text, percentage(f->percent).text,
                        number(f->limit).text);
        else if (streq(f->verdict, "budget"))
                mail_doc_paragraph(d,
                                   ngettext("One cycle wanted to remove %1$s object. Together with the removals of "
                                            "the last %3$s that "
                                            "would have passed the budget of this job, %2$s.",
                                            "One cycle wanted to remove %1$s objects. Together with the removals "
                                            "of the last %3$s "
                                            "that would have passed the budget of this job, %2$s.",
                                            f->counted),
                                   number(f->counted).text, number(f->budget).text,
                                   duration(f->budget_window).text);
        else if (streq(f->verdict, "empty-source"))
                mail_doc_paragraph(d, "%s",
                                   _("The source was read to its end, but it has no users or no groups any more, "
                                     "although this "
                                     "job keeps some in the target. That is held back whatever the limits are."));
        else if (streq(f->verdict, "configuration-changed"))
                mail_doc_paragraph(
                        d, "%s",
                        _("The source, target, scope or mapping of this job was changed, and by the new "
                          "configuration these objects would go. After such a change every removal is held back "
                          "once, whatever the limits are."));
        else if (streq(f->verdict, "assigned-group-missing")) {
                _cleanup_free_ char *names = strv_join(f->missing_groups, "\", \"");

                mail_doc_paragraph(d, "%s",
                                   _("Assigned= of this job names a group that the source does not have. Was it renamed? Who is "
                                     "unassigned now may only seem so: that is held back whatever the limits are. If the group is "
                                     "meant to be gone, take its name out of Assigned=."));
                if (names && *names)
                        mail_doc_fact(d, _("Missing"), "\"%s\"", names);
        } else if (streq(f->verdict, "group-emptied"))
                mail_doc_paragraph(d, "%s",
                                   _("A group that stays would lose every one of its members. That is what a group looks like whose "
                                     "members were left out of an export, and it is held back whatever the limits are."));
        else if (streq(f->verdict, "everything"))
                mail_doc_paragraph(d, "%s",
                                   _("Not one of the users, or of the groups, that this job keeps in the target would stay. That is "
                                     "what a source looks like whose ids have all changed, and it is held back whatever the "
                                     "limits are."));
        else if (streq(f->verdict, "memberships"))
                mail_doc_paragraph(d,
                                   ngettext("One cycle wanted to take %s membership away from groups that stay. "
                                            "The limit of this job is "
                                            "%s.",
                                            "One cycle wanted to take %s memberships away from groups that stay. "
                                            "The limit of this job "
                                            "is %s.",
                                            f->memberships),
                                   number(f->memberships).text, number(f->membership_threshold).text);
        else if (streq(f->verdict, "joined"))
                mail_doc_paragraph(
                        d, "%s",
                        _("More removals have joined those that were waiting already. While a review is open, "
                          "nothing is removed."));
}

static void write_limit(MailDoc *d, const MailFacts *f) {
        const char *comparator = f->exceeded ? _("held when exceeded") : _("held when reached");

        if (f->threshold == GUARD_NO_LIMIT)
                return;
        if (f->percent == GUARD_NO_LIMIT)
                mail_doc_fact(d, _("Limit"), "%s, %s", number(f->threshold).text, comparator);
        else
                mail_doc_fact(d, _("Limit"),
                              /* TRANSLATORS: a count or a percentage, and when it holds: "500 or 10 %, held when
                                 reached" */
                              _("%s or %s %%, %s"), number(f->threshold).text, percentage(f->percent).text,
                              comparator);
}

static void write_job(MailDoc *d, const MailFacts *f) {
        if (isempty(f->description))
                mail_doc_fact(d, _("Job"), "%s", f->job);
        else
                mail_doc_fact(d, _("Job"), "%s (%s)", f->job, f->description);
}

static void write_counts(MailDoc *d, const MailFacts *f) {
        const char *const header[] = { _("Cause"), _("Kind"), _("Action"), _("Number") };

        if (f->n_causes == 0)
                return;
        mail_doc_heading(d, _("What would be removed"));
        mail_doc_row(d, ELEMENTSOF(header), header, 1U << 3);
        for (size_t i = 0; i < f->n_causes; i++) {
                const MailRow *row = &f->causes[i];
                Number n = number(row->count);

                mail_doc_row(d, ELEMENTSOF(header),
                             (const char *[]) { isempty(row->cause) ? "–" : word(causes, row->cause),
                                               kind_word(row->kind), word(actions, row->action), n.text },
                             1U << 3);
        }
}

/* R5: the second wave of what somebody may have allowed already. */
static void write_second_wave(MailDoc *d, const MailFacts *f) {
        const char *const header[] = { _("Disabled on"), _("Allowed by"), _("Review"), _("Number") };
        uint64_t shown = 0;

        if (f->n_waves == 0)
                return;
        mail_doc_heading(d, _("Disabled before"));
        mail_doc_paragraph(d,
                           ngettext("%s of these had been disabled by this job before; now it would be deleted for good.",
                                    "%s of these had been disabled by this job before; now they would be deleted for good.",
                                    f->second_wave),
                           number(f->second_wave).text);
        mail_doc_row(d, ELEMENTSOF(header), header, 1U << 3);
        for (size_t i = 0; i < f->n_waves; i++) {
                const MailRow *row = &f->waves[i];
                _cleanup_free_ char *range = NULL;
                Number n = number(row->count);

                shown += row->count;
                if (asprintf(&range, streq(day(row->at).text, day(row->last).text) ? "%s" : "%s – %s", day(row->at).text,
                             day(row->last).text) < 0)
                        range = NULL;
                mail_doc_row(d, ELEMENTSOF(header),
                             (const char *[]) { strempty(range), isempty(row->review) ? _("nobody: within the limit") : row->by,
                                               isempty(row->review) ? "–" : row->review, n.text },
                             1U << 3);
        }
        if (f->second_wave > shown)
                mail_doc_paragraph(d, ngettext("… and %s more.", "… and %s more.", f->second_wave - shown),
                                   number(f->second_wave - shown).text);
}

/* G11 */
static void write_groups(MailDoc *d, const MailFacts *f) {
        const char *const header[] = { _("Group"), _("Would lose"), _("Of members") };

        if (f->n_groups == 0)
                return;
        mail_doc_heading(d, _("Groups that would lose members"));
        mail_doc_row(d, ELEMENTSOF(header), header, 1U << 1 | 1U << 2);
        for (size_t i = 0; i < f->n_groups; i++) {
                const MailRow *row = &f->groups[i];
                Number lost = number(row->count), members = number(row->members);

                mail_doc_row(d, ELEMENTSOF(header),
                             (const char *[]) { isempty(row->name) ? row->source_id : row->name,
                                               row->count >= row->members ? _("all") : lost.text, members.text },
                             1U << 1 | 1U << 2);
        }
        if (f->groups_total > f->n_groups)
                mail_doc_paragraph(d, ngettext("… and %s more.", "… and %s more.", f->groups_total - f->n_groups),
                                   number(f->groups_total - f->n_groups).text);
}

static void write_names(MailDoc *d, const MailFacts *f, const char *file_name) {
        const char *const header[] = { _("Name"), _("Id in the source"), _("Kind"), _("Cause") };

        if (f->n_first == 0)
                return;
        mail_doc_heading(d, f->staged > f->n_first ? _("The first on the list") : _("The list"));
        mail_doc_row(d, ELEMENTSOF(header), header, 0);
        for (size_t i = 0; i < f->n_first; i++) {
                const MailRow *row = &f->first[i];
                _cleanup_free_ char *name = NULL;

                /* A membership: group and member */
                if (asprintf(&name, isempty(row->member) ? "%s" : "%s: %s",
                             isempty(row->name) ? row->source_id : row->name, row->member) < 0)
                        name = NULL;
                mail_doc_row(d, ELEMENTSOF(header),
                             (const char *[]) { strempty(name), row->source_id, kind_word(row->kind),
                                               isempty(row->cause) ? word(actions, row->action)
                                                                   : word(causes, row->cause) },
                             0);
        }
        if (f->staged > f->n_first)
                mail_doc_paragraph(d, ngettext("… and %s more.", "… and %s more.", f->staged - f->n_first),
                                   number(f->staged - f->n_first).text);
        if (!file_name) {
                if (f->staged > f->n_first)
                        mail_doc_paragraph(d, _("The list is not attached. All of it: reprievectl staged %s --csv"),
                                           f->job);
                return;
        }
        if (f->list_rows < f->staged)
                mail_doc_paragraph(d,
                                   _("The attached file %1$s is cut: it has the first %2$s of %3$s. All of them: "
                                     "reprievectl staged %4$s --csv"),
                                   file_name, number(f->list_rows).text, number(f->staged).text, f->job);
        else
                mail_doc_paragraph(d, _("The whole list is attached as %s."), file_name);
}

/* A command of ours with the job and, if it names one, the review. */
static void write_command(MailDoc *d, const char *label, const char *verb, const MailFacts *f, bool with_review) {
        _cleanup_free_ char *s = NULL;

        if (asprintf(&s, "reprievectl %s %s%s%s", verb, f->job, with_review ? " " : "",
                     with_review ? f->review : "") < 0)
                s = NULL;
        mail_doc_command(d, label, strempty(s));
}

static void write_review(MailDoc *d, const MailFacts *f, const char *file_name) {
        if (f->event == OUTBOX_REMINDER)
                mail_doc_paragraph(d,
                                   _("They have waited since %s. Nothing has been removed, and time alone will not "
                                     "remove anything."),
                                   when(f->since).text);
        else
                mail_doc_paragraph(
                        d, "%s",
                        _("Nothing has been removed. The removals wait until somebody decides: neither time nor a "
                          "restart nor another limit carries them out."));
        if (f->stopped)
                mail_doc_paragraph(d, "%s",
                                   _("Until then this job changes nothing at all in the target (OnTrip=stop)."));

        mail_doc_heading(d, _("Why it is held"));
        write_why(d, f);
        write_job(d, f);
        mail_doc_fact(d, _("Review"), "%s", f->review);
        if (!isempty(f->reason))
                mail_doc_fact(d, _("Reason"), "%s", f->reason);
        if (f->population > 0) {
                mail_doc_fact(d, _("Counted"), "%s", number(f->counted).text);
                write_limit(d, f);
                mail_doc_fact(d, _("Population"), _("%s (objects that are linked and enabled)"),
                              number(f->population).text);
        }
        mail_doc_fact(d, _("Held since"), "%s", when(f->since).text);

        write_counts(d, f);
        write_second_wave(d, f);
        write_groups(d, f);
        write_names(d, f, file_name);

        mail_doc_heading(d, _("What to do"));
        write_command(d, _("Look at the list:"), "staged", f, false);
        write_command(d, _("Allow: exactly these removals are carried out."), "allow", f, true);
        write_command(d, _("Reject: these objects stay in the target until the source has them again."), "reject",
                      f, true);
        mail_doc_paragraph(
                d, "%s", _("If the source is wrong, mend it there: what it has again leaves the list by itself."));
}

static void write_decision(MailDoc *d, const MailFacts *f) {
        if (f->event == OUTBOX_ALLOWED)
                mail_doc_paragraph(d,
                                   _("The next cycle carries them out; it starts at once. If none can run, the "
                                     "approval expires "
                                     "after %s."),
                                   duration(f->approval_expires).text);
        else
                mail_doc_paragraph(
                        d, "%s",
                        _("These objects stay in the target, whatever the source says, until the source has them "
                          "again or somebody releases them."));
        if (f->joined_later > 0)
                mail_doc_paragraph(
                        d,
                        ngettext("%s removal joined after this review. It is not covered; the next cycle judges it "
                                 "like any new one.",
                                 "%s removals joined after this review. They are not covered; the next cycle "
                                 "judges them "
                                 "like any new ones.",
                                 f->joined_later),
                        number(f->joined_later).text);
        if (f->remaining > 0)
                mail_doc_paragraph(d,
                                   ngettext("%s removal still waits for a decision.",
                                            "%s removals still wait for a decision.", f->remaining),
                                   number(f->remaining).text);
        write_job(d, f);
        mail_doc_fact(d, _("Review"), "%s", f->review);
        mail_doc_fact(d, _("Decided by"), _("%s (user id %llu)"), f->by, (unsigned long long) f->uid);
        mail_doc_fact(d, _("Decided on"), "%s", when(f->at).text);
        if (!isempty(f->comment))
                mail_doc_fact(d, _("Comment"), "%s", f->comment);

        mail_doc_heading(d, _("What to do"));
        if (f->event == OUTBOX_ALLOWED)
                write_command(d, _("See how it goes:"), "status", f, false);
        else
                write_command(d, _("See what is held:"), "held", f, false);
}

static void write_closed(MailDoc *d, const MailFacts *f) {
        switch (f->event) {
        case OUTBOX_HEALED:
                mail_doc_paragraph(
                        d, "%s",
                        _("Every object whose removal was held back is in the source and in scope again. Nothing "
                          "was removed, and nobody has to decide anything."));
                break;
        case OUTBOX_RESTARTED:
                mail_doc_paragraph(
                        d, "%s",
                        _("Somebody restarted the job. Nothing was removed, and a restart decides nothing: the "
                          "removals stay held back, under a new review. What the source has again leaves it by "
                          "itself; of the rest another mail tells."));
                break;
        case OUTBOX_EXPIRED:
                mail_doc_paragraph(d,
                                   _("The removals were allowed, but no cycle could carry them out within %s, or "
                                     "the configuration was changed meanwhile. Nothing was removed by that approval; "
                                     "they wait for a decision again, under a new review."),
                                   duration(f->approval_expires).text);
                break;
        case OUTBOX_REVIEW_OPENED:
        case OUTBOX_REVIEW_GROWN:
        case OUTBOX_REMINDER:
        case OUTBOX_ALLOWED:
        case OUTBOX_REJECTED:
        case OUTBOX_QUARANTINED:
        case OUTBOX_JOB_DISABLE_SOON:
        case OUTBOX_JOB_DISABLED:
        case OUTBOX_RECOVERED:
        case OUTBOX_TEST:
        case _OUTBOX_EVENT_MAX:
        case _OUTBOX_EVENT_INVALID:
                break;
        }
        write_job(d, f);
        if (!isempty(f->review))
                mail_doc_fact(d, _("Review"), "%s", f->review);
        if (f->count > 0)
                mail_doc_fact(d, _("Removals"), "%s", number(f->count).text);
        mail_doc_fact(d, _("When"), "%s", when(f->at).text);

        mail_doc_heading(d, _("What to do"));
        write_command(d, _("See how the job does:"), "status", f, false);
}

/* What a failing quarantine means. */
static void write_reason(MailDoc *d, const MailFacts *f) {
        if (streq(f->reason, "InvalidCredentials"))
                mail_doc_paragraph(d, "%s", _("The source or the target refused the credentials of the job."));
        else if (streq(f->reason, "IngestionInterrupted"))
                mail_doc_paragraph(
                        d, "%s",
                        _("The source could not be read to its end several times in a row. Without a complete "
                          "reading nothing is ever removed."));
        else if (streq(f->reason, "EncounteredEscrowThreshold"))
                mail_doc_paragraph(d, "%s", _("The target refused too many changes."));
}

static void write_state(MailDoc *d, const MailFacts *f) {
        if (f->event != OUTBOX_RECOVERED)
                write_reason(d, f);
        switch (f->event) {
        case OUTBOX_QUARANTINED:
                mail_doc_paragraph(
                        d, "%s",
                        _("The job tries again with growing gaps and goes on by itself when the cause is "
                          "mended. If it stays like this for 28 days, the job is disabled."));
                break;
        case OUTBOX_JOB_DISABLE_SOON:
                mail_doc_paragraph(d,
                                   _("It has failed since %s. If that does not change, it is disabled on %s and no "
                                     "longer tries."),
                                   when(f->since).text, when(f->disable_at).text);
                break;
        case OUTBOX_JOB_DISABLED:
                mail_doc_paragraph(d,
                                   _("It has failed since %s and no longer tries. Nothing in the target changes "
                                     "until somebody starts "
                                     "it again."),
                                   when(f->since).text);
                break;
        case OUTBOX_RECOVERED:
                mail_doc_paragraph(d, "%s", _("A cycle got through; the job keeps its normal rhythm again."));
                break;
        case OUTBOX_REVIEW_OPENED:
        case OUTBOX_REVIEW_GROWN:
        case OUTBOX_REMINDER:
        case OUTBOX_ALLOWED:
        case OUTBOX_REJECTED:
        case OUTBOX_HEALED:
        case OUTBOX_RESTARTED:
        case OUTBOX_EXPIRED:
        case OUTBOX_TEST:
        case _OUTBOX_EVENT_MAX:
        case _OUTBOX_EVENT_INVALID:
                break;
        }
        write_job(d, f);
        if (!isempty(f->reason))
                mail_doc_fact(d, _("Reason"), "%s", f->reason);
        if (!isempty(f->message))
                mail_doc_fact(d, _("Message"), "%s", f->message);
        if (f->since > 0)
                mail_doc_fact(d, _("Since"), "%s", when(f->since).text);
        if (f->times > 0)
                mail_doc_fact(d, _("Attempts"), "%s", number(f->times).text);
        if (f->next_attempt > 0 && f->event != OUTBOX_JOB_DISABLED)
                mail_doc_fact(d, _("Next attempt"), "%s", when(f->next_attempt).text);

        mail_doc_heading(d, _("What to do"));
        write_command(d, _("See how the job does:"), "status", f, false);
        if (f->event != OUTBOX_RECOVERED)
                write_command(d, _("Read what it logged:"), "log", f, false);
        if (f->event == OUTBOX_JOB_DISABLED)
                write_command(d, _("When the cause is mended, start it again:"), "start", f, false);
        else if (f->event != OUTBOX_RECOVERED)
                write_command(d, _("When the cause is mended, try at once:"), "run", f, false);
}

static void write_test(MailDoc *d, const MailFacts *f) {
        if (isempty(f->by))
                mail_doc_paragraph(
                        d, "%s",
                        _("Somebody asked for this mail to see whether mails of this job arrive. They do."));
        else
                mail_doc_paragraph(d, _("%s asked for this mail to see whether mails of this job arrive. They do."),
                                   f->by);
        write_job(d, f);
        mail_doc_fact(d, _("When"), "%s", when(f->at).text);
}

/* ---- the list ---- */

static int attach_list(const MailFacts *f, MailText *t) {
        _cleanup_free_ void *gzip = NULL;
        bool packed = f->list_size > MAIL_TEXT_PLAIN_MAX, cut = f->list_rows < f->staged;
        size_t size;
        int r;

        if (isempty(f->list))
                return 0;
        r = mime_decode_base64(f->list, &gzip, &size);
        if (r < 0)
                return r == -EINVAL ? -EBADMSG : r;
        if (packed) {
                t->file = TAKE_PTR(gzip);
                t->file_size = size;
                t->file_type = "application/gzip";
        } else {
                char *csv;

                r = staged_list_unpack(gzip, size, MAIL_TEXT_PLAIN_MAX, &csv, &t->file_size);
                if (r < 0)
                        return r == -ENOMEM ? r : -EBADMSG;
                t->file = csv;
                t->file_type = "text/csv; charset=utf-8; header=present";
        }
        /* A list that is cut says so in its name, where it cannot be overlooked when the file has left the mail. */
        if (asprintf(&t->file_name, cut ? "%s-%s-first-%llu.csv%s" : "%s-%s%.0llu.csv%s", f->job, f->review,
                     cut ? (unsigned long long) f->list_rows : 0ULL, packed ? ".gz" : "") < 0) {
                t->file_name = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* ---- all of it ---- */

static int compose(const MailFacts *f, bool with_list, MailText *t) {
        _cleanup_(mail_doc_freep) MailDoc *d = NULL;
        _cleanup_free_ char *title = make_title(f), *label = NULL, *subject = NULL;
        int r;

        if (!title)
                return -ENOMEM;
        if (asprintf(&subject, "[Reprieve] %s: %s", f->job, title) < 0) {
                subject = NULL;
                return -ENOMEM;
        }
        t->subject = mail_doc_clean(subject, 200);
        if (asprintf(&label, "Reprieve · %s", f->job) < 0) {
                label = NULL;
                return -ENOMEM;
        }
        if (!t->subject)
                return -ENOMEM;
        /* TRANSLATORS: the code of the language that you translate into, e.g. "de" */
        t->language = _("en");

        r = with_list && is_review(f->event) ? attach_list(f, t) : 0;
        if (r < 0)
                return r;
        d = mail_doc_new(t->language, tone_of(f->event), label, title);
        if (!d)
                return -ENOMEM;
        switch (f->event) {
        case OUTBOX_REVIEW_OPENED:
        case OUTBOX_REVIEW_GROWN:
        case OUTBOX_REMINDER:
                write_review(d, f, t->file_name);
                break;
        case OUTBOX_ALLOWED:
        case OUTBOX_REJECTED:
                write_decision(d, f);
                break;
        case OUTBOX_HEALED:
        case OUTBOX_RESTARTED:
        case OUTBOX_EXPIRED:
                write_closed(d, f);
                break;
        case OUTBOX_QUARANTINED:
        case OUTBOX_JOB_DISABLE_SOON:
        case OUTBOX_JOB_DISABLED:
        case OUTBOX_RECOVERED:
                write_state(d, f);
                break;
        case OUTBOX_TEST:
                write_test(d, f);
                break;
        case _OUTBOX_EVENT_MAX:
        case _OUTBOX_EVENT_INVALID:
                break;
        }
        if (isempty(f->host))
                mail_doc_footer(d, _("Reprieve sends this because Email= of the job %s names your address."),
                                f->job);
        else
                mail_doc_footer(d, _("Reprieve on %s sends this because Email= of the job %s names your address."),
                                f->host, f->job);
        return mail_doc_finish(d, &t->text, &t->html);
}

int mail_text_compose(const MailFacts *f, bool with_list, MailText *ret) {
        MailText t = {};
        int r;

        r = compose(f, with_list, &t);
        if (r < 0) {
                mail_text_done(&t);
                return r;
        }
        *ret = t;
        return 0;
}

void mail_text_done(MailText *t) {
        free(t->subject);
        free(t->text);
        free(t->html);
        free(t->file_name);
        free(t->file);
        *t = (MailText) {};
}
