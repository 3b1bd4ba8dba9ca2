/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "delivery.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "time-util.h"

#define ADDRESSES_MAX 4096U

void delivery_done(Delivery *d) {
        strv_free(d->done);
        for (size_t i = 0; i < d->n_refused; i++)
                free(d->refused[i].address);
        free(d->refused);
        *d = (Delivery) {};
}

/* ---- as text: {"done":["a@b"],"refused":{"c@d":1795324660000000},"config":"…","without_list":true} ---- */

static int parse(json_object *o, Delivery *d) {
        json_object *v;
        int r;

        if (json_object_object_get_ex(o, "done", &v)) {
                if (!json_object_is_type(v, json_type_array) || json_object_array_length(v) > ADDRESSES_MAX)
                        return -EBADMSG;
                for (size_t i = 0; i < json_object_array_length(v); i++) {
                        json_object *address = json_object_array_get_idx(v, i);

                        if (!json_object_is_type(address, json_type_string))
                                return -EBADMSG;
                        r = delivery_accept(d, json_object_get_string(address));
                        if (r < 0)
                                return r;
                }
        }
        if (json_object_object_get_ex(o, "refused", &v)) {
                if (!json_object_is_type(v, json_type_object) || json_object_object_length(v) > (int) ADDRESSES_MAX)
                        return -EBADMSG;
                json_object_object_foreach(v, address, at) {
                        if (!json_object_is_type(at, json_type_int))
                                return -EBADMSG;
                        r = delivery_refuse(d, address, json_object_get_uint64(at));
                        if (r < 0)
                                return r;
                }
        }
        if (json_object_object_get_ex(o, "config", &v) && json_object_is_type(v, json_type_string) &&
            json_object_get_string_len(v) < (int) sizeof(d->config))
                memcpy(d->config, json_object_get_string(v), (size_t) json_object_get_string_len(v) + 1);
        d->without_list = json_object_object_get_ex(o, "without_list", &v) && json_object_get_boolean(v);
        return 0;
}

int delivery_parse(const char *s, Delivery *ret) {
        _cleanup_delivery_ Delivery d = {};
        json_object *o;
        int r;

        if (s) {
                o = json_tokener_parse(s);
                r = json_object_is_type(o, json_type_object) ? parse(o, &d) : -EBADMSG;
                json_object_put(o);
                if (r < 0)
                        return r;
        }
        *ret = d;
        d = (Delivery) {};
        return 0;
}

int delivery_format(const Delivery *d, char **ret) {
        StrBuf b = STRBUF_INIT;

        strbuf_puts(&b, "{\"done\":[");
        for (char **p = d->done; p && *p; p++) {
                if (p > d->done)
                        strbuf_putc(&b, ',');
                strbuf_json(&b, *p);
        }
        strbuf_puts(&b, "],\"refused\":{");
        for (size_t i = 0; i < d->n_refused; i++) {
                if (i > 0)
                        strbuf_putc(&b, ',');
                strbuf_json(&b, d->refused[i].address);
                strbuf_printf(&b, ":%llu", (unsigned long long) d->refused[i].at);
        }
        strbuf_puts(&b, "},\"config\":");
        strbuf_json(&b, d->config);
        if (d->without_list)
                strbuf_puts(&b, ",\"without_list\":true");
        strbuf_putc(&b, '}');
        return strbuf_steal(&b, ret);
}

/* FNV-1a; each part with its NUL, so that "ab", "c" is not "a", "bc". It notices an edit, nobody has a reason to
 * forge one. */
static void hash_part(uint64_t *hash, const char *s) {
        s = strempty(s);
        do
                *hash = (*hash ^ (unsigned char) *s) * UINT64_C(0x100000001b3);
        while (*s++);
}

void delivery_config_hash(const char *const parts[], size_t n, char *const *recipients, char ret[static 17]) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < n; i++)
                hash_part(&hash, parts[i]);
        for (; recipients && *recipients; recipients++)
                hash_part(&hash, *recipients);
        (void) snprintf(ret, 17, "%016llx", (unsigned long long) hash);
}

/* ---- who and when ---- */

static bool is_changed(const Delivery *d, const char *config) {
        return d->config[0] != '\0' && !streq(d->config, config);
}

static const DeliveryRefusal *find_refusal(const Delivery *d, const char *address) {
        for (size_t i = 0; i < d->n_refused; i++)
                if (streq(d->refused[i].address, address))
                        return &d->refused[i];
        return NULL;
}

bool delivery_is_due(const Delivery *d, uint64_t next_attempt, const char *config, uint64_t now_usec) {
        return now_usec >= next_attempt || is_changed(d, config);
}

void delivery_set_config(Delivery *d, const char *config, bool anyway) {
        if (anyway || is_changed(d, config))
                while (d->n_refused > 0)
                        free(d->refused[--d->n_refused].address);
        assert(strlen(config) < sizeof(d->config));
        strcpy(d->config, config);
}

int delivery_recipients(const Delivery *d, char *const *configured, uint64_t now_usec, char ***ret) {
        _cleanup_strv_ char **list = NULL;
        int r;

        for (char *const *p = configured; p && *p; p++) {
                const DeliveryRefusal *refusal = find_refusal(d, *p);

                if (strv_contains(d->done, *p) || strv_contains(list, *p))
                        continue;
                if (refusal && now_usec < refusal->at + DELIVERY_REFUSED_RETRY_USEC)
                        continue;
                r = strv_extend(&list, *p);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(list);
        return 0;
}

static void forget_refusal(Delivery *d, const char *address) {
        for (size_t i = 0; i < d->n_refused; i++) {
                if (!streq(d->refused[i].address, address))
                        continue;
                free(d->refused[i].address);
                d->refused[i] = d->refused[--d->n_refused];
                return;
        }
}

int delivery_accept(Delivery *d, const char *address) {
        forget_refusal(d, address);
        return strv_contains(d->done, address) ? 0 : strv_extend(&d->done, address);
}

int delivery_refuse(Delivery *d, const char *address, uint64_t now_usec) {
        char *copy;
        int r;

        r = ARRAY_GROW(d->refused, d->n_allocated, d->n_refused + 1);
        if (r < 0)
                return r;
        copy = strdup(address);
        if (!copy)
                return -ENOMEM;
        forget_refusal(d, address);
        d->refused[d->n_refused++] = (DeliveryRefusal) { .address = copy, .at = now_usec };
        return 0;
}

bool delivery_is_complete(const Delivery *d, char *const *configured) {
        for (char *const *p = configured; p && *p; p++)
                if (!strv_contains(d->done, *p))
                        return false;
        return true;
}

bool delivery_is_refused(const Delivery *d, char *const *configured) {
        for (char *const *p = configured; p && *p; p++)
                if (find_refusal(d, *p))
                        return true;
        return false;
}

uint64_t delivery_next_attempt(const Delivery *d, char *const *configured, uint32_t attempts, uint64_t now_usec) {
        uint64_t gap = USEC_PER_HOUR, first = USEC_INFINITY;

        for (char *const *p = configured; p && *p; p++) {
                const DeliveryRefusal *refusal = find_refusal(d, *p);

                if (strv_contains(d->done, *p))
                        continue;
                if (!refusal) {
                        if (attempts >= 1 && attempts <= 6)
                                gap = MIN2(gap, USEC_PER_MINUTE << (attempts - 1));
                        return now_usec + gap;
                }
                first = MIN2(first, refusal->at + DELIVERY_REFUSED_RETRY_USEC);
        }
        return MAX2(first, now_usec + USEC_PER_MINUTE);
}
