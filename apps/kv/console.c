/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lines.h"
#include "load.h"

#define WORDS   4u
#define PAGE    4u /* keys of a page, so that there are some */
#define FOREVER UINT64_MAX

struct console {
	const struct client_config *config;
	struct client *client;
	struct lines lines;
	bool is_closed; /* the service is gone */
};

/* A command: its words, of which the first is its name. NULL: there are fewer. */
struct command {
	const char *name, *args[WORDS - 1];
};

/* ---- Answers -------------------------------------------------------------------------------------- */

static const char *
status_text(Kv__Status status)
{
	static const char *const texts[] = {
		[KV__STATUS__OK] = "ok",
		[KV__STATUS__NOT_FOUND] = "not found",
		[KV__STATUS__FULL] = "full",
		[KV__STATUS__TIMEOUT] = "no answer in time",
		[KV__STATUS__UNAVAILABLE] = "unavailable",
		[KV__STATUS__CLOSING] = "the service is closing",
	};

	return texts[status];
}

/* The answer to a request that was just made, if it was. NULL: there is none, which was printed. */
static const struct hm_msg *
answer_await(struct console *console, const struct command *command, enum hm_result asked)
{
	const struct hm_msg *msg = NULL;
	enum hm_result result = asked;

	if (result == HM_OK)
		result = client_read_wait(console->client, &msg, FOREVER);
	if (result == HM_OK)
		return msg;
	console->is_closed = result == HM_CLOSED;
	printf("%s: %s\n", command->name, hm_result_name(result));
	return NULL;
}

static void
answer_print(struct console *console, const struct command *command, enum hm_result asked)
{
	const struct hm_msg *msg = answer_await(console, command, asked);
	const Kv__Answer *answer;

	if (msg == NULL)
		return;
	answer = kv_answer_body(msg);
	printf("%s %s: ", command->name, command->args[0]);
	if (answer->value.len > 0)
		printf("%.*s\n", (int)answer->value.len, (const char *)answer->value.data);
	else
		printf("%s\n", status_text(answer->status));
}

/* ---- Commands --------------------------------------------------------------------------------------- */

