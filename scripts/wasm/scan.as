// AssemblyScript source of lib/chunker/scan_wasm.ts, which scripts/build_wasm.ts writes. The suffix keeps
// tools for TypeScript away from it.
//
// Hash. Let H run without a window, H(i) = rotl(H(i-1), 1) xor T[byte i]. Then the hash of the 48 bytes that
// end with byte i is h(i) = H(i) xor rotl(H(i-48), 16), because rotl(x, 48) = rotl(x, 16). Wherever H starts,
// its start cancels out after 48 bytes.
//
// Vectors. A stripe of 4 * length bytes is cut into four neighbouring lanes, one for each 32-bit lane of a
// vector, and the four hashes advance together. Each lane first runs over the 48 bytes before it. Of what
// remains, the table look-ups are the largest part, so they are made cheap: sixteen bytes of a lane become
// sixteen scaled table offsets in two stores to a fixed address, from where each is one load that needs no
// bounds check.
//
// Test. h mod D == D - 1 implies h * multiplier + addend < limit (signed); lib/chunker/boundary_filter.ts
// chooses the three. What passes is tested exactly, so that the vectors need not be.
//
// Order. A shared memory may grow at any time, therefore V8 reads its size again after each store; steps go
// by four with their stores together, each beside the load that it shares the bounds check with. The sums of
// four tests are stored, which keeps the compiler from postponing all sixteen and running out of registers.
//
// Memory. Four interleaved streams defeat the processor's prefetching, so each round touches a line of the
// next stripe: a tenth faster for data that is not in the cache, and hardly slower for data that is.

// Layout of the reserved page.
const OFFSETS: usize = 0; // four lanes of sixteen 16-bit table offsets; below 128 addresses take one byte
const SUMS: usize = 128; // four vectors: what four steps each have found
const TOUCHED: usize = 192; // a byte nobody reads
const TABLE: usize = 1024; // 256 words
const RING: usize = 2048; // the last 48 vectors of H
const RING_END: usize = RING + 48 * 16;

@external("env", "divisor") declare const divisor: u32;
@external("env", "multiplier") declare const multiplier: i32;
@external("env", "addend") declare const addend: i32;
@external("env", "limit") declare const limit: i32;
@external("env", "lane") declare const lane: u32; // longest lane in bytes, a multiple of 16

/** Smallest position that is known to be a boundary, or one beyond the last that is asked for. */
let best: usize = 0;

/** Turns sixteen bytes of lane `k` into offsets from TABLE. */
@inline function widen(k: usize, at: usize): void {
  const bytes = v128.load(at);
  v128.store(OFFSETS + k * 32, i16x8.shl(i16x8.extend_low_i8x16_u(bytes), 2));
  v128.store(OFFSETS + k * 32 + 16, i16x8.shl(i16x8.extend_high_i8x16_u(bytes), 2));
}

/** H after byte `k` of the sixteen, of all four lanes. */
@inline function step(k: usize, h: v128): v128 {
  let words = v128.load32_zero(<usize>load<u16>(OFFSETS + k * 2), TABLE);
  words = v128.load_lane<u32>(<usize>load<u16>(OFFSETS + 32 + k * 2), words, 1, TABLE);
  words = v128.load_lane<u32>(<usize>load<u16>(OFFSETS + 64 + k * 2), words, 2, TABLE);
  words = v128.load_lane<u32>(<usize>load<u16>(OFFSETS + 96 + k * 2), words, 3, TABLE);
  return v128.xor(v128.xor(i32x4.shl(h, 1), i32x4.shr_u(h, 31)), words);
}

/** Whether the windowed hashes pass, lane by lane; `old` is H 48 bytes before `h`. */
@inline function pass(h: v128, old: v128, multipliers: v128, addends: v128, limits: v128): v128 {
  // Neighbouring 16-bit halves change places, which is the rotation by 16.
  const window = v128.xor(h, v128.shuffle<u16>(old, old, 1, 0, 3, 2, 5, 4, 7, 6));
  return i32x4.gt_s(limits, i32x4.add(i32x4.mul(window, multipliers), addends));
}

