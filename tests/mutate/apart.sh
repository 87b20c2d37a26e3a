#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Run a test program so that gcov's files of what it runs through come into a folder of its own below $HMT_COVERAGE.
GCOV_PREFIX=$HMT_COVERAGE/${1##*/}
export GCOV_PREFIX
exec "$@"