static uint32_t
number(const char *word)
{
	unsigned long value = word != NULL ? strtoul(word, NULL, 10) : 0;

	return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static void
put(struct console *console, const struct command *command)
{
	struct client_value value = { .data = command->args[1],
				      .length = strlen(command->args[1]),
				      .ttl_ms = number(command->args[2]) };
	uint64_t id;

	answer_print(console, command, client_put(console->client, command->args[0], &value, &id));
}

static void
get(struct console *console, const struct command *command)
{
	uint64_t id;

	answer_print(console, command, client_get(console->client, command->args[0], &id));
}

static void delete (struct console *console, const struct command *command)
{
	uint64_t id;

	answer_print(console, command, client_delete(console->client, command->args[0], &id));
}

static void
fail(struct console *console, const struct command *command)
{
	bool by_abort = strcmp(command->name, "abort") == 0;
	uint64_t id;

	answer_print(console, command, client_break(console->client, command->args[0], by_abort, &id));
}

/* One page, and where the next one begins. Returns whether there is one. */
static bool
page_print(const struct hm_msg *msg, char after[KV_KEY_MAX + 1])
{
	const Kv__Page *page = kv_page_body(msg);

	printf("scan:");
	for (size_t i = 0; i < page->n_keys; i++)
		printf(" %s", page->keys[i]);
	printf("%s\n", page->more ? " ..." : "");
	if (page->n_keys > 0)
		snprintf(after, KV_KEY_MAX + 1, "%s", page->keys[page->n_keys - 1]);
	return page->more;
}

static void
scan(struct console *console, const struct command *command)
{
	char after[KV_KEY_MAX + 1] = "";
	struct client_range range = { .prefix = command->args[0] != NULL ? command->args[0] : "",
				      .after = after,
				      .limit = PAGE };
	const struct hm_msg *msg;
	uint64_t id;

	do {
		msg = answer_await(console, command, client_scan(console->client, &range, &id));
		if (msg != NULL && hm_msg_type(msg) == kv_answer) {
			printf("scan: %s\n", status_text(kv_answer_body(msg)->status));
			return;
		}
	} while (msg != NULL && page_print(msg, after));
}

static void
stats(struct console *console, const struct command *command)
{
	uint64_t id;
	const struct hm_msg *msg = answer_await(console, command, client_inspect(console->client, &id));
	const Kv__Stats *sum;

	if (msg == NULL)
		return;
	if (hm_msg_type(msg) == kv_answer) {
		printf("stats: %s\n", status_text(kv_answer_body(msg)->status));
		return;
	}
	sum = kv_stats_body(msg);
	printf("stats: %" PRIu32 " shards, %" PRIu64 " keys, %" PRIu64 " bytes; %" PRIu64 " puts, %" PRIu64
	       " gets, %" PRIu64 " found, %" PRIu64 " deletes, %" PRIu64 " expired\n",
	       sum->shards, sum->entries, sum->bytes, sum->puts, sum->gets, sum->hits, sum->deletes,
	       sum->expired);
}

/* Nothing is read, so the window fills. */
static void
flood(struct console *console, const struct command *command)
{
	uint32_t want = number(command->args[0]), asked = 0, answered = 0;
	enum hm_result result = HM_OK;
	const struct hm_msg *msg;
	uint64_t id;

	while (asked < want && (result = client_get(console->client, "flood", &id)) == HM_OK)
		asked++;
	printf("flood: %" PRIu32 " of %" PRIu32 " requests under way: %s\n", asked, want,
	       hm_result_name(result));
	while (answered < asked && client_read_wait(console->client, &msg, FOREVER) == HM_OK)
		answered++;
	printf("flood: %" PRIu32 " answers\n", answered);
}

static void
load(struct console *console, const struct command *command)
{
	struct load_result result;
	int rc = load_run(console->config, number(command->args[0]), number(command->args[1]), &result);

	if (rc != 0)
		printf("load: %s\n", strerror(-rc));
	else
		printf("load: %" PRIu64 " put, %" PRIu64 " found, %" PRIu64 " otherwise\n", result.puts,
		       result.found, result.others);
}

static void
pause(struct console *console, const struct command *command)
{
	uint32_t ms = number(command->args[0]);
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	(void)console;
	nanosleep(&time, NULL);
}

/* ---- Lines --------------------------------------------------------------------------------------------- */

struct verb {
	const char *name;
	uint32_t words; /* behind the name, at least */
	void (*run)(struct console *console, const struct command *command);
};

static const struct verb verbs[] = {
	{ "put", 2, put },     { "get", 1, get },     { "delete", 1, delete }, { "scan", 0, scan },
	{ "stats", 0, stats }, { "flood", 1, flood }, { "load", 2, load },     { "break", 1, fail },
	{ "abort", 1, fail },  { "wait", 1, pause },
};

/* Cut a line into words. Returns how many there are, up to WORDS. */
static uint32_t
words_split(char *line, const char *words[WORDS])
{
	char *rest = line;
	uint32_t count = 0;

	for (char *word = strtok_r(rest, " \t", &rest); word != NULL && count < WORDS;
	     word = strtok_r(NULL, " \t", &rest))
		words[count++] = word;
	return count;
}

static void
line_run(struct console *console, char *line)
{
	const char *words[WORDS] = { NULL };
	uint32_t count = words_split(line, words);
	struct command command = { .name = words[0], .args = { words[1], words[2], words[3] } };

	if (count == 0 || words[0][0] == '#')
		return;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(words[0], verbs[i].name) == 0 && count > verbs[i].words) {
			verbs[i].run(console, &command);
			return;
		}
	}
	printf("%s: no such command, or too few words\n", words[0]);
}

/* Wait for a line, or for the end of the service, which is an answer that there is none. */
static int
lines_await(struct console *console)
{
	struct pollfd files[] = { { .fd = console->lines.fd, .events = POLLIN },
				  { .fd = client_fd(console->client), .events = POLLIN } };
	const struct hm_msg *msg;

	if (poll(files, 2, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (files[1].revents != 0 && client_read(console->client, &msg) == HM_CLOSED)
		console->is_closed = true;
	return files[0].revents != 0 ? lines_read(&console->lines) : 0;
}

int
console_run(const struct client_config *config, int fd)
{
	struct console console = { .config = config, .lines = { .fd = fd } };
	char line[LINE_MAX_BYTES];
	int rc = client_open(config, &console.client);

	while (rc == 0 && !console.is_closed) {
		if (lines_take(&console.lines, line)) {
			line_run(&console, line);
			fflush(stdout);
		} else if (console.lines.is_over) {
			break;
		} else {
			rc = lines_await(&console);
		}
	}
	client_close(console.client);
	return rc;
}
