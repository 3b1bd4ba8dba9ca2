/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "job-keys.h"

#include <ctype.h>
#include <errno.h>

#include "attribute-path.h"
#include "calendar.h"
#include "connector-keys.h"
#include "expression.h"
#include "filter.h"
#include "job-config.h"
#include "mail-address.h"
#include "reference.h"
#include "string-util.h"
#include "time-util.h"

#define EMAILS_MAX 100U
/* Longer times are mistakes. */
#define TIME_MAX (52 * USEC_PER_WEEK)

static const char *const deprovision_names[_DEPROVISION_MAX + 1] = {
        [DEPROVISION_DEFAULT] = "default",
        [DEPROVISION_DISABLE] = "disable",
        [DEPROVISION_DELETE] = "delete",
        [DEPROVISION_KEEP] = "keep",
};

const char *deprovision_to_string(Deprovision d) {
        return d >= 0 && d < _DEPROVISION_MAX ? deprovision_names[d] : NULL;
}

Deprovision deprovision_from_string(const char *s) {
        for (Deprovision d = 0; d < _DEPROVISION_MAX; d++)
                if (streq(s, deprovision_names[d]))
                        return d;
        return _DEPROVISION_INVALID;
}

/* "de", "pt_BR", "sr@latin": what the message catalogs are looked up by. */
static int parse_language(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        if (value) {
                size_t n = strspn(value, "abcdefghijklmnopqrstuvwxyz"), m;

                m = n;
                if (value[m] == '_')
                        m += isupper((unsigned char) value[m + 1]) && isupper((unsigned char) value[m + 2]) ? 3 : 0;
                if (streq(value + m, ".UTF-8"))
                        m += strlen(".UTF-8");
                if (value[m] == '@')
                        m += 1 + strspn(value + m + 1, "abcdefghijklmnopqrstuvwxyz");
                if (n < 2 || n > 3 || value[m] != '\0')
                        return error_set(ret_error, -EINVAL, "expected a language such as de or pt_BR");
        }
        return free_and_strdup(config_key_field(k, object), value);
}

static int parse_source_connector(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        int r;

        r = value ? connector_name_check(value, true, ret_error) : 0;
        return r < 0 ? r : free_and_strdup(config_key_field(k, object), value);
}

static int parse_target_connector(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        int r;

        r = value ? connector_name_check(value, false, ret_error) : 0;
        return r < 0 ? r : free_and_strdup(config_key_field(k, object), value);
}

