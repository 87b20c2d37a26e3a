/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Symbol tables and debug information by libdw, of elfutils. Debug information is looked for in the file itself, and by its build id below
 * /usr/lib/debug, where packages put it. libdw's own search might ask a server.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <elfutils/libdwfl.h>

#include "symbols_pvt.h"

#define BUILD_ID_MAX 64

/* "/usr/lib/debug/.build-id/ab/cdef.debug". Returns whether it fits. */
static bool
debug_path(const unsigned char *id, int length, char *path, size_t size)
{
	int at = snprintf(path, size, "/usr/lib/debug/.build-id/%02x/", id[0]);

	if (length < 2 || length > BUILD_ID_MAX || at + 2 * length + (int)sizeof(".debug") > (int)size)
		return false;
	for (int i = 1; i < length; i++)
		at += snprintf(path + at, size - (size_t)at, "%02x", id[i]);
	snprintf(path + at, size - (size_t)at, ".debug");
	return true;
}

/* A Dwfl_Callbacks.find_debuginfo. Returns a file's number; -1: there is none. */
static int
debuginfo_find(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base, const char *file_name,
	       const char *link, GElf_Word crc, char **path)
{
	char text[sizeof("/usr/lib/debug/.build-id/ab/.debug") + 2 * BUILD_ID_MAX];
	const unsigned char *id;
	GElf_Addr where;
	int length = dwfl_module_build_id(module, &id, &where), file;

	(void)data;
	(void)name;
	(void)base;
	(void)file_name;
	(void)link;
	(void)crc;
	if (length <= 0 || !debug_path(id, length, text, sizeof(text)))
		return -1;
	file = open(text, O_RDONLY | O_CLOEXEC);
	if (file >= 0)
		*path = strdup(text); /* allowed: libdw frees it, by free */
	return file;
}

void *
hmi_debuginfo_open(void)
{
	static const Dwfl_Callbacks callbacks = { .find_elf = dwfl_linux_proc_find_elf,
						  .find_debuginfo = debuginfo_find };
	Dwfl *dwfl = dwfl_begin(&callbacks);

	if (dwfl != NULL &&
	    (dwfl_linux_proc_report(dwfl, getpid()) != 0 || dwfl_report_end(dwfl, NULL, NULL) != 0)) {
		dwfl_end(dwfl);
		dwfl = NULL;
	}
	return dwfl;
}

void
hmi_debuginfo_find(void *debuginfo, uintptr_t address, struct hmi_symbol *symbol)
{
	Dwfl_Module *module = dwfl_addrmodule(debuginfo, address);
	const char *function;
	Dwfl_Line *line;
	GElf_Off offset;
	GElf_Sym unused;

	if (module == NULL)
		return;
	function = dwfl_module_addrinfo(module, address, &offset, &unused, NULL, NULL, NULL);
	if (function != NULL) {
		symbol->function = function;
		symbol->offset = offset;
	}
	line = dwfl_module_getsrc(module, address);
	if (line != NULL)
		symbol->file = dwfl_lineinfo(line, NULL, &symbol->line, NULL, NULL, NULL);
}

void
hmi_debuginfo_close(void *debuginfo)
{
	dwfl_end(debuginfo);
}
