/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "ini-file.h"

#include <errno.h>
#include <stdio.h>

#include "config-error.h"
#include "file-util.h"
#include "string-util.h"

void ini_file_done(IniFile *ini) {
        for (size_t i = 0; i < ini->n_entries; i++) {
                free(ini->entries[i].section);
                free(ini->entries[i].key);
                free(ini->entries[i].value);
        }
        free(ini->entries);
        strv_free(ini->files);
        *ini = INI_FILE_INIT;
}

/* Offset of the first control character that is no tab, or @size. */
static size_t find_control(const char *s, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (((unsigned char) s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7f)
                        return i;
        return size;
}

bool ini_text_is_printable(const char *s) {
        size_t n = strlen(s);

        return utf8_is_valid(s, n) && find_control(s, n) == n;
}

static int ini_append(IniFile *ini, const char *file, unsigned line, const char *section, const char *key,
                      const char *value) {
        IniEntry e = {.file = file, .line = line};

        if (ARRAY_GROW(ini->entries, ini->n_allocated, ini->n_entries + 1) < 0)
                return -ENOMEM;
        e.section = strdup(section);
        e.key = key ? strdup(key) : NULL;
        e.value = value ? strdup(value) : NULL;
        if (!e.section || (key && !e.key) || (value && !e.value)) {
                free(e.section);
                free(e.key);
                free(e.value);
                return -ENOMEM;
        }
        ini->entries[ini->n_entries++] = e;
        return 0;
}

static int ini_append_read(IniFile *ini, unsigned line, const char *section, const char *key, const char *value) {
        return ini_append(ini, ini->files[strv_length(ini->files) - 1], line, section, key, value);
}

int ini_file_add(IniFile *ini, const char *section, const char *key, const char *value) {
        return ini_append(ini, NULL, 0, section, key, value);
}

void ini_file_remove(IniFile *ini, const char *section, const char *key) {
        size_t n = 0;

        for (size_t i = 0; i < ini->n_entries; i++) {
                IniEntry *e = ini->entries + i;

                if (e->key && streq(e->section, section) && streq(e->key, key)) {
                        free(e->section);
                        free(e->key);
                        free(e->value);
                } else
                        ini->entries[n++] = *e;
        }
        ini->n_entries = n;
}

int ini_file_format(const IniFile *ini, StrBuf *out) {
        for (size_t i = 0; i < ini->n_entries; i++) {
                const char *section = ini->entries[i].section;
                bool seen = false;

                for (size_t j = 0; j < i && !seen; j++)
                        seen = streq(ini->entries[j].section, section);
                if (seen)
                        continue;
                strbuf_printf(out, "%s[%s]\n", out->size > 0 ? "\n" : "", section);
                for (size_t j = i; j < ini->n_entries; j++)
                        if (ini->entries[j].key && streq(ini->entries[j].section, section))
                                strbuf_printf(out, "%s=%s\n", ini->entries[j].key, ini->entries[j].value);
        }
        return strbuf_check(out);
}

/* One line after continuations were joined. @section is that of the lines above, or NULL. */
static int parse_line(IniFile *ini, const char *name, unsigned line, char *text, char **section, Error **ret_error) {
        char *s = strstrip(text), *equals;
        size_t n = strlen(s);

        if (n == 0)
                return 0;

        if (s[0] == '[') {
                if (n < 3 || s[n - 1] != ']')
                        return config_error(ret_error, name, line,
                                            "%s: expected a section in brackets, such as [Job], and nothing "
                                            "after it",
                                            s);
                s[n - 1] = '\0';
                if (free_and_strdup(section, s + 1) < 0)
                        return -ENOMEM;
                return ini_append_read(ini, line, *section, NULL, NULL);
        }

        equals = strchr(s, '=');
        if (!equals)
                return config_error(ret_error, name, line,
                                    "expected Key=Value, [Section] or a comment that begins with #");
        *equals = '\0';
        s = strstrip(s);
        if (!*s)
                return config_error(ret_error, name, line, "expected a key before the =");
        if (!*section)
                return config_error(ret_error, name, line,
                                    "%s= stands before the first section; expected a line such as [Job] "
                                    "above it",
                                    s);
        return ini_append_read(ini, line, *section, s, strstrip(equals + 1));
}

/* Whether the line ends in a backslash that is not itself escaped by one. */
static bool is_continued(const char *s, size_t n) {
        size_t n_backslashes = 0;

        while (n_backslashes < n && s[n - 1 - n_backslashes] == '\\')
                n_backslashes++;
        return n_backslashes % 2 == 1;
}

int ini_file_parse(IniFile *ini, const char *name, const char *text, size_t size, Error **ret_error) {
        _cleanup_strbuf_ StrBuf joined = STRBUF_INIT;
        _cleanup_free_ char *section = NULL;
        bool continuation = false;
        unsigned line = 0, first_line = 1;
        const char *end = text + size;
        int r;

        if (size > INI_FILE_SIZE_MAX)
                return config_error_full(ret_error, -E2BIG, name, 0, "the file is larger than %u bytes",
                                         INI_FILE_SIZE_MAX);
        r = strv_extend(&ini->files, name);
        if (r < 0)
                return r;

        if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
                text += 3;

        while (text < end) {
                const char *newline = memchr(text, '\n', (size_t) (end - text));
                size_t n = (size_t) ((newline ? newline : end) - text), at, indent;
                const char *start = text;
                bool more;

                text += n + (newline ? 1 : 0);
                line++;
                if (n > 0 && start[n - 1] == '\r')
                        n--;

                at = find_control(start, n);
                if (at < n)
                        return config_error(ret_error, name, line,
                                            "byte %zu is a control character (0x%02x); expected text", at + 1,
                                            (unsigned char) start[at]);
                at = utf8_find_invalid(start, n);
                if (at < n)
                        return config_error(ret_error, name, line, "byte %zu (0x%02x) is no UTF-8", at + 1,
                                            (unsigned char) start[at]);

                indent = 0;
                while (indent < n && (start[indent] == ' ' || start[indent] == '\t'))
                        indent++;
                if (indent < n && (start[indent] == '#' || start[indent] == ';'))
                        continue;

                if (!continuation) {
                        strbuf_clear(&joined);
                        first_line = line;
                }
                more = is_continued(start, n);
                strbuf_append(&joined, start, n - (more ? 1 : 0));
                if (joined.size > INI_LINE_SIZE_MAX)
                        return config_error_full(ret_error, -E2BIG, name, first_line,
                                                 "the line is longer than %u bytes", INI_LINE_SIZE_MAX);
                if (more)
                        strbuf_putc(&joined, ' ');
                r = strbuf_check(&joined);
                if (r < 0)
                        return r;
                continuation = more;
                if (continuation)
                        continue;

                r = parse_line(ini, name, first_line, joined.data, &section, ret_error);
                if (r < 0)
                        return r;
        }
        /* A backslash on the last line joins nothing. */
        if (continuation)
                return parse_line(ini, name, first_line, joined.data, &section, ret_error);
        return 0;
}

int ini_file_read(IniFile *ini, const char *path, Error **ret_error) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = file_read_full(path, INI_FILE_SIZE_MAX, &text, &size);
        if (r == -E2BIG)
                return config_error_full(ret_error, r, path, 0, "the file is larger than %u bytes",
                                         INI_FILE_SIZE_MAX);
        if (r == -EBADFD)
                return config_error_full(ret_error, -EINVAL, path, 0, "expected a regular file");
        if (r < 0)
                return config_error_full(ret_error, r, path, 0, "%s", strerror(-r));
        return ini_file_parse(ini, path, text, size, ret_error);
}
