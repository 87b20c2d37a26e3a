/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_MESSAGES_H
#define HM_MESSAGES_H

/**
 * @file
 * Typed messages: from one table the compiler gets ids, names, and functions that take the right body only.
 *
 *     struct add {
 *             int64_t amount;
 *     };
 *
 *     #define COUNTER(MESSAGE)                  \
 *             MESSAGE(counter_add, struct add)  \
 *             MESSAGE(counter_print)
 *
 *     HM_MESSAGES(counter, HM_TYPE_USER, COUNTER)
 *
 * makes of each message, here of counter_add:
 *
 *     counter_add                       its id, for a switch: HM_TYPE_USER of the first, and so on
 *     counter_add_send(ctx, to, &add)   hm_send; and _request, _request_from, _respond, _ask, _request_future,
 *                                       _send_after, _send_batch, _system_send, _system_send_wait,
 *                                       _stream_write, _stream_write_wait
 *     counter_add_publish(ctx, &add)    hm_publish; and _system_publish
 *     counter_add_subscribe(sys, pid, &subscription)   hm_event_subscribe_pid, to this type
 *     counter_add_body(msg)             const struct add *, which is checked unless NDEBUG is defined
 *     counter_add_new(ctx, &msg)        struct add *, to be filled in place; then hm_msg_send(ctx, to, msg)
 *
 * A message without body has functions without that parameter, and neither _body nor _new; a protobuf type is
 * MESSAGE(order, Order, order__descriptor). Attributes of the type (hm_type.h) stand last, in parentheses, one behind the other:
 *
 *     MESSAGE(counter_close, (HM_CONTROL))
 *     MESSAGE(counter_get, struct get, (HM_NO_INFLUENCE HM_AUTO_RESPOND(get_answer)))
 *
 * And once:
 *
 *     counter_register(sys)             registers all, before the system runs
 *     counter_end                       the first id behind them, where the table of another part may begin
 *
 * HM_RECEIVE makes a receive function of handlers, each of which gets the body of its message:
 *
 *     static void on_add(struct hm_ctx *ctx, struct counter *counter, const struct add *add);
 *     static void on_print(struct hm_ctx *ctx, struct counter *counter);
 *
 *     HM_RECEIVE(receive, struct counter, HM_ON(counter_add, on_add) HM_ON_EMPTY(counter_print, on_print))
 *
 * The compiler refuses two handlers of one message, a body where there is none, and none where there is one. Of bodies and handlers
 * of another type it warns; in C++ and from GCC 14 and Clang 16 on these are errors, too. All is inline, and costs what the calls of
 * hm_actor.h do. C11 and C++11.
 */

#include "hm_actor.h"
#include "hm_event_stream.h"
#include "hm_stream.h"
#include "hm_system.h"
#include "hm_type.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Body of a message that has to be of a type; ends the process with the name of both types if it is not. What the typed
 * accessors of HM_MESSAGES call unless NDEBUG is defined.
 *
 * Context: turn. Ownership: as hm_msg_body.
 *
 * @param type   that it has to be of
 * @param bytes  that the body has at least
 * @param name   of the type, for the message; must not be NULL
 * @return as hm_msg_body
 */
const void *hm_msg_body_checked(const struct hm_msg *msg, uint16_t type, size_t bytes, const char *name);

#ifdef __cplusplus
}
#endif

/* ---- Tables ---------------------------------------------------------------------------------- */

/**
 * Make ids and typed functions of a table.
 *
 * @param table     prefix of table_register and table_end
 * @param first     the first id: HM_TYPE_USER, or another table's end
 * @param MESSAGES  a macro: MESSAGES(MESSAGE) stands for MESSAGE(name), MESSAGE(name, type of the body) or
 *                  MESSAGE(name, type of the body, protobuf descriptor), each with (attributes) as last argument where it has
 *                  any; one behind the other, without commas
 */
#define HM_MESSAGES(table, first, MESSAGES)                       \
	enum {                                                    \
		table##_before_ = (first)-1,                      \
		MESSAGES(HM_MESSAGE_ID_) table##_end              \
	};                                                        \
	MESSAGES(HM_MESSAGE_FUNCTIONS_)                           \
	HM_TYPED_ int table##_register(struct hm_system *hm_sys_) \
	{                                                         \
		int hm_rc_ = 0;                                   \
                                                                  \
		(void)hm_sys_; /* of an empty table */            \
		MESSAGES(HM_MESSAGE_REGISTER_)                    \
		return hm_rc_;                                    \
	}                                                         \
	/* so that a semicolon may follow */                      \
	struct hm_system

