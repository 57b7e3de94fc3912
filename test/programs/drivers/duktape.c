/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* duktape.c - runs standard input as JavaScript. */
#include "duktape.h"
#include "driver.h"

static duk_ret_t print(duk_context *context)
{
    duk_push_string(context, " ");
    duk_insert(context, 0);
    duk_join(context, duk_get_top(context) - 1);
    puts(duk_safe_to_string(context, -1));
    return 0;
}

int main(void)
{
    size_t n;
    char *in = driver_read(&n);
    duk_context *context = duk_create_heap_default();
    if (context == NULL) return 9;
    duk_push_c_function(context, print, DUK_VARARGS);
    duk_put_global_string(context, "print");
    int failed = duk_peval_lstring(context, in, n);
    if (failed) puts(duk_safe_to_string(context, -1));
    duk_destroy_heap(context);
    return failed;
}
