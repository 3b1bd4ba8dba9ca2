/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdint.h>

#include "object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is plain is what json-c makes of it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(object_freep) Object *plain = NULL, *parsed = NULL;
        _cleanup_strbuf_ StrBuf canonical = STRBUF_INIT;
        const char *text = (const char *) data;
        json_object *json = NULL;
        int r;

        if (!utf8_is_valid(text, size))
                return 0;
        r = object_new_from_plain(OBJECT_KIND_GROUP, text, size, "id", false, &plain);
        assert((r == 0) == (plain != NULL));
        if (r != 0)
                return 0;
        assert(json_parse_whole(text, size, &json, NULL) == 0);
        assert(object_new_from_json(OBJECT_KIND_GROUP, json, "id", &parsed, NULL, NULL) == 0);
        assert(json_canonical(parsed->attributes, &canonical) == 0);
        assert(streq(canonical.data, plain->text));
        assert(streq(parsed->id, plain->id));
        assert(!parsed->members == !plain->members && strv_equal(parsed->members, plain->members));
        assert(object_attributes(plain));
        return 0;
}
