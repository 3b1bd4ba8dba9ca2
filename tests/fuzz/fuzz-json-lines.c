/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#include "connector-test.h"
#include "file-util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Only line ends and blanks may stand between two records: nothing is lost, and nothing is given twice. */
static void check_gap(const char *gap, size_t size) {
        for (size_t i = 0; i < size; i++)
                assert(strchr("\r\n \t", gap[i]) && gap[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
        _cleanup_(source_freep) Source *s = NULL;
        _cleanup_close_ int fd = -1;
        const char *text = (const char *) data;
        SourceEvidence e = {};
        SourceRecord record;
        char path[64];
        size_t pos = 0;
        bool bad = false;
        int r;

        fd = memfd_create("fuzz", MFD_CLOEXEC);
        assert(fd >= 0 && loop_write(fd, data, size) == 0);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        /* The size chooses between the two layouts. */
        c = test_config(true, "json", size % 2 ? "File" : "Users", path, NULL);
        assert(source_open(c, &s, NULL) == 0);
        if (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
                pos = 3;
        while ((r = s->vtable->next(s, &record)) == SOURCE_E_RECORD) {
                _cleanup_(object_freep) Object *o = NULL;
                _cleanup_error_ Error *error = NULL;
                _cleanup_free_ char *id = NULL;
                ObjectKind kind;
                const char *found;

                found = memmem(text + pos, size - pos, record.data, record.size);
                assert(found);
                check_gap(text + pos, (size_t) (found - text) - pos);
                pos = (size_t) (found - text) + record.size;
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
        if (e.complete)
                check_gap(text + pos, size - pos);
        source_evidence_done(&e);
        return 0;
}
