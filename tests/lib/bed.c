// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/str.h"
#include "bed.h"

static int run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int run(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;
	int st;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	st = system(cmd);
	if (st && getenv("WEFT_VERBOSE"))
		fprintf(stderr, "status %d: %s\n", st, cmd);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128;
}

struct ip16 bed_ip(const char *text)
{
	struct ip16 a = { { 0, 0, htonl(0xffff), 0 } };

	if (inet_pton(AF_INET, text, &a.w[3]) != 1)
		inet_pton(AF_INET6, text, &a);
	return a;
}

static int enter(const char *ns)
{
	char path[128];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNET))
		err = -errno;
	close(fd);
	return err;
}

static int make_pod(struct bed *b, int i)
{
	struct bed_pod *p = &b->pods[i];
	char dev[IF_NAMESIZE], name[sizeof(b->name)];
	int err;

	/* a copy: source and target lie in one object */
	memcpy(name, b->name, sizeof(name));
	snprintf(p->ns, sizeof(p->ns), "%s-p%d", name, i);
	snprintf(p->ip4, sizeof(p->ip4), "10.244.1.%d", 2 + i);
	snprintf(p->ip6, sizeof(p->ip6), "fd00:10:244:1::%d", 2 + i);
	snprintf(dev, sizeof(dev), "vp%d", i);
	p->addr4 = bed_ip(p->ip4);
	p->addr6 = bed_ip(p->ip6);
	p->id = str_hash(str_of(p->ns));
	err = run("ip netns add %s && ip link add %s type veth peer name eth0 netns %s && "
		  "ip link set %s up && ip -n %s link set lo up && "
		  "sysctl -qw net.ipv6.conf.%s.disable_ipv6=0",
		  p->ns, dev, p->ns, dev, p->ns, dev);
	err = err ? err
		  : run("ip -n %s addr add %s/32 dev eth0 && "
			"ip -n %s addr add %s/128 dev eth0 nodad && "
			"ip -n %s link set eth0 up && ip -n %s route add 10.244.1.1 dev eth0 && "
			"ip -n %s route add default via 10.244.1.1 && "
			"ip -n %s route add fd00:10:244:1::1 dev eth0 && "
			"ip -n %s route add default via fd00:10:244:1::1",
			p->ns, p->ip4, p->ns, p->ip6, p->ns, p->ns, p->ns, p->ns, p->ns);
	err = err ? err
		  : run("ip addr add 10.244.1.1/32 dev %s && ip addr add fd00:10:244:1::1/128 dev "
			"%s nodad && "
			"ip route add %s/32 dev %s && ip route add %s/128 dev %s",
			dev, dev, p->ip4, dev, p->ip6, dev);
	p->ifindex = if_nametoindex(dev);
	return err || !p->ifindex ? -EINVAL : 0;
}

int bed_doors(struct bed *b)
{
	int i, err = 0;

	for (i = 0; !err && i < b->nr_pods; i++) {
		struct bed_pod *p = &b->pods[i];
		struct pod pod = { .pod_id = p->id, .ifindex = p->ifindex, .veth = 1 };
		struct door door = {
			.pod_id = p->id, .kind = DOOR_POD, .ip4 = p->addr4, .ip6 = p->addr6
		};

		err = pod_put(b->k, &p->addr4, &pod);
		if (!err)
			err = pod_put(b->k, &p->addr6, &pod);
		if (!err)
			err = door_attach(b->k, p->ifindex, &door);
	}
	return err;
}

static int open_kernel(struct bed *b)
{
	struct proxy_at at = { .ip4 = bed_ip("169.254.77.1"), .ip6 = bed_ip("fd77:6566:74::1") };
	struct kernel_options o = { .pins = b->pins, .cgroup = b->cgroup };
	char root[64];
	int err;

	snprintf(b->pins, sizeof(b->pins), "/sys/fs/bpf/%s", b->name);
	if (run("awk '$3==\"cgroup2\"{print $2;exit}' /proc/self/mounts >/tmp/%s.cg", b->name))
		return -ENOENT;
	FILE *f;
	snprintf(b->cgroup, sizeof(b->cgroup), "/tmp/%s.cg", b->name);
	f = fopen(b->cgroup, "r");
	if (!f || fscanf(f, "%63s", root) != 1)
		root[0] = 0;
	if (f)
		fclose(f);
	unlink(b->cgroup);
	snprintf(b->cgroup, sizeof(b->cgroup), "%s/%s", root, b->name);
	if (mkdir(b->cgroup, 0755) && errno != EEXIST)
		return -errno;
	err = kernel_open(&o, &b->k);
	if (err) {
		fprintf(stderr, "kernel_open: %s (%s)\n", kernel_why(), strerror(-err));
		return err;
	}
	return proxy_put(b->k, &at);
}

int bed_open(struct bed *b, const char *name, int nr_pods, int plain)
{
	int i, err;

	*b = (struct bed){ .nr_pods = nr_pods };
	snprintf(b->name, sizeof(b->name), "%s%d", name, (int)getpid());
	snprintf(b->node, sizeof(b->node), "%s-n", b->name);
	b->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (run("ip netns add %s && ip -n %s link set lo up", b->node, b->node))
		return -EINVAL;
	err = enter(b->node);
	if (err)
		return err;
	run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
	    "net.ipv6.conf.default.accept_dad=0; "
	    "ip addr add 169.254.77.1/32 dev lo; ip addr add fd77:6566:74::1/128 dev lo");
	for (i = 0; i < nr_pods; i++) {
		err = make_pod(b, i);
		if (err)
			return err;
	}
	if (plain)
		return 0;
	err = open_kernel(b);
	return err ? err : bed_doors(b);
}

