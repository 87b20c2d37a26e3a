/* SPDX-License-Identifier: Apache-2.0 */
#include "symbols_pvt.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <unistd.h>

void
hmi_symbols_open(struct hmi_symbols *symbols)
{
	ssize_t length = readlink("/proc/self/exe", symbols->program, sizeof(symbols->program) - 1);

	if (length >= 0)
		symbols->program[length] = '\0';
	else
		snprintf(symbols->program, sizeof(symbols->program), "%s", program_invocation_name);
	symbols->debuginfo = hmi_debuginfo_open();
}

/* The dynamic linker calls the program whatever it was called when it was started. */
static const char *
module_path(const struct hmi_symbols *symbols, const struct link_map *map, const Dl_info *info)
{
	if (map->l_name == NULL || map->l_name[0] == '\0')
		return symbols->program;
	return info->dli_fname;
}

bool
hmi_symbols_find(const struct hmi_symbols *symbols, uintptr_t address, struct hmi_symbol *symbol)
{
	struct link_map *map;
	Dl_info info;

	*symbol = (struct hmi_symbol){ 0 };
	if (dladdr1((void *)address, &info, (void **)&map, RTLD_DL_LINKMAP) == 0)
		return false;
	symbol->module = module_path(symbols, map, &info);
	symbol->module_place = address - map->l_addr;
	if (info.dli_saddr != NULL) {
		symbol->function = info.dli_sname;
		symbol->offset = address - (uintptr_t)info.dli_saddr;
	}
	if (symbols->debuginfo != NULL)
		hmi_debuginfo_find(symbols->debuginfo, address, symbol);
	return true;
}

void
hmi_symbols_close(struct hmi_symbols *symbols)
{
	hmi_debuginfo_close(symbols->debuginfo);
	symbols->debuginfo = NULL;
}
