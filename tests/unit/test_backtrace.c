/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <rte_common.h>

#include "backtrace_pvt.h"
#include "hmt_backtrace.h"
#include "symbols_pvt.h"

/* Of an alternate stack: less than an lcore's. A sanitizer's handler puts frames of its own there. */
#define ALT_BYTES (64 * 1024)

/* ---- What is printed ---------------------------------------------------------------------- */

struct lines {
	uint32_t count;
	char text[HMI_BACKTRACE_MAX + 1][HMI_BACKTRACE_LINE];
};

static void
line_keep(void *arg, const char *text)
{
	struct lines *lines = arg;

	cr_assert_lt(lines->count, RTE_DIM(lines->text));
	snprintf(lines->text[lines->count++], HMI_BACKTRACE_LINE, "%s", text);
}

static struct lines
printed(void *const *frames, uint32_t count)
{
	struct lines lines = { 0 };

	hmi_backtrace_print(frames, count, line_keep, &lines);
	return lines;
}

/* The first line that names it; NULL: none. */
static const char *
line_of(const struct lines *lines, const char *function)
{
	for (uint32_t i = 0; i < lines->count; i++) {
		const char *at = strstr(lines->text[i], function);

		if (at != NULL && at[-1] == ' ' && at[strlen(function)] == '+')
			return lines->text[i];
	}
	return NULL;
}

/* Without libdw only the program is named. */
static void
must_name(const struct lines *lines, uint32_t at, const char *function)
{
	char begin[HMI_BACKTRACE_LINE];

	cr_assert_lt(at, lines->count, "%u lines", lines->count);
	snprintf(begin, sizeof(begin), hmt_has_names() ? "#%u %s+0x" : "#%u test_backtrace+0x", at, function);
	cr_expect_eq(strncmp(lines->text[at], begin, strlen(begin)), 0, "'%s' begins otherwise: %s", begin,
		     lines->text[at]);
}

/* ---- Capture ------------------------------------------------------------------------------ */

struct stack {
	uint32_t count;
	void *frames[HMI_BACKTRACE_MAX];
	int line;
};

static HMT_NAMED uint32_t
innermost(struct stack *stack, uint32_t max, uint32_t skip)
{
	stack->count = hmi_backtrace_capture(stack->frames, max, skip);
	stack->line = __LINE__ - 1;
	return stack->count;
}

static HMT_NAMED uint32_t
middle(struct stack *stack, uint32_t max, uint32_t skip)
{
	return innermost(stack, max, skip) + 1;
}

static HMT_NAMED uint32_t
outermost(struct stack *stack, uint32_t max, uint32_t skip)
{
	return middle(stack, max, skip) + 1;
}

static struct stack
stack_captured(uint32_t max, uint32_t skip)
{
	struct stack stack = { 0 };

	cr_assert_eq(outermost(&stack, max, skip), stack.count + 2);
	return stack;
}

Test(backtrace, capture__caller_is_first)
{
	struct stack stack = stack_captured(HMI_BACKTRACE_MAX, 0);
	struct lines lines = printed(stack.frames, stack.count);

	must_name(&lines, 0, "innermost");
	must_name(&lines, 1, "middle");
	must_name(&lines, 2, "outermost");
	cr_expect_lt(stack.count, HMI_BACKTRACE_MAX);
	cr_expect_eq(lines.count, stack.count);
	cr_expect_neq((uintptr_t)stack.frames[stack.count - 1], UINTPTR_MAX,
		      "a caller of the first function");
}

Test(backtrace, capture__skips_frames)
{
	struct stack stack = stack_captured(HMI_BACKTRACE_MAX, 2);
	struct lines lines = printed(stack.frames, stack.count);

	must_name(&lines, 0, "outermost");
	cr_expect_eq(stack_captured(HMI_BACKTRACE_MAX, 1000).count, 0);
}

Test(backtrace, capture__keeps_to_max)
{
	struct stack stack = stack_captured(2, 0);
	struct lines lines = printed(stack.frames, stack.count);

	cr_assert_eq(stack.count, 2);
	cr_expect_null(stack.frames[2]);
	must_name(&lines, 1, "middle");
	cr_expect_eq(stack_captured(0, 0).count, 0);
}

/* ---- Print -------------------------------------------------------------------------------- */

Test(backtrace, print__no_frames_no_lines)
{
	cr_expect_eq(printed(NULL, 0).count, 0);
}

Test(backtrace, print__names_file_and_line)
{
	struct stack stack = stack_captured(1, 0);
	struct lines lines = printed(stack.frames, stack.count);
	char where[64];

	if (!hmt_has_names() || !HMT_DEBUG_INFO)
		cr_skip_test("built without libdw, or without debug information");
	snprintf(where, sizeof(where), "/test_backtrace.c:%d (test_backtrace)", stack.line);
	cr_expect_not_null(strstr(lines.text[0], where), "%s", lines.text[0]);
}

Test(backtrace, print__library_by_its_exported_function)
{
	void *frame = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
	struct lines lines = printed(&frame, 1);

	cr_expect_not_null(line_of(&lines, "gnu_get_libc_version"), "%s", lines.text[0]);
	cr_expect_not_null(strstr(lines.text[0], "(libc.so.6)"), "%s", lines.text[0]);
}

