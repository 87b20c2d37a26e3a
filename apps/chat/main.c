/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A room, its guests, and a play that they follow line by line. Guests join, speak, change their names and leave; the room knows
 * of one who is gone, whether it took leave or failed.
 *
 *     play ──act──▶ guest ──join, say──▶ room ──heard──▶ all guests, who acknowledge it
 *          ◀─done──       ◀────said─────      ◀─────────
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <hermod.h>

#define NICK_BYTES  16
#define TEXT_BYTES  64
#define GUESTS_MAX  8u
#define PATIENCE_US 10000000u

struct line {
	char text[TEXT_BYTES];
};

/* What somebody has said or done, with names. */
struct heard {
	char text[TEXT_BYTES + 2 * NICK_BYTES];
};

static hm_auto_respond_fn acknowledge;

#define MESSAGES(MESSAGE)                                                                     \
	MESSAGE(chat_join, struct line) /* a guest, to the room: its name */                  \
	MESSAGE(chat_say, struct line)  /* the same: "/nick NAME", or what all are to hear */ \
	MESSAGE(chat_said)              /* the room: all have heard it */                     \
	MESSAGE(chat_heard, struct heard, (HM_AUTO_RESPOND(acknowledge)))                     \
	MESSAGE(chat_yes)                                                                     \
	MESSAGE(chat_act, struct line) /* the play, to a guest */                             \
	MESSAGE(chat_gone)             /* the room, to the play */
HM_MESSAGES(chat, HM_TYPE_USER, MESSAGES);

static void
acknowledge(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	(void)msg;
	(void)chat_yes_respond(ctx);
}

/* ---- The room ----------------------------------------------------------------------- */

struct member {
	struct hm_pid pid;
	char nick[NICK_BYTES];
};

struct room {
	struct member members[GUESTS_MAX];
	uint32_t count;
};

static struct member *
member_find(struct room *room, struct hm_pid pid)
{
	for (uint32_t i = 0; i < room->count; i++)
		if (hm_pid_equal(room->members[i].pid, pid))
			return &room->members[i];
	return NULL;
}

/* All have heard, or are gone. hm_sender is again who has spoken; arg: nobody has, one is gone. */
static void
all_heard(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *replies,
	  void *arg)
{
	(void)state;
	(void)result;
	(void)replies;
	if (arg != NULL)
		(void)chat_gone_send(ctx, hm_parent(ctx));
	else
		(void)chat_said_respond(ctx);
}

static void
tell_all(struct hm_ctx *ctx, const struct room *room, const struct heard *heard, void *arg)
{
	struct hm_batch_request requests[GUESTS_MAX];
	struct hm_batch batch = { .requests = requests,
				  .count = room->count,
				  .timeout_us = PATIENCE_US,
				  .on_end = all_heard,
				  .arg = arg };

	for (uint32_t i = 0; i < room->count; i++)
		requests[i] = (struct hm_batch_request){ room->members[i].pid, chat_heard, heard };
	if (hm_ask_batch(ctx, &batch) != HM_OK)
		hm_fail(ctx, "no memory to tell all");
}

static void
on_join(struct hm_ctx *ctx, struct room *room, const struct line *nick)
{
	struct member *member = &room->members[room->count];
	struct heard heard;

	if (room->count == GUESTS_MAX)
		hm_fail(ctx, "the room is full");
	member->pid = hm_sender(ctx);
	(void)snprintf(member->nick, sizeof(member->nick), "%.15s", nick->text);
	room->count++;
	(void)hm_watch(ctx, member->pid);
	(void)snprintf(heard.text, sizeof(heard.text), "* %s is here", member->nick);
	tell_all(ctx, room, &heard, NULL);
}

static void
on_say(struct hm_ctx *ctx, struct room *room, const struct line *said)
{
	struct member *member = member_find(room, hm_sender(ctx));
	struct heard heard;

	if (member == NULL)
		return;
	if (strncmp(said->text, "/nick ", 6) == 0) {
		(void)snprintf(heard.text, sizeof(heard.text), "* %s is %.15s now", member->nick,
			       said->text + 6);
		(void)snprintf(member->nick, sizeof(member->nick), "%.15s", said->text + 6);
	} else {
		(void)snprintf(heard.text, sizeof(heard.text), "%s: %s", member->nick, said->text);
	}
	tell_all(ctx, room, &heard, NULL);
}

static void
on_gone(struct hm_ctx *ctx, struct room *room, const struct hm_terminated *gone)
{
	struct member *member = member_find(room, gone->who);
	struct heard heard;

	if (member == NULL)
		return;
	(void)snprintf(heard.text, sizeof(heard.text), "* %s %s", member->nick,
		       gone->reason == HM_TERMINATED_STOPPED ? "has left" : "is lost");
	*member = room->members[--room->count];
	if (room->count > 0)
		tell_all(ctx, room, &heard, member);
	else
		(void)chat_gone_send(ctx, hm_parent(ctx));
}

