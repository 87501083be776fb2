// SPDX-License-Identifier: Apache-2.0
#include "config/document.h"

#include "config/kinds.h"
#include "config/scalar.h"
#include "weft/limits.h"

static struct str text_of(const struct node *root, const char *key)
{
	const struct node *n = node_get(root, str_of(key));

	return n && n->type == NODE_SCALAR ? n->text : (struct str){ 0 };
}

/* ---- which kind ------------------------------------------------------------------------------ */
static struct str group_of(struct str api_version)
{
	ptrdiff_t slash = str_find(api_version, '/');

	return slash < 0 ? STR("") : str_sub(api_version, 0, (size_t)slash);
}

static struct str version_of(struct str api_version)
{
	ptrdiff_t slash = str_find(api_version, '/');

	return slash < 0 ? api_version : str_sub(api_version, (size_t)slash + 1, api_version.n);
}

static bool has_version(const struct kind_def *def, struct str version)
{
	struct str rest = str_of(def->versions), one;

	while (str_cut(&rest, ' ', &one))
		if (str_eq(one, version))
			return true;
	return str_eq(rest, version);
}

static struct str newest(const struct kind_def *def)
{
	struct str all = str_of(def->versions);
	ptrdiff_t at = str_rfind(all, ' ');

	return str_sub(all, at < 0 ? 0 : (size_t)at + 1, all.n);
}

static struct str full_version(struct arena *a, const struct kind_def *def)
{
	struct str version = newest(def);

	return arena_printf(a, "%s%s" STR_FMT, def->group, *def->group ? "/" : "",
			    STR_ARG(version));
}

static const struct kind_def *find_kind(struct str kind, struct str group)
{
	for (const struct kind_def *def = kind_defs; def->kind; def++)
		if (str_eq(kind, str_of(def->kind)) && str_eq(group, str_of(def->group)))
			return def;
	return NULL;
}

/* The kind that was probably meant: a name nearby in the same group, or the same name where the
 * group is a slip of another one. */
static const struct kind_def *guess_kind(struct str kind, struct str group)
{
	const struct kind_def *best = NULL;
	unsigned int least = 3;

	for (const struct kind_def *def = kind_defs; def->kind; def++) {
		struct str g = str_of(def->group);
		unsigned int away = edit_distance(kind, str_of(def->kind), 2);
		bool slip = !group.n || edit_distance(group, g, 3) <= 3;

		if (!*def->group || away >= least || (!str_eq(g, group) && (away || !slip)))
			continue;
		best = def;
		least = away;
	}
	return best;
}

static bool is_mesh_group(struct str group)
{
	return str_ends(group, STR(".istio.io"));
}

static void skip(struct decoder *d, const struct node *root, const char *why)
{
	d->o->kind = KIND_OTHER;
	d->o->skipped = true;
	problem_add(d, true, root->pos, NULL, "%s", why);
}

/* Names what a fragment lacks, and what it looks like. */
static void report_fragment(struct decoder *d, const struct node *root, bool api, bool kind)
{
	const struct node *meta = node_get(root, STR("metadata"));
	const struct node *spec = node_get(root, STR("spec"));
	bool name = node_get(meta, STR("name")) != NULL || node_get(root, STR("name")) != NULL;
	const char *like = NULL;
	struct str lacking;

	if (node_get(spec, STR("http")) || node_get(spec, STR("tcp")) || node_get(spec, STR("tls")))
		like = "VirtualService";
	else if (node_get(spec, STR("host")))
		like = "DestinationRule";
	else if (node_get(spec, STR("servers")))
		like = "Gateway";
	lacking = api	 ? STR("`kind`")
		  : kind ? STR("`apiVersion`")
		  : name ? STR("`apiVersion` and `kind`")
			 : STR("`apiVersion`, `kind` and `metadata.name`");
	problem_add(d, false, root->pos, NULL,
		    STR_FMT
		    " %s missing, this is a fragment%s%s: write `apiVersion: %s`, `kind: %s` "
		    "and `metadata:` with a `name:` above it",
		    STR_ARG(lacking), api || kind ? "is" : "are", like ? " of a " : "",
		    like ? like : "", like ? "networking.istio.io/v1" : "…", like ? like : "…");
}

static bool read_type(struct decoder *d, const struct node *root)
{
	struct str api = text_of(root, "apiVersion"), kind = text_of(root, "kind");
	struct object *o = d->o;

	o->meta.api_version = arena_str(d->a, str_sub(api, 0, 200));
	o->meta.kind = arena_str(d->a, str_sub(kind, 0, 200));
	if (api.n && kind.n)
		return true;
	report_fragment(d, root, api.n > 0, kind.n > 0);
	return false;
}

static bool wrong_root(struct decoder *d, const struct node *root)
{
	if (root->type == NODE_MAP)
		return false;
	problem_add(d, false, root->pos, NULL,
		    "found " STR_FMT
		    " where a resource belongs: write a mapping with `apiVersion`, "
		    "`kind`, `metadata` with a `name`, and `spec`%s",
		    STR_ARG(node_says(d->a, root)),
		    root->type == NODE_LIST ? " (a list of routes belongs below `spec.http`)" : "");
	return true;
}

