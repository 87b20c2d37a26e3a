/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fuzz target: a stepped system whose actors do what the input says.
 *
 *     input ──▶ main: turn, let time pass, send, stop, move
 *         └───▶ each call of an actor's function: a byte that says what it does, and bytes of argument
 *
 * Actors of all kinds of supervisors, mailboxes and places on three lcores spawn, stop, fail, ask, watch, move, stash
 * and so on, also while they start, restart, stop, and in reply functions and deciders. When the input is used up they do
 * nothing more, and the system comes to rest.
 *
 * Whatever comes: no crash; an actor begins with HM_STARTED on a new state, and receives nothing of users behind
 * HM_STOPPING; behaviours, receive timeouts and counts of children are what its calls have made of them; messages of one
 * sender come in order; each function that waits is called once, or counted as dropped; who watches is told; nobody stays
 * muted; events have no sender, and no more of them are in flight than may be; buffers are freed once, and so is what subscribers were given; each message was received or is a dead letter; nothing is left.
 */
#include <inttypes.h>
#include <stdio.h>

#include "hermod.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "fuzz_actors.h"

struct world world;

void
actor_spawn(bool by_key)
{
	uint32_t index = world.actors_count;
	struct actor *actor = &world.actors[index];
	char name[16];
	int rc;

	if (index == ACTORS_MAX)
		return;
	actor_make(actor, by_key);
	snprintf(name, sizeof(name), "a%u", index);
	rc = by_key ? hm_system_spawn_key(world.node.sys, actor->props, name, &index, key_take(), &actor->pid)
		    : hm_system_spawn(world.node.sys, actor->props, name, &index, &actor->pid);
	HMT_CHECK(spawn_may_say(actor, rc), "spawn from outside: %d", rc);
	if (rc == 0)
		world.actors_count++;
}

static void
world_begin(void)
{
	static const struct hm_type types[] = {
		{ .id = NOTE, .name = "note", .size = sizeof(struct note) },
		{ .id = CONTROL, .name = "control", .size = sizeof(struct note), .control = true },
		{ .id = QUIET, .name = "quiet", .size = sizeof(struct note), .no_influence = true },
		{ .id = ANSWER, .name = "answer" },
		{ .id = ASKED, .name = "asked", .size = sizeof(struct note), .auto_respond = on_asked },
		{ .id = RESULT, .name = "result", .size = sizeof(uint64_t) },
	};
	static const char *const wide_options[8] = {
		"",
		"--reserve 1",
		"--reserve 2 --offload-queue 16",
		"--set /user/a*:stash=1 --set /user/**:quantum=1 --set /user/*/c*:lcore=any",
		"--set /user/**:supervisor=escalate --set /user:supervisor-restarts=unlimited",
		"--set /user/a*:mailbox-capacity=2 --set /user/**:backoff-min=100us",
		"--quantum 2 --quantum-us 1 --record all",
		"--set /user/**:lcore=least --set /user/**:supervisor-scope=rest-for-one",
	};
	uint8_t kind = byte_take();
	char options[256];

	world.is_short = kind % 8 == 1;
	world.is_wide = kind / 8 % 4 != 0;
	snprintf(options, sizeof(options), "%s %s",
		 kind % 8 == 2   ? "--balance 1"
		 : kind % 8 == 3 ? "--mailbox 2"
				 : "",
		 world.is_wide ? wide_options[kind / 32] : "");
	hmt_node_start_with(&world.node, LCORES, world.is_short ? 256u << 10 : 4u << 20, options);
	for (size_t i = 0; i < RTE_DIM(types); i++)
		HMT_CHECK(hm_type_register(world.node.sys, &types[i]) == 0, "type %zu", i);
	for (uint32_t n = 2 + pick(4); n > 0; n--)
		actor_spawn(false);
}

static void
step_run(void)
{
	struct actor *whom = anybody();
	struct note note = { ACTORS_MAX, ACTORS_MAX, 0 };

	switch (pick(world.is_wide ? 16 : 12)) {
	case 0:
	case 1:
		for (uint32_t n = 1 + pick(8); n > 0; n--)
			hm_system_turn(world.node.sys);
		break;
	case 2:
		world.node.now_ns += time_take() * 1000;
		hm_system_turn(world.node.sys);
		break;
	case 3:
		hmt_turn_until_idle(&world.node);
		break;
	case 4:
		actor_spawn(false);
		break;
	case 5:
		(void)!hm_system_stop_actor(world.node.sys, whom->pid);
		break;
	case 6:
		(void)!hm_system_move(world.node.sys, whom->pid, pick(LCORES));
		break;
	case 12:
	case 13:
	case 14:
		wide_step();
		break;
	default:
		(void)hm_system_send(world.node.sys, whom->pid, note_type(), &note);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool has_begun;
	bool in_order;

	if (!has_begun) {
		hmt_eal_start();
		props_make();
		has_begun = true;
	}
	world = (struct world){ .at = data, .end = data + size, .given_mark = UINT64_C(0x676976656e) };
	world_begin();
	in_order = pick(8) != 1;
	for (uint32_t i = 0; i < STEPS_MAX && world.at < world.end; i++)
		step_run();
	world.is_over = true;
	if (in_order) {
		world.at = world.end;
		for (uint32_t i = 0; i < REST_STEPS; i++)
			hmt_elapse(&world.node, REST_US);
		rest_check();
		events_check();
		wide_end();
		/* Tasks of the stop may take their time. */
		hm_system_stop(world.node.sys);
		for (uint32_t i = 0; i < REST_STEPS && world.is_wide; i++)
			hmt_elapse(&world.node, REST_US);
		hmt_node_end(&world.node);
		HMT_CHECK(world.is_short || world.is_torn || world.tasks_due == 0,
			  "tasks %" PRIx64 " of the stop were not run", world.tasks_due);
		HMT_CHECK(world.queues == 0, "%" PRIu64 " queues are left", world.queues);
	} else {
		wide_end();
		hmt_node_drop(&world.node);
	}
	HMT_CHECK(world.buffers == world.buffers_freed, "%" PRIu64 " buffers, %" PRIu64 " freed",
		  world.buffers, world.buffers_freed);
	HMT_CHECK(world.given == atomic_load_explicit(&world.given_back, memory_order_relaxed),
		  "%" PRIu64 " subscribers were given something, %" PRIu64 " have it back", world.given,
		  atomic_load_explicit(&world.given_back, memory_order_relaxed));
	HMT_CHECK(world.extensions == world.extensions_freed, "%" PRIu64 " extensions, %" PRIu64 " freed",
		  world.extensions, world.extensions_freed);
	return 0;
}
