import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { UsageError } from "../../cli/errors.ts";
import { flagName, type FlagTable, parseFlags, splitCommand } from "../../cli/flags.ts";
import { STORE_FLAGS } from "../../cli/store_flags.ts";

const TABLE = {
  store: { kind: "string", short: "s", help: "" },
  chunkSize: { kind: "string", short: "m", default: "16:64:256", help: "" },
  format: { kind: "string", short: "f", choices: ["json", "plain"], default: "json", help: "" },
  seed: { kind: "list", help: "" },
  listen: { kind: "list", short: "l", default: [":http", "other"], help: "" },
  inPlace: { kind: "boolean", short: "k", help: "" },
  cacheRepair: { kind: "boolean", short: "r", default: true, help: "" },
  concurrency: { kind: "int", short: "n", min: 1, help: "" },
  offset: { kind: "int", short: "o", default: 0, help: "" },
  start: { kind: "uint", short: "S", default: 0, help: "" },
  interval: { kind: "duration", short: "b", default: 500, help: "" },
  writable: { kind: "boolean", short: "w", deprecatedNames: ["writeable"], help: "" },
} as const satisfies FlagTable;

const DEFAULTS = {
  store: undefined,
  chunkSize: "16:64:256",
  format: "json",
  seed: [],
  listen: [":http", "other"],
  inPlace: false,
  cacheRepair: true,
  concurrency: undefined,
  offset: 0,
  start: 0,
  interval: 500,
  writable: false,
};

function parse(...argv: string[]) {
  return parseFlags(argv, { table: TABLE, command: "test" });
}

function message(...argv: string[]): string {
  try {
    parse(...argv);
  } catch (error) {
    assert(error instanceof UsageError);
    return error.message;
  }
  throw new Error(`accepted: ${argv.join(" ")}`);
}

Deno.test("parseFlags() gives the defaults, and says that nothing was given", () => {
  const { flags, given, args, notices } = parse();
  assert.deepEqual({ ...flags }, DEFAULTS);
  assert.equal(given.size, 0);
  assert.deepEqual(args, []);
  assert.deepEqual(notices, []);
});

Deno.test("parseFlags() infers the types of the values", () => {
  const { flags } = parse();
  // Each line fails to compile if the type is another one.
  const store: string | undefined = flags.store;
  const size: string = flags.chunkSize;
  const format: "json" | "plain" = flags.format;
  const seeds: readonly string[] = flags.seed;
  const inPlace: boolean = flags.inPlace;
  const count: number | undefined = flags.concurrency;
  const offset: number = flags.offset;
  // @ts-expect-error It may be undefined.
  const wrong: number = flags.concurrency;
  // @ts-expect-error There is no such flag.
  const none = flags.nothing;
  assert.deepEqual([store, count, wrong, none], [undefined, undefined, undefined, undefined]);
  assert.deepEqual([size, format, seeds, inPlace, offset], ["16:64:256", "json", [], false, 0]);
});

