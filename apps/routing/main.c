/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bank whose customers come to one PID, and are served by many tellers.
 */
#include <stdio.h>
#include <string.h>

#include <hermod.h>

#define TELLERS   3u
#define CUSTOMERS 9u
#define ACCOUNTS  4u
#define VISITS    5u

struct visit {
	char name[16]; /* of the account */
};

#define BANK(MESSAGE)                  \
	MESSAGE(deposit, struct visit) \
	MESSAGE(deposited)             \
	MESSAGE(count_up)              \
	MESSAGE(counted, uint32_t)     \
	MESSAGE(go_home)
HM_MESSAGES(bank, HM_TYPE_USER, BANK);

/* ---- Tellers: routees --------------------------------------------------------------------- */

static void
on_deposit(struct hm_ctx *ctx, uint32_t *served, const struct visit *visit)
{
	(void)visit;
	(*served)++;
	(void)deposited_respond(ctx);
}

static void
on_count_up(struct hm_ctx *ctx, const uint32_t *served)
{
	(void)counted_respond(ctx, served);
}

static void
on_go_home(struct hm_ctx *ctx, const uint32_t *served)
{
	(void)served;
	hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(teller, uint32_t,
	   HM_ON(deposit, on_deposit) HM_ON_EMPTY(count_up, on_count_up) HM_ON_EMPTY(go_home, on_go_home));

static const struct hm_props teller_props = { .receive = teller,
					      .state_size = sizeof(uint32_t),
					      .lcore = HM_LCORE_ANY };

/* ---- The bank ------------------------------------------------------------------------------ */

struct bank {
	struct hm_pid counter, vault; /* by turns; by account */
	uint32_t answers, wanted, moved;
};

static const char *const names[ACCOUNTS] = { "alice", "bob", "carol", "dave" };

/* The account is the key. */
static uint64_t
account(const struct hm_msg *msg, void *arg)
{
	const struct visit *visit = deposit_body(msg);

	(void)arg;
	return hm_key(visit->name, strlen(visit->name));
}

static void
visit(struct hm_ctx *ctx, struct hm_pid router, const char *name)
{
	struct visit body = { 0 };

	(void)snprintf(body.name, sizeof(body.name), "%s", name);
	(void)deposit_request(ctx, router, &body);
}

static void
on_started(struct hm_ctx *ctx, struct bank *bank)
{
	struct hm_router by_turns = { .kind = HM_ROUTER_ROUND_ROBIN,
				      .size = TELLERS,
				      .props = &teller_props };
	struct hm_router by_account = {
		.kind = HM_ROUTER_HASH, .size = TELLERS, .props = &teller_props, .key = account
	};

	if (hm_router_spawn(ctx, &by_turns, "counter", &bank->counter) != 0 ||
	    hm_router_spawn(ctx, &by_account, "vault", &bank->vault) != 0)
		hm_fail(ctx, "no routers");
	bank->wanted = CUSTOMERS;
	for (uint32_t i = 0; i < CUSTOMERS; i++)
		visit(ctx, bank->counter, "anybody");
}

/* Each teller of the counter is asked what it has done. */
static void
counter_served(struct hm_ctx *ctx, struct bank *bank)
{
	bank->wanted += TELLERS;
	(void)hm_router_broadcast(ctx, bank->counter, count_up, NULL, NULL);
}

static void
vault_visit(struct hm_ctx *ctx, struct bank *bank)
{
	bank->wanted += ACCOUNTS;
	for (uint32_t i = 0; i < ACCOUNTS; i++)
		visit(ctx, bank->vault, names[i]);
}

/* First the counter has served all, then in each round the vault. */
static void
on_deposited(struct hm_ctx *ctx, struct bank *bank)
{
	bank->answers++;
	if (bank->answers < bank->wanted)
		return;
	if (bank->answers == CUSTOMERS)
		counter_served(ctx, bank);
	else if (bank->answers < CUSTOMERS + TELLERS + VISITS * ACCOUNTS)
		vault_visit(ctx, bank);
	else
		(void)hm_router_broadcast(ctx, bank->vault, count_up, NULL, NULL);
}

/* If each account has one teller, that has a multiple of its visits. */
static void
vault_counted(struct hm_ctx *ctx, struct bank *bank, uint32_t served)
{
	bank->moved += served % VISITS != 0;
	if (bank->answers < CUSTOMERS + 2 * TELLERS + VISITS * ACCOUNTS)
		return;
	printf("by account: %u visits of each of %u accounts, %u of them to another teller\n", VISITS,
	       ACCOUNTS, bank->moved);
	/* One of the counter's goes home, and the router takes another one. */
	(void)go_home_send(ctx, bank->counter);
	(void)hm_request(ctx, bank->counter, HM_ROUTER_ADJUST, &(struct hm_router_change){ 2 });
}

static void
on_counted(struct hm_ctx *ctx, struct bank *bank, const uint32_t *served)
{
	bank->answers++;
	if (bank->answers > CUSTOMERS + TELLERS) {
		vault_counted(ctx, bank, *served);
		return;
	}
	printf("by turns: a teller has served %u of %u customers\n", *served, CUSTOMERS);
	if (bank->answers == CUSTOMERS + TELLERS)
		vault_visit(ctx, bank);
}

static void
on_adjusted(struct hm_ctx *ctx, struct bank *bank, const struct hm_router_done *done)
{
	printf("two more tellers: %s\n", done->error == 0 ? "hired" : "refused");
	(void)hm_poison(ctx, bank->counter);
}

static void
on_terminated(struct hm_ctx *ctx, struct bank *bank, const struct hm_terminated *terminated)
{
	if (!hm_pid_equal(terminated->who, bank->counter))
		return;
	printf("the counter is closed\n");
	hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(receive, struct bank,
	   HM_ON_EMPTY(HM_STARTED, on_started) HM_ON_EMPTY(deposited, on_deposited) HM_ON(counted, on_counted)
		   HM_ON(HM_ROUTER_DONE, on_adjusted) HM_ON(HM_TERMINATED, on_terminated));

int
main(int argc, char **argv)
{
	static const struct hm_props props = { .receive = receive, .state_size = sizeof(struct bank) };
	static const struct hm_program program = { .prepare = bank_register,
						   .props = &props,
						   .name = "bank" };

	return hm_program_run(&program, argc, argv);
}
