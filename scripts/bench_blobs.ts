/**
 * Benchmarks of blobs, indexes and local stores.
 *
 * @module
 */

import { type Bench, plainGroup, type Row, type RowGroup } from "./bench_workspace.ts";

const TO_A_PIPE = ["sh", "-c", '"$@" | cat >/dev/null', "sh"];

/** The rows. */
export function blobRows(bench: Bench): RowGroup {
  const seed = "--seed @index.caibx:@input";
  const cat = bench.both("cat -s @store @index.caibx");
  const discardOutput = () => bench.discard("out");
  return plainGroup([
    {
      name: "make, index only",
      goal: "≥ 1.35 × desync",
      commands: bench.both("make @@.caibx @input"),
    },
    {
      name: "make -s, all chunks present",
      goal: "≥ 2.5 × desync",
      commands: {
        ...bench.both("make -s @store @@.caibx @input"),
        casync: bench.casync("make --store=@store @casync.caibx @input"),
      },
    },
    {
      name: "make -s, empty store",
      goal: "≥ 2 × desync, ≥ 2.2 × casync",
      commands: {
        ...bench.both("make -s @@new @@.caibx @input"),
        casync: bench.casync("make --store=@casync-new @casync.caibx @input"),
      },
      prepare: (program) => bench.empty(`${program}-new`),
      runs: 3,
    },
    ...["zeros", "hole"].map((name): Row => ({
      name: `make, ${name === "zeros" ? "zeros written out" : "one hole"}`,
      goal: name === "zeros" ? "≥ 10 × desync" : "≥ 30 × desync",
      commands: bench.both(`make @@.caibx @${name}`),
    })),
    {
      name: "extract, local store",
      goal: "≥ 1.9 × desync",
      commands: {
        ...bench.both("extract -s @store @index.caibx @out"),
        casync: bench.casync("extract --store=@store @index.caibx @out"),
      },
      prepare: discardOutput,
    },
    {
      name: "extract, seed with the same data",
      goal: "–",
      commands: bench.both(`extract -s @store ${seed} @index.caibx @out`),
      prepare: discardOutput,
    },
    { name: "verify-index", goal: "≥ 1 × desync", commands: bench.both("verify-index @index.caibx @input") },
    { name: "verify", goal: "≥ 1.9 × desync", commands: bench.both("verify -s @store") },
    {
      name: "cat to a pipe",
      goal: "≥ 1.5 × desync",
      commands: { ours: [...TO_A_PIPE, ...cat.ours], desync: [...TO_A_PIPE, ...cat.desync] },
    },
    {
      name: "--help",
      goal: "≤ 25 ms",
      commands: { ...bench.both("--help"), casync: bench.casync("--help") },
    },
    { name: "list-chunks", goal: "≥ 1.3 × desync", commands: bench.both("list-chunks @index.caibx") },
  ]);
}
