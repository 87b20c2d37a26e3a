/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MSG_GUARD_PVT_H
#define MSG_GUARD_PVT_H

/*
 * Guards of messages: they find who uses, frees or sends a message that is not his.
 *
 *     build        a free object                              found
 *     release      as it was left                             an object that comes back twice, when its
 *                                                             magazine is emptied into its chunk
 *     debug        size_class HMI_MSG_CLASS_FREE, the rest    freed twice: when freed; written to after it
 *                  filled with a pattern                      was freed: when it is taken again; read: the pattern
 *     sanitizer    poisoned as well (ASan)                    the access itself, with its stack
 *
 * ASan builds also poison the body of a message that an actor has sent or handed on, until its receiver's turn. In
 * debug and sanitizer builds a message that is in a list is marked, and found when it is put into a second one.
 *
 * For the owner of the object.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "assert_pvt.h"
#include "hm_msg.h"

#if HMI_DEBUG

/* A chunk is cut into objects of a class, all of them free. */
void hmi_guard_chunk(char *memory, unsigned int size_class);

/* An object is taken: it must be free and untouched. */
void hmi_guard_taken(struct hm_msg *msg);

/*
 * Whether an object is free. If it is, its caller ends the process: *type is that of the last message that
 * it was, and the header is guarded no more.
 */
bool hmi_guard_is_free(const struct hm_msg *msg, uint16_t *type);

/* An object is to be freed: it must be taken, or the process ends with the reason and the function's name. */
void hmi_guard_owned(const struct hm_msg *msg, const char *function);

/* An actor has sent the message, or handed it on: until the receiver's turn its body is nobody's. */
void hmi_guard_handed(const struct hm_msg *msg);

/* The receiver's turn has come. */
void hmi_guard_received(const struct hm_msg *msg);

/* An object is freed. It is in no list. */
void hmi_guard_freed(struct hm_msg *msg);

/*
 * A message is put into a list: a queue, a system lane, the outbox, a lane between lcores. It must be in no other, whose
 * link it would overwrite; else the process ends with the function's name.
 */
void hmi_guard_listed(struct hm_msg *msg, const char *function);

/* It is taken out. */
void hmi_guard_unlisted(struct hm_msg *msg);

/* The addresses are used for something else from here on. */
void hmi_guard_forget(char *memory, size_t bytes);

#else

static inline void
hmi_guard_chunk(char *memory, unsigned int size_class)
{
	(void)memory;
	(void)size_class;
}

static inline void
hmi_guard_taken(struct hm_msg *msg)
{
	(void)msg;
}

static inline bool
hmi_guard_is_free(const struct hm_msg *msg, uint16_t *type)
{
	(void)msg;
	(void)type;
	return false;
}

static inline void
hmi_guard_owned(const struct hm_msg *msg, const char *function)
{
	(void)msg;
	(void)function;
}

static inline void
hmi_guard_handed(const struct hm_msg *msg)
{
	(void)msg;
}

static inline void
hmi_guard_received(const struct hm_msg *msg)
{
	(void)msg;
}

static inline void
hmi_guard_freed(struct hm_msg *msg)
{
	(void)msg;
}

static inline void
hmi_guard_listed(struct hm_msg *msg, const char *function)
{
	(void)msg;
	(void)function;
}

static inline void
hmi_guard_unlisted(struct hm_msg *msg)
{
	(void)msg;
}

static inline void
hmi_guard_forget(char *memory, size_t bytes)
{
	(void)memory;
	(void)bytes;
}

#endif

#endif /* MSG_GUARD_PVT_H */
