/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Job files: whatever stands in one, it is a job or an error with a place; and what is a job can be written down again as
 * the same job. */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "connector-keys.h"
#include "ini-file.h"
#include "job-load.h"
#include "schedule.h"
#include "string-util.h"

/* A folder that is not there: the text below stands in for the only file. */
#define DIR "/nonexistent/reprieve"
#define FILE_NAME DIR "/jobs.d/x.conf"

static JobConfig *load(const char *text, size_t size) {
        const FileOverride override = { .path = FILE_NAME, .text = text, .size = size };
        _cleanup_error_ Error *error = NULL;
        JobConfig *c = NULL;
        int r;

        r = job_config_load_override(DIR, "x", NULL, &override, &c, &error);
        assert(r <= 0);
        assert((r == 0) == !!c);
        assert(r == 0 || r == -ENOMEM || (error && startswith(error->text, FILE_NAME)));
        return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(job_config_freep) JobConfig *c = NULL, *again = NULL;
        _cleanup_ini_file_ IniFile ini = INI_FILE_INIT;
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT, timer = STRBUF_INIT;

        c = load((const char *) data, size);
        if (!c)
                return 0;
        assert(strlen(c->fingerprint) == 32);
        assert(schedule_timer_format(c, &timer) == 0);
        assert(utf8_is_valid(timer.data, timer.size));

        assert(ini_file_parse(&ini, "x", (const char *) data, size, NULL) == 0);
        assert(ini_file_format(&ini, &text) == 0);
        again = load(text.data, text.size);
        assert(again && streq(again->fingerprint, c->fingerprint));
        return 0;
}
