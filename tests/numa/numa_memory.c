/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On which NUMA node memory lies, by the kernel's own answer. Four lcores, two on each of two nodes, spawn
 * actors, fill message memory one after the other, and exchange messages.
 *
 *     numa_memory            every situation for which hugepages are reserved as it needs them
 *     numa_memory --list     the names of all tests
 *     numa_memory SITUATION  one of them, whatever is reserved
 *
 * A situation is how the machine and EAL are set up; it is run in a process of its own, and tests of several
 * functions are made in it. ./dev check numa runs all of them on a machine that it makes.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include <rte_common.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

#include "hermod.h"
#include "hmt_eal.h"
#include "lcore_pvt.h"
#include "numa_machine.h"
#include "numa_situation.h"

#define SECONDS_MAX      120
#define HUGEPAGES_MIN    96ul
#define HUGEPAGES_FOLDER "/dev/hugepages"
#define CHILDREN         64u
#define STATE_BYTES      512u
#define BIG_BYTES        60000u
#define BIG_COUNT        100u /* more than 6 MB: three blocks of message memory */
#define NUMBERS          1000u

static int cpus[MACHINE_LCORES];
static const struct situation *situation;

/* ---- Results ------------------------------------------------------------------------ */

/* A test is the function of this name in a situation. */
enum test {
	TEST_SYSTEM_CREATE, /* it starts */
	TEST_SEND,          /* all lcores exchange messages */
	TEST_CTX_CREATE,    /* memory of EAL's */
	TEST_MEMORY_MAP,    /* queues and tables, plain memory */
	TEST_CELLS_GET,
	TEST_SLAB_GET,
	TEST_REGION_TAKE,
	TEST_PORT_OPEN, /* last: there need not be a port */
	TESTS
};

static const char *const tests[TESTS] = {
	[TEST_SYSTEM_CREATE] = "hm_system_create", [TEST_SEND] = "hm_send",
	[TEST_CTX_CREATE] = "hmi_ctx_create",      [TEST_MEMORY_MAP] = "hmi_memory_map",
	[TEST_CELLS_GET] = "hmi_cells_get",        [TEST_SLAB_GET] = "hmi_slab_get",
	[TEST_REGION_TAKE] = "hmi_region_take",    [TEST_PORT_OPEN] = "hmi_port_open",
};

static uint32_t faults[TESTS];

__attribute__((format(printf, 2, 3))) static void
fault(enum test test, const char *format, ...)
{
	va_list arguments;

	if (faults[test]++ >= 8)
		return;
	printf("    %s: ", tests[test]);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

/* ---- Actors ------------------------------------------------------------------------- */

enum {
	TURN = HM_TYPE_USER, /* body: the round */
	BIG,
	GO,
	NUMBER
};

/*
 * Rounds in which the lcores fill message memory, one after the other: first memory that nobody has used, then,
 * in the other order, what all of them have freed.
 */
enum {
	FRESH,
	FREED,
	ROUNDS
};

/* A message and the lcore that has used its memory. */
struct used {
	struct hm_msg *at;
	uint32_t lcore;
};

static struct traffic {
	struct hm_pid keepers[MACHINE_LCORES];
	int nodes[MACHINE_LCORES];                    /* on which each lcore runs */
	struct used used[MACHINE_LCORES * BIG_COUNT]; /* in the first round */
	uint32_t used_count, lcores;
	uint32_t own[ROUNDS], all[ROUNDS]; /* pages; own: on the node of the lcore that uses the message */
	atomic_uint received;
} traffic;

static void
child_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	if (hm_msg_type(msg) == HM_STARTED)
		memset(state, 1, STATE_BYTES);
}

static const struct hm_props child_props = { .receive = child_receive, .state_size = STATE_BYTES };

static void
children_spawn(struct hm_ctx *ctx)
{
	struct hm_pid pid;

	for (uint32_t i = 0; i < CHILDREN; i++) {
		if (hm_spawn(ctx, &child_props, NULL, NULL, &pid) != 0)
			fault(TEST_CELLS_GET, "lcore %u: no actor", hm_lcore(ctx));
	}
}

