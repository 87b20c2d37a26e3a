/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HERMOD_H
#define HERMOD_H

/**
 * @file
 * All of hermod's public headers, from the bottom to the top.
 *
 *     hm_version.h      which hermod
 *     hm_pid.h          who: 128 bits that name an actor for ever
 *     hm_msg.h          what: messages, and those that the engine itself sends
 *     hm_idle.h         what an lcore does when there is nothing to do
 *     hm_result.h       how a send ends
 *     hm_type.h         message types: protobuf messages and local structs
 *     hm_actor.h        what an actor can do
 *     hm_dead_letter.h  messages that found no receiver
 *     hm_system.h       a node, from start-up to tear-down
 *     hm_provider.h     serving PIDs of other nodes; for parts built on top
 *     hm_net.h          actors of other nodes, over a DPDK port
 */

#include "hm_pid.h"
#include "hm_msg.h"

#include "hm_idle.h"

#include "hm_version.h"

#include "hm_result.h"
#include "hm_type.h"
#include "hm_actor.h"
#include "hm_dead_letter.h"
#include "hm_system.h"
#include "hm_provider.h"

#include "hm_net.h"

#endif /* HERMOD_H */
