"""What becomes of a tab: it is born, parked and taken, and is noted once more with its links."""

from typing import Final

from webipc.cluster.redis_bus.scripts.script import KNOWN, Script

# A tab's entry: its home, or x where it is parked, and its tokens.
_TABS: Final = f"""{KNOWN}
local function tab(id)
  local v = call('GET', P..'c:'..id)
  if not v then return nil, '' end
  return string.match(v, '^(%S+) ?(.*)$')
end
local function tokens_of(text) return string.gmatch(text, '[^,]+') end
"""

_BORN: Final = """
local function born(id, token, keep, over)
  local home, tokens = tab(id)
  if home and home ~= me and not over then return end
  if home == 'x' then call('DEL', P..'x:'..id, P..'xi:'..id) end
  if not string.find(tokens, token, 1, true) then
    tokens = string.sub(tokens == '' and token or token..','..tokens, 1, 33 * 8 - 1)
  end
  call('SET', P..'c:'..id, me..' '..tokens, 'EX', keep)
  call('SET', P..'t:'..token, id, 'EX', keep)
end
"""

BORN: Final = Script(f"""{_TABS}{_BORN}
born(A[3], A[4], A[5])
return {{''}}
""")
"""Arguments: id of a tab, key of its token, how long to keep it. The last eight tokens of a tab are kept."""

DESTROYED: Final = Script(f"""{_TABS}
local home, tokens = tab(A[3])
if home == me then
  call('DEL', P..'c:'..A[3])
  for t in tokens_of(tokens) do
    if call('GET', P..'t:'..t) == A[3] then call('DEL', P..'t:'..t) end
  end
end
return {{''}}
""")

NOTE: Final = Script(f"""{_TABS}{_BORN}
local keep, count = A[3], tonumber(A[4])
-- A replica that was cut off has them where they were before. Who has them is right; but what has ended stays so.
local over = call('EXISTS', P..'settling') == 1
for n = 5, 4 + count do
  local v = call('GET', P..'l:'..A[n])
  if not v or v == me or (over and v ~= '-') then call('SET', P..'l:'..A[n], me, 'EX', keep) end
end
for n = 5 + count, #A, 2 do born(A[n], A[n + 1], keep, over) end
return {{''}}
""")
"""Arguments: how long to keep them, how many links; their keys; ids and keys of tokens of tabs."""

PARK: Final = Script(f"""{_TABS}
local id, once, ms, shot, format = A[3], A[4], A[5], A[6], A[7]
local home, tokens = tab(id)
local x = P..'x:'..id
if home == 'x' and call('HGET', x, 'p') == once then return {{'1'}} end
if home ~= me then return {{'0'}} end
call('DEL', x, P..'xi:'..id)
local links = {{}}
for n = 8, #A do
  links[#links + 1] = A[n]
  local v = call('GET', P..'l:'..A[n])
  if not v or v == me then call('SET', P..'l:'..A[n], 'x:'..id, 'PX', ms) end
end
call('SET', P..'c:'..id, 'x '..tokens, 'PX', ms)
for t in tokens_of(tokens) do call('PEXPIRE', P..'t:'..t, ms) end
call('HSET', x, 's', shot, 'f', format, 'l', table.concat(links, ','), 'p', once)
call('PEXPIRE', x, ms)
return {{'1'}}
""")
"""Arguments: id of a tab, a number used once, how long, the snapshot and its format, keys of links."""

TAKE: Final = Script(f"""{_TABS}
local id, once, keep, back = A[3], A[4], A[5], A[6]
local home, tokens = tab(id)
local x, words = P..'x:'..id, P..'xi:'..id
if home == 'x' then
  local left = call('PTTL', x)
  if left < 0 then return {{''}} end
  call('SET', P..'c:'..id, me..' '..tokens, 'EX', keep)
  for t in tokens_of(tokens) do call('EXPIRE', P..'t:'..t, keep) end
  for l in tokens_of(call('HGET', x, 'l')) do
    if call('GET', P..'l:'..l) == 'x:'..id then call('SET', P..'l:'..l, me, 'EX', keep) end
  end
  call('HSET', x, 'n', once, 'ms', left)
  call('PEXPIRE', x, back)
  call('PEXPIRE', words, back)
elseif home ~= me or call('HGET', x, 'n') ~= once then
  return {{''}}
end
return {{'1', call('HGET', x, 's'), call('LRANGE', words, 0, -1)}}
""")
"""Arguments: id of a tab, a number used once, how long to keep its keys, how long it can be put back."""

TAKEN: Final = Script(f"""{KNOWN}
if call('HGET', P..'x:'..A[3], 'n') == A[4] then call('DEL', P..'x:'..A[3], P..'xi:'..A[3]) end
return {{''}}
""")
"""Forget what a tab was while it was parked. Arguments: its id, the number with which it was taken."""

PUT_BACK: Final = Script(f"""{_TABS}
local id, once = A[3], A[4]
local home, tokens = tab(id)
local x = P..'x:'..id
if home == me and call('HGET', x, 'n') == once then
  local ms = call('HGET', x, 'ms')
  for l in tokens_of(call('HGET', x, 'l')) do
    if call('GET', P..'l:'..l) == me then call('SET', P..'l:'..l, 'x:'..id, 'PX', ms) end
  end
  call('SET', P..'c:'..id, 'x '..tokens, 'PX', ms)
  for t in tokens_of(tokens) do call('PEXPIRE', P..'t:'..t, ms) end
  call('HDEL', x, 'n')
  call('PEXPIRE', x, ms)
  call('PEXPIRE', P..'xi:'..id, ms)
end
return {{''}}
""")
"""Park a tab again that was taken for nothing. Arguments: its id, the number with which it was taken."""

WORD: Final = Script(f"""{_TABS}
local id, word, most, bytes = A[3], A[4], tonumber(A[5]), tonumber(A[6])
if tab(id) ~= 'x' then return {{'0'}} end
local x, words = P..'x:'..id, P..'xi:'..id
local held = tonumber(call('HGET', x, 'b') or '0')
if call('LLEN', words) >= most or held + #word > bytes then return {{'0'}} end
call('RPUSH', words, word)
call('HSET', x, 'b', held + #word)
call('PEXPIRE', words, call('PTTL', x))
return {{'1'}}
""")
"""Arguments: id of a tab, what is said to it, how many and how many bytes may wait."""