Deno.test.each<{ argv: string[]; flags: Record<string, unknown>; args?: string[] }>([
  { argv: ["--store", "x"], flags: { store: "x" } },
  { argv: ["--store=x"], flags: { store: "x" } },
  { argv: ["--store=a=b"], flags: { store: "a=b" } },
  { argv: ["--store="], flags: { store: "" } },
  { argv: ["--store", ""], flags: { store: "" } },
  { argv: ["-s", "x"], flags: { store: "x" } },
  { argv: ["-sx"], flags: { store: "x" } },
  { argv: ["-s=x"], flags: { store: "x" } },
  { argv: ["-s="], flags: { store: "=" } },
  { argv: ["-s=="], flags: { store: "=" } },
  { argv: ["-store", "x"], flags: { store: "tore" }, args: ["x"] },
  { argv: ["--store", "--"], flags: { store: "--" } },
  { argv: ["--store", "-"], flags: { store: "-" } },
  { argv: ["--store", "--offset", "5"], flags: { store: "--offset" }, args: ["5"] },
  { argv: ["-o", "-5"], flags: { offset: -5 } },
  { argv: ["-o-5"], flags: { offset: -5 } },
  { argv: ["--offset", "-0x10"], flags: { offset: -16 } },
  { argv: ["-S", "1_000"], flags: { start: 1000 } },
  { argv: ["-b", "1m30s"], flags: { interval: 90_000 } },
  { argv: ["--interval=0"], flags: { interval: 0 } },
  { argv: ["-k"], flags: { inPlace: true } },
  { argv: ["--in-place", "false"], flags: { inPlace: true }, args: ["false"] },
  { argv: ["--in-place=false"], flags: { inPlace: false } },
  { argv: ["-r=false"], flags: { cacheRepair: false } },
  { argv: ["-kr=F"], flags: { inPlace: true, cacheRepair: false } },
  { argv: ["-kr"], flags: { inPlace: true, cacheRepair: true } },
  { argv: ["-ks", "x"], flags: { inPlace: true, store: "x" } },
  { argv: ["-ksx"], flags: { inPlace: true, store: "x" } },
  { argv: ["-ks=x"], flags: { inPlace: true, store: "x" } },
  { argv: ["-kn5"], flags: { inPlace: true, concurrency: 5 } },
  { argv: ["-sk", "x"], flags: { store: "k" }, args: ["x"] },
  {
    argv: ["a", "-k", "b", "--store", "x", "c"],
    flags: { inPlace: true, store: "x" },
    args: ["a", "b", "c"],
  },
  { argv: ["a", "--", "-k", "--nosuch"], flags: {}, args: ["a", "-k", "--nosuch"] },
  { argv: ["--", "--"], flags: {}, args: ["--"] },
  { argv: ["-"], flags: {}, args: ["-"] },
  { argv: [""], flags: {}, args: [""] },
  { argv: ["--store", "a", "--store", "b"], flags: { store: "b" } },
  { argv: ["--offset=1", "-o2"], flags: { offset: 2 } },
  { argv: ["--seed", "a,b", "--seed=c"], flags: { seed: ["a", "b", "c"] } },
  { argv: ["--seed", '"a,b",c'], flags: { seed: ["a,b", "c"] } },
  { argv: ["--seed", ""], flags: { seed: [] } },
  { argv: ["--listen", "x"], flags: { listen: ["x"] } },
  { argv: ["-l", "x", "-l", "y"], flags: { listen: ["x", "y"] } },
  { argv: ["-l", ""], flags: { listen: [] } },
  { argv: ["-f", "plain"], flags: { format: "plain" } },
])("parseFlags() reads $argv", ({ argv, flags, args = [] }) => {
  const parsed = parse(...argv);
  assert.deepEqual({ ...parsed.flags }, { ...DEFAULTS, ...flags });
  assert.deepEqual([...parsed.given].sort(), Object.keys(flags).sort());
  assert.deepEqual(parsed.args, args);
});

Deno.test.each([
  { argv: ["--nosuch"], text: "unknown option '--nosuch' for 'test'" },
  { argv: ["--nosuch=1"], text: "unknown option '--nosuch' for 'test'" },
  { argv: ["--constructor"], text: "unknown option '--constructor' for 'test'" },
  { argv: ["--in-plac"], text: "unknown option '--in-plac' for 'test' (did you mean '--in-place'?)" },
  { argv: ["--inPlace"], text: "unknown option '--inPlace' for 'test' (did you mean '--in-place'?)" },
  { argv: ["-Z"], text: "unknown option '-Z' for 'test'" },
  { argv: ["-kZ"], text: "unknown option '-Z' for 'test'" },
  { argv: ["-k="], text: "unknown option '-=' for 'test'" },
  { argv: ["-k\u{1f600}"], text: "unknown option '-\u{1f600}' for 'test'" },
  { argv: ["---x"], text: "malformed option '---x'" },
  { argv: ["--=x"], text: "malformed option '--=x'" },
  { argv: ["--store"], text: "option --store needs a value" },
  { argv: ["-s"], text: "option --store needs a value" },
  { argv: ["-ks"], text: "option --store needs a value" },
  { argv: ["-n", "x"], text: "invalid value 'x' for --concurrency: expected an integer of at least 1" },
  { argv: ["-n", "0"], text: "invalid value '0' for --concurrency: expected an integer of at least 1" },
  { argv: ["-n="], text: "invalid value '=' for --concurrency: expected an integer of at least 1" },
  { argv: ["-o", "1.5"], text: "invalid value '1.5' for --offset: expected an integer" },
  { argv: ["-S", "-5"], text: "invalid value '-5' for --start: expected an integer of at least 0" },
  { argv: ["-b", "5"], text: "invalid value '5' for --interval: expected a duration such as 500ms or 1m30s" },
  { argv: ["-k=maybe"], text: "invalid value 'maybe' for --in-place: expected true or false" },
  { argv: ["--in-place="], text: "invalid value '' for --in-place: expected true or false" },
  { argv: ["-f", ""], text: "invalid value '' for --format: expected json or plain" },
  {
    argv: ["--seed", 'a"b'],
    text:
      `invalid value 'a"b' for --seed: expected values separated by commas, each quoted whole or not at all`,
  },
])("parseFlags() refuses $argv", ({ argv, text }) => {
  assert.equal(message(...argv), text);
});

