/* SPDX-License-Identifier: Apache-2.0 */
/* checksum.h - the checksum of an image: FNV-1a 64 with checksum and generation taken as zero. */
#ifndef WEFT_IMAGE_CHECKSUM_H
#define WEFT_IMAGE_CHECKSUM_H

#include "weft/image.h"

/* size bytes at im, which must hold a whole header */
uint64_t image_checksum(const struct image_header *im, uint64_t size);

#endif
