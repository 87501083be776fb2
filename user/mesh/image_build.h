/* SPDX-License-Identifier: Apache-2.0 */
/* image_build.h - writes the image (include/weft/image.h) of a compile whose plan has its numbers.
 */
#ifndef WEFT_MESH_IMAGE_BUILD_H
#define WEFT_MESH_IMAGE_BUILD_H

#include "mesh/model.h"

/* plan: endpoints and clusters are set; sets image and image_size, in the out arena. */
void image_build(struct compile *c, struct plan *plan);

#endif
