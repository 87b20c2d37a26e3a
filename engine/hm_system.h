/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_SYSTEM_H
#define HM_SYSTEM_H

/**
 * @file
 * The system: everything of one node, from start-up to tear-down.
 *
 *     hm_system_create(argc, argv) ──▶ hm_type_register ──▶ hm_system_spawn ──▶ hm_system_run
 *                                                                                    │
 *     hm_system_destroy ◀──────────────── all actors stopped ◀── hm_system_stop, SIGINT, SIGTERM
 *
 * Everything hangs off the system; several may live in one process. EAL is started once per
 * process: by the first system, which ends it with the process, or by the program before it.
 *
 * Who may call what: create, register, run and destroy: one thread, in this order.
 * The rest: external threads, which are no lcore of the system, as long as the system exists;
 * hm_system_stop also actors. A NULL system or argument is -EINVAL to a call that returns an errno
 * (of <errno.h>, which these headers do not include), unless its description says that NULL is allowed.
 * The calls under "Inspect" that return no errno must not be given one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hm_actor.h"
#include "hm_dead_letter.h"
#include "hm_msg.h"
#include "hm_result.h"
#include "hm_stall.h"
#include "hm_supervisor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hm_system;
struct hm_module;

/** What an option's value is. */
enum hm_option_kind {
	HM_OPTION_FLAG,   /**< `bool`, no value on the command line */
	HM_OPTION_NUMBER, /**< `uint64_t`, between min and max */
	HM_OPTION_TEXT,   /**< `const char *` into argv */
	HM_OPTION_CALL,   /**< `int (*)(void *arg, const char *value)`: call, whose arg is value */
};

/** One command line option, `--name` or `--name VALUE`. */
struct hm_option {
	const char *name; /**< without dashes, not used by the engine or a module; NULL ends a table */
	const char *help; /**< one line */
	enum hm_option_kind kind; /**< of its value */
	/** Where the value goes, by kind; for HM_OPTION_CALL handed to the function. */
	void *value;
	uint64_t min; /**< the least number that may be given; numbers only */
	uint64_t max; /**< the greatest */
	/** HM_OPTION_CALL only: 0, or a negative errno that makes start-up fail. */
	int (*call)(void *arg, const char *value);
};

/** Who runs the lcores. */
enum hm_mode {
	/** One thread for each EAL lcore, hm_system_run's caller among them. */
	HM_MODE_LCORES = 0,
	/** As above without the main lcore: hm_system_start returns, the caller stays free. */
	HM_MODE_BACKGROUND,
	/**
	 * No thread: the caller turns all lcores by hm_system_turn. For tests and simulation. Calls of other
	 * threads wait for the end of a turn; actors may spawn and stop by the calls of external threads, too.
	 */
	HM_MODE_STEPPED,
};

/** Where a stepped system takes the time from. */
struct hm_clock {
	/**
	 * The time in nanoseconds, which never goes back; NULL: the machine's clock. Called while the system is
	 * created and, at any time, within turns: for timers, for hm_now_ns, and to bound the time of a turn.
	 */
	uint64_t (*read)(void *arg);
	void *arg; /**< for read */
};

