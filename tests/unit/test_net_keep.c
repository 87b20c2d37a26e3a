/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages from another node that an actor keeps: bodies of protobuf types, of several objects, which it hands on here and there,
 * answers later, sends as its own, or loses.
 *
 *     node a: asker ──text, tree──▶ node b: keeper ──▶ other, of the last lcore
 *                   ◀────────────────────────────┘
 */
#include "hm_keep.h"
#include "hm_move.h"
#include "test_net_pair.h"

TestSuite(net_keep, .init = pair_eal_start, .timeout = 120);

#define KEPT_MAX 64u
#define LONG_US  60000000u

enum {
	ASKER,
	KEEPER,
	OTHER,
	ACTORS
};

/* One of the actors, and what it has seen. */
static struct actor {
	bool keeps, responds;
	uint32_t texts, trees;
	uint32_t last; /* number of the last text */
	struct hm_pid pid, sender;
	struct hm_msg *kept[KEPT_MAX];
	uint32_t count;
} actors[ACTORS];

static struct {
	struct pair_wire wire;
	struct hm_system *nodes[2];
	struct hm_pid keeper; /* as the asker knows it */
	uint32_t identities, calls;
	enum hm_future_result result;
	uint32_t answer;
} scene;

/* Body of PAIR_LOCAL: what an actor is to do. */
struct deed {
	void (*fn)(struct hm_ctx *ctx, struct actor *self);
};

/* ---- Bodies that are known -------------------------------------------------------------------- */

static void
text_fill(Hermod__Test__Text *text, uint32_t number)
{
	static char words[32];
	static uint8_t data[512];

	hermod__test__text__init(text);
	snprintf(words, sizeof(words), "text %u", number);
	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(number + i);
	text->text = words;
	text->data.data = data;
	text->data.len = number * 7 % sizeof(data);
	text->number = number;
}

static void
text_check(const struct hm_msg *msg, uint32_t number)
{
	const Hermod__Test__Text *text = hm_msg_body(msg);
	Hermod__Test__Text expected;

	cr_assert_eq(hm_msg_type(msg), PAIR_TEXT);
	text_fill(&expected, number);
	cr_assert_eq(text->number, number);
	cr_assert_str_eq(text->text, expected.text);
	cr_assert_eq(text->data.len, expected.data.len);
	cr_assert_eq(memcmp(text->data.data, expected.data.data, text->data.len), 0);
}

static void
tree_send(struct hm_ctx *ctx, struct actor *self)
{
	Hermod__Test__Tree tree, leaf, *children[] = { &leaf };
	uint32_t numbers[] = { 1, 2, 3 };
	Hermod__Test__Text text;

	(void)self;
	text_fill(&text, 99);
	hermod__test__tree__init(&leaf);
	leaf.name = (char *)(uintptr_t) "leaf";
	leaf.kind_case = HERMOD__TEST__TREE__KIND_TEXT;
	leaf.text = &text;
	hermod__test__tree__init(&tree);
	tree.name = (char *)(uintptr_t) "tree";
	tree.n_children = 1;
	tree.children = children;
	tree.n_numbers = 3;
	tree.numbers = numbers;
	cr_assert_eq(hm_request(ctx, scene.keeper, PAIR_TREE, &tree), HM_OK);
}

static void
tree_check(const struct hm_msg *msg)
{
	const Hermod__Test__Tree *tree = hm_msg_body(msg);

	cr_assert_str_eq(tree->name, "tree");
	cr_assert_eq(tree->n_numbers, 3);
	cr_assert_eq(tree->numbers[2], 3);
	cr_assert_eq(tree->n_children, 1);
	cr_assert_str_eq(tree->children[0]->name, "leaf");
	cr_assert_str_eq(tree->children[0]->text->text, "text 99");
	cr_assert_eq(tree->children[0]->text->data.len, 99 * 7 % 512);
}

/* ---- The actors ---------------------------------------------------------------------------------- */

static void
kept_add(struct hm_ctx *ctx, struct actor *self)
{
	cr_assert_lt(self->count, KEPT_MAX);
	cr_assert_eq(hm_msg_keep(ctx, &self->kept[self->count++]), HM_OK);
}

