/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - Ethernet frames for tests, built and checked byte by byte with arithmetic of its own,
 * so that a mistake in bpf/lib cannot hide here as well. Addresses as text; the family follows.
 */
#ifndef WEFT_TESTS_FRAME_H
#define WEFT_TESTS_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct frame {
	uint8_t b[2048];
	size_t n;
};

struct ends {
	const char *src;
	uint16_t sport;
	const char *dst;
	uint16_t dport;
};

void frame_tcp(struct frame *f, struct ends e, uint8_t flags, uint32_t seq, uint32_t ack,
	       const char *payload);
void frame_udp(struct frame *f, struct ends e, const char *payload);
/* An ICMP error from -> to, which quotes the first `quoted` bytes of the packet in `about`. */
void frame_icmp(struct frame *f, const char *from, const char *to, uint8_t type, uint8_t code,
		const struct frame *about, size_t quoted);

/* Does the frame carry this? Addresses, ports, every checksum. NULL, or what is wrong. */
const char *frame_wrong(const struct frame *f, struct ends e);
/* Only the checksums: of IPv4, and of TCP, UDP or ICMP. */
const char *frame_bad_sums(const struct frame *f);

size_t frame_l4(const struct frame *f); /* offset of the layer-4 header (no extensions) */
uint8_t frame_proto(const struct frame *f);
uint8_t frame_tcp_flags(const struct frame *f);
void frame_fix(struct frame *f); /* all checksums and the IP length anew, after a change by hand */

#endif
