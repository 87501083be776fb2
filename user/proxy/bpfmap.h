/* SPDX-License-Identifier: Apache-2.0 */
/* bpfmap.h - reads kernel maps through read-only descriptors with bpf(2): no library, no
 * capability. 0 or -errno. */
#ifndef WEFT_PROXY_BPFMAP_H
#define WEFT_PROXY_BPFMAP_H

#include <stdint.h>

struct bpfmap_info {
	uint32_t type, key_size, value_size, max_entries;
};

int bpfmap_info(int fd, struct bpfmap_info *out);
int bpfmap_lookup(int fd, const void *key, void *value); /* -ENOENT */
int bpfmap_next(int fd, const void *key, void *next);	 /* key NULL: first; -ENOENT: the end */
unsigned int bpfmap_cpus(void); /* values in an element of a per-CPU map, each of 8-byte size */

#endif