static void
answer(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	Hermod__Test__Text text;

	text_fill(&text, ((const Hermod__Test__Text *)hm_msg_body(msg))->number + 1000);
	cr_assert_eq(hm_respond(ctx, PAIR_TEXT, &text), HM_OK);
}

static void
receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct actor *self = *(struct actor **)state;

	switch (hm_msg_type(msg)) {
	case PAIR_LOCAL:
		((const struct deed *)hm_msg_body(msg))->fn(ctx, self);
		break;
	case PAIR_TEXT:
		self->last = ((const Hermod__Test__Text *)hm_msg_body(msg))->number;
		text_check(msg, self->last);
		self->texts++;
		self->sender = hm_sender(ctx);
		if (self->responds)
			answer(ctx, msg);
		if (self->keeps)
			kept_add(ctx, self);
		break;
	case PAIR_TREE:
		tree_check(msg);
		self->trees++;
		self->sender = hm_sender(ctx);
		if (self->keeps)
			kept_add(ctx, self);
		break;
	default:
		break;
	}
}

static void
act(uint32_t actor, void (*fn)(struct hm_ctx *ctx, struct actor *self))
{
	struct deed deed = { fn };

	cr_assert_eq(hm_system_send(scene.nodes[actor != ASKER], actors[actor].pid, PAIR_LOCAL, &deed),
		     HM_OK);
	for (int i = 0; i < 5; i++)
		pair_turn(scene.nodes);
}

static void
on_identity(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	    void *arg)
{
	(void)ctx;
	(void)state;
	(void)arg;
	cr_assert_eq(result, HM_FUTURE_REPLY);
	scene.keeper = ((const struct hm_identity *)hm_msg_body(reply))->pid;
	scene.identities++;
}

static void
keeper_find(struct hm_ctx *ctx, struct actor *self)
{
	(void)self;
	cr_assert_eq(hm_resolve(ctx, "hermod://b/user/keeper", LONG_US, on_identity, NULL), 0);
}

static void
actor_spawn(uint32_t actor, const char *name)
{
	/* One for each, since spawned actors refer to them. */
	static struct hm_props props[ACTORS];
	struct actor *self = &actors[actor];

	props[actor] = (struct hm_props){ .receive = receive,
					  .state_size = sizeof(self),
					  .args_size = sizeof(self),
					  .lcore = HM_LCORE_SAME };
	if (actor == OTHER)
		props[actor].lcore = HM_LCORE(1);
	cr_assert_eq(hm_system_spawn(scene.nodes[actor != ASKER], &props[actor], name, &self, &self->pid), 0);
}

static void
scene_start(void)
{
	memset(&scene, 0, sizeof(scene));
	memset(actors, 0, sizeof(actors));
	actors[KEEPER].keeps = true;
	pair_wire_create(&scene.wire);
	pair_nodes(scene.nodes, "--workers 2 --memory 16M");
	actor_spawn(ASKER, "asker");
	actor_spawn(KEEPER, "keeper");
	actor_spawn(OTHER, "other");
	pair_connect(scene.nodes);
	act(ASKER, keeper_find);
	pair_until(scene.nodes, scene.identities == 1);
}

/* All that was received was handed on or freed, and all that was sent is known of. */
static void
scene_end(void)
{
	pair_turn_for(scene.nodes, 0.01);
	for (int i = 0; i < 2; i++)
		if (scene.nodes[i] != NULL)
			cr_assert_eq(pair_net(scene.nodes[i]).rx_buffers_used, 0, "node %d", i);
	for (int i = 0; i < 2; i++)
		if (scene.nodes[i] != NULL)
			pair_stop(scene.nodes, i);
	pair_wire_empty(&scene.wire);
}

/* ---- What the asker sends -------------------------------------------------------------------- */

static void
texts_send(struct hm_ctx *ctx, struct actor *self)
{
	Hermod__Test__Text text;

	(void)self;
	for (uint32_t i = 1; i <= 20; i++) {
		text_fill(&text, i);
		cr_assert_eq(hm_request(ctx, scene.keeper, PAIR_TEXT, &text), HM_OK);
	}
}

static void
on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	(void)ctx;
	(void)state;
	(void)arg;
	scene.calls++;
	scene.result = result;
	scene.answer = reply != NULL ? ((const Hermod__Test__Text *)hm_msg_body(reply))->number : 0;
}

