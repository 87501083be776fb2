/* SPDX-License-Identifier: Apache-2.0 */
/*
 * abi.h - every struct that the kernel programs share with user space. Fixed widths, explicit
 * padding that is always zero (keys compare bytewise), sizes asserted. Bump WEFT_ABI when a layout
 * or a meaning changes: weftd refuses pinned maps of another version and replaces them.
 *
 * Addresses are always 16 bytes, IPv4 is v4-mapped (::ffff:a.b.c.d). Ports are network order.
 * Names never cross: clusters, endpoints and pods are known by the 64-bit FNV-1a hash of their
 * stable name ("id"), the same in the kernel, the image and the metrics.
 */
#ifndef WEFT_ABI_H
#define WEFT_ABI_H

#include <linux/types.h>

enum { WEFT_ABI = 2 };

struct ip16 {
	__be32 w[4];
};

/* What happens to a new flow. */
enum verdict {
	VERDICT_PASS,
	VERDICT_BACKEND, /* L4: balance over the cluster */
	VERDICT_PROXY,	 /* L7: DNAT to weft-proxy */
	VERDICT_REFUSE,	 /* RST (TCP) or ICMP port unreachable (UDP), counted under steer.reason */
};

enum lb_policy {
	LB_ROUND_ROBIN,
	LB_RANDOM,
	LB_LEAST_REQUEST, /* two random choices, fewer active wins */
	LB_SOURCE_HASH,	  /* slots are a Maglev table, indexed by the hash of the client address */
	LB_PASSTHROUGH,	  /* original destination */
};

/* map vips (hash): service addresses. view 0 holds what every client sees; a view of its own
 * overrides it. Look-up order: (view,addr,port) (0,addr,port), cidrs likewise, (0,addr,port 0). */
struct vip_key {
	__u32 view;
	struct ip16 addr;
	__be16 port; /* 0: any other port of this address (REFUSE unknown_port) */
	__u8 proto;  /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 pad;
};
_Static_assert(sizeof(struct vip_key) == 24, "vip_key is ABI");

/* map cidrs (LPM trie): destinations by prefix; the fixed part always counts in prefixlen. */
struct cidr_key {
	__u32 prefixlen; /* CIDR_FIXED_BITS + bits of addr (v4: 96 + n) */
	__u32 view;
	__be16 port;
	__u8 proto;
	__u8 pad;
	struct ip16 addr;
};
enum { CIDR_FIXED_BITS = 64 };
_Static_assert(sizeof(struct cidr_key) == 28, "cidr_key is ABI");

/* value of vips and cidrs */
struct steer {
	__u8 verdict; /* enum verdict */
	__u8 reason;  /* enum kernel_reason, for VERDICT_REFUSE */
	__u16 pad;
	__u32 cluster;	   /* index into clusters, for BACKEND without a split */
	__u32 split_base;  /* first index into slots; its values are cluster indexes */
	__u32 split_count; /* 0: no split */
};
_Static_assert(sizeof(struct steer) == 16, "steer is ABI");

#define WEFT_NO_CLUSTER 0xffffffffu /* in a split slot: the subset does not exist */
#define WEFT_NO_LIMIT	0xffffffffu

/* map clusters (array): settings, written by weftd only */
struct cluster {
	__u64 id;		/* 0: free element */
	__u32 slot_base;	/* into slots; its values are endpoint indexes */
	__u32 slot_count;	/* 0: no endpoint */
	__u32 max_connections;	/* WEFT_NO_LIMIT */
	__u8 lb;		/* enum lb_policy */
	__u8 keepalive;		/* 1: set SO_KEEPALIVE on local client sockets */
	__u16 keepalive_probes; /* 0: OS default */
	__u32 keepalive_time_s; /* 0: OS default */
	__u32 keepalive_interval_s;
};
_Static_assert(sizeof(struct cluster) == 32, "cluster is ABI");

/* map cluster_state (array, same index): written by the kernel, survives config changes */
struct cluster_state {
	__s64 open;	/* reserved connections now */
	__u64 cursor;	/* round robin */
	__u64 opened;	/* ever */
	__u64 overflow; /* refused: pool_full */
};
_Static_assert(sizeof(struct cluster_state) == 32, "cluster_state is ABI");

enum endpoint_flags {
	ENDPOINT_EJECTED = 1, /* outlier detection: passed over */
	ENDPOINT_GONE = 2,    /* in no plan any more; kept while connections refer to it */
};

/* map endpoints (array) */
struct endpoint {
	__u64 id; /* 0: free element */
	struct ip16 addr;
	__be16 port;
	__u16 flags;
	__u32 weight;
};
_Static_assert(sizeof(struct endpoint) == 32, "endpoint is ABI");

/* map endpoint_state (array, same index) */
struct endpoint_state {
	__s64 active; /* open connections now */
	__u64 total;
};
_Static_assert(sizeof(struct endpoint_state) == 16, "endpoint_state is ABI");

enum door_kind { DOOR_POD = 1, DOOR_NODE = 2 };

/* map doors (hash by ifindex): what enters the node through this device */
struct door {
	__u64 pod_id; /* 0 for DOOR_NODE */
	__u32 view;
	__u8 kind;
	__u8 veth; /* 1: bpf_redirect_peer works on it; set by door_attach */
	__u8 pad[2];
	struct ip16 ip4, ip6; /* the pod's addresses, zero: none. Others are spoofed. */
};
_Static_assert(sizeof(struct door) == 48, "door is ABI");

enum pod_flags {
	POD_DEMANDS_PROXY = 1, /* inbound policy: only the proxy may reach it */
};

