// SPDX-License-Identifier: Apache-2.0
/* Rules of HTTP actions: redirect, rewrite, fault, cors, retries, header operations. */
#include "config/rules.h"

static bool in_list(struct str s, const char *const *names)
{
	for (; *names; names++)
		if (str_eq(s, str_of(*names)))
			return true;
	return false;
}

/* ---- redirect, rewrite ----------------------------------------------------------------------- */
void check_redirect(struct check *c, struct str path, const struct redirect *r)
{
	uint32_t code = r->redirect_code;

	if (!r->uri.n && !r->prefix_rewrite.n && !r->authority.n && !r->port && !r->scheme.n &&
	    !r->derive_port.n)
		check_error(c, path,
			    "the redirect changes nothing: write at least one of uri, "
			    "prefixRewrite, authority, port, scheme");
	if (r->scheme.n && !str_eq(r->scheme, STR("http")) && !str_eq(r->scheme, STR("https")))
		check_error(c, at(c, STR_FMT ".scheme", STR_ARG(path)),
			    "\"" STR_FMT "\" is no scheme: write http or https",
			    STR_ARG(str_sub(r->scheme, 0, 40)));
	if (!code)
		return;
	if (code < 300 || code > 399)
		check_error(c, at(c, STR_FMT ".redirectCode", STR_ARG(path)),
			    "%u is not a redirect: write 301, 302, 303, 307 or 308", code);
	else if (code != 301 && code != 302 && code != 303 && code != 307 && code != 308)
		check_warn(c, at(c, STR_FMT ".redirectCode", STR_ARG(path)),
			   "%u is answered by no action: write 301, 302, 303, 307 or 308", code);
}

void check_rewrite(struct check *c, struct str path, const struct rewrite *r)
{
	struct str regex = at(c, STR_FMT ".uriRegexRewrite", STR_ARG(path));

	if (check_has(c, regex)) {
		if (!r->regex_match.n)
			check_error(c, regex, "`match` is empty: write the pattern to replace");
		else
			check_regex(c, at(c, STR_FMT ".match", STR_ARG(regex)), r->regex_match);
		if (!r->regex_rewrite.n)
			check_error(c, regex, "`rewrite` is empty: write what replaces the match");
	} else if (!r->uri.n && !r->authority.n) {
		check_error(c, path,
			    "the rewrite changes nothing: write uri, authority or "
			    "uriRegexRewrite");
	}
}

/* ---- fault ----------------------------------------------------------------------------------- */
static const char *const grpc_names[] = {
	"OK",
	"CANCELLED",
	"UNKNOWN",
	"INVALID_ARGUMENT",
	"DEADLINE_EXCEEDED",
	"NOT_FOUND",
	"ALREADY_EXISTS",
	"PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED",
	"FAILED_PRECONDITION",
	"ABORTED",
	"OUT_OF_RANGE",
	"UNIMPLEMENTED",
	"INTERNAL",
	"UNAVAILABLE",
	"DATA_LOSS",
	"UNAUTHENTICATED",
	NULL,
};

static void check_abort(struct check *c, struct str path, const struct fault *f)
{
	if (f->http2_error.n)
		check_error(c, at(c, STR_FMT ".http2Error", STR_ARG(path)),
			    "http2Error is not supported: write httpStatus or grpcStatus");
	else if (f->grpc_status.n && !in_list(f->grpc_status, grpc_names))
		check_error(c, at(c, STR_FMT ".grpcStatus", STR_ARG(path)),
			    "\"" STR_FMT
			    "\" is not a gRPC status: write a name such as UNAVAILABLE",
			    STR_ARG(str_sub(f->grpc_status, 0, 40)));
	else if (!f->grpc_status.n && !f->http_status.set)
		check_warn(c, path,
			   "the abort has no status and does nothing: add httpStatus or "
			   "grpcStatus");
	check_percentage(c, at(c, STR_FMT ".percentage", STR_ARG(path)), &f->abort_percentage);
	if (f->abort_percent.set)
		check_warn(c, at(c, STR_FMT ".percent", STR_ARG(path)),
			   "percent is an old name: write percentage: {value: %u}",
			   f->abort_percent.v);
}

