// SPDX-License-Identifier: Apache-2.0
#include "mesh/protocol.h"

struct known {
	const char *name;
	enum app app;
};

static const struct known names[] = {
	{ "http", APP_HTTP },	   { "http2", APP_HTTP2 }, { "grpc", APP_HTTP2 },
	{ "grpc-web", APP_HTTP2 }, { "https", APP_TLS },   { "tls", APP_TLS },
	{ "tcp", APP_TCP },	   { "mongo", APP_TCP },   { "mysql", APP_TCP },
	{ "redis", APP_TCP },	   { "udp", APP_UDP },	   { "http_proxy", APP_HTTP },
};

static const struct known app_protocols[] = {
	{ "kubernetes.io/h2c", APP_HTTP2 },
	{ "kubernetes.io/ws", APP_HTTP },
	{ "kubernetes.io/wss", APP_TLS },
};

static bool look_up(const struct known *table, size_t n, struct str s, enum app *out)
{
	for (size_t i = 0; i < n; i++) {
		if (str_ieq(s, str_of(table[i].name))) {
			*out = table[i].app;
			return true;
		}
	}
	return false;
}

static bool by_name(struct str s, enum app *out)
{
	return look_up(names, sizeof(names) / sizeof(names[0]), s, out);
}

/* "http-admin" is http, "grpc-web-x" is grpc-web */
static bool by_port_name(struct str name, enum app *out)
{
	ptrdiff_t dash;

	if (str_istarts(name, STR("grpc-web")) && (name.n == 8 || name.p[8] == '-'))
		return by_name(STR("grpc-web"), out);
	dash = str_find(name, '-');
	return by_name(dash < 0 ? name : str_sub(name, 0, (size_t)dash), out);
}

/* These servers speak first, or clients wait for them: never sniffed. */
static bool well_known_tcp(uint32_t port)
{
	return port == 25 || port == 53 || port == 3306 || port == 27017;
}

enum app protocol_of(struct str transport, struct str app_protocol, struct str name, uint32_t port)
{
	enum app app;

	if (str_ieq(transport, STR("UDP")))
		return APP_UDP;
	if (app_protocol.n &&
	    (look_up(app_protocols, sizeof(app_protocols) / sizeof(app_protocols[0]), app_protocol,
		     &app) ||
	     by_name(app_protocol, &app)))
		return app;
	/* a ServiceEntry declares it as the protocol; a Service's "TCP" only names the transport */
	if (transport.n && !str_ieq(transport, STR("TCP")) && by_name(transport, &app))
		return app;
	if (by_port_name(name, &app))
		return app;
	return well_known_tcp(port) ? APP_TCP : APP_SNIFF;
}
