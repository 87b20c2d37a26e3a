/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSTEM_BODY_PVT_H
#define SYSTEM_BODY_PVT_H

/*
 * Bodies of the engine's own messages, as protobuf: Pid and Terminated of hermod.proto. Pure functions.
 */

#include <stddef.h>
#include <stdint.h>

#include "hm_msg.h"

/* Bytes of an encoded Pid, and at most of an encoded Terminated. */
#define HMI_PID_BYTES        18u
#define HMI_TERMINATED_BYTES 26u

/* Bytes of body of a message of the engine; -1: no message of this type crosses nodes. */
int hmi_wire_system_bytes(uint32_t type);

/* Write a message Pid. Returns its end. */
uint8_t *hmi_wire_pid_write(uint8_t *at, struct hm_pid pid);

/* Read a message Pid. Returns 0 or -EBADMSG. */
int hmi_wire_pid_read(const uint8_t *at, size_t length, struct hm_pid *pid);

/* Write a message Terminated. Returns its end. */
uint8_t *hmi_wire_terminated_write(uint8_t *at, const struct hm_terminated *terminated);

/* Read a message Terminated. Returns 0 or -EBADMSG. */
int hmi_wire_terminated_read(const uint8_t *at, size_t length, struct hm_terminated *terminated);

#endif /* SYSTEM_BODY_PVT_H */
