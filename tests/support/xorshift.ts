/**
 * Generates the first `size` bytes of the pseudo-random input that the golden vectors were made from.
 *
 * It is xorshift32 with shifts 13, 17, 5 and the first state 2463534242, each state written little-endian.
 */
export function xorshift(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let x = 2_463_534_242;
  for (let i = 0; i < size; i += 4) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    for (let k = 0; k < 4 && i + k < size; k++) bytes[i + k] = x >>> (8 * k);
  }
  return bytes;
}
