// SPDX-License-Identifier: Apache-2.0
#include "config/load.h"

#include "config/document.h"
#include "config/file.h"
#include "config/repair.h"

static struct object *object_new(struct objects *out, struct str file, struct pos pos)
{
	struct object *o = arena_alloc(out->arena, sizeof(*o));
	struct vec v = { out->items, out->n, out->cap };

	o->file = file;
	o->pos = pos;
	o->valid = true;
	o->ordinal = (uint32_t)out->n;
	*(struct object **)vec_push(out->arena, &v, sizeof(struct object *)) = o;
	out->items = v.items;
	out->n = v.n;
	out->cap = v.cap;
	return o;
}

static void add_broken(struct objects *out, struct str file, const struct yaml_doc *doc)
{
	struct object *o = object_new(out, file, doc->error_pos);
	struct problem p = { .pos = doc->error_pos, .path = STR("") };

	o->meta.kind = arena_str(out->arena, doc->apparent_kind);
	p.message = arena_str(out->arena, doc->error);
	problem_put(out->arena, o, &p);
}

/* A List of `kubectl get -o yaml` is its items. */
static const struct node *list_items(const struct node *root)
{
	const struct node *kind = node_get(root, STR("kind")), *items;

	if (!kind || kind->type != NODE_SCALAR || !str_eq(kind->text, STR("List")))
		return NULL;
	items = node_get(root, STR("items"));
	return items && items->type == NODE_LIST ? items : NULL;
}

static void add_document(struct objects *out, struct str file, const struct node *root,
			 const struct load_options *opt, const struct repairs *repairs)
{
	const struct node *items = list_items(root);
	struct decoder d = { .a = out->arena, .lenient = opt && opt->lenient };

	if (root->type == NODE_NULL)
		return;
	if (items) {
		for (size_t i = 0; i < items->n; i++)
			add_document(out, file, items->items[i], opt, repairs);
		return;
	}
	d.o = object_new(out, file, root->pos);
	document_decode(&d, root, repairs);
}

static bool any_null_document(const struct yaml_doc *doc)
{
	return !doc->error.n && doc->root && doc->root->type == NODE_NULL;
}

void load_text(struct objects *out, struct str file, struct str text,
	       const struct load_options *opt)
{
	struct arena *scratch = arena_new(); /* of the repairs */
	struct repairs repairs = { .arena = scratch, .lenient = opt && opt->lenient };
	struct yaml_reader *r;
	struct yaml_doc doc;

	file = arena_str(out->arena, file);
	text = repair_text(&repairs, text);
	r = yaml_reader_new(text);
	while (yaml_next(r, &doc)) {
		if (doc.error.n)
			add_broken(out, file, &doc);
		else if (!any_null_document(&doc) && doc.root)
			add_document(out, file, doc.root, opt, &repairs);
	}
	yaml_reader_free(r);
	arena_free(scratch);
}

static int load_file(struct objects *out, const char *path, const struct load_options *opt)
{
	struct arena *scratch = arena_new();
	struct stat st;
	struct str text;
	int err = file_read(scratch, path, &text, &st);

	if (!err)
		load_text(out, str_of(path), text, opt);
	arena_free(scratch);
	return err;
}

int load_path(struct objects *out, const char *path, const struct load_options *opt,
	      struct str *bad)
{
	struct arena *scratch = arena_new();
	struct vec files = { 0 };
	int err = file_walk(scratch, path, &files, NULL);

	*bad = err ? arena_str(out->arena, str_of(path)) : (struct str){ 0 };
	for (size_t i = 0; i < files.n; i++) {
		const char *file = ((const char **)files.items)[i];
		int failed = load_file(out, file, opt);

		if (failed && !err) {
			err = failed;
			*bad = arena_str(out->arena, str_of(file));
		}
	}
	arena_free(scratch);
	return err;
}
