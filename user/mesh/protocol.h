/* SPDX-License-Identifier: Apache-2.0 */
/* protocol.h - what a service port speaks, from appProtocol or the port's name. */
#ifndef WEFT_MESH_PROTOCOL_H
#define WEFT_MESH_PROTOCOL_H

#include "base/str.h"

enum app {
	APP_TCP,
	APP_HTTP,
	APP_HTTP2, /* http2, grpc, h2c */
	APP_TLS,   /* https and tls: opaque */
	APP_UDP,
	APP_SNIFF, /* nothing says it */
};

/* transport: the port's `protocol` ("UDP", "" for TCP; of a ServiceEntry also "HTTP", "GRPC", …) */
enum app protocol_of(struct str transport, struct str app_protocol, struct str name, uint32_t port);

#endif
