/**
 * What Redis does with a request for a lease: `lease.ts` in Lua, so that looking and taking are one step. A counter is one hash:
 * fields `s<start>` hold what was spent in a step, fields `l<process>` a lease as `sequence:reserved:spare:expiry`.
 * https://redis.io/docs/latest/develop/programmability/eval-intro/
 */
import { REMEMBER_MS, SHARE_AHEAD, type StoredCounter } from "./lease.ts";
import type { LeaseReply, LeaseRequest } from "./store.ts";

/** How a time without an end is told. */
const FOR_EVER = -1;

/**
 * The script; its keys are those of counters, its arguments {@link scriptArguments}. It returns for each counter what
 * {@link readReply} reads. Numbers stay exact to 2^53.
 */
export const LEASE_SCRIPT = `
local process, life = 'l' .. ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = 2

local function text(number) return string.format('%.0f', number) end

local function argument()
  at = at + 1
  return tonumber(ARGV[at])
end

local function request()
  local asked = {
    first = argument(), last = argument(), from = argument(), repeats = argument() == 1,
    limit = argument(), sequence = argument(), spent = argument(), reserved = argument(), spare = argument(),
    assumed = argument(), wanted = argument(), needed = {},
  }
  for i = 1, argument() do asked.needed[i] = argument() end
  if asked.repeats then
    local length = asked.last - asked.first
    local later = math.floor((now - asked.first) / length) * length
    asked.first, asked.last, asked.from = asked.first + later, asked.last + later, asked.from + later
  end
  return asked
end

local function read(content, drops)
  local kept = { steps = {}, othersReserved = 0, othersSpare = 0 }
  for i = 1, #content, 2 do
    local field, value = content[i], content[i + 1]
    if string.sub(field, 1, 1) == 's' then
      kept.steps[#kept.steps + 1] = { field, tonumber(string.sub(field, 2)), tonumber(value) }
    else
      local a, b, c, d = string.match(value, '^(%d+):(%d+):(%d+):(%d+)$')
      local held = { sequence = tonumber(a), reserved = tonumber(b), spare = tonumber(c), expires = tonumber(d) }
      if held.expires + ${REMEMBER_MS} <= now then
        drops[#drops + 1] = field
      elseif field == process then
        kept.own = held
      elseif held.expires > now then
        kept.othersReserved = kept.othersReserved + held.reserved
        kept.othersSpare = kept.othersSpare + held.spare
      end
    end
  end
  return kept
end

local function note(steps, spent, asked, writes)
  local used, noted = 0, spent
  for _, step in ipairs(steps) do
    if step[2] == now then noted = noted + step[3]
    elseif step[2] >= asked.from then used = used + step[3] end
  end
  if now >= asked.from then used = used + noted end
  if spent > 0 then
    writes[1] = 's' .. text(now)
    writes[2] = text(noted)
  end
  return used, asked.first
end

local function spend(steps, spent, asked, writes, drops)
  local used, oldest, known, underway = spent, asked.first, 0, spent
  for _, step in ipairs(steps) do
    if step[2] < asked.from then
      drops[#drops + 1] = step[1]
    else
      used, oldest = used + step[3], math.min(oldest, step[2])
      if step[2] >= asked.first then underway = underway + step[3] end
      if step[2] > asked.first then drops[#drops + 1] = step[1] end
      if step[2] == asked.first then known = step[3] end
    end
  end
  if underway ~= known then
    writes[1] = 's' .. text(asked.first)
    writes[2] = text(underway)
  end
  return used, oldest
end

local function grant(asked, free)
  local granted, fits = 0, true
  for _, need in ipairs(asked.needed) do
    if need <= free then
      granted, free = granted + need, free - need
    else
      fits = false
    end
  end
  local more = fits and math.max(0, math.min(asked.assumed, free)) or 0
  local ahead = math.max(0, math.min(asked.wanted, math.floor((free - more) / ${SHARE_AHEAD})))
  return granted + more, ahead
end

local function lease(key)
  local asked = request()
  local content = redis.pcall('HGETALL', key)
  if content.err then return content.err end
  local writes, drops = {}, {}
  local kept = read(content, drops)
  local own = kept.own
  local live = own and own.expires > now
  local repeated = own and asked.sequence <= own.sequence
  local wrong = now < asked.first or (asked.last >= 0 and now >= asked.last)
  local spent = repeated and 0 or asked.spent
  local used, oldest
  if wrong then
    used, oldest = note(kept.steps, spent, asked, writes)
  else
    used, oldest = spend(kept.steps, spent, asked, writes, drops)
  end
  local leased = live and own.reserved + own.spare or 0
  if not repeated then
    own = own or { reserved = 0, spare = 0, expires = now }
    if not wrong then
      local spare = live and asked.spare or 0
      local others = kept.othersReserved + kept.othersSpare
      local granted, ahead = grant(asked, asked.limit - used - others - asked.reserved - spare)
      own = { reserved = asked.reserved + granted, spare = spare + ahead, expires = now + life }
      leased = own.reserved + own.spare
    end
    writes[#writes + 1] = process
    writes[#writes + 1] = table.concat({
      text(asked.sequence), text(own.reserved), text(own.spare), text(own.expires) }, ':')
  end
  if #drops > 0 then redis.call('HDEL', key, unpack(drops)) end
  if #writes > 0 then redis.call('HSET', key, unpack(writes)) end
  if asked.last < 0 then
    redis.call('PERSIST', key)
  else
    local left = wrong and asked.last - asked.first or asked.last - now
    redis.call('PEXPIRE', key, text(math.max(left + asked.first - asked.from, life + ${REMEMBER_MS})))
  end
  return table.concat({ text(leased), text(used), text(kept.othersReserved), text(kept.othersSpare), text(now),
    wrong and 1 or 0, text(oldest) }, ' ')
end

local replies = {}
for i, key in ipairs(KEYS) do replies[i] = lease(key) end
return replies
`;

