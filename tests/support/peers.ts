/** Other programs that tests work with: shells, and the reference implementations. */

/** A program that may be installed. */
export interface Peer {
  /** Where it is, or `undefined`. */
  readonly path: string | undefined;
  /** Whether tests that need it have to be left out; for the option of the same name. */
  readonly ignore: boolean;
  /** @returns Where it is. @throws {Error} If it is not installed. */
  require(): string;
}

const announced = new Set<string>();

/**
 * Looks for a program by the variable `DESYNC_TEST_PEER_<NAME>`, then in `PATH`.
 *
 * If it is missing, a line on standard error says so, and tests with `ignore: peer.ignore` are left out; with
 * `DESYNC_TEST_REQUIRE_PEERS=1` they run and fail instead.
 */
export function peer(name: string): Peer {
  const path = Deno.env.get(`DESYNC_TEST_PEER_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`) ??
    findInPath(name);
  return {
    path,
    ignore: path === undefined && !announceMissing(`${name} is not installed`),
    require() {
      if (path === undefined) throw new Error(`Cannot run the test: ${name} is not installed`);
      return path;
    },
  };
}

/**
 * Says once on standard error what tests need and is not here.
 *
 * @returns Whether they are to run and fail all the same, for `DESYNC_TEST_REQUIRE_PEERS=1`.
 */
export function announceMissing(what: string): boolean {
  const wanted = Deno.env.get("DESYNC_TEST_REQUIRE_PEERS") === "1";
  if (!announced.has(what)) {
    announced.add(what);
    const fate = wanted ? "FAIL" : "are LEFT OUT";
    Deno.stderr.writeSync(new TextEncoder().encode(`\n*** ${what}: its tests ${fate} ***\n`));
  }
  return wanted;
}

function findInPath(name: string): string | undefined {
  const windows = Deno.build.os === "windows";
  for (const directory of (Deno.env.get("PATH") ?? "").split(windows ? ";" : ":")) {
    const path = `${directory === "" ? "." : directory}/${name}${windows ? ".exe" : ""}`;
    try {
      const { isFile, mode } = Deno.statSync(path);
      if (isFile && (windows || mode === null || (mode & 0o111) !== 0)) return path;
    } catch (error) {
      if (!isAbsence(error)) throw error;
    }
  }
  return undefined;
}

function isAbsence(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
}
