"""What is said to all and to one worker: the two streams that a worker reads."""

from typing import Final

from webipc.cluster.redis_bus.scripts.script import KNOWN, Script

LOOK: Final = Script(f"""{KNOWN}
local all, box, count, trim = A[3], A[4], A[5], A[6]
local boxed = P..'m:'..me
local function info(key)
  if call('EXISTS', key) == 0 then return {{0, 0, '0-0'}} end
  local i, r = call('XINFO', 'STREAM', key), {{0, 0, '0-0'}}
  for n = 1, #i, 2 do
    if i[n] == 'entries-added' then r[1] = i[n + 1] end
    if i[n] == 'length' then r[2] = i[n + 1] end
    if i[n] == 'last-generated-id' then r[3] = i[n + 1] end
  end
  return r
end
call('XTRIM', boxed, 'MINID', trim)
local read = call('XREAD', 'COUNT', count, 'STREAMS', P..'all', boxed, all, box)
return {{read or {{}}, info(P..'all'), info(boxed)}}
""")
"""Read both streams, and how much they ever had, at one moment. Arguments: two places, how many, what was read."""

SAY: Final = Script(f"""{KNOWN}
return call('XADD', P..'all', 'MAXLEN', '~', A[3], '*', unpack(A, 4))
""")
"""Add an entry to the stream for all, in the generation that it names. Arguments: how many are kept, its fields."""

LAST: Final = Script(f"""{KNOWN}
if call('EXISTS', P..'all') == 0 then return {{'0-0'}} end
local i = call('XINFO', 'STREAM', P..'all')
for n = 1, #i, 2 do if i[n] == 'last-generated-id' then return {{i[n + 1]}} end end
""")
"""Return the place of the last entry that was ever said to all."""

SINCE: Final = Script(f"""{KNOWN}
local key, place, back = P..'all', A[3], tonumber(A[6])
local added, length, last = 0, 0, '0-0'
if call('EXISTS', key) == 1 then
  local i = call('XINFO', 'STREAM', key)
  for n = 1, #i, 2 do
    if i[n] == 'entries-added' then added = i[n + 1] end
    if i[n] == 'length' then length = i[n + 1] end
    if i[n] == 'last-generated-id' then last = i[n + 1] end
  end
end
-- A place that is none of this stream may be of one that Redis has forgotten.
local known = place == last or (place == '0-0' and added == length) or #call('XRANGE', key, place, place) == 1
if not known then return {{0, {{}}, {{}}}} end
local before = {{}}
if back > 0 then
  for _, entry in ipairs(call('XREVRANGE', key, place, '-', 'COUNT', back)) do
    local f = {{o = '', n = '', g = ''}}
    for n = 1, #entry[2], 2 do f[entry[2][n]] = entry[2][n + 1] end
    before[#before + 1] = {{f.o, f.n, f.g}}
  end
end
return {{1, call('XRANGE', key, '('..place, A[4], 'COUNT', A[5]), before}}
""")
"""Return whether the stream for all has this place, what is behind it, and the names of some entries before it.

Arguments: a place, up to which one, how many, how many before it.
"""