/* Attributes of a message, in the parentheses that end its row: members of struct hm_type. */

/** hm_type.control: mailboxes of the order HM_MAILBOX_CONTROL handle it before others. */
#define HM_CONTROL hm_type_.control = true;

/** hm_type.no_influence: it does not reset a receive timeout. */
#define HM_NO_INFLUENCE hm_type_.no_influence = true;

/**
 * hm_type.auto_respond: function(ctx, state, msg) answers it for all actors. Declared before the table, and defined behind it,
 * where it knows the table's functions: `static hm_auto_respond_fn get_answer;`. A message has one at most.
 */
#define HM_AUTO_RESPOND(function)           \
	hm_type_.auto_respond = (function); \
	enum {                              \
		hm_auto_respond_is_one_     \
	};

/** A receive function of handlers: HM_ON and its like, one behind the other, without commas. */
#define HM_RECEIVE(function, state_type, ...)                                               \
	static void function(struct hm_ctx *ctx, void *hm_state_, const struct hm_msg *msg) \
	{                                                                                   \
		state_type *state = (state_type *)hm_state_;                                \
                                                                                            \
		(void)ctx;                                                                  \
		(void)state;                                                                \
		switch (hm_msg_type(msg)) {                                                 \
			__VA_ARGS__                                                         \
		}                                                                           \
	}                                                                                   \
	struct hm_system

