/** A tree, and what casync makes of it. */

import { runPeer } from "../../compat/programs.ts";
import { openTreePosix } from "../../../lib/platform/tree.ts";
import { peer } from "../../support/peers.ts";
import { type Workspace, workspace } from "./workspace.ts";

// Native libraries stay open: opened here, they are no leak of the test that reads a tree first.
(await openTreePosix()).userName(1);

/** The program that the tests compare with. */
export const casync = peer("casync");

const MAKE_TREE = String.raw`
umask 022
mkdir -p tree/sub/deeper tree/empty tree/zzz && cd tree
printf 'hello world\n' >hello && : >nothing && seq 100000 >numbers && ln -s '../odd target' link
printf x >'odd # \ name' && : >sub/deeper/file && : >sub-file && chmod 1777 empty
touch -d @1500000000.123456789 hello sub
mkfifo -m 600 pipe
try() { "$@" 2>/dev/null || :; }
try setfattr -n user.test -v 'some value' hello && try setfattr -n user.test -v on sub
try setfacl -m u:1000:rwx,g:bin:r sub-file && try chattr +d sub/deeper/file
printf 'excluded\n' >sub/.caexclude && : >sub/excluded
if [ "$(id -u)" = 0 ]; then
  mknod -m 666 null c 1 3 && try mknod sda b 8 1 && chown daemon:bin hello && chown -h 1234:65534 link
fi
chmod 4750 hello
`;

/** `tree`, and of it `tree.catar`, `tree.caidx` with its `store`, and with SHA-256 `sha256.catar`. */
export async function archiveSpace(): Promise<Workspace> {
  const space = await workspace();
  await runPeer("sh", ["-ec", MAKE_TREE], { cwd: space.path });
  const make = (...argv: string[]) => runPeer(casync.require(), ["make", ...argv], { cwd: space.path });
  await make("tree.catar", "tree");
  await make("--store=store", "tree.caidx", "tree");
  await make("--digest=sha256", "sha256.catar", "tree");
  return space;
}

/** Output of casync in the workspace's directory. */
export async function byCasync(space: Workspace, ...argv: readonly string[]): Promise<string> {
  return (await runPeer(casync.require(), argv, { cwd: space.path })).stdout;
}
