/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#include "connector-test.h"
#include "file-util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next record, byte by byte: what the fast scan must agree with. False at the end; *pos is then where the rest begins
 * that is no whole record. */
static bool naive_next(const char *text, size_t size, size_t *pos, const char **ret, size_t *ret_size) {
        for (;;) {
                size_t i = *pos, n;
                bool quoted = false, blank = true;

                for (; i < size && (quoted || text[i] != '\n'); i++)
                        quoted ^= text[i] == '"';
                if (i == size)
                        return false;
                n = i - *pos;
                *ret = text + *pos;
                *pos = i + 1;
                if (n > 0 && (*ret)[n - 1] == '\r')
                        n--;
                for (size_t k = 0; k < n; k++)
                        blank = blank && ((*ret)[k] == ' ' || (*ret)[k] == '\t');
                if (blank)
                        continue;
                *ret_size = n;
                return true;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
        _cleanup_(source_freep) Source *s = NULL;
        _cleanup_close_ int fd = -1;
        const char *text = (const char *) data, *expected;
        size_t pos = 0, expected_size, n = 0;
        SourceEvidence e = {};
        SourceRecord record;
        char path[64];
        bool bad = false;
        int r;

        fd = memfd_create("fuzz", MFD_CLOEXEC);
        assert(fd >= 0 && loop_write(fd, data, size) == 0);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        /* The size chooses the layout. */
        c = test_config(true, "csv", size % 3 == 0 ? "File" : size % 3 == 1 ? "Users" : "Groups", path, NULL);
        assert(source_open(c, &s, NULL) == 0);
        if (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
                pos = 3;
        while ((r = s->vtable->next(s, &record)) == SOURCE_E_RECORD) {
                _cleanup_(object_freep) Object *o = NULL;
                _cleanup_error_ Error *error = NULL;
                _cleanup_free_ char *id = NULL;
                ObjectKind kind;

                /* The first one is the header. */
                assert(n++ > 0 || naive_next(text, size, &pos, &expected, &expected_size));
                assert(naive_next(text, size, &pos, &expected, &expected_size));
                assert(record.size == expected_size && memcmp(record.data, expected, expected_size) == 0);
                r = s->vtable->parse(s, &record, &o, &kind, &id, &error);
                assert(r >= 0);
                assert((r == 0) == (o != NULL));
                assert((r == SOURCE_E_INVALID_ID_KNOWN) == (id != NULL));
                assert(r == 0 || (error && error->text));
                bad |= r == SOURCE_E_INVALID;
        }
        assert(r == 0);
        assert(s->vtable->evidence(s, &e) == 0);
        assert(e.complete == (e.reason == NULL));
        assert(!bad || !e.complete);
        if (e.complete) {
                if (n == 0)
                        assert(naive_next(text, size, &pos, &expected, &expected_size));
                assert(!naive_next(text, size, &pos, &expected, &expected_size));
                assert(pos == size);
        }
        source_evidence_done(&e);
        return 0;
}
