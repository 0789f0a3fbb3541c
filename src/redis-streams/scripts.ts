/** Finds the group; the key is the stream, the first argument the name of the group. */
const GROUP = `
local group
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
	local facts = {}
	for i = 1, #flat, 2 do facts[flat[i]] = flat[i + 1] end
	if facts['name'] == ARGV[1] then group = facts end
end
if not group then return redis.error_reply('NOGROUP there is no consumer group "' .. ARGV[1] .. '"') end
`;

/**
 * What is known of the lag of a group, at one instant. Entries that were not delivered, and those that were trimmed while they
 * were pending, are counted up to a number, the second argument. -1 = the server does not know; texts are ids, '' when there
 * is none.
 */
export const LAG = `${GROUP}
local last = group['last-delivered-id']
local unread = #redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', ARGV[2])
local stream = {}
local flat = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #flat, 2 do stream[flat[i]] = flat[i + 1] end
local first = stream['first-entry']
local trimmed = first and #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '(' .. first[1], ARGV[2]) or 0
return {
	stream['length'], group['pending'] - trimmed, unread, group['lag'] or -1, group['entries-read'] or -1,
	stream['entries-added'] or -1, last, first and first[1] or '',
}`;

/** How many pending entries are looked at for one that still exists. */
const LOOKED_AT = 100;

/** How old the oldest entry is that is not acknowledged, ms by the clock of the server; -1 when there is none. */
export const AGE = `${GROUP}
local oldest
for _, pending in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ${LOOKED_AT})) do
	if #redis.call('XRANGE', KEYS[1], pending[1], pending[1]) > 0 then oldest = pending[1] break end
end
if not oldest then
	local unread = redis.call('XRANGE', KEYS[1], '(' .. group['last-delivered-id'], '+', 'COUNT', 1)
	if #unread == 0 then return -1 end
	oldest = unread[1][1]
end
local now = redis.call('TIME')
return now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(string.match(oldest, '^%d+'))`;
