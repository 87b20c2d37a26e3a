/* SPDX-License-Identifier: Apache-2.0 */
#include "backtrace_pvt.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unwind.h>

#include "symbols_pvt.h"

/* Frames of handlers, and of what a sanitizer puts around them, that a capture goes through at most. */
#define HANDLER_FRAMES 32u

/* ---- Capture ------------------------------------------------------------------------- */

struct walk {
	void **frames;
	uint32_t *count;
	uint32_t max;
	uint32_t skip;
	bool in_handler;     /* what the signal has interrupted is still to come ... */
	bool is_first_known; /* ... and its first frame is there already */
};

static _Unwind_Reason_Code
frame_add(struct _Unwind_Context *context, void *arg)
{
	struct walk *walk = arg;
	int is_interrupted = 0;
	uintptr_t pc = _Unwind_GetIPInfo(context, &is_interrupted);

	if (walk->in_handler && is_interrupted) {
		walk->in_handler = false;
		walk->skip = walk->is_first_known;
	}
	if (walk->skip > 0) {
		walk->skip--;
		return _URC_NO_REASON;
	}
	/* The first function of a thread has no caller. */
	if (walk->in_handler || *walk->count == walk->max || (pc == 0 && !is_interrupted))
		return _URC_END_OF_STACK;
	/* A return address lies behind the call. */
	walk->frames[(*walk->count)++] = (void *)(is_interrupted ? pc : pc - 1);
	return _URC_NO_REASON;
}

__attribute__((noinline)) uint32_t
hmi_backtrace_capture(void **frames, uint32_t max, uint32_t skip)
{
	uint32_t count = 0;
	/* The first frame is this function's. */
	struct walk walk = { .frames = frames, .count = &count, .max = max, .skip = skip + 1 };

	_Unwind_Backtrace(frame_add, &walk);
	return count;
}

void
hmi_backtrace_warm_up(void)
{
	void *frames[HMI_BACKTRACE_MAX];

	(void)hmi_backtrace_capture(frames, HMI_BACKTRACE_MAX, 0);
}

/* ---- In a signal handler --------------------------------------------------------------- */

struct registers {
	uintptr_t pc, sp;
};

static struct registers
registers_get(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (struct registers){ (uintptr_t)context->uc_mcontext.gregs[REG_RIP],
				   (uintptr_t)context->uc_mcontext.gregs[REG_RSP] };
#elif defined(__aarch64__)
	return (struct registers){ context->uc_mcontext.pc, context->uc_mcontext.sp };
#else
	(void)context;
	return (struct registers){ 0 };
#endif
}

static void
registers_set(ucontext_t *context, const struct registers *registers)
{
#if defined(__x86_64__)
	context->uc_mcontext.gregs[REG_RIP] = (greg_t)registers->pc;
	context->uc_mcontext.gregs[REG_RSP] = (greg_t)registers->sp;
#else
	(void)context;
	(void)registers;
#endif
}

/* Whether an address lies in the program or in a library; also if that is unknown. */
static bool
is_code(uintptr_t pc)
{
#ifdef DLFO_STRUCT_HAS_EH_DBASE /* glibc 2.35 */
	struct dl_find_object object;

	return _dl_find_object((void *)pc, &object) == 0;
#else
	(void)pc;
	return true;
#endif
}

/*
 * Go back behind a call, to within its instruction. Returns whether there was one: a jump leaves another word there. The
 * stack pointer may be anything.
 */
static __attribute__((no_sanitize("address", "undefined"))) bool
call_undo(struct registers *registers)
{
#if defined(__x86_64__)
	registers->pc = *(const uintptr_t *)registers->sp - 1;
	registers->sp += sizeof(uintptr_t);
	return is_code(registers->pc);
#else
	(void)registers;
	return false;
#endif
}

