/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stages that log what passes through them.
 */
#include "hm_logging.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <rte_errno.h>
#include <rte_log.h>

#include "check_pvt.h"
#include "counter_pvt.h"
#include "hm_type.h"
#include "observe_pvt.h"

#define SECOND_NS 1000000000ull

/* Of an lcore. */
struct logging {
	struct hmi_observer observer; /* first */
	enum hm_log_level level;
	uint32_t per_second, lines; /* of this second */
	uint64_t second_ns;         /* when it began */
	uint64_t left_out;          /* since the last line */
	uint64_t suppressed;        /* in all; read by any thread */
};

static const struct hmi_observer_ops logging_ops;

/* ---- Whether a line is written ------------------------------------------------------------- */

/* NULL: the lines would not be shown. */
static struct logging *
logging_of(struct hm_ctx *ctx)
{
	struct hmi_observer *observer = hmi_observer_find(ctx->observers, &logging_ops);
	struct logging *logging = container_of(observer, struct logging, observer);

	return observer != NULL && rte_log_can_log((uint32_t)ctx->sys->actors_logtype, logging->level)
		       ? logging
		       : NULL;
}

/* Count a line. Returns whether it may be written. */
static bool
line_take(struct hm_ctx *ctx, struct logging *logging, uint64_t now_ns)
{
	uint64_t left_out = logging->left_out;

	if (now_ns - logging->second_ns >= SECOND_NS) {
		logging->second_ns = now_ns;
		logging->lines = 0;
	}
	if (logging->lines >= logging->per_second) {
		logging->left_out++;
		hmi_count(&logging->suppressed, 1);
		return false;
	}
	logging->lines++;
	logging->left_out = 0;
	if (left_out > 0)
		hm_log(ctx, logging->level, "%" PRIu64 " lines were left out", left_out);
	return true;
}

/* ---- Stages -------------------------------------------------------------------------------- */

static void
received_log(struct hm_ctx *ctx, enum hm_log_level level, uint16_t type, struct hm_pid sender,
	     uint64_t took_ns)
{
	bool has_sender = !hm_pid_is_none(sender);
	char pid[HM_PID_TEXT_SIZE];

	hm_log(ctx, level, "received %s%s%s, %" PRIu64 " us", hm_type_name(ctx->sys, type),
	       has_sender ? " from " : "", has_sender ? hmi_observed_name(ctx, sender, pid) : "",
	       took_ns / 1000);
}

void
hm_logging_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
		   const struct hm_receive_next *next, void *arg)
{
	struct logging *logging;
	struct hm_pid sender;
	uint64_t began_ns, now_ns;
	uint16_t type;

	(void)arg;
	hmi_check_ctx(ctx, "hm_logging_receive");
	logging = logging_of(ctx);
	if (logging == NULL) {
		hm_receive_next(ctx, state, msg, next);
		return;
	}
	/* It may be forwarded. */
	type = hm_msg_type(msg);
	sender = hm_msg_sender(msg);
	began_ns = hm_now_ns(ctx);
	hm_receive_next(ctx, state, msg, next);
	now_ns = hm_now_ns(ctx);
	if (line_take(ctx, logging, now_ns))
		received_log(ctx, logging->level, type, sender, now_ns - began_ns);
}

enum hm_result
hm_logging_send(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
		void *arg)
{
	struct logging *logging;
	char pid[HM_PID_TEXT_SIZE];
	enum hm_result result;
	bool is_forward;
	uint16_t type;

	(void)arg;
	hmi_check_ctx(ctx, "hm_logging_send");
	logging = logging_of(ctx);
	if (logging == NULL)
		return hm_send_next(ctx, to, msg, next);
	is_forward = hm_send_is_forward(next);
	type = hm_msg_type(msg);
	result = hm_send_next(ctx, to, msg, next);
	if (line_take(ctx, logging, hm_now_ns(ctx)))
		hm_log(ctx, logging->level, "%s %s to %s: %s", is_forward ? "forwarded" : "sent",
		       hm_type_name(ctx->sys, type), hmi_observed_name(ctx, to, pid), hm_result_name(result));
	return result;
}

static void
spawned_log(struct hm_ctx *ctx, enum hm_log_level level, const char *name, struct hm_pid pid)
{
	const struct hmi_path *path = hmi_cell_path(ctx->cell);
	char text[HM_PID_TEXT_SIZE];

	/* One on another lcore is not made yet; but who has a child with a name has a path. */
	if (name != NULL && path != NULL)
		hm_log(ctx, level, "spawned %s/%s", path->path, name);
	else
		hm_log(ctx, level, "spawned %s", hm_pid_format(pid, text));
}

int
hm_logging_spawn(struct hm_ctx *ctx, const struct hm_spawning *what, struct hm_pid *pid,
		 const struct hm_spawn_next *next, void *arg)
{
	struct logging *logging;
	int rc;

	(void)arg;
	hmi_check_ctx(ctx, "hm_logging_spawn");
	logging = logging_of(ctx);
	rc = hm_spawn_next(ctx, what, pid, next);
	if (logging == NULL || !line_take(ctx, logging, hm_now_ns(ctx)))
		return rc;
	if (rc == 0)
		spawned_log(ctx, logging->level, what->name, *pid);
	else
		hm_log(ctx, logging->level, "spawned nobody%s%s: %s", what->name != NULL ? " as " : "",
		       what->name != NULL ? what->name : "", rte_strerror(-rc));
	return rc;
}

/* ---- Set-up and inspect -------------------------------------------------------------------- */

static void
logging_destroy(void *value)
{
	struct hmi_observers *observers = value;

	hmi_observers_fini(observers);
	free(observers);
}

static const struct hm_extension extension = { .name = "logging", .destroy = logging_destroy };

static void
lcores_set(struct hmi_observers *observers, const struct hm_logging_options *options)
{
	for (uint32_t i = 0; i < observers->count; i++) {
		struct logging *logging = hmi_observers_of(observers, i);

		logging->level = options->level != 0 ? options->level : HM_LOG_DEBUG;
		logging->per_second = options->per_second != 0 ? options->per_second : HM_LOGGING_PER_SECOND;
	}
	hmi_observers_attach(observers, &logging_ops);
}

int
hm_logging_start(struct hm_system *sys, const struct hm_logging_options *options)
{
	static const struct hm_logging_options usual = { 0 };
	struct hmi_observers *observers;
	int rc;

	if (options == NULL)
		options = &usual;
	if (sys == NULL ||
	    (options->level != 0 && (options->level < HM_LOG_ERROR || options->level > HM_LOG_DEBUG)))
		return -EINVAL;
	observers = malloc(sizeof(*observers));
	if (observers == NULL)
		return -ENOMEM;
	rc = hmi_observers_init(observers, sys, sizeof(struct logging));
	if (rc == 0)
		rc = hm_system_extension_set(sys, &extension, observers);
	if (rc == 0)
		lcores_set(observers, options);
	else
		logging_destroy(observers);
	return rc;
}

uint64_t
hm_logging_suppressed(const struct hm_system *sys)
{
	const struct hmi_observers *observers = hm_system_extension(sys, &extension);
	uint64_t suppressed = 0;

	for (uint32_t i = 0; observers != NULL && i < observers->count; i++) {
		const struct logging *logging = hmi_observers_of(observers, i);

		suppressed += hmi_counted(&logging->suppressed);
	}
	return suppressed;
}
