/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYMBOLS_PVT_H
#define SYMBOLS_PVT_H

/*
 * What lies at an address of this process's code.
 *
 * The dynamic linker knows programs, libraries and the functions that these export. Symbol tables and debug information
 * say more, if they are there; debuginfo_dw.c reads them by libdw, and debuginfo_none.c is built instead where that
 * is not installed (meson option `symbols`). No server is asked for them (debuginfod).
 *
 * Any thread but an lcore; a struct hmi_symbols is of one at a time.
 */

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct hmi_symbols {
	void *debuginfo;        /* NULL: there is none */
	char program[PATH_MAX]; /* path */
};

/* Members are NULL or 0 if unknown. */
struct hmi_symbol {
	const char *module;     /* path of program or library */
	uintptr_t module_place; /* in it, as addr2line takes it */
	const char *function;
	uintptr_t offset; /* in the function */
	const char *file;
	int line;
};

/* What is loaded now. */
void hmi_symbols_open(struct hmi_symbols *symbols);

/* Texts are valid until hmi_symbols_close, or until their library is unloaded. Returns whether anything is known. */
bool hmi_symbols_find(const struct hmi_symbols *symbols, uintptr_t address, struct hmi_symbol *symbol);

void hmi_symbols_close(struct hmi_symbols *symbols);

/* ---- Of symbols.c alone ------------------------------------------------------------------- */

/* NULL: none can be read. */
void *hmi_debuginfo_open(void);

/* Fill in function, offset, file and line, as far as they are known; untouched otherwise. */
void hmi_debuginfo_find(void *debuginfo, uintptr_t address, struct hmi_symbol *symbol);

/* NULL is allowed. */
void hmi_debuginfo_close(void *debuginfo);

#endif /* SYMBOLS_PVT_H */