/* Puts @words behind those that are in the list already. */
static int list_extend(char ***list, char *const *words) {
        int r;

        for (size_t i = 0; words && words[i]; i++) {
                if (strv_contains(*list, words[i]))
                        continue;
                r = strv_extend(list, words[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_assigned(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        _cleanup_strv_ char **words = NULL;
        char ***list = config_key_field(k, object);
        bool quoted = false;
        int r;

        if (value) {
                r = config_words(value, &words, &quoted, ret_error);
                if (r < 0)
                        return r;
                if (!quoted && strv_contains(words, "all") && words[1])
                        return error_set(ret_error, -EINVAL,
                                         "expected all, or names of groups; a group named all needs "
                                         "quotation marks around each name");
        }
        /* "all" takes back the groups named before. */
        if (!value || (!quoted && strv_contains(words, "all"))) {
                *list = strv_free(*list);
                return 0;
        }
        return list_extend(list, words);
}

static int parse_filter(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        Filter **field = config_key_field(k, object), *f = NULL;
        int r;

        r = value ? filter_parse(value, &f, ret_error) : 0;
        if (r < 0)
                return r;
        filter_free(*field);
        *field = f;
        return 0;
}

static int parse_expression(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        Expression **field = config_key_field(k, object), *x = NULL;
        int r;

        r = value ? expression_parse(value, &x, ret_error) : 0;
        if (r < 0)
                return r;
        expression_free(*field);
        *field = x;
        return 0;
}

/* Attributes by priority, between spaces or commas. */
static int parse_match(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        _cleanup_strv_ char **names = NULL;
        char ***list = config_key_field(k, object);
        size_t offset = 0;
        int r;

        if (!value) {
                *list = strv_free(*list);
                return 0;
        }
        while (value[offset]) {
                _cleanup_(attribute_path_freep) AttributePath *path = NULL;

                r = attribute_path_parse_part(value, &offset, &path, ret_error);
                if (r < 0)
                        return r;
                r = strv_extend(&names, attribute_path_text(path));
                if (r < 0)
                        return r;
                if (value[offset] && !strchr(" \t,", value[offset]))
                        return error_set(ret_error, -EINVAL, "expected names of attributes with spaces between them");
                offset += strspn(value + offset, " \t,");
        }
        return list_extend(list, names);
}

static int parse_references(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        References **field = config_key_field(k, object);

        if (!value) {
                *field = references_free(*field);
                return 0;
        }
        return references_add(field, value, ret_error);
}

static int parse_emails(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        _cleanup_strv_ char **words = NULL;
        char ***list = config_key_field(k, object);
        int r;

        if (!value) {
                *list = strv_free(*list);
                return 0;
        }
        if (strpbrk(value, ",;<>"))
                return error_set(ret_error, -EINVAL,
                                 "expected mail addresses without names, with nothing but spaces between them");
        r = strv_split(value, " \t", &words);
        if (r < 0)
                return r;
        for (size_t i = 0; words && words[i]; i++) {
                const char *why;

                r = mail_address_check(words[i], &why);
                if (r < 0)
                        return error_set(ret_error, r, "expected mail addresses; %s: %s", words[i], why);
        }
        if (strv_length(*list) + strv_length(words) > EMAILS_MAX)
                return error_set(ret_error, -EINVAL, "expected at most %u mail addresses", EMAILS_MAX);
        return list_extend(list, words);
}

/* "2.5" percent as 2500000: digits are moved, never rounded. */
static int parse_percent(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        uint64_t percent = 0, scale = GUARD_PERCENT_SCALE;
        bool fraction = false, any = false;

        if (!value) {
                *(uint64_t *) config_key_field(k, object) = GUARD_NO_LIMIT;
                return 0;
        }
        for (const char *p = value; *p; p++) {
                if (*p == '.' && !fraction && any) {
                        fraction = true;
                        any = false;
                        continue;
                }
                if (!isdigit((unsigned char) *p) || (fraction && scale == 1) || percent > 100 * GUARD_PERCENT_SCALE)
                        goto bad;
                if (fraction) {
                        scale /= 10;
                        percent += scale * (uint64_t) (*p - '0');
                } else
                        percent = percent * 10 + GUARD_PERCENT_SCALE * (uint64_t) (*p - '0');
                any = true;
        }
        if (!any || percent > 100 * GUARD_PERCENT_SCALE)
                goto bad;
        *(uint64_t *) config_key_field(k, object) = percent;
        return 0;

bad:
        return error_set(ret_error, -EINVAL,
                         "expected a percentage from 0 to 100 with at most 6 decimals and without a "
                         "percent sign, such as 10 or 2.5");
}

static int parse_budget(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        uint64_t budget = GUARD_NO_LIMIT, window = 0;
        JobConfig *c = object;

        if (value) {
                _cleanup_free_ char *copy = strdup(value);
                char *per;

                if (!copy)
                        return -ENOMEM;
                per = strstr(copy, "per");
                if (per && per > copy && strchr(" \t", per[-1])) {
                        per[-1] = '\0';
                        per += strlen("per");
                }
                if (!per || !strchr(" \t", *per) || parse_uint64(strstrip(copy), &budget) < 0 || budget < k->min ||
                    budget > k->max || duration_parse(strstrip(per), &window) < 0 || window < USEC_PER_MINUTE ||
                    window > TIME_MAX)
                        return error_set(ret_error, -EINVAL,
                                         "expected a whole number from %llu to %llu, per and a time span from "
                                         "1min to 52w, such as 1000 per 7d",
                                         (unsigned long long) k->min, (unsigned long long) k->max);
        }
        c->limits.budget = budget;
        c->budget_window_usec = window;
        return 0;
}

static int parse_on_trip(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        OnTrip o = value ? on_trip_from_string(value) : ON_TRIP_HOLD_REMOVALS;

        if (o < 0)
                return error_set(ret_error, -EINVAL, "expected %s or %s", on_trip_to_string(ON_TRIP_HOLD_REMOVALS),
                                 on_trip_to_string(ON_TRIP_STOP));
        *(OnTrip *) config_key_field(k, object) = o;
        return 0;
}

static int parse_interval(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        if (value && streq(value, "infinity")) {
                *(uint64_t *) config_key_field(k, object) = 0;
                return 0;
        }
        if (config_parse_duration(k, value, object, NULL) < 0)
                return error_set(ret_error, -EINVAL,
                                 "expected a time span from 1s to 52w, such as 40min, or infinity for never");
        return 0;
}

static int parse_on_calendar(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        int r;

        r = value ? calendar_check(value, ret_error) : 0;
        return r < 0 ? r : free_and_strdup(config_key_field(k, object), value);
}

static int parse_mail_server(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        if (value) {
                const char *host = startswith(value, "smtp://"), *port;
                uint64_t number;
                size_t n;

                if (!host)
                        host = startswith(value, "smtps://");
                if (host && strchr(host, '@'))
                        return error_set(ret_error, -EINVAL,
                                         "expected no user or password here; name them with User= and "
                                         "Credential=");
                if (!host)
                        goto bad;
                n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
                if (n < 1 || n > strlen(host))
                        goto bad;
                if (*host == '['
                            ? strspn(host + 1, "0123456789abcdefABCDEF:.") + 2 != n || n < 4
                            : strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._") != n)
                        goto bad;
                port = host + n;
                if (*port && (*port != ':' || parse_uint64(port + 1, &number) < 0 || number < 1 || number > 65535))
                        goto bad;
        }
        return free_and_strdup(config_key_field(k, object), value);

bad:
        return error_set(ret_error, -EINVAL, "expected smtp://HOST, smtps://HOST or the same with :PORT");
}

static int parse_mail_from(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        if (value) {
                _cleanup_free_ char *name = NULL, *address = NULL;
                const char *why;
                int r;

                r = mail_address_parse(value, &name, &address, &why);
                if (r == -EINVAL)
                        return error_set(ret_error, r, "expected a mail address, with or without a name; %s", why);
                if (r < 0)
                        return r;
        }
        return free_and_strdup(config_key_field(k, object), value);
}

static int parse_tls(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        if (value && !streq(value, "required") && !streq(value, "opportunistic") && !streq(value, "no") &&
            !streq(value, "unverified"))
                return error_set(ret_error, -EINVAL, "expected required, opportunistic, no or unverified");
        return free_and_strdup(config_key_field(k, object), value);
}

static int parse_mail_authority(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        if (value && *value != '/')
                return error_set(ret_error, -EINVAL, "expected an absolute path");
        return free_and_strdup(config_key_field(k, object), value);
}

/* clang-format off */
#define FIELD(member) .offset = offsetof(JobConfig, member)
#define U32_RANGE .min = 0, .max = UINT32_MAX
#define DEPROVISION(key, cause, text, what)                                                                                 \
        { "Deprovision", key, "ACTION", text, what, .parse = config_parse_choice, FIELD(deprovision[cause]),             \
          .min = DEPROVISION_DISABLE, .choices = deprovision_names + DEPROVISION_DISABLE }

static const char *const trips_choices[] = { "reached", "exceeded", NULL };
static const char *const configuration_choices[] = { "trip", "judge", NULL };
static const char *const emptied_choices[] = { "judge", "hold", NULL };
static const char *const second_wave_choices[] = { "count", "approved", NULL };

static const ConfigKey job_keys[] = {
        { "Job", "Description", "TEXT", NULL, "What the job is for, in a line", .parse = config_parse_string,
          FIELD(description), .max = 1000 },
        { "Job", "Enabled", KEY_BOOLEAN, "yes", "Whether cycles run; no keeps the job paused from the start", .is_common = true,
          .parse = config_parse_boolean, FIELD(enabled) },
        { "Job", "Language", "LANGUAGE", NULL, "Language of the mail, such as de; the system's if not set", .is_common = true,
          .parse = parse_language, FIELD(language) },
        { "Job", "JournalLimit", KEY_NUMBER, "50000", "At most so many journal entries for objects in one cycle",
          .is_common = true, .parse = config_parse_number, FIELD(journal_limit), U32_RANGE },

        { "Source", "Connector", "CONNECTOR", NULL, "What is read: json or csv", .parse = parse_source_connector,
          FIELD(source.connector) },
        { "Source", "Credential", "CREDENTIAL", NULL, "A systemd credential that the cycle gets; files need none",
          .is_delicate = true, .parse = config_parse_credential, FIELD(source.credential) },
        { "Source", "SoftDeleted", "EXPRESSION", NULL, "When a record is in the recycle bin; if not set: deleted is true",
          .parse = parse_expression, FIELD(soft_deleted) },
        { "Source", "Blocked", "EXPRESSION", NULL, "When sign-in is blocked; if not set: active is false", .parse = parse_expression,
          FIELD(blocked) },

        { "Target", "Connector", "CONNECTOR", NULL, "What is written: json", .parse = parse_target_connector,
          FIELD(target.connector) },
        { "Target", "Credential", "CREDENTIAL", NULL, "As in [Source]", .is_delicate = true, .parse = config_parse_credential,
          FIELD(target.credential) },

        { "Scope", "Assigned", "GROUPS", NULL, "all, or names of groups whose direct members are assigned", .is_list = true,
          .parse = parse_assigned, FIELD(assigned) },
        { "Scope", "AssignedNested", KEY_BOOLEAN, "no", "Whether members of groups in the assigned groups are assigned too",
          .parse = config_parse_boolean, FIELD(assigned_nested) },
        { "Scope", "Users", "FILTER", NULL, "Users in scope, in the filter language of RFC 7644", .parse = parse_filter,
          FIELD(scope[OBJECT_KIND_USER]) },
        { "Scope", "Groups", "FILTER", NULL, "Groups in scope", .parse = parse_filter, FIELD(scope[OBJECT_KIND_GROUP]) },

        { "Match", "User", "ATTRIBUTES", "userName", "Attributes by which a user is found in the target, in this order",
          .is_list = true, .parse = parse_match, FIELD(match[OBJECT_KIND_USER]) },
        { "Match", "Group", "ATTRIBUTES", "displayName", "Attributes by which a group is found in the target", .is_list = true,
          .parse = parse_match, FIELD(match[OBJECT_KIND_GROUP]) },

        { "References", "User", "ATTRIBUTES", NULL, "Attributes of a user that name other objects, such as manager", .is_list = true,
          .parse = parse_references, FIELD(references[OBJECT_KIND_USER]) },
        { "References", "Group", "ATTRIBUTES", NULL, "Attributes of a group that name other objects, such as owners", .is_list = true,
          .parse = parse_references, FIELD(references[OBJECT_KIND_GROUP]) },

        DEPROVISION("Deleted", CAUSE_DELETED, "delete", "What becomes of an object that the source no longer has"),
        DEPROVISION("SoftDeleted", CAUSE_SOFT_DELETED, NULL, "… that is in the source's recycle bin"),
        DEPROVISION("Blocked", CAUSE_BLOCKED, NULL, "… whose sign-in is blocked"),
        DEPROVISION("Unassigned", CAUSE_UNASSIGNED, NULL, "… that is no longer assigned"),
        DEPROVISION("OutOfScope", CAUSE_OUT_OF_SCOPE, NULL, "… that the scope filters no longer include"),

        { "Deletions", "PreventAccidentalDeletions", KEY_BOOLEAN, "yes", "Whether removals that look like an accident are withheld",
          .is_common = true, .parse = config_parse_boolean, FIELD(limits.prevent) },
        { "Deletions", "DeletionThreshold", KEY_NUMBER, "500", "So many removals in one cycle are withheld; 0 withholds every one",
          .is_common = true, .parse = config_parse_number, FIELD(limits.threshold), U32_RANGE },
        { "Deletions", "DeletionThresholdTrips", "WHEN", "reached", "Whether a limit trips when it is reached or when it is exceeded",
          .is_common = true, .parse = config_parse_choice_bool, FIELD(limits.exceeded), .choices = trips_choices },
        { "Deletions", "DeletionThresholdPercent", "PERCENT", NULL, "So many percent of the linked objects are withheld",
          .is_common = true, .parse = parse_percent, FIELD(limits.percent) },
        { "Deletions", "MinimumPopulation", KEY_NUMBER, "20", "The percentage is ignored below so many linked objects",
          .is_common = true, .parse = config_parse_number, FIELD(limits.minimum_population), U32_RANGE },
        { "Deletions", "DeletionBudget", "NUMBER per DURATION", NULL, "At most so many removals in any such time",
          .is_common = true, .parse = parse_budget, U32_RANGE },
        { "Deletions", "MembershipThreshold", KEY_NUMBER, "2000", "So many memberships removed in one cycle are withheld",
          .is_common = true, .parse = config_parse_number, FIELD(limits.membership_threshold), U32_RANGE },
        { "Deletions", "GroupLossShare", "PERCENT", "50", "A group that loses so many percent of its members in one cycle is named",
          .is_common = true, .parse = parse_percent, FIELD(limits.group_loss_share) },
        { "Deletions", "GroupLossMinimum", KEY_NUMBER, "10", "Smaller groups are neither named nor held for what they lose",
          .is_common = true, .parse = config_parse_number, FIELD(limits.group_loss_minimum), U32_RANGE },
        { "Deletions", "OnGroupEmptied", "ACTION", "judge", "hold withholds what would take every member from a group; judge leaves it to "
                                                           "the limits",
          .is_common = true, .parse = config_parse_choice_bool, FIELD(limits.hold_emptied), .choices = emptied_choices },
        { "Deletions", "OnTrip", "ACTION", "hold-removals", "hold-removals carries out the rest of the cycle; stop nothing",
          .is_common = true, .parse = parse_on_trip, FIELD(limits.on_trip) },
        { "Deletions", "OnConfigurationChange", "ACTION", "trip", "Whether removals after a changed configuration trip, or are judged "
                                                                  "by the limits like any other",
          .is_common = true, .parse = config_parse_choice_bool, FIELD(judge_configuration_change), .choices = configuration_choices },
        { "Deletions", "SecondWave", "HOW", "count", "Whether the limits count the deletion of an object whose soft delete was allowed by a "
                                                     "person, or take it as approved",
          .is_common = true, .parse = config_parse_choice_bool, FIELD(carry_approvals), .choices = second_wave_choices },
        { "Deletions", "ApprovalExpires", KEY_DURATION, "24h", "An allow that no cycle could use ends after this time",
          .is_common = true, .parse = config_parse_duration, FIELD(approval_expires_usec), .min = USEC_PER_SEC, .max = TIME_MAX },
        { "Deletions", "Approvers", KEY_NUMBER, "1", "So many different people must allow", .is_common = true,
          .parse = config_parse_unsigned, FIELD(approvers), .min = 1, .max = 16 },

        { "Notify", "Email", "ADDRESSES", NULL, "Who gets mail when removals wait for a decision", .is_list = true,
          .is_common = true, .parse = parse_emails, FIELD(email) },
        { "Notify", "ReminderInterval", KEY_DURATION, "24h", "How often a waiting review is brought back to mind",
          .is_common = true, .parse = config_parse_duration, FIELD(reminder_interval_usec), .min = USEC_PER_SEC, .max = TIME_MAX },

        { "Schedule", "Interval", KEY_DURATION, "40min", "Time from the end of a cycle to the next; infinity for never",
          .is_common = true, .parse = parse_interval, FIELD(interval_usec), .min = USEC_PER_SEC, .max = TIME_MAX },
        { "Schedule", "OnCalendar", "CALENDAR", NULL, "When cycles start, in the form of systemd.time(7)", .is_common = true,
          .parse = parse_on_calendar, FIELD(on_calendar) },
        { "Schedule", "RandomizedDelaySec", KEY_DURATION, "0", "Each start is put off by a random time up to this",
          .is_common = true, .parse = config_parse_duration, FIELD(randomized_delay_usec), .max = TIME_MAX },
        { "Schedule", "Persistent", KEY_BOOLEAN, "no", "Whether a start of OnCalendar= missed while the machine was off is made up for",
          .is_common = true, .parse = config_parse_boolean, FIELD(persistent) },
};

/* clang-format on */
const ConfigKey *job_config_keys(size_t *ret_n) {
        *ret_n = ELEMENTSOF(job_keys);
        return job_keys;
}

/* clang-format off */
#undef FIELD
#define FIELD(member) .offset = offsetof(MailConfig, member)

static const ConfigKey mail_keys[] = {
        { "Mail", "Server", "URL", NULL, "The mail server: smtp://HOST:PORT or smtps://HOST:PORT", .is_delicate = true,
          .parse = parse_mail_server,
          FIELD(server) },
        { "Mail", "User", "NAME", NULL, "Log in with this name", .parse = config_parse_string, FIELD(user), .max = 255 },
        { "Mail", "Credential", "CREDENTIAL", NULL, "The systemd credential with the password", .is_delicate = true, .parse = config_parse_credential,
          FIELD(credential) },
        { "Mail", "From", "ADDRESS", NULL, "The sender of our mail", .parse = parse_mail_from, FIELD(from) },
        { "Mail", "Tls", "WHEN", NULL, "required, opportunistic, no, or unverified: any certificate will do; required if not set, "
          "unless the server is this machine", .parse = parse_tls, FIELD(tls) },
        { "Mail", "CertificateAuthority", "FILE", NULL, "Trust the certificates of this PEM file in place of the system's",
          .parse = parse_mail_authority, FIELD(certificate_authority) },
        { "Mail", "ClientCertificate", "CREDENTIAL", NULL, "The systemd credential with a client certificate and its key",
          .is_delicate = true, .parse = config_parse_credential, FIELD(client_certificate) },
};

/* clang-format on */
const ConfigKey *mail_config_keys(size_t *ret_n) {
        *ret_n = ELEMENTSOF(mail_keys);
        return mail_keys;
}
