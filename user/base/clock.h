/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - the two clocks in use: monotonic for everything that waits, real time for people. */
#ifndef WEFT_BASE_CLOCK_H
#define WEFT_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

uint64_t clock_ns(void); /* CLOCK_MONOTONIC: the same clock as bpf_ktime_get_ns() */
uint64_t clock_ms(void);
uint64_t clock_real_ms(void); /* since 1970 */

enum { CLOCK_ISO_LEN = 24 };
/* "2026-01-02T03:04:05.678Z", CLOCK_ISO_LEN bytes and a NUL */
void clock_iso(uint64_t real_ms, char out[CLOCK_ISO_LEN + 1]);

#endif
