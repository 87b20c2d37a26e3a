/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_ACTOR_H
#define HM_ACTOR_H

/**
 * @file
 * Actors: what a receive function may do.
 *
 *     send ──▶ mailbox ──▶ receive(ctx, state, msg) ──▶ send, spawn, watch, stop ...
 *              (one lcore touches all of it)
 *
 * An actor lives on one lcore, until somebody moves it to another (hm_move.h).
 * Its state, its mailbox and its timers are touched by that lcore alone, so a
 * receive function needs no lock. It must not block: it holds up every other
 * actor of its lcore.
 *
 * "Turn" below means: within a receive function, or a reply function, which runs
 * in its actor's turn; with the ctx that it was given, which is never NULL, and
 * only until it returns. Other threads call what hm_system.h offers.
 *
 * Order: messages from one sender to one receiver arrive in the order of the
 * calls, on the same lcore, across lcores and across nodes; HM_TERMINATED of an
 * actor comes behind all of its messages. Stop and watch overtake user messages
 * that wait.
 *
 * Ownership: a body that is passed in is copied. A message made by hm_msg_new
 * belongs to the caller until it is sent or freed.
 */

#include <stddef.h>
#include <stdint.h>

#include "hm_future.h"
#include "hm_msg.h"
#include "hm_pid.h"
#include "hm_result.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hm_ctx;
struct hm_mailbox;
struct hm_middleware;
struct hm_supervisor;
struct hm_system;

/**
 * What an actor does with a message.
 *
 * @param ctx    valid until the function returns
 * @param state  the actor's own state, props' state_size bytes
 * @param msg    valid until the function returns
 */
typedef void hm_receive_fn(struct hm_ctx *ctx, void *state, const struct hm_msg *msg);

/** hm_props.lcore: the lcore of the spawning actor; of an external thread, the first lcore. The default. */
#define HM_LCORE_SAME 0u
/** hm_props.lcore: round robin: each spawning lcore deals its actors out to all lcores in turn, itself first. */
#define HM_LCORE_ANY UINT32_MAX
/** hm_props.lcore: the lcore with the least load (hm_dispatch.h). */
#define HM_LCORE_LEAST (UINT32_MAX - 1u)
/** hm_props.lcore: the lcore of a key: of hm_spawn_key's (hm_dispatch.h), or of the actor's name. */
#define HM_LCORE_KEY (UINT32_MAX - 2u)
/** hm_props.lcore: a reserved lcore (--reserve) that no other such actor has, as long as this one lives. */
#define HM_LCORE_OWN (UINT32_MAX - 3u)
/** hm_props.lcore: the lcore of an index below hm_system_lcores. */
#define HM_LCORE(index) ((uint32_t)(index) + 1u)

/**
 * hm_props.priority: which of the actors of an lcore that have messages has its turn first. Those that have
 * a priority begin at once, not when nothing else runs.
 */
enum hm_actor_priority {
	HM_ACTOR_NORMAL = 0, /**< at least one turn of an actor in 8 while high ones wait */
	HM_ACTOR_HIGH,       /**< before all that wait */
	HM_ACTOR_LOW,        /**< when no others wait; at least one turn of an actor in 32 while they do */
};

/** The most that hm_props.quantum and --quantum may say: messages. */
#define HM_QUANTUM_MAX 64u
/** The most that hm_props.quantum_us and --quantum-us may say: microseconds. */
#define HM_QUANTUM_US_MAX 40u

/** Bytes that a state is aligned to, where a C type of its size can need as many. */
#define HM_STATE_ALIGN 16u
/** The most that hm_props.state_align may say. */
#define HM_STATE_ALIGN_MAX 4096u

/**
 * How to make an actor: `static const struct hm_props props = { .receive = f };`. Members that are left
 * out are zero, which is their default. Constant, and must outlive every actor made of it.
 */
