-- SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
-- strings.lua N: words counted, patterns, concatenation, sorting.
local text = ("the quick brown fox jumps over the lazy dog and runs away from 12 angry bears; "):rep(40)
local total = 0
for i = 1, tonumber(arg[1]) do
    local count, list = {}, {}
    for word in text:gmatch("%a+") do word = word .. (i % 3); count[word] = (count[word] or 0) + 1 end
    for word, n in pairs(count) do list[#list + 1] = word .. "=" .. n end
    table.sort(list)
    total = total + #table.concat(list, ",")
    local out = text:gsub("(%w+) (%w+)", "%2 %1"):upper()
    total = total + select(2, out:gsub("O", "")) + #string.format("%s|%5d|%q", out:sub(1, 20), i, "x\ny")
    for k = 1, 500 do list[k] = tostring(k * 7919 % 1009) .. ":" .. k end
    table.sort(list)
    total = total + #list[250]
end
print(total)
