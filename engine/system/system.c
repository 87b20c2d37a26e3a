/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A system from nothing to ready, and back.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>

#include <urcu-qsbr.h>

#include "actor_pvt.h"
#include "ask_pvt.h"
#include "deploy_pvt.h"
#include "event_pvt.h"
#include "external_pvt.h"
#include "lcore_setup_pvt.h"
#include "memory_pvt.h"
#include "options_pvt.h"
#include "pressure_pvt.h"
#include "random_pvt.h"
#include "rcu_pvt.h"
#include "router_pvt.h"
#include "shortage_pvt.h"
#include "shutdown_pvt.h"
#include "slot_grant_pvt.h"
#include "type_pvt.h"
#include "workers_pvt.h"

/* ---- Modules -------------------------------------------------------------------- */

static int
modules_create(struct hm_system *sys, const struct hm_config *config)
{
	for (uint32_t i = 0; config != NULL && config->modules != NULL && config->modules[i] != NULL; i++) {
		struct hmi_module_slot *slot = &sys->modules[i];
		int rc;

		if (i == HMI_MODULES_MAX) {
			fprintf(stderr, "hermod: more than %u modules; leave some out of hm_config.modules\n",
				HMI_MODULES_MAX);
			return -EINVAL;
		}
		slot->module = config->modules[i];
		sys->modules_count = i + 1;
		rc = slot->module->create(sys, &slot->self);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
modules_start(struct hm_system *sys)
{
	for (uint32_t i = 0; i < sys->modules_count; i++) {
		struct hmi_module_slot *slot = &sys->modules[i];
		int rc = slot->module->start != NULL ? slot->module->start(slot->self, sys) : 0;

		if (rc != 0)
			return rc;
		slot->started = true;
	}
	return 0;
}

static void
modules_stop(struct hm_system *sys)
{
	for (uint32_t i = sys->modules_count; i-- > 0;) {
		struct hmi_module_slot *slot = &sys->modules[i];

		if (slot->started && slot->module->stop != NULL)
			slot->module->stop(slot->self);
		slot->started = false;
	}
}

static void
modules_destroy(struct hm_system *sys)
{
	for (uint32_t i = sys->modules_count; i-- > 0;) {
		struct hmi_module_slot *slot = &sys->modules[i];

		if (slot->module->destroy != NULL && slot->self != NULL)
			slot->module->destroy(slot->self);
	}
	sys->modules_count = 0;
}

void *
hm_module_self(const struct hm_system *sys, const struct hm_module *module)
{
	for (uint32_t i = 0; i < sys->modules_count; i++) {
		if (sys->modules[i].module == module)
			return sys->modules[i].self;
	}
	return NULL;
}

/* ---- Set-up ------------------------------------------------------------------------ */

static int
heap_refuse(void)
{
	fprintf(stderr,
		"hermod: no memory for a system; end other programs, or raise the limit (ulimit -v)\n");
	return -ENOMEM;
}

static int
lcores_count(struct hm_system *sys)
{
	uint32_t there = rte_lcore_count() - (sys->mode == HM_MODE_BACKGROUND ? 1 : 0);
	uint64_t wanted = sys->options.lcores;

	if (sys->mode == HM_MODE_STEPPED)
		there = HM_LCORES_MAX;
	else if (there == 0) {
		fprintf(stderr, "hermod: no lcore is left to work on; give EAL one more, as in -l 0-1\n");
		return -ENODEV;
	}
	if (wanted == 0)
		wanted = sys->mode == HM_MODE_STEPPED ? 1 : RTE_MIN(there, HM_LCORES_MAX);
	if (wanted > there) {
		fprintf(stderr, "hermod: --workers %u: EAL has %u lcores for it; give more, as in -l 0-%u\n",
			(unsigned int)wanted, there,
			(unsigned int)wanted - (sys->mode == HM_MODE_BACKGROUND ? 0 : 1));
		return -ENODEV;
	}
	sys->lcores_count = (uint32_t)wanted;
	if (sys->options.reserve >= wanted) {
		fprintf(stderr,
			"hermod: --reserve %" PRIu64 ": give less than the number of lcores, %" PRIu64 "\n",
			sys->options.reserve, wanted);
		return -EINVAL;
	}
	sys->lcores_shared = (uint32_t)(wanted - sys->options.reserve);
	return 0;
}

/* Without a seed each from the kernel: who has seen one cannot work out another. */
static uint64_t
random_next(struct hm_system *sys)
{
	uint64_t number;

	if (sys->options.seed != 0)
		return hmi_random(&sys->random);
	while (getrandom(&number, sizeof(number), 0) != sizeof(number))
		;
	return number;
}

uint64_t
hm_system_random(struct hm_system *sys)
{
	HMI_ASSERT(sys->node != 0);
	return random_next(sys);
}

static int
identify(struct hm_system *sys)
{
	if (sys->options.seed != 0 && sys->mode != HM_MODE_STEPPED) {
		fprintf(stderr,
			"hermod: --seed is for stepped systems: nodes that other nodes see need ids of their own\n");
		return -EINVAL;
	}
	sys->random = sys->options.seed;
	while (sys->node == 0)
		sys->node = random_next(sys);
	snprintf(sys->name, sizeof(sys->name), "h%08x", (uint32_t)sys->node);
	return 0;
}

/* Threads that sleep and wake each other do so by the machine's clock. */
static int
clock_choose(struct hm_system *sys, const struct hm_config *config)
{
	hmi_clock_init(&sys->clock);
	if (config == NULL || config->clock.read == NULL)
		return 0;
	if (sys->mode != HM_MODE_STEPPED) {
		fprintf(stderr,
			"hermod: a clock of one's own is for stepped systems: leave hm_config.clock zeroed\n");
		return -EINVAL;
	}
	sys->clock.read = config->clock.read;
	sys->clock.arg = config->clock.arg;
	return 0;
}

static int
shared_create(struct hm_system *sys)
{
	int rc = hmi_pool_create(&sys->pool, sys->options.memory, sys->lcores_count);

	hmi_pressure_marks(sys);

	hmi_msg_cache_init(&sys->external, &sys->pool, true);
	if (rc == 0)
		rc = hmi_paths_create(&sys->paths, hm_system_random(sys), sys->mode == HM_MODE_STEPPED);
	if (rc == 0)
		rc = hmi_nodes_create(&sys->nodes);
	if (rc != 0)
		fprintf(stderr,
			"hermod: no address space for %" PRIu64
			" bytes of messages: %s; give a smaller --memory\n",
			sys->options.memory, rte_strerror(-rc));
	return rc;
}

/* A stepped system makes its calls itself, so that they are the same each time. */
static int
offload_create(struct hm_system *sys)
{
	uint32_t threads = sys->mode == HM_MODE_STEPPED ? 0 : (uint32_t)sys->options.offload_threads;
	int rc = hmi_offload_create(&sys->offload, threads, (uint32_t)sys->options.offload_queue);

	if (rc != 0)
		fprintf(stderr,
			"hermod: no memory for %" PRIu64
			" waiting calls, or no thread: %s; give EAL more with -m, or a smaller --offload-queue\n",
			sys->options.offload_queue, rte_strerror(-rc));
	return rc;
}

/* What this thread touches meanwhile is the lcore's, whose node is that lcore's. */
static int
lcore_create(struct hm_system *sys, uint32_t index)
{
	bool preferred = hmi_memory_prefer(hmi_lcore_socket(sys, index));
	int rc = hmi_ctx_create(&sys->lcores[index], sys, index);

	if (rc == 0)
		rc = hmi_root_setup(sys->lcores[index]);
	hmi_memory_prefer_end(preferred);
	return rc;
}

static int
lcores_create(struct hm_system *sys)
{
	struct hmi_worker *workers[HM_LCORES_MAX];
	int rc = 0;

	sys->lcores = calloc(sys->lcores_count, sizeof(struct hm_ctx *));
	sys->routers = calloc(sys->lcores_count, HMI_CELLS_ROUTERS * sizeof(sys->routers[0]));
	if (sys->lcores == NULL || sys->routers == NULL)
		return heap_refuse();
	for (uint32_t i = 0; rc == 0 && i < sys->lcores_count; i++) {
		rc = lcore_create(sys, i);
		if (rc == 0)
			workers[i] = &sys->lcores[i]->worker;
	}
	if (rc == 0)
		hmi_worker_connect(workers, sys->lcores_count);
	if (rc != 0)
		fprintf(stderr,
			"hermod: no memory for %u lcores: %s; give EAL more with -m, or a smaller --lane\n",
			sys->lcores_count, rte_strerror(-rc));
	return rc;
}

/* The thread touches RCU's structures for the time of `make`. */
static int
with_rcu(struct hm_system *sys, int (*make)(struct hm_system *sys))
{
	int rc;

	hmi_rcu_enter();
	rc = make(sys);
	hmi_rcu_leave();
	return rc;
}

/* ---- Threads of liburcu's ------------------------------------------------------------ */

/* The cores that the process may use: this thread's, before EAL gives it one; later, those of all lcores. */
static void
cores_of_process(cpu_set_t *cores)
{
	unsigned int lcore;

	CPU_ZERO(cores);
	if (!hmi_eal_runs()) {
		pthread_getaffinity_np(pthread_self(), sizeof(*cores), cores);
		return;
	}
	RTE_LCORE_FOREACH(lcore) {
		rte_cpuset_t own = rte_lcore_cpuset(lcore);

		CPU_OR(cores, cores, &own);
	}
}

/*
 * liburcu starts its threads when they are first needed, and they keep the cores of the thread that needed
 * them: on an lcore's core they would take time from it for ever. So they are started here, and
 * may run on all cores.
 */
static int
with_cores(const cpu_set_t *cores, struct hm_system *sys, int (*make)(struct hm_system *sys))
{
	cpu_set_t own;
	int rc;

	pthread_getaffinity_np(pthread_self(), sizeof(own), &own);
	pthread_setaffinity_np(pthread_self(), sizeof(*cores), cores);
	(void)get_default_call_rcu_data();
	rc = make(sys);
	pthread_setaffinity_np(pthread_self(), sizeof(own), &own);
	return rc;
}

/* ---- From nothing to ready ----------------------------------------------------------- */

/* Before main: a new type moves DPDK's table, and threads that create systems would do so at once. */
RTE_INIT(log_type_register)
{
	(void)rte_log_register_type_and_pick_level("hermod", RTE_LOG_INFO);
	(void)rte_log_register_type_and_pick_level("hermod.actors", RTE_LOG_INFO);
}

static int
faults_catch(struct hm_system *sys, const struct hm_config *config)
{
	int rc = 0;

	if (config != NULL && !hmi_supervisor_is_valid(config->supervisor)) {
		fprintf(stderr,
			"hermod: hm_config.supervisor: a member has a value that hm_supervisor.h does not allow\n");
		return -EINVAL;
	}
	rc = hmi_traps_catch();
	if (rc != 0)
		fprintf(stderr, "hermod: signals of faults cannot be handled: %s\n", rte_strerror(-rc));
	sys->faults_caught = rc == 0;
	return rc;
}

static int
mode_check(const struct hm_system *sys)
{
	if ((unsigned int)sys->mode <= HM_MODE_STEPPED)
		return 0;
	fprintf(stderr, "hermod: hm_config.mode %u: give a value of enum hm_mode\n", (unsigned int)sys->mode);
	return -EINVAL;
}

static int
start_up(struct hm_system *sys, int argc, char **argv, const struct hm_config *config)
{
	cpu_set_t cores;
	int rc = mode_check(sys);

	if (rc == 0)
		rc = modules_create(sys, config);
	cores_of_process(&cores);
	if (rc == 0)
		rc = hmi_command_line(sys, argc, argv);
	if (rc == 0)
		rc = lcores_count(sys);
	if (rc == 0)
		rc = hmi_deploy_check(sys);
	if (rc == 0)
		rc = identify(sys);
	if (rc == 0)
		rc = clock_choose(sys, config);
	if (rc != 0)
		return rc;
	sys->logtype = rte_log_register_type_and_pick_level("hermod", RTE_LOG_INFO);
	sys->actors_logtype = rte_log_register_type_and_pick_level("hermod.actors", RTE_LOG_INFO);
	rc = faults_catch(sys, config);
	if (rc == 0)
		rc = with_cores(&cores, sys, shared_create);
	if (rc == 0)
		rc = with_rcu(sys, lcores_create);
	if (rc == 0)
		rc = with_cores(&cores, sys, offload_create);
	if (rc == 0)
		rc = hmi_stalls_create(sys);
	return rc == 0 ? with_rcu(sys, modules_start) : rc;
}

/* In a stepped system actors call, within a turn that holds it, what takes it. */
static void
control_init(pthread_mutex_t *control)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(control, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

int
hm_system_create(struct hm_system **out, int argc, char **argv, const struct hm_config *config)
{
	struct hm_system *sys;
	int rc;

	if (out == NULL)
		return -EINVAL;
	*out = NULL;
	sys = calloc(1, sizeof(*sys));
	if (sys == NULL)
		return heap_refuse();
	control_init(&sys->control);
	hmi_shutdown_create(&sys->shutdown);
	hmi_event_stream_create(&sys->events);
	sem_init(&sys->ended, 0, 0);
	hmi_options_default(&sys->options, config);
	if (config != NULL) {
		sys->mode = config->mode;
		sys->summary = config->summary;
		sys->app_options = config->options;
		sys->guardian.supervisor = config->supervisor;
		sys->on_stall = config->on_stall;
		sys->on_stall_arg = config->on_stall_arg;
	}
	/* Before EAL's threads come to be, so that none of them takes what hm_system_run waits for. */
	if (sys->mode == HM_MODE_LCORES) {
		hmi_signals_block(&sys->signals_before);
		sys->signals_blocked = true;
	}
	sys->parts = &hmi_parts;
	sys->types = calloc(1, sizeof(*sys->types));
	rc = sys->types != NULL && hmi_types_create(sys->types) == 0 &&
			     hmi_router_types_add(sys->types) == 0 && hmi_workers_types_add(sys->types) == 0
		     ? 0
		     : heap_refuse();
	if (rc == 0)
		rc = start_up(sys, argc, argv, config);
	if (rc != 0) {
		hm_system_destroy(sys);
		return rc;
	}
	*out = sys;
	return 0;
}

int
hm_exit_status(int rc)
{
	if (rc == 0 || rc == -ECANCELED)
		return 0;
	return rc == -EINVAL ? 2 : 1;
}

/* ---- Tear-down ----------------------------------------------------------------------- */

void
hmi_lcores_drain(struct hm_system *sys)
{
	modules_stop(sys);
	/* Nobody sends to other nodes any more. */
	sys->provider_ops = NULL;
	/* Twice: an actor may be on its way to an lcore before. */
	for (uint32_t i = 0; sys->lcores != NULL && i < 2 * sys->lcores_count; i++) {
		if (sys->lcores[i % sys->lcores_count] != NULL)
			hmi_ctx_drain(sys->lcores[i % sys->lcores_count]);
	}
}

void
hmi_system_drain(struct hm_system *sys)
{
	hmi_works_stop(sys);
	hmi_lcores_drain(sys);
}

static int
tear_down(struct hm_system *sys)
{
	hmi_system_drain(sys);
	if (sys->lcores != NULL)
		hmi_grants_check(sys);
	hmi_paths_destroy(&sys->paths);
	return 0;
}

void
hm_system_destroy(struct hm_system *sys)
{
	if (sys == NULL)
		return;
	if (sys->mode != HM_MODE_STEPPED &&
	    atomic_load_explicit(&sys->state, memory_order_relaxed) == HMI_RUNNING)
		hmi_misuse("hm_system_destroy", "the system runs: hm_system_stop it, and wait for its end");
	if (atomic_load_explicit(&sys->state, memory_order_relaxed) != HMI_CREATED)
		hmi_deploy_report(sys);
	(void)with_rcu(sys, tear_down);
	hmi_stalls_destroy(sys);
	hmi_system_extensions_destroy(sys);
	modules_destroy(sys);
	hmi_streams_destroy(sys);
	for (uint32_t i = 0; sys->lcores != NULL && i < sys->lcores_count; i++)
		hmi_ctx_give_up(sys->lcores[i]);
	for (uint32_t i = 0; sys->lcores != NULL && i < sys->lcores_count; i++)
		hmi_ctx_destroy(sys->lcores[i]);
	free(sys->lcores);
	free(sys->routers);
	hmi_offload_destroy(&sys->offload);
	(void)hmi_memory_leaks(sys);
	hmi_pool_destroy(&sys->pool);
	if (sys->types != NULL)
		hmi_types_destroy(sys->types);
	free(sys->types);
	hmi_nodes_destroy(&sys->nodes);
	hmi_deploy_destroy(sys);
	hmi_shutdown_destroy(&sys->shutdown);
	hmi_event_stream_destroy(&sys->events);
	pthread_mutex_destroy(&sys->control);
	sem_destroy(&sys->ended);
	if (sys->faults_caught)
		hmi_traps_release();
	if (sys->signals_blocked)
		pthread_sigmask(SIG_SETMASK, &sys->signals_before, NULL);
	free(sys);
}
