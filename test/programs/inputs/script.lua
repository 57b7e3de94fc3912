-- Lua: tables, metatables, coroutines, string patterns, errors, integers and floats, garbage.
print(_VERSION, 7 // 2, 7 / 2, -7 % 3, 2^10, 1 << 40, math.maxinteger + 1 == math.mininteger, 10 == 10.0)
local Account = {}
Account.__index = Account
Account.__add = function(a, b) return setmetatable({balance = a.balance + b.balance}, Account) end
Account.__tostring = function(a) return "Account(" .. a.balance .. ")" end
function Account.new(b) return setmetatable({balance = b}, Account) end
function Account:draw(n) if n > self.balance then error({code = "poor"}) end; self.balance = self.balance - n end
local a = Account.new(100)
a:draw(30)
print(tostring(a + Account.new(5)))
local ok, why = pcall(a.draw, a, 1000)
print(ok, why.code)
print(pcall(function() local x = nil; return x.y end))
print(select(2, pcall(error, "message", 0)))

local gen = coroutine.wrap(function() for i = 1, 5 do coroutine.yield(i * i) end end)
local t = {}
for _ = 1, 5 do t[#t + 1] = gen() end
print(table.concat(t, " "))

for word, n in ("one=1, two=22, three=333"):gmatch("(%w+)=(%d+)") do io.write(word, "->", n, ";") end
print(("%5.2f|%-8s|%q|%x"):format(math.pi, "left", "a\nb\0c", 255), ("hello"):gsub("l+", "L"), ("abc"):rep(3, "-"))
print(string.pack("<i4>i2z", 1, 2, "x"):byte(1, -1))
print(utf8.char(228, 8364, 128512), utf8.len("\u{e4}\u{20ac}"))
table.sort(t, function(x, y) return x > y end)
print(table.unpack(t))
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
print(fib(22))
local count = 0
for i = 1, 200000 do local s = {i, tostring(i)}; count = count + #s end
collectgarbage()
print(count, collectgarbage("count") < 10000)
local function deep(n) return n == 0 and 0 or 1 + deep(n - 1) end
print(deep(10000), pcall(function() local function f() return 1 + f() end; return f() end))
goto done
print("never")
::done::
local load_ok = load("return 1 +")
print(load_ok, load("return ...", "chunk", "t", {})(42))
local f <close> = setmetatable({}, {__close = function() print("closed") end})
print(os.time({year = 2026, month = 11, day = 22, hour = 12}), #arg, arg[1])
os.exit(3, true)
