/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSTEM_PVT_H
#define SYSTEM_PVT_H

/*
 * The structure of a system: what all its lcores share.
 *
 *     hm_system ─┬─ constant while it runs: types, pool, options, clock, provider, parts
 *                ├─ atomic: node table, paths and subscriptions (RCU), state
 *                └─ lcores[] ─▶ hm_ctx, of one owner each (lcore_pvt.h)
 */

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "clock_pvt.h"
#include "control_thread_pvt.h"
#include "event_stream_pvt.h"
#include "full_pvt.h"
#include "hm_dead_letter.h"
#include "hm_idle.h"
#include "hm_provider.h"
#include "hm_shutdown.h"
#include "hm_system.h"
#include "node_table_pvt.h"
#include "offload_pvt.h"
#include "parts_pvt.h"
#include "path_pvt.h"
#include "pool_pvt.h"

#define HMI_MODULES_MAX 8u
#define HMI_SCHEME      "hermod://"
/* Of messages: four chunks, and what an index of 32 bits tells apart. */
#define HMI_MEMORY_MIN (UINT64_C(256) << 10)
#define HMI_MEMORY_MAX (UINT64_C(256) << 30)
/* Of a buffer: what a body may have nearly as well, and what a length of 32 bits holds. */
#define HMI_MESSAGE_MAX_MIN     (UINT64_C(64) << 10)
#define HMI_MESSAGE_MAX_MAX     (UINT64_C(1) << 30)
#define HMI_MESSAGE_MAX_DEFAULT (UINT64_C(8) << 20)

/* Slots of the processes that every lcore has. */
#define HMI_SLOT_LCORE        0u
#define HMI_SLOT_USER         1u /* lcore 0 only */
#define HMI_SLOT_DEAD_LETTERS 2u /* lcore 0 only */
#define HMI_SLOT_ROOT         3u /* lcore 0 only */
#define HMI_SLOT_SYSTEM       4u /* lcore 0 only */
#define HMI_SLOT_TEMP         5u /* lcore 0 only */
#define HMI_SLOT_EVENT_STREAM 6u /* lcore 0 only */

enum hmi_state {
	HMI_CREATED = 0, /* no lcore runs: the creating thread may touch everything */
	HMI_RUNNING,
	HMI_STOPPED,
};

struct hmi_module_slot {
	const struct hm_module *module;
	void *self;
	bool started;
};

struct hmi_options {
	const char *node;
	const char *idle_name;
	enum hm_idle idle;
	uint64_t lcores, reserve, memory, message_max, quantum, quantum_us, lane, inject, seed,
		offload_threads, offload_queue, mailbox, stall, balance_ms;
	uint64_t stop_timeout_ms, phase_timeout_ms;
	bool help, contain, record_all;
};

/* Of mailboxes without marks of their own. */
struct hmi_marks {
	uint32_t look;  /* messages from which on a mailbox is looked at closely */
	uint32_t high;  /* messages beyond which it is overloaded; ... */
	uint64_t bytes; /* ... or, beyond `look`, bytes */
};

struct hmi_deploy;
struct hmi_router_table;
struct hmi_task;

/* The stop in phases. */
struct hmi_shutdown {
	pthread_mutex_t lock;                    /* of what follows, up to `begun` */
	struct hmi_task *tasks;                  /* that have not begun */
	uint64_t serial;                         /* of the last one that was added */
	uint64_t timeout_us[HM_SHUTDOWN_PHASES]; /* 0: as by the option */
	uint32_t begun;                          /* phases */
	/* lcore 0's */
	struct hmi_task *running;
	uint64_t *turns; /* of each lcore, when the phase began */
	uint64_t phase_timeout_us;
	enum hm_shutdown_phase phase;
	uint32_t guardians_stopped; /* in phases below this */
	bool is_asked, has_begun;
};

struct hm_system {
	struct hm_ctx **lcores;
	uint32_t lcores_count, lcores_shared; /* that there are; and that are not reserved */
	/* Bits of reserved lcores that an actor has for itself. They order nothing. */
	_Atomic uint64_t lcores_owned[(HM_LCORES_MAX + 63) / 64];
	uint64_t node;
	uint64_t random; /* state of hm_system_random */
	struct hmi_types *types;
	const struct hmi_parts *parts;
	struct hmi_paths paths;
	struct hmi_pool pool;
	struct hmi_msg_cache external; /* for threads that are no lcore: without magazines */
	struct hmi_clock clock;
	struct hmi_offload offload;
	struct hmi_options options;
	struct hmi_stalls *stalls; /* NULL: nobody looks for any */
	hm_stall_fn *on_stall;
	void *on_stall_arg;
	_Atomic(struct hmi_router_table *) *routers; /* by lcore and slot: see router_pvt.h */
	struct hmi_deploy *deploy;                   /* settings by path; NULL: none */
	struct hmi_shutdown shutdown;
	const struct hm_provider_ops *provider_ops;
	void *provider;
	uint32_t provider_lcore;
	struct hm_pid root, user, system; /* guardians */
	struct hm_pid temp, dead_letters, event_stream;
	struct hm_pid first; /* the child of /user with which the system ends (program.c); nobody: none */
	bool has_failed; /* it has failed for good, or a failure went beyond /user; read when no lcore runs any more */
	struct hmi_path *temp_path; /* entry of /temp */
	enum hm_mode mode;
	struct hmi_module_slot modules[HMI_MODULES_MAX];
	uint32_t modules_count;
	const char *summary;
	const struct hm_option *app_options;
	struct hm_stream *streams;               /* all that are not freed; of who holds `control` */
	struct hmi_system_extension *extensions; /* newest first; constant while it runs */
	int logtype, actors_logtype;
	char name[16];                      /* prefix of what DPDK wants named */
	uint16_t eal_lcores[HM_LCORES_MAX]; /* by index, from launch to finish */
	sem_t ended;                        /* posted by each launched lcore at its end */
	struct hmi_control_thread signals;
	bool signals_blocked, faults_caught;
	_Atomic bool signals_end; /* the thread that takes them is to end */
	sigset_t signals_before;  /* of the thread that created the system */
	_Atomic int state;        /* enum hmi_state */
	_Atomic bool stop_asked;
	_Atomic bool forced;
	_Atomic bool actors_gone;
	struct hmi_node_table nodes;
	_Atomic uint64_t external_sent, external_no_memory, external_events_dropped, stalled;
	_Atomic uint64_t
		warned_ticks; /* when the last warning of used up memory was logged, by the clock; 0: never */
	struct hmi_marks marks;
	struct hmi_full full;
	struct hmi_event_stream events;
	struct hm_props guardian; /* of /user */
	pthread_mutex_t
		control; /* serialises control calls of external threads, and stepped turns; recursive */
	_Atomic uint32_t control_wanted; /* by so many external threads: the next stepped turn waits */
};

/* Whether the local part of a PID is that of a guardian, which the whole system depends on. */
static inline bool
hmi_is_guardian(const struct hm_system *sys, uint64_t local)
{
	return local == sys->user.local || local == sys->system.local || local == sys->root.local;
}

#endif /* SYSTEM_PVT_H */
