/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdint.h>

#include "json-line.h"
#include "json-scan.h"
#include "object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_object(const char *text, size_t size, json_object **ret) {
        return json_parse_whole(text, size, ret, NULL) == 0 && json_object_is_type(*ret, json_type_object);
}

/* What is an object to json-c has the same members to us. */
static void check_members(const char *text, size_t size) {
        _cleanup_json_ json_object *json = NULL;
        JsonMember m;
        JsonScan s;
        int r;

        r = json_scan_begin(&s, text, size);
        if (!is_object(text, size, &json))
                return;
        assert(r == 0);
        while ((r = json_scan_next(&s, &m)) > 0) {
                _cleanup_json_ json_object *value = NULL;

                assert(m.value >= text && m.value + m.value_size <= text + size);
                if (memchr(m.key, '\\', m.key_size))
                        continue;
                /* The last of a name counts; it must parse by itself. */
                assert(json_parse_whole(m.value, m.value_size, &value, NULL) == 0);
        }
        assert(r == 0);
}

/* The first line is the object, the second what is desired, the rest what was written. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_strbuf_ StrBuf out = STRBUF_INIT, again = STRBUF_INIT;
        _cleanup_json_ json_object *before = NULL, *wanted = NULL, *past = NULL, *after = NULL;
        _cleanup_free_ char *copy = NULL;
        char *line, *desired, *written;
        int r;

        if (size > 16384)
                return 0;
        copy = strndup((const char *) data, size);
        assert(copy);
        written = copy;
        line = strsep(&written, "\n");
        desired = strsep(&written, "\n");
        if (!desired)
                return 0;
        check_members(line, strlen(line));
        check_members(desired, strlen(desired));

        r = json_line_update(line, strlen(line), desired, written, true, &out, NULL);
        if (!is_object(line, strlen(line), &before) || !is_object(desired, strlen(desired), &wanted) ||
            (written && !is_object(written, strlen(written), &past)))
                return 0;
        assert(r == 0);
        assert(is_object(out.data, out.size, &after));
        assert(json_object_get_boolean(json_object_object_get(after, "active")));
        /* Once more changes nothing. */
        assert(json_line_update(out.data, out.size, desired, written, true, &again, NULL) == 0);
        assert(streq(out.data, again.data));
        return 0;
}
