/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extensions of a system: a list that is constant while it runs.
 */
#include <errno.h>
#include <stdlib.h>

#include "hm_extension.h"
#include "lcore_setup_pvt.h"

struct hmi_system_extension {
	const struct hm_extension *type;
	void *value;
	struct hmi_system_extension *next; /* that was set before */
};

int
hm_system_extension_set(struct hm_system *sys, const struct hm_extension *extension, void *value)
{
	struct hmi_system_extension *e;

	if (sys == NULL || extension == NULL || value == NULL)
		return -EINVAL;
	if (atomic_load_explicit(&sys->state, memory_order_relaxed) != HMI_CREATED)
		return -EBUSY;
	if (hm_system_extension(sys, extension) != NULL)
		return -EEXIST;
	e = malloc(sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	*e = (struct hmi_system_extension){ extension, value, sys->extensions };
	sys->extensions = e;
	return 0;
}

void *
hm_system_extension(const struct hm_system *sys, const struct hm_extension *extension)
{
	const struct hmi_system_extension *e = sys->extensions;

	while (e != NULL && e->type != extension)
		e = e->next;
	return e != NULL ? e->value : NULL;
}

void
hmi_system_extensions_destroy(struct hm_system *sys)
{
	while (sys->extensions != NULL) {
		struct hmi_system_extension *e = sys->extensions;

		sys->extensions = e->next;
		if (e->type->destroy != NULL)
			e->type->destroy(e->value);
		free(e);
	}
}
