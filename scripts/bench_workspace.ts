/**
 * What whole-process benchmarks work on: a directory with a blob, its index and its store, and the programs that are
 * compared.
 *
 * @module
 */

/** A program that is measured. */
export type Program = "ours" | "desync" | "casync";

/** A command line. */
export type Command = readonly string[];

/** One row of the table. */
export interface Row {
  readonly name: string;
  readonly goal: string;
  readonly commands: Readonly<Partial<Record<Program, Command>>>;
  /** Done before every run, not timed; given the program that runs next. */
  readonly prepare?: ((program: Program) => Promise<void>) | undefined;
  /** @default the number asked for */
  readonly runs?: number | undefined;
}

/** Rows that need the same things. */
export interface RowGroup extends AsyncDisposable {
  readonly rows: readonly Row[];
  /** Makes what the rows need; called if at least one of them is wanted. */
  open(): Promise<void>;
}

/** The directory in which everything happens, and who works there. */
export class Bench implements AsyncDisposable {
  readonly directory: string;
  readonly #ours: Command;
  readonly #isExt4: boolean;
  #discarded = 0;

  private constructor(directory: string, ours: Command, isExt4: boolean) {
    this.directory = directory;
    this.#ours = ours;
    this.#isExt4 = isExt4;
  }

  /** @param ours How this program is run. */
  static async create(parent: string, ours: Command): Promise<Bench> {
    const directory = await Deno.makeTempDir({ dir: parent, prefix: "desync-bench-" });
    await Deno.chmod(directory, 0o755); // A web server reads in it, as another user.
    const { stdout } = await new Deno.Command("stat", { args: ["-f", "-c", "%T", directory] }).output();
    return new Bench(directory, ours, new TextDecoder().decode(stdout).startsWith("ext"));
  }

  /** The path of something in the directory. */
  path(name: string): string {
    return `${this.directory}/${name}`;
  }

  /** The command line for this program. */
  ours(...args: readonly string[]): Command {
    return [...this.#ours, ...args];
  }

  /** One command line for both programs; `@` stands for the directory, `@@` for a name of each program's own. */
  both(line: string): { readonly ours: Command; readonly desync: Command } {
    const words = (program: Program) =>
      line.split(" ").map((word) =>
        word.replaceAll("@@", `${this.path(program)}-`).replaceAll("@", this.path(""))
      );
    return { ours: this.ours(...words("ours")), desync: ["desync", ...words("desync")] };
  }

  /** A command line for casync. */
  casync(line: string): Command {
    return ["casync", ...line.split(" ").map((word) => word.replaceAll("@", this.path("")))];
  }

  /**
   * Deletes something. On ext4, a directory is renamed away and deleted at the end: deleting a store just before a run
   * would slow that run.
   */
  async discard(name: string): Promise<void> {
    const info = await Deno.lstat(this.path(name)).catch(() => undefined);
    if (info === undefined) return;
    if (info.isFile || !this.#isExt4) return await Deno.remove(this.path(name), { recursive: true });
    await Deno.mkdir(this.path("discarded"), { recursive: true });
    await Deno.rename(this.path(name), this.path(`discarded/${this.#discarded++}`));
  }

  /** Makes a directory of that name, empty. */
  async empty(name: string): Promise<void> {
    await this.discard(name);
    await Deno.mkdir(this.path(name));
  }

  /** Runs a shell command that has to succeed; `$1` is the directory. */
  async shell(command: string): Promise<void> {
    const { success } = await new Deno.Command("sh", { args: ["-ec", command, "sh", this.directory] })
      .output();
    if (!success) throw new Error(`Cannot prepare: ${command}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** A group of rows that need nothing of their own. */
export function plainGroup(rows: readonly Row[]): RowGroup {
  return { rows, async open() {}, async [Symbol.asyncDispose]() {} };
}