/* How many of a message's pages lie on a node. */
static uint32_t
pages_on(const struct used *used, int node)
{
	uint32_t count = 0;

	for (size_t at = 0; at < BIG_BYTES; at += MACHINE_PAGE)
		count += machine_node_of((const char *)used->at + at) == node;
	return count;
}

static void
messages_take(struct hm_ctx *ctx, uint64_t round, struct used *used)
{
	for (uint32_t i = 0; i < BIG_COUNT; i++) {
		struct hm_msg *msg = hm_msg_new(ctx, BIG, 0);

		if (msg == NULL) {
			fault(TEST_REGION_TAKE, "lcore %u: no message", hm_lcore(ctx));
			return;
		}
		memset(hm_msg_body_mut(msg), 1, BIG_BYTES);
		used[i] = (struct used){ msg, hm_lcore(ctx) };
		traffic.own[round] += pages_on(&used[i], machine_node());
		traffic.all[round] += (BIG_BYTES + MACHINE_PAGE - 1) / MACHINE_PAGE;
	}
}

static void
messages_free(struct hm_ctx *ctx, const struct used *used, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		hm_msg_free(ctx, used[i].at);
}

static void
turn(struct hm_ctx *ctx, uint64_t round)
{
	static struct used again[BIG_COUNT];
	uint32_t next = round == FRESH ? hm_lcore(ctx) + 1 : hm_lcore(ctx) - 1;
	bool is_last = next >= traffic.lcores; /* below 0, too */

	if (round == FRESH) {
		children_spawn(ctx);
		messages_take(ctx, round, traffic.used + traffic.used_count);
		traffic.used_count += BIG_COUNT;
	} else {
		messages_take(ctx, round, again);
		messages_free(ctx, again, BIG_COUNT);
	}
	if (is_last && round == FRESH)
		messages_free(ctx, traffic.used, traffic.used_count);
	round += is_last;
	if (round < ROUNDS)
		(void)hm_send(ctx, traffic.keepers[is_last ? hm_lcore(ctx) : next], TURN, &round);
	for (uint32_t to = 0; round == ROUNDS && to < traffic.lcores; to++)
		(void)hm_send(ctx, traffic.keepers[to], GO, NULL);
}

static void
keeper_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	uint64_t number = 0;

	(void)state;
	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		traffic.nodes[hm_lcore(ctx)] = machine_node();
		break;
	case TURN:
		turn(ctx, *(const uint64_t *)hm_msg_body(msg));
		break;
	case GO:
		for (; number < NUMBERS * traffic.lcores; number++)
			(void)hm_send(ctx, traffic.keepers[number % traffic.lcores], NUMBER, &number);
		break;
	case NUMBER:
		if (atomic_fetch_add(&traffic.received, 1) + 1 == NUMBERS * traffic.lcores * traffic.lcores)
			hm_system_stop(hm_system(ctx));
		break;
	default:
		break;
	}
}

#define KEEPER(index)                                               \
	{                                                           \
		.receive = keeper_receive, .lcore = HM_LCORE(index) \
	}

static const struct hm_props keeper_props[MACHINE_LCORES] = { KEEPER(0), KEEPER(1), KEEPER(2), KEEPER(3) };

/* ---- Where it lies ------------------------------------------------------------------ */

/*
 * All pages that lie wholly in a range, or the one in which it begins if there is none: small pages are shared
 * with what lies beside it.
 */
static void
look(enum test test, uint32_t lcore, const char *what, const void *start, size_t bytes, int node)
{
	uintptr_t first = ((uintptr_t)start + MACHINE_PAGE - 1) & ~(uintptr_t)(MACHINE_PAGE - 1);
	uintptr_t end = ((uintptr_t)start + bytes) & ~(uintptr_t)(MACHINE_PAGE - 1);
	uint32_t there = 0, wrong = 0;

	if (first >= end && situation->has_small && test == TEST_CTX_CREATE)
		return;
	if (first >= end) {
		first = (uintptr_t)start;
		end = first + 1;
	}
	for (uintptr_t at = first; at < end; at += MACHINE_PAGE) {
		int found = machine_node_of((const void *)at);

		there += found >= 0;
		wrong += found >= 0 && found != node;
	}
	if (wrong > 0)
		fault(test, "lcore %u on node %d: %s: %u of %u pages are not on node %d", lcore,
		      traffic.nodes[lcore], what, wrong, there, node);
}