struct hm_props {
	/** Called for every message; must not be NULL. */
	hm_receive_fn *receive;
	/** Bytes of state, zeroed at first; up to 24 cost no memory of their own, and no cache line. */
	uint32_t state_size;
	/** Bytes at the state's start that the spawn call's `args` fill; at most state_size, and 65,432. */
	uint32_t args_size;
	/** HM_LCORE_SAME (0), HM_LCORE_ANY, HM_LCORE_LEAST, HM_LCORE_KEY, HM_LCORE_OWN, or HM_LCORE(index). */
	uint32_t lcore;
	/**
	 * Bytes that the state is aligned to: a power of two up to HM_STATE_ALIGN_MAX. 0: what any C type of
	 * that size needs, up to HM_STATE_ALIGN.
	 */
	uint32_t state_align;
	/** What becomes of children that fail (hm_supervisor.h); NULL: hm_supervisor_default. */
	const struct hm_supervisor *supervisor;
	/** Order and bound of the messages that wait (hm_mailbox.h); NULL: first in, first out, and senders are muted. */
	const struct hm_mailbox *mailbox;
	/** Messages that hm_stash keeps at most; 0: HM_STASH_DEFAULT (hm_behaviour.h). */
	uint32_t stash;
	/** enum hm_actor_priority. */
	uint32_t priority;
	/** Messages that it handles in one turn at most, up to HM_QUANTUM_MAX; 0, or more than --quantum: as that says. */
	uint32_t quantum;
	/**
	 * Microseconds that its turn lasts, but for one message, up to HM_QUANTUM_US_MAX: what is left waits behind the
	 * others. Learnt from what its messages take (hm_dispatch.h). 0, or more than --quantum-us: as that says.
	 */
	uint32_t quantum_us;
	/** enum hm_faults: what signals as SIGSEGV mean that the actor's functions raise; 0: what --faults says. */
	uint32_t faults;
	/** enum hm_balance: whether the balancer may move it, if there is one (hm_balance.h). */
	uint32_t balance;
	/** Stages around what it receives, sends and spawns, the outermost first, ending with NULL (hm_middleware.h); NULL: none. */
	const struct hm_middleware *const *middleware;
};

/** Longest name of an actor, in characters. */
#define HM_NAME_MAX 64u
/** Longest path, in characters with the end of the text. */
#define HM_PATH_MAX 512u

/* ---- Set-up: may allocate ------------------------------------------------ */

/**
 * Spawn a child of the running actor. HM_STARTED is its first message. When it
 * stops, for whatever reason, the parent receives HM_TERMINATED. So it does if another lcore, on which the
 * child was to live, finds no memory for it: its reason is then HM_TERMINATED_FAILED, and it never ran.
 *
 * Ordering: actors that have never run start when no other one on their lcore has anything to do, the
 * oldest first; where more than 256 of them wait, the youngest first. Beside others that never pause, up to
 * 64 of the oldest start in each turn of the lcore.
 *
 * Context: turn; does not block; may take memory for the child's state. Ownership: name and args are copied;
 * props are kept.
 *
 * @param ctx        of the running actor
 * @param props      must outlive the child
 * @param name       unique among the parent's children: letters, digits and "-_.~+@", not
 *                   starting with "$", and neither "." nor ".."; NULL: the child has no path
 * @param args       props->args_size bytes, copied to the start of the state; NULL if that is 0
 * @param[out] pid   the child; may be NULL; untouched on error
 * @return 0; -EINVAL: bad props or name, or props->lcore is no lcore of the system (hm_system_lcores
 *         counts them), or HM_LCORE_KEY and there is no name; -EBUSY: HM_LCORE_OWN, and no
 *         reserved lcore is free; -EEXIST: name taken; -ENOMEM: no memory, or fewer than 1,024 of the lcore's slots are
 *         left, and 256 for each other lcore; -ESHUTDOWN: the running actor is stopping; -ENAMETOOLONG: name
 *         longer than HM_NAME_MAX, or path not shorter than HM_PATH_MAX
 */
__attribute__((warn_unused_result))
int hm_spawn(struct hm_ctx *ctx, const struct hm_props *props, const char *name, const void *args,
	     struct hm_pid *pid);