static void check_delay(struct check *c, struct str path, const struct fault *f)
{
	if (f->exponential_delay.set)
		check_error(c, at(c, STR_FMT ".exponentialDelay", STR_ARG(path)),
			    "exponentialDelay is not supported: write fixedDelay");
	else if (!f->fixed_delay.set)
		check_warn(c, path, "the delay has no length and does nothing: add fixedDelay");
	check_percentage(c, at(c, STR_FMT ".percentage", STR_ARG(path)), &f->delay_percentage);
	if (f->delay_percent.set)
		check_warn(c, at(c, STR_FMT ".percent", STR_ARG(path)),
			   "percent is an old name: write percentage: {value: %u}",
			   f->delay_percent.v);
}

void check_fault(struct check *c, struct str path, const struct fault *f)
{
	if (!f->has_delay && !f->has_abort)
		check_error(c, path, "the fault does nothing: add delay or abort");
	if (f->has_delay)
		check_delay(c, at(c, STR_FMT ".delay", STR_ARG(path)), f);
	if (f->has_abort)
		check_abort(c, at(c, STR_FMT ".abort", STR_ARG(path)), f);
}

/* ---- cors ------------------------------------------------------------------------------------ */
static const char *const method_names[] = { "*",      "GET",	 "HEAD",    "POST",  "PUT", "PATCH",
					    "DELETE", "CONNECT", "OPTIONS", "TRACE", NULL };

void check_cors(struct check *c, struct str path, const struct cors *cors)
{
	for (size_t i = 0; i < cors->allow_methods.n; i++)
		if (!in_list(cors->allow_methods.items[i], method_names))
			check_error(c, at(c, STR_FMT ".allowMethods[%zu]", STR_ARG(path), i),
				    "\"" STR_FMT
				    "\" is not an HTTP method: write GET, POST, …, or *",
				    STR_ARG(str_sub(cors->allow_methods.items[i], 0, 40)));
	if (cors->max_age.set && cors->max_age.v % 1000)
		check_error(c, at(c, STR_FMT ".maxAge", STR_ARG(path)),
			    "maxAge must be whole seconds: write %llus",
			    (unsigned long long)cors->max_age.v / 1000);
	for (size_t i = 0; i < cors->allow_origins.n; i++) {
		struct str here = at(c, STR_FMT ".allowOrigins[%zu]", STR_ARG(path), i);

		if (cors->allow_origins.items[i].kind == SM_NONE)
			check_error(c, here, "the match is empty: write exact, prefix or regex");
		check_match(c, here, &cors->allow_origins.items[i], false);
	}
	if (cors->allow_origin.n)
		check_warn(c, at(c, STR_FMT ".allowOrigin", STR_ARG(path)),
			   "allowOrigin is an old name: write allowOrigins with {exact: …}");
}

/* ---- retries --------------------------------------------------------------------------------- */
static const char *const retry_tokens[] = {
	"5xx",
	"gateway-error",
	"reset",
	"reset-before-request",
	"connect-failure",
	"retriable-4xx",
	"refused-stream",
	"retriable-status-codes",
	"retriable-headers",
	"envoy-ratelimited",
	"http3-post-connect-failure",
	"cancelled",
	"deadline-exceeded",
	"internal",
	"resource-exhausted",
	"unavailable",
	NULL,
};

static void check_retry_on(struct check *c, struct str path, struct str tokens)
{
	struct str rest = tokens, one;
	bool more = true;

	while (more) {
		uint64_t status = 0;

		more = str_cut(&rest, ',', &one);
		if (!more)
			one = rest;
		if (in_list(one, retry_tokens) || (!str_u64(one, 599, &status) && status >= 100))
			continue;
		check_error(c, path,
			    "\"" STR_FMT "\" is not a retry condition: write names such as 5xx, "
			    "gateway-error, connect-failure or status codes, joined by commas "
			    "without blanks",
			    STR_ARG(str_sub(one, 0, 60)));
	}
}