/** Start-up settings of a program; zeroed fields mean the default. */
struct hm_config {
	/** The program's own options, parsed beside the system's; may be NULL. */
	const struct hm_option *options;
	/** Parts built on top, such as &hm_net_module, ending with NULL; may be NULL. */
	const struct hm_module *const *modules;
	/** One line about the program, for --help; may be NULL. */
	const char *summary;
	enum hm_mode mode; /**< who runs the lcores */
	/** Lcores to use; 0: all of EAL's. In HM_MODE_STEPPED any number, default 1. */
	uint32_t lcores;
	/**
	 * Of them, the last ones, kept for actors that ask for them, by HM_LCORE_OWN or HM_LCORE(index): fewer than there
	 * are lcores. --reserve overrides it.
	 */
	uint32_t reserve;
	/**
	 * Milliseconds between two looks of the balancer (hm_balance.h), up to HM_BALANCE_MS_MAX; 0: there is none. --balance
	 * overrides it.
	 */
	uint32_t balance_ms;
	/**
	 * Memory of all messages, in bytes, at most; 0: the default, 1 GiB or a quarter of the machine's RAM,
	 * whichever is less. Backed as it is used. From 256 KiB to 256 GiB; --memory overrides it.
	 */
	uint64_t memory;
	/**
	 * For HM_MODE_STEPPED: where the system's random numbers come from, among them the node's id. With the
	 * same seed, a clock that shows the same, and the same calls it does the same again. 0: from the kernel.
	 * --seed overrides it.
	 */
	uint64_t seed;
	/** For HM_MODE_STEPPED: a clock of the program's own, such as that of a simulation. */
	struct hm_clock clock;
	/** What becomes of actors without a parent that fail, those of hm_system_spawn; NULL: hm_supervisor_default. */
	const struct hm_supervisor *supervisor;
	/** At least so many messages of 24 bytes of body: raises memory if that is less, but not --memory. */
	uint32_t messages;
	/**
	 * Milliseconds after which a turn of an lcore is reported that has not ended (hm_stall.h), up to 3,600,000; 0: the
	 * default, 1,000; HM_STALL_NEVER: none is. --stall overrides it.
	 */
	uint32_t stall_ms;
	/** Called for each such report, beside the log; NULL: nothing is. */
	hm_stall_fn *on_stall;
	void *on_stall_arg; /**< for on_stall */
};

/** Counters of a system or of one of its lcores, all since start-up. */
struct hm_stats {
	uint64_t turns;    /**< of the worker loop */
	uint64_t sent;     /**< by actors, timers and external threads, and dead letters published */
	uint64_t received; /**< by receive and reply functions, and by external threads that wait */
	uint64_t spawned;  /**< actors */
	uint64_t stopped;  /**< actors, for whatever reason */
	/** Sends and hm_msg_new refused since the memory of messages, or for a timer, was used up. */
	uint64_t no_memory;
	uint64_t
		reserved; /**< messages of actors to themselves that were made all the same, from the reserve */
	uint64_t timers_delayed;  /**< times that a timer was due and found no memory: it came later */
	uint64_t offloaded;       /**< calls handed to the offload pool: hm_offload.h */
	uint64_t offload_refused; /**< calls refused since too many waited: --offload-queue */
	uint64_t failed; /**< failures of actors, those among them that their parents have escalated */
	uint64_t mutes; /**< times that an actor had to wait for a receiver, or for its lcore: hm_mailbox.h */
	uint64_t overloads; /**< times that a mailbox had too many messages */
	uint64_t circles;   /**< times that an actor was released since it waited for itself */
	uint64_t restarted; /**< restarts of actors */
	uint64_t moved;     /**< moves of actors between lcores: hm_move.h */
	uint64_t stalls;    /**< turns that took longer than --stall says: hm_stall.h */
	/**
	 * Functions of hm_ask and its like that were not called: their actor ended or restarted before. Among them are the
	 * engine's own, of selections that go on in later turns, and of the phases of the stop.
	 */
	uint64_t continuations_dropped;
	uint64_t
		futures_evicted; /**< results that were no longer kept, since an lcore had too many: hm_future.h */
	/** messages whose headers were dropped: on the way to another node, or, without memory, of a dead letter */
	uint64_t headers_dropped;
	/**
	 * events that subscribers have not got, since too many were in flight, or without memory; or stalls that nobody was told
	 * of, since the inject ring was full: hm_event_stream.h
	 */
	uint64_t events_dropped;
	uint64_t holds_expired;         /**< what workers held longer than they may: hm_workers.h */
	uint64_t dead[HM_DEAD_REASONS]; /**< dead letters, by enum hm_dead_reason */
};

/* ---- Set-up --------------------------------------------------------------- */