/**
 * Watch a process: one HM_TERMINATED for each watch when it is gone, also if it is gone
 * already, never existed, or its node is lost, or if its lcore has no memory for the watch. Watching twice is
 * watching once. A parent is notified of its children in any case, and once.
 *
 * Context: turn; does not block; may take memory for the watch.
 *
 * Ordering: HM_TERMINATED waits in the mailbox behind all that the process has sent to the
 * watcher, in answer to HM_STOPPED too. An actor that is stopping handles no other messages any
 * more, and is notified at once. NODE_LOST is local, and unordered with that node's messages. Of several
 * that are notified of the same process, its parent among them, any may be the first.
 *
 * @return HM_OK; HM_NO_MEMORY: for the watch; HM_NO_RECEIVER: nobody, or the running actor itself
 */
enum hm_result hm_watch(struct hm_ctx *ctx, struct hm_pid who);

/**
 * Take a watch back: no HM_TERMINATED of @p who is received after this, unless it is a child. An actor that is
 * not watched is ignored.
 *
 * Context: turn; neither blocks nor allocates.
 */
void hm_unwatch(struct hm_ctx *ctx, struct hm_pid who);

/**
 * Stop a process after its current message. Its children stop first. What waits in its
 * mailbox, and what comes meanwhile, becomes dead letters. Stopping a process twice, or one that is gone, does nothing.
 *
 * Context: turn; does not block.
 */
void hm_stop(struct hm_ctx *ctx, struct hm_pid who);

/**
 * Stop a process after the messages that are in its mailbox when this arrives.
 *
 * Context: turn; does not block.
 *
 * @return HM_OK; HM_NO_RECEIVER: nobody
 */
enum hm_result hm_poison(struct hm_ctx *ctx, struct hm_pid who);

/* ---- Hot path: never blocks; takes from the heap only the reserve, see hm_send ---- */

/**
 * Send a message without a sender. What finds no receiver becomes a dead letter, and so does what
 * cannot cross to the receiver's node: HM_OK does not say that it arrives.
 *
 * When message memory is used up, hm_send, hm_request, hm_request_from and hm_respond of an actor to itself, and its
 * timers to itself, take from a reserve on the heap, which is bounded. No other call has one: not hm_msg_new, and not hm_ask.
 *
 * Context: turn. Ownership: the body stays the caller's.
 *
 * @param to    anybody
 * @param type  registered type
 * @param body  the type's C struct, copied (a protobuf message with all that it points to, set up by
 *              its generated ..._INIT: one that points to anything and is not is HM_INVALID);
 *              NULL: a struct of zeros, a protobuf message of defaults, or no body if the type has none
 * @return HM_OK; HM_NO_MEMORY; HM_TOO_BIG; HM_UNKNOWN_TYPE; HM_NO_RECEIVER: nobody; HM_INVALID
 */
enum hm_result hm_send(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body);

/**
 * As hm_send, with the running actor as sender, so that the receiver can respond.
 *
 * Context: turn. Ownership: the body stays the caller's.
 *
 * @return as hm_send
 */
enum hm_result hm_request(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body);

/**
 * As hm_request, with another sender: whoever the receiver is to answer, such as a future (hm_future_pid). If the
 * request is a dead letter, that sender's future ends at once.
 *
 * Context: turn. Ownership: the body stays the caller's.
 *
 * @param sender  anybody; nobody: as hm_send
 * @return as hm_send
 */
enum hm_result hm_request_from(struct hm_ctx *ctx, struct hm_pid to, struct hm_pid sender, uint16_t type,
			       const void *body);

/**
 * Send to the sender of the message that is being received, with the running actor as sender.
 *
 * Context: turn. Ownership: the body stays the caller's.
 *
 * @return as hm_send; HM_NO_SENDER: the message came without a sender
 */
enum hm_result hm_respond(struct hm_ctx *ctx, uint16_t type, const void *body);

/**
 * Send many messages of one type to one receiver, in order. Stops at the first that is refused: so either all are
 * sent, or the first ones of them, whose number is told. Other senders' messages may come in between; this
 * actor's do not. To know when all were handled, send the last one, of any type, by hm_ask.
 *
 * Context: turn. Ownership: the bodies stay the caller's.
 *
 * @param bodies     an array of the type's C structs, each as of hm_send; NULL: all as of hm_send's NULL
 * @param count      may be 0: HM_OK
 * @param[out] sent  how many were sent; may be NULL
 * @return HM_OK: all were sent; otherwise why the one behind the last was not, as hm_send
 */
