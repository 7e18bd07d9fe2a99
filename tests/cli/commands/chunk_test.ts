import assert from "node:assert/strict";
import { exampleFiles, HELLO_ID, workspace } from "./workspace.ts";

/** Lines of `chunk -m 1:4:16` of `lcg.bin`. */
const LINES = [
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

function text(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

Deno.test("chunk prints offset, size and ID of every chunk of a file, standard input or a pipe", async () => {
  await using space = await workspace(exampleFiles());
  const noise = await space.read("lcg.bin");
  assert.equal(await space.ok("chunk -m 1:4:16 @lcg.bin"), text(LINES));
  assert.equal(await space.ok("chunk -m 1:4:16 -", { stdin: noise }), text(LINES));
  await space.pipe("pipe");
  const [printed] = await Promise.all([space.ok("chunk -m 1:4:16 @pipe"), space.write("pipe", noise)]);
  assert.equal(printed, text(LINES));
});

Deno.test("chunk --start prints offsets in the file, from any start on", async () => {
  await using space = await workspace(exampleFiles());
  const noise = await space.read("lcg.bin");
  for (
    const [start, lines] of [
      [5333, LINES.slice(3)],
      // The boundaries become the same again.
      [
        10_000,
        ["10000\t8603\t036dc0fcb5ba8f610e7ddf099a4de33e2c17c921eb4a14344e931c00573cff53", ...LINES.slice(5)],
      ],
      [35_250, LINES.slice(8)],
      [40_000, []],
      [40_001, []],
      [Number.MAX_SAFE_INTEGER, []],
    ] as const
  ) {
    assert.equal(await space.ok(`chunk -m 1:4:16 -S ${start} @lcg.bin`), text(lines));
    assert.equal(await space.ok(`chunk -m 1:4:16 --start=${start} -`, { stdin: noise }), text(lines));
  }
  assert.equal(
    (await space.ok("chunk -S 1 @zeros.bin")).replaceAll(/\t[0-9a-f]{64}/g, ""),
    "1\t262144\n262145\t262144\n524289\t90111\n",
  );
});

Deno.test("chunk prints nothing for an empty file, and IDs of the digest that was asked for", async () => {
  await using space = await workspace(exampleFiles());
  assert.equal(await space.ok("chunk @empty.bin"), "");
  assert.equal(await space.ok("chunk -"), "");
  assert.equal(await space.ok("chunk @hello.txt"), `0\t12\t${HELLO_ID}\n`);
  assert.equal(await space.ok("chunk --digest= @hello.txt"), `0\t12\t${HELLO_ID}\n`);
  assert.equal(
    await space.ok("chunk --digest sha256 @hello.txt"),
    "0\t12\ta948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447\n",
  );
});

Deno.test("chunk needs a file that it can read and sizes that make sense", async () => {
  await using space = await workspace(exampleFiles());
  await space.directory("directory");
  for (
    const [line, message] of [
      ["@directory", "Cannot read '@directory': it is a directory"],
      ["-m 1:4 @lcg.bin", "invalid chunk size '1:4': expected MIN:AVG:MAX in KiB"],
      ["-m 0:4:16 @lcg.bin", "chunk size MIN is too small (at least 1 KiB)"],
      ["-S -1 @lcg.bin", "invalid value '-1' for --start: expected an integer of at least 0"],
      ["-s @store @lcg.bin", "unknown option '-s' for 'chunk'"],
      ["--digest md5 @lcg.bin", "unknown digest 'md5' (use sha512-256 or sha256)"],
    ] as const
  ) {
    assert.equal(await space.fails(`chunk ${line}`), message);
  }
  assert.match(await space.fails("chunk @nofile"), /^Cannot read '@nofile': No such file/);
  assert.match(await space.fails("chunk"), /^'chunk' takes 1 argument, got 0/);
});
