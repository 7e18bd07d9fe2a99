/**
 * Tries a program as a whole, whatever it was built for: a blob goes into a store and comes out again.
 * @module
 */

const MIB = 2 ** 20;

/**
 * Runs `program` to chunk, check and restore a blob of random data and zeros, large enough to start threads.
 * @throws {Error} If a command fails or the restored blob differs.
 */
export async function smoke(program: string): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const blob = `${directory}/blob`;
    const index = `${directory}/blob.caibx`;
    const store = `${directory}/store`;
    const restored = `${directory}/restored`;
    await Deno.mkdir(store);
    const data = new Uint8Array(24 * MIB);
    for (let offset = 0; offset < 16 * MIB; offset += 65536) {
      crypto.getRandomValues(data.subarray(offset, offset + 65536));
    }
    await Deno.writeFile(blob, data);
    await run(program, ["make", "-n", "2", "-s", store, index, blob]);
    await run(program, ["verify-index", index, blob]);
    await run(program, ["extract", "-n", "2", "-s", store, index, restored]);
    const found = await Deno.readFile(restored);
    if (found.length !== data.length || found.some((byte, position) => byte !== data[position])) {
      throw new Error(`Cannot accept ${program}: the restored blob differs`);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null" }).output();
  if (code === 0) return;
  const reason = new TextDecoder().decode(stderr).trim();
  throw new Error(`Cannot accept ${program}: ${args[0]} ended with exit code ${code}: ${reason}`);
}
