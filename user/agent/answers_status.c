// SPDX-License-Identifier: Apache-2.0
#include "agent/answers.h"

#include <unistd.h>

#include "agent/chores.h"
#include "base/clock.h"
#include "bpf/lib/addr.h"
#include "kernel/events.h"
#include "kernel/tables.h"
#include "weft/control.h"

static json_t *ms_as_seconds(uint64_t ms)
{
	return json_integer((json_int_t)(ms / 1000));
}

static json_t *proxy_json(const struct agent *a)
{
	struct keeper_status s;
	json_t *v = json_object();

	keeper_status(a->keeper, &s);
	json_object_set_new(v, "state", json_string(proxy_phase_name(s.phase)));
	json_object_set_new(v, "pid", json_integer(s.pid));
	json_object_set_new(v, "restarts", json_integer((json_int_t)s.restarts));
	json_object_set_new(v, "generation", json_integer((json_int_t)s.generation));
	json_object_set_new(v, "workers", json_integer(a->opt.workers));
	json_object_set_new(v, "uptime_s", ms_as_seconds(s.pid ? clock_ms() - s.started_ms : 0));
	json_object_set_new(v, "rss_kb", json_integer(s.pid ? (json_int_t)rss_kb(s.pid) : 0));
	if (s.replacing)
		json_object_set_new(v, "replacing_pid", json_integer(s.replacing));
	return v;
}

/* ---- objects ----------------------------------------------------------------------------------
 */

static void add_problem(json_t *list, const struct object *o, const struct problem *p)
{
	struct pos pos = p->pos.line ? p->pos : o->pos;
	json_t *v = json_object();

	json_object_set_new(v, "level", json_string(p->warning ? "warning" : "error"));
	json_object_set_new(v, "line", json_integer(pos.line));
	json_object_set_new(v, "column", json_integer(pos.col));
	json_object_set_new(v, "path", json_text(p->path));
	json_object_set_new(v, "message", json_text(p->message));
	json_array_append_new(list, v);
}

static bool same_name(const struct object *a, const struct object *b)
{
	return a->kind == b->kind && str_eq(a->meta.ns, b->meta.ns) &&
	       str_eq(a->meta.name, b->meta.name);
}

/* A rejected object whose last valid version still stands. */
static bool older_in_force(const struct source_view *view, const struct object *o)
{
	for (size_t i = 0; i < view->in_force->n; i++)
		if (same_name(view->in_force->items[i], o))
			return true;
	return false;
}

static const char *object_state(const struct object *o, size_t problems)
{
	if (o->skipped)
		return "skipped";
	if (!o->valid)
		return "rejected";
	return problems ? "warned" : "applied";
}

static json_t *object_json(const struct agent *a, const struct object *o)
{
	json_t *v = json_object(), *problems = json_array();
	size_t nr_notes;
	const struct note *notes = push_notes(a->push, &nr_notes);
	const char *state;

	for (size_t i = 0; i < o->problems.n; i++)
		add_problem(problems, o, &o->problems.items[i]);
	for (size_t i = 0; i < nr_notes; i++)
		if (notes[i].object == o)
			add_problem(problems, o, &notes[i].problem);
	state = object_state(o, json_array_size(problems));
	json_object_set_new(v, "state", json_string(state));
	json_object_set_new(v, "kind", json_text(o->meta.kind));
	json_object_set_new(v, "namespace", json_text(o->meta.ns));
	json_object_set_new(v, "name", json_text(o->meta.name));
	json_object_set_new(v, "file", json_text(o->file));
	json_object_set_new(v, "line", json_integer(o->pos.line));
	if (!o->valid && !o->skipped)
		json_object_set_new(v, "last_valid_in_force",
				    json_boolean(older_in_force(push_view(a->push), o)));
	json_object_set_new(v, "problems", problems);
	return v;
}

static json_t *config_json(const struct agent *a)
{
	const struct source_view *view = push_view(a->push);
	json_t *v = json_object(), *list = json_array();
	struct object_counts n;

	count_objects(a, &n);
	json_object_set_new(v, "dir", json_text(str_of(a->opt.config)));
	json_object_set_new(v, "applied", json_integer((json_int_t)n.applied));
	json_object_set_new(v, "warned", json_integer((json_int_t)n.warned));
	json_object_set_new(v, "rejected", json_integer((json_int_t)n.rejected));
	json_object_set_new(v, "skipped", json_integer((json_int_t)n.skipped));
	for (size_t i = 0; view && i < view->seen->n; i++)
		json_array_append_new(list, object_json(a, view->seen->items[i]));
	json_object_set_new(v, "objects", list);
	return v;
}

