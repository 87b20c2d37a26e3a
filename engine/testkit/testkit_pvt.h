/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTKIT_PVT_H
#define TESTKIT_PVT_H

/*
 * The structures of the test kit.
 *
 *     kit ─┬─ system, clock, order of steps             step.c
 *          ├─ failure that is still to be told          kit_fail.c
 *          ├─ a look at each lcore, by itself           count.c
 *          └─ probes ─▶ messages, oldest first ◀─ actor of the probe (probe.c)
 *                             └─▶ handed out ─▶ done, freed in the probe's turn
 *
 * The lock is for kits in real time, whose probes run on other threads; otherwise nobody contends for it.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "ask_pvt.h"
#include "hm_testkit.h"
#include "lcore_pvt.h"

struct hmi_explorer;

/* A type of the engine's own: behind those of routers. Body: struct hmi_probe_call *. */
#define HMI_KIT_CALL (HM_TYPE_RESERVED + 128u)

/* Turns in a row without work after which an lcore has nothing to do but wait for timers. */
#define HMI_KIT_QUIET 3u
#define HMI_KIT_TEXT  2048u
/* A failure as it is told: with its line, and how to repeat it. */
#define HMI_KIT_TOLD  (HMI_KIT_TEXT + 512u)
#define HMI_KIT_NAMES 640u

/* A message that a probe has. */
struct hmi_probe_msg {
	struct hmi_probe_msg *next;
	struct hm_msg *msg;
	bool is_kept; /* it is of the pool; else behind this structure */
};

/* What has become of a call. Who waits for it may not leave while it runs: its argument is the test's. */
enum hmi_probe_call_state {
	HMI_PROBE_CALL_WAITS = 0,
	HMI_PROBE_CALL_RUNS,
	HMI_PROBE_CALL_LEFT, /* its function has failed */
	HMI_PROBE_CALL_DONE,
};

/* Something for a probe to do in its turn. */
struct hmi_probe_call {
	struct hmi_probe_call *next;
	hm_probe_do_fn *fn; /* NULL: nobody waits for it any more */
	void *arg;
	enum hmi_probe_call_state state; /* under the kit's lock */
};

/* What is left on one lcore, as it has counted itself: count.c. */
struct hmi_kit_look {
	struct hmi_call call; /* first */
	struct hm_kit *kit;
	/* Under the kit's lock: */
	bool is_asked; /* the lcore has still to answer */
	uint64_t timers, processes, guardians;
};

struct hm_probe {
	struct hm_kit *kit;
	struct hm_probe *next;
	struct hm_props props;
	struct hm_pid pid;
	struct hm_pid sender; /* of the message that was last handed out */
	/* Under the kit's lock: */
	struct hmi_probe_msg *first,
		**end; /* that nobody has asked for, oldest first; and where the next one goes */
	struct hmi_probe_msg *current; /* handed out last */
	struct hmi_probe_msg *done;    /* to be freed in a turn */
	struct hmi_probe_call *calls;
	struct hmi_probe_call *running; /* that its actor does; written by its lcore alone */
	uint32_t count, ignored_count;
	uint16_t ignored[HM_KIT_IGNORED_MAX];
	bool has_ended;
	hm_probe_autopilot_fn *autopilot;
	void *autopilot_arg;
	char name[HM_NAME_MAX + 1];
};

struct hm_kit {
	struct hm_system *sys;
	struct hm_kit_config config;
	uint64_t seed, random; /* as given, or chosen; and the state of the order's chance */
	uint64_t now_ns;
	struct hm_ctx *turning; /* whose turn lasts; NULL: none */
	bool by_message, has_started;
	bool is_ending;                /* in hm_kit_end: failures are told when all is free */
	uint32_t next;                 /* lcore that is looked at first */
	uint8_t quiet[HM_LCORES_MAX];  /* turns without work since there was some */
	uint32_t fixed[HM_LCORES_MAX]; /* processes that every lcore starts with */
	struct hmi_explorer *explorer; /* says the order; NULL: config.order does */
	struct hm_probe *probes;
	struct hmi_probe_call *awaited; /* in steps: that the test waits for; NULL: none */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t came; /* a message, or the end of a call, to a probe; or the answer of an lcore */
	struct hmi_kit_look looks[HM_LCORES_MAX];
	uint32_t named;            /* actors that the looks have found, and those among them in `names` */
	char names[HMI_KIT_NAMES]; /* ": /user/one, /user/two" */
	uint64_t failures;         /* that were told */
	bool has_failed;           /* `text` is still to be told; under the lock */
	char text[HMI_KIT_TEXT];
	const char *file; /* of the call that lasts; NULL: unknown */
	int line;
};

