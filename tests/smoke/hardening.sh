#!/usr/bin/env bash
# The release binary carries the protections that cmake/lanes.cmake asks for.
set -euo pipefail

failed=0
expect() {
    local what="$1" output="$2" pattern="$3"
    if grep -Eq -- "$pattern" <<<"$output"; then
        echo "$what: yes"
    else
        echo "$what: MISSING" >&2
        failed=1
    fi
}

dynamic="$(readelf -dW "$BL_BEAMLINE")"
segments="$(readelf -lW "$BL_BEAMLINE")"
symbols="$(readelf -sW --dyn-syms "$BL_BEAMLINE")"

expect "position-independent executable" "$dynamic" 'FLAGS_1.*PIE'
expect "read-only relocations" "$segments" 'GNU_RELRO'
expect "all symbols bound at start" "$dynamic" 'BIND_NOW|FLAGS_1.*NOW'
expect "stack protector" "$symbols" '__stack_chk_fail'
expect "checked libc calls" "$symbols" '__[a-z]+_chk'
expect "assertions kept" "$symbols" '__assert_fail'
if grep -Eq 'GNU_STACK.* RWE' <<<"$segments"; then
    echo "stack that is not executable: MISSING" >&2
    failed=1
fi
if grep -Eq 'RUNPATH|RPATH' <<<"$dynamic"; then
    echo "the binary names a library path of its own" >&2
    failed=1
fi
exit "$failed"
