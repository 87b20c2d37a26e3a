/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NESTING_PVT_H
#define NESTING_PVT_H

/*
 * How deep messages are declared within messages. protobuf-c reads them by a function that calls itself, so what has no bound
 * here would have none on the stack. protoc itself refuses more than 32, or 100 in older versions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HMP_NESTING_MAX 100u

/* Whether the bytes can be a request: fields that end where they should, and messages that are not nested deeper. */
bool hmp_nesting_fits(const uint8_t *request, size_t bytes);

#endif /* NESTING_PVT_H */
