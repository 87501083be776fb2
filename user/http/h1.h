/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h1.h - heads of HTTP/1.x messages (RFC 9112), strict: what could be read in two ways is refused,
 * never repaired. Bytes in, views out: nothing is copied or allocated, all results point into `in`
 * (or at literals) and live as long as it does.
 *
 * h1_request, h1_response:   > 0  the head is complete and took so many bytes; out is valid
 *                            = 0  incomplete: call again with the same bytes and more (they may
 *                                 have moved); out is not valid
 *                            < 0  an enum h1_error. On a request: answer h1_error_status, close.
 * The verdict does not depend on how the bytes are split. A scan starts as zero for each message.
 */
#ifndef WEFT_HTTP_H1_H
#define WEFT_HTTP_H1_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"
#include "weft/limits.h"

/* X(name, status that answers it, help) */
#define H1_ERRORS(X)                                                                               \
	X(method, 400, "the method is not a token, or no blank follows it")                        \
	X(method_unknown, 501, "the method is none of RFC 9110 and its registry that we know")     \
	X(target, 400, "the request target holds a byte or has a form that is not allowed")        \
	X(version, 400, "the HTTP version is malformed")                                           \
	X(version_unsupported, 505, "the HTTP version is not 1.0 or 1.1")                          \
	X(status_line, 400, "the status line is malformed")                                        \
	X(line_end, 400, "a line does not end with CR LF, or a CR or LF stands alone")             \
	X(header_name, 400, "a header name is empty, folded, or holds a byte that is no token")    \
	X(header_value, 400, "a header value holds a control byte")                                \
	X(host, 400, "Host is missing, repeated, malformed, or contradicts the request target")    \
	X(length, 400, "Content-Length is repeated or not a plain decimal number")                 \
	X(coding, 400, "Transfer-Encoding is malformed, chunked is not last, or HTTP/1.0 uses it") \
	X(coding_unknown, 501, "a transfer coding other than chunked")                             \
	X(length_and_coding, 400, "Content-Length and Transfer-Encoding together")                 \
	X(connection, 400, "Connection is malformed or names a header that must stay")             \
	X(expect, 417, "an expectation other than 100-continue")                                   \
	X(chunk, 400, "a chunk size, extension or end is malformed")                               \
	X(chunk_long, 400, "a chunk line is longer than MAX_CHUNK_LINE")                           \
	X(trailer, 400, "the trailer holds a header that must not be there")                       \
	X(trailer_large, 431, "the trailer is larger than MAX_TRAILER_BYTES")                      \
	X(head_large, 431, "the head is larger than MAX_HEAD_BYTES")                               \
	X(headers_many, 431, "more than MAX_HEADERS headers")                                      \
	X(truncated, 400, "the connection ended inside the message")

#define H1_ERROR_ENUM(name, status, help) H1_E_##name,
enum h1_error_number { H1_E_none, H1_ERRORS(H1_ERROR_ENUM) NR_H1_ERRORS };
#define H1_ERROR_NEG(name, status, help) H1_BAD_##name = -H1_E_##name,
enum h1_error { H1_ERRORS(H1_ERROR_NEG) };

const char *h1_error_name(int err); /* "length_and_coding"; "unknown" for what is no error */
const char *h1_error_help(int err);
int h1_error_status(int err);

/* X(name) */
/* clang-format off */
#define H1_METHODS(X)                                                                              \
	X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(CONNECT) X(OPTIONS) X(TRACE) X(PATCH) X(ACL)     \
	X(BIND) X(CHECKOUT) X(COPY) X(LINK) X(LOCK) X(MERGE) X(MKACTIVITY) X(MKCALENDAR) X(MKCOL)  \
	X(MOVE) X(NOTIFY) X(PROPFIND) X(PROPPATCH) X(PURGE) X(QUERY) X(REBIND) X(REPORT) X(SEARCH) \
	X(SOURCE) X(SUBSCRIBE) X(UNBIND) X(UNLINK) X(UNLOCK) X(UNSUBSCRIBE)
/* clang-format on */

#define H1_METHOD_ENUM(name) H1_##name,
enum h1_method { H1_METHODS(H1_METHOD_ENUM) NR_H1_METHODS };

/*
 * Headers found during the parse. X(id, name, kind): kind HOP is never forwarded (RFC 9110 7.6.1);
 * KEEP carries framing, routing or identity: Connection must not name it, a trailer must not hold
 * it; FREE is neither.
 */
