/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Bodies of handshakes and of the engine's own messages: every truncation, names, unknown fields.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "handshake_body_pvt.h"
#include "hermod.pb-c.h"
#include "protobuf_pvt.h"
#include "system_body_pvt.h"

/* A handshake whose every field is as long as it can be. */
static struct hmi_handshake
longest(void)
{
	struct hmi_handshake handshake = {
		.node = UINT64_MAX,
		.started = UINT64_MAX,
		.types = UINT64_MAX,
		.session = UINT32_MAX,
		.protocol = UINT32_MAX,
		.reason = HMI_REFUSAL_TOO_MANY_PEERS,
		.attempt = UINT32_MAX,
		.window = UINT32_MAX,
		.max_payload = UINT32_MAX,
	};

	memset(handshake.name, 'n', HMI_NODE_NAME_MAX);
	memset(handshake.expects, 'e', HMI_NODE_NAME_MAX);
	return handshake;
}

static void
same(const struct hmi_handshake *a, const struct hmi_handshake *b)
{
	cr_assert_eq(a->node, b->node);
	cr_assert_eq(a->started, b->started);
	cr_assert_eq(a->types, b->types);
	cr_assert_eq(a->session, b->session);
	cr_assert_eq(a->protocol, b->protocol);
	cr_assert_eq(a->reason, b->reason);
	cr_assert_eq(a->attempt, b->attempt);
	cr_assert_eq(a->window, b->window);
	cr_assert_eq(a->max_payload, b->max_payload);
	cr_assert_str_eq(a->name, b->name);
	cr_assert_str_eq(a->expects, b->expects);
}

/* ---- Handshakes ----------------------------------------------------------------------- */

Test(handshake_body, write__longest_fits_the_room)
{
	struct hmi_handshake handshake = longest(), back;
	uint8_t bytes[HMI_HANDSHAKE_BYTES + 8];
	size_t length;

	memset(bytes, 0xee, sizeof(bytes));
	length = hmi_handshake_write(&handshake, bytes);
	cr_assert_leq(length, HMI_HANDSHAKE_BYTES);
	cr_assert_eq(bytes[length], 0xee);
	cr_assert_eq(hmi_handshake_read(&back, bytes, length), 0);
	same(&handshake, &back);
}

Test(handshake_body, write__nothing_said_is_nothing_written)
{
	struct hmi_handshake handshake = { 0 }, back;
	uint8_t bytes[HMI_HANDSHAKE_BYTES];
	size_t length = hmi_handshake_write(&handshake, bytes);

	cr_assert_eq(length, 0, "%zu bytes", length);
	memset(&back, 0xee, sizeof(back));
	cr_assert_eq(hmi_handshake_read(&back, bytes, 0), 0);
	same(&handshake, &back);
}

Test(handshake_body, read__every_truncation_is_refused_or_a_shorter_one)
{
	struct hmi_handshake handshake = longest(), back;
	uint8_t bytes[HMI_HANDSHAKE_BYTES];
	size_t length = hmi_handshake_write(&handshake, bytes), refused = 0;

	for (size_t cut = 0; cut < length; cut++) {
		uint8_t *exact = malloc(cut + 1);

		memcpy(exact, bytes, cut);
		/* Between two fields it is a whole handshake, with less in it. */
		if (hmi_handshake_read(&back, exact, cut) == 0)
			cr_assert(back.max_payload == 0, "%zu of %zu bytes", cut, length);
		else
			refused++;
		free(exact);
	}
	/* There are eleven fields, and so eleven beginnings. */
	cr_assert_eq(refused, length - 11);
}

Test(handshake_body, read__unknown_fields_are_skipped)
{
	static const uint8_t unknown[] = { 0xf8, 0x01, 5, 0xfa, 0x01, 2, 'h', 'i', 0xfd, 0x01, 1, 2, 3, 4 };
	struct hmi_handshake handshake = longest(), back;
	uint8_t bytes[HMI_HANDSHAKE_BYTES + sizeof(unknown)];
	size_t length;

	memcpy(bytes, unknown, sizeof(unknown));
	length = sizeof(unknown) + hmi_handshake_write(&handshake, bytes + sizeof(unknown));
	cr_assert_eq(hmi_handshake_read(&back, bytes, length), 0);
	same(&handshake, &back);
	cr_assert_eq(hmi_handshake_read_basics(&back, bytes, length), 0);
	cr_assert_eq(back.session, handshake.session);
}

Test(handshake_body, read__more_fields_than_there_is_memory_for)
{
	uint8_t bytes[4096];
	struct hmi_handshake back;

	/* Each of them is kept by protobuf-c's decoder; memory of the stack is all that it has. */
	for (size_t at = 0; at < sizeof(bytes); at += 2) {
		bytes[at] = 0x78;
		bytes[at + 1] = 1;
	}
	cr_assert_eq(hmi_handshake_read(&back, bytes, sizeof(bytes)), -EBADMSG);
	cr_assert_eq(hmi_handshake_read(&back, bytes, 4), 0);
}

