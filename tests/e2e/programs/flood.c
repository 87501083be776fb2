// SPDX-License-Identifier: Apache-2.0
/*
 * flood.c - SYNs from random ports of this pod to one address, as fast as they go: flood
 * DESTINATION PORT COUNT. Their checksum is wrong, so that no server answers and nothing ends them.
 * Prints how many were sent.
 */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { BATCH = 64 };

struct packet {
	struct iphdr ip;
	struct tcphdr tcp;
};

static struct in_addr own_address(const struct sockaddr_in *to)
{
	struct sockaddr_in own = { 0 };
	socklen_t len = sizeof(own);
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	if (s < 0 || connect(s, (const struct sockaddr *)to, sizeof(*to)) < 0 ||
	    getsockname(s, (struct sockaddr *)&own, &len) < 0) {
		perror("own address");
		exit(1);
	}
	return own.sin_addr;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	static struct packet packets[BATCH];
	struct mmsghdr msgs[BATCH] = { 0 };
	struct iovec iov[BATCH];
	long count, sent = 0;
	int s = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);

	if (argc != 4 || s < 0 || !inet_aton(argv[1], &to.sin_addr))
		return 1;
	count = atol(argv[3]);
	for (int i = 0; i < BATCH; i++) {
		packets[i].ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = 6 };
		packets[i].ip.saddr = own_address(&to).s_addr;
		packets[i].ip.daddr = to.sin_addr.s_addr;
		packets[i].tcp.dest = htons((unsigned short)atoi(argv[2]));
		packets[i].tcp.doff = 5;
		packets[i].tcp.syn = 1;
		iov[i] = (struct iovec){ &packets[i], sizeof(packets[i]) };
		msgs[i].msg_hdr = (struct msghdr){ .msg_name = &to,
						   .msg_namelen = sizeof(to),
						   .msg_iov = &iov[i],
						   .msg_iovlen = 1 };
	}
	while (sent < count) {
		for (int i = 0; i < BATCH; i++)
			packets[i].tcp.source = htons((unsigned short)(1024 + (sent + i) % 64000));
		if (sendmmsg(s, msgs, BATCH, 0) < 0) {
			perror("sendmmsg");
			return 1;
		}
		sent += BATCH;
	}
	printf("%ld\n", sent);
	return 0;
}