static json_t *push_json(const struct agent *a)
{
	struct push_status s;
	json_t *v = json_object();

	push_status(a->push, &s);
	json_object_set_new(v, "generation", json_integer((json_int_t)s.generation));
	json_object_set_new(v, "pushes", json_integer((json_int_t)s.pushes));
	json_object_set_new(v, "failures", json_integer((json_int_t)s.failures));
	json_object_set_new(v, "busy", json_boolean(s.busy));
	json_object_set_new(v, "error", json_text(str_of(s.why)));
	json_object_set_new(v, "total_ms", json_real((double)s.total_us / 1000));
	json_object_set_new(v, "read_ms", json_real((double)s.read_us / 1000));
	json_object_set_new(v, "compile_ms", json_real((double)s.compile_us / 1000));
	json_object_set_new(v, "proxy_ms", json_real((double)s.image_us / 1000));
	json_object_set_new(v, "tables_ms", json_real((double)s.tables_us / 1000));
	json_object_set_new(v, "image_bytes", json_integer((json_int_t)s.image_bytes));
	json_object_set_new(v, "at_ms", json_integer((json_int_t)s.at_ms));
	return v;
}

/* ---- kernel -----------------------------------------------------------------------------------
 */

static json_t *use_json(uint64_t used, uint64_t size)
{
	return json_pack("{s:I,s:I}", "used", (json_int_t)used, "size", (json_int_t)size);
}

static uint32_t count_slots(const struct plan *p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->nr_clusters; i++)
		n += p->clusters[i].nr_slots;
	return n;
}

static json_t *reasons_json(const struct agent *a)
{
	uint64_t counts[NR_KERNEL_REASONS];
	json_t *v = json_object();

	if (tables_reasons(a->kernel, counts))
		return v;
	for (uint32_t i = 0; i < NR_KERNEL_REASONS; i++)
		json_object_set_new(v, reason_name(i), json_integer((json_int_t)counts[i]));
	return v;
}

static json_t *kernel_json(const struct agent *a)
{
	const struct plan *p = push_plan(a->push);
	json_t *v = json_object(), *tables = json_object();

	json_object_set_new(v, "pins", json_text(str_of(a->opt.pins)));
	json_object_set_new(v, "cgroup", json_text(str_of(kernel_cgroup(a->kernel))));
	json_object_set_new(v, "taken_over", json_boolean(kernel_reused(a->kernel)));
	json_object_set_new(v, "pool_drift", json_integer((json_int_t)a->pool_drift));
	json_object_set_new(tables, "connections", use_json(a->conns, MAX_CONN_KEYS / 2));
	json_object_set_new(tables, "doors", use_json(doorset_count(a->doors), MAX_DOORS));
	json_object_set_new(tables, "vips", use_json(p ? p->nr_vips : 0, MAX_VIPS));
	json_object_set_new(tables, "clusters", use_json(p ? p->nr_clusters : 0, MAX_CLUSTERS));
	json_object_set_new(tables, "endpoints", use_json(p ? p->nr_endpoints : 0, MAX_ENDPOINTS));
	json_object_set_new(tables, "slots", use_json(p ? count_slots(p) : 0, MAX_SLOTS));
	json_object_set_new(v, "tables", tables);
	json_object_set_new(v, "reasons", reasons_json(a));
	return v;
}

json_t *answer_status(const struct question *q)
{
	const struct agent *a = q->agent;
	json_t *v = json_object();
	uint64_t enrolled, failed;

	count_pods(a, &enrolled, &failed);
	json_object_set_new(v, "node", json_text(str_of(a->opt.node)));
	json_object_set_new(v, "version", json_string(WEFT_VERSION));
	json_object_set_new(v, "pid", json_integer(getpid()));
	json_object_set_new(v, "uptime_s", ms_as_seconds(clock_ms() - a->started_ms));
	json_object_set_new(v, "rss_kb", json_integer((json_int_t)rss_kb(getpid())));
	json_object_set_new(v, "proxy", proxy_json(a));
	json_object_set_new(v, "config", config_json(a));
	json_object_set_new(v, "push", push_json(a));
	json_object_set_new(v, "pods",
			    json_pack("{s:I,s:I,s:I}", "enrolled", (json_int_t)enrolled, "failed",
				      (json_int_t)failed, "local",
				      (json_int_t)enroll_count(a->enroll)));
	json_object_set_new(v, "kernel", kernel_json(a));
	return v;
}

json_t *answer_version(const struct question *q)
{
	return json_pack("{s:s,s:i,s:o}", "version", WEFT_VERSION, "abi", (int)WEFT_ABI, "node",
			 json_text(str_of(q->agent->opt.node)));
}
