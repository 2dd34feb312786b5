-- Strings, tables and closures: 60000 strings made and joined, a table sorted, passes over it.
local parts = {}
for i = 1, 60000 do
    parts[i] = string.format("%d:%x", i, (i * 2654435761) % 4294967296)
end
local text = table.concat(parts, ",")
local sum = 0
for i = 1, #text, 97 do
    sum = (sum * 31 + text:byte(i)) % 1000000007
end
print(#text, sum)

table.sort(parts)
print(parts[1], parts[30000], parts[60000])

local counts = {}
for pass = 1, 3 do
    for i, part in ipairs(parts) do
        local key = part:sub(-2)
        counts[key] = (counts[key] or 0) + pass * i % 7
    end
end
local keys = {}
for key in pairs(counts) do
    keys[#keys + 1] = key
end
table.sort(keys)
print(#keys, keys[1], counts[keys[1]], counts[keys[#keys]])

local function fibonacci(n)
    return n < 2 and n or fibonacci(n - 1) + fibonacci(n - 2)
end
print(fibonacci(22), collectgarbage("count") > 0)
