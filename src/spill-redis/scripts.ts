/**
 * What has to happen at once happens in a script. The first key is the hash `meta`, the others are the streams; the first
 * argument is the token of the owner, which every writing script checks: an owner that was replaced changes nothing any more.
 *
 * Fields of `meta`: `version`, `partitions`, `owner` (token), `until` (end of the lease, server time in ms), `seq` (the last
 * append of this owner), `bytes` (what waits), `largest` (the largest record), `a<n>` and `f<n>` (bytes ever appended to and
 * freed from partition n). An entry has `t` (texts), `p` (payload), `c` (what `a<n>` was after it): so freeing everything up
 * to an entry is a subtraction, however many there are.
 *
 * The scripts are sent whole. By their digest alone they would be unknown after a restart of the server, and an append that
 * is sent again would be overtaken by the one behind it.
 */
const PREAMBLE = `
local meta = KEYS[1]
local function text(number) return string.format('%.0f', number) end
local function held(field) return tonumber(redis.call('HGET', meta, field) or 0) end
local function now() local t = redis.call('TIME'); return t[1] * 1000 + math.floor(t[2] / 1000) end
-- Commands that need memory are refused when it is short, unless the script has written before. Giving room back and taking
-- over must be possible then, so they begin with a command that needs none.
local function evenWhenFull() redis.call('HDEL', meta, 'none') end
local function lost() return redis.call('HGET', meta, 'owner') ~= ARGV[1] end
local function other() return {'lost', redis.call('HGET', meta, 'owner') or '', redis.call('HGET', meta, 'version') and '1' or '0'} end
local function records()
	local sum = 0
	for n = 2, #KEYS do sum = sum + redis.call('XLEN', KEYS[n]) end
	return text(sum)
end
`;

/** ARGV: token, version, partitions, leaseMs. Becomes the owner, unless another one's lease has not ended. */
export const TAKE = `${PREAMBLE}
local owner = redis.call('HGET', meta, 'owner')
local left = held('until') - now()
if owner and owner ~= ARGV[1] and left > 0 then return {'locked', owner, text(left)} end
local version = redis.call('HGET', meta, 'version')
if version and version ~= ARGV[2] then return {'version', version} end
local partitions = redis.call('HGET', meta, 'partitions')
if partitions and partitions ~= ARGV[3] and held('bytes') > 0 then return {'partitions', partitions} end
evenWhenFull()
redis.call('HSET', meta, 'version', ARGV[2], 'partitions', ARGV[3], 'owner', ARGV[1], 'until', text(now() + ARGV[4]), 'seq', '0')
return {'ok', redis.call('HGET', meta, 'largest') or '0', records()}`;

/** ARGV: token, leaseMs. Tells the number of the last append and how many records there are. */
export const RENEW = `${PREAMBLE}
if lost() then return other() end
evenWhenFull()
redis.call('HSET', meta, 'until', text(now() + ARGV[2]))
return {'ok', redis.call('HGET', meta, 'seq') or '0', records()}`;

/** ARGV: token. */
export const RELEASE = `${PREAMBLE}
if not lost() then redis.call('HDEL', meta, 'owner', 'until') end
return {'ok'}`;

/**
 * ARGV: token, seq, maxBytes, what this batch and the rest of it need, the largest record, and for each record its partition,
 * bytes, texts and payload. A client sends again what was under way when its connection broke: `seq` tells that it was done. Tells the
 * number of the append before, and how many records there are.
 */
export const APPEND = `${PREAMBLE}
if lost() then return other() end
local before = held('seq')
if before >= tonumber(ARGV[2]) then return {'ok', text(before), records()} end
local bytes = held('bytes')
if bytes + ARGV[4] > tonumber(ARGV[3]) then return {'full', text(bytes)} end
local ends = {}
for i = 6, #ARGV, 4 do
	local n = ARGV[i]
	bytes = bytes + ARGV[i + 1]
	ends[n] = (ends[n] or held('a' .. n)) + ARGV[i + 1]
	redis.call('XADD', KEYS[n + 2], '*', 't', ARGV[i + 2], 'p', ARGV[i + 3], 'c', text(ends[n]))
end
redis.call('HSET', meta, 'seq', ARGV[2], 'bytes', text(bytes))
for n, size in pairs(ends) do redis.call('HSET', meta, 'a' .. n, text(size)) end
if held('largest') < tonumber(ARGV[5]) then redis.call('HSET', meta, 'largest', ARGV[5]) end
return {'ok', text(before), records()}`;

/** KEYS: meta and one stream. ARGV: token, its partition, the cursor, the id after it. */
export const ACK = `${PREAMBLE}
if lost() then return other() end
local last = redis.call('XREVRANGE', KEYS[2], ARGV[3], '-', 'COUNT', 1)[1]
if not last then return {'ok', '0'} end
local size = 0
for i = 1, #last[2], 2 do if last[2][i] == 'c' then size = tonumber(last[2][i + 1]) end end
local freedRecords = redis.call('XTRIM', KEYS[2], 'MINID', '=', ARGV[4])
local freed = math.max(0, size - held('f' .. ARGV[2]))
local bytes = math.max(0, held('bytes') - freed)
redis.call('HSET', meta, 'f' .. ARGV[2], text(size), 'bytes', text(bytes))
if bytes == 0 then redis.call('HDEL', meta, 'largest') end
return {'ok', text(freedRecords)}`;

/** What waits: bytes, records, and the texts of the first record of each partition that has one. */
export const FIGURES = `${PREAMBLE}
local texts = {}
for n = 2, #KEYS do
	local first = redis.call('XRANGE', KEYS[n], '-', '+', 'COUNT', 1)[1]
	if first then
		for i = 1, #first[2], 2 do if first[2][i] == 't' then table.insert(texts, first[2][i + 1]) end end
	end
end
return {text(held('bytes')), records(), unpack(texts)}`;