/**
 * Start a node: EAL, message memory, lcores' structures, modules. Nothing runs yet.
 *
 * The command line is `program [EAL options] -- [options]`; without `--`, all are EAL's, but
 * for `--help`. Without any EAL option the node starts without PCI devices and without files
 * in /var/run. Without free hugepages `--no-huge` is added.
 *
 * Errors are printed to standard error, one line, naming the thing and the fix. Those of the other
 * functions are not: the program prints them.
 *
 * From DPDK 25.11 on EAL itself ends the process, rather than this function return -EINVAL, when an EAL option
 * is unknown, misses its value or stands twice; the line is printed all the same, and the exit status is 2.
 *
 * Context: in HM_MODE_LCORES SIGINT and SIGTERM are blocked from here on, and wait for hm_system_run.
 * Ownership: the system is the caller's, who frees it by hm_system_destroy. @p config is read only here; what it
 * points to, and the texts of @p argv, must outlive the system.
 *
 * @param[out] sys  the system; NULL on error
 * @param argc,argv as given to main; 0 and NULL: no options
 * @param config    may be NULL
 * @return 0; -EINVAL: wrong option or value, no lcore that is not reserved, a mode that there is not, an option of a name that is taken, more than 8 modules, a seed or a
 *         clock for a system that is not stepped, EAL does not start, or @p sys is NULL, which is not printed;
 *         -ECANCELED: --help was printed; -ENODEV: an lcore or port that does not exist; -ENOMEM: not enough
 *         memory; -EAGAIN: no thread for the offload pool; -EBUSY:
 *         another process uses EAL's file prefix, or --stall finds no real-time signal without a handler; -ENOSPC: no room for EAL's files; -ENOENT
 *         or another errno: the file of --deploy cannot be read; -EACCES,
 *         -EROFS or another errno of their folder: EAL cannot keep files there; what a module's create or
 *         start has returned
 */
__attribute__((warn_unused_result))
int hm_system_create(struct hm_system **sys, int argc, char **argv, const struct hm_config *config);

/**
 * Exit status for a return value of this header.
 *
 * Context: any thread.
 *
 * @return 0: for 0 and --help; 2: a wrong option; 1: anything else
 */
__attribute__((warn_unused_result))
int hm_exit_status(int rc);

/**
 * Spawn a child of the guardian /user. Waits until the actor's slot exists, not until it started.
 *
 * Context: an external thread; blocks until lcore 0 has turned, in HM_MODE_STEPPED until nobody turns. Ownership: as
 * of hm_spawn.
 *
 * @param name  as in hm_spawn; its path is "/user/name"
 * @param args  as in hm_spawn
 * @return as hm_spawn; -ESHUTDOWN: the system stops, or has stopped; -EDEADLK: called on an lcore of
 *         the running system; -EINVAL also: @p sys is NULL
 */
__attribute__((warn_unused_result))
int hm_system_spawn(struct hm_system *sys, const struct hm_props *props, const char *name, const void *args,
		    struct hm_pid *pid);

/**
 * Spawn a child of the guardian /system: for what serves the program's actors, such as actors of modules, which
 * spawn them in their start function. It stops when the last actor under /user has stopped.
 *
 * Context: as hm_system_spawn. Ownership: as of hm_spawn.
 *
 * @param name  as in hm_spawn; its path is "/system/name"
 * @param args  as in hm_spawn
 * @return as hm_system_spawn
 */
__attribute__((warn_unused_result))
int hm_system_spawn_system(struct hm_system *sys, const struct hm_props *props, const char *name,
			   const void *args, struct hm_pid *pid);

/* ---- Run ------------------------------------------------------------------ */

/**
 * Run the lcores (HM_MODE_LCORES), the caller's thread among them, until the system stopped.
 * SIGINT and SIGTERM stop it, also those that have come since hm_system_create. A second one does not wait for
 * the actors, whoever has asked for the stop first; within 200 ms after the first it is taken for the same, since terminals and wrappers signal a
 * process and its group. If a receive function has not returned half a second after the second one, the process
 * ends by _exit, with status 128 plus the signal's number (130 for SIGINT), and standard error names the actor and
 * the type of its message: beside a stuck actor, within a second of the second signal. With --stop-timeout-ms the
 * end of that time is the same as a second SIGTERM.
 *
 * Context: the thread that created the system; blocks.
 *
 * @return 0: every actor stopped in order; -EINTR: forced; -EINVAL: another mode, it has run before, or @p sys is
 *         NULL; -EBUSY: other systems run on too many of EAL's lcores, try again when one has stopped; -EAGAIN,
 *         or another errno of pthread_create: no thread to look for stalls, try again; or none to wait for signals,
 *         and the system has stopped
 */
