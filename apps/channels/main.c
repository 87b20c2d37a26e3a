/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that is no lcore writes words into a stream, an actor measures them, and another stream brings the lengths back. The
 * second one has room for two messages: while the thread takes its time, everything before it waits, and nothing is lost.
 *
 *     thread ── words ──▶ measurer ── lengths ──▶ thread
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <hermod.h>

struct word {
	char text[16];
};

struct length {
	char text[16];
	uint32_t letters;
};

#define MESSAGES(MESSAGE)                  \
	MESSAGE(channel_word, struct word) \
	MESSAGE(channel_length, struct length)
HM_MESSAGES(channel, HM_TYPE_USER, MESSAGES);

static const char *const words[] = { "go",  "has", "channels", "for",    "goroutines",
				     "and", "we",  "have",     "streams" };
#define WORDS (sizeof(words) / sizeof(words[0]))

struct channels {
	struct hm_system *sys;
	struct hm_stream *words, *lengths;
};

/* ---- The actor ---------------------------------------------------------------------- */

struct measurer {
	struct hm_pid lengths;
	struct hm_pid words; /* nobody: none has come yet */
};

static void
on_word(struct hm_ctx *ctx, struct measurer *measurer, const struct hm_msg *msg)
{
	const struct word *word = channel_word_body(msg);
	struct length length = { .letters = (uint32_t)strlen(word->text) };

	if (hm_pid_is_none(measurer->words)) {
		measurer->words = hm_msg_sender(msg);
		(void)hm_watch(ctx, measurer->words);
	}
	memcpy(length.text, word->text, sizeof(length.text));
	(void)channel_length_send(ctx, measurer->lengths, &length);
}

/* There are no more words; behind the last length there are no more of these, either. */
static void
on_terminated(struct hm_ctx *ctx, struct measurer *measurer, const struct hm_terminated *terminated)
{
	(void)terminated;
	(void)hm_poison(ctx, measurer->lengths);
	hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(receive, struct measurer,
	   HM_ON_MESSAGE(channel_word, on_word) HM_ON(HM_TERMINATED, on_terminated));

/* ---- The threads ---------------------------------------------------------------------- */

static void *
writer_main(void *arg)
{
	struct channels *channels = arg;

	for (uint32_t i = 0; i < WORDS; i++) {
		struct word word = { "" };

		snprintf(word.text, sizeof(word.text), "%s", words[i]);
		if (channel_word_stream_write_wait(channels->words, &word, UINT64_MAX) != HM_OK)
			break;
	}
	hm_stream_close(channels->words);
	return NULL;
}

static void *
reader_main(void *arg)
{
	struct channels *channels = arg;
	const struct hm_msg *msg;
	uint32_t letters = 0;

	while (hm_stream_read_wait(channels->lengths, &msg, UINT64_MAX) == HM_OK) {
		const struct length *length = channel_length_body(msg);

		printf("%s: %u\n", length->text, length->letters);
		letters += length->letters;
	}
	printf("the stream has ended after %u letters\n", letters);
	hm_stream_close(channels->lengths);
	hm_system_stop(channels->sys);
	return NULL;
}

/* ---- Everything together --------------------------------------------------------------- */

static int
streams_open(struct channels *channels)
{
	static const struct hm_props props = { .receive = receive,
					       .state_size = sizeof(struct measurer),
					       .args_size = sizeof(struct measurer) };
	static const struct hm_stream_config two_lengths = { .size = 2, .type = channel_length };
	struct measurer measurer = { .words = hm_pid_none() };
	struct hm_pid pid;
	int rc = hm_stream_open_reader(channels->sys, &two_lengths, &channels->lengths);

	if (rc != 0)
		return rc;
	measurer.lengths = hm_stream_pid(channels->lengths);
	rc = hm_system_spawn(channels->sys, &props, "measurer", &measurer, &pid);
	if (rc == 0)
		rc = hm_stream_open_writer(channels->sys, NULL, pid, &channels->words);
	if (rc != 0)
		hm_stream_close(channels->lengths);
	return rc;
}

/* The lcores run on this thread, and those of EAL. */
static int
run(struct channels *channels)
{
	pthread_t writer, reader;
	int rc = streams_open(channels);

	if (rc != 0)
		return rc;
	rc = -pthread_create(&writer, NULL, writer_main, channels);
	if (rc != 0)
		return rc;
	rc = -pthread_create(&reader, NULL, reader_main, channels);
	if (rc == 0) {
		rc = hm_system_run(channels->sys);
		pthread_join(reader, NULL);
	}
	pthread_join(writer, NULL);
	return rc;
}

int
main(int argc, char **argv)
{
	struct channels channels = { 0 };
	int rc = hm_system_create(&channels.sys, argc, argv, NULL);

	if (rc == 0)
		rc = channel_register(channels.sys);
	if (rc == 0)
		rc = run(&channels);
	if (rc != 0 && rc != -ECANCELED)
		fprintf(stderr, "channels: %s\n", strerror(-rc));
	hm_system_destroy(channels.sys);
	return hm_exit_status(rc);
}
