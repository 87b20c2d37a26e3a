/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Warehouses of some cities, and their shelves, found and watched by path:
 *
 *     /user ─┬─ /berlin ─┬─ /shelf-a        /user ─┬─ /claims   prints dead letters
 *            │           ├─ /shelf-b               └─ /clerk    asks all of them, step by step
 *            │           └─ /shelf-c
 *            └─ /lyon ──── ...              /system ── /stocktaking   a task of the stop
 *
 * All live on the first lcore, so each run prints the same.
 */
#include <stdio.h>

#include <hermod.h>

#define SHELVES         3u  /* of a warehouse */
#define PIECES          20u /* of a shelf, at first */
#define PICKS           8u  /* more than the bound of a mailbox that --set may name */
#define SECOND          1000000u
#define CATALOGUE_BYTES (1u << 20)

struct pieces {
	uint32_t shelves, pieces;
};

struct order {
	char shelf[16];
	uint32_t pieces;
};

struct read {
	const void *at; /* where the shelf found the bytes */
	uint64_t sum;
};

#define MESSAGES(MESSAGE)                                                              \
	MESSAGE(stock) /* to a shelf or a warehouse: how many pieces? */               \
	MESSAGE(pieces_left, struct pieces)                                            \
	MESSAGE(take, struct order) /* to a warehouse, which hands it on to a shelf */ \
	MESSAGE(pick)               /* to a shelf: one piece less */                   \
	MESSAGE(catalogue)          /* to a shelf, with a buffer */                    \
	MESSAGE(catalogue_read, struct read)                                           \
	MESSAGE(overturn) /* to a shelf: it fails */
HM_MESSAGES(inventory, HM_TYPE_USER, MESSAGES);

/* ---- Shelves ------------------------------------------------------------- */

struct shelf {
	uint32_t pieces; /* an argument: a restart fills it in again */
};

static void
on_catalogue(struct hm_ctx *ctx, struct shelf *shelf, const struct hm_msg *msg)
{
	struct read read = { 0 };
	size_t length;
	const uint8_t *bytes = hm_msg_data(msg, &length);

	(void)shelf;
	for (size_t i = 0; i < length; i++)
		read.sum += bytes[i];
	read.at = bytes;
	(void)catalogue_read_respond(ctx, &read);
}

static void
on_order(struct hm_ctx *ctx, struct shelf *shelf, const struct hm_msg *msg)
{
	const struct order *order = take_body(msg);
	const char *trace = hm_msg_header(msg, "trace");

	shelf->pieces -= order->pieces;
	printf("%s: %u pieces taken, trace %s\n", hm_path(ctx), order->pieces,
	       trace != NULL ? trace : "none");
	(void)pieces_left_respond(ctx, &(struct pieces){ 1, shelf->pieces });
}

static void
on_stock(struct hm_ctx *ctx, struct shelf *shelf)
{
	(void)pieces_left_respond(ctx, &(struct pieces){ 1, shelf->pieces });
}

static void
on_pick(struct hm_ctx *ctx, struct shelf *shelf)
{
	(void)ctx;
	shelf->pieces--;
}

static void
on_overturn(struct hm_ctx *ctx, struct shelf *shelf)
{
	(void)shelf;
	hm_fail(ctx, "overturned");
}

HM_RECEIVE(shelf_receive, struct shelf,
	   HM_ON_EMPTY(stock, on_stock) HM_ON_MESSAGE(take, on_order) HM_ON_EMPTY(pick, on_pick)
		   HM_ON_MESSAGE(catalogue, on_catalogue) HM_ON_EMPTY(overturn, on_overturn));

static const struct hm_props shelf_props = {
	.receive = shelf_receive,
	.state_size = sizeof(struct shelf),
	.args_size = sizeof(struct shelf),
};

/* ---- Warehouses ---------------------------------------------------------- */

static void
open_warehouse(struct hm_ctx *ctx, void *state)
{
	const struct shelf full = { PIECES };
	char name[] = "shelf-a";

	(void)state;
	for (uint32_t i = 0; i < SHELVES; i++, name[sizeof(name) - 2]++) {
		if (hm_spawn(ctx, &shelf_props, name, &full, NULL) != 0)
			hm_fail(ctx, "no shelf");
	}
}

/* The shelves have answered: hm_sender is whoever has asked the warehouse. */
static void
add_up(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *replies, void *arg)
{
	struct pieces sum = { 0 };

	(void)state;
	(void)result;
	(void)arg;
	for (uint32_t i = 0; i < hm_replies_count(replies); i++) {
		const struct hm_msg *reply = hm_replies_get(replies, i);

		if (reply == NULL)
			continue;
		sum.shelves++;
		sum.pieces += pieces_left_body(reply)->pieces;
	}
	(void)pieces_left_respond(ctx, &sum);
}

