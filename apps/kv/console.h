/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONSOLE_H
#define CONSOLE_H

/*
 * A client that does what lines of text tell it, one after the other, and prints the answers.
 *
 *     put KEY VALUE [TTL_MS]    get KEY    delete KEY    scan [PREFIX]    stats
 *     flood REQUESTS            ask without reading, until the window is full
 *     load CLIENTS KEYS         clients in threads of their own
 *     break KEY, abort KEY      have the shard of a key fail
 *     wait MS                   do nothing
 *
 * What begins with # is for people.
 */
#include "client.h"

/*
 * Until the input ends, or the service does. fd: the lines come from there. 0; or a negative errno: of client_open, or of the
 * input.
 */
int console_run(const struct client_config *config, int fd);

#endif /* CONSOLE_H */
