/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* org.reprieve1.Job: its methods. */

#include <errno.h>

#include "api-internal.h"

#define PAGE_MAX 1000U
/* A page ends early where long names would make the reply larger than a message may be. */
#define PAGE_BYTES_MAX (BUS_MESSAGE_SIZE_MAX * 3 / 4)

/* ---- cycles ---- */

static void on_run(const char *cycle, int r, const Error *error, void *userdata) {
        _cleanup_bus_call_ BusCall *call = userdata;

        if (!cycle) {
                api_fail(call, r, error);
                return;
        }
        (void) bus_call_write(call, "s", cycle);
        (void) bus_call_finish(call);
}

static int method_run_cycle(BusCall *call, void *object, Error **ret_error) {
        _cleanup_bus_call_ BusCall *kept = bus_call_ref(call);
        char cycle[33];
        Caller caller;
        int r;

        r = api_get_caller(call, &caller);
        if (r < 0)
                return r;
        r = job_run(object, &caller.person, on_run, call, cycle, ret_error);
        if (r == SERVICE_E_LATER) {
                (void) TAKE_PTR(kept);
                return BUS_CALL_LATER;
        }
        return r == 0 ? bus_call_write(call, "s", cycle) : api_answer(call, r, ret_error);
}

static int method_start(BusCall *call, void *object, Error **ret_error) {
        Caller caller;
        int r;

        r = api_get_caller(call, &caller);
        return r < 0 ? r : api_answer(call, job_start(object, &caller.person, ret_error), ret_error);
}

static int method_pause(BusCall *call, void *object, Error **ret_error) {
        Caller caller;
        int r;

        r = api_get_caller(call, &caller);
        return r < 0 ? r : api_answer(call, job_pause(object, &caller.person, ret_error), ret_error);
}

static int method_restart(BusCall *call, void *object, Error **ret_error) {
        _cleanup_strv_ char **scopes = NULL;
        Caller caller;
        int r;

        r = bus_call_read(call, "as", &scopes);
        if (r >= 0)
                r = api_get_caller(call, &caller);
        return r < 0 ? r : api_answer(call, job_restart(object, &caller.person, scopes, ret_error), ret_error);
}

/* ---- decisions ---- */

static int read_objects(BusCall *call, ObjectName **ret, size_t *ret_n, Error **ret_error) {
        _cleanup_free_ ObjectName *objects = NULL;
        BusMessage *m = bus_call_args(call);
        size_t n = 0, n_allocated = 0;
        int r;

        r = bus_message_enter(m, 'a', "(ss)");
        if (r < 0)
                return r;
        while (bus_message_more(m)) {
                const char *kind, *id;

                r = bus_message_read(m, "(ss)", &kind, &id);
                if (r >= 0)
                        r = ARRAY_GROW(objects, n_allocated, n + 1);
                if (r < 0)
                        return r;
                objects[n] = (ObjectName) { .kind = object_kind_from_string(kind), .source_id = id };
                if (objects[n++].kind < 0)
                        return error_set(ret_error, -EINVAL, "\"%s\" is no kind of object; user and group are", kind);
        }
        *ret = TAKE_PTR(objects);
        *ret_n = n;
        return bus_message_exit(m);
}

typedef int (*Decide)(Job *j, const Person *by, const char *review, const char *comment, const ObjectName *objects,
                      size_t n_objects, uint64_t *ret_decided, uint64_t *ret_joined_later, Error **ret_error);

static int decide_all(BusCall *call, Job *j, Decide decide, Error **ret_error) {
        uint64_t decided, joined_later;
        const char *review, *comment;
        Caller caller;
        int r;

        r = bus_call_read(call, "ss", &review, &comment);
        if (r >= 0)
                r = api_get_caller(call, &caller);
        if (r < 0)
                return r;
        r = decide(j, &caller.person, review, comment, NULL, 0, &decided, &joined_later, ret_error);
        return r == 0 ? bus_call_write(call, "uu", (uint32_t) decided, (uint32_t) joined_later)
                      : api_answer(call, r, ret_error);
}

