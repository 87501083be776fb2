// SPDX-License-Identifier: Apache-2.0
#include "telemetry/accesslog.h"

#include <stdio.h>

#include "telemetry/flags.h"

/* Tried in turn until the line fits: bytes that a field may take before it is cut. */
static const size_t field_limits[] = { 8192, 1024, 64 };

struct line {
	char *p, *end;
	size_t limit; /* of one field, escaped */
	bool json;
	bool full; /* something did not fit */
};

static void raw(struct line *l, struct str s)
{
	if ((size_t)(l->end - l->p) < s.n) {
		l->full = true;
		return;
	}
	if (s.n)
		memcpy(l->p, s.p, s.n);
	l->p += s.n;
}

/* Length of the well-formed UTF-8 sequence at the front of s, 0: there is none (RFC 3629). */
static size_t utf8(struct str s)
{
	static const uint8_t lowest[] = { [2] = 0x80, [3] = 0xa0, [4] = 0x90 };
	unsigned char a = (unsigned char)s.p[0], b = s.n > 1 ? (unsigned char)s.p[1] : 0;
	size_t n = a < 0x80 ? 1 : a >= 0xc2 && a < 0xe0 ? 2 : a >= 0xe0 && a < 0xf0 ? 3 : 4;

	if (n == 1)
		return 1;
	if (a < 0xc2 || a > 0xf4 || s.n < n)
		return 0;
	/* overlong forms, surrogates, and what lies above U+10FFFF */
	if (((a & 0x0f) == 0 && n > 2 && b < lowest[n]) || (a == 0xed && b > 0x9f) ||
	    (a == 0xf4 && b > 0x8f))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* How the front of s, which is not plain, is written; *took bytes of it. */
static struct str escape(const struct line *l, struct str s, bool quoted, char buf[static 8],
			 size_t *took)
{
	unsigned char c = (unsigned char)s.p[0];
	int n;

	*took = 1;
	if (c == ' ' && quoted)
		return (struct str){ s.p, 1 };
	if (c == '"' || c == '\\') {
		buf[0] = '\\';
		buf[1] = (char)c;
		return (struct str){ buf, 2 };
	}
	*took = c >= 0x80 && l->json ? utf8(s) : 0;
	if (*took)
		return (struct str){ s.p, *took };
	*took = 1;
	n = snprintf(buf, 8, l->json ? "\\u%04x" : "\\x%02x", c);
	return (struct str){ buf, (size_t)n };
}

static bool plain(unsigned char c)
{
	return c > 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Bytes at the front of s that are written as they are, no more than max. */
static size_t plain_run(struct str s, size_t max)
{
	size_t n = 0;

	while (n < s.n && n < max && plain((unsigned char)s.p[n]))
		n++;
	return n;
}

static void escaped(struct line *l, struct str s, bool quoted)
{
	size_t room = l->limit, took;
	char buf[8];

	while (s.n) {
		struct str out = { s.p, plain_run(s, room) };

		took = out.n;
		if (!out.n)
			out = escape(l, s, quoted, buf, &took);
		if (out.n > room)
			return;
		room -= out.n;
		raw(l, out);
		s.p += took;
		s.n -= took;
	}
}

static void digits(char *at, unsigned int width, uint64_t v)
{
	while (width--) {
		at[width] = (char)('0' + v % 10);
		v /= 10;
	}
}

static void number(struct line *l, uint64_t v)
{
	unsigned int width = 1;
	char buf[20];

	for (uint64_t rest = v / 10; rest; rest /= 10)
		width++;
	digits(buf, width, v);
	raw(l, (struct str){ buf, width });
}

struct date {
	unsigned int year, month, day;
};

/*
 * Days since 1970-01-01 to a date of the Gregorian calendar. Years begin in March here, so that the
 * leap day is the last of its year; 400 years have 146,097 days.
 */
static struct date date_of(uint64_t days)
{
	uint64_t z = days + 719468, era = z / 146097, in_era = z % 146097;
	uint64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	uint64_t in_year = in_era - (365 * y + y / 4 - y / 100), m = (5 * in_year + 2) / 153;

	return (struct date){
		.year = (unsigned int)(era * 400 + y + (m >= 10)),
		.month = (unsigned int)(m < 10 ? m + 3 : m - 9),
		.day = (unsigned int)(in_year - (153 * m + 2) / 5 + 1),
	};
}

/* By hand: gmtime and strftime take longer than all the rest of the line. */
static void timestamp(struct line *l, uint64_t us)
{
	char buf[] = "0000-00-00T00:00:00.000Z";
	uint64_t s = us / 1000000;
	struct date d = date_of(s / 86400);

	digits(buf, 4, d.year);
	digits(buf + 5, 2, d.month);
	digits(buf + 8, 2, d.day);
	digits(buf + 11, 2, s / 3600 % 24);
	digits(buf + 14, 2, s / 60 % 60);
	digits(buf + 17, 2, s % 60);
	digits(buf + 20, 3, us / 1000 % 1000);
	raw(l, (struct str){ buf, sizeof(buf) - 1 });
}

static void word(struct line *l, struct str s)
{
	if (s.n)
		escaped(l, s, false);
	else
		raw(l, STR("-"));
	raw(l, STR(" "));
}

static void quote(struct line *l, struct str s)
{
	raw(l, STR("\""));
	if (s.n)
		escaped(l, s, true);
	else
		raw(l, STR("-"));
	raw(l, STR("\" "));
}

static void text_request(struct line *l, const struct access_record *r)
{
	char flags[FLAGS_TEXT_MAX];

	raw(l, STR("["));
	timestamp(l, r->start_us);
	raw(l, STR("] \""));
	word(l, r->method);
	word(l, r->path);
	word(l, r->protocol);
	l->p--; /* the blank */
	raw(l, STR("\" "));
	number(l, r->code);
	raw(l, STR(" "));
	word(l, response_flags_text(r->flags, flags));
	word(l, r->details);
	word(l, r->termination);
	quote(l, r->transport_failure);
	number(l, r->bytes_received);
	raw(l, STR(" "));
	number(l, r->bytes_sent);
	raw(l, STR(" "));
	number(l, r->duration_ms);
	raw(l, STR(" "));
}

static void text_line(struct line *l, const struct access_record *r)
{
	text_request(l, r);
	if (r->service_time_ms < 0)
		raw(l, STR("-"));
	else
		number(l, (uint64_t)r->service_time_ms);
	raw(l, STR(" "));
	quote(l, r->forwarded_for);
	quote(l, r->user_agent);
	quote(l, r->request_id);
	quote(l, r->authority);
	quote(l, r->upstream_host);
	word(l, r->upstream_cluster);
	word(l, r->upstream_local);
	word(l, r->downstream_local);
	word(l, r->downstream_remote);
	word(l, r->sni);
	word(l, r->route);
	l->p[-1] = '\n';
}

static void key(struct line *l, struct str name)
{
	raw(l, l->p[-1] == '{' ? STR("\"") : STR(",\""));
	raw(l, name);
	raw(l, STR("\":"));
}

static void json_str(struct line *l, struct str name, struct str s)
{
	key(l, name);
	if (!s.n) {
		raw(l, STR("null"));
		return;
	}
	raw(l, STR("\""));
	escaped(l, s, true);
	raw(l, STR("\""));
}

static void json_u64(struct line *l, struct str name, uint64_t v)
{
	key(l, name);
	number(l, v);
}

static void json_service_time(struct line *l, int64_t ms)
{
	char buf[24];
	int n = ms < 0 ? 0 : snprintf(buf, sizeof(buf), "%lld", (long long)ms);

	/* a string, like every value that comes from a header */
	json_str(l, STR("upstream_service_time"), (struct str){ buf, (size_t)n });
}

static void json_line(struct line *l, const struct access_record *r)
{
	char flags[FLAGS_TEXT_MAX];

	raw(l, STR("{\"start_time\":\""));
	timestamp(l, r->start_us);
	raw(l, STR("\""));
	json_str(l, STR("method"), r->method);
	json_str(l, STR("path"), r->path);
	json_str(l, STR("protocol"), r->protocol);
	json_u64(l, STR("response_code"), r->code);
	json_str(l, STR("response_flags"), response_flags_text(r->flags, flags));
	json_str(l, STR("response_code_details"), r->details);
	json_str(l, STR("connection_termination_details"), r->termination);
	json_str(l, STR("upstream_transport_failure_reason"), r->transport_failure);
	json_u64(l, STR("bytes_received"), r->bytes_received);
	json_u64(l, STR("bytes_sent"), r->bytes_sent);
	json_u64(l, STR("duration"), r->duration_ms);
	json_service_time(l, r->service_time_ms);
	json_str(l, STR("x_forwarded_for"), r->forwarded_for);
	json_str(l, STR("user_agent"), r->user_agent);
	json_str(l, STR("request_id"), r->request_id);
	json_str(l, STR("authority"), r->authority);
	json_str(l, STR("upstream_host"), r->upstream_host);
	json_str(l, STR("upstream_cluster"), r->upstream_cluster);
	json_str(l, STR("upstream_local_address"), r->upstream_local);
	json_str(l, STR("downstream_local_address"), r->downstream_local);
	json_str(l, STR("downstream_remote_address"), r->downstream_remote);
	json_str(l, STR("requested_server_name"), r->sni);
	json_str(l, STR("route_name"), r->route);
	raw(l, STR("}\n"));
}

static size_t format(const struct access_record *r, char *buf, size_t cap, bool json)
{
	struct line l;

	for (size_t i = 0; i < sizeof(field_limits) / sizeof(field_limits[0]); i++) {
		l = (struct line){ buf, buf + cap, field_limits[i], json, false };
		if (json)
			json_line(&l, r);
		else
			text_line(&l, r);
		if (!l.full)
			break;
	}
	return (size_t)(l.p - buf);
}

size_t access_text(const struct access_record *r, char *buf, size_t cap)
{
	return format(r, buf, cap, false);
}

size_t access_json(const struct access_record *r, char *buf, size_t cap)
{
	return format(r, buf, cap, true);
}
