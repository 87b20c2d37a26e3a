/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_NODE_H
#define REMOTE_NODE_H

/**
 * @file
 * Common parts of both remote benchmarks, for both of their processes.
 *
 *     driver                                               echo
 *       │ REMOTE_FOUND ◀─ resolves hermod://echo/user/echo   │
 *       │ ── Limit ───────────────────────────────────────▶  │  REMOTE_ENTER, after 0.3 ms: enters
 *       │ REMOTE_GO, after 1 ms: enters the raw loop         │  the raw loop on the second port
 *       │ … the benchmark's own messages …                   │
 *       │ ── Quit ────────────────────────────────────────▶  │
 *
 * The delays let the turn end before the actor enters the raw loop. Otherwise what the turn has sent,
 * acknowledgements included, would wait until the loop is left.
 */

#include "bench.pb-c.h"
#include "bench_node.h"
#include "limit_frame.h"

/** Message types of the remote benchmarks. */
enum {
	REMOTE_BALL = HM_TYPE_USER, /**< Hermod__Bench__Ball */
	REMOTE_LIMIT,               /**< Hermod__Bench__Limit */
	REMOTE_CREDIT,              /**< Hermod__Bench__Credit */
	REMOTE_QUIT,                /**< Hermod__Bench__Quit */
	REMOTE_FOUND,               /**< local, to the driver: remote->echo is known */
	REMOTE_GO,                  /**< local, to the driver: enter the raw loop now */
	REMOTE_ENTER,               /**< local, to the echo actor: enter the raw loop now */
};

/** Bytes of the ball's number, and of its body's tag and length, when encoded. */
#define REMOTE_BALL_OVERHEAD 11

/** The scenario, and the state of one of its processes. */
struct remote {
	struct bench_node node; /**< first: its measure function finds the rest by it */
	/* set by the program */
	const char *name, *unit, *note;
	hm_receive_fn *driver; /**< state: pointer to this */
	hm_receive_fn *echo;   /**< state: pointer to this; calls remote_echo_receive for the rest */
	void (*prepare)(struct remote *remote); /**< before the system runs; may be NULL */
	void (*row_fill)(struct remote *remote, struct bench_row *row); /**< may be NULL */
	/* set by remote_main */
	const char *transport, *role;
	uint64_t ready_fd;       /**< echo node: written to when both ports are open; 0: none */
	struct limit_port *port; /**< port of the raw frames */
	struct hm_pid echo_pid;
	Hermod__Bench__Ball ball;
	uint32_t lookups;
	bool stream; /**< echo node: the raw loop to enter is that of limit_stream_serve */
	uint8_t body[BENCH_PAYLOAD_MAX];
};

/** The whole program, of the launcher or of either process. @return exit status */
int remote_main(struct remote *remote, int argc, char **argv);

/** Driver, on HM_STARTED: resolve the echo actor. REMOTE_FOUND follows. */
void remote_find(struct remote *remote, struct hm_ctx *ctx);

/** Driver, on all other messages: fails the run when a message was lost. */
void remote_driver_receive(struct remote *remote, struct hm_ctx *ctx, const struct hm_msg *msg);

/** Driver: have both sides enter the raw loop. REMOTE_GO follows. */
void remote_limit_call(struct remote *remote, struct hm_ctx *ctx, bool stream);

/** Driver: end both nodes. */
void remote_quit(struct remote *remote, struct hm_ctx *ctx);

/** Echo node: the part that the echo actors of both benchmarks share. */
void remote_echo_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg);

#endif /* REMOTE_NODE_H */
