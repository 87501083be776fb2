/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notes.h - warnings about what is accepted and not in force: fields that are not built yet, rules
 * that name what does not exist, rules that lose against others. Nothing is silently ignored.
 */
#ifndef WEFT_MESH_NOTES_H
#define WEFT_MESH_NOTES_H

#include "mesh/registry.h"
#include "mesh/rules.h"

void notes_build(struct compile *c, const struct by_kind *by);

#endif
