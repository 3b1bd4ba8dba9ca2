/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "file-util.h"

static LogTarget log_target = LOG_TARGET_AUTO;
static int log_max_level = LOG_INFO;
static char *log_identifier = NULL;

static const char *const target_names[_LOG_TARGET_MAX] = {
        [LOG_TARGET_AUTO] = "auto",
        [LOG_TARGET_JOURNAL] = "journal",
        [LOG_TARGET_STDERR] = "stderr",
};

static const char *const level_names[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };

const char *log_target_to_string(LogTarget t) {
        return t >= 0 && t < _LOG_TARGET_MAX ? target_names[t] : NULL;
}

LogTarget log_target_from_string(const char *s) {
        for (LogTarget t = 0; t < _LOG_TARGET_MAX; t++)
                if (streq(s, target_names[t]))
                        return t;
        return _LOG_TARGET_INVALID;
}

const char *log_level_to_string(int level) {
        return level >= 0 && level <= LOG_DEBUG ? level_names[level] : NULL;
}

int log_level_from_string(const char *s) {
        for (size_t i = 0; i < ELEMENTSOF(level_names); i++)
                if (streq(s, level_names[i]))
                        return (int) i;
        if (s[0] >= '0' && s[0] <= '7' && s[1] == '\0')
                return s[0] - '0';
        return -EINVAL;
}

/* Whether stderr is the journal's own stream, as systemd.exec(5) says under $JOURNAL_STREAM. */
static bool stderr_is_journal(void) {
        const char *e = getenv("JOURNAL_STREAM");
        unsigned long long dev, ino;
        struct stat st;

        if (!e || sscanf(e, "%llu:%llu", &dev, &ino) != 2 || fstat(STDERR_FILENO, &st) < 0)
                return false;
        return st.st_dev == (dev_t) dev && st.st_ino == (ino_t) ino;
}

void log_setup(const char *identifier) {
        const char *e;
        int level;

        (void) free_and_strdup(&log_identifier, identifier);
        e = getenv("REPRIEVE_LOG_TARGET");
        if (e && log_target_from_string(e) >= 0)
                log_target = log_target_from_string(e);
        e = getenv("REPRIEVE_LOG_LEVEL");
        level = e ? log_level_from_string(e) : -1;
        if (level >= 0)
                log_max_level = level;
        log_set_target(log_target);
}

void log_set_target(LogTarget t) {
        log_target = t == LOG_TARGET_AUTO ? (stderr_is_journal() ? LOG_TARGET_JOURNAL : LOG_TARGET_STDERR) : t;
}

LogTarget log_get_target(void) {
        return log_target;
}

void log_set_max_level(int level) {
        log_max_level = level;
}

int log_get_max_level(void) {
        return log_max_level;
}

void log_entry_begin(LogEntry *e, int priority, const char *message_id) {
        char digit[2] = { (char) ('0' + priority), '\0' };

        strbuf_clear(&e->bytes);
        e->n_fields = 0;
        e->failed = false;
        e->priority = priority;
        log_entry_field(e, "PRIORITY", digit);
        log_entry_field(e, "SYSLOG_IDENTIFIER", log_identifier);
        log_entry_field(e, "MESSAGE_ID", message_id);
}

void log_entry_field(LogEntry *e, const char *key, const char *value) {
        if (!value || e->failed)
                return;
        strbuf_puts(&e->bytes, key);
        strbuf_putc(&e->bytes, '=');
        strbuf_puts(&e->bytes, value);
        if (strbuf_check(&e->bytes) < 0 || ARRAY_GROW(e->ends, e->n_allocated, e->n_fields + 1) < 0) {
                e->failed = true;
                return;
        }
        e->ends[e->n_fields++] = e->bytes.size;
}

void log_entry_field_u64(LogEntry *e, const char *key, uint64_t value) {
        char buf[24];

        (void) snprintf(buf, sizeof(buf), "%llu", (unsigned long long) value);
        log_entry_field(e, key, buf);
}

void log_entry_message(LogEntry *e, const char *fmt, ...) {
        _cleanup_free_ char *raw = NULL, *clean = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&raw, fmt, ap);
        va_end(ap);
        if (n < 0)
                raw = NULL;
        else
                clean = printable_copy(raw);
        if (!clean) {
                e->failed = true;
                return;
        }
        log_entry_field(e, "MESSAGE", clean);
}