enum hm_result hm_send_batch(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *bodies,
			     uint32_t count, uint32_t *sent);

/**
 * Hand the message that is being received on, with its sender, headers, buffer and deadline. No copy is made.
 *
 * Context: turn. Ownership: the message goes to the receiver; the caller must not read it afterwards.
 *
 * @return HM_OK; HM_NO_RECEIVER: nobody, or the message is the engine's own or was handed on already
 */
enum hm_result hm_forward(struct hm_ctx *ctx, struct hm_pid to);

/**
 * Make a message to be filled in place.
 *
 * Context: turn. Ownership: the message is the caller's until it is sent or freed.
 *
 * @param type   registered type; a protobuf message is initialised
 * @param extra  bytes wanted behind the type's C struct, zeroed when reserved
 * @return the message; NULL: out of message memory, which is counted and logged as a send that is refused, also
 *         for a message to oneself; unknown type; or too big
 */
struct hm_msg *hm_msg_new(struct hm_ctx *ctx, uint16_t type, size_t extra);

/**
 * Room behind a message's C struct, for what its pointers point to.
 *
 * Context: turn. Ownership: the room belongs to the message.
 *
 * @param msg    made by hm_msg_new, not sent yet
 * @param bytes  size; the room is zeroed and aligned to 8 bytes
 * @return the room; NULL: more than the message has left
 */
void *hm_msg_reserve(struct hm_msg *msg, size_t bytes);

/**
 * Free a message that was made and is not wanted any more. NULL is allowed. One that was received, sent
 * or freed before is not the caller's: debug builds end the process; others ignore the call, unless the memory
 * is another message by now that somebody has made and not sent yet, which they free.
 *
 * Context: turn. Ownership: the message is gone.
 */
void hm_msg_free(struct hm_ctx *ctx, struct hm_msg *msg);

/**
 * As hm_send, of a message made by hm_msg_new.
 *
 * Context: turn. Ownership: the message is handed over, whatever the answer.
 *
 * @param msg  NULL, which hm_msg_new may have answered, is HM_INVALID
 * @return as hm_send; HM_INVALID: there is none, or it was received, sent or freed before, so it is not the
 *         caller's: debug builds end the process
 */
enum hm_result hm_msg_send(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg);

/**
 * As hm_request, of a message made by hm_msg_new.
 *
 * Context: turn. Ownership: the message is handed over, whatever the answer.
 *
 * @return as hm_msg_send
 */
enum hm_result hm_msg_request(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg);

/**
 * As hm_respond, of a message made by hm_msg_new.
 *
 * Context: turn. Ownership: the message is handed over, whatever the answer.
 *
 * @return as hm_msg_send; HM_NO_SENDER: the received message came without a sender, or was handed on
 */
enum hm_result hm_msg_respond(struct hm_ctx *ctx, struct hm_msg *msg);

/* ---- Timers -------------------------------------------------------------- */

/** Names a timer for ever; a stale one names none. */
struct hm_timer {
	uint64_t id; /**< the engine's; 0: of no timer */
};

/**
 * Send a message later, once or again and again (fixed rate: as HM_PERIOD_RATE). Timers of an actor end with it.
 *
 * On the timer's lcore the receiver runs before others that wait, if it was idle; so the message may
 * overtake what was sent before it was due and is still under way.
 *
 * Context: turn; neither blocks nor allocates from the heap. Ownership: the body is copied.
 *
 * @param to         often hm_self(ctx)
 * @param delay_us   microseconds until the first message
 * @param period_us  microseconds between messages, 0: only one
 * @param[out] timer may be NULL
 * @return as hm_send
 */
enum hm_result hm_send_after(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body,
			     uint64_t delay_us, uint64_t period_us, struct hm_timer *timer);

