#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs.sh FOLDER: write the API reference and the guides to FOLDER/html. What Doxygen warns of is an error.
set -eu

folder=$1
cd "$(dirname -- "$0")/../.."
mkdir -p "$folder"
HERMOD_VERSION=$(sed -n 's/^#define HM_VERSION "\(.*\)"$/\1/p' engine/hm_version.h)
HERMOD_DOCS=$folder
export HERMOD_VERSION HERMOD_DOCS
exec doxygen docs/reference/Doxyfile
