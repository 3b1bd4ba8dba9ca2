/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mail-facts.h"

#include <errno.h>

/* A payload holds a compressed list and 20 names; more is none of ours. */
#define PAYLOAD_MAX (16U * 1024U * 1024U)
#define ROWS_MAX 4096U

static const char *get_string(json_object *o, const char *key) {
        json_object *v;

        if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_string))
                return "";
        return json_object_get_string(v);
}

static uint64_t get_number(json_object *o, const char *key, uint64_t otherwise) {
        json_object *v;

        if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_int))
                return otherwise;
        return json_object_get_uint64(v);
}

static bool get_boolean(json_object *o, const char *key) {
        json_object *v;

        return json_object_object_get_ex(o, key, &v) && json_object_get_boolean(v);
}

static int get_rows(json_object *o, const char *key, MailRow **ret, size_t *ret_n) {
        _cleanup_free_ MailRow *rows = NULL;
        json_object *list;
        size_t n;

        if (!json_object_object_get_ex(o, key, &list))
                return 0;
        if (!json_object_is_type(list, json_type_array))
                return -EBADMSG;
        n = json_object_array_length(list);
        if (n == 0)
                return 0;
        if (n > ROWS_MAX)
                return -EBADMSG;
        rows = calloc(n, sizeof(*rows));
        if (!rows)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                json_object *row = json_object_array_get_idx(list, i);

                if (!json_object_is_type(row, json_type_object))
                        return -EBADMSG;
                rows[i] = (MailRow) {
                        .action = get_string(row, "action"),
                        .kind = get_string(row, "kind"),
                        .cause = get_string(row, "cause"),
                        .name = get_string(row, "name"),
                        .source_id = get_string(row, "source_id"),
                        .member = get_string(row, "member"),
                        .count = get_number(row, "count", 0),
                        .by = get_string(row, "by"),
                        .review = get_string(row, "review"),
                        .members = get_number(row, "members", 0),
                        .at = get_number(row, "at", 0),
                        .last = get_number(row, "last", 0),
                };
        }
        *ret = TAKE_PTR(rows);
        *ret_n = n;
        return 0;
}

static int get_strings(json_object *o, const char *key, char ***ret) {
        json_object *list;
        int r = 0;

        if (!json_object_object_get_ex(o, key, &list))
                return 0;
        if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) > ROWS_MAX)
                return -EBADMSG;
        for (size_t i = 0; i < json_object_array_length(list) && r == 0; i++) {
                json_object *s = json_object_array_get_idx(list, i);

                r = json_object_is_type(s, json_type_string) ? strv_extend(ret, json_object_get_string(s))
                                                             : -EBADMSG;
        }
        return r;
}

static int parse(json_object *o, MailFacts *f) {
        int r;

        f->job = get_string(o, "job");
        f->description = get_string(o, "description");
        f->host = get_string(o, "host");
        f->thread = get_string(o, "thread");
        f->language = get_string(o, "language");
        f->review = get_string(o, "review");
        f->reason = get_string(o, "reason");
        f->verdict = get_string(o, "verdict");
        f->message = get_string(o, "message");
        f->by = get_string(o, "by");
        f->comment = get_string(o, "comment");
        f->list = get_string(o, "list");

        f->at = get_number(o, "at", 0);
        f->since = get_number(o, "since", 0);
        f->next_attempt = get_number(o, "next_attempt", 0);
        f->disable_at = get_number(o, "disable_at", 0);
        f->counted = get_number(o, "counted", 0);
        f->population = get_number(o, "population", 0);
        f->limit = get_number(o, "limit", GUARD_NO_LIMIT);
        f->threshold = get_number(o, "threshold", GUARD_NO_LIMIT);
        f->percent = get_number(o, "percent", GUARD_NO_LIMIT);
        f->budget = get_number(o, "budget", GUARD_NO_LIMIT);
        f->budget_window = get_number(o, "budget_window", 0);
        f->memberships = get_number(o, "memberships", 0);
        f->membership_threshold = get_number(o, "membership_threshold", GUARD_NO_LIMIT);
        f->exceeded = get_boolean(o, "exceeded");
        f->stopped = get_boolean(o, "stopped");
        f->staged = get_number(o, "staged", 0);
        f->decided = get_number(o, "decided", 0);
        f->joined_later = get_number(o, "joined_later", 0);
        f->remaining = get_number(o, "remaining", 0);
        f->count = get_number(o, "count", 0);
        f->times = get_number(o, "times", 0);
        f->uid = get_number(o, "uid", 0);
        f->approval_expires = get_number(o, "approval_expires", 0);
        f->groups_total = get_number(o, "groups_total", 0);
        f->second_wave = get_number(o, "second_wave", 0);
        f->list_rows = get_number(o, "list_rows", 0);
        f->list_size = get_number(o, "list_size", 0);

        r = get_strings(o, "to", &f->to);
        if (r < 0)
                return r;
        r = get_strings(o, "missing_groups", &f->missing_groups);
        if (r < 0)
                return r;
        r = get_rows(o, "causes", &f->causes, &f->n_causes);
        if (r < 0)
                return r;
        r = get_rows(o, "groups", &f->groups, &f->n_groups);
        if (r < 0)
                return r;
        r = get_rows(o, "waves", &f->waves, &f->n_waves);
        if (r < 0)
                return r;
        return get_rows(o, "first", &f->first, &f->n_first);
}

int mail_facts_parse(OutboxEvent event, const char *payload, MailFacts *ret) {
        MailFacts f = { .event = event };
        json_tokener *t;
        size_t n = strlen(payload);
        int r;

        if (event < 0 || event >= _OUTBOX_EVENT_MAX || n > PAYLOAD_MAX)
                return -EBADMSG;
        t = json_tokener_new_ex(8);
        if (!t)
                return -ENOMEM;
        json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        f.payload = json_tokener_parse_ex(t, payload, (int) n);
        r = json_tokener_get_error(t) == json_tokener_success && json_tokener_get_parse_end(t) == n ? 0 : -EBADMSG;
        json_tokener_free(t);
        if (r == 0)
                r = json_object_is_type(f.payload, json_type_object) ? parse(f.payload, &f) : -EBADMSG;
        if (r < 0) {
                mail_facts_done(&f);
                return r;
        }
        *ret = f;
        return 0;
}

void mail_facts_done(MailFacts *f) {
        json_object_put(f->payload);
        strv_free(f->to);
        strv_free(f->missing_groups);
        free(f->causes);
        free(f->waves);
        free(f->groups);
        free(f->first);
        *f = (MailFacts) {};
}
