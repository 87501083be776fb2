// SPDX-License-Identifier: Apache-2.0
/* Which host of a list covers a name: by look-up, since lists may be long. */
#include "config/rules.h"

static struct str lower(struct arena *a, struct str s)
{
	struct str out = arena_str(a, s);
	char *p = (char *)out.p;

	for (size_t i = 0; i < out.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] | 0x20);
	return out;
}

void host_set_init(struct host_set *s, struct arena *scratch, const struct strs *hosts)
{
	*s = (struct host_set){ .hosts = hosts, .scratch = scratch };
	map_init(&s->by_name, scratch);
	for (size_t i = 0; i < hosts->n; i++) {
		struct str host = lower(scratch, hosts->items[i]);

		seen_before(&s->by_name, host, i);
		if (!host.n || host.p[0] != '*')
			continue;
		s->wild = true;
		s->partial |= host.n > 1 && host.p[1] != '.';
	}
}

void host_set_wildcards(const struct host_set *s, struct str host,
			void (*found)(void *arg, size_t j), void *arg)
{
	char text[260];
	struct str low;

	if (!s->wild || host.n > 255)
		return;
	low = lower(s->scratch, host);
	for (size_t i = 0; i <= low.n; i++) {
		size_t j, n = low.n - i;

		/* *.x begins at a dot, * at the end, *x anywhere */
		if (n && low.p[i] != '.' && !s->partial)
			continue;
		text[0] = '*';
		memcpy(text + 1, low.p + i, n);
		j = (size_t)(uintptr_t)map_get(&s->by_name, (struct str){ text, n + 1 });
		if (j && !(n + 1 == low.n && low.p[0] == '*'))
			found(arg, j - 1);
	}
}

size_t host_set_first(const struct host_set *s, struct str host)
{
	return (size_t)(uintptr_t)map_get(&s->by_name, lower(s->scratch, host)) - 1;
}

static void note_found(void *arg, size_t j)
{
	*(bool *)arg = true;
}

bool host_set_covers(const struct host_set *s, struct str host)
{
	bool found = map_get(&s->by_name, lower(s->scratch, host)) != NULL;

	if (!found)
		host_set_wildcards(s, host, note_found, &found);
	return found;
}
