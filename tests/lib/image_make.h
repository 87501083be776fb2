/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_make.h - tiny images by hand, for tests of who reads them. Records are appended in the
 * order of the calls; what image.h wants sorted must come sorted. Never fails: it aborts.
 */
#ifndef WEFT_TESTS_IMAGE_MAKE_H
#define WEFT_TESTS_IMAGE_MAKE_H

#include <stddef.h>

#include "weft/image.h"

struct image_make;

struct image_make *image_make_new(void);
void image_make_free(struct image_make *m);

struct image_str im_str(struct image_make *m, const char *s);
/* Appends a record to a section and returns its index. */
uint32_t im_add(struct image_make *m, enum image_section section, const void *record);
/* A record added before; moves when the section grows. */
void *im_at(struct image_make *m, enum image_section section, uint32_t index);
uint32_t im_count(const struct image_make *m, enum image_section section);

uint32_t im_endpoint(struct image_make *m, const char *ip4, uint16_t port);
/* ROUND_ROBIN over n endpoints, no limits, defaults of mesh-api 3.5. */
uint32_t im_cluster(struct image_make *m, const char *name, const uint32_t *endpoints, uint32_t n);
struct image_cluster *im_cluster_at(struct image_make *m, uint32_t index);
uint32_t im_regex(struct image_make *m, const char *pattern);
uint32_t im_matcher(struct image_make *m, enum image_subject subject, enum image_operator op,
		    const char *name, const char *value);
/* cluster IMAGE_NONE: a subset that is not defined */
uint32_t im_target(struct image_make *m, uint32_t cluster, uint32_t weight);
/* to the last nr_targets targets, under the last nr_matchers matchers */
uint32_t im_route(struct image_make *m, uint32_t nr_matchers, uint32_t nr_targets);
/* of the last nr_routes routes */
uint32_t im_vhost(struct image_make *m, const char *name, uint32_t nr_routes);
uint32_t im_domain(struct image_make *m, enum image_domain_kind kind, const char *name,
		   uint32_t vhost);
/* of the last nr_domains domains, view 0 */
uint32_t im_table(struct image_make *m, uint16_t port, uint32_t nr_domains);
/* any address, view 0 */
uint32_t im_listener_http(struct image_make *m, uint16_t port, uint32_t table);
/* to the last nr_targets targets */
uint32_t im_listener_tcp(struct image_make *m, uint16_t port, uint32_t nr_targets);

void im_access_log(struct image_make *m, uint32_t how); /* image_header.access_log */

/* The image, malloc'ed, 8-aligned, with its checksum. */
void *im_finish(struct image_make *m, uint64_t generation, size_t *size);

#endif