Deno.test("parseFlags() reports deprecated names, and values that are overridden", () => {
  const old = parse("--writeable");
  assert.equal(old.flags.writable, true);
  assert(old.given.has("writable"));
  assert.deepEqual(old.notices, ["--writeable is deprecated, use --writable"]);
  assert.deepEqual(parse("--writable", "-w").notices, []);
  assert.deepEqual(parse("-s", "a", "-s", "b", "-s", "c").notices, [
    "--store is given more than once, only the last value is used",
  ]);
  assert.deepEqual(parse("-s", "a", "-s", "a", "--seed=a", "--seed=b", "-k", "-k").notices, []);
});

Deno.test("STORE_FLAGS leave the concurrency undefined, and refuse one of 0", () => {
  const { flags, given } = parseFlags([], { table: STORE_FLAGS });
  assert.equal(flags.concurrency, undefined);
  assert.equal(flags.cacheRepair, true);
  assert.equal(flags.errorRetry, 3);
  assert.equal(flags.errorRetryBaseInterval, 500);
  assert.equal(given.size, 0);
  assert.throws(() => parseFlags(["-n", "0"], { table: STORE_FLAGS }), UsageError);
  const explicit = parseFlags(["-tr=0", "-e", "3", "-b1s", "--client-cert="], { table: STORE_FLAGS });
  assert.deepEqual([...explicit.given].sort(), [
    "cacheRepair",
    "clientCert",
    "errorRetry",
    "errorRetryBaseInterval",
    "trustInsecure",
  ]);
});

Deno.test("flagName() makes words of humps", () => {
  assert.equal(flagName("errorRetryBaseInterval"), "error-retry-base-interval");
  assert.equal(flagName("store"), "store");
});

const GLOBAL = {
  config: { kind: "string", help: "" },
  verbose: { kind: "boolean", help: "" },
  help: { kind: "boolean", short: "h", help: "" },
} as const satisfies FlagTable;

Deno.test.each<{ argv: string[]; name: string | undefined; rest?: string[] }>([
  { argv: [], name: undefined },
  { argv: ["make", "a"], name: "make", rest: ["a"] },
  { argv: ["--config", "f", "make", "a"], name: "make", rest: ["--config", "f", "a"] },
  { argv: ["--config=f", "make"], name: "make", rest: ["--config=f"] },
  { argv: ["--verbose", "make", "make"], name: "make", rest: ["--verbose", "make"] },
  { argv: ["-h", "make"], name: "make", rest: ["-h"] },
  { argv: ["-n", "5", "make"], name: "make", rest: ["-n", "5"] },
  { argv: ["-n5", "make"], name: "make", rest: ["-n5"] },
  { argv: ["-t=1", "make"], name: "make", rest: ["-t=1"] },
  { argv: ["--config", "make"], name: undefined },
  { argv: ["-t", "make", "a"], name: "a", rest: ["-t", "make"] },
  { argv: ["-tr", "make", "a"], name: "make", rest: ["-tr", "a"] },
  { argv: ["--", "make"], name: undefined },
  { argv: ["-", "make"], name: "make", rest: ["-"] },
  { argv: ["", "make"], name: "make", rest: [""] },
])("splitCommand() finds the command in $argv", ({ argv, name, rest = argv }) => {
  assert.deepEqual(splitCommand(argv, GLOBAL), { name, rest });
});

/** One thing that a command line says, in words, and what it means. */
interface Said {
  readonly words: readonly string[];
  apply(expected: { flags: Record<string, unknown>; given: Set<string>; args: string[] }): void;
}

