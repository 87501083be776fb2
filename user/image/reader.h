/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.h - reads an image (include/weft/image.h) in place. image_check looks at every byte once;
 * an image that passed needs no check in any accessor or look-up below. Nothing here allocates,
 * nothing is written; the memory of the image must stay as long as pointers into it are used.
 */
#ifndef WEFT_IMAGE_READER_H
#define WEFT_IMAGE_READER_H

#include "base/str.h"
#include "weft/image.h"

/* Checks n bytes at p (8-aligned): 0, or -EINVAL with *why a fixed text. Damaged input is safe. */
int image_check(const void *p, size_t n, const char **why);

/* image_pods(im), image_pods_count(im), … for each section: the records, in the file */
#define IMAGE_ACCESSOR(name, record)                                                               \
	static inline const record *image_##name(const struct image_header *im)                    \
	{                                                                                          \
		return (const record *)((const char *)im + im->sections[IMAGE_##name].off);        \
	}                                                                                          \
	static inline size_t image_##name##_count(const struct image_header *im)                   \
	{                                                                                          \
		return im->sections[IMAGE_##name].count;                                           \
	}
IMAGE_SECTIONS(IMAGE_ACCESSOR)

/* The bytes; s.p is NUL-terminated. */
static inline struct str image_str(const struct image_header *im, struct image_str s)
{
	return (struct str){ image_strings(im) + s.off, s.len };
}

/* NULL: not a pod of this node */
const struct image_pod *image_find_pod(const struct image_header *im, uint64_t id);

/* Where a connection to addr:port (host order) of a client in `view` belongs. NULL: nowhere. */
const struct image_listener *image_find_listener(const struct image_header *im, uint32_t view,
						 const struct ip16 *addr, uint16_t port);

/* NULL: no table of that port in view, nor in view 0 */
const struct image_table *image_find_table(const struct image_header *im, uint32_t view,
					   uint16_t port);

enum { IMAGE_HOST_MAX = 320 };

/*
 * The form in which a Host is looked up: lower case, without port and trailing dot; a name without
 * a dot gets "." and the client's namespace (none when ns is empty). Written to buf.
 * 0, -EINVAL when empty, -ENAMETOOLONG.
 */
int image_host(struct str raw, struct str ns, char buf[IMAGE_HOST_MAX], struct str *out);

/*
 * The virtual host of a canonical host: exact in the table, exact in its fallback, then the longest
 * wildcard of both (the table first on a tie), then "*". NULL: none.
 */
const struct image_vhost *image_find_vhost(const struct image_header *im,
					   const struct image_table *table, struct str host);

#endif
