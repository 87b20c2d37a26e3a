/* SPDX-License-Identifier: Apache-2.0 */
/* Built without libdw: see debuginfo_dw.c. */
#include <stddef.h>

#include "symbols_pvt.h"

void *
hmi_debuginfo_open(void)
{
	return NULL;
}

void
hmi_debuginfo_find(void *debuginfo, uintptr_t address, struct hmi_symbol *symbol)
{
	(void)debuginfo;
	(void)address;
	(void)symbol;
}

void
hmi_debuginfo_close(void *debuginfo)
{
	(void)debuginfo;
}
