/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_RESULT_H
#define HM_RESULT_H

/**
 * @file
 * What a call on the hot path answers. Control calls return 0 or a negative errno instead.
 */

#ifdef __cplusplus
extern "C" {
#endif

/** Answer of a sending call. Whatever is not HM_OK means that nothing was sent. */
enum hm_result {
	HM_OK = 0,
	/**
	 * The memory of messages is used up: send less, or raise --memory. Or there is no other memory for a
	 * watch or a timer, or no slot for a future.
	 */
	HM_NO_MEMORY,
	/** The inject ring, or the receiver's mailbox, is full: try again, or hm_system_send_wait. */
	HM_WOULD_BLOCK,
	/** The body is longer than HM_MSG_BODY_MAX. */
	HM_TOO_BIG,
	/** The message type was never registered. */
	HM_UNKNOWN_TYPE,
	/** There is nobody to answer: the message came without a sender. */
	HM_NO_SENDER,
	/** The PID is that of nobody. */
	HM_NO_RECEIVER,
	/** An argument is not allowed: the function's description says which are. */
	HM_INVALID,
	/** The stream has ended: hm_stream.h. */
	HM_CLOSED,
};

/**
 * Name of a result, for logs.
 *
 * Context: any thread. Ownership: the text is the library's, and stays for ever.
 *
 * @return a constant text; "unknown" for a number that is none; never NULL
 */
const char *hm_result_name(enum hm_result result);

#ifdef __cplusplus
}
#endif

#endif /* HM_RESULT_H */
