/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_US 5000000u

struct client {
	struct hm_stream *requests, *answers; /* each with room for a window */
	uint32_t window, open;                /* requests without an answer: at most, and now */
	uint64_t id;                          /* of the last one */
};

/* ---- Open and close --------------------------------------------------------------------------- */

/* A request, and not hm_system_ask, since the system may not run yet. */
static int
ask(const struct client_config *config, const struct kv_connecting *connecting,
    struct kv_connection *connection)
{
	struct hm_reply reply = { .body = connection, .size = sizeof(*connection) };
	struct hm_call *call;
	int rc = hm_system_request(config->sys, config->service, kv_connect, connecting, CONNECT_TIMEOUT_US,
				   &call);

	if (rc != 0)
		return rc;
	while ((rc = hm_call_result(call, &reply)) == -EAGAIN) {
		struct pollfd ended = { .fd = hm_call_fd(call), .events = POLLIN };

		(void)poll(&ended, 1, -1);
	}
	hm_call_free(call);
	return rc;
}

static int
session_open(struct client *client, const struct client_config *config)
{
	struct kv_connecting connecting = { .answers = hm_stream_pid(client->answers) };
	struct hm_stream_config requests = { .size = config->window };
	struct kv_connection connection;
	int rc = ask(config, &connecting, &connection);

	if (rc != 0)
		return rc;
	if (hm_pid_is_none(connection.session))
		return -EBUSY;
	return hm_stream_open_writer(config->sys, &requests, connection.session, &client->requests);
}

int
client_open(const struct client_config *config, struct client **client)
{
	struct hm_stream_config answers = { .size = config->window };
	struct client *made;
	int rc;

	if (config->window == 0)
		return -EINVAL;
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return -ENOMEM;
	made->window = config->window;
	rc = hm_stream_open_reader(config->sys, &answers, &made->answers);
	if (rc == 0)
		rc = session_open(made, config);
	if (rc != 0) {
		client_close(made);
		return rc;
	}
	*client = made;
	return 0;
}

/* The session ends with the stream of answers. */
void
client_close(struct client *client)
{
	if (client == NULL)
		return;
	hm_stream_close(client->requests);
	hm_stream_close(client->answers);
	free(client);
}

int
client_fd(const struct client *client)
{
	return hm_stream_fd(client->answers);
}

/* ---- Requests ----------------------------------------------------------------------------------- */

static enum hm_result
window_check(const struct client *client)
{
	return client->open == client->window ? HM_WOULD_BLOCK : HM_OK;
}

static enum hm_result
length_check(const char *key)
{
	return strlen(key) <= KV_KEY_MAX ? HM_OK : HM_TOO_BIG;
}

/* What protobuf-c calls char * is copied, and not changed. */
static char *
text(const char *key)
{
	return (char *)(uintptr_t)key;
}

/* Begin a request for one key, by these two members of its body. An empty key would be where scans begin. */
static enum hm_result
begin(const struct client *client, const char *key, uint64_t *body_id, char **body_key)
{
	enum hm_result result = *key != '\0' ? length_check(key) : HM_INVALID;

	*body_id = client->id + 1;
	*body_key = text(key);
	return result == HM_OK ? window_check(client) : result;
}

/* A request was written, or not: its id was the one behind the last. */
static enum hm_result
written(struct client *client, enum hm_result result, uint64_t *id)
{
	if (result != HM_OK)
		return result;
	client->open++;
	*id = ++client->id;
	return HM_OK;
}

enum hm_result
client_put(struct client *client, const char *key, const struct client_value *value, uint64_t *id)
{
	Kv__Put body = KV__PUT__INIT;
	enum hm_result result = begin(client, key, &body.id, &body.key);

	if (result == HM_OK && value->length > KV_VALUE_MAX)
		result = HM_TOO_BIG;
	if (result != HM_OK)
		return result;
	body.value.data = (uint8_t *)(uintptr_t)value->data;
	body.value.len = value->length;
	body.ttl_ms = value->ttl_ms;
	return written(client, kv_put_stream_write(client->requests, &body), id);
}

enum hm_result
client_get(struct client *client, const char *key, uint64_t *id)
{
	Kv__Get body = KV__GET__INIT;
	enum hm_result result = begin(client, key, &body.id, &body.key);

	return result == HM_OK ? written(client, kv_get_stream_write(client->requests, &body), id) : result;
}

enum hm_result
client_delete(struct client *client, const char *key, uint64_t *id)
{
	Kv__Delete body = KV__DELETE__INIT;
	enum hm_result result = begin(client, key, &body.id, &body.key);

	return result == HM_OK ? written(client, kv_delete_stream_write(client->requests, &body), id)
			       : result;
}

enum hm_result
client_break(struct client *client, const char *key, bool by_abort, uint64_t *id)
{
	Kv__Break body = KV__BREAK__INIT;
	enum hm_result result = begin(client, key, &body.id, &body.key);

	body.abort = by_abort;
	return result == HM_OK ? written(client, kv_break_stream_write(client->requests, &body), id) : result;
}

enum hm_result
client_inspect(struct client *client, uint64_t *id)
{
	Kv__Inspect body = KV__INSPECT__INIT;
	enum hm_result result = window_check(client);

	body.id = client->id + 1;
	return result == HM_OK ? written(client, kv_inspect_stream_write(client->requests, &body), id)
			       : result;
}

enum hm_result
client_scan(struct client *client, const struct client_range *range, uint64_t *id)
{
	Kv__Scan body = KV__SCAN__INIT;
	enum hm_result result = length_check(range->prefix);

	if (result == HM_OK)
		result = length_check(range->after);
	if (result == HM_OK)
		result = window_check(client);
	body.id = client->id + 1;
	body.prefix = text(range->prefix);
	body.after = text(range->after);
	body.limit = range->limit;
	return result == HM_OK ? written(client, kv_scan_stream_write(client->requests, &body), id) : result;
}

/* ---- Answers --------------------------------------------------------------------------------------- */

enum hm_result
client_read(struct client *client, const struct hm_msg **msg)
{
	return client_read_wait(client, msg, 0);
}

enum hm_result
client_read_wait(struct client *client, const struct hm_msg **msg, uint64_t timeout_us)
{
	enum hm_result result = hm_stream_read_wait(client->answers, msg, timeout_us);

	if (result == HM_OK)
		client->open--;
	return result;
}
