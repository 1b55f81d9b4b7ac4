"""Where links and tabs are, and whose a link is."""

from typing import Final

from webipc.cluster.redis_bus.scripts.script import KNOWN, Script

# A place as it is answered: by what, then `-`, or `x`, the id of a parked tab and the format of its snapshot, or `w`,
# the worker and its lease.
_PLACES: Final = f"""{KNOWN}
local function settling() return call('EXISTS', P..'settling') == 1 end
local function at(by, worker)
  local lease = call('HMGET', P..'w:'..worker, 'ordinal', 'state', 'formats', 'pages')
  if not lease[1] and settling() then return {{'?'}} end
  return {{by, 'w', worker, lease[1] or '', lease[2] or '', lease[3] or '', lease[4] or ''}}
end
local function parked(id, by) return {{by, 'x', id, call('HGET', P..'x:'..id, 'f') or '0'}} end
local function link(key, by)
  local v = call('GET', P..'l:'..key)
  if not v then return nil end
  if v == '-' then return {{by, '-'}} end
  if string.sub(v, 1, 2) == 'x:' then return parked(string.sub(v, 3), by) end
  return at(by, v)
end
local function tab(id, by)
  local v = call('GET', P..'c:'..id)
  if not v then return nil end
  local home = string.match(v, '^%S+')
  if home == 'x' then return parked(id, by) end
  return at(by, home)
end
local function unknown() if settling() then return {{'?'}} end return {{''}} end
"""

FIND: Final = Script(f"""{_PLACES}
local found = link(A[3], 'link')
if found then return found end
if A[4] ~= '' then
  found = link(A[4], 'parent')
  if found and found[2] ~= '-' then return found end
end
if A[5] ~= '' then
  local id = call('GET', P..'t:'..A[5])
  if id then
    found = tab(id, 'token')
    if found then return found end
  end
end
return unknown()
""")
"""Arguments: keys of a link, its parent or nothing, a token or nothing."""

WHERE: Final = Script(f"""{_PLACES}
return tab(A[3], 'token') or unknown()
""")

CLAIM: Final = Script(f"""{_PLACES}
local found = link(A[3], 'link')
if found then return found end
call('SET', P..'l:'..A[3], me, 'EX', A[4])
return {{''}}
""")
"""Arguments: key of a link, how long to keep it. While the living register it is written too: its document is new."""

RELEASE: Final = Script(f"""{KNOWN}
if call('GET', P..'l:'..A[3]) == me then call('DEL', P..'l:'..A[3]) end
return {{''}}
""")

ENDED: Final = Script(f"""{KNOWN}
local v = call('GET', P..'l:'..A[3])
if not v or v == me then call('SET', P..'l:'..A[3], '-', 'PX', A[4]) end
return {{''}}
""")

KEPT: Final = Script(f"""{KNOWN}
local kept = {{''}}
-- A replica that was cut off has some where they were before: at a worker that has ended, or on their way to this one.
local settling = call('EXISTS', P..'settling') == 1
local function is_nowhere(v)
  return v ~= '-' and (string.sub(v, 1, 2) == 'x:' or call('EXISTS', P..'w:'..v) == 0)
end
for n = 3, #A do
  local v = call('GET', P..'l:'..A[n])
  if not v or v == me or (settling and is_nowhere(v)) then kept[#kept + 1] = A[n] end
end
return kept
""")
"""Arguments: keys of links."""