/** In HM_RECEIVE: messages of a type with body go to handler(ctx, state, body). */
#define HM_ON(message, handler)                           \
	case message:                                     \
		handler(ctx, state, message##_body(msg)); \
		break;

/** In HM_RECEIVE: messages without body, HM_STARTED for example, go to handler(ctx, state). */
#define HM_ON_EMPTY(message, handler) \
	case message:                 \
		handler(ctx, state);  \
		break;

/** In HM_RECEIVE: messages of a type go to handler(ctx, state, msg), with sender and headers. */
#define HM_ON_MESSAGE(message, handler)   \
	case message:                     \
		handler(ctx, state, msg); \
		break;

/** In HM_RECEIVE: all others go to handler(ctx, state, msg). Without it they are ignored. */
#define HM_ON_OTHER(handler)              \
	default:                          \
		handler(ctx, state, msg); \
		break;

/* Bodies of the engine's own messages, so that HM_ON takes them. */
/** Body of an HM_TERMINATED. */
#define HM_TERMINATED_body(msg) ((const struct hm_terminated *)hm_msg_body(msg))
/** Body of an HM_DEAD_LETTER: hm_dead_letter.h. */
#define HM_DEAD_LETTER_body(msg) ((const struct hm_dead_letter *)hm_msg_body(msg))
/** Body of an HM_IDENTITY. */
#define HM_IDENTITY_body(msg) ((const struct hm_identity *)hm_msg_body(msg))
/** Body of an HM_SUPERVISION: hm_supervisor.h. */
#define HM_SUPERVISION_body(msg) ((const struct hm_supervision *)hm_msg_body(msg))
/** Body of an HM_TOUCHED. */
#define HM_TOUCHED_body(msg) ((const struct hm_touched *)hm_msg_body(msg))
/** Body of an HM_LIFECYCLE. */
#define HM_LIFECYCLE_body(msg) ((const struct hm_lifecycle *)hm_msg_body(msg))
/** Body of an HM_ENDPOINT. */
#define HM_ENDPOINT_body(msg) ((const struct hm_endpoint *)hm_msg_body(msg))
/** Body of an HM_OVERLOAD. */
#define HM_OVERLOAD_body(msg) ((const struct hm_overload *)hm_msg_body(msg))
/** Body of an HM_STALL. */
#define HM_STALL_body(msg) ((const struct hm_stalled *)hm_msg_body(msg))

/* ---- What the tables are made of ------------------------------------------------------------------- */

#define HM_TYPED_      static inline __attribute__((unused))
#define HM_TYPED_USED_ static inline __attribute__((unused, warn_unused_result))

#ifdef NDEBUG
#define HM_BODY_OF_(msg, type, bytes, name) hm_msg_body(msg)
#else
#define HM_BODY_OF_(msg, type, bytes, name) hm_msg_body_checked(msg, type, bytes, name)
#endif

/* What stands in parentheses is 1_, all else 0_. */
#define HM_IS_ATTRIBUTES_(last)   HM_SECOND_(HM_ATTRIBUTES_FOUND_ last, 0_, 0)
#define HM_ATTRIBUTES_FOUND_(...) 0, 1_
#define HM_SECOND_(...)           HM_SECOND_OF_(__VA_ARGS__)
#define HM_SECOND_OF_(a, b, ...)  b
#define HM_JOIN_(a, b)            HM_JOIN_OF_(a, b)
#define HM_JOIN_OF_(a, b)         a##b

/*
 * A row by the number of its arguments and the kind of the last one. It becomes prefix##EMPTY_(message, attributes),
 * prefix##BODY_(message, body, attributes) or prefix##PROTO_(message, body, descriptor, attributes).
 */
#define HM_ROW_COUNT_(a, b, c, d, count, ...) count
#define HM_ROW_(prefix, ...) \
	HM_JOIN_(HM_ROW_, HM_ROW_COUNT_(__VA_ARGS__, 4_, 3_, 2_, 1_, 0))(prefix, __VA_ARGS__)
#define HM_ROW_1_(prefix, message)               prefix##EMPTY_(message, ())
#define HM_ROW_2_(prefix, message, last)         HM_JOIN_(HM_ROW_2_, HM_IS_ATTRIBUTES_(last))(prefix, message, last)
#define HM_ROW_2_0_(prefix, message, body)       prefix##BODY_(message, body, ())
#define HM_ROW_2_1_(prefix, message, attributes) prefix##EMPTY_(message, attributes)
#define HM_ROW_3_(prefix, message, body, last) \
	HM_JOIN_(HM_ROW_3_, HM_IS_ATTRIBUTES_(last))(prefix, message, body, last)
#define HM_ROW_3_0_(prefix, message, body, descriptor) prefix##PROTO_(message, body, descriptor, ())
#define HM_ROW_3_1_(prefix, message, body, attributes) prefix##BODY_(message, body, attributes)
#define HM_ROW_4_(prefix, message, body, descriptor, attributes) \
	prefix##PROTO_(message, body, descriptor, attributes)

#define HM_MESSAGE_ID_(...)        HM_ROW_(HM_MESSAGE_ID_, __VA_ARGS__)
#define HM_MESSAGE_FUNCTIONS_(...) HM_ROW_(HM_MESSAGE_FUNCTIONS_, __VA_ARGS__)
#define HM_MESSAGE_REGISTER_(...)  HM_ROW_(HM_MESSAGE_REGISTER_, __VA_ARGS__)

#define HM_MESSAGE_ID_EMPTY_(message, attributes)                   message,
#define HM_MESSAGE_ID_BODY_(message, body, attributes)              message,
#define HM_MESSAGE_ID_PROTO_(message, body, descriptor, attributes) message,

#define HM_MESSAGE_SUBSCRIBE_(message)                                                   \
	HM_TYPED_USED_ int message##_subscribe(struct hm_system *sys, struct hm_pid pid, \
					       struct hm_subscription *subscription)     \
	{                                                                                \
		return hm_event_subscribe_pid(sys, message, message, pid, subscription); \
	}

#define HM_ATTRIBUTES_SET_(...) __VA_ARGS__
#define HM_MESSAGE_TYPE_(message, name, bytes, descriptor, attributes)                               \
	if (hm_rc_ == 0) {                                                                           \
		struct hm_type hm_type_ = { message, (name), (uint32_t)(bytes), (descriptor), false, \
					    false,   NULL };                                         \
                                                                                                     \
		HM_ATTRIBUTES_SET_ attributes hm_rc_ = hm_type_register(hm_sys_, &hm_type_);         \
	}

