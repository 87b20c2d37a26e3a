/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_NODE_H
#define REMOTE_NODE_H

/**
 * @file
 * What both remote benchmarks have in common, in either of their two processes.
 *
 *     driver                                               echo
 *       │ REMOTE_FOUND ◀─ looks up hermod://echo/user/echo   │
 *       │ ── Limit ───────────────────────────────────────▶  │  a moment later, both are in
 *       │ REMOTE_GO, a moment later                          │  the raw loop on the second port
 *       │ … the benchmark's own messages …                   │
 *       │ ── Quit ────────────────────────────────────────▶  │
 *
 * "A moment later": a turn has to end before its actor enters the raw loop, or what the turn sent,
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
	REMOTE_ENTER,               /**< local, the echo node's own */
};

/** Bytes of the ball's number, and of its body's tag and length, when encoded. */
#define REMOTE_BALL_OVERHEAD 11

/** What is asked, and the state of either process. */
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
	uint64_t ready_fd;       /**< echo node: to be written to once both ports are open; 0: none */
	struct limit_port *port; /**< of the raw frames */
	struct hm_pid echo_pid;
	Hermod__Bench__Ball ball;
	uint32_t lookups;
	bool stream; /**< echo node: which raw loop is to be entered */
	uint8_t body[BENCH_PAYLOAD_MAX];
};

/** The whole program, of either process or of none yet. @return exit status */
int remote_main(struct remote *remote, int argc, char **argv);

/** Driver, on HM_STARTED: look for the echo node. REMOTE_FOUND follows. */
void remote_find(struct remote *remote, struct hm_ctx *ctx);

/** Driver, on all other messages: ends the run when one of its messages was lost. */
void remote_driver_receive(struct remote *remote, struct hm_ctx *ctx, const struct hm_msg *msg);

/** Driver: call both sides into the raw loop. REMOTE_GO follows. */
void remote_limit_call(struct remote *remote, struct hm_ctx *ctx, bool stream);

/** Driver: everything is measured, both nodes end. */
void remote_quit(struct remote *remote, struct hm_ctx *ctx);

/** Echo node: what both benchmarks' echo actors do alike. */
void remote_echo_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg);

#endif /* REMOTE_NODE_H */