static int decide_selected(BusCall *call, Job *j, Decide decide, Error **ret_error) {
        _cleanup_free_ ObjectName *objects = NULL;
        uint64_t decided, joined_later;
        const char *review, *comment;
        static ObjectName nothing[1];
        Caller caller;
        size_t n;
        int r;

        r = bus_call_read(call, "s", &review);
        if (r >= 0)
                r = read_objects(call, &objects, &n, ret_error);
        if (r >= 0)
                r = bus_call_read(call, "s", &comment);
        if (r >= 0)
                r = api_get_caller(call, &caller);
        if (r < 0)
                return r;
        r = decide(j, &caller.person, review, comment, objects ? objects : nothing, n, &decided, &joined_later,
                   ret_error);
        return r == 0 ? bus_call_write(call, "u", (uint32_t) decided) : api_answer(call, r, ret_error);
}

static int method_allow(BusCall *call, void *object, Error **ret_error) {
        return decide_all(call, object, job_allow, ret_error);
}

static int method_reject(BusCall *call, void *object, Error **ret_error) {
        return decide_all(call, object, job_reject, ret_error);
}

static int method_allow_selected(BusCall *call, void *object, Error **ret_error) {
        return decide_selected(call, object, job_allow, ret_error);
}

static int method_reject_selected(BusCall *call, void *object, Error **ret_error) {
        return decide_selected(call, object, job_reject, ret_error);
}

static int method_release(BusCall *call, void *object, Error **ret_error) {
        _cleanup_free_ ObjectName *objects = NULL;
        Caller caller;
        size_t n;
        int r;

        r = read_objects(call, &objects, &n, ret_error);
        if (r >= 0)
                r = api_get_caller(call, &caller);
        if (r < 0)
                return r;
        return api_answer(call, job_release(object, &caller.person, objects, n, ret_error), ret_error);
}

/* ---- lists ---- */

typedef struct Page {
        BusMessage *m;
        size_t bytes;
} Page;

static int page_full(Page *p, const char *const *strings, size_t n) {
        for (size_t i = 0; i < n; i++)
                p->bytes += strlen(strempty(strings[i])) + 8;
        return p->bytes > PAGE_BYTES_MAX ? -ECANCELED : 0;
}

static uint64_t page_limit(uint32_t limit) {
        return limit == 0 || limit > PAGE_MAX ? PAGE_MAX : limit;
}

static int append_staged(const Staged *s, const char *member, void *userdata) {
        const char *strings[] = { s->source_id, s->target_id, s->display_name, member, "kind and action", "cause" };
        Page *p = userdata;
        int r;

        r = page_full(p, strings, ELEMENTSOF(strings));
        if (r < 0)
                return r;
        return bus_message_append(p->m, "(ssssssst)", object_kind_to_string(s->kind), s->source_id, s->target_id,
                                  s->display_name, change_action_to_string(s->action), cause_to_string(s->cause),
                                  member, s->staged_at);
}

static int method_list_staged(BusCall *call, void *object, Error **ret_error) {
        Page p = { .m = bus_call_reply(call) };
        uint32_t offset, limit;
        int r;

        r = bus_call_read(call, "uu", &offset, &limit);
        if (r >= 0)
                r = bus_message_open(p.m, 'a', "(ssssssst)");
        if (r < 0)
                return r;
        r = job_list_staged(object, offset, page_limit(limit), append_staged, &p, ret_error);
        return r == 0 ? bus_message_close(p.m) : api_answer(call, r, ret_error);
}

/* Of the list above, what the job had disabled before (R5). */
typedef struct WavePage {
        Page page;
        uint64_t skip, left;
} WavePage;

static int append_second_wave(const Staged *s, const char *member, void *userdata) {
        const char *strings[] = { s->source_id, s->disabled.user, s->disabled.review, "kind and cause" };
        WavePage *p = userdata;
        int r;

        if (s->disabled.at == 0)
                return 0;
        if (p->skip > 0) {
                p->skip--;
                return 0;
        }
        if (p->left-- == 0)
                return -ECANCELED;
        r = page_full(&p->page, strings, ELEMENTSOF(strings));
        if (r < 0)
                return r;
        return bus_message_append(p->page.m, "(sstsss)", object_kind_to_string(s->kind), s->source_id, s->disabled.at,
                                  cause_to_string(s->disabled.cause), s->disabled.user, s->disabled.review);
}

