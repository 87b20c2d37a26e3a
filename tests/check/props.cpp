/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled, not run: designated initialisers in the order that programs write them are valid C++20. */
#include "hm_event_stream.h"
#include "hm_net.h"
#include "hm_system.h"
#include "hm_type.h"

static void
receive(struct hm_ctx *, void *, const struct hm_msg *)
{
}

static int
call(void *, const char *)
{
	return 0;
}

extern const struct hm_props plain, whole;
extern const struct hm_type type;
extern const struct hm_option options[];
extern const struct hm_module *const modules[];
extern const struct hm_config config, program, simulation;
extern const struct hm_reply reply;
extern const struct hm_event_subscriber actor, function;
extern uint64_t count, body;

const struct hm_props plain = { .receive = receive };
const struct hm_props whole = {
	.receive = receive, .state_size = 64, .args_size = 8, .lcore = HM_LCORE_ANY, .state_align = 64
};
const struct hm_type type = { .id = HM_TYPE_USER, .name = "type", .size = 8 };
uint64_t count, body;
const struct hm_option options[] = {
	{ .name = "count", .help = "how many", .kind = HM_OPTION_NUMBER, .value = &count, .min = 1, .max = UINT32_MAX },
	{ .name = "call", .help = "done", .kind = HM_OPTION_CALL, .value = nullptr, .call = call },
	{ .name = nullptr },
};
const struct hm_module *const modules[] = { &hm_net_module, nullptr };
const struct hm_config config = { .options = nullptr, .mode = HM_MODE_BACKGROUND, .lcores = 2 };
const struct hm_config program = { .options = options, .modules = modules, .summary = "one line" };
const struct hm_config simulation = {
	.summary = "one line", .mode = HM_MODE_STEPPED, .lcores = 2, .memory = 1 << 20, .seed = 7, .messages = 1000
};
static bool
filter(void *, const struct hm_msg *)
{
	return true;
}

static void
callback(void *, const struct hm_msg *)
{
}

const struct hm_event_subscriber actor = {
	.first = HM_DEAD_LETTER, .last = HM_EVENT_LAST, .limit = 10, .pid = { 1, 2 }, .filter = filter, .arg = &body
};
const struct hm_event_subscriber function = { .first = HM_EVENT_FIRST, .callback = callback };
const struct hm_reply reply = { .body = &body, .size = sizeof(body) };