/* map pods (hash by struct ip16): pods of this node, for bpf_redirect_peer and inbound policy */
struct pod {
	__u64 pod_id;
	__u32 ifindex; /* of the host-side veth */
	__u32 flags;
	__u8 mac[6]; /* of the pod's own device */
	__u8 veth;   /* 1: bpf_redirect_peer works on it */
	__u8 pad;
};
_Static_assert(sizeof(struct pod) == 24, "pod is ABI");

/* map conns (hash): both directions of every translated connection, each under its own key */
struct conn_key {
	struct ip16 src, dst; /* as the packet arrives, before translation */
	__be16 sport, dport;
	__u8 proto;
	__u8 pad[3];
};
_Static_assert(sizeof(struct conn_key) == 40, "conn_key is ABI");

enum conn_state { CONN_SYN = 1, CONN_OPEN, CONN_CLOSING };

enum conn_flags {
	CONN_REPLY = 1,	   /* this entry translates answers */
	CONN_RESERVED = 2, /* counted in cluster_state.open (TCP) and endpoint_state.active; cleared
			    * exactly once, by whoever ends the connection first */
	CONN_PROXY = 4,	   /* goes to weft-proxy */
	CONN_FIN_FWD = 8,  /* FIN seen from the client */
	CONN_FIN_REP = 16, /* FIN seen from the server */
	CONN_HAIRPIN = 32, /* client and endpoint are the same pod: source rewritten too */
	CONN_RST = 64,	   /* reset by one side: no payload passes any more */
	CONN_ASIS = 128,   /* tracked, not translated (LB_PASSTHROUGH) */
};

struct conn {
	/* what every packet needs, together */
	struct ip16 src, dst; /* what the packet leaves with */
	__be16 sport, dport;
	__u32 flags;	  /* the forward entry's are authoritative; changed atomically */
	__u32 state;	  /* enum conn_state; the forward entry's is authoritative */
	__u32 door;	  /* packets of this key enter by this pod's door; 0: by no pod's door */
	__u32 redirect;	  /* host-side veth of the pod they go to; 0: through the host stack */
	__u32 addr_delta; /* what the addresses' change adds to a checksum */
	__u32 port_delta; /* the ports' */
	__u32 seen_tick;  /* coarse clock of seen_ns, for the doors alone */
	__u64 seen_ns;	  /* CLOCK_MONOTONIC, coarse */
	__u64 packets, bytes; /* of this direction; bytes of payload */
	__u64 told;	      /* of bytes: already in flow_stats */
	/* the rest */
	struct conn_key peer; /* the other entry's key */
	struct ip16 orig_dst; /* what the client dialled */
	__be16 orig_port;
	__u16 pad;
	__u32 cluster;	/* index, WEFT_NO_CLUSTER for the proxy */
	__u32 endpoint; /* index, WEFT_NO_CLUSTER for the proxy */
	__u32 srtt_us;	/* last seen by sockops, 0: unknown */
	__u64 pod_id;	/* client pod, from its door; 0: not a pod of this node */
	__u64 opened_ns;
};
_Static_assert(sizeof(struct conn) == 184, "conn is ABI");

/*
 * weft-proxy finds a client's original destination under the REPLY key: src = the address and port
 * it accepted on, dst = the client's. One look-up gives orig_dst, orig_port and pod_id.
 */

/* map flow_stats (hash): closed and running L4 connections by client pod, cluster, endpoint */
struct flow_key {
	__u64 pod_id, cluster_id, endpoint_id;
};

struct flow_stats {
	__u64 opened, closed;
	__u64 sent;	/* bytes towards the client (mesh-api 21.3) */
	__u64 received; /* bytes from the client */
	__u64 rtt_us_sum, rtt_count;
};
_Static_assert(sizeof(struct flow_stats) == 48, "flow_stats is ABI");

/* map proxy_at (array of one): where weft-proxy listens; port 0: it is not running */
struct proxy_at {
	struct ip16 ip4, ip6;
	__be16 port;
	__u16 pad[3];
};
_Static_assert(sizeof(struct proxy_at) == 40, "proxy_at is ABI");

/* map cluster_census, endpoint_census (arrays, same indexes): references counted by the sweep */
struct census {
	__u32 round;	/* of the count; another round: 0 references */
	__u32 conns;	/* entries that refer to it */
	__u32 reserved; /* of them with CONN_RESERVED and TCP */
	__u32 pad;
};
_Static_assert(sizeof(struct census) == 16, "census is ABI");

/* map meta (array of one): for the next weftd */
struct tables_meta {
	__u32 abi;				   /* WEFT_ABI of the maps beside it */
	__u32 nr_clusters, nr_endpoints, nr_slots; /* elements in use lie below */
	__u32 round;				   /* of the census */
	__u32 pad;
};
_Static_assert(sizeof(struct tables_meta) == 24, "tables_meta is ABI");

/* the sweep program's argument and answer */
struct sweep_arg {
	__u64 now;
	__u32 round; /* 0: no census */
	__u32 pad;
	__u64 conns, expired, flushed; /* out */
	__s64 correct; /* in: added to cluster_state[cluster].open, nothing else is done */
	__u32 cluster, pad2;
};
_Static_assert(sizeof(struct sweep_arg) == 56, "sweep_arg is ABI");

/* ring buffer events: rare transitions only */
struct event {
	__u64 ns;
	__u32 reason; /* enum kernel_reason */
	__u32 ifindex;
	struct conn_key key;
};
_Static_assert(sizeof(struct event) == 56, "event is ABI");

#endif