static void
ask(struct hm_ctx *ctx, struct actor *self)
{
	Hermod__Test__Text text;

	(void)self;
	text_fill(&text, 5);
	cr_assert_eq(hm_ask(ctx, scene.keeper, PAIR_TEXT, &text, LONG_US, on_answer, NULL), HM_OK);
}

static void
texts_keep(void)
{
	uint32_t before = actors[KEEPER].count;

	act(ASKER, texts_send);
	pair_until(scene.nodes, actors[KEEPER].count == before + 20);
}

static void
question_keep(void)
{
	act(ASKER, ask);
	pair_until(scene.nodes, actors[KEEPER].count == 1);
}

/* ---- What the keeper does ----------------------------------------------------------------------- */

static void
all_free(struct hm_ctx *ctx, struct actor *self)
{
	for (uint32_t i = 0; i < self->count; i++)
		hm_msg_free(ctx, self->kept[i]);
	self->count = 0;
}

static void
all_to(struct hm_ctx *ctx, struct actor *self, struct hm_pid to)
{
	for (uint32_t i = 0; i < self->count; i++)
		cr_assert_eq(hm_msg_forward(ctx, to, self->kept[i]), HM_OK);
	self->count = 0;
}

static void
all_to_other(struct hm_ctx *ctx, struct actor *self)
{
	all_to(ctx, self, actors[OTHER].pid);
}

/* On the other node, by the PID that came with them. */
static void
all_back(struct hm_ctx *ctx, struct actor *self)
{
	all_to(ctx, self, hm_msg_sender(self->kept[0]));
}

static void
send_back(struct hm_ctx *ctx, struct actor *self)
{
	struct hm_pid to = hm_msg_sender(self->kept[0]);

	for (uint32_t i = 0; i < self->count; i++)
		cr_assert_eq(hm_msg_request(ctx, to, self->kept[i]), HM_OK);
	self->count = 0;
}

static void
answer_kept(struct hm_ctx *ctx, struct actor *self)
{
	Hermod__Test__Text text;

	text_fill(&text, 77);
	cr_assert_eq(hm_request(ctx, hm_msg_sender(self->kept[0]), PAIR_TEXT, &text), HM_OK);
	all_free(ctx, self);
}

static void
stop(struct hm_ctx *ctx, struct actor *self)
{
	(void)self;
	hm_stop(ctx, hm_self(ctx));
}

static void
kept_check(const struct actor *self)
{
	for (uint32_t i = 0; i < self->count; i++) {
		if (hm_msg_type(self->kept[i]) == PAIR_TREE)
			tree_check(self->kept[i]);
		else
			text_check(self->kept[i], i % 21 + 1);
	}
}

/* ---- Kept ---------------------------------------------------------------------------------------- */

/* Beside traffic that uses the same memory and the same buffers of the port. */
Test(net_keep, keep__bodies_stay_as_they_came)
{
	scene_start();
	texts_keep();
	act(ASKER, tree_send);
	pair_until(scene.nodes, actors[KEEPER].trees == 1);
	cr_assert_eq(pair_net(scene.nodes[1]).rx_buffers_used, 0, "no buffer of the port is kept");
	actors[KEEPER].keeps = false;
	for (uint32_t i = 0; i < 100; i++)
		act(ASKER, texts_send);
	pair_until(scene.nodes, actors[KEEPER].texts == 20 + 2000);
	kept_check(&actors[KEEPER]);
	act(KEEPER, all_free);
	scene_end();
}

/* ---- Handed on ------------------------------------------------------------------------------------- */

Test(net_keep, forward__to_another_lcore)
{
	scene_start();
	texts_keep();
	act(ASKER, tree_send);
	pair_until(scene.nodes, actors[KEEPER].trees == 1);
	act(KEEPER, all_to_other);
	pair_until(scene.nodes, actors[OTHER].texts == 20 && actors[OTHER].trees == 1);
	cr_assert_eq(actors[OTHER].sender.node, hm_system_node(scene.nodes[0]));
	cr_assert_eq(actors[OTHER].sender.local, actors[ASKER].pid.local);
	scene_end();
}

