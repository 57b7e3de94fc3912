-- SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
-- query0.sql: the start-up of the shell.
select 1;
.exit 0
