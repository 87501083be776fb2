/* SPDX-License-Identifier: Apache-2.0 */
/* notes_rules.h - the notes about VirtualServices. */
#ifndef WEFT_MESH_NOTES_RULES_H
#define WEFT_MESH_NOTES_RULES_H

#include "mesh/registry.h"
#include "mesh/rules.h"

void notes_of_rules(struct compile *c, const struct by_kind *by);

#endif
