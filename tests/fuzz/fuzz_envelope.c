/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fuzz target: batches of envelopes, and the bodies of system messages in them.
 */
#include "envelope_pvt.h"
#include "protobuf_pvt.h"
#include "system_body_pvt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
batch_fuzz(const uint8_t *data, size_t size)
{
	struct hmi_reader reader = hmi_batch_reader(data, size);
	struct hmi_envelope envelope;

	while (hmi_batch_next(&reader, &envelope) == 1) {
		struct hm_terminated terminated;

		if (envelope.payload != NULL)
			(void)hmi_wire_terminated_read(envelope.payload, envelope.payload_length,
						       &terminated);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	batch_fuzz(data, size);
	return 0;
}
