/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_SERVICE_H
#define HM_SERVICE_H

/**
 * @file
 * Services: actors that answer requests, each with a message of one type. From a table of calls, whose messages are those of
 * HM_MESSAGES, the compiler gets typed functions for who asks, and a table of handlers for who answers.
 *
 *     #define BANK(RPC)                                            \
 *             RPC(bank_deposit, deposit, bank_amount, bank_balance) \
 *             RPC(bank_close, close, bank_reason, bank_balance)
 *
 *     HM_SERVICE(bank, BANK);
 *
 * makes of each call, here of deposit, which takes a bank_amount and answers with a bank_balance:
 *
 *     bank_deposit_ask(ctx, to, &amount, timeout_us, on_reply, arg)   hm_ask; and _request, _request_from, _request_future
 *     bank_deposit_reply(reply)         in on_reply: const struct balance *; NULL if the answer is of another type, or none
 *     bank_deposit_system_ask(sys, to, &amount, timeout_us, &reply, &balance)
 *                                       hm_system_ask; and -EBADMSG: the answer is of another type. What it is, reply says
 *     bank_deposit_respond(ctx, &balance)                             hm_respond
 *
 * and for the actor that answers:
 *
 *     static void on_deposit(struct hm_ctx *ctx, void *state, const struct amount *amount);
 *
 *     static const struct bank_handlers handlers = { .on_deposit = on_deposit };
 *
 *     bank_dispatch(&handlers, ctx, state, msg)      in the receive function; false: msg is no call of the service, or has no
 *                                                    handler
 *
 * A handler may answer later, or have another actor answer, as every actor may. Calls are told from each other by the type of
 * their message: the compiler refuses two with the same one. All is inline, and costs what the calls of hm_actor.h do. C11 and
 * C++11. protoc-gen-hermod writes such tables from the services of a .proto file.
 */

#include <errno.h>
#include <stdbool.h>

#include "hm_future.h"
#include "hm_messages.h"

/**
 * Make typed functions, and a structure of handlers.
 *
 * @param service  prefix of service_handlers and service_dispatch
 * @param RPCS     a macro: RPCS(RPC) stands for one or more RPC(name, handler, request, response), one behind the other, without
 *                 commas: prefix of the functions; what the handler's member is called behind on_; the messages, with
 *                 bodies, of HM_MESSAGES
 */
#define HM_SERVICE(service, RPCS)                                                                        \
	RPCS(HM_RPC_FUNCTIONS_)                                                                          \
	struct service##_handlers {                                                                      \
		RPCS(HM_RPC_MEMBER_)                                                                     \
	};                                                                                               \
	HM_TYPED_ bool service##_dispatch(const struct service##_handlers *handlers, struct hm_ctx *ctx, \
					  void *state, const struct hm_msg *msg)                         \
	{                                                                                                \
		switch (hm_msg_type(msg)) {                                                              \
			RPCS(HM_RPC_CASE_)                                                               \
		default:                                                                                 \
			return false;                                                                    \
		}                                                                                        \
	}                                                                                                \
	/* so that a semicolon may follow */                                                             \
	struct hm_system

/* ---- What the tables are made of ------------------------------------------------------------------- */

/* The body of a message, which is const. */
#define HM_BODY_TYPE_(message) __typeof__(*message##_body((const struct hm_msg *)0))

#define HM_RPC_MEMBER_(rpc, handler, request, response) \
	void (*on_##handler)(struct hm_ctx * ctx, void *state, HM_BODY_TYPE_(request) * body);

#define HM_RPC_CASE_(rpc, handler, request, response)                    \
	case request:                                                    \
		if (handlers->on_##handler == NULL)                      \
			return false;                                    \
		handlers->on_##handler(ctx, state, request##_body(msg)); \
		return true;

#define HM_RPC_FUNCTIONS_(rpc, handler, request, response)                                                \
	HM_TYPED_ enum hm_result rpc##_request(struct hm_ctx *ctx, struct hm_pid to,                      \
					       HM_BODY_TYPE_(request) * body)                             \
	{                                                                                                 \
		return request##_request(ctx, to, body);                                                  \
	}                                                                                                 \
	HM_TYPED_ enum hm_result rpc##_request_from(struct hm_ctx *ctx, struct hm_pid to,                 \
						    struct hm_pid sender, HM_BODY_TYPE_(request) * body)  \
	{                                                                                                 \
		return request##_request_from(ctx, to, sender, body);                                     \
	}                                                                                                 \
	HM_TYPED_ enum hm_result rpc##_ask(struct hm_ctx *ctx, struct hm_pid to,                          \
					   HM_BODY_TYPE_(request) * body, uint64_t timeout_us,            \
					   hm_reply_fn * on_reply, void *arg)                             \
	{                                                                                                 \
		return request##_ask(ctx, to, body, timeout_us, on_reply, arg);                           \
	}                                                                                                 \
	HM_TYPED_ enum hm_result rpc##_request_future(struct hm_ctx *ctx, struct hm_pid to,               \
						      HM_BODY_TYPE_(request) * body, uint64_t timeout_us, \
						      struct hm_future * future)                          \
	{                                                                                                 \
		return request##_request_future(ctx, to, body, timeout_us, future);                       \
	}                                                                                                 \
	HM_TYPED_ enum hm_result rpc##_respond(struct hm_ctx *ctx, HM_BODY_TYPE_(response) * body)        \
	{                                                                                                 \
		return response##_respond(ctx, body);                                                     \
	}                                                                                                 \
	HM_TYPED_ HM_BODY_TYPE_(response) * rpc##_reply(const struct hm_msg *reply)                       \
	{                                                                                                 \
		return reply != NULL && hm_msg_type(reply) == response ? response##_body(reply) : NULL;   \
	}                                                                                                 \
	__attribute__((warn_unused_result))                                                               \
	HM_TYPED_ int rpc##_system_ask(struct hm_system *sys, struct hm_pid to,                           \
				       HM_BODY_TYPE_(request) * body, uint64_t timeout_us,                \
				       struct hm_reply * reply, HM_BODY_TYPE_(response) * *answer)        \
	{                                                                                                 \
		int rc = hm_system_ask(sys, to, request, body, timeout_us, reply);                        \
                                                                                                          \
		if (rc == 0 && reply->type != response)                                                   \
			rc = -EBADMSG;                                                                    \
		if (rc == 0)                                                                              \
			*answer = (HM_BODY_TYPE_(response) *)reply->body;                                 \
		return rc;                                                                                \
	}

#endif /* HM_SERVICE_H */