/* The definition of the document's kind; NULL: reported or skipped. */
static const struct kind_def *choose_kind(struct decoder *d, const struct node *root)
{
	struct str api = d->o->meta.api_version, kind = d->o->meta.kind;
	struct str group = group_of(api), version = version_of(api);
	const struct kind_def *def = find_kind(kind, group), *guess;
	const struct node *at = node_get(root, STR("apiVersion"));

	if (def && has_version(def, version))
		return def;
	if (def) {
		problem_add(d, false, at->pos, &(struct path){ .key = STR("apiVersion") },
			    "%s has no version \"" STR_FMT "\": write " STR_FMT, def->kind,
			    STR_ARG(version), STR_ARG(full_version(d->a, def)));
		return NULL;
	}
	guess = guess_kind(kind, group);
	if (guess && str_eq(kind, str_of(guess->kind))) {
		problem_add(d, false, at->pos, &(struct path){ .key = STR("apiVersion") },
			    "%s is not of \"" STR_FMT "\": write " STR_FMT, guess->kind,
			    STR_ARG(api), STR_ARG(full_version(d->a, guess)));
		return NULL;
	}
	if (guess)
		skip(d, root,
		     arena_printf(d->a,
				  "weft does not know this kind, the object is skipped: did you "
				  "mean %s?",
				  guess->kind)
			     .p);
	else
		skip(d, root,
		     is_mesh_group(group) ? "weft does not know this kind, the object is skipped: "
					    "it has no effect"
					  : "weft does not use this kind: the object is skipped");
	return NULL;
}

/* ---- names ----------------------------------------------------------------------------------- */
static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool name_ok(struct str s, bool dots, size_t most)
{
	if (!s.n || s.n > most || !is_lower_alnum(s.p[0]) || !is_lower_alnum(s.p[s.n - 1]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_lower_alnum(s.p[i]) && s.p[i] != '-' && !(dots && s.p[i] == '.'))
			return false;
	return true;
}

static void check_names(struct decoder *d, const struct node *root)
{
	struct meta *m = &d->o->meta;
	const struct node *meta = node_get(root, STR("metadata"));
	const struct node *name = node_get(meta, STR("name")),
			  *ns = node_get(meta, STR("namespace"));
	struct path up = { .key = STR("metadata") };
	struct path name_at = { .up = &up, .key = STR("name") };
	struct path ns_at = { .up = &up, .key = STR("namespace") };

	if (!m->name.n && m->generate_name.n)
		m->name = m->generate_name;
	else if (!m->name.n && meta && !d->incomplete)
		problem_add(d, false, meta ? meta->pos : root->pos, &name_at,
			    "the object has no name: add `name:` below `metadata:`");
	else if (m->name.n && !name_ok(m->name, true, 253))
		problem_add(d, false, name ? name->pos : root->pos, &name_at,
			    "\"" STR_FMT
			    "\" is not a name: use lower-case letters, digits, `-` and "
			    "`.`, at most 253",
			    STR_ARG(str_sub(m->name, 0, 100)));
	if (m->ns.n && !name_ok(m->ns, false, 63))
		problem_add(d, false, ns ? ns->pos : root->pos, &ns_at,
			    "\"" STR_FMT
			    "\" is not a namespace: use lower-case letters, digits and "
			    "`-`, at most 63",
			    STR_ARG(str_sub(m->ns, 0, 100)));
}

/* ---- all of it ------------------------------------------------------------------------------- */
static void apply_repairs(struct decoder *d, const struct node *root, const struct repairs *repairs)
{
	const struct repair *list = repairs->list.items;

	for (size_t i = 0; i < repairs->list.n; i++)
		if (list[i].from <= root->pos.line && root->pos.line < list[i].to) {
			d->repaired += !list[i].warning;
			problem_add(d, list[i].warning, list[i].pos, NULL, STR_FMT,
				    STR_ARG(list[i].message));
		}
}

/* metadata of a kind that is not read, for the note */
static void read_names(struct decoder *d, const struct node *root)
{
	const struct node *meta = node_get(root, STR("metadata"));

	d->o->meta.name = arena_str(d->a, str_sub(text_of(meta, "name"), 0, 253));
	d->o->meta.ns = arena_str(d->a, str_sub(text_of(meta, "namespace"), 0, 253));
	if (!d->o->meta.ns.n)
		d->o->meta.ns = STR("default");
}

static bool before(struct pos a, struct pos b)
{
	return a.line != b.line ? a.line < b.line : a.col < b.col;
}

/* By position; what stands at one place keeps its order. */
static void sort_problems(struct object *o)
{
	struct problem *p = o->problems.items;

	for (size_t i = 1; i < o->problems.n; i++) {
		struct problem one = p[i];
		size_t j = i;

		for (; j && before(one.pos, p[j - 1].pos); j--)
			p[j] = p[j - 1];
		p[j] = one;
	}
}

void document_decode(struct decoder *d, const struct node *root, const struct repairs *repairs)
{
	struct object *o = d->o;
	const struct kind_def *def;
	struct check c = { .d = d, .root = root, .o = o };
	void *spec;

	apply_repairs(d, root, repairs);
	if (wrong_root(d, root) || !read_type(d, root))
		return;
	def = choose_kind(d, root);
	if (!def || !def->root) {
		read_names(d, root);
		if (def)
			skip(d, root, def->note);
		return;
	}
	o->kind = def->id;
	spec = arena_alloc(d->a, def->root->size);
	decode_struct(d, def->root, root, NULL, spec);
	check_names(d, root);
	if (def->cluster_scoped)
		o->meta.ns = STR("");
	else if (!o->meta.ns.n)
		o->meta.ns = STR("default");
	o->spec = spec;
	object_defaults(o);
	if (d->errors == d->repaired && def->validate) {
		c.scratch = arena_new();
		def->validate(&c, spec);
		arena_free(c.scratch);
	}
	if (def->note)
		skip(d, root, def->note);
	sort_problems(o);
}
