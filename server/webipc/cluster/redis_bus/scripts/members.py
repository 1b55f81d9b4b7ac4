"""What a worker says of itself: its connections, its beginning, its lease and its end."""

from typing import Final

from webipc.cluster.redis_bus.scripts.script import BEGIN, KNOWN, Script

CONNECT: Final = Script(f"""{BEGIN}
local known, new, run, seed, settle = A[1], A[2], A[3], A[4], tonumber(A[5])
local g = call('GET', P..'gen')
local before = call('GET', P..'run')
local fresh = not g
if fresh then
  g = new
  call('SET', P..'gen', g)
  call('SET', P..'ord', seed)
end
if run ~= '' and before ~= run then
  call('SET', P..'run', run)
  -- A replica that was cut off does not know the last ordinals.
  if before and not fresh then call('SET', P..'ord', seed) end
end
local restarted = not fresh and run ~= '' and before and before ~= run
-- Who makes a generation cannot know whether there was one: a Redis that has forgotten all looks as one at its start.
if fresh or restarted or (known ~= '' and known ~= g) then
  call('SET', P..'settling', '1', 'PX', settle, 'NX')
end
return {{g, call('PTTL', P..'settling')}}
""")
"""Arguments: the generation that was known, a new one, the server's run, a first ordinal, how long to settle."""

_MAILBOX: Final = """
local function mailbox(key, ms)
  if call('EXISTS', key) == 0 then
    call('XGROUP', 'CREATE', key, '_', '$', 'MKSTREAM')
    call('XGROUP', 'DESTROY', key, '_')
  end
  call('PEXPIRE', key, ms)
end
"""

ENTER: Final = Script(f"""{KNOWN}{_MAILBOX}
local most, lease, mail, formats, since, app = tonumber(A[3]), A[4], A[5], A[6], A[7], A[8]
local taken = {{}}
for _, w in ipairs(call('SMEMBERS', P..'ws')) do
  local o = call('HGET', P..'w:'..w, 'ordinal')
  if o then taken[tonumber(o)] = true end
end
local o
repeat
  o = call('INCR', P..'ord')
  if o > most then o = 1; call('SET', P..'ord', 1) end
until not taken[o]
call('HSET', P..'w:'..me, 'ordinal', o, 'state', 'up', 'formats', formats, 'pages', 0, 'since', since, 'app', app)
call('PEXPIRE', P..'w:'..me, lease)
call('SADD', P..'ws', me)
mailbox(P..'m:'..me, mail)
local all = {{0, '0-0'}}
if call('EXISTS', P..'all') == 1 then
  local i = call('XINFO', 'STREAM', P..'all')
  for n = 1, #i, 2 do
    if i[n] == 'entries-added' then all[1] = i[n + 1] end
    if i[n] == 'last-generated-id' then all[2] = i[n + 1] end
  end
end
return {{o, all}}
""")
"""Become a member. Arguments: the most ordinal, life of lease and mailbox, formats, when it began, application."""

RENEW: Final = Script(f"""{KNOWN}{_MAILBOX}
local lease, mail, ordinal, state, formats, pages, read, app = A[3], A[4], A[5], A[6], A[7], A[8], A[9], A[10]
-- First, and without more memory: a full Redis refuses what follows only where nothing was written before.
local lapsed = call('PEXPIRE', P..'w:'..me, lease) == 0 and 1 or 0
call('HSET', P..'w:'..me, 'ordinal', ordinal, 'state', state, 'formats', formats, 'pages', pages, 'read', read,
  'app', app)
call('PEXPIRE', P..'w:'..me, lease)
call('SADD', P..'ws', me)
mailbox(P..'m:'..me, mail)
-- Where Redis was stopped for longer than a lease, all have ended, and none of those is dead that renews next.
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if lapsed == 1 then call('HSET', P..'w:'..me, 'steady', now) end
local sure = now - tonumber(call('HGET', P..'w:'..me, 'steady') or '0') >= tonumber(lease)
local living = {{}}
for _, w in ipairs(call('SMEMBERS', P..'ws')) do
  local l = call('HMGET', P..'w:'..w, 'ordinal', 'state', 'formats', 'pages', 'app')
  if l[1] then
    living[#living + 1] = {{w, l[1], l[2] or '', l[3] or '', l[4] or '', call('XLEN', P..'m:'..w), l[5] or ''}}
  elseif sure then
    call('SREM', P..'ws', w)
    call('DEL', P..'m:'..w)
  end
end
return {{lapsed, call('PTTL', P..'settling'), living, sure and 1 or 0}}
""")
"""Renew a lease.

Arguments: life of the lease and the mailbox, ordinal, state, formats, pages, place in `all`, application.
"""

LEAVE: Final = Script(f"""{BEGIN}
call('DEL', P..'w:'..A[1], P..'m:'..A[1])
call('SREM', P..'ws', A[1])
return {{''}}
""")