static int
node_wanted(enum home home, uint32_t lcore)
{
	switch (home) {
	case HOME_FIRST:
		return 0;
	case HOME_SECOND:
		return 1;
	default:
		return traffic.nodes[lcore];
	}
}

static void
look_at_ctx(const struct hm_ctx *ctx, uint32_t lcore)
{
	const struct hmi_worker *w = &ctx->worker;
	int node = node_wanted(situation->eal_home, lcore);

	look(TEST_CTX_CREATE, lcore, "ctx", ctx, sizeof(*ctx), node);
	look(TEST_CTX_CREATE, lcore, "lanes out", w->lanes_out, w->lcores_count * sizeof(*w->lanes_out),
	     node);
	look(TEST_CTX_CREATE, lcore, "lanes in", w->lanes_in, w->lcores_count * sizeof(*w->lanes_in), node);
	look(TEST_CTX_CREATE, lcore, "inject ring", w->inject.ring,
	     (size_t)rte_ring_get_memsize(rte_ring_get_size(w->inject.ring)), node);
	for (uint32_t to = 0; to < w->lcores_count; to++) {
		const struct hmi_lane_ring *ring = w->lanes_out[to].ring;

		/* Small pages of them come from whoever is first, sender or receiver. */
		if (ring != NULL && !situation->has_small)
			look(TEST_CTX_CREATE, lcore, "slots of a lane that it sends by", ring,
			     sizeof(*ring) + w->lanes_out[to].size * sizeof(ring->slots[0]), node);
	}
}

static void
look_at_runq(const struct hmi_runq *q, uint32_t lcore, const char *what)
{
	look(TEST_MEMORY_MAP, lcore, what, q->ring, (q->mask + 1) * sizeof(*q->ring),
	     node_wanted(situation->plain_home, lcore));
}

static void
look_at_plain(const struct hm_ctx *ctx, uint32_t lcore)
{
	int node = node_wanted(situation->plain_home, lcore);
	uint32_t slots = hmi_cells_end(&ctx->cells);

	look_at_runq(&ctx->worker.runq, lcore, "run queue");
	look_at_runq(&ctx->worker.urgent, lcore, "urgent queue");
	look_at_runq(&ctx->worker.unstarted, lcore, "queue of new actors");
	look_at_runq(&ctx->worker.classes.queues[HMI_CLASS_HIGH], lcore, "queue of high priority");
	look_at_runq(&ctx->worker.classes.queues[HMI_CLASS_LOW], lcore, "queue of low priority");
	look(TEST_MEMORY_MAP, lcore, "outbox", ctx->outbox.ring,
	     ((size_t)ctx->outbox.mask + 1) * sizeof(*ctx->outbox.ring), node);
	look(TEST_MEMORY_MAP, lcore, "links", ctx->links.buckets,
	     ((size_t)ctx->links.mask + 1) * sizeof(*ctx->links.buckets), node);
	/* The first of them are of small pages. */
	if (situation->huge_is_far)
		slots = RTE_MIN(slots, (uint32_t)HMI_CELLS_CHUNK);
	look(TEST_CELLS_GET, lcore, "slots of actors", ctx->cells.base, slots * sizeof(*ctx->cells.base),
	     node);
	if (situation->huge_is_far)
		return;
	for (uint32_t c = 0; c < HMI_STATE_CLASSES; c++) {
		for (const void *region = ctx->states[c].regions; region != NULL;
		     region = *(const void *const *)region)
			look(TEST_SLAB_GET, lcore, "states of actors", region, HMI_HUGEPAGE_BYTES, node);
	}
}

/* The lcore that has used a block first, which is one page where hugepages are behind it. */
static uint32_t
first_user(const struct used *used)
{
	const struct used *first = traffic.used;

	while (((uintptr_t)first->at ^ (uintptr_t)used->at) >= HMI_HUGEPAGE_BYTES)
		first++;
	return first->lcore;
}

