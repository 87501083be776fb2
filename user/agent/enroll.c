// SPDX-License-Identifier: Apache-2.0
#include "agent/enroll.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/scout.h"
#include "base/log.h"
#include "bpf/lib/addr.h"
#include "weft/limits.h"

struct enroll {
	struct loop *loop;
	struct kernel *kernel;
	struct doorset *doors;
	struct scout *scout;
	struct timer retry;
	uint64_t pause_ms;
	bool cleaned; /* what an earlier weftd left has been looked through */
	struct enroll_pod *pods;
	size_t n;
};

const char *enroll_state_name(enum enroll_state s)
{
	static const char *const names[] = { "waiting", "enrolled", "failed", "not enrolled" };

	return names[s];
}

static void pod_done(struct enroll_pod *p)
{
	free(p->name);
	free(p->ns);
}

static bool has_address(const struct enroll_pod *p)
{
	return !ip16_is_zero(&p->ips[0]) || !ip16_is_zero(&p->ips[1]);
}

static void set_state(struct enroll_pod *p, enum enroll_state state, const char *reason)
{
	bool news = p->state != state || strcmp(p->reason, reason) != 0;

	p->state = state;
	snprintf(p->reason, sizeof(p->reason), "%s", reason);
	if (!news)
		return;
	if (state == POD_ENROLLED)
		log_info("enroll", "pod %s/%s is enrolled device=%s", p->ns, p->name, p->device);
	else if (state == POD_FAILED)
		log_warn("enroll", "pod %s/%s failed: %s", p->ns, p->name, reason);
	else
		log_debug("enroll", "pod %s/%s %s: %s", p->ns, p->name, enroll_state_name(state),
			  reason);
}

/* ---- what the kernel knows about a pod --------------------------------------------------------
 */

static void unpublish_addresses(struct enroll *e, const struct enroll_pod *p)
{
	for (int i = 0; i < 2; i++)
		if (!ip16_is_zero(&p->ips[i]))
			pod_del(e->kernel, &p->ips[i]);
}

static int publish_addresses(struct enroll *e, const struct enroll_pod *p)
{
	struct pod value = { .pod_id = p->id, .ifindex = p->ifindex, .flags = p->flags, .veth = 1 };
	int err = 0;

	memcpy(value.mac, p->mac, sizeof(value.mac));
	for (int i = 0; i < 2 && !err; i++)
		if (!ip16_is_zero(&p->ips[i]))
			err = pod_put(e->kernel, &p->ips[i], &value);
	return err;
}

static struct door door_of(const struct enroll_pod *p)
{
	struct door d = { .pod_id = p->id, .view = p->view, .kind = DOOR_POD };

	for (int i = 0; i < 2; i++) {
		if (ip16_is_zero(&p->ips[i]))
			continue;
		if (ip16_is_v4(&p->ips[i]))
			d.ip4 = p->ips[i];
		else
			d.ip6 = p->ips[i];
	}
	return d;
}

/* Its device is known: door first, addresses after it, the word "enrolled" last. */
static void publish(struct enroll *e, struct enroll_pod *p, const char *why)
{
	struct door d = door_of(p);
	const char *step = "attach to the device";
	char reason[160];
	int err = 0;

	if (p->wanted)
		err = doorset_put(e->doors, p->ifindex, &d);
	else
		err = doorset_bare(e->doors, p->ifindex);
	if (!err) {
		step = "publish the address";
		err = publish_addresses(e, p);
	}
	if (!p->wanted) {
		set_state(p, POD_IGNORED, why);
	} else if (err) {
		snprintf(reason, sizeof(reason), "cannot %s %s: %s", step, p->device,
			 strerror(-err));
		set_state(p, POD_FAILED, reason);
	} else {
		set_state(p, POD_ENROLLED, "");
	}
	if (err == -ENODEV)
		p->ifindex = 0; /* it is gone already: look for the pod anew */
}

static void withdraw(struct enroll *e, struct enroll_pod *p)
{
	unpublish_addresses(e, p); /* first: see doorset_bare */
	if (p->ifindex)
		doorset_release(e->doors, p->ifindex);
	p->ifindex = 0;
	p->device[0] = 0;
}

/* ---- looking for pods -------------------------------------------------------------------------
 */

static bool is_open(const struct enroll_pod *p)
{
	return has_address(p) && (!p->ifindex || p->state == POD_FAILED);
}

static size_t count_open(const struct enroll *e)
{
	size_t open = 0;

	for (size_t i = 0; i < e->n; i++)
		open += is_open(&e->pods[i]);
	return open;
}