static int method_list_second_wave(BusCall *call, void *object, Error **ret_error) {
        WavePage p = { .page.m = bus_call_reply(call) };
        uint32_t offset, limit;
        int r;

        r = bus_call_read(call, "uu", &offset, &limit);
        if (r >= 0)
                r = bus_message_open(p.page.m, 'a', "(sstsss)");
        if (r < 0)
                return r;
        p.skip = offset;
        p.left = page_limit(limit);
        r = job_list_staged(object, 0, 0, append_second_wave, &p, ret_error);
        return r == 0 ? bus_message_close(p.page.m) : api_answer(call, r, ret_error);
}

static int append_wave(uint64_t count, const Disabling *first, uint64_t last_at, void *userdata) {
        return bus_message_append(userdata, "(uttss)", (uint32_t) MIN2(count, UINT32_MAX), first->at, last_at, first->user,
                                  first->review);
}

static int method_summarize_second_wave(BusCall *call, void *object, Error **ret_error) {
        BusMessage *m = bus_call_reply(call);
        int r;

        r = bus_message_open(m, 'a', "(uttss)");
        if (r < 0)
                return r;
        r = job_summarize_second_wave(object, append_wave, m, ret_error);
        return r == 0 ? bus_message_close(m) : api_answer(call, r, ret_error);
}

static int append_group_loss(const char *source_id, const char *display_name, uint64_t lost, uint64_t members, void *userdata) {
        const char *strings[] = { source_id, display_name, "two numbers" };
        Page *p = userdata;
        int r;

        r = page_full(p, strings, ELEMENTSOF(strings));
        if (r < 0)
                return r;
        return bus_message_append(p->m, "(ssuu)", source_id, display_name, (uint32_t) MIN2(lost, UINT32_MAX),
                                  (uint32_t) MIN2(members, UINT32_MAX));
}

static int method_list_group_losses(BusCall *call, void *object, Error **ret_error) {
        Page p = { .m = bus_call_reply(call) };
        int r;

        r = bus_message_open(p.m, 'a', "(ssuu)");
        if (r < 0)
                return r;
        r = job_summarize_group_losses(object, append_group_loss, &p, ret_error);
        return r == 0 ? bus_message_close(p.m) : api_answer(call, r, ret_error);
}

static int append_hold(const Hold *h, void *userdata) {
        const char *strings[] = { h->source_id, h->target_id, h->display_name, "kind" };
        Page *p = userdata;
        int r;

        r = page_full(p, strings, ELEMENTSOF(strings));
        if (r < 0)
                return r;
        return bus_message_append(p->m, "(sssst)", object_kind_to_string(h->kind), h->source_id, h->target_id,
                                  h->display_name, h->since);
}

static int method_list_held(BusCall *call, void *object, Error **ret_error) {
        Page p = { .m = bus_call_reply(call) };
        uint32_t offset, limit;
        int r;

        r = bus_call_read(call, "uu", &offset, &limit);
        if (r >= 0)
                r = bus_message_open(p.m, 'a', "(sssst)");
        if (r < 0)
                return r;
        r = job_list_held(object, offset, page_limit(limit), append_hold, &p, ret_error);
        return r == 0 ? bus_message_close(p.m) : api_answer(call, r, ret_error);
}

static int append_cycle(const CycleRecord *c, void *userdata) {
        BusMessage *m = userdata;
        int r;

        r = bus_message_open(m, '(', "ssttsa{st}");
        if (r >= 0)
                r = bus_message_append(m, "sstts", c->id, cycle_result_to_string(c->result), c->started, c->finished,
                                       c->verdict);
        if (r >= 0)
                r = api_append_counts(m, c);
        return r < 0 ? r : bus_message_close(m);
}

static int method_list_cycles(BusCall *call, void *object, Error **ret_error) {
        BusMessage *m = bus_call_reply(call);
        uint32_t limit;
        int r;

        r = bus_call_read(call, "u", &limit);
        if (r >= 0)
                r = bus_message_open(m, 'a', "(ssttsa{st})");
        if (r < 0)
                return r;
        r = job_list_cycles(object, page_limit(limit), append_cycle, m, ret_error);
        return r == 0 ? bus_message_close(m) : api_answer(call, r, ret_error);
}

