/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an actor can have done later: once; again and again, at a fixed rate; a question again and again, with a pause behind
 * each answer; and what it has cancelled before it was due. One after the other, so that each run prints the same.
 */
#include <stdbool.h>
#include <stdio.h>

#include <hermod.h>

#define SOON_US   20000u
#define PERIOD_US 10000u
#define NEVER_US  3600000000u /* an hour */
#define TIMES     3u

#define MESSAGES(MESSAGE)                                    \
	MESSAGE(remind)                                      \
	MESSAGE(beat)                                        \
	MESSAGE(silence) /* some beats after the last one */ \
	MESSAGE(alarm_rings)                                 \
	MESSAGE(ask_again)                                   \
	MESSAGE(question)                                    \
	MESSAGE(answer)
HM_MESSAGES(office, HM_TYPE_USER, MESSAGES);

struct boss {
	struct hm_pid colleague;
	struct hm_timer alarm, heart;
	unsigned int beats, answers;
	bool is_silent; /* no beat that was due before it was cancelled is under way any more */
};

/* ---- Who is asked -------------------------------------------------------------- */

static void
colleague_answer(struct hm_ctx *ctx, void *state)
{
	(void)state;
	(void)answer_respond(ctx);
}

HM_RECEIVE(colleague_receive, void, HM_ON_EMPTY(question, colleague_answer));

/* ---- Once ------------------------------------------------------------------------ */

static void
must(struct hm_ctx *ctx, enum hm_result result)
{
	if (result != HM_OK)
		hm_fail(ctx, hm_result_name(result));
}

static void
begin(struct hm_ctx *ctx, struct boss *boss)
{
	static const struct hm_props colleague = { .receive = colleague_receive };

	if (hm_spawn(ctx, &colleague, "colleague", NULL, &boss->colleague) != 0)
		hm_fail(ctx, "no colleague");
	must(ctx, alarm_rings_send_after(ctx, hm_self(ctx), NEVER_US, 0, &boss->alarm));
	must(ctx, remind_send_after(ctx, hm_self(ctx), SOON_US, 0, NULL));
	printf("boss: reminds itself once, and sets an alarm\n");
}

static void
on_remind(struct hm_ctx *ctx, struct boss *boss)
{
	hm_timer_cancel(ctx, boss->alarm);
	printf("boss: is reminded, and cancels the alarm\n");
	must(ctx, beat_send_after(ctx, hm_self(ctx), 0, PERIOD_US, &boss->heart));
}

static void
on_alarm(struct hm_ctx *ctx, struct boss *boss)
{
	(void)boss;
	hm_fail(ctx, "the alarm was cancelled, and rings");
}

/* ---- Again and again ---------------------------------------------------------------- */

/* At a fixed rate: however long one takes, the next ones are due at their time. */
static void
on_beat(struct hm_ctx *ctx, struct boss *boss)
{
	if (boss->is_silent)
		hm_fail(ctx, "the heart was cancelled, and beats");
	if (boss->beats == TIMES)
		return;
	printf("heart: beat %u\n", ++boss->beats);
	if (boss->beats < TIMES)
		return;
	hm_timer_cancel(ctx, boss->heart);
	must(ctx, silence_send_after(ctx, hm_self(ctx), 3 * PERIOD_US, 0, NULL));
}

static void
on_silence(struct hm_ctx *ctx, struct boss *boss)
{
	boss->is_silent = true;
	printf("heart: cancelled after %u beats\n", boss->beats);
	must(ctx, ask_again_send(ctx, hm_self(ctx)));
}

/* ---- A question, with a pause behind each answer -------------------------------------- */

static void
on_ask_again(struct hm_ctx *ctx, struct boss *boss)
{
	must(ctx, question_request(ctx, boss->colleague));
}

static void
on_answer(struct hm_ctx *ctx, struct boss *boss)
{
	printf("colleague: answer %u\n", ++boss->answers);
	if (boss->answers < TIMES)
		must(ctx, ask_again_send_after(ctx, hm_self(ctx), PERIOD_US, 0, NULL));
	else
		hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(boss_receive, struct boss,
	   HM_ON_EMPTY(HM_STARTED, begin) HM_ON_EMPTY(remind, on_remind) HM_ON_EMPTY(alarm_rings, on_alarm)
		   HM_ON_EMPTY(beat, on_beat) HM_ON_EMPTY(silence, on_silence)
			   HM_ON_EMPTY(ask_again, on_ask_again) HM_ON_EMPTY(answer, on_answer));

int
main(int argc, char **argv)
{
	static const struct hm_props boss = { .receive = boss_receive, .state_size = sizeof(struct boss) };
	static const struct hm_program program = { .prepare = office_register,
						   .props = &boss,
						   .name = "boss" };

	return hm_program_run(&program, argc, argv);
}