#define HM_MESSAGE_REGISTER_EMPTY_(message, attributes) \
	HM_MESSAGE_TYPE_(message, #message, 0, NULL, attributes)
#define HM_MESSAGE_REGISTER_BODY_(message, body, attributes) \
	HM_MESSAGE_TYPE_(message, #message, sizeof(body), NULL, attributes)
#define HM_MESSAGE_REGISTER_PROTO_(message, body, descriptor, attributes) \
	HM_MESSAGE_TYPE_(message, NULL, 0, &(descriptor), attributes)

#define HM_MESSAGE_FUNCTIONS_EMPTY_(message, attributes)                                                    \
	HM_TYPED_ enum hm_result message##_send(struct hm_ctx *ctx, struct hm_pid to)                       \
	{                                                                                                   \
		return hm_send(ctx, to, message, NULL);                                                     \
	}                                                                                                   \
	HM_TYPED_ enum hm_result message##_request(struct hm_ctx *ctx, struct hm_pid to)                    \
	{                                                                                                   \
		return hm_request(ctx, to, message, NULL);                                                  \
	}                                                                                                   \
	HM_TYPED_ enum hm_result message##_request_from(struct hm_ctx *ctx, struct hm_pid to,               \
							struct hm_pid sender)                               \
	{                                                                                                   \
		return hm_request_from(ctx, to, sender, message, NULL);                                     \
	}                                                                                                   \
	HM_TYPED_ enum hm_result message##_respond(struct hm_ctx *ctx)                                      \
	{                                                                                                   \
		return hm_respond(ctx, message, NULL);                                                      \
	}                                                                                                   \
	HM_TYPED_ enum hm_result message##_ask(struct hm_ctx *ctx, struct hm_pid to, uint64_t timeout_us,   \
					       hm_reply_fn *on_reply, void *arg)                            \
	{                                                                                                   \
		return hm_ask(ctx, to, message, NULL, timeout_us, on_reply, arg);                           \
	}                                                                                                   \
	HM_TYPED_ enum hm_result message##_request_future(struct hm_ctx *ctx, struct hm_pid to,             \
							  uint64_t timeout_us, struct hm_future *future)    \
	{                                                                                                   \
		return hm_request_future(ctx, to, message, NULL, timeout_us, future);                       \
	}                                                                                                   \
	HM_TYPED_ enum hm_result message##_send_after(struct hm_ctx *ctx, struct hm_pid to,                 \
						      uint64_t delay_us, uint64_t period_us,                \
						      struct hm_timer *timer)                               \
	{                                                                                                   \
		return hm_send_after(ctx, to, message, NULL, delay_us, period_us, timer);                   \
	}                                                                                                   \
	HM_TYPED_ enum hm_result message##_send_batch(struct hm_ctx *ctx, struct hm_pid to, uint32_t count, \
						      uint32_t *sent)                                       \
	{                                                                                                   \
		return hm_send_batch(ctx, to, message, NULL, count, sent);                                  \
	}                                                                                                   \
	HM_TYPED_ enum hm_result message##_system_send(struct hm_system *sys, struct hm_pid to)             \
	{                                                                                                   \
		return hm_system_send(sys, to, message, NULL);                                              \
	}                                                                                                   \
	HM_TYPED_ enum hm_result message##_system_send_wait(struct hm_system *sys, struct hm_pid to,        \
							    uint64_t timeout_us)                            \
	{                                                                                                   \
		return hm_system_send_wait(sys, to, message, NULL, timeout_us);                             \
	}                                                                                                   \
	HM_TYPED_ enum hm_result message##_publish(struct hm_ctx *ctx)                                      \
	{                                                                                                   \
		return hm_publish(ctx, message, NULL);                                                      \
	}                                                                                                   \
	HM_TYPED_ enum hm_result message##_system_publish(struct hm_system *sys)                            \
	{                                                                                                   \
		return hm_system_publish(sys, message, NULL);                                               \
	}                                                                                                   \
	HM_TYPED_ enum hm_result message##_stream_write(struct hm_stream *to)                               \
	{                                                                                                   \
		return hm_stream_write(to, message, NULL);                                                  \
	}                                                                                                   \
	HM_TYPED_ enum hm_result message##_stream_write_wait(struct hm_stream *to, uint64_t timeout_us)     \
	{                                                                                                   \
		return hm_stream_write_wait(to, message, NULL, timeout_us);                                 \
	}                                                                                                   \
	HM_MESSAGE_SUBSCRIBE_(message)

#define HM_MESSAGE_FUNCTIONS_PROTO_(message, body_type, descriptor, attributes) \
	HM_MESSAGE_FUNCTIONS_BODY_(message, body_type, attributes)