/** Every way to write the value of a flag. */
function spellings(long: string, short: string | undefined, value: string): string[][] {
  const ways = [[`--${long}`, value], [`--${long}=${value}`]];
  if (short === undefined) return ways;
  ways.push([`-${short}`, value]);
  if (value !== "") ways.push([`-${short}=${value}`]);
  // Attached values must not look as if they had a separator; pflag takes `-x=` as it stands.
  if (value !== "" && !value.startsWith("=")) ways.push([`-${short}${value}`]);
  return ways;
}

function said(
  name: keyof typeof TABLE,
  values: fc.Arbitrary<{ text: string; value: unknown }>,
): fc.Arbitrary<Said> {
  const flag: FlagTable[string] = TABLE[name];
  return values.chain(({ text, value }) =>
    fc.constantFrom(...spellings(flagName(name), flag.short, text)).chain((words) =>
      // Switches bundled before a short flag.
      fc.constantFrom("", "k", "kk").map((bundle): Said => {
        const bundled = bundle !== "" && /^-[^-]/.test(words[0]!) && words[0] !== "-";
        return {
          words: bundled ? [`-${bundle}${words[0]!.slice(1)}`, ...words.slice(1)] : words,
          apply({ flags, given }) {
            if (bundled) {
              flags.inPlace = true;
              given.add("inPlace");
            }
            flags[name] = flag.kind === "list" && given.has(name)
              ? [...flags[name] as string[], ...value as string[]]
              : value;
            given.add(name);
          },
        };
      })
    )
  );
}

const WORD = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("", "-", "--", "-k", "=", "--store", "a,b", "--in-place=false"),
);
const SAID: fc.Arbitrary<Said> = fc.oneof(
  WORD.filter((word) => word === "-" || !word.startsWith("-")).map((word): Said => ({
    words: [word],
    apply: ({ args }) => void args.push(word),
  })),
  said("store", WORD.map((text) => ({ text, value: text }))),
  said("chunkSize", WORD.map((text) => ({ text, value: text }))),
  said("offset", fc.maxSafeInteger().map((value) => ({ text: String(value), value }))),
  said("start", fc.maxSafeNat().map((value) => ({ text: `0x${value.toString(16)}`, value }))),
  said("interval", fc.nat().map((value) => ({ text: `${value}ms`, value }))),
  said(
    "listen",
    fc.array(fc.stringMatching(/^[a-z|:/.=-]{1,5}$/)).map((value) => ({ text: value.join(","), value })),
  ),
  fc.constantFrom<Said>(
    { words: ["-k"], apply: ({ flags, given }) => (flags.inPlace = true, void given.add("inPlace")) },
    { words: ["--in-place"], apply: ({ flags, given }) => (flags.inPlace = true, void given.add("inPlace")) },
    { words: ["-k=0"], apply: ({ flags, given }) => (flags.inPlace = false, void given.add("inPlace")) },
    {
      words: ["-r=f"],
      apply: ({ flags, given }) => (flags.cacheRepair = false, void given.add("cacheRepair")),
    },
  ),
);

Deno.test("parseFlags() understands every spelling of what is said, in any order", () => {
  fc.assert(
    fc.property(fc.array(SAID), fc.option(fc.array(WORD), { nil: undefined }), (things, tail) => {
      const expected = { flags: { ...DEFAULTS }, given: new Set<string>(), args: [] as string[] };
      for (const thing of things) thing.apply(expected);
      const argv = things.flatMap(({ words }) => words);
      const parsed = parse(...argv, ...tail === undefined ? [] : ["--", ...tail]);
      assert.deepEqual({ ...parsed.flags }, expected.flags);
      assert.deepEqual([...parsed.given].sort(), [...expected.given].sort());
      assert.deepEqual(parsed.args, [...expected.args, ...tail ?? []]);
    }),
    { numRuns: 500 },
  );
});

Deno.test("parseFlags() gives flags or a UsageError, whatever the words are", () => {
  const word = fc.oneof(WORD, fc.stringMatching(/^-{1,3}[a-z=-]{0,12}(=[ -~]{0,5})?$/));
  fc.assert(fc.property(fc.array(word), (argv) => {
    try {
      parse(...argv);
    } catch (error) {
      assert(error instanceof UsageError, String(error));
    }
  }));
});
