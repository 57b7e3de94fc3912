-- SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
-- numbers.lua N: loops over integers and floats in tables: a sieve, Fibonacci, a spectral norm.
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
local function a(i, j) local ij = i + j - 1; return 1.0 / (ij * (ij - 1) * 0.5 + i) end
local total = 0
for round = 1, tonumber(arg[1]) do
    local sieve = {}
    for i = 2, 20000 do
        if not sieve[i] then for k = i * i, 20000, i do sieve[k] = true end total = total + 1 end
    end
    total = total + fib(20)
    local n, u, v = 60, {}, {}
    for i = 1, n do u[i] = 1 end
    for _ = 1, 3 do
        for i = 1, n do local s = 0; for j = 1, n do s = s + a(i, j) * u[j] end; v[i] = s end
        u, v = v, u
    end
    total = total + math.floor(u[1] * 1000)
end
print(total)