/* Encoded once more. */
Test(net_keep, forward__to_the_node_that_they_came_from)
{
	scene_start();
	texts_keep();
	act(ASKER, tree_send);
	pair_until(scene.nodes, actors[KEEPER].trees == 1);
	act(KEEPER, all_back);
	pair_until(scene.nodes, actors[ASKER].texts == 20 && actors[ASKER].trees == 1);
	cr_assert_eq(actors[ASKER].sender.local, actors[ASKER].pid.local);
	scene_end();
}

Test(net_keep, forward__keeps_who_has_asked)
{
	scene_start();
	actors[OTHER].responds = true;
	question_keep();
	act(KEEPER, all_to_other);
	pair_until(scene.nodes, scene.calls == 1);
	cr_assert_eq(scene.result, HM_FUTURE_REPLY);
	cr_assert_eq(scene.answer, 1005);
	scene_end();
}

Test(net_keep, forward__when_their_node_is_lost)
{
	scene_start();
	actors[OTHER].responds = true;
	texts_keep();
	pair_stop(scene.nodes, 0);
	pair_until(scene.nodes, pair_state(scene.nodes[1]) != HM_NET_PEER_OPEN);
	kept_check(&actors[KEEPER]);
	act(KEEPER, all_to_other);
	pair_until(scene.nodes, actors[OTHER].texts == 20);
	pair_until(scene.nodes, pair_dead(scene.nodes[1], HM_DEAD_NO_NODE) +
						pair_dead(scene.nodes[1], HM_DEAD_NODE_LOST) ==
					20);
	scene_end();
}

/* ---- Answered, sent, lost ---------------------------------------------------------------------- */

Test(net_keep, answer__later)
{
	scene_start();
	question_keep();
	act(KEEPER, answer_kept);
	pair_until(scene.nodes, scene.calls == 1);
	cr_assert_eq(scene.result, HM_FUTURE_REPLY);
	cr_assert_eq(scene.answer, 77);
	scene_end();
}

Test(net_keep, send__as_the_actors_own)
{
	scene_start();
	texts_keep();
	act(KEEPER, send_back);
	pair_until(scene.nodes, actors[ASKER].texts == 20);
	cr_assert_eq(actors[ASKER].sender.node, hm_system_node(scene.nodes[1]));
	cr_assert_eq(actors[ASKER].sender.local, scene.keeper.local);
	scene_end();
}

/* As one that waits in its mailbox. */
Test(net_keep, stop__tells_who_has_asked)
{
	scene_start();
	question_keep();
	act(KEEPER, stop);
	pair_until(scene.nodes, scene.calls == 1);
	cr_assert_eq(scene.result, HM_FUTURE_DEAD_LETTER);
	cr_assert_eq(pair_dead(scene.nodes[1], HM_DEAD_STOPPED), 1);
	scene_end();
}

Test(net_keep, destroy__frees_them)
{
	scene_start();
	texts_keep();
	act(ASKER, tree_send);
	pair_until(scene.nodes, actors[KEEPER].trees == 1);
	pair_stop(scene.nodes, 1);
	scene_end();
}

/* ---- Moving -------------------------------------------------------------------------------------- */

static void
keeper_move(uint32_t lcore)
{
	cr_assert_eq(hm_system_move(scene.nodes[1], actors[KEEPER].pid, lcore), 0);
	pair_turn_for(scene.nodes, 0.01);
}

Test(net_keep, move__takes_them_along)
{
	scene_start();
	actors[OTHER].responds = true;
	texts_keep();
	keeper_move(1);
	kept_check(&actors[KEEPER]);
	actors[KEEPER].keeps = false;
	act(ASKER, texts_send);
	pair_until(scene.nodes, actors[KEEPER].texts == 40);
	act(KEEPER, all_to_other);
	pair_until(scene.nodes, actors[OTHER].texts == 20 && actors[ASKER].texts == 20);
	cr_assert_eq(actors[ASKER].last, 1020);
	scene_end();
}

Test(net_keep, move__the_question_is_answered_from_there)
{
	scene_start();
	question_keep();
	keeper_move(1);
	act(KEEPER, answer_kept);
	pair_until(scene.nodes, scene.calls == 1);
	cr_assert_eq(scene.answer, 77);
	scene_end();
}
