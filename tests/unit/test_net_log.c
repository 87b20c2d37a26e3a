/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the log says of sessions, and how little of it packets can cause.
 */
#include "test_net_lone.h"

#include "hmt_log.h"

TestSuite(net_log, .init = pair_eal_start, .timeout = 60);

/* ---- Floods --------------------------------------------------------------------------------------- */

/* A peer that is called answers by one reason after the other. */
Test(net_log, flood__of_refusals_with_alternating_reasons)
{
	struct lone *lone = lone_create("--peer b@10.0.0.2");
	struct hmi_handshake reject = { 0 };
	const struct lone_packet *hello;
	struct hmt_log log;

	lone_pass(lone, 50 * LONE_MS);
	hello = lone_take_kind(lone, HMI_HELLO);
	cr_assert_not_null(hello);
	reject.session = hello->handshake.session;
	hmt_log_start(&log);
	for (int second = 1; second <= 2; second++) {
		for (uint32_t i = 0; i < 100; i++) {
			reject.reason = i % 2 == 0 ? HMI_REFUSAL_NAME_TAKEN : HMI_REFUSAL_WRONG_NAME;
			lone_shake(lone, 2, HMI_REJECT, reject.session, &reject);
		}
		cr_assert_eq(hmt_log_count(&log, "no session: "), second * HMI_LOG_LINES, "%s",
			     hmt_log_text(&log));
		lone_pass(lone, LONE_SECOND);
	}
	hmt_log_end(&log);
	lone_destroy(lone);
}

/* A reason that there was no line for is still news later. */
Test(net_log, flood__last_reason_is_logged_later)
{
	struct lone *lone = lone_create("--peer b@10.0.0.2");
	struct hmi_handshake reject = { 0 };
	struct hmt_log log;

	lone_pass(lone, 50 * LONE_MS);
	reject.session = lone_take_kind(lone, HMI_HELLO)->handshake.session;
	hmt_log_start(&log);
	for (reject.reason = 1; reject.reason <= HMI_LOG_LINES + 1; reject.reason++)
		lone_shake(lone, 2, HMI_REJECT, reject.session, &reject);
	reject.reason = HMI_LOG_LINES + 1;
	cr_assert_not(hmt_log_has(&log, hmi_refusal_text(reject.reason)));
	lone_pass(lone, LONE_SECOND);
	lone_shake(lone, 2, HMI_REJECT, reject.session, &reject);
	cr_assert(hmt_log_has(&log, hmi_refusal_text(reject.reason)));
	hmt_log_end(&log);
	lone_destroy(lone);
}

/* Two stations say that they are the same node, open their sessions together, and end them. */
Test(net_log, flood__of_sessions_with_one_id)
{
	struct lone *lone = lone_create("");
	struct lone_peer peers[2];
	struct hmt_log log;
	uint32_t lines;

	hmt_log_start(&log);
	for (uint32_t round = 1; round <= 20; round++) {
		for (uint8_t i = 0; i < 2; i++) {
			struct hmi_handshake hello = lone_says((uint8_t)(3 + i));

			hello.node = 4711;
			hello.attempt = round;
			lone_forget(lone);
			lone_shake(lone, (uint8_t)(3 + i), HMI_HELLO, 0, &hello);
			peers[i] = lone_peer_of(lone, (uint8_t)(3 + i),
						lone_take_kind(lone, HMI_WELCOME)->handshake.session);
		}
		for (uint32_t i = 0; i < 2; i++)
			lone_send(lone, &peers[i], HMI_ACK, NULL, 0);
		for (uint32_t i = 0; i < 2; i++)
			lone_send(lone, &peers[i], HMI_BYE, NULL, 0);
	}
	cr_assert_eq(lone_stats(lone, "s4").sessions, 20);
	cr_assert(hmt_log_has(&log, "peer s4: peer s3 has the same id"));
	lines = hmt_log_count(&log, "hermod: ");
	cr_assert_eq(lines, 2 * HMI_LOG_LINES, "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	lone_destroy(lone);
}

Test(net_log, flood__of_hellos_that_are_refused)
{
	struct lone *lone = lone_create("");
	struct hmi_handshake hello = lone_says(3);
	struct hmt_log log;

	hmt_log_start(&log);
	snprintf(hello.expects, sizeof(hello.expects), "another");
	for (uint8_t host = 3; host < 103; host++) {
		snprintf(hello.name, sizeof(hello.name), "s%u", host);
		lone_shake(lone, host, HMI_HELLO, 0, &hello);
	}
	cr_assert_eq(hmt_log_count(&log, "hermod: "), HMI_LOG_LINES, "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	lone_destroy(lone);
}

/* ---- Words ---------------------------------------------------------------------------------------- */

/* An orderly farewell is no loss. */
Test(net_log, bye__is_not_called_lost)
{
	struct lone *lone = lone_create("");
	struct lone_peer peer = lone_open(lone, 3);
	struct hmt_log log;

	hmt_log_start(&log);
	lone_send(lone, &peer, HMI_BYE, NULL, 0);
	cr_assert_str_eq(hmt_log_text(&log), "hermod: peer s3: disconnected\n");
	hmt_log_end(&log);
	lone_destroy(lone);
}

Test(net_log, timeout__is_called_lost)
{
	struct lone *lone = lone_create("--peer-timeout-ms 50");
	struct hmt_log log;

	(void)lone_open(lone, 3);
	hmt_log_start(&log);
	lone_pass(lone, 60 * LONE_MS);
	cr_assert_str_eq(hmt_log_text(&log),
			 "hermod: peer s3: lost: nothing received within --peer-timeout-ms\n");
	hmt_log_end(&log);
	lone_destroy(lone);
}
