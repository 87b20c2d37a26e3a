/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fuzz target: bodies of protobuf messages. What can be read can be written.
 */
#include <stdlib.h>

#include "hmt_net.pb-c.h"
#include "hmt_net2.pb-c.h"

#include "codec_pvt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
payload_fuzz(const uint8_t *data, size_t size)
{
	static const struct hm_type types[] = {
		{ .id = 256, .descriptor = &hermod__test__numbers__descriptor },
		{ .id = 257, .descriptor = &hermod__test__scalars__descriptor },
		{ .id = 258, .descriptor = &hermod__test__text__descriptor },
		{ .id = 259, .descriptor = &hermod__test__tree__descriptor },
		{ .id = 260, .descriptor = &hermod__test2__optional__descriptor },
		{ .id = 261, .descriptor = &hermod__test__blobs__descriptor },
	};
	const struct hm_type *list[] = { &types[0], &types[1], &types[2], &types[3], &types[4], &types[5] };
	struct hmi_codec codec;
	size_t used;

	if (hmi_codec_create_from(&codec, list, 6) != 0)
		return;
	for (uint16_t id = 256; id < 262; id++) {
		const struct hmi_plan *plan = hmi_codec_by_id(&codec, id);
		size_t room = hmi_plan_room(plan, size);
		void *body = malloc(room);
		uint8_t *again;

		/* What was read can be written. */
		if (body != NULL && hmi_plan_unpack(plan, data, size, body, room, &used) == 0) {
			size_t length = hmi_plan_packed_size(plan, body);

			again = malloc(length + 1);
			if (again == NULL || hmi_plan_pack(plan, body, again) != again + length)
				abort();
			free(again);
		}
		free(body);
	}
	hmi_codec_destroy(&codec);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	payload_fuzz(data, size);
	return 0;
}
