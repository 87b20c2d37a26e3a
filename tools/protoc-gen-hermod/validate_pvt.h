/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VALIDATE_PVT_H
#define VALIDATE_PVT_H

/*
 * What a compiler would refuse later, or would not see, said in the words of the .proto file and with what mends it.
 */

#include "model_pvt.h"

/*
 * Look for problems in all files that are to be written.
 */
void hmp_validate(struct hmp_model *model);

#endif /* VALIDATE_PVT_H */
