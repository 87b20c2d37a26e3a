/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENT_H
#define CLIENT_H

/*
 * The service for threads that are no lcore: requests go out, answers come in, and nothing blocks.
 *
 *     thread ── client_put, client_get ... ──▶ service
 *            ◀─ client_read, client_fd ───────
 *
 * Up to `window` requests may be without an answer, in whatever order the answers come; each has the id of its request. There
 * is room for that many answers, so a client that does not read holds up nobody but itself.
 *
 * A client is used by one thread at a time.
 */
#include <hermod.h>

#include "messages.h"

struct client;

struct client_config {
	struct hm_system *sys;
	struct hm_pid service;
	uint32_t window; /* requests without an answer: 1 to HM_STREAM_SIZE_MAX */
};

/*
 * Blocks until the service has answered: so the system runs, or will. 0; -EINVAL: no window; -EBUSY: the service takes no more
 * clients; -ESHUTDOWN: the system stops; or what hm_call_result and hm_stream_open_reader say.
 */
int client_open(const struct client_config *config, struct client **client);

/* What has not been answered is not, any more. NULL is allowed. */
void client_close(struct client *client);

/* Readable as long as client_read may find an answer, or the end: for poll, epoll, and event loops. */
int client_fd(const struct client *client);

/* ---- Requests ------------------------------------------------------------------------------ */

/*
 * Each of them: HM_OK: there will be an answer, with *id; HM_WOULD_BLOCK: `window` requests are without an answer, so read;
 * HM_NO_MEMORY: try again later, whether answers come or not; HM_CLOSED: the service is gone; HM_TOO_BIG: more than KV_KEY_MAX or
 * KV_VALUE_MAX; HM_INVALID: an empty key.
 */

/* What is put. */
struct client_value {
	const void *data;
	size_t length;   /* bytes */
	uint32_t ttl_ms; /* 0: it stays */
};

enum hm_result client_put(struct client *client, const char *key, const struct client_value *value,
			  uint64_t *id);
enum hm_result client_get(struct client *client, const char *key, uint64_t *id);
enum hm_result client_delete(struct client *client, const char *key, uint64_t *id);
enum hm_result client_inspect(struct client *client, uint64_t *id);

/* Which keys: those with a prefix behind another one, "" for all from the first on. */
struct client_range {
	const char *prefix, *after;
	uint32_t limit; /* keys of a page; 0: KV_PAGE_MAX */
};

enum hm_result client_scan(struct client *client, const struct client_range *range, uint64_t *id);

/* Have the shard of a key fail, by hm_fail or by abort. */
enum hm_result client_break(struct client *client, const char *key, bool by_abort, uint64_t *id);

/* ---- Answers --------------------------------------------------------------------------------- */

/*
 * The next answer: kv_answer, kv_page or kv_stats, valid until the next call. HM_OK; HM_WOULD_BLOCK: none yet, or none in time;
 * HM_CLOSED: there will be none any more. What was asked then has been done, or not.
 */
enum hm_result client_read(struct client *client, const struct hm_msg **msg);
enum hm_result client_read_wait(struct client *client, const struct hm_msg **msg, uint64_t timeout_us);

#endif /* CLIENT_H */
