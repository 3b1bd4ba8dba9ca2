/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* decide STATE_DIR JOB allow|reject [KIND:SOURCE_ID…]: a decision on the current review straight into a ledger, for tests
 * that have no service running. */
#include "config.h"

#include <stdio.h>
#include <unistd.h>

#include "ledger.h"
#include "string-util.h"
#include "time-util.h"

int main(int argc, char *argv[]) {
        _cleanup_(ledger_freep) Ledger *l = NULL;
        _cleanup_error_ Error *error = NULL;
        ObjectName objects[64];
        size_t n = 0;
        char review[17];
        uint64_t decided, joined;
        unsigned missing;
        int r;

        if (argc < 4)
                return 2;
        for (int i = 4; i < argc && n < ELEMENTSOF(objects); i++) {
                const char *id = startswith(argv[i], "user:");

                objects[n].kind = id ? OBJECT_KIND_USER : OBJECT_KIND_GROUP;
                objects[n++].source_id = id ?: startswith(argv[i], "group:");
        }
        r = ledger_open(argv[1], argv[2], LEDGER_READ_WRITE, &l, &error);
        if (r < 0) {
                fprintf(stderr, "%s\n", error_text(error, r));
                return 1;
        }
        r = ledger_current_review(l, review, NULL, NULL);
        if (r != 0) {
                fprintf(stderr, "no review is open\n");
                return 1;
        }
        Decision d = { .verb = argv[3], .review = review, .comment = "test", .uid = getuid(), .user = "tester", .at = clock_now() };
        r = (streq(argv[3], "allow") ? ledger_allow : ledger_reject)(l, &d, n > 0 ? objects : NULL, n, 1, NULL, NULL, &decided,
                                                                     &joined, &missing);
        printf("%d %llu %llu\n", r, (unsigned long long) decided, (unsigned long long) joined);
        return r == 0 ? 0 : 1;
}
