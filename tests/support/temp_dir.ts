/** A directory of its own for every test. */

/** A directory that vanishes with all that is in it. */
export interface TempDir extends AsyncDisposable {
  /** Absolute, without symbolic links. */
  readonly path: string;
  /** @returns The path of something below the directory. */
  join(...names: readonly string[]): string;
}

/** Creates an empty directory; `await using dir = await tempDir()`. */
export async function tempDir(): Promise<TempDir> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "desync-test-" }));
  return {
    path,
    join: (...names) => [path, ...names].join("/"),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