__attribute__((warn_unused_result))
int hm_system_run(struct hm_system *sys);

/**
 * Run the lcores (HM_MODE_BACKGROUND) and return. No signal stops them. A program that wants that
 * blocks SIGINT and SIGTERM before hm_system_create, and calls hm_system_stop after sigwait; not in a
 * handler, where it is not safe.
 *
 * Context: the thread that created the system; does not block.
 *
 * @return 0; -EBUSY: other systems run on too many of EAL's lcores, try again when one has stopped; -EINVAL: another
 *         mode, it was started before, or @p sys is NULL; -EAGAIN, or another errno of pthread_create: no thread to
 *         look for stalls, try again
 */
__attribute__((warn_unused_result))
int hm_system_start(struct hm_system *sys);

/**
 * Wait until a system started by hm_system_start has stopped, calls by its offload pool among it (hm_offload.h). This
 * thread names an lcore 0 that is stuck while the system stops.
 *
 * Context: the thread that created the system; blocks.
 *
 * @return 0: every actor stopped in order; -EINTR: forced, by --stop-timeout-ms; -EINVAL: another mode, it was not
 *         started, it was joined already, or @p sys is NULL
 */
__attribute__((warn_unused_result))
int hm_system_join(struct hm_system *sys);

/**
 * Run one turn of every lcore on this thread (HM_MODE_STEPPED).
 *
 * Context: any thread; waits for the turn, or the call, of another one; runs receive functions.
 *
 * @return units of work done; 0: nothing to do but wait for timers, or the stop was forced (--stop-timeout-ms)
 */
uint32_t hm_system_turn(struct hm_system *sys);

/**
 * Ask the system to stop: in phases (hm_shutdown.h), of which the last stop all actors, children first, those under
 * /user before those under /system; and then its lcores. Asking twice is asking once.
 *
 * Context: any thread, actors included, from the creation of the system on; does not wait for the stop, but in
 * HM_MODE_STEPPED for the end of a turn of another thread. NULL is ignored. Until the actors' phase the system goes on.
 */
void hm_system_stop(struct hm_system *sys);

/* ---- External threads: those that are no lcore ----------------------------- */

/**
 * Send a message from a thread that is no lcore. Never blocks. What is sent before the system runs
 * waits for it; what is still under way when it stops becomes a dead letter.
 *
 * Context: an external thread; does not block. Allocates only to send to another node when message memory has just
 * run out: what carries the message there then comes from the heap. Ownership: the body stays the caller's.
 *
 * @return HM_OK; HM_WOULD_BLOCK: the lcore's inject ring or the receiver's mailbox
 *         (hm_mailbox.h) is full; HM_NO_RECEIVER: nobody, an lcore
 *         or node that does not exist, or the system has stopped; HM_INVALID: @p sys is NULL; as hm_send
 *         otherwise
 */
enum hm_result hm_system_send(struct hm_system *sys, struct hm_pid to, uint16_t type, const void *body);

/**
 * As hm_system_send, but wait while the receiver's mailbox or the inject ring is full, or message memory is used up.
 *
 * Context: an external thread; blocks. In HM_MODE_STEPPED another thread has to turn the lcores. Ownership: as
 * hm_system_send.
 *
 * @param timeout_us  microseconds to wait at most, and a millisecond more; 0: as hm_system_send
 * @return as hm_system_send; HM_WOULD_BLOCK or HM_NO_MEMORY: not in time
 */
enum hm_result hm_system_send_wait(struct hm_system *sys, struct hm_pid to, uint16_t type, const void *body,
				   uint64_t timeout_us);