#define H1_KNOWN(X)                                                                                \
	X(HOST, "host", KEEP)                                                                      \
	X(CONTENT_LENGTH, "content-length", KEEP)                                                  \
	X(TRANSFER_ENCODING, "transfer-encoding", HOP)                                             \
	X(CONNECTION, "connection", HOP)                                                           \
	X(KEEP_ALIVE, "keep-alive", HOP)                                                           \
	X(PROXY_CONNECTION, "proxy-connection", HOP)                                               \
	X(TE, "te", HOP)                                                                           \
	X(UPGRADE, "upgrade", HOP)                                                                 \
	X(TRAILER, "trailer", FREE)                                                                \
	X(EXPECT, "expect", KEEP)                                                                  \
	X(AUTHORIZATION, "authorization", KEEP)                                                    \
	X(COOKIE, "cookie", KEEP)                                                                  \
	X(CONTENT_TYPE, "content-type", FREE)                                                      \
	X(USER_AGENT, "user-agent", FREE)                                                          \
	X(SERVER, "server", FREE)                                                                  \
	X(DATE, "date", FREE)                                                                      \
	X(X_REQUEST_ID, "x-request-id", KEEP)                                                      \
	X(X_FORWARDED_FOR, "x-forwarded-for", KEEP)                                                \
	X(X_FORWARDED_PROTO, "x-forwarded-proto", KEEP)                                            \
	X(X_FORWARDED_CLIENT_CERT, "x-forwarded-client-cert", KEEP)                                \
	X(X_ENVOY_ORIGINAL_PATH, "x-envoy-original-path", KEEP)                                    \
	X(X_ENVOY_UPSTREAM_SERVICE_TIME, "x-envoy-upstream-service-time", FREE)

#define H1_KNOWN_ENUM(id, name, kind) H1_K_##id,
enum h1_known { H1_K_OTHER, H1_KNOWN(H1_KNOWN_ENUM) NR_H1_KNOWN };

struct h1_header {
	struct str name;  /* as sent */
	struct str value; /* without blanks around it; may be empty */
	uint8_t known;	  /* enum h1_known */
	bool hop;	  /* not to be forwarded */
};

enum h1_framing {
	H1_NONE,   /* no body */
	H1_LENGTH, /* content_length bytes, at least one */
	H1_CHUNKED,
	H1_UNTIL_CLOSE, /* responses only */
};

enum { H1_NO_HEADER = 0xff };
_Static_assert((int)MAX_HEADERS < (int)H1_NO_HEADER, "indexes of headers fit a byte");

/* What requests and responses share. */
struct h1_head {
	uint8_t minor;		    /* HTTP/1.minor: 0 or 1 */
	uint8_t framing;	    /* enum h1_framing */
	bool keep_alive;	    /* the sender keeps the connection open after this message */
	bool upgrade;		    /* Connection: upgrade, and Upgrade is there */
	bool te_trailers;	    /* TE: trailers */
	uint8_t count;		    /* of headers */
	uint64_t content_length;    /* 0 without the header; HEAD and 304: of the body not sent */
	uint64_t repeated;	    /* bit per enum h1_known: there is more than one */
	uint8_t first[NR_H1_KNOWN]; /* index of the first header of each kind, H1_NO_HEADER */
	struct h1_header headers[MAX_HEADERS];
};

enum h1_target_form { H1_ORIGIN, H1_ABSOLUTE, H1_AUTHORITY, H1_ASTERISK };

struct h1_request {
	enum h1_method method;
	struct str method_name;
	enum h1_target_form form;
	struct str target;    /* as sent */
	struct str scheme;    /* of an absolute target, else empty */
	struct str authority; /* of the target if it has one, else Host; empty: HTTP/1.0 without */
	struct str host;      /* authority without the port; an IPv6 literal keeps its brackets */
	uint16_t port;	      /* 0: authority names none */
	struct str path;      /* without query; "*" or "/" where the target has none; CONNECT: "" */
	struct str query;     /* behind '?', without it */
	bool has_query;	      /* there is a '?' */
	bool expect_continue; /* and a body follows */
	struct h1_head head;
};

struct h1_response {
	uint16_t status;   /* 100 to 999 */
	struct str reason; /* may be empty */
	bool interim;	   /* 1xx but 101: the final response follows */
	bool tunnel;	   /* 101, or 2xx to CONNECT: bytes behind are no HTTP */
	struct h1_head head;
};

/* How far an incomplete head was looked at, so that feeding bytes one by one stays linear. */
struct h1_scan {
	size_t seen;
};

ssize_t h1_request(struct h1_scan *scan, struct str in, struct h1_request *out);
ssize_t h1_response(struct h1_scan *scan, struct str in, enum h1_method request_method,
		    struct h1_response *out);

/* The first header of that kind or name (any case); NULL: there is none. */
static inline const struct h1_header *h1_known(const struct h1_head *h, enum h1_known id)
{
	return h->first[id] == H1_NO_HEADER ? NULL : &h->headers[h->first[id]];
}
const struct h1_header *h1_find(const struct h1_head *h, struct str name);

/* The value of a known header, empty when missing. */
static inline struct str h1_value(const struct h1_head *h, enum h1_known id)
{
	const struct h1_header *f = h1_known(h, id);
	struct str none = { NULL, 0 };

	return f ? f->value : none;
}

struct str h1_method_name(enum h1_method m);
enum h1_known h1_known_id(struct str name); /* any case */

#endif
