/** Command lines whose results are known, run by this program and by desync. */

import assert from "node:assert/strict";
import { exampleFiles, HELLO_ID, type Workspace, workspace } from "../cli/commands/workspace.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { peer } from "../support/peers.ts";
import { runProgram, sha256, withDesyncFlags } from "./programs.ts";

const desync = peer("desync");

interface Program {
  readonly name: string;
  readonly ignore: boolean;
  /** Whether it is the reference, not this program. */
  readonly isReference: boolean;
  run(space: Workspace, line: string): Promise<CliResult>;
}

const PROGRAMS: readonly Program[] = [
  {
    name: "this program",
    ignore: false,
    isReference: false,
    run: async (space, line) => space.abbreviate(await runCli(space.words(line))),
  },
  {
    name: "desync",
    ignore: desync.ignore,
    isReference: true,
    run: async (space, line) => space.abbreviate(await runProgram(desync.require(), space.words(line))),
  },
];

/** A workspace with the inputs, in which one program runs. */
class Examples implements AsyncDisposable {
  readonly space: Workspace;
  readonly program: Program;

  private constructor(space: Workspace, program: Program) {
    this.space = space;
    this.program = program;
  }

  static async open(program: Program): Promise<Examples> {
    const examples = new Examples(await workspace(exampleFiles()), program);
    await examples.space.directory("store");
    return examples;
  }

  /** Runs a command line without output. */
  async silent(line: string): Promise<void> {
    const { code, stdout, stderr } = await this.program.run(this.space, line);
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" }, line);
  }

  /** Runs a command line that prints lines, or what it is made of, to standard output. */
  async prints(line: string, expected: string | readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await this.program.run(this.space, line);
    const text = typeof expected === "string" ? expected : expected.map((row) => `${row}\n`).join("");
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: text, stderr: "" }, line);
  }

  /** Runs a command line that fails without a result. */
  async fails(line: string): Promise<void> {
    const { code, stdout, stderr } = await this.program.run(this.space, line);
    assert.deepEqual([code, stdout], [1, ""], line);
    assert.match(stderr, /^Error: .*\n$/, line);
  }

  async makeAll(): Promise<void> {
    await this.silent("make -s @store @hello.caibx @hello.txt");
    await this.silent("make -s @store @empty.caibx @empty.bin");
    await this.silent("make -s @store @zeros.caibx @zeros.bin");
    await this.silent("make -m 1:4:16 -s @store @lcg.caibx @lcg.bin");
    await this.silent("make -m 1:4:16 -s @store @lcg2.caibx @lcg2.bin");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.space[Symbol.asyncDispose]();
  }
}

const ZEROS_ID = "1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2";
const ZEROS_END_ID = "99e96119d5d6e1947018ff1ca1f8a29e1d405ea045d342e90351d0f20f098337";

/** SHA-256 and size of what desync writes. */
const INDEXES = [
  ["make @i @hello.txt", 144, "6a6936773557b1cae1078bfcdcac62ffff632bd344a90ac0b6e81fa55387e10e"],
  ["make @i @empty.bin", 104, "36b9d418ffbe5b2593e584ed813a2ed45e69915db055ceb4e15b3b3a57977c20"],
  ["make @i @zeros.bin", 224, "9847fc53819511fdb223d883cec4621828bf574af533ca4a8c33d50e817bbea2"],
  ["make -m 1:4:16 @i @lcg.bin", 464, "982367e67bf217c8c58b211e88e2acb4ad5b640b1dbb91047aa0561e307e12c4"],
  ["make -m 1:4:16 @i @lcg2.bin", 664, "02df4d02c3d399b09f9a44dc4aa54bd94a3d0652ea0077e010d997efd741c45d"],
  ["make @i @lcg.bin", 184, "b534c63ae399f8378cf568009648f1827f06762b92483f0ee5c77cd958a4c859"],
  [
    "--digest sha256 make @i @hello.txt",
    144,
    "cdae0c00fe5e086ed66a9b96223fadf364de619f43c63da0f1acb796eba49310",
  ],
] as const;

