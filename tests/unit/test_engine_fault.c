/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults of actors are contained, by default, and those of the engine never.
 */
#include <criterion/criterion.h>
#include <signal.h>

#include "actor_pvt.h"
#include "hm_mailbox.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_death.h"
#include "hmt_eal.h"
#include "hmt_fault.h"
#include "hmt_log.h"

TestSuite(engine_fault, .init = hmt_eal_start);

/* Numbers from which on a probe faults: plus enum hmt_fault. */
#define FAULT 2000u

/* Behind a call: it is no jump, and its caller's frame is there. */
static uint32_t survived;

static void
fault_on_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint64_t number;

	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	number = *(const uint64_t *)hm_msg_body(msg);
	if (number < FAULT)
		return;
	hmt_fault_raise((enum hmt_fault)(number - FAULT));
	survived++;
}

static void
node_with(struct hmt_node *node, struct hmt_probe *probe)
{
	hmt_node_start(node, 2);
	hmt_probe_spawn(node, probe, 0, "actor");
	hmt_turn_until_idle(node);
}

static struct hmt_probe actor, inner_actor;

Test(engine_fault, signal__of_each_kind_fails_the_actor_alone)
{
	static struct hmt_probe other;
	struct hmt_node node;

	actor = (struct hmt_probe){ .on_msg = fault_on_number };
	other = (struct hmt_probe){ 0 };
	node_with(&node, &actor);
	hmt_probe_spawn(&node, &other, 0, NULL);
	for (uint32_t fault = 0; fault < HMT_FAULTS; fault++) {
		hmt_number(&node, actor.pid, FAULT + fault);
		hmt_number(&node, other.pid, fault);
		hmt_turn_until_idle(&node);
		cr_assert_eq(hmt_seen_count(&actor, HM_RESTARTING), fault + 1, "fault %u", fault);
		cr_assert_eq(hmt_seen_last(&other, HMT_NUMBER)->number, fault);
		hmt_elapse(&node, 10000000);
	}
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], HMT_FAULTS);
	hmt_node_end(&node);
}

struct reason {
	enum hmt_fault fault;
	const char *text;
};

static void
supervision_look(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	if (hm_msg_type(msg) == HM_SUPERVISION)
		memcpy(probe->arg, hm_msg_body(msg), sizeof(struct hm_supervision));
}

Test(engine_fault, signal__is_named_in_the_reason)
{
	static const struct reason reasons[] = {
		{ HMT_FAULT_NULL, "SIGSEGV at address (nil)" },
		{ HMT_FAULT_CONST, "SIGSEGV: access not allowed at address 0x" },
		{ HMT_FAULT_CALL, "SIGSEGV at address (nil)" },
		{ HMT_FAULT_OVERFLOW, "SIGSEGV: stack overflow at address 0x" },
		{ HMT_FAULT_FILE, "SIGBUS at address 0x" },
		{ HMT_FAULT_DIVIDE, "SIGFPE at address 0x" },
		{ HMT_FAULT_TRAP, "SIGILL at address 0x" },
		{ HMT_FAULT_ABORT, "SIGABRT: abort was called" },
	};
	static struct hmt_probe subscriber;
	struct hm_supervision last = { 0 };
	struct hmt_node node;

	actor = (struct hmt_probe){ .on_msg = fault_on_number };
	subscriber = (struct hmt_probe){ .on_msg = supervision_look, .arg = &last };
	node_with(&node, &actor);
	hmt_probe_spawn(&node, &subscriber, 1, NULL);
	cr_assert_eq(hm_supervision_subscribe(node.sys, subscriber.pid), 0);
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		hmt_number(&node, actor.pid, FAULT + reasons[i].fault);
		hmt_turn_until_idle(&node);
		cr_assert_eq(strncmp(last.failure.reason, reasons[i].text, strlen(reasons[i].text)), 0,
			     "%s: %s", reasons[i].text, last.failure.reason);
		cr_assert_eq(last.failure.signal, hmt_fault_signal(reasons[i].fault));
		cr_assert_eq(last.failure.type, HMT_NUMBER);
		cr_assert(hm_pid_equal(last.failure.actor, actor.pid));
		hmt_elapse(&node, 10000000);
	}
	hmt_node_end(&node);
}