Test(backtrace, print__what_no_module_holds_is_a_number)
{
	void *nowhere[] = { (void *)1, NULL };
	struct lines lines = printed(nowhere, 2);

	cr_expect_str_eq(lines.text[0], "#0 0x1");
	cr_expect_str_eq(lines.text[1], "#1 0x0");
}

/* Without libdw, as addr2line takes it. */
Test(backtrace, symbols__place_in_the_program)
{
	struct hmi_symbols symbols = { .debuginfo = NULL, .program = "/bin/this" };
	uintptr_t address = (uintptr_t)middle + 3, bias;
	struct hmi_symbol symbol;
	struct link_map *map;
	Dl_info info;

	cr_assert_neq(dladdr1((void *)address, &info, (void **)&map, RTLD_DL_LINKMAP), 0);
	bias = map->l_addr;
	cr_assert(hmi_symbols_find(&symbols, address, &symbol));
	cr_expect_null(symbol.function);
	cr_expect_str_eq(symbol.module, "/bin/this");
	cr_expect_eq(symbol.module_place, address - bias);
	cr_expect_not(hmi_symbols_find(&symbols, 1, &symbol));
}

Test(backtrace, print__says_that_callers_are_left_out)
{
	void *frames[HMI_BACKTRACE_MAX] = { 0 };
	struct lines lines = printed(frames, HMI_BACKTRACE_MAX);

	cr_assert_eq(lines.count, HMI_BACKTRACE_MAX + 1);
	cr_expect_not_null(strstr(lines.text[HMI_BACKTRACE_MAX], "only the innermost calls"));
	cr_expect_eq(printed(frames, HMI_BACKTRACE_MAX - 1).count, HMI_BACKTRACE_MAX - 1);
}

#define NAME_50     long_name_of_a_function_that_does_not_fit_a_line__
#define JOIN(a, b)  JOIN_(a, b)
#define JOIN_(a, b) a##b
#define NAME_100    JOIN(NAME_50, NAME_50)
#define NAME_200    JOIN(NAME_100, NAME_100)
#define NAME_400    JOIN(NAME_200, NAME_200)
#define NAME_600    JOIN(NAME_400, NAME_200)

static HMT_NAMED int
NAME_600(int number)
{
	return number + 1;
}

Test(backtrace, print__marks_what_it_cuts)
{
	void *frame = (void *)(uintptr_t)NAME_600;
	struct lines lines = printed(&frame, 1);
	const char *text = lines.text[0];

	cr_assert_eq(NAME_600(1), 2);
	if (!hmt_has_names())
		cr_skip_test("built without libdw");
	cr_expect_eq(strlen(text), HMI_BACKTRACE_LINE - 1);
	cr_expect_str_eq(text + strlen(text) - 8, "long_...", "%s", text);
}

/* ---- In a signal handler -------------------------------------------------------------------- */

/* What the handlers below capture into, and where they go then. */
static struct hmi_backtrace trace;
static sigjmp_buf after;
static bool goes_on;                        /* the handler returns */
static void (*breaks)(ucontext_t *context); /* before the capture */

static void
capture_handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	if (hmi_backtrace_is_capturing(&trace))
		hmi_backtrace_fault(&trace);
	if (breaks != NULL)
		breaks(context);
	(void)hmi_backtrace_interrupted(&trace, context);
	if (!goes_on)
		siglongjmp(after, 1);
}