const LCG_CHUNKS = [
  "0\t1534\tb21dfac8c51b8b6e2ba331f8b8cecc2991ee573b03186128775ea49c975e9b7f",
  "1534\t1847\t27c2cf4d909ca61db46ebba1788d776ee9ea39eea53dc0c604ce7421ed56eb91",
  "3381\t1952\t69c4494722d28f6acb8aeb145f9961a093ef8e6c3a29266e832455afbbf00b83",
  "5333\t5176\t142892acb5ca5bcaf820669a2882b16088303686656a47d2917be9b03acbdbf9",
  "10509\t8094\t2783db70f5a7625855c0dea919fd155f1db3d0218e6214fb19150dd560e33f42",
  "18603\t3979\t3bdbe6961d841f1ae618cdfbb454341de40f19f2dcc39376239b6be316d6f691",
  "22582\t8690\t293d4367a4c8796ed815cab991aa04f3e5f8acd3235efb40fcbddeee20220f20",
  "31272\t3978\tdb555b3a86ada5f64bbd774efbbf7d7d21a852211296f1c2c3e53161042893e0",
  "35250\t4750\t513779c6be0a904aeb3df8101f4e2c0e4c264c1a658c93a292f9b5ead0ca203b",
];

const LCG2_IDS = [
  "b21dfac8c51b8b6e2ba331f8b8cecc2991ee573b03186128775ea49c975e9b7f",
  "27c2cf4d909ca61db46ebba1788d776ee9ea39eea53dc0c604ce7421ed56eb91",
  "69c4494722d28f6acb8aeb145f9961a093ef8e6c3a29266e832455afbbf00b83",
  "142892acb5ca5bcaf820669a2882b16088303686656a47d2917be9b03acbdbf9",
  "2783db70f5a7625855c0dea919fd155f1db3d0218e6214fb19150dd560e33f42",
  "0f8d965fbec4cd1a5a777c995e818d3b5f393f9a02b238c82e114c0000821dc9",
  "f978c70629cb4bdfad23126759e243e476404000b71e1a20558ed6e05035dd72",
  "f978c70629cb4bdfad23126759e243e476404000b71e1a20558ed6e05035dd72",
  "c4dfd0d21063a8183a73150904c4a1275fda1d9f66f33d4e4a3f8c95b9452cb3",
  "72f9939d0bb20ab1b5b1bfd33f1f9d7be8c646b85b77a98e7a62218dad73d629",
  "69c4494722d28f6acb8aeb145f9961a093ef8e6c3a29266e832455afbbf00b83",
  "142892acb5ca5bcaf820669a2882b16088303686656a47d2917be9b03acbdbf9",
  "2783db70f5a7625855c0dea919fd155f1db3d0218e6214fb19150dd560e33f42",
  "dd804a5c48927620ebdb2f37145c88954a089699c11b0cde7deb4d68b8e3b4d1",
];

/** As info prints them; all other numbers are 0. */
function info(numbers: Readonly<Record<string, number>>): string[] {
  const keys = [
    "total",
    "unique",
    "in-store",
    "in-seed",
    "in-cache",
    "not-in-seed-nor-cache",
    "size",
    "dedup-size-not-in-seed",
    "dedup-size-not-in-seed-nor-cache",
    "dedup-size-not-in-seed-nor-cache-compressed",
    "chunk-size-min",
    "chunk-size-avg",
    "chunk-size-max",
  ];
  assert(Object.keys(numbers).every((key) => keys.includes(key)));
  const rows = keys.map((key) => `  "${key}": ${numbers[key] ?? 0}`);
  return ["{", ...rows.map((row, i) => i < rows.length - 1 ? `${row},` : row), "}"];
}

const SIZES = { "chunk-size-min": 16_384, "chunk-size-avg": 65_536, "chunk-size-max": 262_144 };
const SMALL_SIZES = { "chunk-size-min": 1024, "chunk-size-avg": 4096, "chunk-size-max": 16_384 };

