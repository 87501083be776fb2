// SPDX-License-Identifier: Apache-2.0
#include "http/parse.h"

/* clang-format off */
#define ERROR_NAME(name, status, help) [H1_E_##name] = #name,
#define ERROR_STATUS(name, status, help) [H1_E_##name] = status,
#define ERROR_HELP(name, status, help) [H1_E_##name] = help,
static const char *const error_names[NR_H1_ERRORS] = { H1_ERRORS(ERROR_NAME) };
static const uint16_t error_statuses[NR_H1_ERRORS] = { H1_ERRORS(ERROR_STATUS) };
static const char *const error_helps[NR_H1_ERRORS] = { H1_ERRORS(ERROR_HELP) };

#define METHOD_NAME(name) [H1_##name] = { #name, sizeof(#name) - 1 },
static const struct str method_names[NR_H1_METHODS] = { H1_METHODS(METHOD_NAME) };

#define KNOWN_NAME(id, name, kind) [H1_K_##id] = { name, sizeof(name) - 1 },
#define KNOWN_KIND(id, name, kind) [H1_K_##id] = H1_KIND_##kind,
static const struct str known_names[NR_H1_KNOWN] = { H1_KNOWN(KNOWN_NAME) };
const uint8_t h1_known_kind[NR_H1_KNOWN] = { H1_KNOWN(KNOWN_KIND) };

/* The known headers by the length of their name. A unit test looks every one of them up. */
enum { LONGEST_KNOWN = 29, SAME_LENGTH = 4 };
static const uint8_t known_by_length[LONGEST_KNOWN + 1][SAME_LENGTH] = {
	[2] = { H1_K_TE },
	[4] = { H1_K_HOST, H1_K_DATE },
	[6] = { H1_K_COOKIE, H1_K_EXPECT, H1_K_SERVER },
	[7] = { H1_K_UPGRADE, H1_K_TRAILER },
	[10] = { H1_K_CONNECTION, H1_K_USER_AGENT, H1_K_KEEP_ALIVE },
	[12] = { H1_K_CONTENT_TYPE, H1_K_X_REQUEST_ID },
	[13] = { H1_K_AUTHORIZATION },
	[14] = { H1_K_CONTENT_LENGTH },
	[15] = { H1_K_X_FORWARDED_FOR },
	[16] = { H1_K_PROXY_CONNECTION },
	[17] = { H1_K_TRANSFER_ENCODING, H1_K_X_FORWARDED_PROTO },
	[21] = { H1_K_X_ENVOY_ORIGINAL_PATH },
	[23] = { H1_K_X_FORWARDED_CLIENT_CERT },
	[29] = { H1_K_X_ENVOY_UPSTREAM_SERVICE_TIME },
};
/* clang-format on */

static bool is_error(int err)
{
	return err < 0 && err > -NR_H1_ERRORS;
}

const char *h1_error_name(int err)
{
	return is_error(err) ? error_names[-err] : "unknown";
}

const char *h1_error_help(int err)
{
	return is_error(err) ? error_helps[-err] : "unknown error";
}

int h1_error_status(int err)
{
	return is_error(err) ? error_statuses[-err] : 400;
}

struct str h1_method_name(enum h1_method m)
{
	return m < NR_H1_METHODS ? method_names[m] : STR("-");
}

int h1_method_of(struct str name)
{
	for (int m = 0; m < NR_H1_METHODS; m++)
		if (str_eq(name, method_names[m]))
			return m;
	return -1;
}

static uint64_t load64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static bool same_folded(const char *p, const char *lower, size_t n)
{
	const uint64_t fold = 0x2020202020202020u;
	uint64_t diff = 0;

	if (n < 8) {
		for (size_t i = 0; i < n; i++)
			diff |= (uint64_t)((p[i] | 0x20) ^ lower[i]);
		return !diff;
	}
	for (size_t i = 0; i + 8 < n; i += 8)
		diff |= (load64(p + i) | fold) ^ load64(lower + i);
	diff |= (load64(p + n - 8) | fold) ^ load64(lower + n - 8);
	return !diff;
}

/*
 * Setting bit 5 makes lower case of letters and moves no other tchar onto a letter, digit or '-',
 * so for tokens the comparison is exact.
 */
enum h1_known h1_known_token(struct str token)
{
	if (token.n > LONGEST_KNOWN)
		return H1_K_OTHER;
	for (int i = 0; i < SAME_LENGTH; i++) {
		enum h1_known id = known_by_length[token.n][i];

		if (id == H1_K_OTHER)
			break;
		if (same_folded(token.p, known_names[id].p, token.n))
			return id;
	}
	return H1_K_OTHER;
}

enum h1_known h1_known_id(struct str name)
{
	enum h1_known id = h1_known_token(name);

	return str_ieq(name, known_names[id]) ? id : H1_K_OTHER;
}

const struct h1_header *h1_find(const struct h1_head *h, struct str name)
{
	enum h1_known id = h1_known_id(name);

	if (id != H1_K_OTHER)
		return h1_known(h, id);
	for (unsigned int i = 0; i < h->count; i++)
		if (h->headers[i].known == H1_K_OTHER && str_ieq(h->headers[i].name, name))
			return &h->headers[i];
	return NULL;
}
