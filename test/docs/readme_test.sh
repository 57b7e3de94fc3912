#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What README.md shows works: its host is examples/readme/host.c to the letter, compiles without a warning on
# the command line given there, and prints what is said there. And every relative link of the documents leads
# somewhere.
set -u
build=${TERN_BUILD:?}
cc=${CC:-cc}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0
verdict() { # STATUS NAME [WHY]
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
    else
        echo "FAIL $2: $(echo "${3:-}" | head -n 5 | tr '\n' ' ')"
        failed=$((failed + 1))
    fi
}

awk '/^```c$/ { n++; is_in = n == 1; next } /^```$/ { is_in = 0 } is_in' README.md >"$dir/host.c"
sed -n '/^#include/,$p' examples/readme/host.c >"$dir/expected.c"
why=$(diff "$dir/expected.c" "$dir/host.c")
verdict $? 'the host in README.md is examples/readme/host.c' "$why"

# A sanitized library wants the same of its host, so there the example built with the library is run.
if grep -q '^TERN_SANITIZE:[A-Z]*=.' "$build/CMakeCache.txt"; then
    host=$build/examples/readme
else
    host=$dir/host
    why=$($cc -Wall -Wextra -Werror -Iinclude "$dir/host.c" "$build/libtern.a" -pthread -lm -o "$host" 2>&1)
    verdict $? 'it compiles' "$why"
fi
# Short enough to read before trying.
lines=$(awk '/^```c$/ { is_in = 1; n = 0; next } /^```$/ { if (is_in) print n; is_in = 0 } is_in { n++ }' README.md | tr '\n' ' ')
[ "$(echo "$lines" | awk '{ print $1 <= 27 && $2 <= 25 }')" = 1 ]
verdict $? 'the hosts of README.md take at most 27 and 25 lines' "$lines"

said=$(awk '/^\$ .\/host guest.wasm$/ { getline; print; exit }' README.md)
printed=$("$host" examples/readme/guest.wasm 2>&1)
[ -n "$said" ] && [ "$printed" = "$said" ]
verdict $? 'it prints what README.md says' "$printed"

printed=$("$build/examples/hello" examples/hello/guest.wasm 2>&1)
[ "$printed" = 'hello from the guest' ]
verdict $? 'examples/hello says hello' "$printed"

for document in *.md docs/*.md; do
    why=
    for link in $(grep -o '](\([^)#]*\)' "$document" | sed 's/^](//' | grep -v '^[a-z]*://' | sort -u); do
        [ -e "$(dirname "$document")/$link" ] || why="$why $link"
    done
    [ -z "$why" ]
    verdict $? "the links of $document" "$why"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
