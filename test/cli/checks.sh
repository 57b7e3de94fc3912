# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# checks.sh - what the tests of command lines share; to be sourced, with $tmp a folder for what is printed, and then
# $ours, the program whose path is left out of messages.
passed=0
failed=0
ours=

# ran EXPECTED-CODE COMMAND...: keeps what it printed in $tmp/out and $tmp/err.
ran() {
    name="$*"
    name=${name#* }
    expected=$1
    shift
    timeout -s KILL 100 "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    check_code $? "$expected"
}
check_code() {
    if [ "$1" = "$2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL ${name#"$ours" }: exit code $1, not $2"
        head -n 5 "$tmp/err"
    fi
}
# says FILE TEXT...: the last command's out or err has each TEXT.
says() {
    file=$1
    shift
    for text in "$@"; do
        if grep -qF -- "$text" "$tmp/$file"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "FAIL ${name#"$ours" }: no \"$text\" in its $file:"
            head -n 20 "$tmp/$file"
        fi
    done
}
# prints TEXT: the last command's whole output.
prints() {
    if [ "$(cat "$tmp/out")" = "$1" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL ${name#"$ours" }: printed \"$(cat "$tmp/out")\", not \"$1\""
    fi
}
