/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_PROGRAM_H
#define HM_PROGRAM_H

/**
 * @file
 * A whole program in one call: a system, its types, and a first actor, with which it ends.
 *
 *     int
 *     main(int argc, char **argv)
 *     {
 *             static const struct hm_props props = { .receive = receive };
 *             static const struct hm_program program = { .prepare = counter_register, .props = &props };
 *
 *             return hm_program_run(&program, argc, argv);
 *     }
 *
 * What needs more, threads of its own beside the lcores or several systems, calls what hm_system.h offers.
 */

#include "hm_actor.h"
#include "hm_system.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a program is; zeroed fields mean the default. */
struct hm_program {
	/** Options, modules, summary; its mode must be HM_MODE_LCORES. NULL: the default. */
	const struct hm_config *config;
	/**
	 * Called before anything runs, to register types: table_register of HM_MESSAGES fits; and to spawn other actors, which are
	 * there when the first one starts. Returns 0, or a negative errno, which ends the program. NULL: nothing is to be done.
	 */
	int (*prepare)(struct hm_system *sys);
	/** Of the first actor, a child of /user; must not be NULL. It gets HM_STARTED, and goes on from there. */
	const struct hm_props *props;
	/** Its name, as in hm_spawn; NULL: "main". */
	const char *name;
	/** As in hm_spawn. What it points to is read behind the options, which may have filled it in. */
	const void *args;
	/** Lcores that actors share (hm_system_lcores_shared) which the program needs; 0: one. */
	uint32_t lcores_min;
	/** And which it may have; 0: any number. */
	uint32_t lcores_max;
};

/**
 * Create a system, prepare it, spawn the first actor, run until the system has stopped, free it. The system stops when the
 * first actor has ended, whether it stopped or failed for good; by hm_system_stop; or by a signal, as in hm_system_run.
 *
 * Errors are printed to standard error, one line, as by hm_system_create.
 *
 * Context: the thread of main, no actor; blocks. Ownership: what @p program points to, and the texts of @p argv, must stay
 * until it returns.
 *
 * @param program    must not be NULL
 * @param argc,argv  as given to main
 * @return exit status: 0: the first actor, and all others, have stopped in order, or --help was printed; 2: a wrong option,
 *         wrong members of @p program, too few or too many lcores, or a prepare function that returns -EINVAL; 1: anything else, among it a first actor that has failed for good, and a failure that was escalated beyond /user
 */
__attribute__((warn_unused_result))
int hm_program_run(const struct hm_program *program, int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif /* HM_PROGRAM_H */
