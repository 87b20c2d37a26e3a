/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MESSAGES_H
#define MESSAGES_H

/*
 * The messages of the service: those of kv.proto, and some of its own.
 */
#include <hermod.h>

#include "kv.pb-c.h"

#define KV_KEY_MAX    250u   /* characters of a key, of which there is one at least */
#define KV_VALUE_MAX  16384u /* bytes of a value */
#define KV_PAGE_MAX   100u   /* keys of a page */
#define KV_SHARDS_MAX 64u

/* A client has opened its stream of answers, and wants a session. */
struct kv_connecting {
	struct hm_pid answers;
};

struct kv_connection {
	struct hm_pid session; /* nobody: there is none to be had */
};

/* clang-format off */
#define KV_MESSAGES(MESSAGE)                                  \
	MESSAGE(kv_put, Kv__Put, kv__put__descriptor)             \
	MESSAGE(kv_get, Kv__Get, kv__get__descriptor)             \
	MESSAGE(kv_delete, Kv__Delete, kv__delete__descriptor)    \
	MESSAGE(kv_break, Kv__Break, kv__break__descriptor)       \
	MESSAGE(kv_scan, Kv__Scan, kv__scan__descriptor)          \
	MESSAGE(kv_inspect, Kv__Inspect, kv__inspect__descriptor) \
	MESSAGE(kv_answer, Kv__Answer, kv__answer__descriptor)    \
	MESSAGE(kv_page, Kv__Page, kv__page__descriptor)          \
	MESSAGE(kv_stats, Kv__Stats, kv__stats__descriptor)       \
	MESSAGE(kv_expire, Kv__Expire, kv__expire__descriptor)    \
	MESSAGE(kv_connect, struct kv_connecting)                 \
	MESSAGE(kv_connected, struct kv_connection)               \
	MESSAGE(kv_close) /* to the service, and to sessions: end when all is answered */
/* clang-format on */
HM_MESSAGES(kv, HM_TYPE_USER, KV_MESSAGES);

/* Keys of a page, by what a scan asks for. */
static inline uint32_t
kv_page_limit(const Kv__Scan *scan)
{
	return scan->limit == 0 || scan->limit > KV_PAGE_MAX ? KV_PAGE_MAX : scan->limit;
}

#endif /* MESSAGES_H */
