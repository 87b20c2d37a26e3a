/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load of apps/kv, with a client that answers at once, and has no memory for each other request.
 */
#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "load.h"

#define WINDOW 4u

/* Answers that wait, the oldest first: whether each is to a get. One thread at a time has it. */
struct client {
	int fd; /* readable: there are answers */
	bool gets[WINDOW];
	uint32_t count, requests, refused;
};

static struct client only;

int
client_open(const struct client_config *config, struct client **client)
{
	(void)config;
	only = (struct client){ .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	*client = &only;
	return 0;
}

void
client_close(struct client *client)
{
	close(client->fd);
}

int
client_fd(const struct client *client)
{
	return client->fd;
}

static enum hm_result
request(struct client *client, bool is_get)
{
	uint64_t one = 1;

	if (client->count == WINDOW)
		return HM_WOULD_BLOCK;
	if (client->requests++ % 2 == 0) {
		client->refused++;
		return HM_NO_MEMORY;
	}
	client->gets[client->count++] = is_get;
	cr_assert_eq(write(client->fd, &one, sizeof(one)), sizeof(one));
	return HM_OK;
}

enum hm_result
client_put(struct client *client, const char *key, const struct client_value *value, uint64_t *id)
{
	(void)key;
	(void)value;
	(void)id;
	return request(client, false);
}

enum hm_result
client_get(struct client *client, const char *key, uint64_t *id)
{
	(void)key;
	(void)id;
	return request(client, true);
}

enum hm_result
client_read(struct client *client, const struct hm_msg **msg)
{
	static uint64_t memory[(sizeof(struct hm_msg) + sizeof(Kv__Answer)) / sizeof(uint64_t) + 1];
	struct hm_msg *answer = (struct hm_msg *)(void *)memory;
	Kv__Answer *body = (Kv__Answer *)(void *)answer->body;
	uint64_t all;

	if (client->count == 0) {
		(void)!read(client->fd, &all, sizeof(all));
		return HM_WOULD_BLOCK;
	}
	answer->type = kv_answer;
	answer->length = sizeof(*body);
	kv__answer__init(body);
	body->value.len = client->gets[0] ? sizeof(uint32_t) : 0;
	memmove(client->gets, client->gets + 1, --client->count * sizeof(client->gets[0]));
	*msg = answer;
	return HM_OK;
}

Test(kv_load, run__a_client_that_finds_no_memory_tries_again, .timeout = 30)
{
	struct client_config config = { .window = WINDOW };
	struct load_result result;

	cr_assert_eq(load_run(&config, 1, 25, &result), 0);
	cr_assert_eq(result.puts, 25);
	cr_assert_eq(result.found, 25);
	cr_assert_eq(result.others, 0);
	cr_assert_eq(only.refused, 50);
}
