/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h - field tables: how a mapping becomes a struct. A schema lists its fields; decode walks
 * the node by it, fills the struct and reports what does not fit, each problem with its position.
 * Names are lowerCamel; their snake_case spelling is accepted too.
 */
#ifndef WEFT_CONFIG_SCHEMA_H
#define WEFT_CONFIG_SCHEMA_H

#include "config/node.h"

/* Where the decoder stands: a chain on the C stack, rendered only when there is a problem. */
struct path {
	const struct path *up;
	struct str key; /* empty: an item */
	size_t index;
	bool quoted; /* a key of the user's own, printed as ["key"] */
};

struct decoder {
	struct arena *a;
	struct object *o;
	bool lenient;
	bool incomplete;       /* parts could not be placed: do not ask for required fields */
	unsigned int errors;   /* reported so far */
	unsigned int repaired; /* of them, those whose meaning is plain nevertheless */
};

enum field_type {
	T_STR,	    /* struct str */
	T_U32,	    /* uint32_t */
	T_U64,	    /* uint64_t */
	T_BOOL,	    /* bool */
	T_OPT_U32,  /* struct opt_u32 */
	T_OPT_BOOL, /* struct opt_bool */
	T_MS,	    /* struct opt_ms; below 1 ms refused unless zero_ok */
	T_DOUBLE,   /* struct percent: a number that may be unset */
	T_STRS,	    /* struct strs */
	T_U32S,	    /* struct u32s */
	T_PAIRS,    /* struct pairs: string -> string */
	T_ENUM,	    /* int, from names */
	T_ENUM_STR, /* struct str, the name as in names */
	T_INLINE,   /* sub, at off of the same struct (has_off: bool that it was there) */
	T_PTR,	    /* sub, allocated; the struct holds a pointer */
	T_LIST,	    /* LIST_OF(sub) */
	T_CUSTOM,   /* decode() */
	T_ANY,	    /* known, not looked at */
};

struct enum_name {
	const char *name; /* NULL ends the list */
	int value;	  /* what T_ENUM stores */
	int number;	  /* protobuf's number, which is accepted as well */
};

struct schema;
struct field;

typedef void decode_fn(struct decoder *d, const struct field *f, const struct node *n,
		       const struct path *p, void *at);

struct field {
	const char *name;
	const char *alias; /* an old name, or a snake_case that the rule does not give */
	enum field_type type;
	uint16_t off;
	uint16_t has_off; /* T_INLINE: offset + 1 of a bool; 0: none */
	bool required;
	bool zero_ok;
	uint8_t oneof;	 /* fields with the same number exclude each other; 0: none */
	double min, max; /* numbers; max 0: no bound */
	const struct enum_name *names;
	const struct schema *sub;
	decode_fn *decode;
	const char *doc;
};

struct schema {
	const char *name;
	const struct field *fields; /* up to one without a name */
	size_t size;
	uint16_t pos_off; /* offset + 1 of a struct pos; 0: none */
	bool open;	  /* unknown fields are nobody's business (Kubernetes) */
};

#define FIELD(s, m, n, t, ...)                                                                     \
	{                                                                                          \
		.name = n, .type = T_##t, .off = offsetof(struct s, m), __VA_ARGS__                \
	}
#define SCHEMA(v, s, n, ...)                                                                       \
	const struct schema v = { .name = n, .size = sizeof(struct s), __VA_ARGS__ }
#define AT(s, m) (offsetof(struct s, m) + 1)

/* Fills the struct at `at` (zeroed by the caller). n is a map; anything else is reported. */
void decode_struct(struct decoder *d, const struct schema *s, const struct node *n,
		   const struct path *p, void *at);
/* One value of f into the struct at `base`. */
void decode_field(struct decoder *d, const struct field *f, const struct node *n,
		  const struct path *p, void *base);
void decode_pairs(struct decoder *d, const struct node *n, const struct path *p, struct pairs *out);

const struct field *schema_find(const struct schema *s, struct str key);
bool field_is_map(const struct field *f); /* its value is a mapping */
bool name_matches(const char *name, const char *alias, struct str key);

/* Adds a problem to the object; at most MAX_ERRORS_PER_OBJECT. */
void problem_add(struct decoder *d, bool warning, struct pos pos, const struct path *p,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void problem_put(struct arena *a, struct object *o, const struct problem *p);
struct str path_text(struct arena *a, const struct path *p);

/* "the number 80", "a list", … for messages */
struct str node_says(struct arena *a, const struct node *n);
/* "did you mean `x`?" for an unknown key, or empty. */
struct str schema_suggest(struct arena *a, const struct schema *s, const struct node *map,
			  struct str key);
/* Edits (insert, delete, replace, swap) that make b of a, case folded; above `most`: most + 1. */
unsigned int edit_distance(struct str a, struct str b, unsigned int most);

#endif
