#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs.sh FOLDER: write the API reference and the guides to FOLDER/html. What Doxygen warns of is an error; and so is what mandoc
# warns of in the man pages, or an option of every program that hermod(3) does not name.
set -eu

folder=$1
cd "$(dirname -- "$0")/../.."
mkdir -p "$folder"
mandoc -T lint -W warning docs/man/*.[1-9] apps/*/*.1
sed -n 's/^.*{ \.name = "\([a-z-]*\)".*$/\1/p' engine/system/own_options.c | while read -r option; do
	grep -qE "Fl -$option( |\$)" docs/man/hermod.3 || {
		printf 'docs/man/hermod.3:1: does not name --%s\n' "$option"
		exit 1
	}
done
HERMOD_VERSION=$(sed -n 's/^#define HM_VERSION "\(.*\)"$/\1/p' engine/hm_version.h)
HERMOD_DOCS=$folder
export HERMOD_VERSION HERMOD_DOCS
exec doxygen docs/reference/Doxyfile
