/* SPDX-License-Identifier: Apache-2.0 */
/* flags.h - response flags (mesh-api 21.2): why a request ended as it did. X(name, help) */
#ifndef WEFT_TELEMETRY_FLAGS_H
#define WEFT_TELEMETRY_FLAGS_H

#include "base/str.h"

#define RESPONSE_FLAGS(X)                                                                          \
	X(DC, "downstream closed")                                                                 \
	X(DF, "DNS resolution failed")                                                             \
	X(DI, "delay injected")                                                                    \
	X(DO, "dropped by overload of the upstream")                                               \
	X(DPE, "downstream protocol error")                                                        \
	X(DT, "maximum duration of a connection or stream")                                        \
	X(FI, "abort injected")                                                                    \
	X(IH, "bad header (400)")                                                                  \
	X(LH, "local health check failed")                                                         \
	X(LR, "local reset")                                                                       \
	X(NC, "no cluster")                                                                        \
	X(NFCF, "no filter configuration")                                                         \
	X(RFCF, "response from cache")                                                             \
	X(NR, "no route or no filter chain")                                                       \
	X(OM, "overload manager")                                                                  \
	X(RL, "rate limited")                                                                      \
	X(RLSE, "rate limit service error")                                                        \
	X(SI, "stream idle timeout")                                                               \
	X(UAEX, "denied by external authorization")                                                \
	X(UC, "upstream closed the connection")                                                    \
	X(UF, "upstream connect failure")                                                          \
	X(UH, "no healthy upstream")                                                               \
	X(UMSDR, "upstream maximum duration")                                                      \
	X(UO, "upstream overflow")                                                                 \
	X(UPE, "upstream protocol error")                                                          \
	X(UR, "upstream reset the stream")                                                         \
	X(URX, "retry or connect attempt limit")                                                   \
	X(UT, "upstream timeout")

#define RESPONSE_FLAG_BIT_ENUM(name, help) RESPONSE_BIT_##name,
enum response_flag_bit { RESPONSE_FLAGS(RESPONSE_FLAG_BIT_ENUM) NR_RESPONSE_FLAGS };
#define RESPONSE_FLAG_ENUM(name, help) FLAG_##name = 1u << RESPONSE_BIT_##name,
enum response_flag { RESPONSE_FLAGS(RESPONSE_FLAG_ENUM) };

enum { FLAGS_TEXT_MAX = 128 }; /* all of them, joined */

/* "-" for none, else the names joined by ',': "UF,URX". Points into buf or at a literal. */
struct str response_flags_text(uint32_t flags, char buf[static FLAGS_TEXT_MAX]);

#endif