/** Four steps from byte `k` of the sixteen on; returns H. */
@inline function quad(k: usize, h: v128, ring: usize, multipliers: v128, addends: v128, limits: v128): v128 {
  const h0 = step(k, h);
  const h1 = step(k + 1, h0);
  const h2 = step(k + 2, h1);
  const h3 = step(k + 3, h2);
  const old0 = v128.load(ring + k * 16);
  v128.store(ring + k * 16, h0);
  const old1 = v128.load(ring + k * 16 + 16);
  v128.store(ring + k * 16 + 16, h1);
  const old2 = v128.load(ring + k * 16 + 32);
  v128.store(ring + k * 16 + 32, h2);
  const old3 = v128.load(ring + k * 16 + 48);
  v128.store(ring + k * 16 + 48, h3);
  let sum = pass(h0, old0, multipliers, addends, limits);
  sum = v128.or(sum, pass(h1, old1, multipliers, addends, limits));
  sum = v128.or(sum, pass(h2, old2, multipliers, addends, limits));
  sum = v128.or(sum, pass(h3, old3, multipliers, addends, limits));
  v128.store(SUMS + k * 4, sum);
  return h3;
}

/** Sets `best` to the first boundary in [from, end) if there is one before `best`. */
function verify(from: usize, end: usize): void {
  let h: u32 = 0;
  for (let i: usize = from - 48; i < from; i++) {
    h = rotl<u32>(h, 1) ^ load<u32>(<usize>load<u8>(i) << 2, TABLE);
  }
  for (let p = from; p < best; p++) {
    if (h % divisor == divisor - 1) {
      best = p;
      return;
    }
    if (p + 1 >= end) return;
    const leaving = load<u32>(<usize>load<u8>(p - 48) << 2, TABLE);
    h = rotl<u32>(h, 1) ^ rotl<u32>(leaving, 16) ^ load<u32>(<usize>load<u8>(p) << 2, TABLE);
  }
}

/** Verifies what SUMS says of the sixteen positions from `at` on and the same of the other lanes. */
function verifySums(at: usize, length: usize): void {
  for (let k: usize = 0; k < 16; k += 4) {
    for (let lanes = i32x4.bitmask(v128.load(SUMS + k * 4)); lanes != 0; lanes &= lanes - 1) {
      const first = at + k + <usize>ctz(lanes) * length;
      verify(first, first + 4);
    }
  }
}

/** Sets `best` to the first boundary in (done, done + 4 * length] if there is one before `best`. */
function scanStripe(done: usize, length: usize): void {
  let h = i32x4.splat(0);
  let ring = RING;
  const end = done + length;
  const multipliers = i32x4.splat(multiplier);
  const addends = i32x4.splat(addend);
  const limits = i32x4.splat(limit);
  // What is touched is the next stripe and, as the lanes begin 48 bytes early, three lines more.
  let ahead: usize = done + 8 * length + 192 <= <usize>memory.size() << 16 ? done + 4 * length : 0;
  // The ring holds anything at first; nothing is believed before it was filled once.
  for (let at = done - 48; at < end; at += 16) {
    widen(0, at);
    widen(1, at + length);
    widen(2, at + 2 * length);
    widen(3, at + 3 * length);
    h = quad(0, h, ring, multipliers, addends, limits);
    h = quad(4, h, ring, multipliers, addends, limits);
    h = quad(8, h, ring, multipliers, addends, limits);
    h = quad(12, h, ring, multipliers, addends, limits);
    const sum = v128.or(
      v128.or(v128.load(SUMS), v128.load(SUMS + 16)),
      v128.or(v128.load(SUMS + 32), v128.load(SUMS + 48)),
    );
    if (v128.any_true(sum) && at >= done) {
      verifySums(at + 1, length);
      // In the first lane, so whatever is left to look at comes later.
      if (best <= at + 16) return;
    }
    store<u8>(TOUCHED, load<u8>(ahead));
    ahead += 64;
    ring += 256;
    if (ring == RING_END) ring = RING;
  }
}

/** First boundary in [from, to], or -1. Needs 48 bytes before `from`. */
export function find(from: usize, to: usize): i32 {
  best = to + 1;
  let done = from - 1;
  while (done < to) {
    const length = min<usize>(lane, ((to - done + 63) >> 6) << 4);
    if (done + 4 * length > <usize>memory.size() << 16) {
      // A stripe may look beyond `to`, but not beyond the memory.
      verify(done + 1, to + 1);
      done = to;
    } else {
      // One call a stripe: a running function is not replaced by its optimized form, the next call is.
      scanStripe(done, length);
      done += 4 * length;
    }
    if (best <= to) return <i32>best;
  }
  return -1;
}

/** Whether all bytes of [from, to) are zero. */
export function isZero(from: usize, to: usize): bool {
  for (; from + 64 <= to; from += 64) {
    const sum = v128.or(
      v128.or(v128.load(from), v128.load(from, 16)),
      v128.or(v128.load(from, 32), v128.load(from, 48)),
    );
    if (v128.any_true(sum)) return false;
  }
  for (; from < to; from++) {
    if (load<u8>(from) != 0) return false;
  }
  return true;
}
