/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends one entry to the journal whose values try everything: for test-journald.py. */
#include "config.h"

#include <stdio.h>

#include "log.h"

int main(int argc, char *argv[]) {
        _cleanup_log_entry_ LogEntry e = LOG_ENTRY_INIT;

        log_setup("reprieve-hostile");
        log_set_target(LOG_TARGET_JOURNAL);
        log_entry_begin(&e, LOG_WARNING, REPRIEVE_MESSAGE_OBJECT_STAGED);
        log_entry_message(&e, "Withheld \"%s\".", "Eve\nPRIORITY=0\nREPRIEVE_JOB=forged");
        log_entry_field(&e, "REPRIEVE_JOB", "staff");
        log_entry_field(&e, "REPRIEVE_DISPLAY_NAME", "Eve\nREPRIEVE_ACTION=Delete\n\nREPRIEVE_JOB=forged");
        log_entry_field(&e, "REPRIEVE_SOURCE_ID", "\x1b[2J\x07\x7f\xc2\x9b");
        log_entry_field(&e, "REPRIEVE_TARGET_ID", "broken \xff\xc3 bytes");
        if (log_entry_send(&e) < 0) {
                perror("log_entry_send");
                return 1;
        }
        return 0;
}
