/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <fcntl.h>
#include <unistd.h>

#include "file-util.h"
#include "log.h"
#include "tap.h"

/* Sends one entry with stderr in a file and gives back what was written. */
static char *logged(LogEntry *e) {
        const char *path = tap_write_file("stderr", "", 0);
        char *text = NULL;
        int saved, fd;

        fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        saved = dup(STDERR_FILENO);
        dup2(fd, STDERR_FILENO);
        close(fd);
        (void) log_entry_send(e);
        dup2(saved, STDERR_FILENO);
        close(saved);
        (void) file_read_full(path, 1 << 20, &text, NULL);
        return text;
}

TEST(a_value_from_outside_cannot_forge_a_field_or_a_line) {
        _cleanup_log_entry_ LogEntry e = LOG_ENTRY_INIT;
        _cleanup_free_ char *text = NULL;

        log_set_target(LOG_TARGET_STDERR);
        log_entry_begin(&e, LOG_WARNING, NULL);
        log_entry_message(&e, "Staged \"%s\".", "Eve\nREPRIEVE_JOB=x");
        log_entry_field(&e, "REPRIEVE_JOB", "staff");
        log_entry_field(&e, "REPRIEVE_DISPLAY_NAME", "Eve\nREPRIEVE_ACTION=Delete\"\\\x1b\xff");
        log_entry_field(&e, "REPRIEVE_CAUSE", NULL);
        log_entry_field_u64(&e, "REPRIEVE_COUNTED", 7);
        text = logged(&e);
        CHECK_STR(text, "<4>Staged \"Eve\\x0aREPRIEVE_JOB=x\". [REPRIEVE_JOB=staff REPRIEVE_DISPLAY_NAME="
                        "\"Eve\\x0aREPRIEVE_ACTION=Delete\\\"\\\\\\x1b\\xff\" REPRIEVE_COUNTED=7]\n");
}

TEST(an_entry_above_the_level_is_not_sent) {
        _cleanup_log_entry_ LogEntry e = LOG_ENTRY_INIT;
        _cleanup_free_ char *text = NULL;

        log_set_target(LOG_TARGET_STDERR);
        log_entry_begin(&e, LOG_DEBUG, NULL);
        log_entry_message(&e, "x");
        text = logged(&e);
        CHECK_STR(text, "");
}

TEST(levels_and_targets_have_names) {
        CHECK_INT(log_level_from_string("warning"), LOG_WARNING);
        CHECK_INT(log_level_from_string("7"), LOG_DEBUG);
        CHECK(log_level_from_string("loud") < 0);
        CHECK_STR(log_level_to_string(LOG_ERR), "err");
        CHECK_INT(log_target_from_string("journal"), LOG_TARGET_JOURNAL);
        CHECK(log_target_from_string("printer") < 0);
}
