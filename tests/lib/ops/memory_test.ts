import assert from "node:assert/strict";
import { noise } from "../../support/blobs.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";

const PROGRAM = new URL("../../../cli/main.ts", import.meta.url);
const PRELOAD = new URL("../../support/peak_memory.ts", import.meta.url);
const MIB = 1 << 20;

/** Runs a command line. @returns The most memory that the process had, in bytes. */
async function peakOf(dir: TempDir, ...args: readonly string[]): Promise<number> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", "--no-prompt", `--preload=${PRELOAD}`, PROGRAM.href, ...args],
    env: { DESYNC_TEST_PEAK_FILE: dir.join("peak") },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return Number(await Deno.readTextFile(dir.join("peak")));
}

/** Writes a file with `data` MiB of noise here and there, and holes between. */
async function writeMix(
  path: string,
  options: { readonly size: number; readonly data: number },
): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const step = options.size / options.data;
  for (let i = 0; i < options.data; i++) {
    await file.seek(Math.floor(i * step) * MIB, Deno.SeekMode.Start);
    const bytes = noise(MIB, i);
    for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
  }
  await file.truncate(options.size * MIB);
}

Deno.test({
  name: "make and extract take as much memory for a large blob as for a small one",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using dir = await tempDir();
    const peaks: number[][] = [];
    for (const mix of [{ size: 64, data: 24 }, { size: 1024, data: 96 }]) {
      const [blob, index, store, output] = ["blob", "index", `store${mix.size}`, "output"].map((name) =>
        dir.join(name)
      );
      await Deno.mkdir(store!);
      await writeMix(blob!, mix);
      peaks.push([
        await peakOf(dir, "make", "-n", "2", "-s", store!, index!, blob!),
        await peakOf(dir, "extract", "-n", "2", "-s", store!, index!, output!),
      ]);
      const { success } = await new Deno.Command("cmp", { args: [blob!, output!] }).output();
      assert.ok(success, "the output is the blob");
    }
    const figures = peaks.map((pair) => pair.map((peak) => `${(peak / MIB).toFixed(0)} MiB`).join(", "));
    const message = `make and extract took ${figures.join("; for the larger blob ")}`;
    // A process of Deno has some 45 MiB to begin with. The collector's mood makes a difference of some MiB.
    assert.ok(peaks.flat().every((peak) => peak < 130 * MIB), message);
    const [small, large] = peaks as [number[], number[]];
    assert.ok(large.every((peak, i) => peak < small[i]! + 25 * MIB), message);
  },
});
