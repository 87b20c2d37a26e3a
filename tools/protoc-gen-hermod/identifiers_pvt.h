/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IDENTIFIERS_PVT_H
#define IDENTIFIERS_PVT_H

/*
 * The identifiers of C that headers define, and those of protobuf-c beside them: no two may be the same, since the headers of a
 * run, and those of files that are used, include each other.
 */

#include "model_pvt.h"

/* What has a name twice, or one that cannot be one, is a problem. */
void hmp_identifiers_check(struct hmp_model *model);

#endif /* IDENTIFIERS_PVT_H */
