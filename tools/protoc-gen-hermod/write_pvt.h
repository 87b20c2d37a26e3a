/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITE_PVT_H
#define WRITE_PVT_H

/*
 * The header of a file: its table of messages and those of its services, for the macros of hm_messages.h and hm_service.h.
 */

#include "model_pvt.h"

/*
 * @param model  in which no problem was found
 * @param after  table whose ids come before; NULL: none
 */
void hmp_write(struct hmp_text *text, const struct hmp_model *model, const struct hmp_file *file,
	       const struct hmp_file *after);

/* Path of that header. */
const char *hmp_write_path(struct hmp_memory *memory, const char *path);

#endif /* WRITE_PVT_H */
