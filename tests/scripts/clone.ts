/**
 * A clone which holds the launcher and a stand-in for the program, and a PATH of its own.
 * @module
 */

const SCRIPTS = new URL("../../scripts/", import.meta.url);

/** What the launcher needs of the system besides Deno, and a shell script besides the launcher. */
const TOOLS = ["sh", "cat", "chmod", "ln", "mkdir", "mktemp", "mv", "readlink", "rm"];

/** Prints its arguments as JSON and copies its input; its first argument asks for an exit code or a wait. */
const PROGRAM = `
const print = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));
const [first, second] = Deno.args;
if (first === "wait") {
  Deno.addSignalListener("SIGTERM", () => Deno.exit(7));
  print("ready");
  await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
}
print(JSON.stringify(Deno.args));
if (first === "input") await Deno.stdin.readable.pipeTo(Deno.stdout.writable, { preventClose: true });
if (first === "exit") Deno.exit(Number(second));
`;

/** What a launched program left behind. */
export interface Launch {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A temporary clone; disposal removes it. */
export interface Clone extends AsyncDisposable {
  /** Directory that holds everything below; has spaces in its name, and no links. */
  readonly directory: string;
  /** Root of the clone. */
  readonly root: string;
  /** The only directory on PATH: the tools, and what a test puts there. */
  readonly bin: string;
  /** The launcher. */
  readonly launcher: string;
  /** Puts an executable shell script on PATH whose date lies in the past. */
  script(name: string, lines: string): Promise<void>;
  /** Makes this test's own Deno what the clone has already installed. */
  seed(): Promise<void>;
  /** Prepares a launch of `program`, the clone's launcher if absent. */
  command(args: readonly string[], options?: LaunchOptions): Deno.Command;
  /** Launches and waits. */
  launch(args: readonly string[], options?: LaunchOptions): Promise<Launch>;
}

/** How a launch differs from the usual one. */
export interface LaunchOptions {
  readonly program?: string | undefined;
  readonly cwd?: string | undefined;
  readonly stdin?: "null" | "piped" | undefined;
}

/** Makes a clone whose PATH has no Deno. */
export async function openClone(): Promise<Clone> {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "a clone " }));
  const root = `${directory}/the clone`;
  const bin = `${directory}/bin`;
  for (const path of ["the clone/scripts", "the clone/cli", "bin", "home"]) {
    await Deno.mkdir(`${directory}/${path}`, { recursive: true });
  }
  for (const name of ["desync", "deno.sh"]) {
    await Deno.copyFile(new URL(name, SCRIPTS), `${root}/scripts/${name}`);
  }
  await Deno.writeTextFile(`${root}/cli/main.ts`, PROGRAM);
  for (const tool of TOOLS) await Deno.symlink(await findTool(tool), `${bin}/${tool}`);

  const launcher = `${root}/scripts/desync`;
  const command = (
    args: readonly string[],
    { program = launcher, cwd, stdin = "null" }: LaunchOptions = {},
  ) =>
    new Deno.Command(program, {
      args: [...args],
      cwd: cwd ?? directory,
      clearEnv: true,
      env: { PATH: bin, HOME: `${directory}/home` },
      stdin,
      stdout: "piped",
      stderr: "piped",
    });
  return {
    directory,
    root,
    bin,
    launcher,
    command,
    async script(name, lines) {
      await Deno.writeTextFile(`${bin}/${name}`, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
      await Deno.utime(`${bin}/${name}`, 0, 0);
      await Deno.utime(bin, 0, 0);
    },
    async seed() {
      await Deno.mkdir(`${root}/.deps`);
      await Deno.symlink(Deno.execPath(), `${root}/.deps/deno-${await pinnedVersion()}`);
    },
    async launch(args, options) {
      const { code, stdout, stderr } = await command(args, options).output();
      return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
    },
    async [Symbol.asyncDispose]() {
      await Deno.remove(directory, { recursive: true });
    },
  };
}

async function findTool(name: string): Promise<string> {
  const path = `/bin/${name}`;
  try {
    await Deno.stat(path);
    return path;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `/usr/bin/${name}`;
    throw error;
  }
}

async function pinnedVersion(): Promise<string> {
  const [, version] = /^deno_pinned=(.*)$/m.exec(await Deno.readTextFile(new URL("deno.sh", SCRIPTS))) ?? [];
  if (version === undefined) {
    throw new Error("Cannot find the pinned version: deno.sh does not set deno_pinned");
  }
  return version;
}
