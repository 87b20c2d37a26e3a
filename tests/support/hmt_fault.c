/* SPDX-License-Identifier: Apache-2.0 */
#include "hmt_fault.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_BYTES 4096u
/* What a frame of the endless recursion takes at least. */
#define FRAME_BYTES 256u

#define UNCHECKED __attribute__((noinline, no_sanitize("address", "undefined", "thread")))

int
hmt_fault_signal(enum hmt_fault fault)
{
	switch (fault) {
	case HMT_FAULT_FILE:
		return SIGBUS;
	case HMT_FAULT_DIVIDE:
		return SIGFPE;
	case HMT_FAULT_TRAP:
		return SIGILL;
	case HMT_FAULT_ABORT:
		return SIGABRT;
	default:
		return SIGSEGV;
	}
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winfinite-recursion"

UNCHECKED static int
recurse(volatile char *outer, int depth)
{
	volatile char frame[FRAME_BYTES];

	frame[depth % FRAME_BYTES] = *outer;
	/* Not a tail call: the frame is needed behind it. */
	return recurse(frame, depth + 1) + frame[0];
}

#pragma GCC diagnostic pop

/* A mapping that stays, without a file behind it. */
static volatile char *
file_end_map(void)
{
	FILE *file = tmpfile();
	volatile char *at;

	if (file == NULL || ftruncate(fileno(file), PAGE_BYTES) != 0)
		abort();
	at = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, fileno(file), 0);
	if (at == MAP_FAILED || ftruncate(fileno(file), 0) != 0)
		abort();
	fclose(file);
	return at;
}

UNCHECKED static void
file_end_read(void)
{
	/* Of all threads. Two that are the first at once make one each. */
	static _Atomic(volatile char *) mapped;
	volatile char *at = atomic_load(&mapped);

	if (at == NULL) {
		at = file_end_map();
		atomic_store(&mapped, at);
	}
	(void)at[0];
}

UNCHECKED void
hmt_fault_raise(enum hmt_fault fault)
{
	volatile int number = 100;
	volatile char first = 0;
	uintptr_t nowhere = 0;
	int zero = 0;

	/* The compiler must not see what these are. */
	__asm__ volatile("" : "+r"(nowhere), "+r"(zero));
	switch (fault) {
	case HMT_FAULT_NULL:
		*(volatile int *)nowhere = 1;
		break;
	case HMT_FAULT_CONST:
		*(volatile char *)(uintptr_t)hmt_fault_raise = 2;
		break;
	case HMT_FAULT_CALL:
		((void (*)(void))nowhere)();
		break;
	case HMT_FAULT_OVERFLOW:
		(void)recurse(&first, 0);
		break;
	case HMT_FAULT_FILE:
		file_end_read();
		break;
	case HMT_FAULT_DIVIDE:
		number = number / zero;
		break;
	case HMT_FAULT_TRAP:
#if defined(__x86_64__)
		__asm__ volatile("ud2");
#elif defined(__aarch64__)
		/* Not the compiler's trap, which is a breakpoint. */
		__asm__ volatile(".inst 0");
#endif
		break;
	default:
		abort();
	}
}
