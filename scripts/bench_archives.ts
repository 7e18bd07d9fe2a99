/**
 * Benchmarks of trees and archives: a copy of what every Debian has of small files and of libraries.
 *
 * @module
 */

import type { Bench, RowGroup } from "./bench_workspace.ts";

/** The rows. */
export function archiveRows(bench: Bench): RowGroup {
  const goal = "≥ 1.5 × desync";
  return {
    rows: [
      {
        name: "tar",
        goal,
        commands: {
          ...bench.both("tar @@.catar @tree"),
          casync: bench.casync("make @casync.catar @tree"),
        },
        prepare: (program) => bench.discard(`${program}-.catar`),
      },
      {
        name: "tar -i, new store",
        goal,
        commands: {
          ...bench.both("tar -i -s @@new @@.caidx @tree"),
          casync: bench.casync("make --store=@casync-new @casync.caidx @tree"),
        },
        prepare: (program) => bench.empty(`${program}-new`),
        runs: 3,
      },
      {
        name: "untar",
        goal,
        commands: bench.both("untar @archive.catar @out"),
        prepare: () => bench.empty("out"),
      },
      {
        name: "untar -i",
        goal,
        commands: bench.both("untar -i -s @tree-store @archive.caidx @out"),
        prepare: () => bench.empty("out"),
      },
      { name: "mtree of a directory", goal, commands: bench.both("mtree @tree") },
      { name: "mtree of a catar", goal, commands: bench.both("mtree @archive.catar") },
      { name: "mtree -i", goal, commands: bench.both("mtree -i -s @tree-store @archive.caidx") },
      {
        name: "digest of a directory",
        goal: "–",
        commands: { ours: bench.ours("digest", bench.path("tree")), casync: bench.casync("digest @tree") },
      },
    ],
    async open() {
      // In desync's dialect, which casync does not read.
      await bench.shell(`mkdir "$1/tree" "$1/tree-store" && cp -a /usr/share /usr/lib/*-linux-gnu "$1/tree"
        desync tar "$1/archive.catar" "$1/tree"
        desync tar -i -s "$1/tree-store" "$1/archive.caidx" "$1/tree"`);
    },
    async [Symbol.asyncDispose]() {},
  };
}