static bool value_needs_quotes(const char *s, size_t n) {
        if (n == 0)
                return true;
        for (size_t i = 0; i < n; i++)
                if ((unsigned char) s[i] <= ' ' || s[i] == '"' || s[i] == '\\' || (unsigned char) s[i] >= 0x7f)
                        return true;
        return false;
}

/* "<4>MESSAGE [KEY=value KEY="va\x0alue"]": one line an entry. Inside quotes only \" \\ and \xNN are special, so a
 * program can read every byte back. */
static int send_stderr(const LogEntry *e) {
        _cleanup_strbuf_ StrBuf line = STRBUF_INIT;
        const char *bytes = e->bytes.data;
        bool first = true;
        size_t start = 0;

        if (!isatty(STDERR_FILENO))
                strbuf_printf(&line, "<%d>", e->priority);
        for (size_t i = 0; i < e->n_fields; start = e->ends[i++])
                if (e->ends[i] - start > 8 && memcmp(bytes + start, "MESSAGE=", 8) == 0)
                        strbuf_append(&line, bytes + start + 8, e->ends[i] - start - 8);
        start = 0;
        for (size_t i = 0; i < e->n_fields; start = e->ends[i++]) {
                const char *field = bytes + start, *value;
                size_t n = e->ends[i] - start, n_value;

                value = memchr(field, '=', n);
                assert(value);
                value++;
                n_value = n - (size_t) (value - field);
                if (startswith(field, "MESSAGE=") || startswith(field, "PRIORITY=") ||
                    startswith(field, "SYSLOG_IDENTIFIER="))
                        continue;
                strbuf_puts(&line, first ? " [" : " ");
                first = false;
                strbuf_append(&line, field, (size_t) (value - field));
                if (!value_needs_quotes(value, n_value)) {
                        strbuf_append(&line, value, n_value);
                        continue;
                }
                strbuf_putc(&line, '"');
                for (size_t k = 0; k < n_value;) {
                        size_t good = utf8_find_invalid(value + k, n_value - k), end = k + good;

                        for (; k < end; k++) {
                                if ((unsigned char) value[k] < 0x20 || value[k] == 0x7f)
                                        strbuf_printf(&line, "\\x%02x", (unsigned char) value[k]);
                                else {
                                        if (value[k] == '"' || value[k] == '\\')
                                                strbuf_putc(&line, '\\');
                                        strbuf_putc(&line, value[k]);
                                }
                        }
                        if (k < n_value)
                                strbuf_printf(&line, "\\x%02x", (unsigned char) value[k++]);
                }
                strbuf_putc(&line, '"');
        }
        strbuf_puts(&line, first ? "\n" : "]\n");
        if (strbuf_check(&line) < 0)
                return -ENOMEM;
        return loop_write(STDERR_FILENO, line.data, line.size);
}

int log_entry_send(LogEntry *e) {
        struct iovec iov[64];
        size_t start = 0;
        int r;

        if (e->failed)
                return -ENOMEM;
        if (e->priority > log_max_level)
                return 0;
        if (log_target != LOG_TARGET_JOURNAL)
                return send_stderr(e);

        assert(e->n_fields <= ELEMENTSOF(iov));
        for (size_t i = 0; i < e->n_fields; start = e->ends[i++]) {
                iov[i].iov_base = e->bytes.data + start;
                iov[i].iov_len = e->ends[i] - start;
        }
        r = sd_journal_sendv(iov, (int) e->n_fields);
        /* Who sent the log away from a terminal, or reads our stderr, is told of errors all the same. */
        if (e->priority <= LOG_ERR && !stderr_is_journal())
                (void) send_stderr(e);
        return r;
}

void log_entry_done(LogEntry *e) {
        strbuf_done(&e->bytes);
        free(e->ends);
        *e = LOG_ENTRY_INIT;
}

int log_full(int priority, int error, const char *fmt, ...) {
        _cleanup_log_entry_ LogEntry e = LOG_ENTRY_INIT;
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        error = error < 0 ? -error : error;
        if (priority > log_max_level)
                return -error;

        errno = error;
        va_start(ap, fmt);
        n = vasprintf(&text, fmt, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL;
                return -error;
        }
        log_entry_begin(&e, priority, NULL);
        log_entry_message(&e, "%s", text);
        if (error > 0)
                log_entry_field_u64(&e, "ERRNO", (uint64_t) error);
        (void) log_entry_send(&e);
        return -error;
}
