/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * When a port requests and releases the guard of memif's interrupt thread: time is virtual, the thread is
 * not, and the test waits until it is blocked.
 */
#include <dlfcn.h>
#include <errno.h>

#include <rte_alarm.h>

#include "test_net_port.h"

#define LINK_NS  (100 * MS)
#define GUARD_NS 200000ull
#define QUIET_NS (100 * MS)
#define HOLD_NS  (500 * MS)
#define MEMIF_NS (250 * MS)

TestSuite(net_port_guard, .init = port_eal_start, .timeout = 60);

/* Alarms are refused. */
static bool alarms_fail;

/* Instead of DPDK's. */
int
rte_eal_alarm_set(uint64_t us, rte_eal_alarm_callback callback, void *arg)
{
	int (*real)(uint64_t us, rte_eal_alarm_callback callback, void *arg);

	*(void **)&real = dlsym(RTLD_NEXT, "rte_eal_alarm_set");
	return alarms_fail ? -EIO : real(us, callback, arg);
}

/* A port with a guard, as a memif port has it, which was not requested yet. */
static struct fixture
fixture_guarded(void)
{
	struct hmi_port_config config = config_plain();
	struct fixture f = fixture_open(&config);

	f.port->guarded = true;
	f.port->usable = false;
	cr_assert_eq(hmi_guard_init(&f.port->guard), 0);
	return f;
}

static void
tick(struct fixture *f, uint64_t now)
{
	f->port->now = now;
	(void)hmi_port_tick(f->port, now);
}

/* Whether a tick requests the guard. */
static bool
requests(struct fixture *f, uint64_t now)
{
	tick(f, now);
	return atomic_load_explicit(&f->port->guard.state, memory_order_relaxed) != HMI_GUARD_RELEASED;
}

/* The interrupt thread blocks, and the tick at that time notices it. */
static void
hold(struct fixture *f, uint64_t now)
{
	cr_assert(requests(f, now));
	cr_assert_not(f->port->usable, "the interrupt thread may be unmapping what a burst would use");
	cr_assert(hmi_guard_wait(&f->port->guard));
	tick(f, now);
}

/* A frame arrives, and is received. */
static void
frame_arrives(struct fixture *f, uint64_t now)
{
	struct rte_mbuf *frames[HMI_PORT_BURST];

	f->port->now = now;
	cr_assert_eq(rte_ring_enqueue(f->in, frame_make(f, 1)), 0);
	cr_assert_eq(hmi_port_receive(f->port, frames), 1);
	rte_pktmbuf_free(frames[0]);
}

Test(net_port_guard, tick__held_while_frames_arrive_and_released_in_quiet)
{
	struct fixture f = fixture_guarded();
	uint64_t now = f.port->now;

	hold(&f, now);
	cr_assert(f.port->usable);
	/* The timeout counts from the beginning, and then from the last frame. */
	tick(&f, now + QUIET_NS - 1);
	cr_assert(f.port->usable);
	now += QUIET_NS - 1;
	for (int i = 0; i < 20; i++) {
		frame_arrives(&f, now);
		now += QUIET_NS - 1;
		tick(&f, now);
		cr_assert(f.port->usable, "after %d frames", i + 1);
	}
	tick(&f, now + 1);
	cr_assert_not(f.port->usable);
	cr_assert_not(hmi_guard_is_held(&f.port->guard));
	fixture_close(&f);
}

Test(net_port_guard, tick__requested_again_after_a_fifth_of_a_millisecond)
{
	struct fixture f = fixture_guarded();
	uint64_t now = f.port->now;

	for (int round = 0; round < 5; round++) {
		hold(&f, now);
		now += QUIET_NS;
		cr_assert_not(requests(&f, now), "it was quiet");
		cr_assert_not(requests(&f, now + GUARD_NS - 1));
		now += GUARD_NS;
	}
	fixture_close(&f);
}

/* Other ports of the process need the interrupt thread, however busy this one is. */
Test(net_port_guard, tick__shared_is_released_twice_a_second)
{
	struct fixture f = fixture_guarded();
	uint64_t now = f.port->now, start;

	for (int shared = 0; shared < 2; shared++) {
		f.port->guard_shared = shared;
		hold(&f, now);
		for (start = now; now < start + HOLD_NS; now += 50 * MS)
			frame_arrives(&f, now);
		tick(&f, start + HOLD_NS - 1);
		cr_assert(f.port->usable);
		tick(&f, start + HOLD_NS);
		cr_assert_eq(f.port->usable, !shared);
		tick(&f, now = start + 3 * HOLD_NS);
		now += GUARD_NS;
	}
	fixture_close(&f);
}

Test(net_port_guard, tick__that_cannot_be_had_is_tried_ten_times_a_second)
{
	struct fixture f = fixture_guarded();
	uint64_t now = f.port->now;

	alarms_fail = true;
	cr_assert_not(requests(&f, now));
	alarms_fail = false;
	cr_assert_not(requests(&f, now + LINK_NS - 1));
	cr_assert_not(f.port->usable);
	cr_assert(requests(&f, now + LINK_NS));
	fixture_close(&f);
}

/* Set the link, and let the port notice at that time. */
static void
link_set(struct fixture *f, bool up, uint64_t now)
{
	cr_assert_eq((up ? rte_eth_dev_set_link_up : rte_eth_dev_set_link_down)((uint16_t)f->number), 0);
	f->port->link_ns = now;
}

Test(net_port_guard, tick__not_held_without_a_link)
{
	struct fixture f = fixture_guarded();
	uint64_t now = f.port->now;

	hold(&f, now);
	link_set(&f, false, now + 1);
	tick(&f, now + 1);
	cr_assert_not(f.port->usable);
	cr_assert_not(hmi_guard_is_held(&f.port->guard));
	/* A server waits for the link; nothing else needs the guard. */
	for (uint64_t ms = 1; ms < 1000; ms++)
		cr_assert_not(requests(&f, now + ms * MS));
	link_set(&f, true, now + 1000 * MS);
	hold(&f, now + 1000 * MS);
	cr_assert(f.port->usable);
	fixture_close(&f);
}

/* A client is restarted under the guard, to connect again. */
Test(net_port_guard, tick__client_without_a_link_is_restarted_four_times_a_second)
{
	struct fixture f = fixture_guarded();
	uint64_t now = f.port->now;

	f.port->memif_client = true;
	link_set(&f, false, now);
	hold(&f, now);
	cr_assert_not(hmi_guard_is_held(&f.port->guard));
	/* The attempt of the set-up was the first one; the ring has a link when it is started. */
	cr_assert_eq(f.port->start_ns, now + MEMIF_NS);
	cr_assert_not(requests(&f, now + MEMIF_NS - 1));
	hold(&f, now + MEMIF_NS);
	cr_assert_eq(f.port->start_ns, now + 2 * MEMIF_NS);
	cr_assert_not(f.port->usable);
	f.port->link_ns = 0;
	hold(&f, now + MEMIF_NS + GUARD_NS);
	cr_assert(f.port->link_up && f.port->usable);
	fixture_close(&f);
}
