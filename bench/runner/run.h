/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_H
#define RUN_H

/**
 * @file
 * Runs the programs of the plan's rows, one after the other.
 */

#include <jansson.h>

#include "host.h"
#include "settings.h"

/**
 * Run every row that the settings select. A row that cannot run, or fails, gets a reason instead of
 * figures; the others run all the same.
 *
 * @param folder  where the programs are
 * @param rows    JSON array that receives one object for each row
 * @return 0; -EIO: a row failed that needs no root; -EINTR: interrupted, which the remaining rows have
 *         as their reason
 */
__attribute__((warn_unused_result))
int run_plan(const struct settings *settings, const struct host *host, const char *folder, json_t *rows);

#endif /* RUN_H */
