// SPDX-License-Identifier: Apache-2.0
/* h1_bench: how fast request heads are parsed on one core. h1_bench [SECONDS]; no test. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "http/h1.h"
#include "http/write.h"

#define WRK                                                                                        \
	"GET /productpage HTTP/1.1\r\n"                                                            \
	"Host: 10.96.0.17:9080\r\n"                                                                \
	"\r\n"

#define BROWSER                                                                                    \
	"GET /productpage?u=normal HTTP/1.1\r\n"                                                   \
	"Host: bookinfo.example.com:9080\r\n"                                                      \
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"   \
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"              \
	"Accept-Language: en-US,en;q=0.5\r\n"                                                      \
	"Accept-Encoding: gzip, deflate\r\n"                                                       \
	"Connection: keep-alive\r\n"                                                               \
	"Cookie: session=eyJ1c2VyIjoiamFzb24ifQ.Zx3kQw; theme=dark\r\n"                            \
	"X-Request-Id: 6f1d2a84-9c3b-4f6e-8a71-0d5b7c2e9f10\r\n"                                   \
	"\r\n"

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* The parser alone, or with writing the head that goes upstream. */
static void run(const char *name, struct str in, double seconds, bool forward)
{
	static struct h1_request req;
	double start = now(), took;
	unsigned long n = 0;
	char out[2048];

	do {
		for (int i = 0; i < 1000; i++, n++) {
			struct h1_writer w = h1_writer_of(out, sizeof(out));
			struct h1_scan scan = { 0 };

			if (h1_request(&scan, in, &req) != (ssize_t)in.n)
				abort();
			if (!forward)
				continue;
			h1_put_request_line(&w, req.method_name, req.target);
			h1_put_end_to_end(&w, &req.head, 0);
			h1_put_end(&w);
			if (w.failed)
				abort();
		}
		took = now() - start;
	} while (took < seconds);
	printf("%-24s %4zu bytes %7.2f M/s %7.1f ns %6.2f GB/s\n", name, in.n,
	       (double)n / took / 1e6, took * 1e9 / (double)n,
	       (double)n * (double)in.n / took / 1e9);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 1;
	char cookie[8192];
	int n;

	run("wrk", STR(WRK), seconds, false);
	run("browser", STR(BROWSER), seconds, false);
	n = snprintf(cookie, sizeof(cookie), "GET / HTTP/1.1\r\nHost: a\r\nCookie: %0*d\r\n\r\n",
		     4000, 0);
	run("4 KB cookie", (struct str){ cookie, (size_t)n }, seconds, false);
	run("wrk, forwarded", STR(WRK), seconds, true);
	run("browser, forwarded", STR(BROWSER), seconds, true);
	return 0;
}