Test(engine_fault, signal__logs_actor_message_and_call_stack)
{
	struct hmt_node node;
	struct hmt_log log;

	actor = (struct hmt_probe){ .on_msg = fault_on_number };
	node_with(&node, &actor);
	hmt_log_start(&log);
	hmt_number(&node, actor.pid, FAULT + HMT_FAULT_NULL);
	hmt_turn_until_idle(&node);
	cr_assert(hmt_log_has(&log, "/user/actor failed, message type number: SIGSEGV at address (nil)"),
		  "%s", hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, "#0 hmt_fault_raise"), "%s", hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, "fault_on_number"), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	hmt_node_end(&node);
}

/* ---- Limits of containment ---------------------------------------------------------------------------- */

static void
fault_in_actor(void *arg)
{
	struct hm_props props = *hmt_probe_props(0);
	struct hmt_probe *probe = &actor;
	struct hmt_node node;
	struct hm_pid pid;

	props.faults = HM_FAULTS_ABORT;
	actor = (struct hmt_probe){ .on_msg = fault_on_number };
	hmt_node_start_with(&node, 1, 0, arg);
	if (hm_system_spawn(node.sys, arg == NULL ? &props : hmt_probe_props(0), "actor", &probe, &pid) != 0)
		return;
	hmt_number(&node, pid, FAULT + HMT_FAULT_NULL);
	hmt_turn_until_idle(&node);
}

static void
abort_check(int status, const char *text)
{
	cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) != HMT_SURVIVED, "%s", text);
	cr_assert_not_null(strstr(text, "SIGSEGV at address (nil) in actor"), "%s", text);
	cr_assert_not_null(strstr(text, "/user/actor, message type number; the process ends, as --faults"),
			   "%s", text);
}

Test(engine_fault, faults__abort_by_props_ends_the_process_and_names_actor_and_message)
{
	char text[8192];

	abort_check(hmt_death(fault_in_actor, NULL, text, sizeof(text)), text);
}

/* ---- The longest path ------------------------------------------------------------------------------------ */

struct longest {
	struct hmt_node node;
	struct hmt_probe probes[10];
	char path[HM_PATH_MAX];
};

struct longest_child {
	struct hmt_probe *probe;
	const char *name;
};

static void
longest_child_spawn(struct hm_ctx *ctx, void *arg)
{
	struct longest_child *child = arg;

	if (hmt_probe_child(ctx, child->probe, HMT_LCORE_SAME, child->name) != 0)
		abort();
}

/* A chain of actors, of which the last one has a path of HM_PATH_MAX - 1 characters. Returns it. */
static struct hmt_probe *
longest_spawn(struct longest *l, const char *options)
{
	size_t length = strlen("/user/top"), left;
	char name[HM_NAME_MAX + 1];
	uint32_t n = 0;

	hmt_node_start_with(&l->node, 1, 0, options);
	hmt_probe_spawn(&l->node, &l->probes[0], 0, "top");
	snprintf(l->path, sizeof(l->path), "/user/top");
	while ((left = HM_PATH_MAX - 1 - length) > 0) {
		struct longest_child child = { &l->probes[n + 1], name };

		memset(name, 'n', sizeof(name));
		name[left > HM_NAME_MAX + 2 ? HM_NAME_MAX - 1 : left - 1] = '\0';
		hmt_do(&l->node, l->probes[n++].pid, longest_child_spawn, &child);
		length += (size_t)snprintf(l->path + length, sizeof(l->path) - length, "/%s", name);
	}
	l->probes[n].on_msg = fault_on_number;
	return &l->probes[n];
}

