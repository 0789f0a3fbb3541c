/**
 * A stable position of a key in [0, 1): FNV-1a over its UTF-16 code units, finished as in MurmurHash3 so that keys that
 * differ in their last letter only are far apart (rule D8).
 */
export function positionOf(key: string): number {
	let hash = 0x811c9dc5;
	for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
	hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
	hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
	return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
