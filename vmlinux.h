/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * vmlinux.h - the kernel's own types in use, as little as is read of each; CO-RE finds the real
 * offsets at load time. Everything else comes from the kernel's UAPI headers.
 */
#ifndef WEFT_VMLINUX_H
#define WEFT_VMLINUX_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff {
	__u8 ip_summed : 2;
};

#pragma clang attribute pop

#endif
