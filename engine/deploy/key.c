/* SPDX-License-Identifier: Apache-2.0 */
#include "key_pvt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "hm_balance.h"
#include "hm_pid.h"
#include "hm_router.h"
#include "nearest_pvt.h"

/* A year. */
#define TIME_MAX_US (UINT64_C(366) * 24 * 3600 * 1000000)

struct word {
	const char *text; /* NULL: the end */
	uint64_t value;
};

struct key {
	const char *name;
	const char *form; /* of its values */
	const struct word *words;
	uint64_t min, max; /* of a number, or of microseconds; max is 0: only words */
	uint64_t plus;     /* what is added to a number */
	bool is_time;
	uint16_t at, size; /* of the member in struct hmi_deployed */
};

static const struct word lcore_words[] = { { "same", HM_LCORE_SAME },   { "any", HM_LCORE_ANY },
					   { "least", HM_LCORE_LEAST }, { "key", HM_LCORE_KEY },
					   { "own", HM_LCORE_OWN },     { NULL, 0 } };
static const struct word priority_words[] = {
	{ "normal", HM_ACTOR_NORMAL }, { "high", HM_ACTOR_HIGH }, { "low", HM_ACTOR_LOW }, { NULL, 0 }
};
static const struct word quantum_words[] = { { "default", 0 }, { NULL, 0 } };
static const struct word faults_words[] = { { "contain", HM_FAULTS_CONTAIN },
					    { "abort", HM_FAULTS_ABORT },
					    { NULL, 0 } };
static const struct word balance_words[] = { { "move", HM_BALANCE_MOVE },
					     { "stay", HM_BALANCE_STAY },
					     { NULL, 0 } };
static const struct word order_words[] = { { "fifo", HM_MAILBOX_FIFO },
					   { "control", HM_MAILBOX_CONTROL },
					   { NULL, 0 } };
static const struct word overflow_words[] = { { "mute", HM_OVERFLOW_MUTE },
					      { "reject", HM_OVERFLOW_REJECT },
					      { "drop-newest", HM_OVERFLOW_DROP_NEWEST },
					      { "drop-oldest", HM_OVERFLOW_DROP_OLDEST },
					      { NULL, 0 } };
static const struct word capacity_words[] = { { "unlimited", HM_MAILBOX_UNLIMITED }, { NULL, 0 } };
static const struct word directive_words[] = { { "restart", HM_DIRECTIVE_RESTART },
					       { "resume", HM_DIRECTIVE_RESUME },
					       { "stop", HM_DIRECTIVE_STOP },
					       { "escalate", HM_DIRECTIVE_ESCALATE },
					       { NULL, 0 } };
static const struct word scope_words[] = { { "one-for-one", HM_ONE_FOR_ONE },
					   { "all-for-one", HM_ALL_FOR_ONE },
					   { "rest-for-one", HM_REST_FOR_ONE },
					   { NULL, 0 } };
static const struct word restarts_words[] = { { "unlimited", HM_RESTARTS_UNLIMITED }, { NULL, 0 } };
static const struct word window_words[] = { { "forever", 0 }, { NULL, 0 } };
static const struct word delay_words[] = { { "none", 0 }, { NULL, 0 } };
static const struct word no_words[] = { { NULL, 0 } };

/* One more than the kind, so that 0 is none. */
static const struct word router_words[] = {
	{ "round-robin", HM_ROUTER_ROUND_ROBIN + 1 },     { "random", HM_ROUTER_RANDOM + 1 },
	{ "broadcast", HM_ROUTER_BROADCAST + 1 },         { "smallest", HM_ROUTER_SMALLEST + 1 },
	{ "balancing", HM_ROUTER_BALANCING + 1 },         { "first", HM_ROUTER_FIRST + 1 },
	{ "tail-chopping", HM_ROUTER_TAIL_CHOPPING + 1 }, { NULL, 0 }
};

