-- Decides atomically, for all workers, whether a call to a provider may start: its pause, its circuit breaker, its limit
-- of concurrent calls, its daily cap, and the probes after an answer that left doubt.
-- Times are milliseconds of Redis' own clock, so that machines need not agree on one; a caller may pass `now` instead.
-- Keys, after the provider's prefix: ":pause" holds its end; ":breaker" failures, reason, since, shut_until, trial,
-- trial_until;
-- ":calls:<lane>" the places of turns, scored by the end of their lease; ":day:<days since 1970>" the messages let through;
-- ":doubt:<lane>" how many messages the next call may hold (fits) and the call that tries it (turn).
local DAY = 86400000
local prefix, operation, a = KEYS[1], ARGV[1], cjson.decode(ARGV[2])

local function clock()
    local time = redis.call("TIME")
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

local now = a.now or clock()
local today = math.floor(now / DAY)
local breaker = prefix .. ":breaker"

local function number_of(field)
    return tonumber(redis.call("HGET", breaker, field) or 0)
end

local function calls_of(lane)
    local key = prefix .. ":calls:" .. lane
    redis.call("ZREMRANGEBYSCORE", key, "-inf", now)
    return redis.call("ZCARD", key)
end

local function paused_until()
    return tonumber(redis.call("GET", prefix .. ":pause") or 0)
end

local function day_key(day)
    return prefix .. ":day:" .. string.format("%d", day)
end

local function sent_today()
    return tonumber(redis.call("GET", day_key(today)) or nil)
end

-- How many messages this lane may send today; nil without a limit. Before a warm-up begins, its first day's cap applies.
local function allowance()
    local step = a.warmup[math.max(1, today - a.warmup_from + 1)]
    local cap = a.cap > 0 and math.min(a.cap, step or a.cap) or step
    return cap and cap - math.min(math.ceil(cap * a.kept_share), math.floor(cap / 2))
end

-- Milliseconds until the breaker lets a call through, and whether that call is a trial.
local function breaker_wait()
    if number_of("since") == 0 then
        return 0, false
    elseif number_of("shut_until") > now then
        return number_of("shut_until") - now, false
    end
    return math.min(math.max(number_of("trial_until") - now, 0), a.look_again), true
end

local function wait(why, milliseconds, fits)
    return {why = why, wait = milliseconds, fits = fits}
end

local function doubt()
    return prefix .. ":doubt:" .. a.lane
end

local function take()
    if paused_until() > now then
        return wait("pause", paused_until() - now)
    end
    local shut, is_trial = breaker_wait()
    if shut > 0 then
        return wait("breaker", shut)
    end
    local mine = calls_of(a.lane)
    local free = math.min(a.calls_of_lane - mine, a.calls - mine - calls_of(a.other_lane))
    if free < 1 then
        return wait("calls", a.look_again)
    end
    local fits = tonumber(redis.call("HGET", doubt(), "fits"))
    if fits and mine > 0 then
        return wait("doubt", a.look_again)
    elseif fits and a.messages > fits then
        return wait("doubt", 0, fits)
    end
    local allowed = allowance()
    if allowed then
        local sent = sent_today() or a.sent
        if not sent then
            return wait("count", 0)
        elseif sent + a.messages > allowed then
            return wait("day", (today + 1) * DAY - now, math.max(allowed - sent, 0))
        end
        redis.call("SET", day_key(today), sent + a.messages, "PX", 2 * DAY)
    end
    local places = (fits or is_trial) and 1 or math.min(free, a.places)
    for place = 1, places do
        redis.call("ZADD", prefix .. ":calls:" .. a.lane, now + a.lease, a.turn .. ":" .. place)
    end
    if fits then
        redis.call("HSET", doubt(), "turn", a.turn)
    end
    if is_trial then
        redis.call("HSET", breaker, "trial", a.turn, "trial_until", now + a.lease)
    end
    return {now = now, day = today, places = places}
end

local function shut()
    redis.call("HSETNX", breaker, "since", now)
    redis.call("HSET", breaker, "shut_until", now + a.rest)
    redis.call("HDEL", breaker, "trial", "trial_until")
end

-- While the breaker is open only its trial counts: other answers belong to calls that started before it opened.
local function judge(is_trial)
    local is_open = number_of("since") > 0
    local is_enough = a.verdict == "locked_out"  -- every further call would get this answer, too
    if is_enough then
        a.verdict = "failed"
    end
    if a.verdict == "failed" and (is_trial or not is_open) then
        redis.call("HSET", breaker, "reason", a.reason)
    end
    if a.verdict == "accepted" and (is_trial or not is_open) then
        redis.call("DEL", breaker)
    elseif a.verdict == "failed" and is_trial then
        shut()
    elseif a.verdict == "failed" and not is_open then
        if redis.call("HINCRBY", breaker, "failures", 1) >= a.failures or is_enough then
            shut()
        end
    end
end

-- After doubt, calls of 1, 10, 100, 200, 400 … messages follow, one at a time, as long as each is answered clearly.
local function probe()
    if a.verdict == "doubted" then
        redis.call("DEL", doubt())
        redis.call("HSET", doubt(), "fits", 1)
    elseif a.verdict == "accepted" and redis.call("HGET", doubt(), "turn") == a.turn then
        local fits = tonumber(redis.call("HGET", doubt(), "fits"))
        local larger = fits < 100 and fits * 10 or fits * 2
        if fits >= a.most then
            redis.call("DEL", doubt())
        else
            redis.call("HSET", doubt(), "fits", larger)
        end
    end
end

local function done()
    for place = 1, a.places do
        redis.call("ZREM", prefix .. ":calls:" .. a.lane, a.turn .. ":" .. place)
    end
    local is_trial = redis.call("HGET", breaker, "trial") == a.turn
    probe()
    if a.verdict == "doubted" then
        a.verdict = "failed"
    end
    if a.verdict ~= "unsent" then
        return judge(is_trial)
    end
    if is_trial then
        redis.call("HDEL", breaker, "trial", "trial_until")
    end
    if redis.call("EXISTS", day_key(a.day)) == 1 then
        redis.call("DECRBY", day_key(a.day), a.messages)
    end
end

local function pause()
    if now + a.pause > paused_until() then
        redis.call("SET", prefix .. ":pause", now + a.pause, "PX", a.longest_pause)
    end
end

local function look()
    return {
        since = number_of("since"), reason = redis.call("HGET", breaker, "reason") or "",
        paused_until = paused_until() > now and paused_until() or 0,
        probing = tonumber(redis.call("HGET", doubt(), "fits")),
        calls = calls_of(a.lane) + calls_of(a.other_lane), allowed = allowance(), sent = sent_today(),
    }
end

local answer = ({take = take, done = done, pause = pause, look = look})[operation]()
return cjson.encode(answer or {done = true})