/* ---- Names ---------------------------------------------------------------------------- */

Test(handshake_body, name_take__each_character)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~+@";
	char taken[HMI_NODE_NAME_MAX + 1];

	for (int c = 1; c < 256; c++) {
		char name[] = { 'n', (char)c, 'm', 0 };
		int want = strchr(good, c) != NULL ? 0 : -EBADMSG;

		cr_assert_eq(hmi_node_name_take(taken, name), want, "character %x", c);
		if (want == 0)
			cr_assert_str_eq(taken, name);
	}
}

Test(handshake_body, name_take__longest_and_one_more)
{
	char name[HMI_NODE_NAME_MAX + 2], taken[HMI_NODE_NAME_MAX + 1];

	memset(name, 'n', sizeof(name));
	name[HMI_NODE_NAME_MAX + 1] = '\0';
	cr_assert_eq(hmi_node_name_take(taken, name), -EBADMSG);
	name[HMI_NODE_NAME_MAX] = '\0';
	cr_assert_eq(hmi_node_name_take(taken, name), 0);
	cr_assert_str_eq(taken, name);
	cr_assert_eq(hmi_node_name_take(taken, ""), 0);
	cr_assert_str_empty(taken);
}

/* Encode a handshake with protobuf-c, which does not look at names. */
static int
named_read(const char *name, const char *expects, struct hmi_handshake *back)
{
	Hermod__Wire__Handshake m = HERMOD__WIRE__HANDSHAKE__INIT;
	uint8_t bytes[1024];

	m.session = 1;
	m.name = (char *)(uintptr_t)name;
	m.expects = (char *)(uintptr_t)expects;
	return hmi_handshake_read(back, bytes, hermod__wire__handshake__pack(&m, bytes));
}

Test(handshake_body, read__names_that_are_none)
{
	char name[HMI_NODE_NAME_MAX + 2];
	struct hmi_handshake back;

	memset(name, 'n', sizeof(name));
	name[HMI_NODE_NAME_MAX + 1] = '\0';
	cr_assert_eq(named_read(name, "", &back), -EBADMSG);
	cr_assert_eq(named_read("", name, &back), -EBADMSG);
	name[HMI_NODE_NAME_MAX] = '\0';
	cr_assert_eq(named_read(name, name, &back), 0);
	cr_assert_eq(named_read("a\nb", "", &back), -EBADMSG);
	cr_assert_eq(named_read("a", "b c", &back), -EBADMSG);
	cr_assert_eq(named_read("a/b", "", &back), -EBADMSG);
}

/* ---- What every version has ------------------------------------------------------------ */

Test(handshake_body, basics__session_protocol_and_reason_of_any_version)
{
	/* Field 6, a name in this version, is a number here; 4 has 32 bits instead of 64. */
	static const uint8_t bytes[] = { 0x30, 5,    0x25, 1,    2,    3,    4,    0x18, 1,
					 0x10, 0xac, 0x02, 0x0d, 0x78, 0x56, 0x34, 0x12 };
	struct hmi_handshake back;

	memset(&back, 0xee, sizeof(back));
	cr_assert_eq(hmi_handshake_read_basics(&back, bytes, sizeof(bytes)), 0);
	cr_assert_eq(back.session, 0x12345678);
	cr_assert_eq(back.protocol, 300);
	cr_assert_eq(back.reason, 1);
	cr_assert_eq(back.node | back.started | back.types, 0);
	cr_assert_eq(back.attempt | back.window | back.max_payload, 0);
	cr_assert_str_empty(back.name);
	cr_assert_str_empty(back.expects);
}

Test(handshake_body, basics__cut_off)
{
	static const uint8_t bytes[] = { 0x0d, 1, 0, 0, 0, 0x10, 0x81, 0, 0x18, 0x82, 0 };
	/* Where a field ends. */
	static const bool whole[] = {
		true, false, false, false, false, true, false, false, true, false, false
	};
	struct hmi_handshake back;

	for (size_t length = 0; length < sizeof(bytes); length++) {
		uint8_t *exact = malloc(length + 1);

		memcpy(exact, bytes, length);
		cr_assert_eq(hmi_handshake_read_basics(&back, exact, length), whole[length] ? 0 : -EBADMSG,
			     "%zu bytes", length);
		free(exact);
	}
	cr_assert_eq(hmi_handshake_read_basics(&back, bytes, sizeof(bytes)), 0);
	cr_assert_eq(back.session, 1);
	cr_assert_eq(back.protocol, 1);
	cr_assert_eq(back.reason, 2);
}

Test(handshake_body, basics__groups_are_no_protobuf)
{
	static const uint8_t bytes[] = { 0x0d, 1, 0, 0, 0, 0x23, 0x24 };
	struct hmi_handshake back;

	cr_assert_eq(hmi_handshake_read_basics(&back, bytes, 5), 0);
	cr_assert_eq(hmi_handshake_read_basics(&back, bytes, sizeof(bytes)), -EBADMSG);
}

