/* SPDX-License-Identifier: Apache-2.0 */
/* dump.h - an image as text, for `weft image FILE` and golden tests: every record, in file order.
 */
#ifndef WEFT_IMAGE_DUMP_H
#define WEFT_IMAGE_DUMP_H

#include <stdio.h>

#include "weft/image.h"

/* im passed image_check. Does not print sizes, checksum and generation: image_dump_head does. */
void image_dump(const struct image_header *im, FILE *out);
void image_dump_head(const struct image_header *im, FILE *out);

#endif
