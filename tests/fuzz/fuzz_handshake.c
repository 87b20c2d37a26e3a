/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fuzz target: the body of a handshake, and what a session makes of it.
 */
#include <stdlib.h>

#include "handshake_pvt.h"
#include "session_pvt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
handshake_fuzz(const uint8_t *data, size_t size)
{
	struct hmi_handshake handshake;
	struct hmi_session *s = calloc(1, sizeof(*s));

	(void)hmi_handshake_read_basics(&handshake, data, size);
	if (s != NULL && hmi_handshake_read(&handshake, data, size) == 0) {
		(void)hmi_handshake_hello(s, &handshake, 1, 1);
		(void)hmi_handshake_welcome(s, &handshake, 2);
		(void)hmi_handshake_hello(s, &handshake, 1, 3);
	}
	free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	handshake_fuzz(data, size);
	return 0;
}
