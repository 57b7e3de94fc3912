-- SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
-- objects.lua N: binary trees made and walked, methods through metatables, closures.
local Tree = {}
Tree.__index = Tree
local function make(depth)
    if depth == 0 then return setmetatable({value = 1}, Tree) end
    return setmetatable({left = make(depth - 1), right = make(depth - 1), value = depth}, Tree)
end
function Tree:sum() return self.value + (self.left and self.left:sum() + self.right:sum() or 0) end
local total = 0
for i = 1, tonumber(arg[1]) do
    local tree = make(12)
    total = total + tree:sum()
    local counters = {}
    for k = 1, 100 do local n = 0; counters[k] = function() n = n + k; return n end end
    for round = 1, 50 do for k = 1, 100 do total = total + counters[k]() end end
end
print(total)
