// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/proxy_rig.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct rig {
	struct proxy proxy;
	pthread_t threads[MAX_WORKERS];
	bool running;
	uint16_t port;
	struct generation *gen;
	void *images[64]; /* freed at the end: requests may outlive a generation */
	unsigned int nr_images;
};

static void must(int err)
{
	if (!err)
		return;
	fprintf(stderr, "proxy_rig: error %d\n", err);
	abort();
}

static void listen_for(struct rig *r, unsigned int worker)
{
	struct sock_addr at = { { .w = { 0, 0, htonl(0xffff), htonl(INADDR_LOOPBACK) } }, r->port };
	int fd;

	must(sock_listen(&at, 1024, &fd));
	must(sock_local(fd, &at));
	r->port = at.port;
	must(worker_listen(r->proxy.workers[worker], fd));
}

struct rig *rig_start(unsigned int workers, uint16_t port, const struct sock_addr *dst)
{
	return rig_start_logging(workers, port, dst, -1);
}

struct rig *rig_start_logging(unsigned int workers, uint16_t port, const struct sock_addr *dst,
			      int log_fd)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct origin origin = { .dst = *dst };

	must(!r);
	r->port = port;
	r->proxy.main_wake = -1;
	r->proxy.log_fd = log_fd;
	r->proxy.origin = origin_static(&origin);
	r->proxy.fleets = fleets_new(workers);
	for (unsigned int i = 0; i < workers; i++) {
		r->proxy.workers[i] = worker_new(&r->proxy, i);
		must(!r->proxy.workers[i]);
		r->proxy.nr_workers++;
		listen_for(r, i);
	}
	return r;
}

uint16_t rig_port(const struct rig *r)
{
	return r->port;
}

struct proxy *rig_proxy(struct rig *r)
{
	return &r->proxy;
}

static void *thread_main(void *w)
{
	worker_run(w);
	return NULL;
}

void rig_image(struct rig *r, struct image_make *m)
{
	const char *why = NULL;
	uint64_t number = r->nr_images + 1;
	size_t size;
	void *image = im_finish(m, number, &size);
	struct generation *g;
	int err = generation_of(image, size, r->proxy.fleets, &g, &why);

	if (err)
		fprintf(stderr, "image: %s\n", why);
	must(err);
	image_make_free(m);
	r->images[r->nr_images++] = image;
	generation_put(r->gen);
	r->gen = g;
	for (unsigned int i = 0; i < r->proxy.nr_workers; i++)
		worker_give_image(r->proxy.workers[i], g);
	for (unsigned int i = 0; !r->running && i < r->proxy.nr_workers; i++)
		must(pthread_create(&r->threads[i], NULL, thread_main, r->proxy.workers[i]));
	r->running = true;
	for (unsigned int i = 0; i < r->proxy.nr_workers; i++)
		while (atomic_load(&r->proxy.workers[i]->in_force) != number)
			usleep(100);
}

void rig_order_stop(struct rig *r)
{
	for (unsigned int i = 0; i < r->proxy.nr_workers; i++)
		worker_order(r->proxy.workers[i], ORDER_STOP);
}

bool rig_ended(const struct rig *r)
{
	for (unsigned int i = 0; i < r->proxy.nr_workers; i++)
		if (!atomic_load(&r->proxy.workers[i]->ended))
			return false;
	return true;
}

void rig_stop(struct rig *r)
{
	rig_order_stop(r);
	for (unsigned int i = 0; r->running && i < r->proxy.nr_workers; i++)
		pthread_join(r->threads[i], NULL);
	for (unsigned int i = 0; i < r->proxy.nr_workers; i++) {
		struct worker *w = r->proxy.workers[i];

		r->proxy.workers[i] = NULL;
		worker_free(w);
	}
	generation_put(r->gen);
	for (unsigned int i = 0; i < r->nr_images; i++)
		free(r->images[i]);
	fleets_free(r->proxy.fleets);
	free(r);
}

uint64_t rig_counted(const struct rig *r, enum proxy_reason reason)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < r->proxy.nr_workers; i++)
		sum += metrics_counted(r->proxy.workers[i]->metrics, reason);
	return sum;
}