/** Answer to a request of an external thread. */
struct hm_reply {
	uint16_t type;   /**< of the answer */
	uint32_t length; /**< of the answer's body, in bytes */
	void *body;      /**< in: where to copy it, a protobuf message with all that it points to */
	uint32_t size;   /**< in: bytes at @p body, which is aligned to 8 */
};

/**
 * Send a request and wait for its answer. The deadline is kept though an lcore be stuck.
 *
 * Context: an external thread; blocks until the answer, the deadline, or the stop of the system; allocates.
 * Ownership: body and @p reply stay the caller's; neither is touched after the return.
 *
 * @param timeout_us  microseconds
 * @param reply       filled on success; NULL: the answer is not wanted
 * @return 0; -ETIMEDOUT; -ENOENT: dead letter; -EMSGSIZE: the answer is longer than
 *         reply->size; -EAGAIN: overloaded; -ENOMEM: no slot; -EINVAL: unknown type or nobody;
 *         -ESHUTDOWN: the system stops, or has stopped; -EDEADLK: called on an lcore of the system,
 *         the system does not run yet, or it is an HM_MODE_STEPPED one
 */
__attribute__((warn_unused_result))
int hm_system_ask(struct hm_system *sys, struct hm_pid to, uint16_t type, const void *body,
		  uint64_t timeout_us, struct hm_reply *reply);

/**
 * Stop a process, as hm_stop.
 *
 * Context: an external thread; does not block.
 *
 * @return 0, also when the system has stopped; -EAGAIN: overloaded, try again; -EINVAL: @p sys is NULL
 */
__attribute__((warn_unused_result))
int hm_system_stop_actor(struct hm_system *sys, struct hm_pid who);

/* ---- Inspect: any thread, the answer may be stale ------------------------- */

/**
 * Find an actor of this node by its path, such as "/user/orders". Lock-free, but for registering a thread
 * that is no lcore as an RCU reader for the time of the call.
 *
 * Context: any thread, as long as the system exists; does not allocate. Ownership: the path is only read.
 *
 * @param path      of less than HM_PATH_MAX characters
 * @param[out] pid  untouched on error
 * @return 0; -ENOENT: no actor has this path; -EINVAL: an argument is NULL
 */
__attribute__((warn_unused_result))
int hm_lookup(const struct hm_system *sys, const char *path, struct hm_pid *pid);

/**
 * Sum of all lcores' counters.
 *
 * Context: any thread.
 *
 * @param sys         must not be NULL
 * @param[out] stats  must not be NULL
 */
void hm_system_stats(const struct hm_system *sys, struct hm_stats *stats);

/**
 * Lcores of the system.
 *
 * Context: any thread.
 *
 * @return how many
 */
uint32_t hm_system_lcores(const struct hm_system *sys);

/**
 * Id of this incarnation of the node.
 *
 * Context: any thread.
 *
 * @return the id; never 0
 */
uint64_t hm_system_node(const struct hm_system *sys);

/**
 * A random number, from the kernel or from the seed of the configuration.
 *
 * Context: the creating thread, before the system runs: a module's start. In HM_MODE_STEPPED actors, too.
 *
 * @return the number
 */
uint64_t hm_system_random(struct hm_system *sys);

/**
 * Name of the node, set by --node. Nodes that connect need different names.
 *
 * Context: any thread. Ownership: the text is the system's, as long as it exists.
 *
 * @return the name; "node" without --node; never NULL
 */
const char *hm_system_name(const struct hm_system *sys);

/**
 * PID of /deadLetters: what is sent there is a dead letter.
 *
 * Context: any thread.
 *
 * @return the PID
 */
struct hm_pid hm_system_dead_letters(const struct hm_system *sys);

/* ---- Tear-down ------------------------------------------------------------ */

/**
 * Free a system that does not run (any more). NULL is allowed. One that runs in lcores of its own ends the process, with a
 * message: stop it and wait for it before, by hm_system_stop and hm_system_join.
 *
 * Context: the thread that created the system; no other one uses it any more. What is still under way becomes
 * dead letters.
 */
void hm_system_destroy(struct hm_system *sys);

#ifdef __cplusplus
}
#endif

#endif /* HM_SYSTEM_H */