static void
ask_shelves(struct hm_ctx *ctx, void *state)
{
	struct hm_batch_request requests[SHELVES];
	struct hm_batch batch = { .requests = requests, .timeout_us = SECOND, .on_end = add_up };
	struct hm_child_iter iter = { 0 };
	struct hm_pid child;

	(void)state;
	while (batch.count < SHELVES && hm_child_next(ctx, &iter, &child))
		requests[batch.count++] = (struct hm_batch_request){ child, stock, NULL };
	if (hm_ask_batch(ctx, &batch) != HM_OK)
		hm_fail(ctx, "the shelves cannot be asked");
}

/* Handed on as it is, with its sender and its headers: the shelf answers, not the warehouse. */
static void
hand_on(struct hm_ctx *ctx, void *state, const struct order *order)
{
	char path[HM_PATH_MAX];
	struct hm_pid shelf;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/%.15s", hm_path(ctx), order->shelf);
	if (hm_lookup(hm_system(ctx), path, &shelf) != 0)
		shelf = hm_system_dead_letters(hm_system(ctx));
	(void)hm_forward(ctx, shelf);
}

HM_RECEIVE(warehouse_receive, void,
	   HM_ON_EMPTY(HM_STARTED, open_warehouse) HM_ON_EMPTY(stock, ask_shelves) HM_ON(take, hand_on));

/* ---- Claims: who is told of dead letters ------------------------------------ */

static void
print_dead(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct hm_dead_letter *dead = HM_DEAD_LETTER_body(msg);
	const char *path = hm_msg_header(msg, HM_DEAD_LETTER_PATH), *trace = hm_msg_header(msg, "trace");

	(void)state;
	printf("dead letter: %s", hm_type_name(hm_system(ctx), dead->type));
	if (path != NULL)
		printf(" to %s", path);
	printf(", %s", hm_dead_reason_name(dead->reason));
	if (trace != NULL)
		printf(", trace %s", trace);
	printf("\n");
}

static void
subscribe(struct hm_ctx *ctx, void *state)
{
	(void)state;
	if (hm_dead_letters_subscribe(hm_system(ctx), hm_self(ctx)) != 0)
		hm_fail(ctx, "too many subscribers");
}

HM_RECEIVE(claims_receive, void,
	   HM_ON_EMPTY(HM_STARTED, subscribe) HM_ON_MESSAGE(HM_DEAD_LETTER, print_dead));

/* ---- Stocktaking: a task of the stop ------------------------------------------ */

static void
stocktaking_done(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *replies,
		 void *arg)
{
	uint32_t pieces = 0;

	(void)state;
	(void)result;
	(void)arg;
	for (uint32_t i = 0; i < hm_replies_count(replies); i++) {
		const struct hm_msg *reply = hm_replies_get(replies, i);

		if (reply != NULL)
			pieces += pieces_left_body(reply)->pieces;
	}
	printf("%s: %u pieces in the end\n", hm_path(ctx), pieces);
	hm_stop(ctx, hm_self(ctx)); /* which ends the task, and so the phase */
}

