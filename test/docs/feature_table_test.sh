#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The table of features in README.md says what this build says.
set -u
runner=${TERN_BUILD:?}/test/spec-runner
[ -x "$runner" ] || { echo "SKIP all: needs the spec-runner, which needs libcjson-dev"; exit 77; }
if why=$(tools/feature-table --check "$runner" 2>&1); then
    echo "1 passed, 0 failed"
else
    echo "FAIL the table is current: $(echo "$why" | grep '^[-+f]' | tr '\n' ' ')"
    echo "0 passed, 1 failed"
    exit 1
fi
