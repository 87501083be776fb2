/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.h - walks services, ports, addresses and views and collects c->entries and c->tables: all of
 * view 0, and of the other views what differs (and every prefix, once one prefix differs).
 */
#ifndef WEFT_MESH_EMIT_H
#define WEFT_MESH_EMIT_H

#include "mesh/model.h"

void emit_all(struct compile *c);

#endif
