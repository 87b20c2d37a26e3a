/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HERMOD_H
#define HERMOD_H

/**
 * @file
 * All of hermod's public headers, from the lowest layer to the highest.
 *
 *     hm_version.h      version of the headers and of the library
 *     hm_pid.h          PIDs: 128 bits that name a process
 *     hm_msg.h          messages, and those that the engine itself sends
 *     hm_idle.h         what an lcore does when it has no work
 *     hm_result.h       results of sending calls
 *     hm_type.h         message types: protobuf messages and local structs
 *     hm_future.h       answers that are still to come: ask, wait, pipe, batches
 *     hm_header.h       headers: pairs of texts beside a message's body
 *     hm_buffer.h       memory that a message refers to, for big bodies
 *     hm_actor.h        the API of actors: spawn, send, watch, timers
 *     hm_dispatch.h     where actors run: the load of lcores, placement by key
 *     hm_behaviour.h    behaviours, stash, receive timeout
 *     hm_log.h          lines with lcore and path, into EAL's log
 *     hm_logging.h      a line for each message
 *     hm_tracing.h      which message has led to which
 *     hm_metrics.h      what the actors of a type have done
 *     hm_mailbox.h      order, bound and overflow of mailboxes; back pressure
 *     hm_messages.h     typed messages: ids, functions and handlers from one table
 *     hm_middleware.h   functions around what an actor receives, sends and spawns
 *     hm_plugin.h       what is mixed into an actor, with a part of its state
 *     hm_passivation.h  actors that stop when no message comes
 *     hm_service.h      services: typed calls and tables of handlers
 *     hm_move.h         actors that move to another lcore
 *     hm_children.h     the children of an actor, one after the other
 *     hm_router.h       one PID for many actors
 *     hm_select.h       whom a path or a pattern names
 *     hm_pid_set.h      sets of PIDs
 *     hm_extension.h    what libraries keep for actors and systems
 *     hm_offload.h      calls that block, made by threads that are no lcore
 *     hm_dead_letter.h  messages that were not delivered
 *     hm_event_stream.h events, for who has subscribed to their types
 *     hm_deploy.h       settings of actors by their paths
 *     hm_stall.h        lcores that hang
 *     hm_recorder.h     the last events of each lcore
 *     hm_limit.h        rates: token buckets, and a process that throttles
 *     hm_retry.h        requests with back-off, and hedged ones
 *     hm_breaker.h      circuit breakers
 *     hm_workers.h      pools of workers that pull their work
 *     hm_bundle.h       messages that are handled together
 *     hm_pipeline.h     actors that hand on to each other
 *     hm_fan.h          one message to several, one answer of theirs
 *     hm_dedup.h        has this come before?
 *     hm_dedup_stage.h  what has come before does not come to an actor
 *     hm_cron.h         messages by the calendar
 *     hm_stream.h       messages between actors and threads
 *     hm_supervisor.h   failure, supervision, faults
 *     hm_system.h       a node, from start-up to tear-down
 *     hm_shutdown.h     what is done when it stops, in phases
 *     hm_call.h         requests of external threads, with an eventfd
 *     hm_testkit.h      tests: probes, virtual time, steps by order or seed
 *     hm_explore.h      tests: all orders of lcores
 *     hm_provider.h     modules, and providers, which serve PIDs of other nodes
 *     hm_net.h          actors of other nodes, over a DPDK port
 */

#include "hm_pid.h"
#include "hm_msg.h"

#include "hm_idle.h"

#include "hm_version.h"

#include "hm_result.h"
#include "hm_router.h"
#include "hm_type.h"
#include "hm_future.h"
#include "hm_header.h"
#include "hm_buffer.h"
#include "hm_actor.h"
#include "hm_dispatch.h"
#include "hm_balance.h"
#include "hm_behaviour.h"
#include "hm_keep.h"
#include "hm_log.h"
#include "hm_mailbox.h"
#include "hm_messages.h"
#include "hm_middleware.h"
#include "hm_plugin.h"
#include "hm_passivation.h"
#include "hm_logging.h"
#include "hm_tracing.h"
#include "hm_metrics.h"
#include "hm_service.h"
#include "hm_cron.h"
#include "hm_limit.h"
#include "hm_retry.h"
#include "hm_workers.h"
#include "hm_bundle.h"
#include "hm_pipeline.h"
#include "hm_fan.h"
#include "hm_breaker.h"
#include "hm_dedup.h"
#include "hm_dedup_stage.h"
#include "hm_move.h"
#include "hm_children.h"
#include "hm_pid_set.h"
#include "hm_extension.h"
#include "hm_offload.h"
#include "hm_dead_letter.h"
#include "hm_event_stream.h"
#include "hm_deploy.h"
#include "hm_stall.h"
#include "hm_recorder.h"
#include "hm_supervisor.h"
#include "hm_system.h"
#include "hm_shutdown.h"
#include "hm_select.h"
#include "hm_call.h"
#include "hm_stream.h"
#include "hm_testkit.h"
#include "hm_explore.h"
#include "hm_program.h"
#include "hm_provider.h"

#include "hm_net.h"

#endif /* HERMOD_H */