static void
look_at_messages(void)
{
	for (uint32_t i = 0; i < traffic.used_count && !situation->huge_is_far; i++) {
		const struct used *used = &traffic.used[i];
		int own = node_wanted(situation->plain_home, used->lcore);
		int first = node_wanted(situation->plain_home, first_user(used));
		uint32_t there = pages_on(used, own);

		if (first != own)
			there += pages_on(used, first);
		if (there * MACHINE_PAGE < BIG_BYTES)
			fault(TEST_REGION_TAKE, "lcore %u on node %d: of a message only %u pages lie there",
			      used->lcore, own, there);
	}
	printf("    message memory on the node of the lcore that uses it: %u of %u pages, fresh; %u of %u, freed before\n",
	       traffic.own[FRESH], traffic.all[FRESH], traffic.own[FREED], traffic.all[FREED]);
}

static void
look_at_pool(struct rte_mempool *pool, void *count)
{
	struct rte_mempool_memhdr *part;
	int node = node_wanted(situation->port_home, 0);

	++*(uint32_t *)count;
	STAILQ_FOREACH(part, &pool->mem_list, next)
		look(TEST_PORT_OPEN, 0, "frame buffers", part->addr, part->len, node);
}

static void
look_at_port(void)
{
	uint32_t count = 0;

	rte_mempool_walk(look_at_pool, &count);
	if (count < 2)
		fault(TEST_PORT_OPEN, "%u pools of frame buffers", count);
}

/* ---- One situation ------------------------------------------------------------------ */

#define WORDS_MAX 32

/* The command line, in memory that is never freed: EAL keeps it. */
static int
command_line(char **argv)
{
	static char text[512];
	char *rest = NULL;
	int argc = 0;

	snprintf(text, sizeof(text),
		 "numa_memory --no-pci --no-telemetry --lcores=0@%d,1@%d,2@%d,3@%d %s -- %s", cpus[0],
		 cpus[1], cpus[2], cpus[3], situation->eal,
		 situation->behind != NULL ? situation->behind : "");
	for (char *word = strtok_r(text, " ", &rest); word != NULL && argc < WORDS_MAX - 1;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	argv[argc] = NULL;
	return argc;
}

static int
system_make(struct hm_system **sys, int argc, char **argv, const struct hm_config *config)
{
	static const struct hm_type types[] = {
		{ .id = TURN, .name = "turn", .size = sizeof(uint64_t) },
		{ .id = BIG, .name = "big", .size = BIG_BYTES },
		{ .id = GO, .name = "go" },
		{ .id = NUMBER, .name = "number", .size = sizeof(uint64_t) },
	};
	int rc = hm_system_create(sys, argc, argv, config);

	for (size_t i = 0; rc == 0 && i < RTE_DIM(types); i++)
		rc = hm_type_register(*sys, &types[i]);
	if (rc != -situation->refused)
		fault(TEST_SYSTEM_CREATE, "%s", strerror(-rc));
	if (situation->bound ? machine_policy() != MPOL_BIND : machine_policy() == MPOL_PREFERRED)
		fault(TEST_SYSTEM_CREATE, "the thread's memory comes from elsewhere now");
	return rc;
}

static int
system_run(struct hm_system *sys)
{
	uint64_t round = FRESH;
	int rc = 0;

	traffic.lcores = hm_system_lcores(sys);
	for (uint32_t i = 0; rc == 0 && i < traffic.lcores; i++)
		rc = hm_system_spawn(sys, &keeper_props[i], NULL, NULL, &traffic.keepers[i]);
	if (rc == 0)
		rc = -(int)hm_system_send(sys, traffic.keepers[0], TURN, &round);
	if (rc == 0 && situation->mode == HM_MODE_LCORES)
		return hm_system_run(sys);
	if (rc == 0)
		rc = hm_system_start(sys);
	return rc == 0 ? hm_system_join(sys) : rc;
}

/* Another system that takes the first lcores. */
static struct hm_system *
before_start(int argc, char **argv)
{
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = situation->before };
	struct hm_system *sys = NULL;

	if (situation->before == 0)
		return NULL;
	if (system_make(&sys, argc, argv, &config) != 0 || hm_system_start(sys) != 0)
		fault(TEST_SYSTEM_CREATE, "the system before does not start");
	return sys;
}

static void
before_end(struct hm_system *sys)
{
	if (sys == NULL)
		return;
	hm_system_stop(sys);
	if (hm_system_join(sys) != 0)
		fault(TEST_SYSTEM_CREATE, "the system before does not stop");
	hm_system_destroy(sys);
}