#define HM_MESSAGE_FUNCTIONS_BODY_(message, body_type, attributes)                                           \
	HM_TYPED_ enum hm_result message##_send(struct hm_ctx *ctx, struct hm_pid to, const body_type *body) \
	{                                                                                                    \
		return hm_send(ctx, to, message, body);                                                      \
	}                                                                                                    \
	HM_TYPED_ enum hm_result message##_request(struct hm_ctx *ctx, struct hm_pid to,                     \
						   const body_type *body)                                    \
	{                                                                                                    \
		return hm_request(ctx, to, message, body);                                                   \
	}                                                                                                    \
	HM_TYPED_ enum hm_result message##_request_from(struct hm_ctx *ctx, struct hm_pid to,                \
							struct hm_pid sender, const body_type *body)         \
	{                                                                                                    \
		return hm_request_from(ctx, to, sender, message, body);                                      \
	}                                                                                                    \
	HM_TYPED_ enum hm_result message##_respond(struct hm_ctx *ctx, const body_type *body)                \
	{                                                                                                    \
		return hm_respond(ctx, message, body);                                                       \
	}                                                                                                    \
	HM_TYPED_ enum hm_result message##_ask(struct hm_ctx *ctx, struct hm_pid to, const body_type *body,  \
					       uint64_t timeout_us, hm_reply_fn *on_reply, void *arg)        \
	{                                                                                                    \
		return hm_ask(ctx, to, message, body, timeout_us, on_reply, arg);                            \
	}                                                                                                    \
	HM_TYPED_ enum hm_result message##_request_future(struct hm_ctx *ctx, struct hm_pid to,              \
							  const body_type *body, uint64_t timeout_us,        \
							  struct hm_future *future)                          \
	{                                                                                                    \
		return hm_request_future(ctx, to, message, body, timeout_us, future);                        \
	}                                                                                                    \
	HM_TYPED_ enum hm_result message##_send_after(struct hm_ctx *ctx, struct hm_pid to,                  \
						      const body_type *body, uint64_t delay_us,              \
						      uint64_t period_us, struct hm_timer *timer)            \
	{                                                                                                    \
		return hm_send_after(ctx, to, message, body, delay_us, period_us, timer);                    \
	}                                                                                                    \
	HM_TYPED_ enum hm_result message##_send_batch(struct hm_ctx *ctx, struct hm_pid to,                  \
						      const body_type *bodies, uint32_t count,               \
						      uint32_t *sent)                                        \
	{                                                                                                    \
		return hm_send_batch(ctx, to, message, bodies, count, sent);                                 \
	}                                                                                                    \
	HM_TYPED_ enum hm_result message##_system_send(struct hm_system *sys, struct hm_pid to,              \
						       const body_type *body)                                \
	{                                                                                                    \
		return hm_system_send(sys, to, message, body);                                               \
	}                                                                                                    \
	HM_TYPED_ enum hm_result message##_system_send_wait(struct hm_system *sys, struct hm_pid to,         \
							    const body_type *body, uint64_t timeout_us)      \
	{                                                                                                    \
		return hm_system_send_wait(sys, to, message, body, timeout_us);                              \
	}                                                                                                    \
	HM_TYPED_ enum hm_result message##_stream_write(struct hm_stream *to, const body_type *body)         \
	{                                                                                                    \
		return hm_stream_write(to, message, body);                                                   \
	}                                                                                                    \
	HM_TYPED_ enum hm_result message##_stream_write_wait(struct hm_stream *to, const body_type *body,    \
							     uint64_t timeout_us)                            \
	{                                                                                                    \
		return hm_stream_write_wait(to, message, body, timeout_us);                                  \
	}                                                                                                    \
	HM_TYPED_ enum hm_result message##_publish(struct hm_ctx *ctx, const body_type *body)                \
	{                                                                                                    \
		return hm_publish(ctx, message, body);                                                       \
	}                                                                                                    \
	HM_TYPED_ enum hm_result message##_system_publish(struct hm_system *sys, const body_type *body)      \
	{                                                                                                    \
		return hm_system_publish(sys, message, body);                                                \
	}                                                                                                    \
	HM_MESSAGE_SUBSCRIBE_(message)                                                                       \
	HM_TYPED_ const body_type *message##_body(const struct hm_msg *msg)                                  \
	{                                                                                                    \
		return (const body_type *)HM_BODY_OF_(msg, message, sizeof(body_type), #message);            \
	}                                                                                                    \
	HM_TYPED_ body_type *message##_new(struct hm_ctx *ctx, struct hm_msg **msg)                          \
	{                                                                                                    \
		*msg = hm_msg_new(ctx, message, 0);                                                          \
		return *msg != NULL ? (body_type *)hm_msg_body_mut(*msg) : NULL;                             \
	}

#endif /* HM_MESSAGES_H */