static void
handler_install(int sig)
{
	struct sigaction action = { .sa_sigaction = capture_handler,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	sigemptyset(&action.sa_mask);
	cr_assert_eq(sigaction(sig, &action, NULL), 0);
}

/* Page 0 is below the mapping: what grows into it faults. */
static void *
alternate_stack(void)
{
	char *memory =
		mmap(NULL, ALT_BYTES + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = { .ss_sp = memory + 4096, .ss_size = ALT_BYTES };

	cr_assert_neq((void *)memory, MAP_FAILED);
	cr_assert_eq(mprotect(memory, 4096, PROT_NONE), 0);
	cr_assert_eq(sigaltstack(&stack, NULL), 0);
	return memory;
}

static void
handlers_start(void)
{
	hmi_backtrace_warm_up();
	(void)alternate_stack();
	handler_install(SIGUSR1);
	handler_install(SIGSEGV);
	handler_install(SIGBUS);
}

TestSuite(backtrace_signal, .init = handlers_start);

static HMT_NAMED int
raiser(void)
{
	return raise(SIGUSR1) + 1;
}

Test(backtrace_signal, interrupted__handler_is_left_out)
{
	struct lines lines;

	goes_on = true;
	cr_assert_eq(raiser(), 1);
	lines = printed(trace.frames, trace.count);
	cr_expect_gt(trace.count, 0);
	cr_expect_not(hmi_backtrace_is_capturing(&trace));
	cr_expect_null(line_of(&lines, "capture_handler"));
	cr_expect_not_null(strstr(lines.text[0], "libc.so.6"), "%s", lines.text[0]);
	if (hmt_has_names())
		cr_expect_not_null(line_of(&lines, "raiser"));
}

/* Where nothing is; volatile, so that the compiler does not see it. */
static int *volatile nowhere = (int *)64;

static HMT_NAMED int
reader(void)
{
	return *nowhere + 1;
}

/* The handler comes back here. */
static void
read_nowhere(void)
{
	if (sigsetjmp(after, 1) == 0)
		(void)reader();
}

Test(backtrace_signal, interrupted__bad_access_is_first)
{
	struct lines lines;

	read_nowhere();
	lines = printed(trace.frames, trace.count);
	must_name(&lines, 0, "reader");
	cr_expect_gt(trace.count, 2);
	cr_expect_gt((uintptr_t)trace.frames[0], (uintptr_t)reader);
}

static int (*volatile no_function)(void);

static HMT_NAMED int
caller_of_nothing(void)
{
	return no_function() + 1;
}

static void
bad_call_check(uintptr_t where)
{
	struct lines lines;

	no_function = (int (*)(void))where;
	trace = (struct hmi_backtrace){ 0 };
	if (sigsetjmp(after, 1) == 0)
		(void)caller_of_nothing();
	lines = printed(trace.frames, trace.count);
	cr_assert_geq(trace.count, 1);
	cr_expect_eq((uintptr_t)trace.frames[0], where);
#ifdef __x86_64__
	must_name(&lines, 1, "caller_of_nothing");
	cr_expect_gt(trace.count, 3);
#endif
}

Test(backtrace_signal, interrupted__call_of_nothing_names_its_caller)
{
	void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	bad_call_check(0);
	bad_call_check((uintptr_t)data); /* what may not be executed */
	cr_assert_eq(munmap(data, 4096), 0);
	bad_call_check((uintptr_t)data); /* what is mapped no more */
}

#ifdef __x86_64__
/* Goes to `where` with a stack on which no return address is. */
static HMT_NAMED void
jump_nowhere(uintptr_t where)
{
	__asm__ volatile("push $0x17\n\tjmp *%0" : : "r"(where) : "memory");
	__builtin_unreachable();
}

Test(backtrace_signal, interrupted__jump_without_a_caller_is_one_frame)
{
	if (sigsetjmp(after, 1) == 0)
		jump_nowhere(16);
	cr_expect_eq(trace.count, 1);
	cr_expect_eq((uintptr_t)trace.frames[0], 16);
}

static void
stack_pointer_break(ucontext_t *context)
{
	context->uc_mcontext.gregs[REG_RSP] = 64;
	context->uc_mcontext.gregs[REG_RBP] = 64;
}

/* The walk reads callers where there is nothing: it faults, on the alternate stack. */
Test(backtrace_signal, interrupted__fault_of_the_capture_ends_it)
{
	struct lines lines;

	breaks = stack_pointer_break;
	for (int i = 0; i < 100; i++) {
		trace.count = 77;
		read_nowhere();
		cr_assert_eq(trace.count, 1);
		cr_assert_not(hmi_backtrace_is_capturing(&trace));
	}
	lines = printed(trace.frames, trace.count);
	must_name(&lines, 0, "reader");
	/* And the next one is whole. */
	breaks = NULL;
	read_nowhere();
	cr_expect_gt(trace.count, 2);
}
#endif

/* ---- What may fault beside a capture ------------------------------------------------------- */

static int tries;

static void
read_once(void *arg)
{
	tries++;
	if (arg != NULL)
		(void)reader();
}

Test(backtrace_signal, try__comes_back_after_a_fault)
{
	for (int i = 1; i <= 100; i++) {
		cr_assert(hmi_backtrace_try(&trace, read_once, NULL));
		cr_assert_not(hmi_backtrace_try(&trace, read_once, &trace));
		cr_assert_not(hmi_backtrace_is_capturing(&trace));
		cr_assert_eq(tries, 2 * i);
	}
}

/* ---- At a stack's end --------------------------------------------------------------------- */

static HMT_NAMED uint64_t
descend(uint64_t depth)
{
	volatile char here[256];

	if (depth == UINT64_MAX)
		return 0;
	here[depth % sizeof(here)] = (char)depth;
	return descend(depth + 1) + (uint64_t)here[depth % sizeof(here)];
}

static void *
overflow_main(void *arg)
{
	(void)arg;
	(void)alternate_stack();
	if (sigsetjmp(after, 1) == 0)
		(void)descend(0);
	return NULL;
}

Test(backtrace_signal, interrupted__stack_overflow_on_an_alternate_stack)
{
	pthread_attr_t attributes;
	pthread_t thread;
	struct lines lines;

	pthread_attr_init(&attributes);
	cr_assert_eq(pthread_attr_setstacksize(&attributes, 256 * 1024), 0);
	cr_assert_eq(pthread_create(&thread, &attributes, overflow_main, NULL), 0);
	pthread_join(thread, NULL);
	lines = printed(trace.frames, trace.count);
	cr_assert_eq(trace.count, HMI_BACKTRACE_MAX);
	for (uint32_t i = 1; i < HMI_BACKTRACE_MAX; i++)
		must_name(&lines, i, "descend");
}