/* The ledger counts by action as well; at a glance, Delete and Disable of one cause are one. */
typedef struct Summary {
        uint64_t n[_CAUSE_MAX][_OBJECT_KIND_MAX];
} Summary;

static int add_summary(Cause cause, ObjectKind kind, ChangeAction action, uint64_t count, void *userdata) {
        Summary *s = userdata;

        s->n[cause][kind] += count;
        return 0;
}

static int method_summarize_staged(BusCall *call, void *object, Error **ret_error) {
        BusMessage *m = bus_call_reply(call);
        Summary s = {};
        int r;

        r = job_summarize_staged(object, add_summary, &s, ret_error);
        if (r != 0)
                return api_answer(call, r, ret_error);
        (void) bus_message_open(m, 'a', "(ssu)");
        for (Cause c = 0; c < _CAUSE_MAX; c++)
                for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++)
                        if (s.n[c][k] > 0)
                                (void) bus_message_append(m, "(ssu)", cause_to_string(c), object_kind_to_string(k),
                                                          (uint32_t) MIN2(s.n[c][k], UINT32_MAX));
        return bus_message_close(m);
}

static int method_open_staged(BusCall *call, void *object, Error **ret_error) {
        _cleanup_close_ int fd = -1;
        const char *format;
        int r;

        r = bus_call_read(call, "s", &format);
        if (r < 0)
                return r;
        r = job_open_staged(object, format, &fd, ret_error);
        return r == 0 ? bus_call_write(call, "h", fd) : api_answer(call, r, ret_error);
}

/* ---- what reprieve-cycle answers ---- */

typedef struct Request {
        BusCall *call;
        JobTask *task;
        int (*write)(BusCall *call, int fd);
} Request;

static void on_task(int r, int fd, const Error *error, void *userdata) {
        _cleanup_free_ Request *q = userdata;
        _cleanup_bus_call_ BusCall *call = q->call;
        _cleanup_close_ int output = fd;

        if (r != 0) {
                api_fail(call, r, error);
                return;
        }
        r = q->write(call, output);
        if (r < 0)
                (void) bus_call_fail(call, BUS_ERROR_FAILED,
                                     "reprieve-cycle answered with something else than was asked for");
        else
                (void) bus_call_finish(call);
}

static void on_vanish(BusCall *call, void *userdata) {
        _cleanup_free_ Request *q = userdata;

        job_task_cancel(q->task);
        (void) bus_call_unref(q->call);
}

static Request *request_new(BusCall *call, int (*write_reply)(BusCall *call, int fd)) {
        Request *q = calloc(1, sizeof(*q));

        if (q) {
                q->call = bus_call_ref(call);
                q->write = write_reply;
        }
        return q;
}

static int keep(BusCall *call, Request *q, int r, bool cancel, Error **ret_error) {
        if (r != 0) {
                (void) bus_call_unref(q->call);
                free(q);
                return api_answer(call, r, ret_error);
        }
        if (cancel)
                bus_call_on_vanish(call, on_vanish, q);
        return BUS_CALL_LATER;
}

static int write_plan(BusCall *call, int fd) {
        return bus_call_write(call, "h", fd);
}

static int method_preview(BusCall *call, void *object, Error **ret_error) {
        Request *q = request_new(call, write_plan);

        return q ? keep(call, q, job_preview(object, on_task, q, &q->task, ret_error), true, ret_error) : -ENOMEM;
}

static int append_result(const TaskLine *line, void *userdata) {
        return bus_message_append(userdata, "(sbs)", line->name, line->ok, line->details);
}

static int write_results(BusCall *call, int fd) {
        BusMessage *m = bus_call_reply(call);
        int r;

        (void) bus_message_open(m, 'a', "(sbs)");
        r = job_task_read(fd, append_result, m);
        return r < 0 ? r : bus_message_close(m);
}

static int method_validate(BusCall *call, void *object, Error **ret_error) {
        Request *q = request_new(call, write_results);

        return q ? keep(call, q, job_validate(object, on_task, q, &q->task, ret_error), true, ret_error) : -ENOMEM;
}

