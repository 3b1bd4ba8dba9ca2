/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "json-faults.h"

#include <errno.h>

#include "file-util.h"

#define ACTION_OPEN (TARGET_DELETE + 1)
#define ACTION_ANY (-1)

static const char *const action_names[] = {
        [TARGET_CREATE] = "Create",
        [TARGET_UPDATE] = "Update",
        [TARGET_RESTORE] = "Restore",
        [TARGET_MEMBERS] = "Members",
        [TARGET_DISABLE] = "Disable",
        [TARGET_DELETE] = "Delete",
        [ACTION_OPEN] = "Open",
};

static const char *const result_names[_FAULT_MAX] = {
        [FAULT_NONE] = "none",
        [FAULT_FAILED] = "failed",
        [FAULT_EXISTS] = "exists",
        [FAULT_NOT_FOUND] = "not-found",
        [FAULT_CRASH_BEFORE] = "crash-before",
        [FAULT_CRASH_AFTER] = "crash-after",
        [FAULT_DISCONNECT] = "disconnect",
        [FAULT_UNAUTHORIZED] = "unauthorized",
        [FAULT_THROTTLE] = "throttle",
};

static FaultResult fault_result_from_string(const char *s) {
        for (FaultResult r = 0; r < _FAULT_MAX; r++)
                if (streq(s, result_names[r]))
                        return r;
        return _FAULT_INVALID;
}

typedef struct Fault {
        int action;
        char *match;
        FaultResult result;
        uint64_t times;
} Fault;

struct JsonFaults {
        Fault *faults;
        size_t n, allocated;
};

JsonFaults *json_faults_free(JsonFaults *f) {
        if (!f)
                return NULL;
        for (size_t i = 0; i < f->n; i++)
                free(f->faults[i].match);
        free(f->faults);
        free(f);
        return NULL;
}

static int action_from_string(const char *s) {
        for (size_t i = 0; i < ELEMENTSOF(action_names); i++)
                if (streq(s, action_names[i]))
                        return (int) i;
        return -EINVAL;
}

static int add_fault(JsonFaults *f, json_object *json, Error **ret_error) {
        Fault fault = { .action = ACTION_ANY, .result = _FAULT_INVALID, .times = UINT64_MAX };
        const char *match = NULL;
        int r;

        if (!json_object_is_type(json, json_type_object))
                return error_set(ret_error, -EINVAL, "this is not an object");
        json_object_object_foreach(json, key, value) {
                const char *text = json_object_get_string(value);

                if (streq(key, "action"))
                        fault.action = action_from_string(strempty(text));
                else if (streq(key, "match"))
                        match = text;
                else if (streq(key, "result"))
                        fault.result = fault_result_from_string(strempty(text));
                else if (!streq(key, "times") || parse_uint64(strempty(text), &fault.times) < 0)
                        return error_set(ret_error, -EINVAL, "\"%s\" is unknown or no number", key);
        }
        if (fault.action < ACTION_ANY)
                return error_set(ret_error, -EINVAL, "there is no such \"action\"");
        if (fault.result < 0)
                return error_set(ret_error, -EINVAL, "there is no such \"result\"");
        r = ARRAY_GROW(f->faults, f->allocated, f->n + 1);
        if (r == 0)
                r = free_and_strdup(&fault.match, match);
        if (r < 0)
                return r;
        f->faults[f->n++] = fault;
        return 0;
}

int json_faults_load(const char *path, JsonFaults **ret, Error **ret_error) {
        _cleanup_(json_faults_freep) JsonFaults *f = NULL;
        _cleanup_free_ char *text = NULL;
        unsigned number = 0;
        char *next;
        int r;

        f = calloc(1, sizeof(*f));
        if (!f)
                return -ENOMEM;
        r = file_read_full(path, 1 << 20, &text, NULL);
        if (r < 0)
                return error_set_full(ret_error, r, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_AFTER_RECONFIGURE, NULL,
                                      "%s: cannot be read: %s", path, strerror(-r));
        for (char *line = text; line; line = next) {
                _cleanup_json_ json_object *json = NULL;
                _cleanup_error_ Error *e = NULL;

                number++;
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                if (!*line)
                        continue;
                r = json_parse_whole(line, strlen(line), &json, &e);
                if (r == 0)
                        r = add_fault(f, json, &e);
                if (r < 0)
                        return error_set_full(ret_error, r, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_AFTER_RECONFIGURE, NULL,
                                              "%s:%u: %s", path, number, error_text(e, r));
        }
        *ret = TAKE_PTR(f);
        return 0;
}

static bool use(Fault *f) {
        if (f->times == 0)
                return false;
        if (f->times != UINT64_MAX)
                f->times--;
        return true;
}

FaultResult json_faults_open(JsonFaults *f) {
        for (size_t i = 0; i < f->n; i++)
                if (f->faults[i].action == ACTION_OPEN && use(&f->faults[i]))
                        return f->faults[i].result;
        return FAULT_NONE;
}

FaultResult json_faults_change(JsonFaults *f, const TargetChange *c, const char *name) {
        for (size_t i = 0; i < f->n; i++) {
                Fault *fault = &f->faults[i];

                if (fault->action != ACTION_ANY && fault->action != (int) c->action)
                        continue;
                if (fault->match && !streq_ptr(fault->match, c->target_id) && !streq_ptr(fault->match, name))
                        continue;
                if (use(fault))
                        return fault->result;
        }
        return FAULT_NONE;
}

int json_faults_error(FaultResult result, Error **ret_error) {
        switch (result) {
        case FAULT_UNAUTHORIZED:
                return error_set_full(ret_error, -EACCES, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_AFTER_RECONFIGURE,
                                      "InvalidCredentials", "the fault plan refuses the credentials");
        case FAULT_THROTTLE:
                return error_set_full(ret_error, -EAGAIN, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_LATER, "Throttled",
                                      "the fault plan asks to wait");
        case FAULT_DISCONNECT:
                return error_set_full(ret_error, -ECONNRESET, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_LATER, NULL,
                                      "the fault plan breaks the connection");
        case FAULT_FAILED:
        case FAULT_NONE:
        case FAULT_EXISTS:
        case FAULT_NOT_FOUND:
        case FAULT_CRASH_BEFORE:
        case FAULT_CRASH_AFTER:
        case _FAULT_MAX:
        case _FAULT_INVALID:
                break;
        }
        return error_set_full(ret_error, -EREMOTEIO, ERROR_SCOPE_ITEM, ERROR_RETRY_LATER, "Refused",
                              "the fault plan refuses this change");
}