void bed_close(struct bed *b)
{
	int i;

	while (b->nr_children)
		bed_kill(b, b->children[b->nr_children - 1]);
	b->k = kernel_close(b->k);
	if (b->pins[0])
		kernel_cleanup(b->pins);
	if (b->home >= 0) {
		(void)!setns(b->home, CLONE_NEWNET);
		close(b->home);
	}
	for (i = 0; i < b->nr_pods; i++)
		run("ip netns del %s-p%d 2>/dev/null", b->name, i);
	run("ip netns del %s 2>/dev/null", b->node);
	if (b->cgroup[0])
		rmdir(b->cgroup);
}

/* In the child: into the pod's namespace and the bed's cgroup, then the shell. */
static void become(struct bed *b, int pod, const char *cmd)
{
	char procs[160];
	FILE *f;

	if (b->cgroup[0]) {
		snprintf(procs, sizeof(procs), "%s/cgroup.procs", b->cgroup);
		f = fopen(procs, "w");
		if (f) {
			fprintf(f, "0\n");
			fclose(f);
		}
	}
	if (enter(pod < 0 ? b->node : b->pods[pod].ns))
		_exit(127);
	execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
	_exit(127);
}

static pid_t start(struct bed *b, int pod, const char *cmd, int out)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setpgid(0, 0);
	if (out >= 0)
		dup2(out, 1);
	become(b, pod, cmd);
	return 0;
}

static int finish(pid_t pid)
{
	int st;

	if (pid < 0 || waitpid(pid, &st, 0) < 0)
		return 127;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128;
}

int bed_run(struct bed *b, int pod, const char *fmt, ...)
{
	char cmd[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return finish(start(b, pod, cmd, -1));
}

int bed_until(struct bed *b, int pod, const char *fmt, ...)
{
	char cmd[2048];
	va_list ap;
	int i, st = 1;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	for (i = 0; i < 100 && st; i++) {
		st = finish(start(b, pod, cmd, -1));
		if (st)
			usleep(50 * 1000);
	}
	return st;
}

pid_t bed_spawn(struct bed *b, int pod, const char *fmt, ...)
{
	char cmd[2048];
	va_list ap;
	pid_t pid;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	pid = start(b, pod, cmd, -1);
	if (pid > 0 && b->nr_children < BED_CHILDREN)
		b->children[b->nr_children++] = pid;
	return pid;
}

void bed_kill(struct bed *b, pid_t pid)
{
	int i;

	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (i = 0; i < b->nr_children; i++) {
		if (b->children[i] == pid)
			b->children[i] = b->children[--b->nr_children];
	}
}

int bed_read(struct bed *b, int pod, char *out, size_t cap, const char *fmt, ...)
{
	char cmd[2048], rest[256];
	size_t n = 0;
	va_list ap;
	ssize_t got;
	pid_t pid;
	int p[2];

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (pipe2(p, O_CLOEXEC))
		return 127;
	pid = start(b, pod, cmd, p[1]);
	close(p[1]);
	while (n < cap - 1 && (got = read(p[0], out + n, cap - 1 - n)) > 0)
		n += (size_t)got;
	while (read(p[0], rest, sizeof(rest)) > 0)
		;
	close(p[0]);
	out[n] = 0;
	return finish(pid);
}

uint32_t bed_cluster(struct bed_plan *p, uint64_t id, uint8_t lb)
{
	uint32_t i = p->plan.nr_clusters++;

	p->clusters[i] = (struct plan_cluster){ .name = "test",
						.id = id,
						.lb = lb,
						.max_connections = WEFT_NO_LIMIT,
						.slots = p->slots[i] };
	return i;
}

void bed_endpoint(struct bed_plan *p, uint32_t cluster, const char *ip, uint16_t port)
{
	struct plan_cluster *c = &p->clusters[cluster];
	struct plan_endpoint *e;
	char name[64];
	uint32_t i;

	snprintf(name, sizeof(name), "%s:%u", ip, port);
	for (i = 0; i < p->plan.nr_endpoints; i++) {
		if (p->endpoints[i].id == str_hash(str_of(name)))
			break;
	}
	e = &p->endpoints[i];
	if (i == p->plan.nr_endpoints)
		p->plan.nr_endpoints++;
	*e = (struct plan_endpoint){ .name = "endpoint",
				     .id = str_hash(str_of(name)),
				     .addr = bed_ip(ip),
				     .port = htons(port),
				     .weight = 1 };
	p->slots[cluster][c->nr_slots++] = i;
}

struct plan_vip *bed_vip(struct bed_plan *p, const char *ip, uint16_t port, uint8_t proto,
			 uint8_t verdict, uint32_t cluster)
{
	uint32_t i = p->plan.nr_vips++;
	struct plan_vip *v = &p->vips[i];

	p->splits[i][0] = (struct plan_split){ cluster, 1 };
	*v = (struct plan_vip){ .addr = bed_ip(ip),
				.prefix = 128,
				.proto = proto,
				.port = htons(port),
				.verdict = verdict,
				.reason = 0,
				.splits = p->splits[i],
				.nr_splits = 1,
				.why = "test" };
	return v;
}

const struct plan *bed_plan(struct bed_plan *p)
{
	p->plan.endpoints = p->endpoints;
	p->plan.clusters = p->clusters;
	p->plan.vips = p->vips;
	return &p->plan;
}