/** Arguments of {@link LEASE_SCRIPT} after its keys. */
export function scriptArguments(
  process: string,
  requests: readonly LeaseRequest[],
  leaseMs: number,
): readonly string[] {
  const words: (string | number)[] = [process, leaseMs];
  for (const { period, limit, sequence, spent, reserved, spare, assumed, wanted, needed } of requests) {
    const endMs = Number.isFinite(period.endMs) ? period.endMs : FOR_EVER;
    words.push(period.startMs, endMs, period.fromMs, period.repeats ? 1 : 0);
    words.push(limit, sequence, spent, reserved, spare, assumed, wanted, needed.length, ...needed);
  }
  return words.map(String);
}

/** Reads what {@link LEASE_SCRIPT} returns for a counter: a line of numbers, or an error. */
export function readReply(reply: unknown): LeaseReply | Error {
  const words = String(reply);
  const numbers = /^[\d -]+$/.test(words) ? words.split(" ").map(Number) : [];
  const [leased, used, othersReserved, othersSpare, nowMs, wrong, oldestMs] = numbers;
  if (
    leased === undefined ||
    used === undefined ||
    othersReserved === undefined ||
    othersSpare === undefined ||
    nowMs === undefined ||
    oldestMs === undefined
  ) {
    return new Error(words);
  }
  return { leased, used, othersReserved, othersSpare, nowMs, wrongPeriod: wrong === 1, oldestMs };
}

/** Reads a counter's hash. */
export function readHash(hash: Readonly<Record<string, string>>): StoredCounter {
  const counter: StoredCounter = { steps: new Map(), leases: new Map() };
  for (const [field, value] of Object.entries(hash)) {
    const name = field.slice(1);
    if (field.startsWith("s")) {
      counter.steps.set(Number(name), Number(value));
      continue;
    }
    const [sequence = 0, reserved = 0, spare = 0, expiresMs = 0] = value.split(":").map(Number);
    counter.leases.set(name, { sequence, reserved, spare, expiresMs });
  }
  return counter;
}
