/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Between two tries of a client that has found no memory. */
#define MEMORY_PAUSE_MS 1

/* One client, in its thread. */
struct loader {
	const struct client_config *config;
	uint32_t number, keys;
	struct client *client;
	int epoll;
	int rc;
	struct load_result result;
};

/* ---- One client ---------------------------------------------------------------------------------- */

static enum hm_result
request(struct loader *loader, uint32_t index)
{
	struct client_value value = { .data = &index, .length = sizeof(index) };
	char key[32];
	uint64_t id;

	snprintf(key, sizeof(key), "load/%" PRIu32 "/%" PRIu32, loader->number, index % loader->keys);
	if (index < loader->keys)
		return client_put(loader->client, key, &value, &id);
	return client_get(loader->client, key, &id);
}

/* A get has the value that was put. */
static void
count(struct loader *loader, const struct hm_msg *msg)
{
	const Kv__Answer *answer = kv_answer_body(msg);

	if (answer->status != KV__STATUS__OK)
		loader->result.others++;
	else if (answer->value.len == sizeof(uint32_t))
		loader->result.found++;
	else
		loader->result.puts++;
}

/* Take all answers that are there. Returns how many; UINT32_MAX: there will be no more. */
static uint32_t
answers_take(struct loader *loader)
{
	const struct hm_msg *msg;
	enum hm_result result;
	uint32_t taken = 0;

	while ((result = client_read(loader->client, &msg)) == HM_OK) {
		count(loader, msg);
		taken++;
	}
	return result == HM_CLOSED ? UINT32_MAX : taken;
}

/* As many requests as the window lets through; then wait for answers, and take what is there. */
static void
all_ask(struct loader *loader)
{
	uint32_t total = 2 * loader->keys, sent = 0, answered = 0;

	while (answered < total) {
		enum hm_result result = HM_OK;
		struct epoll_event event;
		uint32_t taken;

		/* What is put has been answered before it is asked for: the answers of two keys may change places. */
		while (sent < total && (sent != loader->keys || answered == sent) &&
		       (result = request(loader, sent)) == HM_OK)
			sent++;
		/* Memory is waited for by time: there may be no answer to come. */
		if (epoll_wait(loader->epoll, &event, 1, result == HM_NO_MEMORY ? MEMORY_PAUSE_MS : -1) < 0 &&
		    errno != EINTR)
			break;
		taken = answers_take(loader);
		if (taken == UINT32_MAX)
			break;
		answered += taken;
	}
	loader->result.others += total - answered;
}

static int
poll_open(struct loader *loader)
{
	struct epoll_event event = { .events = EPOLLIN };

	loader->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loader->epoll < 0)
		return -errno;
	return epoll_ctl(loader->epoll, EPOLL_CTL_ADD, client_fd(loader->client), &event) == 0 ? 0 : -errno;
}

static void *
loader_main(void *arg)
{
	struct loader *loader = arg;

	loader->rc = client_open(loader->config, &loader->client);
	if (loader->rc != 0)
		return NULL;
	loader->rc = poll_open(loader);
	if (loader->rc == 0)
		all_ask(loader);
	if (loader->epoll >= 0)
		close(loader->epoll);
	client_close(loader->client);
	return NULL;
}

/* ---- All of them ----------------------------------------------------------------------------------- */

static void
add(struct load_result *result, const struct loader *loader)
{
	result->puts += loader->result.puts;
	result->found += loader->result.found;
	result->others += loader->result.others;
}

int
load_run(const struct client_config *config, uint32_t clients, uint32_t keys, struct load_result *result)
{
	struct loader loaders[LOAD_CLIENTS_MAX];
	pthread_t threads[LOAD_CLIENTS_MAX];
	uint32_t started = 0;
	int rc = 0;

	if (clients == 0 || clients > LOAD_CLIENTS_MAX || keys == 0 || keys > UINT32_MAX / 2)
		return -EINVAL;
	*result = (struct load_result){ 0 };
	for (; started < clients; started++) {
		loaders[started] = (struct loader){ .config = config, .number = started, .keys = keys };
		rc = -pthread_create(&threads[started], NULL, loader_main, &loaders[started]);
		if (rc != 0)
			break;
	}
	for (uint32_t i = 0; i < started; i++) {
		pthread_join(threads[i], NULL);
		add(result, &loaders[i]);
		if (rc == 0)
			rc = loaders[i].rc;
	}
	return rc;
}
