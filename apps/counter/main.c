/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <hermod.h>

#define COUNTER(MESSAGE) MESSAGE(counter_add, int)
HM_MESSAGES(counter, HM_TYPE_USER, COUNTER);

static void
on_started(struct hm_ctx *ctx, int *sum)
{
	(void)sum;
	(void)counter_add_send(ctx, hm_self(ctx), &(int){ 42 });
}

static void
on_add(struct hm_ctx *ctx, int *sum, const int *amount)
{
	printf("the sum is %d\n", *sum += *amount);
	hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(receive, int, HM_ON_EMPTY(HM_STARTED, on_started) HM_ON(counter_add, on_add));

int
main(int argc, char **argv)
{
	static const struct hm_props props = { .receive = receive, .state_size = sizeof(int) };
	static const struct hm_program program = { .prepare = counter_register, .props = &props };

	return hm_program_run(&program, argc, argv);
}
