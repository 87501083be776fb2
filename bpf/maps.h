/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.h - every map, once. Weak, because each program file includes it and the static linker
 * keeps one of each. Arrays that weftd fills are mapped into its memory (BPF_F_MMAPABLE), so that
 * a push costs no system call an element.
 */
#ifndef WEFT_BPF_MAPS_H
#define WEFT_BPF_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "weft/abi.h"
#include "weft/limits.h"
#include "weft/reasons.h"

/* Both directions of every connection.
 * written: door (new, flags, counters), sockops (end, rtt), sweep   read: the same, weftd, proxy
 * ends: sweep, when its time is over; door, when its tuple is used again
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_CONN_KEYS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct conn_key);
	__type(value, struct conn);
} conns SEC(".maps") __weak;

/* Service addresses. written: weftd   read: door   ends: with the service */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_VIPS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct vip_key);
	__type(value, struct steer);
} vips SEC(".maps") __weak;

/* Destinations by prefix. written: weftd   read: door   ends: with the rule */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, MAX_CIDRS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cidr_key);
	__type(value, struct steer);
} cidrs SEC(".maps") __weak;

/* Settings of clusters. written: weftd   read: door, sockops, sweep
 * ends: in no plan and no connection refers to it (id 0 again)
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_CLUSTERS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cluster);
} clusters SEC(".maps") __weak;

/* Pools and cursors, same index. written: door, sockops, sweep; weftd zeroes a reused element
 * read: door, weftd, proxy   ends: with the cluster
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_CLUSTERS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cluster_state);
} cluster_state SEC(".maps") __weak;

/* written: weftd   read: door, sweep   ends: like clusters */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_ENDPOINTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct endpoint);
} endpoints SEC(".maps") __weak;

/* Active connections, same index. written: door, sockops, sweep   read: door, weftd */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_ENDPOINTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct endpoint_state);
} endpoint_state SEC(".maps") __weak;

/* Balancing slots (endpoint indexes) and splits (cluster indexes), in ranges.
 * written: weftd   read: door   ends: a range is reused long after nothing points to it
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_SLOTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u32);
} slots SEC(".maps") __weak;

/* Devices with our programs, by ifindex. written: weftd   read: door   ends: door_detach */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_DOORS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct door);
} doors SEC(".maps") __weak;

/* Pods of this node. written: weftd   read: door   ends: with the pod */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PODS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct ip16);
	__type(value, struct pod);
} pods SEC(".maps") __weak;

/* Connections that came in by each door, by ifindex: what the last sweep counted, and those since.
 * written: door, sweep   read: door   ends: when the door is gone and nothing is counted
 */
struct door_load {
	__u32 conns, opened;
	__u32 counting; /* sweep's, while it walks */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_DOORS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct door_load);
} door_loads SEC(".maps") __weak;

/* Where weft-proxy listens. written: weftd   read: door */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct proxy_at);
} proxy_at SEC(".maps") __weak;

/* Source ports under which this node itself may answer a translated flow (weft-proxy, endpoints in
 * the node's own namespace), a bit each: packets from any other port need no look-up.
 * written: door   read: door   ends: never
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536 / 64);
	__type(key, __u32);
	__type(value, __u64);
} own_ports SEC(".maps") __weak;

/* Addresses from which this node dials its pods. written: door   read: sockops   ends: LRU */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 128);
	__type(key, struct ip16);
	__type(value, __u8);
} node_addrs SEC(".maps") __weak;

/* Entries ever made, so that a sweep of an empty table can be left out. written: door
 * read: weftd   ends: never
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} entries_made SEC(".maps") __weak;

/* Counters by enum kernel_reason. written: all programs   read: weftd, proxy   ends: never */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NR_KERNEL_REASONS);
	__type(key, __u32);
	__type(value, __u64);
} reasons SEC(".maps") __weak;

/* Totals for metrics. written: door, sockops, sweep   read: weftd, proxy   ends: never */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_FLOW_STATS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct flow_key);
	__type(value, struct flow_stats);
} flow_stats SEC(".maps") __weak;

/* Rare transitions. written: door   read: weftd */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} events SEC(".maps") __weak;

/* How many events this CPU has sent in the current second. written, read: door */
struct event_budget {
	__u64 second;
	__u64 used;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event_budget);
} event_budget SEC(".maps") __weak;

/* References from the table, by the last count of the sweep. written: sweep   read: weftd */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_CLUSTERS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct census);
} cluster_census SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_ENDPOINTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct census);
} endpoint_census SEC(".maps") __weak;

/* What weftd must know of its predecessor's maps. written, read: weftd */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct tables_meta);
} meta SEC(".maps") __weak;

#endif