static void retry_fire(struct timer *t)
{
	struct enroll *e = (struct enroll *)((char *)t - offsetof(struct enroll, retry));
	size_t open = count_open(e), n = 0;
	struct netns_query *queries;

	if (!open || scout_busy(e->scout))
		return;
	queries = calloc(open, sizeof(*queries));
	if (!queries) {
		timer_set(e->loop, &e->retry, ENROLL_RETRY_MAX_MS);
		return;
	}
	for (size_t i = 0; i < e->n; i++) {
		const struct enroll_pod *p = &e->pods[i];

		if (!is_open(p))
			continue;
		queries[n].pod_id = p->id;
		memcpy(queries[n].ips, p->ips, sizeof(p->ips));
		n++;
	}
	if (scout_give(e->scout, queries, n))
		timer_set(e->loop, &e->retry, ENROLL_RETRY_MAX_MS);
}

static void look_soon(struct enroll *e)
{
	e->pause_ms = ENROLL_RETRY_MS;
	if (count_open(e))
		timer_set(e->loop, &e->retry, 1);
}

static struct enroll_pod *pod_find(const struct enroll *e, uint64_t id)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->pods[i].id == id)
			return &e->pods[i];
	return NULL;
}

static void take_answer(struct enroll *e, const struct netns_query *q, int err)
{
	struct enroll_pod *p = pod_find(e, q->pod_id);
	char why[sizeof(p->reason)];

	/* the config may have moved on while the scout was away */
	if (!p || !is_open(p) || memcmp(p->ips, q->ips, sizeof(q->ips)) != 0)
		return;
	if (q->found) {
		snprintf(why, sizeof(why), "%s", p->reason);
		p->ifindex = q->ifindex;
		memcpy(p->device, q->device, sizeof(p->device));
		memcpy(p->mac, q->mac, sizeof(p->mac));
		publish(e, p, why);
	} else if (p->wanted && err) {
		snprintf(why, sizeof(why), "looking for its network namespace failed: %s",
			 strerror(-err));
		set_state(p, POD_WAITING, why);
	} else if (p->wanted) {
		p->ifindex = 0;
		set_state(p, POD_WAITING,
			  "no network namespace with its address is joined to this node by a veth");
	}
}

static void scouted(void *arg, struct netns_query *queries, size_t n, int err)
{
	struct enroll *e = arg;

	for (size_t i = 0; i < n; i++)
		take_answer(e, &queries[i], err);
	free(queries);
	if (!count_open(e))
		return;
	timer_set(e->loop, &e->retry, e->pause_ms);
	e->pause_ms *= 2;
	if (e->pause_ms > ENROLL_RETRY_MAX_MS)
		e->pause_ms = ENROLL_RETRY_MAX_MS;
}

/* ---- following the plan -----------------------------------------------------------------------
 */

static bool pod_init(struct enroll_pod *p, const struct plan_pod *from)
{
	*p = (struct enroll_pod){ .id = from->id,
				  .name = strdup(from->name),
				  .ns = strdup(from->ns),
				  .view = from->view,
				  .flags = from->flags,
				  .wanted = from->enroll };
	memcpy(p->ips, from->ips, sizeof(p->ips));
	p->state = from->enroll ? POD_WAITING : POD_IGNORED;
	if (!from->enroll)
		snprintf(p->reason, sizeof(p->reason), "%s", from->why ? from->why : "");
	else if (!has_address(p))
		snprintf(p->reason, sizeof(p->reason), "it has no status.podIP yet");
	return p->name && p->ns;
}

static bool share_address(const struct enroll_pod *a, const struct enroll_pod *b)
{
	for (int i = 0; i < 2; i++)
		if (!ip16_is_zero(&a->ips[i]) && ip16_eq(&a->ips[i], &b->ips[i]))
			return true;
	return false;
}

/* A pod that has ended keeps its address in its status while another has it in use. */
static void settle_claims(struct enroll_pod *pods, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < n; k++) {
			bool first = pods[k].wanted != pods[i].wanted ? pods[k].wanted : k < i;

			if (k == i || !first || !share_address(&pods[i], &pods[k]))
				continue;
			memset(pods[i].ips, 0, sizeof(pods[i].ips));
			if (pods[i].wanted)
				snprintf(pods[i].reason, sizeof(pods[i].reason),
					 "its address is also that of pod %s/%s", pods[k].ns,
					 pods[k].name);
		}
	}
}