/* ---- kit.c ---- */

/* As hm_kit_create, for an explorer, or for nobody. */
int hmi_kit_create(struct hm_kit **kit, const struct hm_kit_config *config, struct hmi_explorer *explorer);

/* Free all without looking at anything; the system under its actors. */
void hmi_kit_drop(struct hm_kit *kit);

/* Have lcores run that are threads. Returns false after a failure. */
bool hmi_kit_start(struct hm_kit *kit);

/* ---- kit_fail.c ---- */

/* Tell of the failure that waits, if any. Outside of turns, without the lock. Returns whether there was one. */
bool hmi_kit_tell(struct hm_kit *kit);

/* Take the failure that waits, and its text as it is to be told. Returns false: there is none. */
bool hmi_kit_failure_take(struct hm_kit *kit, char *text, size_t size);

/* Whether one waits. */
bool hmi_kit_has_failed(struct hm_kit *kit);

/*
 * Whether a public function may do its work: on the test's thread, and outside of turns, of which it would begin one. Returns false
 * after a failure.
 */
bool hmi_kit_may(struct hm_kit *kit, const char *function);

/* Tell of a failure as a configuration says. */
void hmi_kit_tell_text(const struct hm_kit_config *config, const char *text);

/* Misuse of a public function ends the process. */
void hmi_kit_check_pointer(const void *pointer, const char *function);

/* ---- step.c ---- */

/* Step, or let time pass up to `until_ns`. Returns false: it has come, and nothing is left to do; or after a failure. */
bool hmi_kit_go_on(struct hm_kit *kit, uint64_t until_ns, uint64_t *steps);

/* Whether an lcore seems to have something to do. */
bool hmi_kit_is_ready(const struct hm_kit *kit, uint32_t lcore);

/* The first lcore from `lcore` on that is not known to be quiet; UINT32_MAX: all are. */
uint32_t hmi_kit_unquiet(const struct hm_kit *kit, uint32_t lcore);

/* The time of now and some microseconds. */
uint64_t hmi_kit_until_ns(const struct hm_kit *kit, uint64_t us);

/* In real time: wait until something has come, with the lock held. Returns false: it is time. */
bool hmi_kit_wait(struct hm_kit *kit, uint64_t until_ns);

/* The thread of the test sleeps. */
void hmi_kit_sleep(uint64_t us);

/* ---- probe.c ---- */

/* What was handed out goes back; the lock is held. */
void hmi_probe_put_back(struct hm_probe *probe);

/* No lcore runs any more. */
void hmi_probe_free(struct hm_probe *probe);

/* ---- leftover.c ---- */

/* Dead letters of all reasons. */
uint64_t hmi_kit_dead(const struct hm_stats *stats);

/* All have stopped: look at the accounts. Returns false after a failure. */
bool hmi_kit_accounts(struct hm_kit *kit);

/* Messages whose memory is in use, of a system that runs no more, once what is under way is a dead letter. */
uint64_t hmi_kit_messages(struct hm_system *sys);

/* ---- count.c ---- */

/* Remember what every lcore starts with. */
void hmi_kit_baseline(struct hm_kit *kit);

/* Processes of an lcore that wait, but for actors. */
uint32_t hmi_kit_processes(const struct hm_ctx *ctx);

/* Nothing runs on an lcore: not yet, or not any more; or it is turned by the test. */
bool hmi_kit_is_at_rest(const struct hm_kit *kit, uint32_t lcore);

/* Have an lcore count what is left there, in kit->looks, and name actors. Returns false: it does not answer. */
bool hmi_kit_look(struct hm_kit *kit, uint32_t lcore);

/* ---- explore.c ---- */

/* The lcore of the next step, after some have had no work; UINT32_MAX: none has any. */
uint32_t hmi_explorer_pick(struct hmi_explorer *explorer, struct hm_kit *kit);

/* It has had work. */
void hmi_explorer_took(struct hmi_explorer *explorer, uint32_t lcore);

/* Leave the scenario: it has failed. */
__attribute__((noreturn)) void hmi_explorer_failed(struct hmi_explorer *explorer, const char *text);

#endif /* TESTKIT_PVT_H */
