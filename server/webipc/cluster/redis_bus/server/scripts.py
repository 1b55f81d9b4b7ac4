"""The scripts that Redis runs: each reads and writes several keys of one realm at one moment.

Each is given the prefix of the keys, and the generation that the worker knows. Where Redis has another one, because it
has forgotten everything, a script does nothing and answers `FORGOTTEN`. In the seconds behind that, and behind a
restart, `SETTLING` is the answer to what would otherwise be "unknown" or "dead": the living are still registering.
"""

import hashlib
from typing import Final

FORGOTTEN: Final = b"!"
SETTLING: Final = b"?"


class Script:
    """One script, and the name that Redis gives it."""

    __slots__ = ("digest", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        # It is what EVALSHA wants, and no protection of anything.
        self.digest = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    def command(self, prefix: str, *arguments: bytes | str | int) -> list[bytes | str | int]:
        """Return the command that runs it."""
        return ["EVALSHA", self.digest, 1, prefix, *arguments]

    @property
    def load(self) -> list[bytes | str | int]:
        """The command that lets Redis know it."""
        return ["SCRIPT", "LOAD", self.source]


_BEGIN: Final = """
local P, A, call = KEYS[1], ARGV, redis.call
"""

_KNOWN: Final = f"""{_BEGIN}
if call('GET', P..'gen') ~= A[1] then return {{'!'}} end
local me = A[2]
"""

# A place as it is answered: by what, then `-`, or `x`, the id of a parked tab and the format of its snapshot, or `w`,
# the worker and its lease.
_PLACES: Final = f"""{_KNOWN}
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

# A tab's entry: its home, or x where it is parked, and its tokens.
_TABS: Final = f"""{_KNOWN}
local function tab(id)
  local v = call('GET', P..'c:'..id)
  if not v then return nil, '' end
  return string.match(v, '^(%S+) ?(.*)$')
end
local function tokens_of(text) return string.gmatch(text, '[^,]+') end
"""

CONNECT: Final = Script(f"""{_BEGIN}
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

ENTER: Final = Script(f"""{_KNOWN}{_MAILBOX}
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

RENEW: Final = Script(f"""{_KNOWN}{_MAILBOX}
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

LEAVE: Final = Script(f"""{_BEGIN}
call('DEL', P..'w:'..A[1], P..'m:'..A[1])
call('SREM', P..'ws', A[1])
return {{''}}
""")

LOOK: Final = Script(f"""{_KNOWN}
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

SAY: Final = Script(f"""{_KNOWN}
return call('XADD', P..'all', 'MAXLEN', '~', A[3], '*', unpack(A, 4))
""")
"""Add an entry to the stream for all, in the generation that it names. Arguments: how many are kept, its fields."""

LAST: Final = Script(f"""{_KNOWN}
if call('EXISTS', P..'all') == 0 then return {{'0-0'}} end
local i = call('XINFO', 'STREAM', P..'all')
for n = 1, #i, 2 do if i[n] == 'last-generated-id' then return {{i[n + 1]}} end end
""")
"""Return the place of the last entry that was ever said to all."""

SINCE: Final = Script(f"""{_KNOWN}
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

RELEASE: Final = Script(f"""{_KNOWN}
if call('GET', P..'l:'..A[3]) == me then call('DEL', P..'l:'..A[3]) end
return {{''}}
""")

ENDED: Final = Script(f"""{_KNOWN}
local v = call('GET', P..'l:'..A[3])
if not v or v == me then call('SET', P..'l:'..A[3], '-', 'PX', A[4]) end
return {{''}}
""")

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

TAKEN: Final = Script(f"""{_KNOWN}
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

KEPT: Final = Script(f"""{_KNOWN}
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

SCRIPTS: Final = (
    CONNECT,
    ENTER,
    RENEW,
    LEAVE,
    LOOK,
    SAY,
    LAST,
    SINCE,
    FIND,
    WHERE,
    CLAIM,
    RELEASE,
    ENDED,
    BORN,
    DESTROYED,
    PARK,
    TAKE,
    TAKEN,
    PUT_BACK,
    WORD,
    KEPT,
    NOTE,
)
