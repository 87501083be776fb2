// SPDX-License-Identifier: Apache-2.0
#include "proxy/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <pcre2.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "weft/limits.h"

static void roster_free(struct generation *g, struct roster *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < r->count; i++) {
		if (!r->members[i].member)
			continue;
		atomic_fetch_sub(&r->members[i].member->listed, 1);
		member_put(g->fleets, r->members[i].member);
	}
	fleet_put(g->fleets, r->fleet);
	free(r->members);
	free(r->slots);
	free(r);
}

static int list_members(struct generation *g, struct roster *r)
{
	const struct image_endpoint *endpoints = image_endpoints(g->im);
	const uint32_t *codes = image_codes(g->im);

	for (uint32_t i = 0; i < r->count; i++) {
		uint32_t e = codes[r->cluster->members.first + i];
		struct sock_addr at = { endpoints[e].addr, endpoints[e].port };
		struct member *m = member_get(g->fleets, r->fleet, endpoints[e].id, &at);

		if (!m)
			return -ENOMEM;
		atomic_fetch_add(&m->listed, 1);
		r->members[i] = (struct roster_member){ e, endpoints[e].weight, m };
	}
	return 0;
}

static int by_endpoint(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Slots hold endpoint indexes; balancing wants members. */
static int link_slots(const struct generation *g, struct roster *r)
{
	const uint32_t *slots = image_slots(g->im) + r->cluster->slots.first;
	size_t count = r->cluster->slots.count;
	uint32_t(*order)[2] = calloc(r->count + 1, sizeof(*order));

	r->slots = calloc(count + 1, sizeof(*r->slots));
	if (!order || !r->slots) {
		free(order);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < r->count; i++) {
		order[i][0] = r->members[i].endpoint;
		order[i][1] = i;
	}
	qsort(order, r->count, sizeof(*order), by_endpoint);
	for (size_t i = 0; i < count; i++) {
		const uint32_t(*hit)[2] =
			bsearch(&slots[i], order, r->count, sizeof(*order), by_endpoint);

		/* the checker does not promise that slots and members agree */
		r->slots[i] = hit ? (*hit)[1] : IMAGE_NONE;
	}
	free(order);
	return 0;
}

static struct roster *roster_new(struct generation *g, uint32_t cluster)
{
	struct roster *r = calloc(1, sizeof(*r));
	const struct image_cluster *c = image_clusters(g->im) + cluster;

	if (!r)
		return NULL;
	r->cluster = c;
	r->count = c->members.count;
	r->members = calloc(r->count + 1, sizeof(*r->members));
	r->fleet = fleet_get(g->fleets, c->id, image_str(g->im, c->name));
	if (!r->members || !r->fleet || list_members(g, r) || link_slots(g, r)) {
		if (!r->members)
			r->count = 0;
		roster_free(g, r);
		return NULL;
	}
	r->fleet->sweep_every_ms = c->outlier ? c->outlier_interval_ms : 0;
	return r;
}

struct roster *generation_roster(struct generation *g, uint32_t cluster)
{
	struct roster *r = atomic_load_explicit(&g->rosters[cluster], memory_order_acquire);
	struct roster *made, *none = NULL;

	if (r)
		return r;
	made = roster_new(g, cluster);
	if (!made)
		return NULL;
	if (atomic_compare_exchange_strong(&g->rosters[cluster], &none, made))
		return made;
	roster_free(g, made);
	return none;
}

/*
 * Fleets in use get their roster at once: so a member that the new image does not name any more is
 * known as unlisted when the old generation ends, and its idle connections are closed.
 */
static int adopt_fleets(struct generation *g)
{
	for (uint32_t i = 0; i < image_clusters_count(g->im); i++) {
		struct fleet *f = fleet_peek(g->fleets, image_clusters(g->im)[i].id);
		bool ok = !f || generation_roster(g, i);

		fleet_put(g->fleets, f);
		if (!ok)
			return -ENOMEM;
	}
	return 0;
}

static int compile_regexes(struct generation *g, const char **why)
{
	const struct image_regex *rx = image_regexes(g->im);
	size_t n = image_regexes_count(g->im);

	for (size_t i = 0; i < n; i++) {
		struct str p = image_str(g->im, rx[i].pattern);
		PCRE2_SIZE at;
		int err;
		pcre2_code *code =
			pcre2_compile((PCRE2_SPTR)p.p, p.n,
				      PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY |
					      PCRE2_DOTALL | PCRE2_NEVER_BACKSLASH_C,
				      &err, &at, NULL);

		if (!code) {
			*why = "a regular expression does not compile";
			return -EINVAL;
		}
		/* without JIT it is slower, not wrong */
		(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
		g->regexes[i] = code;
	}
	return 0;
}

int generation_of(const void *image, size_t size, struct fleets *fleets, struct generation **out,
		  const char **why)
{
	struct generation *g;
	int err = image_check(image, size, why);

	if (err)
		return err;
	g = calloc(1, sizeof(*g));
	*why = "out of memory";
	if (!g)
		return -ENOMEM;
	g->im = image;
	g->number = g->im->generation;
	g->refs = 1;
	g->fleets = fleets;
	g->regexes = calloc(image_regexes_count(g->im) + 1, sizeof(*g->regexes));
	g->rosters = calloc(image_clusters_count(g->im) + 1, sizeof(*g->rosters));
	err = g->regexes && g->rosters ? compile_regexes(g, why) : -ENOMEM;
	if (!err)
		err = adopt_fleets(g);
	if (err) {
		generation_put(g);
		return err;
	}
	*out = g;
	return 0;
}

int generation_load(int fd, struct fleets *fleets, struct generation **out, const char **why)
{
	enum { SEALS = F_SEAL_WRITE | F_SEAL_SHRINK };
	int seals = fcntl(fd, F_GET_SEALS), err;
	struct stat st;
	void *p;

	*why = "not a sealed memory file of a sensible size";
	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) < 0 || st.st_size <= 0 ||
	    st.st_size > MAX_IMAGE_BYTES)
		return -EINVAL;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	err = generation_of(p, (size_t)st.st_size, fleets, out, why);
	if (err) {
		munmap(p, (size_t)st.st_size);
		return err;
	}
	(*out)->mapped = (size_t)st.st_size;
	return 0;
}

void generation_put(struct generation *g)
{
	if (!g || atomic_fetch_sub(&g->refs, 1) != 1)
		return;
	for (size_t i = 0; g->rosters && i < image_clusters_count(g->im); i++)
		roster_free(g, atomic_load(&g->rosters[i]));
	for (size_t i = 0; g->regexes && i < image_regexes_count(g->im); i++)
		pcre2_code_free(g->regexes[i]);
	free((void *)g->rosters);
	free(g->regexes);
	if (g->mapped)
		munmap((void *)g->im, g->mapped);
	free(g);
}
