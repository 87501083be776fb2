/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcx.h - programs on a device by a tcx link (kernel 6.6 and later), pinned beside the maps: a
 * third cheaper a packet than a classifier of clsact, and it cannot be removed by a stray `tc`.
 * The link ends when its pin is removed, or with the device.
 */
#ifndef WEFT_KERNEL_TCX_H
#define WEFT_KERNEL_TCX_H

#include <stdint.h>

enum tcx_side { TCX_IN, TCX_OUT };

/* Makes the link, or puts prog_fd into the pinned one without a gap. -EOPNOTSUPP: no tcx here. */
int tcx_attach(const char *pins, uint32_t ifindex, enum tcx_side side, int prog_fd);
/* Absent is no error. */
int tcx_detach(const char *pins, uint32_t ifindex, enum tcx_side side);
/* What the kernel says: 0 when this program runs on this device, -ENOENT otherwise. */
int tcx_check(const char *pins, uint32_t ifindex, enum tcx_side side, uint32_t prog_id);

#endif
