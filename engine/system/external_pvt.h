/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EXTERNAL_PVT_H
#define EXTERNAL_PVT_H

/*
 * What calls of external threads are made of.
 */

#include "ask_pvt.h"

/* The system has stopped: no lcore will run any more. A hint, but under the control mutex. */
bool hmi_is_stopped(const struct hm_system *sys);

/* No lcore has a thread of its own: who holds the control mutex may touch everything. */
bool hmi_is_single_threaded(const struct hm_system *sys);

/* Take the control mutex, and announce that to a thread that turns a stepped system. */
void hmi_control_lock(struct hm_system *sys);

/* Make a message of an external thread, as hmi_msg_make_as. */
struct hm_msg *hmi_make_external(struct hm_system *sys, uint16_t type, const void *body, bool with_word,
				 enum hm_result *result);

/* Push a message into an lcore's inject ring; takes it over. HM_OK, HM_WOULD_BLOCK or HM_NO_RECEIVER. */
enum hm_result hmi_inject(struct hm_system *sys, struct hm_pid to, struct hm_msg *msg);

/* Send an lcore a command about a call. Returns 0, -EAGAIN or -ESHUTDOWN: then nobody has seen it. */
int hmi_command_push(struct hm_system *sys, uint32_t lcore, uint16_t command, const void *call);

/* While nothing runs the caller does it. Returns false: something runs. */
bool hmi_call_direct(struct hm_system *sys, struct hmi_call *call);

/* Have a call done, wait for it until a time if one is given, and free it. Returns its result. */
int hmi_call_do(struct hm_system *sys, struct hmi_call *call, const struct timespec *until);

/* A request. */
struct hmi_ask_call {
	struct hmi_call call; /* first */
	struct hm_msg *msg;   /* until it is sent */
	struct hm_pid to;
	uint64_t timeout_us;
	uint64_t until_ns; /* when the caller gives up, by CLOCK_MONOTONIC; 0: when the future ends */
	uint64_t future;   /* lcore 0's: local part of the PID that is to be answered; 0: not sent yet */
};

/* For hmi_call.run and drop. */
void hmi_ask_run(struct hm_ctx *ctx, struct hmi_call *call);
void hmi_ask_drop(struct hm_system *sys, struct hmi_call *call);

/* ---- request.c ---- */

/* Command: an external thread has given a request up. Its body is a struct hm_call *. */
void hmi_request_cancel_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_request_cancel_drop(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason);

struct hm_stream;

/* ---- stream_thread.c ---- */

/* Have the stream's lcore look at its streams. */
void hmi_stream_tell(struct hm_stream *stream);

/* ---- stream_open.c ---- */

/* The system is destroyed: free streams that are closed; others lose their messages, and know it no more. */
void hmi_streams_destroy(struct hm_system *sys);

#endif /* EXTERNAL_PVT_H */
