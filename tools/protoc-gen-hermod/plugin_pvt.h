/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLUGIN_PVT_H
#define PLUGIN_PVT_H

/*
 * The plugin between two blocks of bytes: a CodeGeneratorRequest, and a CodeGeneratorResponse.
 *
 *     request ─▶ nesting ─▶ protobuf-c ─▶ model ─▶ validate ─┬─▶ write ─▶ response
 *                                                            └─▶ the problems as response
 */

#include <stddef.h>
#include <stdint.h>

/*
 * Answer a request.
 *
 * @param answer  where to put the response, which the caller frees
 * @return NULL, or what is wrong with the request; then there is no response
 */
const char *hmp_plugin_answer(const uint8_t *request, size_t bytes, uint8_t **answer, size_t *answer_bytes);

#endif /* PLUGIN_PVT_H */
