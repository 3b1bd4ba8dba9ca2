/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>

#include "job.h"
#include "string-util.h"
#include "tap.h"

static int collect(const TaskLine *line, void *userdata) {
        strbuf_printf(userdata, "%s|%s|%d|%s;", line->name, strempty(line->status), line->ok,
                      strempty(line->details));
        return 0;
}

static int read_text(const char *text, char **ret) {
        const char *path = tap_write_file("task", text, strlen(text));
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        StrBuf b = STRBUF_INIT;
        int r;

        r = job_task_read(fd, collect, &b);
        strbuf_putc(&b, '.');
        (void) strbuf_steal(&b, ret);
        return r;
}

TEST(lines_of_both_shapes_are_read) {
        _cleanup_free_ char *text = NULL;

        CHECK_INT(read_text("{\"what\":\"source\",\"ok\":true,\"message\":\"3\"}\n{\"step\":\"import\",\"status\":"
                            "\"success\",\"details\":\"x\"}\n"
                            "{\"what\":\"target\",\"ok\":false}",
                            &text),
                  0);
        CHECK_STR(text, "source||1|3;import|success|0|x;target||0|;.");
}

TEST(nothing_is_an_empty_list) {
        _cleanup_free_ char *text = NULL;

        CHECK_INT(read_text("", &text), 0);
        CHECK_STR(text, ".");
}

TEST(what_is_no_such_line_is_told) {
        static const char *const bad[] = {"hello\n",           "[]\n", "{}\n",  "{\"what\":1}\n",
                                          "{\"what\":\"x\"\n", "\n",   "null\n"};

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_free_ char *text = NULL;

                CHECK_INT(read_text(bad[i], &text), -EBADMSG);
        }
}