/* Where no code is the unwinder would read instructions; the walk begins at the caller instead. */
static __attribute__((noinline)) void
interrupted_walk(struct hmi_backtrace *trace, ucontext_t *context, struct registers registers)
{
	struct walk walk = { .frames = trace->frames,
			     .count = &trace->count,
			     .max = HMI_BACKTRACE_MAX,
			     .skip = HANDLER_FRAMES,
			     .in_handler = true };

	trace->frames[0] = (void *)registers.pc;
	trace->count = 1;
	if (is_code(registers.pc)) {
		walk.is_first_known = true;
	} else {
		if (!call_undo(&registers))
			return;
		registers_set(context, &registers);
	}
	_Unwind_Backtrace(frame_add, &walk);
}

uint32_t
hmi_backtrace_interrupted(struct hmi_backtrace *trace, void *context)
{
	const struct registers before = registers_get(context);

	/* With the mask, to which the second signal has added. */
	if (sigsetjmp(trace->guard, 1) == 0) {
		trace->is_capturing = 1;
		interrupted_walk(trace, context, before);
	}
	trace->is_capturing = 0;
	registers_set(context, &before);
	return trace->count;
}

bool
hmi_backtrace_try(struct hmi_backtrace *trace, void (*look)(void *arg), void *arg)
{
	bool has_faulted = sigsetjmp(trace->guard, 1) != 0;

	if (!has_faulted) {
		trace->is_capturing = 1;
		look(arg);
	}
	trace->is_capturing = 0;
	return !has_faulted;
}

void
hmi_backtrace_fault(struct hmi_backtrace *trace)
{
	siglongjmp(trace->guard, 1);
}

/* ---- Print ----------------------------------------------------------------------------- */

/* The last part of a path. */
static const char *
name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Append to a text of HMI_BACKTRACE_LINE bytes; what does not fit is cut, and marked. Returns the new length. */
static __attribute__((format(printf, 3, 4))) size_t
append(char *text, size_t length, const char *format, ...)
{
	size_t left = HMI_BACKTRACE_LINE - length;
	va_list args;
	int more;

	va_start(args, format);
	more = vsnprintf(text + length, left, format, args);
	va_end(args);
	if (more >= 0 && (size_t)more < left)
		return length + (size_t)more;
	memcpy(text + HMI_BACKTRACE_LINE - sizeof("..."), "...", sizeof("..."));
	return HMI_BACKTRACE_LINE - 1;
}

static void
frame_format(const struct hmi_symbols *symbols, uintptr_t address, char *text, size_t length)
{
	struct hmi_symbol symbol;

	if (!hmi_symbols_find(symbols, address, &symbol)) {
		append(text, length, "0x%" PRIxPTR, address);
	} else if (symbol.function == NULL) {
		append(text, length, "%s+0x%" PRIxPTR, name_of(symbol.module), symbol.module_place);
	} else {
		length = append(text, length, "%s+0x%" PRIxPTR, symbol.function, symbol.offset);
		if (symbol.file != NULL)
			length = append(text, length, " at %s:%d", symbol.file, symbol.line);
		append(text, length, " (%s)", name_of(symbol.module));
	}
}

void
hmi_backtrace_print_by(const struct hmi_symbols *symbols, void *const *frames, uint32_t count,
		       hmi_backtrace_line_fn *line, void *arg)
{
	char text[HMI_BACKTRACE_LINE];

	for (uint32_t i = 0; i < count; i++) {
		frame_format(symbols, (uintptr_t)frames[i], text, append(text, 0, "#%u ", i));
		line(arg, text);
	}
	if (count == HMI_BACKTRACE_MAX)
		line(arg, "   only the innermost calls are recorded");
}

void
hmi_backtrace_print(void *const *frames, uint32_t count, hmi_backtrace_line_fn *line, void *arg)
{
	struct hmi_symbols symbols;

	if (count == 0)
		return;
	hmi_symbols_open(&symbols);
	hmi_backtrace_print_by(&symbols, frames, count, line, arg);
	hmi_symbols_close(&symbols);
}
