/**
 * SipHash-2-4 with casync's key: what directories are searched by.
 *
 * @module
 */

/** Key of the search tables: k0 and k1 as halves, low first. */
const KEY = [0x0f1d84b3, 0x8574442b, 0xd1c22ec1, 0x2736ed30] as const;
const C0 = [0x70736575, 0x736f6d65] as const;
const C1 = [0x6e646f6d, 0x646f7261] as const;
const C2 = [0x6e657261, 0x6c796765] as const;
const C3 = [0x79746573, 0x74656462] as const;

/** A hash of 64 bits as two unsigned halves: faster than a bigint. */
export interface Hash64 {
  /** Bits 0 to 31. */
  low: number;
  /** Bits 32 to 63. */
  high: number;
}

/**
 * Hashes a name.
 *
 * @param out Receives the hash, so that a million names make no garbage.
 */
export function sipHash(name: Uint8Array, out: Hash64): void {
  let v0l = C0[0] ^ KEY[0], v0h = C0[1] ^ KEY[1];
  let v1l = C1[0] ^ KEY[2], v1h = C1[1] ^ KEY[3];
  let v2l = C2[0] ^ KEY[0], v2h = C2[1] ^ KEY[1];
  let v3l = C3[0] ^ KEY[2], v3h = C3[1] ^ KEY[3];
  const size = name.length;
  const words = size >>> 3;
  // One word after the whole ones, padded, and one that stands for the finalization.
  for (let word = 0; word <= words + 1; word++) {
    let low = 0;
    let high = 0;
    let rounds = 2;
    if (word < words) {
      const at = 8 * word;
      low = name[at]! | name[at + 1]! << 8 | name[at + 2]! << 16 | name[at + 3]! << 24;
      high = name[at + 4]! | name[at + 5]! << 8 | name[at + 6]! << 16 | name[at + 7]! << 24;
    } else if (word === words) {
      for (let at = 8 * words; at < size; at++) {
        if (at & 4) high |= name[at]! << 8 * (at & 3);
        else low |= name[at]! << 8 * (at & 3);
      }
      high |= size << 24;
    } else {
      v2l ^= 0xff;
      rounds = 4;
    }
    v3l ^= low;
    v3h ^= high;
    for (let round = 0; round < rounds; round++) {
      // Sums carry if they come out smaller than a summand, unsigned.
      v0l = v0l + v1l | 0;
      v0h = v0h + v1h + (v0l >>> 0 < v1l >>> 0 ? 1 : 0) | 0;
      let l = v1l << 13 | v1h >>> 19;
      v1h = (v1h << 13 | v1l >>> 19) ^ v0h;
      v1l = l ^ v0l;
      l = v0l;
      v0l = v0h; // rotates by 32
      v0h = l;
      v2l = v2l + v3l | 0;
      v2h = v2h + v3h + (v2l >>> 0 < v3l >>> 0 ? 1 : 0) | 0;
      l = v3l << 16 | v3h >>> 16;
      v3h = (v3h << 16 | v3l >>> 16) ^ v2h;
      v3l = l ^ v2l;
      v0l = v0l + v3l | 0;
      v0h = v0h + v3h + (v0l >>> 0 < v3l >>> 0 ? 1 : 0) | 0;
      l = v3l << 21 | v3h >>> 11;
      v3h = (v3h << 21 | v3l >>> 11) ^ v0h;
      v3l = l ^ v0l;
      v2l = v2l + v1l | 0;
      v2h = v2h + v1h + (v2l >>> 0 < v1l >>> 0 ? 1 : 0) | 0;
      l = v1l << 17 | v1h >>> 15;
      v1h = (v1h << 17 | v1l >>> 15) ^ v2h;
      v1l = l ^ v2l;
      l = v2l;
      v2l = v2h; // rotates by 32
      v2h = l;
    }
    v0l ^= low;
    v0h ^= high;
  }
  out.low = (v0l ^ v1l ^ v2l ^ v3l) >>> 0;
  out.high = (v0h ^ v1h ^ v2h ^ v3h) >>> 0;
}
