/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled, not run: designated initialisers in the order that programs write them are valid C++20. */
#include "hm_system.h"
#include "hm_type.h"

static void
receive(struct hm_ctx *, void *, const struct hm_msg *)
{
}

extern const struct hm_props plain, whole;
extern const struct hm_type type;
extern const struct hm_config config;

const struct hm_props plain = { .receive = receive };
const struct hm_props whole = {
	.receive = receive, .state_size = 64, .args_size = 8, .lcore = HM_LCORE_ANY, .state_align = 64
};
const struct hm_type type = { .id = HM_TYPE_USER, .name = "type", .size = 8 };
const struct hm_config config = { .options = nullptr, .mode = HM_MODE_BACKGROUND, .lcores = 2 };