#define MEMBER(m) .at = offsetof(struct hmi_deployed, m), .size = sizeof(((struct hmi_deployed *)0)->m)
#define A_TIME    "a time with its unit, us, ms, s, min or h, up to 8784h, as in 20ms"

static const struct key keys[HMI_KEYS] = {
	[HMI_KEY_LCORE] = { "lcore", "same, any, least, key, own, or the number of an lcore, 0 to 254",
			    lcore_words, 0, HM_LCORES_MAX - 1, HM_LCORE(0), MEMBER(props.lcore) },
	[HMI_KEY_PRIORITY] = { "priority", "high, normal or low", priority_words, MEMBER(props.priority) },
	[HMI_KEY_QUANTUM] = { "quantum", "a number of messages from 1 to 64, or default", quantum_words, 1,
			      HM_QUANTUM_MAX, MEMBER(props.quantum) },
	[HMI_KEY_QUANTUM_TIME] = { "quantum-time", "a time from 1us to 40us, or default", quantum_words, 1,
				   HM_QUANTUM_US_MAX, .is_time = true, MEMBER(props.quantum_us) },
	[HMI_KEY_FAULTS] = { "faults", "contain or abort", faults_words, MEMBER(props.faults) },
	[HMI_KEY_BALANCE] = { "balance", "move or stay", balance_words, MEMBER(props.balance) },
	[HMI_KEY_STASH] = { "stash", "a number of messages from 1 to 4294967295", no_words, 1, UINT32_MAX,
			    MEMBER(props.stash) },
	[HMI_KEY_ROUTER] = { "router",
			     "round-robin, random, broadcast, smallest, balancing, first or tail-chopping: hash needs "
			     "a function, which a program has to name",
			     router_words, MEMBER(router) },
	[HMI_KEY_ROUTER_SIZE] = { "router-size", "a number of routees from 1 to 1024", no_words, 1,
				  HM_ROUTEES_MAX, MEMBER(router_size) },
	[HMI_KEY_MAILBOX_ORDER] = { "mailbox-order",
				    "fifo or control: the others need functions, which props have to name",
				    order_words, MEMBER(mailbox.order) },
	[HMI_KEY_MAILBOX_OVERFLOW] = { "mailbox-overflow", "mute, reject, drop-newest or drop-oldest",
				       overflow_words, MEMBER(mailbox.overflow) },
	[HMI_KEY_MAILBOX_CAPACITY] = { "mailbox-capacity",
				       "a number of messages from 1 to 4294967294, or unlimited",
				       capacity_words, 1, HM_MAILBOX_UNLIMITED - 1,
				       MEMBER(mailbox.capacity) },
	[HMI_KEY_MAILBOX_LOW] = { "mailbox-low", "a number of messages from 1 to 4294967293", no_words, 1,
				  HM_MAILBOX_UNLIMITED - 2, MEMBER(mailbox.low) },
	[HMI_KEY_SUPERVISOR] = { "supervisor", "restart, resume, stop or escalate", directive_words,
				 MEMBER(supervisor.directive) },
	[HMI_KEY_SUPERVISOR_SCOPE] = { "supervisor-scope", "one-for-one, all-for-one or rest-for-one",
				       scope_words, MEMBER(supervisor.scope) },
	[HMI_KEY_SUPERVISOR_RESTARTS] = { "supervisor-restarts", "a number from 0 to 1000, or unlimited",
					  restarts_words, 0, HM_RESTARTS_MAX, MEMBER(supervisor.restarts) },
	[HMI_KEY_SUPERVISOR_WINDOW] = { "supervisor-window", A_TIME ", or forever", window_words, 1,
					TIME_MAX_US, .is_time = true, MEMBER(supervisor.window_us) },
	[HMI_KEY_BACKOFF_MIN] = { "backoff-min", A_TIME ", or none", delay_words, 1, TIME_MAX_US,
				  .is_time = true, MEMBER(supervisor.backoff.min_us) },
	[HMI_KEY_BACKOFF_MAX] = { "backoff-max", A_TIME, no_words, 1, TIME_MAX_US, .is_time = true,
				  MEMBER(supervisor.backoff.max_us) },
	[HMI_KEY_BACKOFF_JITTER] = { "backoff-jitter", "a percentage from 0 to 100, without a sign", no_words,
				     0, 100, MEMBER(supervisor.backoff.jitter) },
	[HMI_KEY_BACKOFF_RESET] = { "backoff-reset", A_TIME, no_words, 1, TIME_MAX_US, .is_time = true,
				    MEMBER(supervisor.backoff.reset_us) },
};

