/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of one system and one first actor:
 *
 *     create ─▶ lcores enough? ─▶ prepare ─▶ spawn the first actor ─▶ run ─▶ destroy
 *                                               └─ ends ─▶ /user learns of it ─▶ the system stops
 */
#include "hm_program.h"

#include <errno.h>
#include <stdio.h>

#include <rte_errno.h>

#include "hm_dispatch.h"
#include "system_pvt.h"

/* Print why it does not run. Whatever a prepare function returns, that is no help that was asked for. */
static int
error_tell(int rc, const char *what)
{
	if (rc == 0)
		return 0;
	fprintf(stderr, "hermod: the program's %s: %s\n", what, rte_strerror(-rc));
	return rc == -ECANCELED ? -EIO : rc;
}

static int
first_spawn(struct hm_system *sys, const struct hm_program *program)
{
	return error_tell(hm_system_spawn(sys, program->props, program->name != NULL ? program->name : "main",
					  program->args, &sys->first),
			  "first actor cannot be spawned");
}

/* Returns 0, or -EINVAL, which is printed. */
static int
lcores_check(const struct hm_system *sys, const struct hm_program *program)
{
	uint32_t lcores = hm_system_lcores_shared(sys), min = program->lcores_min, max = program->lcores_max;

	if (lcores >= min && (max == 0 || lcores <= max))
		return 0;
	if (lcores < min)
		fprintf(stderr, "hermod: lcores: %u, of which the program needs at least %u; -l names more\n",
			lcores, min);
	else
		fprintf(stderr, "hermod: lcores: %u, of which the program uses at most %u; -l names less\n",
			lcores, max);
	return -EINVAL;
}

/* Of a system that is there. Returns 0 or a negative errno, which is printed. */
static int
run(struct hm_system *sys, const struct hm_program *program)
{
	int rc = lcores_check(sys, program);

	if (rc == 0 && program->prepare != NULL)
		rc = error_tell(program->prepare(sys), "prepare function fails");
	if (rc == 0)
		rc = first_spawn(sys, program);
	if (rc != 0)
		return rc;
	rc = hm_system_run(sys);
	/* A forced stop was logged by who has stopped it. */
	if (rc != 0 && rc != -EINTR)
		return error_tell(rc, "system does not run");
	return rc == 0 && sys->has_failed ? -ECHILD : rc;
}

/* What is printed, or NULL. */
static const char *
wrong_member(const struct hm_program *program)
{
	if (program == NULL)
		return "hm_program_run: there is no program: NULL";
	if (program->props == NULL)
		return "hm_program_run: the program has no first actor: props is NULL";
	if (program->lcores_max != 0 && program->lcores_max < program->lcores_min)
		return "hm_program_run: lcores_max is below lcores_min";
	if (program->config != NULL && program->config->mode != HM_MODE_LCORES)
		return "hm_program_run: runs systems of HM_MODE_LCORES; others are run by hm_system_start or "
		       "hm_system_turn";
	return NULL;
}

int
hm_program_run(const struct hm_program *program, int argc, char **argv)
{
	const char *wrong = wrong_member(program);
	struct hm_system *sys;
	int rc;

	if (wrong != NULL) {
		fprintf(stderr, "hermod: %s\n", wrong);
		return hm_exit_status(-EINVAL);
	}
	rc = hm_system_create(&sys, argc, argv, program->config);
	if (rc == 0)
		rc = run(sys, program);
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}
