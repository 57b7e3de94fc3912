#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# tools/check-layers must find what it is for: each wrong include below, and nothing in a tree in order.
set -u
tool=$PWD/tools/check-layers
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0

# check NAME FOUND FILE LINE: a tree in order plus one file; FOUND is a part of the message, or `nothing`.
check() {
    rm -rf "$dir/src" "$dir/include"
    mkdir -p "$dir/src/low" "$dir/src/left" "$dir/src/right" "$dir/src/api" "$dir/src/cli" "$dir/include"
    echo 'low < left | right < api < cli' >"$dir/src/LAYERS"
    echo '#include <stdio.h>' >"$dir/src/low/low.h"
    echo '#include "low/low.h"' >"$dir/src/left/left.h"
    : >"$dir/include/public.h"
    echo "$4" >"$dir/src/$3"
    output=$("$tool" "$dir" 2>&1)
    case $output in
    *"$2"*) passed=$((passed + 1)) ;;
    *) if [ "$2" = nothing ] && [ "${output%%0 failed*}" != "$output" ]; then
        passed=$((passed + 1))
    else
        echo "FAIL $1: $output"
        failed=$((failed + 1))
    fi ;;
    esac
}

check 'left of itself is fine' nothing left/a.c '#include "low/low.h"'
check 'its own room is fine' nothing left/a.c '#include "left/left.h"'
check 'the api sees include' nothing api/a.c '#include "public.h"'
check 'the command line sees include' nothing cli/a.c '#include "public.h"'
check 'right of itself is found' 'src/low/a.c:1:' low/a.c '#include "left/left.h"'
check 'neighbours do not see each other' 'src/right/a.c:1:' right/a.c '#include "left/left.h"'
check 'the command line sees nothing else' 'src/cli/a.c:1:' cli/a.c '#include "low/low.h"'
check 'the inside does not see include' 'src/low/a.c:1:' low/a.c '#include "public.h"'
check 'a folder is named' 'src/low/a.c:1:' low/a.c '#include "low.h"'
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