HM_RECEIVE(room_receive, struct room,
	   HM_ON(chat_join, on_join) HM_ON(chat_say, on_say) HM_ON(HM_TERMINATED, on_gone));

/* ---- Guests --------------------------------------------------------------------------- */

struct guest {
	struct hm_pid room;
	char name[NICK_BYTES];
};

/* To the play: the act is over. */
static void
on_said(struct hm_ctx *ctx, struct guest *guest)
{
	(void)guest;
	(void)chat_said_send(ctx, hm_parent(ctx));
}

static void
on_act(struct hm_ctx *ctx, struct guest *guest, const struct line *act)
{
	enum hm_result result = HM_OK;
	struct line name;

	if (strcmp(act->text, "leaves") == 0) {
		hm_stop(ctx, hm_self(ctx));
	} else if (strcmp(act->text, "faints") == 0) {
		hm_fail(ctx, "it faints");
	} else if (strcmp(act->text, "joins") == 0) {
		(void)snprintf(name.text, sizeof(name.text), "%s", guest->name);
		result = chat_join_request(ctx, guest->room, &name);
	} else {
		result = chat_say_request(ctx, guest->room, act);
	}
	if (result != HM_OK)
		hm_fail(ctx, hm_result_name(result));
}

static void
on_heard(struct hm_ctx *ctx, struct guest *guest, const struct heard *heard)
{
	(void)ctx;
	printf("%-5s| %s\n", guest->name, heard->text);
}

HM_RECEIVE(guest_receive, struct guest,
	   HM_ON(chat_act, on_act) HM_ON_EMPTY(chat_said, on_said) HM_ON(chat_heard, on_heard));

/* ---- The play ----------------------------------------------------------------------------- */

enum {
	ADA,
	BOB,
	CY,
	GUESTS
};

static const char *const names[GUESTS] = { "ada", "bob", "cy" };

static const struct {
	uint32_t guest;
	const char *act;
} acts[] = {
	{ ADA, "joins" },        { BOB, "joins" },      { ADA, "hello" },  { CY, "joins" },
	{ BOB, "/nick robert" }, { BOB, "hello, all" }, { ADA, "leaves" }, { CY, "where is ada?" },
	{ BOB, "faints" },       { CY, "leaves" },
};

#define ACTS (sizeof(acts) / sizeof(acts[0]))

struct play {
	struct hm_pid room, guests[GUESTS];
	uint32_t next;
	bool is_over;
};

/* What a guest says is answered when all have heard it; that one is gone the room tells. */
static void
act_next(struct hm_ctx *ctx, struct play *play)
{
	struct line act;

	if (play->next == ACTS) {
		play->is_over = true;
		hm_stop(ctx, hm_self(ctx));
		return;
	}
	(void)snprintf(act.text, sizeof(act.text), "%s", acts[play->next].act);
	if (chat_act_send(ctx, play->guests[acts[play->next++].guest], &act) != HM_OK)
		hm_fail(ctx, "no memory for an act");
}

static void
play_start(struct hm_ctx *ctx, struct play *play)
{
	static const struct hm_props room = { .receive = room_receive, .state_size = sizeof(struct room) },
				     props = { .receive = guest_receive,
					       .state_size = sizeof(struct guest),
					       .args_size = sizeof(struct guest) };
	struct guest guest;

	if (hm_spawn(ctx, &room, "room", NULL, &play->room) != 0)
		hm_fail(ctx, "no room");
	guest.room = play->room;
	for (uint32_t i = 0; i < GUESTS; i++) {
		(void)snprintf(guest.name, sizeof(guest.name), "%s", names[i]);
		if (hm_spawn(ctx, &props, names[i], &guest, &play->guests[i]) != 0)
			hm_fail(ctx, "no guest");
	}
	act_next(ctx, play);
}

/* Guests may go; without the room nobody would say that an act is over. */
static void
on_child_end(struct hm_ctx *ctx, struct play *play, const struct hm_terminated *ended)
{
	if (!play->is_over && hm_pid_equal(ended->who, play->room))
		hm_fail(ctx, "the room is gone");
}

HM_RECEIVE(play_receive, struct play,
	   HM_ON_EMPTY(HM_STARTED, play_start) HM_ON_EMPTY(chat_said, act_next)
		   HM_ON_EMPTY(chat_gone, act_next) HM_ON(HM_TERMINATED, on_child_end));

int
main(int argc, char **argv)
{
	/* A guest that faints does not come back. */
	static const struct hm_supervisor stop = { .directive = HM_DIRECTIVE_STOP };
	static const struct hm_props play = { .receive = play_receive,
					      .state_size = sizeof(struct play),
					      .supervisor = &stop };
	static const struct hm_config config = { .supervisor = &stop };
	static const struct hm_program program = {
		.config = &config, .prepare = chat_register, .props = &play, .name = "play"
	};

	return hm_program_run(&program, argc, argv);
}
