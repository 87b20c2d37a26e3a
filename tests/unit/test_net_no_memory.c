/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The network's start finds no memory: it says what to do, leaves nothing behind, and can be tried again.
 *
 * The program's own calloc stands before the C library's, and the pools' before DPDK's; they refuse what the test says.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "test_net_pair.h"

#include <criterion/redirect.h>

#include "hmt_log.h"
#include "remote_pvt.h"

/* DPDK's, or the C library's, own function of a name. */
#define REAL(name) (__extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name))

#define WORDS "--node a --port net_ring_a --ip 10.0.0.1/24"

static size_t refused_count, refused_size; /* of calloc; 0: nothing is refused */
static uint32_t refused_left;              /* of these calls so many get what they want before */
static uint32_t refusals, pools_left;      /* pools that may still be made, if pools_refused */
static bool pools_refused;

/* Sanitizers want to see what the heap gives. */
void *
calloc(size_t count, size_t size)
{
	static __typeof__(&calloc) real;
	static bool is_looking;

	if (refused_size != 0 && count == refused_count && size == refused_size && refused_left-- == 0) {
		refusals++;
		return NULL;
	}
	/* What looks it up may want memory itself, and does without. */
	if (real == NULL && !is_looking) {
		is_looking = true;
		real = REAL(calloc);
		is_looking = false;
	}
	return real != NULL ? real(count, size) : NULL;
}

struct rte_mempool *
rte_pktmbuf_pool_create(const char *name, unsigned int count, unsigned int cache, uint16_t private_size,
			uint16_t room, int socket)
{
	if (pools_refused && pools_left == 0) {
		refusals++;
		return NULL;
	}
	pools_left -= pools_refused;
	return REAL(rte_pktmbuf_pool_create)(name, count, cache, private_size, room, socket);
}

static void
wire_and_redirect(void)
{
	static struct pair_wire wire;

	pair_eal_start();
	pair_wire_create(&wire);
	cr_redirect_stderr();
}

TestSuite(net_no_memory, .init = wire_and_redirect, .timeout = 60);

/* One that is refused, and what is left; then one that is not. */
static void
refused_check(const char *words, const char *says)
{
	struct hm_system *sys = NULL;
	char text[1024];
	size_t got;
	int rc = pair_try(&sys, words);

	refused_size = 0;
	pools_refused = false;
	fflush(stderr);
	got = fread(text, 1, sizeof(text) - 1, cr_get_redirected_stderr());
	text[got] = '\0';
	cr_assert_eq(rc, -ENOMEM, "%d: %s", rc, text);
	cr_assert_null(sys);
	cr_assert_gt(refusals, 0, "nothing was refused");
	cr_assert_str_eq(text, says);
	cr_assert_eq(hmt_mempools("hm[rt]x*"), 0);
	cr_assert_eq(pair_try(&sys, words), 0);
	cr_assert_eq(hmt_mempools("hm[rt]x*"), 2);
	hm_system_destroy(sys);
}

#define NO_TABLES                                                                                                 \
	"hermod: no memory for the network's tables; end other programs, or raise the limit of this one (ulimit " \
	"-v)\n"

static void
refuse(size_t count, size_t size)
{
	refused_count = count;
	refused_size = size;
}

Test(net_no_memory, create__without_memory_for_the_module)
{
	refuse(1, sizeof(struct hmi_remote));
	refused_check(WORDS, NO_TABLES);
}

Test(net_no_memory, start__without_memory_for_the_table_of_nodes)
{
	refuse(UINT16_MAX + 1u, sizeof(((struct hmi_net *)NULL)->peer_by_node[0]));
	refused_left = 1; /* a table of message types is as large */
	refused_check(WORDS, NO_TABLES);
}

Test(net_no_memory, start__without_memory_for_what_is_unpacked)
{
	refuse(1, HM_MSG_BODY_MAX);
	refused_check(WORDS, NO_TABLES);
}

Test(net_no_memory, options__without_memory_for_a_peer)
{
	refuse(1, sizeof(struct hmi_peer));
	refused_check(
		WORDS " --peer b@10.0.0.2",
		"hermod: --peer b@10.0.0.2: no memory for the peer; end other programs, or raise the limit "
		"of this one (ulimit -v)\n");
}

/* Neither of the port's node, nor of any. */
Test(net_no_memory, start__without_memory_for_received_frames)
{
	pools_refused = true;
	refused_check(
		WORDS " --rx-desc 512 --tx-desc 1024",
		"hermod: port net_ring_a: no memory for 2560 frame buffers; give EAL more (-m), or lower --rx-desc "
		"and --tx-desc\n"
		"hermod: port net_ring_a: no memory for 3584 frame buffers; give EAL more (-m), or lower --rx-desc "
		"and --tx-desc\n");
	cr_assert_eq(refusals, 4);
}

Test(net_no_memory, start__without_memory_for_frames_to_be_sent)
{
	pools_refused = true;
	pools_left = 1;
	refused_check(
		WORDS " --rx-desc 512 --tx-desc 1024",
		"hermod: port net_ring_a: no memory for 3584 frame buffers; give EAL more (-m), or lower --rx-desc "
		"and --tx-desc\n");
	cr_assert_eq(refusals, 2);
}

/* Types are known only after the start: the node runs, and says that none of them can cross. */
Test(net_no_memory, turn__without_memory_for_message_types)
{
	struct hm_system *sys = pair_node(WORDS);
	struct hmt_log log;

	hmt_log_start(&log);
	refuse(UINT16_MAX + 1u, sizeof(struct hm_type *));
	hm_system_turn(sys);
	refused_size = 0;
	cr_assert_eq(refusals, 1);
	cr_assert(hmt_log_has(&log, "no memory for message types: none can cross the network"));
	hmt_log_end(&log);
	hm_system_turn(sys);
	hm_system_destroy(sys);
}