Test(engine_fault, log__has_the_longest_path)
{
	static struct longest l;
	struct hmt_probe *last = longest_spawn(&l, NULL);
	struct hmt_log log;

	cr_assert_eq(strlen(l.path), HM_PATH_MAX - 1);
	hmt_log_start(&log);
	hmt_number(&l.node, last->pid, FAULT + HMT_FAULT_NULL);
	hmt_turn_until_idle(&l.node);
	cr_assert_not_null(strstr(hmt_log_text(&log), l.path), "%s", hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, "n failed, message type number: SIGSEGV at address (nil)"), "%s",
		  hmt_log_text(&log));
	hmt_log_end(&log);
	hmt_node_end(&l.node);
}

static void
fault_in_longest(void *arg)
{
	static struct longest l;
	struct hmt_probe *last = longest_spawn(&l, arg);

	hmt_number(&l.node, last->pid, FAULT + HMT_FAULT_NULL);
	hmt_turn_until_idle(&l.node);
}

Test(engine_fault, faults__abort_names_the_longest_path)
{
	char text[16384];

	(void)hmt_death(fault_in_longest, (void *)(uintptr_t) "--faults abort", text, sizeof(text));
	cr_assert_not_null(
		strstr(text,
		       "n, message type number; the process ends, as --faults or the actor's props say\n"),
		"%s", text);
}

Test(engine_fault, faults__abort_by_option_ends_the_process_and_names_actor_and_message)
{
	char text[8192];

	abort_check(hmt_death(fault_in_actor, (void *)(uintptr_t) "--faults abort", text, sizeof(text)),
		    text);
}

/* What the engine reads next, and not the actor. */
static void
break_engine(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	ctx->cell->box.head = (struct hm_msg *)(uintptr_t)16;
}

static void
fault_in_engine(void *arg)
{
	struct hmt_node node;

	(void)arg;
	actor = (struct hmt_probe){ 0 };
	node_with(&node, &actor);
	hmt_do(&node, actor.pid, break_engine, NULL);
}

Test(engine_fault, faults__of_the_engine_itself_are_not_contained)
{
	char text[8192];
	int status = hmt_death(fault_in_engine, NULL, text, sizeof(text));

	cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) != HMT_SURVIVED, "%s", text);
	cr_assert_not_null(strstr(text, "the engine's own memory is broken"), "%s", text);
}

static uint8_t
priority_fault(const struct hm_msg *msg)
{
	(void)msg;
	hmt_fault_raise(HMT_FAULT_NULL);
	survived++;
	return 0;
}

static void
number_to(struct hm_ctx *ctx, void *to)
{
	uint64_t number = 1;

	(void)!hm_send(ctx, *(struct hm_pid *)to, HMT_NUMBER, &number);
}

static void
fault_in_mailbox(void *arg)
{
	static const struct hm_mailbox mailbox = { .order = HM_MAILBOX_PRIORITY, .priority = priority_fault };
	struct hm_props props = *hmt_probe_props(0);
	struct hmt_probe *probe = &inner_actor;
	struct hmt_node node;

	(void)arg;
	actor = inner_actor = (struct hmt_probe){ 0 };
	props.mailbox = &mailbox;
	node_with(&node, &actor);
	if (hm_system_spawn(node.sys, &props, NULL, &probe, &inner_actor.pid) == 0)
		hmt_do(&node, actor.pid, number_to, &inner_actor.pid);
}

/* It is no fault of the actor that sends. */
Test(engine_fault, faults__of_a_mailbox_are_not_contained)
{
	char text[8192];
	int status = hmt_death(fault_in_mailbox, NULL, text, sizeof(text));

	cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) != HMT_SURVIVED, "%s", text);
	cr_assert_not_null(strstr(text, "the engine's own memory is broken"), "%s", text);
}

static void
fail_outside(void *arg)
{
	struct hmt_node node;

	(void)arg;
	actor = (struct hmt_probe){ 0 };
	node_with(&node, &actor);
	hm_fail(node.sys->lcores[0], "nobody");
}

Test(engine_fault, fail__outside_of_a_turn_is_misuse)
{
	char text[8192];

	cr_assert(hmt_aborted(hmt_death(fail_outside, NULL, text, sizeof(text))), "%s", text);
	cr_assert_not_null(strstr(text, "hm_fail: no function of an actor runs"), "%s", text);
}