/* The same pod as before: it keeps its place; what the kernel knows is brought up to date. */
static void carry_over(struct enroll *e, struct enroll_pod *p, struct enroll_pod *old)
{
	char why[sizeof(p->reason)];

	if (memcmp(p->ips, old->ips, sizeof(p->ips)) != 0) {
		withdraw(e, old);
		return;
	}
	if (!old->ifindex) {
		if (p->wanted && old->wanted)
			memcpy(p->reason, old->reason, sizeof(p->reason));
		return;
	}
	p->ifindex = old->ifindex;
	memcpy(p->device, old->device, sizeof(p->device));
	memcpy(p->mac, old->mac, sizeof(p->mac));
	memcpy(why, p->reason, sizeof(why));
	if (p->wanted && old->wanted) {
		p->state = old->state;
		memcpy(p->reason, old->reason, sizeof(p->reason));
	}
	if (p->wanted != old->wanted || p->view != old->view || p->flags != old->flags)
		publish(e, p, why);
}

static bool pod_owns(const struct enroll_pod *p, const struct ip16 *addr)
{
	return p && (ip16_eq(&p->ips[0], addr) || ip16_eq(&p->ips[1], addr));
}

/* Entries of pods that an earlier weftd published and that nobody wants now. */
static void drop_strangers(struct enroll *e)
{
	struct pod_entry *old = calloc(MAX_PODS, sizeof(*old));
	int n = old ? pods_list(e->kernel, old, MAX_PODS) : 0;

	for (int i = 0; i < n && i < MAX_PODS; i++)
		if (!pod_owns(pod_find(e, old[i].pod.pod_id), &old[i].addr))
			pod_del(e->kernel, &old[i].addr);
	free(old);
	for (size_t i = 0; i < doorset_count(e->doors); i++) {
		uint32_t ifindex;
		const struct door *d = doorset_at(e->doors, i, &ifindex);
		const struct enroll_pod *p = pod_find(e, d->pod_id);

		if (d->kind == DOOR_POD && !(p && p->wanted))
			doorset_release(e->doors, ifindex);
	}
}

void enroll_sync(struct enroll *e, const struct plan *plan)
{
	struct enroll_pod *old = e->pods, *pods = calloc(plan->nr_pods + 1, sizeof(*pods));
	size_t nr_old = e->n, n = 0;

	if (!pods) {
		log_err(-ENOMEM, "enroll", "pods stay as they were");
		return;
	}
	for (uint32_t i = 0; i < plan->nr_pods; i++) {
		if (!plan->pods[i].local)
			continue;
		if (!pod_init(&pods[n++], &plan->pods[i]))
			abort(); /* as arena.h: half a node must not be put in force */
	}
	settle_claims(pods, n);
	for (size_t i = 0; i < n; i++) {
		struct enroll_pod *before = pod_find(e, pods[i].id);

		if (before)
			carry_over(e, &pods[i], before);
	}
	e->pods = pods;
	e->n = n;
	for (size_t i = 0; i < nr_old; i++) {
		if (!pod_find(e, old[i].id))
			withdraw(e, &old[i]);
		pod_done(&old[i]);
	}
	free(old);
	if (!e->cleaned)
		drop_strangers(e);
	e->cleaned = true;
	look_soon(e);
}

void enroll_links(struct enroll *e, const struct link *links, size_t n)
{
	for (size_t i = 0; i < e->n; i++) {
		struct enroll_pod *p = &e->pods[i];
		bool there = !p->ifindex;

		for (size_t k = 0; k < n && !there; k++)
			there = links[k].index == p->ifindex;
		if (there)
			continue;
		unpublish_addresses(e, p);
		p->ifindex = 0;
		if (p->wanted)
			set_state(p, POD_WAITING, "its device is gone");
	}
	look_soon(e);
}

/* ---- life -------------------------------------------------------------------------------------
 */

int enroll_new(struct loop *l, struct kernel *k, struct doorset *doors, struct enroll **out)
{
	struct enroll *e = calloc(1, sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	e->loop = l;
	e->kernel = k;
	e->doors = doors;
	e->retry.fire = retry_fire;
	e->pause_ms = ENROLL_RETRY_MS;
	err = scout_new(l, scouted, e, &e->scout);
	if (err) {
		free(e);
		return err;
	}
	*out = e;
	return 0;
}

struct enroll *enroll_free(struct enroll *e)
{
	if (!e)
		return NULL;
	timer_stop(e->loop, &e->retry);
	scout_free(e->scout);
	for (size_t i = 0; i < e->n; i++)
		pod_done(&e->pods[i]);
	free(e->pods);
	free(e);
	return NULL;
}

size_t enroll_count(const struct enroll *e)
{
	return e->n;
}

const struct enroll_pod *enroll_at(const struct enroll *e, size_t i)
{
	return &e->pods[i];
}