static void
system_try(void)
{
	static const struct hm_module *const modules[] = { &hm_net_module, NULL };
	struct hm_config config = { .mode = situation->mode, .lcores = situation->lcores };
	char *argv[WORDS_MAX];
	int argc = command_line(argv), rc;
	struct hm_system *sys = NULL, *before;

	if (situation->behind != NULL)
		config.modules = modules;
	before = before_start(argc, argv);
	if (faults[TEST_SYSTEM_CREATE] == 0 && system_make(&sys, argc, argv, &config) == 0) {
		rc = system_run(sys);
		if (rc != 0 || traffic.received != NUMBERS * traffic.lcores * traffic.lcores)
			fault(TEST_SEND, "%u messages arrived: %s", traffic.received, strerror(-rc));
		for (uint32_t i = 0; i < traffic.lcores; i++) {
			look_at_ctx(sys->lcores[i], i);
			look_at_plain(sys->lcores[i], i);
		}
		look_at_messages();
		if (situation->behind != NULL)
			look_at_port();
	}
	hm_system_destroy(sys);
	before_end(before);
}

/* Where no system comes to be, nothing else is tested. */
static int
tests_count(const struct situation *which)
{
	if (which->refused != 0)
		return 1;
	return which->behind != NULL ? TESTS : TEST_PORT_OPEN;
}

/* Ends the process. Status 0: all tests passed. */
static void
situation_run(void)
{
	bool is_bad = false;

	alarm(SECONDS_MAX);
	if (situation->bound && !machine_bind(1))
		fault(TEST_SYSTEM_CREATE, "no binding: %s", strerror(errno));
	system_try();
	for (int i = 0; i < tests_count(situation); i++) {
		bool failed = faults[i] > 0 || faults[TEST_SYSTEM_CREATE] > 0;

		printf("%s %s__%s\n", failed ? "FAILED" : "ok", tests[i], situation->name);
		is_bad |= failed;
	}
	exit(is_bad ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* ---- All of them -------------------------------------------------------------------- */

static bool
fits(const struct situation *which)
{
	unsigned long first = machine_hugepages(0);
	unsigned long second = machine_hugepages(1);

	if (strstr(which->eal, "--legacy-mem") != NULL && access(HUGEPAGES_FOLDER, W_OK) != 0)
		return false;
	switch (which->layout) {
	case LAYOUT_NONE:
		return first == 0 && second == 0;
	case LAYOUT_FIRST:
		return first >= HUGEPAGES_MIN && second == 0;
	case LAYOUT_SECOND:
		return first == 0 && second >= HUGEPAGES_MIN;
	default:
		return first >= HUGEPAGES_MIN && second >= HUGEPAGES_MIN;
	}
}

/* In a process of its own. Returns whether it passed. */
static bool
situation_fork(const struct situation *which)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		situation = which;
		situation_run();
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("numa_memory");
		return false;
	}
	if (WIFSIGNALED(status))
		printf("FAILED hm_system_create__%s: %s\n", which->name, strsignal(WTERMSIG(status)));
	return status == 0;
}

static void
list(void)
{
	for (size_t s = 0; s < RTE_DIM(situations); s++) {
		for (int i = 0; i < tests_count(&situations[s]); i++)
			printf("%s__%s\n", tests[i], situations[s].name);
	}
}

int
main(int argc, char **argv)
{
	const char *wanted = argc > 1 ? argv[1] : NULL;
	uint32_t ran = 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (wanted != NULL && strcmp(wanted, "--list") == 0) {
		list();
		return EXIT_SUCCESS;
	}
	if (!machine_find(cpus)) {
		printf("numa_memory: not two NUMA nodes here with memory and two CPUs each\n");
		return HMT_SKIPPED;
	}
	for (size_t s = 0; s < RTE_DIM(situations); s++) {
		if (wanted != NULL ? strcmp(wanted, situations[s].name) != 0 : !fits(&situations[s]))
			continue;
		printf("%s\n", situations[s].name);
		ran++;
		failed += !situation_fork(&situations[s]);
	}
	if (ran == 0) {
		printf("numa_memory: too few hugepages for any situation\n");
		return HMT_SKIPPED;
	}
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
