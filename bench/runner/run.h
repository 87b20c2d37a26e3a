/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_H
#define RUN_H

/**
 * @file
 * Runs the rows of the plan, one program after the other.
 */

#include <jansson.h>

#include "host.h"
#include "settings.h"

/**
 * Run every row that the settings want. A row that cannot run, or fails, has a reason instead of
 * figures and holds up no other.
 *
 * @param folder  where the programs are
 * @param rows    JSON array that receives one object for each row
 * @return 0; -EIO: a row failed that can run on every machine; -EINTR: interrupted, the remaining
 *         rows say so
 */
__attribute__((warn_unused_result))
int run_plan(const struct settings *settings, const struct host *host, const char *folder, json_t *rows);

#endif /* RUN_H */
