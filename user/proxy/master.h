/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master.h - the main thread of weft-proxy: it listens to weftd on the channel, starts the workers
 * with the first image, passes later images on and answers for them, sweeps ejections and serves
 * the metrics. When weftd goes, everything stays as it is.
 */
#ifndef WEFT_PROXY_MASTER_H
#define WEFT_PROXY_MASTER_H

/* Runs until told to stop (CHANNEL_STOP, SIGTERM) and drained; the exit code. */
int master_run(int channel);

#endif