static void
take_stock(struct hm_ctx *ctx, void *state)
{
	struct hm_batch_request requests[2] = { { .type = stock }, { .type = stock } };
	const struct hm_batch batch = {
		.requests = requests, .count = 2, .timeout_us = SECOND, .on_end = stocktaking_done
	};

	(void)state;
	if (hm_lookup(hm_system(ctx), "/user/berlin", &requests[0].to) != 0 ||
	    hm_lookup(hm_system(ctx), "/user/lyon", &requests[1].to) != 0 ||
	    hm_ask_batch(ctx, &batch) != HM_OK)
		hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(stocktaking_receive, void, HM_ON_EMPTY(HM_STARTED, take_stock));

/* ---- The clerk ------------------------------------------------------------------ */

struct clerk {
	struct hm_pid_set shelves; /* all there are */
	struct hm_pid_set waiting; /* of them, those whose answer is still to come */
	const void *catalogue;
	uint64_t sum;
	uint32_t pieces, same_place, ends;
};

static struct hm_pid
find(struct hm_ctx *ctx, const char *path)
{
	struct hm_pid pid;

	if (hm_lookup(hm_system(ctx), path, &pid) != 0)
		hm_fail(ctx, "an actor is missing");
	return pid;
}

static void
wait_for_all(struct hm_ctx *ctx, struct clerk *clerk)
{
	for (uint32_t i = 0; i < hm_pid_set_count(&clerk->shelves); i++) {
		if (hm_pid_set_add(&clerk->waiting, hm_pid_set_at(&clerk->shelves, i)) != 0)
			hm_fail(ctx, "out of memory");
	}
}

static void
closing_time(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	     void *arg)
{
	(void)state;
	(void)result;
	(void)reply;
	(void)arg;
	hm_stop(ctx, hm_self(ctx)); /* the system stops with its first actor */
}

/* Step 6: the shelf is gone. Neither its path nor its PID names anybody. */
static void
send_to_nobody(struct hm_ctx *ctx, struct hm_pid gone)
{
	struct hm_msg *msg = hm_msg_new(ctx, pick, 0);

	(void)hm_select_send(ctx, "/user/lyon/shelf-c", pick, NULL);
	if (msg == NULL || hm_msg_header_set(ctx, msg, "trace", "t-2") != HM_OK)
		hm_fail(ctx, "out of memory");
	(void)hm_msg_send(ctx, gone, msg);
	/* The answer comes behind the dead letters. */
	(void)hm_ask(ctx, find(ctx, "/user/claims"), HM_TOUCH, NULL, SECOND, closing_time, NULL);
}

static void
on_end(struct hm_ctx *ctx, struct clerk *clerk, const struct hm_msg *msg)
{
	const struct hm_terminated *end = HM_TERMINATED_body(msg);
	const char *text = hm_terminated_text(msg);

	printf("a watched shelf: %s%s%s\n", hm_terminated_reason_name(end->reason), *text != '\0' ? ": " : "",
	       text);
	if (!hm_pid_is_none(end->who)) {
		(void)hm_pid_set_remove(&clerk->shelves, end->who);
		send_to_nobody(ctx, end->who);
	}
}

/* Step 5: by default the shelf is restarted, and then stopped behind that; --set may have it stopped at once. */
static void
overturn_shelf(struct hm_ctx *ctx)
{
	struct hm_pid shelf;

	(void)hm_watch_path(ctx, "/user/lyon/shelf-z", NULL); /* nobody: HM_TERMINATED comes all the same */
	if (hm_watch_path(ctx, "/user/lyon/shelf-c", &shelf) != HM_OK)
		hm_fail(ctx, "cannot watch");
	(void)hm_select_send(ctx, "/user/lyon/shelf-c", overturn, NULL);
	(void)hm_poison(ctx, shelf);
}

static void
picked(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)state;
	(void)arg;
	if (reply == NULL)
		hm_fail(ctx, hm_future_result_name(result));
	printf("berlin: %u pieces left\n", pieces_left_body(reply)->pieces);
	overturn_shelf(ctx);
}

/* Step 4: many messages in one turn. What does not fit into the shelf's mailbox is as --set says. */
static void
pick_pieces(struct hm_ctx *ctx)
{
	(void)pick_send_batch(ctx, find(ctx, "/user/berlin/shelf-a"), PICKS, NULL);
	(void)stock_ask(ctx, find(ctx, "/user/berlin"), SECOND, picked, NULL);
}

static void
on_read(struct hm_ctx *ctx, struct clerk *clerk, const struct read *read)
{
	clerk->same_place += read->at == clerk->catalogue && read->sum == clerk->sum;
	if (!hm_pid_set_remove(&clerk->waiting, hm_sender(ctx)) || hm_pid_set_count(&clerk->waiting) > 0)
		return;
	printf("catalogue: %u bytes, read by %u shelves in the same place\n", CATALOGUE_BYTES,
	       clerk->same_place);
	pick_pieces(ctx);
}

/* Step 3: one buffer for all. Each message takes a reference over; the clerk gives its own back. */
static void
send_catalogue(struct hm_ctx *ctx, struct clerk *clerk)
{
	struct hm_buffer *buffer;
	uint8_t *bytes;

	if (hm_buffer_alloc(hm_system(ctx), CATALOGUE_BYTES, &buffer) != 0)
		hm_fail(ctx, "no buffer");
	bytes = hm_buffer_data(buffer);
	for (size_t i = 0; i < CATALOGUE_BYTES; i++)
		clerk->sum += bytes[i] = (uint8_t)i;
	clerk->catalogue = bytes;
	wait_for_all(ctx, clerk);
	for (uint32_t i = 0; i < hm_pid_set_count(&clerk->shelves); i++) {
		struct hm_msg *msg = hm_msg_new(ctx, catalogue, 0);

		(void)hm_msg_buffer_set(ctx, msg, hm_buffer_get(buffer));
		(void)hm_msg_request(ctx, hm_pid_set_at(&clerk->shelves, i), msg);
	}
	hm_buffer_put(buffer);
}