/* ---- Names ----------------------------------------------------------------------------- */

enum hmi_key
hmi_key_find(const char *name)
{
	enum hmi_key key = 0;

	while (key < HMI_KEYS && strcmp(keys[key].name, name) != 0)
		key++;
	return key;
}

const char *
hmi_key_name(enum hmi_key key)
{
	return keys[key].name;
}

static void
keys_list(char *text, size_t size)
{
	int n = snprintf(text, size, "unknown key; keys are");

	for (enum hmi_key key = 0; key < HMI_KEYS && n >= 0 && (size_t)n < size; key++)
		n += snprintf(text + n, size - (size_t)n, "%s %s", key > 0 ? "," : "", keys[key].name);
}

void
hmi_key_explain(const char *name, char *text, size_t size)
{
	struct hmi_nearest nearest = { NULL, 0 };

	for (enum hmi_key key = 0; key < HMI_KEYS; key++)
		hmi_nearest_try(&nearest, name, strlen(name), keys[key].name);
	if (nearest.name != NULL)
		snprintf(text, size, "unknown key; did you mean '%s'?", nearest.name);
	else
		keys_list(text, size);
}

/* ---- Values ---------------------------------------------------------------------------- */

/* Of what stands behind a number; 0: no unit. */
static uint64_t
unit_us(const char *text)
{
	static const struct word units[] = {
		{ "us", 1 }, { "ms", 1000 }, { "s", 1000000 }, { "min", 60000000 }, { "h", 3600000000 },
	};

	for (size_t i = 0; i < RTE_DIM(units); i++) {
		if (strcmp(text, units[i].text) == 0)
			return units[i].value;
	}
	return 0;
}

static bool
number_read(const struct key *key, const char *text, uint64_t *value)
{
	uint64_t unit = 1;
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || errno != 0)
		return false;
	if (key->is_time)
		unit = unit_us(end);
	else if (*end != '\0')
		return false;
	if (unit == 0 || *value > key->max / unit)
		return false;
	*value *= unit;
	return *value >= key->min;
}

bool
hmi_key_read(enum hmi_key index, const char *text, uint64_t *value, const char **form)
{
	const struct key *key = &keys[index];

	*form = key->form;
	for (const struct word *word = key->words; word->text != NULL; word++) {
		if (strcmp(text, word->text) == 0) {
			*value = word->value;
			return true;
		}
	}
	if (key->max == 0 || !number_read(key, text, value))
		return false;
	*value += key->plus;
	return true;
}

void
hmi_key_apply(enum hmi_key index, uint64_t value, struct hmi_deployed *deployed)
{
	const struct key *key = &keys[index];
	uint32_t word = (uint32_t)value;

	memcpy((char *)deployed + key->at, key->size == sizeof(word) ? (void *)&word : (void *)&value,
	       key->size);
	switch (index) {
	case HMI_KEY_MAILBOX_ORDER:
		deployed->mailbox.priority = NULL;
		deployed->mailbox.ops = NULL;
		break;
	case HMI_KEY_MAILBOX_OVERFLOW:
	case HMI_KEY_MAILBOX_CAPACITY:
		/* What fitted to the former ones. */
		deployed->mailbox.low = 0;
		break;
	case HMI_KEY_SUPERVISOR:
		deployed->supervisor.decide = NULL;
		break;
	default:
		break;
	}
}
