/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTKIT_PVT_H
#define TESTKIT_PVT_H

/*
 * The structures of the test kit.
 *
 *     kit ─┬─ system, clock, order of steps             step.c
 *          ├─ failure that is still to be told          kit_fail.c
 *          └─ probes ─▶ messages, oldest first ◀─ actor of the probe (probe.c)
 *                             └─▶ handed out ─▶ done, freed in the probe's turn
 *
 * The lock is for kits in real time, whose probes run on other threads; otherwise nobody contends for it.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "hm_testkit.h"
#include "lcore_pvt.h"

struct hmi_explorer;

/* A type of the engine's own: behind those of routers. Body: struct hmi_probe_call *. */
#define HMI_KIT_CALL (HM_TYPE_RESERVED + 128u)

/* Turns in a row without work after which an lcore has nothing to do but wait for timers. */
#define HMI_KIT_QUIET 3u
#define HMI_KIT_TEXT  2048u

/* A message that a probe has. */
struct hmi_probe_msg {
	struct hmi_probe_msg *next;
	struct hm_msg *msg;
	bool is_kept; /* it is of the pool; else behind this structure */
};

/* Something for a probe to do in its turn. */
struct hmi_probe_call {
	struct hmi_probe_call *next;
	hm_probe_do_fn *fn; /* NULL: nobody waits for it any more */
	void *arg;
	bool is_done;
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
	uint32_t next;                 /* lcore that is looked at first */
	uint8_t quiet[HM_LCORES_MAX];  /* turns without work since there was some */
	uint32_t fixed[HM_LCORES_MAX]; /* processes that every lcore starts with */
	struct hmi_explorer *explorer; /* says the order; NULL: config.order does */
	struct hm_probe *probes;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t came; /* a message, or the end of a call, to a probe */
	uint64_t failures;   /* that were told */
	bool has_failed;     /* `text` is still to be told; under the lock */
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

/* ---- probe.c ---- */

/* What was handed out goes back; the lock is held. */
void hmi_probe_put_back(struct hm_probe *probe);

/* No lcore runs any more. */
void hmi_probe_free(struct hm_probe *probe);

/* ---- leftover.c ---- */

/* All have stopped: look at the accounts. Returns false after a failure. */
bool hmi_kit_accounts(struct hm_kit *kit);

/* Remember what every lcore starts with. */
void hmi_kit_baseline(struct hm_kit *kit);

/* ---- explore.c ---- */

/* The lcore of the next step, after some have had no work; UINT32_MAX: none has any. */
uint32_t hmi_explorer_pick(struct hmi_explorer *explorer, struct hm_kit *kit);

/* It has had work. */
void hmi_explorer_took(struct hmi_explorer *explorer, uint32_t lcore);

/* Leave the scenario: it has failed. */
__attribute__((noreturn)) void hmi_explorer_failed(struct hmi_explorer *explorer, const char *text);

#endif /* TESTKIT_PVT_H */
