/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Encoder and decoder for bodies of the engine's own messages.
 */
#include <errno.h>
#include <string.h>

#include "hm_provider.h"
#include "protobuf_pvt.h"
#include "system_body_pvt.h"

#define TAG_PID_NODE          0x09
#define TAG_PID_LOCAL         0x11
#define TAG_TERMINATED_WHO    0x0a
#define TAG_TERMINATED_REASON 0x10

_Static_assert(sizeof(struct hm_identity) == sizeof(struct hm_pid), "the body is a PID");
_Static_assert(sizeof(struct hm_touched) == sizeof(struct hm_pid), "the body is a PID");

int
hmi_wire_system_bytes(uint32_t type)
{
	switch (type) {
	case HM_SYS_STOP:
	case HM_SYS_POISON:
	case HM_SYS_WATCH:
	case HM_SYS_UNWATCH:
	case HM_SYS_UNDELIVERED:
	case HM_TOUCH:
		return 0;
	case HM_SYS_TERMINATED:
		return sizeof(struct hm_terminated);
	case HM_IDENTITY:
	case HM_TOUCHED:
		return sizeof(struct hm_pid);
	default:
		return -1;
	}
}

uint8_t *
hmi_wire_pid_write(uint8_t *at, struct hm_pid pid)
{
	*at++ = TAG_PID_NODE;
	at = hmi_fixed64_write(at, pid.node);
	*at++ = TAG_PID_LOCAL;
	return hmi_fixed64_write(at, pid.local);
}

int
hmi_wire_pid_read(const uint8_t *at, size_t length, struct hm_pid *pid)
{
	const uint8_t *end = at + length;
	uint64_t tag;

	*pid = hm_pid_none();
	while (at < end) {
		at = hmi_varint_read(at, end, &tag);
		if (at == NULL)
			return -EBADMSG;
		if ((tag == TAG_PID_NODE || tag == TAG_PID_LOCAL) && end - at >= 8)
			*(tag == TAG_PID_NODE ? &pid->node : &pid->local) = hmi_fixed64_read(at);
		at = hmi_field_skip(at, end, tag);
		if (at == NULL)
			return -EBADMSG;
	}
	return 0;
}

uint8_t *
hmi_wire_terminated_write(uint8_t *at, const struct hm_terminated *terminated)
{
	*at++ = TAG_TERMINATED_WHO;
	*at++ = HMI_PID_BYTES;
	at = hmi_wire_pid_write(at, terminated->who);
	*at++ = TAG_TERMINATED_REASON;
	return hmi_varint_write(at, terminated->reason);
}

int
hmi_wire_terminated_read(const uint8_t *at, size_t length, struct hm_terminated *terminated)
{
	const uint8_t *end = at + length, *bytes;
	uint32_t bytes_length;
	uint64_t tag, value;

	memset(terminated, 0, sizeof(*terminated));
	while (at < end) {
		at = hmi_varint_read(at, end, &tag);
		if (at == NULL)
			return -EBADMSG;
		if (tag == TAG_TERMINATED_REASON && hmi_varint_read(at, end, &value) != NULL)
			terminated->reason = (uint32_t)value;
		if (tag == TAG_TERMINATED_WHO && hmi_delimited_read(at, end, &bytes, &bytes_length) != NULL &&
		    hmi_wire_pid_read(bytes, bytes_length, &terminated->who) != 0)
			return -EBADMSG;
		at = hmi_field_skip(at, end, tag);
		if (at == NULL)
			return -EBADMSG;
	}
	return 0;
}