Test(handshake_body, refusal_text__each_reason_has_its_own)
{
	for (uint32_t a = 0; a <= HMI_REFUSAL_TOO_MANY_PEERS; a++) {
		cr_assert_str_neq(hmi_refusal_text(a), "unknown reason", "reason %u", a);
		for (uint32_t b = 0; b < a; b++)
			cr_assert_str_neq(hmi_refusal_text(a), hmi_refusal_text(b), "reasons %u and %u", a,
					  b);
	}
	cr_assert_str_eq(hmi_refusal_text(HMI_REFUSAL_TOO_MANY_PEERS + 1), "unknown reason");
	cr_assert_str_eq(hmi_refusal_text(UINT32_MAX), "unknown reason");
}

/* ---- Pid and Terminated ----------------------------------------------------------------- */

Test(system_body, pid__every_truncation)
{
	struct hm_pid pid = { 0x1122334455667788, 0x99aabbccddeeff00 }, back;
	uint8_t bytes[HMI_PID_BYTES];

	cr_assert_eq(hmi_wire_pid_write(bytes, pid), bytes + HMI_PID_BYTES);
	for (size_t length = 0; length < HMI_PID_BYTES; length++) {
		uint8_t *exact = malloc(length + 1);

		memcpy(exact, bytes, length);
		/* Nothing, or the first field alone, is whole. */
		cr_assert_eq(hmi_wire_pid_read(exact, length, &back), length % 9 == 0 ? 0 : -EBADMSG,
			     "%zu bytes", length);
		free(exact);
	}
	cr_assert_eq(hmi_wire_pid_read(bytes, 9, &back), 0);
	cr_assert_eq(back.node, pid.node);
	cr_assert_eq(back.local, 0);
	cr_assert_eq(hmi_wire_pid_read(bytes, sizeof(bytes), &back), 0);
	cr_assert(hm_pid_equal(pid, back));
}

Test(system_body, pid__unknown_fields_and_the_last_of_two)
{
	uint8_t bytes[64], *at = bytes;
	struct hm_pid back;

	*at++ = 0x1a; /* field 3, bytes */
	*at++ = 2;
	*at++ = 0x09;
	*at++ = 0x09;
	at = hmi_wire_pid_write(at, (struct hm_pid){ 1, 2 });
	at = hmi_wire_pid_write(at, (struct hm_pid){ 3, 4 });
	cr_assert_eq(hmi_wire_pid_read(bytes, (size_t)(at - bytes), &back), 0);
	cr_assert(hm_pid_equal(back, (struct hm_pid){ 3, 4 }));
}

Test(system_body, terminated__longest_reason_fits)
{
	struct hm_terminated terminated = { { UINT64_MAX, UINT64_MAX }, UINT32_MAX, 0 }, back;
	uint8_t bytes[HMI_TERMINATED_BYTES + 1];
	uint8_t *end;

	memset(bytes, 0xee, sizeof(bytes));
	end = hmi_wire_terminated_write(bytes, &terminated);
	cr_assert_leq(end - bytes, HMI_TERMINATED_BYTES);
	cr_assert_eq(*end, 0xee);
	cr_assert_eq(hmi_wire_terminated_read(bytes, (size_t)(end - bytes), &back), 0);
	cr_assert_eq(back.reason, UINT32_MAX);
	cr_assert(hm_pid_equal(back.who, terminated.who));
}

Test(system_body, terminated__every_truncation)
{
	struct hm_terminated terminated = { { 1, 2 }, 300, 0 }, back;
	uint8_t bytes[HMI_TERMINATED_BYTES];
	size_t length = (size_t)(hmi_wire_terminated_write(bytes, &terminated) - bytes);

	for (size_t cut = 0; cut < length; cut++) {
		uint8_t *exact = malloc(cut + 1);
		bool whole = cut == 0 || cut == 2 + HMI_PID_BYTES;

		memcpy(exact, bytes, cut);
		cr_assert_eq(hmi_wire_terminated_read(exact, cut, &back), whole ? 0 : -EBADMSG, "%zu bytes",
			     cut);
		free(exact);
	}
}

Test(system_body, terminated__process_that_is_no_pid)
{
	/* A Pid of three bytes, which are the beginning of a fixed64. */
	static const uint8_t bytes[] = { 0x0a, 3, 0x09, 1, 2, 0x10, 1 };
	struct hm_terminated back;

	cr_assert_eq(hmi_wire_terminated_read(bytes, sizeof(bytes), &back), -EBADMSG);
	cr_assert_eq(hmi_wire_terminated_read(bytes + 5, 2, &back), 0);
	cr_assert_eq(back.reason, 1);
	cr_assert(hm_pid_is_none(back.who));
}