static void
on_pieces(struct hm_ctx *ctx, struct clerk *clerk, const struct pieces *left)
{
	clerk->pieces += left->pieces;
	if (!hm_pid_set_remove(&clerk->waiting, hm_sender(ctx)) || hm_pid_set_count(&clerk->waiting) > 0)
		return;
	printf("/user/*/shelf-*: %u pieces\n", clerk->pieces);
	send_catalogue(ctx, clerk);
}

/* Step 2: all shelves answer the clerk's receive function. */
static void
ordered(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)reply;
	(void)arg;
	if (result != HM_FUTURE_REPLY)
		hm_fail(ctx, hm_future_result_name(result));
	wait_for_all(ctx, state);
	(void)hm_select_request(ctx, "/user/*/shelf-*", stock, NULL);
}

/* Step 1: a request with a header. */
static void
order(struct hm_ctx *ctx)
{
	struct hm_msg *msg;
	struct order *order = take_new(ctx, &msg);

	if (order == NULL || hm_msg_header_set(ctx, msg, "trace", "t-1") != HM_OK)
		hm_fail(ctx, "out of memory");
	*order = (struct order){ "shelf-b", 5 };
	(void)hm_msg_ask(ctx, find(ctx, "/user/berlin"), msg, SECOND, ordered, NULL);
}

static void
found(struct hm_ctx *ctx, void *state, const char *path, struct hm_pid pid, void *arg)
{
	struct clerk *clerk = state;

	(void)arg;
	if (path != NULL) {
		if (hm_pid_set_add(&clerk->shelves, pid) != 0)
			hm_fail(ctx, "out of memory");
		return;
	}
	printf("%u shelves are open\n", hm_pid_set_count(&clerk->shelves));
	order(ctx);
}

static void
opened(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *replies, void *arg)
{
	(void)state;
	(void)replies;
	(void)arg;
	if (result != HM_FUTURE_REPLY || hm_select_all(ctx, "/user/*/shelf-*", found, NULL) != 0)
		hm_fail(ctx, "the warehouses are closed");
}

/* A warehouse answers when it has started, and so has its shelves. */
static void
begin(struct hm_ctx *ctx, struct clerk *clerk)
{
	const struct hm_batch_request requests[2] = { { find(ctx, "/user/berlin"), HM_TOUCH, NULL },
						      { find(ctx, "/user/lyon"), HM_TOUCH, NULL } };
	const struct hm_batch batch = {
		.requests = requests, .count = 2, .timeout_us = SECOND, .on_end = opened
	};

	(void)clerk;
	if (hm_ask_batch(ctx, &batch) != HM_OK)
		hm_fail(ctx, "out of memory");
}

static void
end(struct hm_ctx *ctx, struct clerk *clerk)
{
	(void)ctx;
	hm_pid_set_fini(&clerk->shelves);
	hm_pid_set_fini(&clerk->waiting);
}

HM_RECEIVE(clerk_receive, struct clerk,
	   HM_ON_EMPTY(HM_STARTED, begin) HM_ON(pieces_left, on_pieces) HM_ON(catalogue_read, on_read)
		   HM_ON_MESSAGE(HM_TERMINATED, on_end) HM_ON_EMPTY(HM_RESTARTING, end)
			   HM_ON_EMPTY(HM_STOPPED, end));

/* ---- The program -------------------------------------------------------------------- */

/* The clerk finds them all. */
static int
prepare(struct hm_system *sys)
{
	static const struct hm_props warehouse = { .receive = warehouse_receive };
	static const struct hm_props claims = { .receive = claims_receive };
	static const struct hm_props stocktaking = { .receive = stocktaking_receive };
	const struct hm_shutdown_task task = { .phase = HM_SHUTDOWN_DRAIN,
					       .name = "stocktaking",
					       .spawn = &stocktaking };
	int rc = inventory_register(sys);

	if (rc == 0 && (rc = hm_shutdown_add(sys, &task, NULL)) == 0 &&
	    (rc = hm_system_spawn(sys, &claims, "claims", NULL, NULL)) == 0 &&
	    (rc = hm_system_spawn(sys, &warehouse, "berlin", NULL, NULL)) == 0)
		rc = hm_system_spawn(sys, &warehouse, "lyon", NULL, NULL);
	return rc;
}

int
main(int argc, char **argv)
{
	/* Whoever fails has the system stop: without it, nobody would. */
	static const struct hm_supervisor stop_all = { .directive = HM_DIRECTIVE_ESCALATE };
	static const struct hm_config config = { .summary =
							 "Warehouses and shelves, found and watched by path.",
						 .supervisor = &stop_all };
	static const struct hm_props clerk = { .receive = clerk_receive, .state_size = sizeof(struct clerk) };
	static const struct hm_program program = {
		.config = &config, .prepare = prepare, .props = &clerk, .name = "clerk"
	};

	return hm_program_run(&program, argc, argv);
}