/* From within an actor of a second system, which an actor of the first one turns. */
static void
fail_the_outer(struct hm_ctx *ctx, void *outer)
{
	(void)ctx;
	hm_fail(outer, "not mine");
}

static void
inner_turn(struct hm_ctx *ctx, void *node)
{
	hmt_do(node, inner_actor.pid, fail_the_outer, ctx);
}

static void
fail_through(void *arg)
{
	struct hmt_node node, inner;

	(void)arg;
	actor = inner_actor = (struct hmt_probe){ 0 };
	node_with(&node, &actor);
	node_with(&inner, &inner_actor);
	hmt_do(&node, actor.pid, inner_turn, &inner);
}

static void
inner_fault(struct hm_ctx *ctx, void *inner)
{
	struct hmt_node *node = inner;

	(void)ctx;
	hmt_number(node, inner_actor.pid, FAULT + HMT_FAULT_NULL);
	hmt_turn_until_idle(node);
	cr_assert_eq(hmt_stats(node).failed, 1);
}

static void
inner_and_outer_fault(struct hm_ctx *ctx, void *inner)
{
	inner_fault(ctx, inner);
	hmt_fault_raise(HMT_FAULT_OVERFLOW);
}

/* One within the other, each has its own recovery point and stack of handlers. */
Test(engine_fault, signal__of_a_system_that_an_actor_turns_is_that_systems)
{
	struct hmt_node node, inner;

	actor = (struct hmt_probe){ 0 };
	inner_actor = (struct hmt_probe){ .on_msg = fault_on_number };
	node_with(&node, &actor);
	node_with(&inner, &inner_actor);
	hmt_do(&node, actor.pid, inner_fault, &inner);
	cr_assert_eq(hmt_stats(&node).failed, 0);
	hmt_node_end(&inner);
	node_with(&inner, &inner_actor);
	hmt_do(&node, actor.pid, inner_and_outer_fault, &inner);
	cr_assert_eq(hmt_stats(&node).failed, 1);
	cr_assert_eq(hmt_seen_count(&actor, HM_RESTARTING), 1);
	hmt_node_end(&inner);
	hmt_node_end(&node);
}

Test(engine_fault, fail__by_the_ctx_of_an_outer_system_is_misuse)
{
	char text[8192];

	cr_assert(hmt_aborted(hmt_death(fail_through, NULL, text, sizeof(text))), "%s", text);
	cr_assert_not_null(strstr(text, "hm_fail: the ctx of another thread"), "%s", text);
}

/* An assertion of the engine is none of the actor's faults, though its function has made the call. */
static void
misuse_in_actor(struct hm_ctx *ctx, void *arg)
{
	(void)ctx;
	(void)arg;
	HMI_ASSERT(arg != NULL);
}

static void
misuse(void *arg)
{
	struct hmt_node node;

	(void)arg;
	actor = (struct hmt_probe){ 0 };
	node_with(&node, &actor);
	hmt_do(&node, actor.pid, misuse_in_actor, NULL);
}

Test(engine_fault, assertions__of_the_engine_are_not_contained)
{
	char text[8192];

	cr_assert(hmt_aborted(hmt_death(misuse, NULL, text, sizeof(text))), "%s", text);
}

Test(engine_fault, handlers__are_gone_with_the_last_system)
{
	struct sigaction before, now;
	struct hmt_node first, second;

	cr_assert_eq(sigaction(SIGSEGV, NULL, &before), 0);
	hmt_node_start(&first, 1);
	hmt_node_start(&second, 1);
	hmt_node_end(&first);
	cr_assert_eq(sigaction(SIGSEGV, NULL, &now), 0);
	cr_assert(now.sa_sigaction != before.sa_sigaction);
	hmt_node_end(&second);
	cr_assert_eq(sigaction(SIGSEGV, NULL, &now), 0);
	cr_assert(now.sa_sigaction == before.sa_sigaction);
}
