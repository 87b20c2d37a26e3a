/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <criterion/criterion.h>

#include "hm_version.h"

/* HMT_VERSION is the project's version, as the build files have it. */
Test(version, macros__are_the_version_of_the_build)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", HM_VERSION_MAJOR, HM_VERSION_MINOR, HM_VERSION_PATCH);
	cr_assert_str_eq(text, HMT_VERSION);
	cr_assert_str_eq(HM_VERSION, HMT_VERSION);
}

Test(version, library__is_the_version_of_the_build)
{
	cr_assert_str_eq(hm_version(), HMT_VERSION);
}

Test(version, number__grows_with_each_part)
{
	cr_assert_gt(HM_VERSION_OF(0, 0, 1), HM_VERSION_OF(0, 0, 0));
	cr_assert_gt(HM_VERSION_OF(0, 1, 0), HM_VERSION_OF(0, 0, 999));
	cr_assert_gt(HM_VERSION_OF(1, 0, 0), HM_VERSION_OF(0, 999, 999));
	cr_assert_eq(HM_VERSION_NUMBER, HM_VERSION_OF(HM_VERSION_MAJOR, HM_VERSION_MINOR, HM_VERSION_PATCH));
}
