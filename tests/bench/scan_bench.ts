// One iteration works on 1 MiB, so iterations a second are MiB/s.
import { Cutter } from "../../lib/chunker/cutter.ts";
import { openScanner, SCANNER_RESERVED } from "../../lib/chunker/scanner.ts";
import { type ChunkSizes, DEFAULT_CHUNK_SIZES } from "../../lib/chunker/sizes.ts";
import { xorshift } from "../support/xorshift.ts";

const PAGE_SIZE = 65_536;
const SIZE = 1_048_576;
const SMALL_CHUNK_SIZES: ChunkSizes = { min: 1024, avg: 4096, max: 16_384 };
// D = 49,536 = 2^7 · 387: the divisor that the fast test of the hash fits worst.
const AWKWARD_CHUNK_SIZES: ChunkSizes = { min: 16_384, avg: 65_537, max: 262_144 };

const pages = (SCANNER_RESERVED + SIZE) / PAGE_SIZE;
const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
const data = new Uint8Array(memory.buffer, SCANNER_RESERVED);
const end = SCANNER_RESERVED + SIZE;

const random = xorshift(SIZE);
const zeros = new Uint8Array(SIZE);

for (const implementation of ["plain", "wasm"] as const) {
  const baseline = implementation === "plain";

  const scanner = openScanner({ sizes: DEFAULT_CHUNK_SIZES, memory, implementation });
  Deno.bench({
    name: `${implementation}, every position of 1 MiB`,
    group: "scan",
    baseline,
    fn(bench) {
      data.set(random);
      bench.start();
      for (let p = SCANNER_RESERVED + 48; (p = scanner.find(p, end)) >= 0; p++);
      bench.end();
    },
  });

  const kinds = [
    { group: "cut", what: "1 MiB into chunks", sizes: DEFAULT_CHUNK_SIZES, content: random },
    { group: "cut small", what: "1 MiB into chunks of 4 KiB", sizes: SMALL_CHUNK_SIZES, content: random },
    {
      group: "cut awkward",
      what: "1 MiB with an awkward divisor",
      sizes: AWKWARD_CHUNK_SIZES,
      content: random,
    },
    { group: "cut zeros", what: "1 MiB of zeros", sizes: DEFAULT_CHUNK_SIZES, content: zeros },
  ];
  for (const { group, what, sizes, content } of kinds) {
    const cutter = new Cutter({ scanner: openScanner({ sizes, memory, implementation }), sizes });
    Deno.bench({
      name: `${implementation}, ${what}`,
      group,
      baseline,
      fn(bench) {
        data.set(content);
        bench.start();
        for (let p = SCANNER_RESERVED, size; (size = cutter.last(p, end - p)) > 0; p += size);
        bench.end();
      },
    });
  }
}