/** hm_period.kind: when the next message of a timer comes. */
enum hm_period_kind {
	/**
	 * Fixed rate: a period behind the time at which this one was due, so that many of them take as many periods.
	 * Those that were missed altogether, since the lcore was busy, are skipped: one message comes late, and the next one on the
	 * beat.
	 */
	HM_PERIOD_RATE = 0,
	/** Fixed delay: a period behind the moment at which this one was sent, so that there are never two within one period. */
	HM_PERIOD_DELAY,
};

/** How often hm_send_every sends. Members that are left out are zero. */
struct hm_period {
	uint64_t delay_us;  /**< microseconds until the first message */
	uint64_t period_us; /**< microseconds between messages; not 0 */
	uint32_t count;     /**< messages after which the timer is over; 0: it has no end */
	uint32_t kind;      /**< enum hm_period_kind */
};

/**
 * As hm_send_after, again and again, at a fixed rate or with a fixed delay, and a number of times if that is wanted. By
 * the calendar: hm_cron.h.
 *
 * Context: turn; neither blocks nor allocates from the heap. Ownership: body and period are copied.
 *
 * @param to         often hm_self(ctx)
 * @param period     NULL is HM_INVALID
 * @param[out] timer may be NULL
 * @return as hm_send; HM_INVALID also: a period of 0, or a kind that there is not
 */
enum hm_result hm_send_every(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body,
			     const struct hm_period *period, struct hm_timer *timer);

/**
 * Cancel a timer of the running actor. One that is over, or was cancelled before, is ignored.
 *
 * Context: turn; neither blocks nor allocates.
 */
void hm_timer_cancel(struct hm_ctx *ctx, struct hm_timer timer);

/* ---- Inspect ------------------------------------------------------------- */

/**
 * The running actor.
 *
 * Context: turn.
 *
 * @return its PID
 */
struct hm_pid hm_self(const struct hm_ctx *ctx);

/**
 * The running actor's parent.
 *
 * Context: turn.
 *
 * @return another actor, or the guardian /user or /system, which takes no messages
 */
struct hm_pid hm_parent(const struct hm_ctx *ctx);

/**
 * Sender of the message that is being received.
 *
 * Context: turn.
 *
 * @return its PID; nobody if the message has none
 */
struct hm_pid hm_sender(const struct hm_ctx *ctx);

/**
 * Until when the answer to the message that is being received is waited for: what takes longer need not be begun.
 *
 * Context: turn.
 *
 * @return nanoseconds, to be compared with hm_now_ns; UINT64_MAX: no end is known, since it is no request of a future
 *         (hm_future.h) or of an external thread, came from another node, or was handed on
 */
uint64_t hm_deadline_ns(struct hm_ctx *ctx);

/**
 * The system that the actor belongs to.
 *
 * Context: turn. Ownership: that of its creator; it outlives the actor.
 *
 * @return the system; never NULL
 */
struct hm_system *hm_system(const struct hm_ctx *ctx);

/**
 * The time: nanoseconds of CLOCK_MONOTONIC, so that it compares with clock_gettime of other threads. Never goes
 * backwards on one lcore; lcores differ by less than a microsecond. In a stepped system with hm_config.clock, that
 * one's time. Reads the CPU's time stamp counter, 10 to 35 ns; about once a second it is compared with
 * CLOCK_MONOTONIC.
 *
 * Context: turn.
 *
 * @return nanoseconds
 */
uint64_t hm_now_ns(struct hm_ctx *ctx);

/**
 * The lcore that the actor lives on, which may be another one after HM_MOVED (hm_move.h).
 *
 * Context: turn.
 *
 * @return its index, below hm_system_lcores
 */
uint32_t hm_lcore(const struct hm_ctx *ctx);

/**
 * Children of the running actor whose HM_TERMINATED it has not received yet.
 *
 * Context: turn.
 *
 * @return how many
 */
uint32_t hm_children_count(const struct hm_ctx *ctx);

/**
 * Messages that wait in the running actor's mailbox.
 *
 * Context: turn.
 *
 * @return how many, without the one that is being received
 */
uint32_t hm_mailbox_count(const struct hm_ctx *ctx);

#ifdef __cplusplus
}
#endif

#endif /* HM_ACTOR_H */
