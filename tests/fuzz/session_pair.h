/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SESSION_PAIR_H
#define SESSION_PAIR_H

/**
 * @file
 * Two ends of a session over links that do what the input says.
 */

#include <stddef.h>
#include <stdint.h>

/**
 * Run two ends under the steps in @p data: two bytes each. While both are open no piece is handed on twice, out of order, or
 * released before the other end has it; and when the links are in order again all that was sent arrives, or an end
 * says that the session is lost. Aborts otherwise.
 */
void session_pair_run(const uint8_t *data, size_t size);

#endif /* SESSION_PAIR_H */