void check_retries(struct check *c, struct str path, const struct retries *r)
{
	bool rest = r->per_try_timeout.set || r->retry_on.n || r->retry_remote_localities.set;

	/* proto3: not written is 0 as well */
	if (!r->attempts.v && rest)
		check_error(c, at(c, STR_FMT ".attempts", STR_ARG(path)),
			    "attempts is 0 (no retries) but perTryTimeout, retryOn or "
			    "retryRemoteLocalities are set: write attempts of 1 or more, or remove "
			    "them");
	if (r->retry_on.n)
		check_retry_on(c, at(c, STR_FMT ".retryOn", STR_ARG(path)), r->retry_on);
}

/* ---- header operations ----------------------------------------------------------------------- */
static bool is_authority(struct str name)
{
	return str_ieq(name, STR("host")) || str_ieq(name, STR(":authority"));
}

static void check_header_name(struct check *c, struct str path, struct str name, bool authority_ok)
{
	if (is_authority(name) && authority_ok)
		return;
	if (is_authority(name))
		check_error(c, path, "Host can only be set or added on requests: remove it here");
	else if (str_starts(name, STR(":")))
		check_error(c, path, "pseudo headers cannot be changed here: use rewrite");
	else if (!is_token(name))
		check_error(c, path,
			    "\"" STR_FMT "\" is not a header name: use letters, digits and "
			    "`-`",
			    STR_ARG(str_sub(name, 0, 60)));
}

/* Control characters, and the commands of %…% which must be closed. */
static void check_header_value(struct check *c, struct str path, struct str value)
{
	bool open = false;

	for (size_t i = 0; i < value.n; i++) {
		unsigned char ch = (unsigned char)value.p[i];

		if ((ch < 0x20 && ch != '\t') || ch == 0x7f) {
			check_error(c, path, "the value has a control character: remove it");
			return;
		}
		if (ch != '%')
			continue;
		if (!open && i + 1 < value.n && value.p[i + 1] == '%')
			i++;
		else
			open = !open;
	}
	if (open)
		check_error(c, path,
			    "a `%%` is not closed: write %%%% for a percent sign, or a whole "
			    "command such as %%REQ(name)%%");
}

static unsigned int check_pairs(struct check *c, struct str path, const struct pairs *p,
				bool request)
{
	unsigned int authorities = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct str here =
			at(c, STR_FMT "[\"" STR_FMT "\"]", STR_ARG(path), STR_ARG(p->items[i].key));

		check_header_name(c, here, p->items[i].key, request);
		check_header_value(c, here, p->items[i].value);
		authorities += request && is_authority(p->items[i].key);
	}
	return authorities;
}

void check_header_ops(struct check *c, struct str path, const struct headers *h,
		      unsigned int authorities)
{
	const struct header_ops *sides[] = { &h->request, &h->response };
	static const char *const names[] = { "request", "response" };

	for (int side = 0; side < 2; side++) {
		struct str in = at(c, STR_FMT ".%s", STR_ARG(path), names[side]);

		authorities += check_pairs(c, at(c, STR_FMT ".set", STR_ARG(in)), &sides[side]->set,
					   side == 0);
		authorities += check_pairs(c, at(c, STR_FMT ".add", STR_ARG(in)), &sides[side]->add,
					   side == 0);
		for (size_t i = 0; i < sides[side]->remove.n; i++)
			check_header_name(c, at(c, STR_FMT ".remove[%zu]", STR_ARG(in), i),
					  sides[side]->remove.items[i], false);
	}
	if (authorities > 1)
		check_error(c, path,
			    "the authority is set more than once (rewrite.authority, Host in "
			    "set or add): keep one");
}