static int append_step(const TaskLine *line, void *userdata) {
        return bus_message_append(userdata, "(sss)", line->name, line->status, line->details);
}

static int write_steps(BusCall *call, int fd) {
        BusMessage *m = bus_call_reply(call);
        int r;

        (void) bus_message_open(m, 'a', "(sss)");
        r = job_task_read(fd, append_step, m);
        return r < 0 ? r : bus_message_close(m);
}

static int method_provision_on_demand(BusCall *call, void *object, Error **ret_error) {
        const char *kind_name, *source_id;
        ObjectKind kind;
        Caller caller;
        Request *q;
        int r;

        r = bus_call_read(call, "ss", &kind_name, &source_id);
        if (r >= 0)
                r = api_get_caller(call, &caller);
        if (r < 0)
                return r;
        kind = object_kind_from_string(kind_name);
        if (kind < 0)
                return bus_call_fail(call, BUS_ERROR_INVALID_ARGS, "\"%s\" is no kind of object; user and group are",
                                     kind_name);
        q = request_new(call, write_steps);
        if (!q)
                return -ENOMEM;
        /* It writes to the target: it is finished even if nobody waits any more. */
        r = job_provision_on_demand(object, &caller.person, kind, source_id, on_task, q, &q->task, ret_error);
        return keep(call, q, r, false, ret_error);
}

static int method_send_test(BusCall *call, void *object, Error **ret_error) {
        Caller caller;
        int r;

        r = api_get_caller(call, &caller);
        return r < 0 ? r : api_answer(call, job_send_test(object, &caller.person, ret_error), ret_error);
}

const BusMethod api_job_methods[] = {
        {"RunCycle", "", "", "s", "cycle", method_run_cycle, 0, ACTION_RUN},
        {"Start", "", "", "", "", method_start, 0, ACTION_RUN},
        {"Pause", "", "", "", "", method_pause, 0, ACTION_RUN},
        {"Restart", "as", "scope", "", "", method_restart, 0, ACTION_RUN},
        {"AllowDeletes", "ss", "review comment", "uu", "decided joined_later", method_allow, 0, ACTION_DECIDE},
        {"RejectDeletes", "ss", "review comment", "uu", "decided joined_later", method_reject, 0, ACTION_DECIDE},
        {"AllowSelected", "sa(ss)s", "review objects comment", "u", "decided", method_allow_selected, 0,
         ACTION_DECIDE},
        {"RejectSelected", "sa(ss)s", "review objects comment", "u", "decided", method_reject_selected, 0,
         ACTION_DECIDE},
        {"Release", "a(ss)", "objects", "", "", method_release, 0, ACTION_DECIDE},
        {"ListStaged", "uu", "offset limit", "a(ssssssst)", "staged", method_list_staged, 0, ACTION_LOOK},
        {"SummarizeStaged", "", "", "a(ssu)", "causes", method_summarize_staged, 0, NULL},
        {"ListSecondWave", "uu", "offset limit", "a(sstsss)", "objects", method_list_second_wave, 0, ACTION_LOOK},
        {"SummarizeSecondWave", "", "", "a(uttss)", "waves", method_summarize_second_wave, 0, ACTION_LOOK},
        {"ListGroupLosses", "", "", "a(ssuu)", "groups", method_list_group_losses, 0, ACTION_LOOK},
        {"OpenStaged", "s", "format", "h", "list", method_open_staged, 0, ACTION_LOOK},
        {"ListHeld", "uu", "offset limit", "a(sssst)", "held", method_list_held, 0, ACTION_LOOK},
        {"ListCycles", "u", "limit", "a(ssttsa{st})", "cycles", method_list_cycles, 0, NULL},
        {"Preview", "", "", "h", "plan", method_preview, 0, ACTION_LOOK},
        {"ProvisionOnDemand", "ss", "kind source_id", "a(sss)", "steps", method_provision_on_demand, 0, ACTION_RUN},
        {"ValidateConnections", "", "", "a(sbs)", "results", method_validate, 0, ACTION_RUN},
        {"SendTestNotification", "", "", "", "", method_send_test, 0, ACTION_RUN},
        {},
};
