#!/usr/bin/env bash
# The built binary starts, names its version, and refuses a subcommand that it does not have.
set -euo pipefail

version="$("$BL_BEAMLINE" --version)"
echo "$version"
project="$(sed -n 's/^project(beamline VERSION \([0-9.]*\).*/\1/p' "$BL_SOURCE_DIR/CMakeLists.txt")"
if [ -z "$project" ] || [[ "$version" != *"$project"* ]]; then
    echo "--version does not name $project" >&2
    exit 1
fi
"$BL_BEAMLINE" --help | grep -q '[[:alnum:]]'
if "$BL_BEAMLINE" no-such-subcommand >/dev/null 2>&1; then
    echo "an unknown subcommand was accepted" >&2
    exit 1
fi
