/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The journal, and the same fields in readable form on stderr where there is none. Libraries do not log above debug;
 * the function that ends an error does, once. Knows nothing of jobs: fields are names and values. */

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

#include "message-ids.h"
#include "string-util.h"

typedef enum LogTarget {
        LOG_TARGET_AUTO,        /* the journal if stderr is connected to it ($JOURNAL_STREAM), else stderr */
        LOG_TARGET_JOURNAL,
        LOG_TARGET_STDERR,
        _LOG_TARGET_MAX,
        _LOG_TARGET_INVALID = -22,
} LogTarget;

const char *log_target_to_string(LogTarget t);
LogTarget log_target_from_string(const char *s);
const char *log_level_to_string(int level);
/** log_level_from_string() - "debug" … "emerg" or 0 … 7. Errors: -EINVAL. */
int log_level_from_string(const char *s);

/** log_setup() - call once in main(); reads REPRIEVE_LOG_TARGET and REPRIEVE_LOG_LEVEL */
void log_setup(const char *identifier);
void log_set_target(LogTarget t);
LogTarget log_get_target(void);
void log_set_max_level(int level);
int log_get_max_level(void);

/* One entry under construction. Values are bytes from outside: they may hold anything, and can never forge a field. */
typedef struct LogEntry {
        StrBuf bytes;                 /* "KEY=value" back to back */
        size_t *ends;                 /* where each ends */
        size_t n_fields, n_allocated;
        int priority;
        bool failed;
} LogEntry;

#define LOG_ENTRY_INIT ((LogEntry) {})

/** log_entry_begin() - start an entry in @e, whose memory is reused; @message_id (32 hex digits) may be NULL */
void log_entry_begin(LogEntry *e, int priority, const char *message_id);
/** log_entry_message() - MESSAGE=, one sentence in English; control characters in it are escaped */
void log_entry_message(LogEntry *e, const char *fmt, ...) _printf_(2, 3);
/** log_entry_field() - add a field unless @value is NULL; @key is one of ours, upper case */
void log_entry_field(LogEntry *e, const char *key, const char *value);
void log_entry_field_u64(LogEntry *e, const char *key, uint64_t value);
/** log_entry_send() - to the journal or stderr. Errors: errno; -ENOMEM. Nothing is sent above the maximum level. */
int log_entry_send(LogEntry *e);
void log_entry_done(LogEntry *e);
#define _cleanup_log_entry_ _cleanup_(log_entry_done)

/** log_full() - a plain line with "%m" for @error (errno, either sign); returns -|@error| so that one may
 * "return log_error_errno(r, …)" */
int log_full(int priority, int error, const char *fmt, ...) _printf_(3, 4);

#define log_debug(...) log_full(LOG_DEBUG, 0, __VA_ARGS__)
#define log_info(...) log_full(LOG_INFO, 0, __VA_ARGS__)
#define log_notice(...) log_full(LOG_NOTICE, 0, __VA_ARGS__)
#define log_warning(...) log_full(LOG_WARNING, 0, __VA_ARGS__)
#define log_error(...) log_full(LOG_ERR, 0, __VA_ARGS__)
#define log_warning_errno(e, ...) log_full(LOG_WARNING, (e), __VA_ARGS__)
#define log_error_errno(e, ...) log_full(LOG_ERR, (e), __VA_ARGS__)