for (const program of PROGRAMS) {
  const { ignore, name, isReference } = program;
  const test = (what: string, fn: (examples: Examples) => Promise<void>) =>
    Deno.test(`${what} as expected (${name})`, { ignore }, async () => {
      await using examples = await Examples.open(program);
      await fn(examples);
    });

  test("make writes indexes and chunks", async (examples) => {
    const { space } = examples;
    for (const [line, size, digest] of INDEXES) {
      await examples.silent(line);
      const index = await space.read("i");
      assert.equal(index.length, size, line);
      assert.equal(await sha256(isReference ? index : withDesyncFlags(index)), digest, line);
    }
    const { stdoutBytes, stderr } = await program.run(space, "make - @hello.txt");
    assert.equal(stderr, "");
    const index = isReference ? stdoutBytes : withDesyncFlags(stdoutBytes);
    assert.equal(await sha256(index), INDEXES[0][2]);

    await examples.silent("make -s @store @hello.caibx @hello.txt");
    assert.deepEqual(await space.list("store"), ["bf73/", `bf73/${HELLO_ID}.cacnk`]);
    const { code, stdout, stderr: stats } = await program.run(
      space,
      "make -s @store --print-stats @hello.caibx @hello.txt",
    );
    assert.deepEqual([code, stdout], [0, ""]);
    assert.equal(stats, '{\n  "ChunksAccepted": 1,\n  "ChunksProduced": 2\n}\n');
  });

  test("chunk prints boundaries", async (examples) => {
    await examples.prints("chunk @hello.txt", [`0\t12\t${HELLO_ID}`]);
    await examples.prints("chunk @empty.bin", []);
    await examples.prints("chunk @zeros.bin", [
      `0\t262144\t${ZEROS_ID}`,
      `262144\t262144\t${ZEROS_ID}`,
      `524288\t90112\t${ZEROS_END_ID}`,
    ]);
    await examples.prints("chunk -m 1:4:16 @lcg.bin", LCG_CHUNKS);
    await examples.prints("chunk -m 1:4:16 -S 10000 @lcg.bin", [
      "10000\t8603\t036dc0fcb5ba8f610e7ddf099a4de33e2c17c921eb4a14344e931c00573cff53",
      ...LCG_CHUNKS.slice(5),
    ]);
    await examples.prints("--digest sha256 chunk @hello.txt", [
      "0\t12\ta948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447",
    ]);
  });

  test("list-chunks prints IDs", async (examples) => {
    await examples.makeAll();
    await examples.prints("list-chunks @hello.caibx", [HELLO_ID]);
    await examples.prints("list-chunks @zeros.caibx", [ZEROS_ID, ZEROS_ID, ZEROS_END_ID]);
    await examples.prints("list-chunks @lcg2.caibx", LCG2_IDS);
    await examples.prints("list-chunks @empty.caibx", []);
  });

  test("info prints statistics", async (examples) => {
    await examples.makeAll();
    await examples.prints(
      "info @hello.caibx",
      info({
        total: 1,
        unique: 1,
        "not-in-seed-nor-cache": 1,
        size: 12,
        "dedup-size-not-in-seed": 12,
        "dedup-size-not-in-seed-nor-cache": 12,
        ...SIZES,
      }),
    );
    await examples.prints(
      "info --seed @lcg.caibx @lcg2.caibx",
      info({
        total: 14,
        unique: 10,
        "in-seed": 5,
        "not-in-seed-nor-cache": 5,
        size: 90_000,
        "dedup-size-not-in-seed": 39_791,
        "dedup-size-not-in-seed-nor-cache": 39_791,
        ...SMALL_SIZES,
      }),
    );
    await examples.prints("info -f plain -s @store @lcg2.caibx", [
      "Blob size: 90000",
      "Size of deduplicated chunks not in seed: 58394",
      "Size of deduplicated chunks not in seed nor cache: 58394",
      "Total chunks: 14",
      "Unique chunks: 10",
      "Chunks in store: 10",
      "Chunks in seed: 0",
      "Chunks in cache: 0",
      "Chunks not in seed nor cache: 10",
      "Compressed chunks not in seed nor cache: 0",
      "Chunk size min: 1024",
      "Chunk size avg: 4096",
      "Chunk size max: 16384",
    ]);
    await examples.prints("info @empty.caibx", info(SIZES));
    await examples.prints(
      "info @zeros.caibx",
      info({
        total: 3,
        unique: 2,
        "not-in-seed-nor-cache": 2,
        size: 614_400,
        "dedup-size-not-in-seed": 352_256,
        "dedup-size-not-in-seed-nor-cache": 352_256,
        ...SIZES,
      }),
    );
  });

  test("inspect-chunks prints IDs and sizes", async (examples) => {
    const { space } = examples;
    await examples.makeAll();
    const json = (chunks: readonly Readonly<Record<string, string | number>>[]) =>
      `${JSON.stringify(chunks, undefined, 2)}\n`;
    await examples.prints("inspect-chunks @hello.caibx", json([{ id: HELLO_ID, uncompressed_size: 12 }]));
    const zeros = { id: ZEROS_ID, uncompressed_size: 262_144 };
    const zerosEnd = { id: ZEROS_END_ID, uncompressed_size: 90_112 };
    await examples.prints("inspect-chunks @zeros.caibx", json([zeros, zeros, zerosEnd]));
    // A list that a reader of JSON can loop over is worth more than sameness here.
    await examples.prints("inspect-chunks @empty.caibx", isReference ? "null\n" : "[]\n");
    const { size } = await Deno.stat(space.join(`store/bf73/${HELLO_ID}.cacnk`));
    const stored = { id: HELLO_ID, uncompressed_size: 12, compressed_size: size };
    await examples.prints("inspect-chunks -s @store @hello.caibx", json([stored]));
  });

  test("verify reports and removes bad chunks", async (examples) => {
    const { space } = examples;
    await examples.silent("make -s @store @hello.caibx @hello.txt");
    await examples.silent("verify -s @store");
    await space.write("other.txt", "HELLO WORLD\n");
    await examples.silent("make -s @store @other.caibx @other.txt");
    const other = (await program.run(space, "list-chunks @other.caibx")).stdout.trim();
    const path = (id: string) => `store/${id.slice(0, 4)}/${id}.cacnk`;
    await Deno.copyFile(space.join(path(other)), space.join(path(HELLO_ID)));

    // That a script cannot tell a good store from a bad one by the exit code is not worth keeping.
    const code = isReference ? 0 : 1;
    for (const line of ["verify -s @store", "verify -r -s @store"]) {
      const result = await program.run(space, line);
      assert.deepEqual([result.code, result.stdout], [code, ""]);
      const [finding, summary, ...rest] = result.stderr.split("\n");
      assert.match(finding!, new RegExp(`${HELLO_ID}.*${other}`));
      assert.equal(finding!.endsWith(": removed"), line.includes("-r"));
      assert.deepEqual(rest, isReference ? [] : [""]);
      if (!isReference) assert.match(summary!, /^Error: .*1 of 2 chunks invalid/);
    }
    await examples.silent("verify -r -s @store");
    assert.deepEqual(await space.list("store/bf73"), []);
  });

  test("verify-index is silent or fails", async (examples) => {
    await examples.silent("make @hello.caibx @hello.txt");
    await examples.space.write("other.txt", "HELLO WORLD\n");
    await examples.silent("verify-index @hello.caibx @hello.txt");
    await examples.fails("verify-index @hello.caibx @lcg.bin");
    await examples.fails("verify-index @hello.caibx @other.txt");
    await examples.fails("--digest sha256 verify-index @hello.caibx @hello.txt");
  });

  test("extract prints statistics", async (examples) => {
    const { space } = examples;
    await examples.makeAll();
    const blockSize = (await Deno.stat(space.path)).blksize ?? 4096;
    const stats = (numbers: readonly number[]) => {
      const [fromSeeds, fromStore, inPlace, copied] = numbers;
      return [
        "{",
        `  "chunks-from-seeds": ${fromSeeds},`,
        `  "chunks-from-store": ${fromStore},`,
        `  "chunks-in-place": ${inPlace},`,
        `  "bytes-copied-from-seeds": ${copied},`,
        `  "bytes-cloned-from-seeds": 0,`,
        `  "blocksize": ${blockSize},`,
        `  "bytes-total": 90000,`,
        `  "chunks-total": 14,`,
        `  "seeds": 1`,
        "}",
      ];
    };
    const flags = "-n 1 -s @store --print-stats";
    await examples.prints(`extract ${flags} @lcg2.caibx @out.bin`, stats([2, 9, 0, 15_222]));
    assert.deepEqual(await space.read("out.bin"), await space.read("lcg2.bin"));
    // What is right in the output is not written again here, zeros no more than other chunks.
    const again = isReference ? [2, 0, 12, 32_768] : [0, 0, 14, 0];
    await examples.prints(`extract -k ${flags} @lcg2.caibx @out.bin`, stats(again));
  });

  test("cat writes a blob or a part of it", async (examples) => {
    await examples.silent("make -s @store @hello.caibx @hello.txt");
    await examples.prints("cat -s @store @hello.caibx", "hello world\n");
    await examples.prints("cat -s @store -o 6 -l 5 @hello.caibx", "world");
    await examples.prints("cat -s @store -o 12 @hello.caibx", "");
    await examples.fails("cat -s @store -o 13 @hello.caibx");
    const { code, stdout } = await program.run(examples.space, "cat -s @store -l 100 @hello.caibx");
    // A length that reaches past the end is no error here: all that there is was written.
    assert.deepEqual([code, stdout], [isReference ? 1 : 0, "hello world\n"]);
  });
}
