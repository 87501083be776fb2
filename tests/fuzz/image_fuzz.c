// SPDX-License-Identifier: Apache-2.0
/*
 * Damaged images for the checker. The checksum is made right first: it keeps accidents out, not
 * whoever can compute it. What passes must survive every look-up and the dump.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "image/checksum.h"
#include "image/dump.h"
#include "image/reader.h"

static void look_up_hosts(const struct image_header *im, const struct image_table *t)
{
	const struct image_domain *d = image_domains(im) + t->domains.first;
	char buf[IMAGE_HOST_MAX];
	struct str host;

	image_find_vhost(im, t, STR("a.b.c.example"));
	for (uint32_t i = 0; i < t->domains.count; i++) {
		struct str name = image_str(im, d[i].name);

		if (!image_host(name, STR("ns"), buf, &host))
			image_find_vhost(im, t, host);
		if (!image_find_vhost(im, t, name) && d[i].kind == DOMAIN_EXACT)
			abort();
	}
}

static void look_up(const struct image_header *im)
{
	const struct image_listener *l = image_listeners(im);
	const struct image_pod *p = image_pods(im);

	for (size_t i = 0; i < image_pods_count(im); i++)
		if (image_find_pod(im, p[i].id) != &p[i])
			abort();
	for (size_t i = 0; i < image_listeners_count(im); i++) {
		const struct image_listener *found =
			image_find_listener(im, l[i].view, &l[i].addr, l[i].port);

		if (!found || (l[i].prefix == 128 && found != &l[i]))
			abort();
		image_find_table(im, l[i].view, l[i].port);
	}
	for (size_t i = 0; i < image_tables_count(im); i++)
		look_up_hosts(im, image_tables(im) + i);
}

/* As the proxy does per request: one of the targets by weight. */
static void draw(const struct image_header *im)
{
	const struct image_route *r = image_routes(im);

	for (size_t i = 0; i < image_routes_count(im); i++) {
		const struct image_target *t = image_targets(im) + r[i].targets.first;
		uint32_t at;

		if (r[i].action != ACTION_ROUTE)
			continue;
		at = 12345u % r[i].weight_sum;
		while (at >= t->weight)
			at -= t++->weight;
		if (t >= image_targets(im) + r[i].targets.first + r[i].targets.count)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_header *im = NULL;
	const char *why = NULL;
	static FILE *sink;

	if (!sink)
		sink = fopen("/dev/null", "w");
	if (posix_memalign((void **)&im, 8, size ? size : 1))
		abort();
	memcpy(im, data, size);
	if (size >= sizeof(*im)) {
		im->magic = IMAGE_MAGIC;
		im->version = IMAGE_VERSION;
		im->size = size;
		im->checksum = image_checksum(im, size);
	}
	if (!image_check(im, size, &why)) {
		look_up(im);
		draw(im);
		image_dump_head(im, sink);
		image_dump(im, sink);
	} else if (!why) {
		abort();
	}
	free(im);
	return 0;
}
