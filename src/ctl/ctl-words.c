/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "ctl.h"
#include "i18n.h"
#include "time-util.h"

const char *kind_word(const char *kind, uint64_t n) {
        if (streq(kind, "user"))
                return ngettext("user", "users", n);
        if (streq(kind, "group"))
                return ngettext("group", "groups", n);
        return kind;
}

const char *cause_phrase(const char *cause) {
        static const struct {
                const char *cause, *phrase;
        } phrases[] = {
                { "deleted", N_("deleted in the source") },
                { "soft-deleted", N_("in the source's recycle bin") },
                { "blocked", N_("blocked from signing in") },
                { "unassigned", N_("no longer assigned") },
                { "out-of-scope", N_("out of scope") },
                { "", N_("for no stated cause") },
        };

        for (size_t i = 0; i < ELEMENTSOF(phrases); i++)
                if (streq(cause, phrases[i].cause))
                        return _(phrases[i].phrase);
        return cause;
}

const char *status_phrase(const char *status) {
        static const struct {
                const char *status, *phrase;
        } phrases[] = {
                { "not-run", N_("not run yet") },
                { "active", N_("active") },
                { "paused", N_("paused") },
                { "quarantine", N_("quarantine") },
                { "disabled", N_("disabled") },
        };

        for (size_t i = 0; i < ELEMENTSOF(phrases); i++)
                if (streq(status, phrases[i].status))
                        return _(phrases[i].phrase);
        return status;
}

static void span_format(uint64_t usec, char *buf, size_t size) {
        static const struct {
                uint64_t usec;
                const char *name;
        } units[] = {
                { USEC_PER_WEEK, N_("w") }, { USEC_PER_DAY, N_("d") }, { USEC_PER_HOUR, N_("h") }, { USEC_PER_MINUTE, N_("min") },
                { USEC_PER_SEC, N_("s") },
        };
        size_t used = 0;
        unsigned n = 0;

        for (size_t i = 0; i < ELEMENTSOF(units) && n < 2 && used < size; i++) {
                if (usec < units[i].usec) {
                        if (n > 0)
                                break;
                        continue;
                }
                used += (size_t) snprintf(buf + used, size - used, "%s%" PRIu64 "%s", n > 0 ? " " : "", usec / units[i].usec,
                                          _(units[i].name));
                usec %= units[i].usec;
                n++;
        }
}

char *relative_format(uint64_t usec, char buf[static 64]) {
        uint64_t now = clock_now(), distance = usec > now ? usec - now : now - usec;
        char span[48];

        if (distance < USEC_PER_SEC) {
                (void) snprintf(buf, 64, "%s", _("now"));
                return buf;
        }
        span_format(distance, span, sizeof(span));
        (void) snprintf(buf, 64, usec > now ? _("in %s") : _("%s ago"), span);
        return buf;
}

char *instant_format(uint64_t usec, char buf[static 128]) {
        char instant[64], relative[64];

        if (usec == 0)
                (void) snprintf(buf, 128, "%s", _("never"));
        else
                (void) snprintf(buf, 128, "%s; %s", timestamp_format(usec, instant), relative_format(usec, relative));
        return buf;
}

char *shell_quote(const char *s) {
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,@%+";
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        char *result;

        if (*s && strspn(s, plain) == strlen(s))
                return strdup(s);
        strbuf_putc(&b, '\'');
        for (; *s; s++)
                if (*s == '\'')
                        strbuf_puts(&b, "'\\''");
                else
                        strbuf_putc(&b, *s);
        strbuf_putc(&b, '\'');
        return strbuf_steal(&b, &result) < 0 ? NULL : result;
}

void object_list_done(ObjectList *l) {
        strv_free(l->kinds);
        strv_free(l->ids);
        *l = (ObjectList) {};
}

int object_list_add(ObjectList *l, const char *text, Error **ret_error) {
        const char *id = startswith(text, "user:"), *kind = "user";
        int r;

        if (!id) {
                id = startswith(text, "group:");
                kind = "group";
        }
        if (isempty(id))
                return error_set(ret_error, -EINVAL, _("\"%s\" names no object; expected user:ID or group:ID"), text);
        r = strv_extend(&l->kinds, kind);
        if (r >= 0)
                r = strv_extend(&l->ids, id);
        if (r < 0)
                return r;
        l->n++;
        return 0;
}

int object_list_append(const ObjectList *l, BusMessage *m) {
        (void) bus_message_open(m, 'a', "(ss)");
        for (size_t i = 0; i < l->n; i++)
                (void) bus_message_append(m, "(ss)", l->kinds[i], l->ids[i]);
        return bus_message_close(m);
}
