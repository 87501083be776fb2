/* SPDX-License-Identifier: Apache-2.0 */
/* families.h - the metrics there are, once: rendering and the reference page come from this table.
 */
#ifndef WEFT_TELEMETRY_FAMILIES_H
#define WEFT_TELEMETRY_FAMILIES_H

#include "telemetry/metrics.h"

enum family_type { FAMILY_COUNTER, FAMILY_GAUGE, FAMILY_HISTOGRAM, FAMILY_SUMMARY };

struct family {
	struct str name;
	enum family_type type;
	enum metrics_set set;
	unsigned int value; /* the first one, see enum http_value and its like */
	bool milli;	    /* of a histogram: its sum is in thousandths of the unit */
	struct str help;
};

/* families with series of their own; ends with an empty name */
extern const struct family families[];

/* one figure a reason */
extern const struct family family_kernel_events, family_proxy_events;
/* one figure in all */
extern const struct family family_build, family_series;

struct str family_type_name(enum family_type t);

/* Adds name="value" to a label text, escaped; an empty value becomes `missing`. */
void family_label(struct text *t, struct str name, struct str value, struct str missing);
/* The label text of a set. */
void family_labels(struct text *t, enum metrics_set set, const struct metrics_labels *l);
/* The names of the labels of a set, in order, joined by ", ". */
struct str family_label_names(enum metrics_set set);

extern const uint64_t family_bounds[METRICS_BUCKETS - 1]; /* of buckets, in thousandths */
extern const unsigned int family_values[NR_METRICS_SETS]; /* values of a series, by set */

#endif
