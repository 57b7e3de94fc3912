#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Every example prints what its file `expected` says: after each line `$ COMMAND` what that command, one of the
# built examples, prints in that folder, and then what it writes to stderr. An example that exits with 77 cannot run
# here. TERN_UPDATE=1 writes the files anew.
set -u
build=$(cd "${TERN_BUILD:?}" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0
skipped=0
for host in examples/*/host.c; do
    folder=$(dirname "$host")
    name=$(basename "$folder")
    : >"$dir/printed"
    if [ ! -e "$folder/expected" ]; then
        echo "FAIL $name: has no file expected"
        failed=$((failed + 1))
        continue
    fi
    sed -n 's/^\$ //p' "$folder/expected" >"$dir/commands"
    status=0
    while IFS= read -r command; do
        echo "\$ $command" >>"$dir/printed"
        (cd "$folder" && timeout 120 sh -c "'$build'/examples/$command") \
            >>"$dir/printed" 2>"$dir/stderr" </dev/null
        status=$?
        cat "$dir/stderr" >>"$dir/printed"
        [ $status = 0 ] || break
    done <"$dir/commands"
    if [ $status = 77 ]; then
        echo "SKIP $name: $(sed -n 2p "$dir/printed")"
        skipped=$((skipped + 1))
        continue
    fi
    [ $status = 0 ] || echo "exit status $status" >>"$dir/printed"
    [ -z "${TERN_UPDATE:-}" ] || cp "$dir/printed" "$folder/expected"
    if why=$(diff "$folder/expected" "$dir/printed"); then
        passed=$((passed + 1))
    else
        echo "FAIL $name: $(echo "$why" | head -n 10 | tr '\n' '|')"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
