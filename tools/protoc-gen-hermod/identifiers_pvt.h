/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IDENTIFIERS_PVT_H
#define IDENTIFIERS_PVT_H

/*
 * The identifiers of C that a file's header defines, and those of protobuf-c beside it: no two may be the same.
 */

#include "model_pvt.h"

/* What has a name twice, or one that cannot be one, is a problem. */
void hmp_identifiers_check(struct hmp_model *model, const struct hmp_file *file);

#endif /* IDENTIFIERS_PVT_H */
