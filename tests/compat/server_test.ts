/** The servers of this program with the clients of the reference programs, and the other way round. */

import assert from "node:assert/strict";
import { type Workspace, workspace } from "../cli/commands/workspace.ts";
import { concat } from "../support/blobs.ts";
import { certificateFiles, openssl } from "../support/certificates.ts";
import { peer } from "../support/peers.ts";
import { type RunningServer, startServer } from "../support/servers.ts";
import { xorshift } from "../support/xorshift.ts";
import { assertSameFile, runPeer, runProgram } from "./programs.ts";

const desync = peer("desync");
const casync = peer("casync");

const NOISE = xorshift(500_000);
const BLOB = concat(NOISE, new Uint8Array(600_000), NOISE.subarray(0, 200_000));

/** Runs desync, which has to succeed without a word on standard error. */
async function run(space: Workspace, line: string): Promise<string> {
  const { stdout, stderr } = await runPeer(desync.require(), space.words(line));
  assert.equal(stderr, "", line);
  return stdout;
}

/** A blob, and its index and chunks as desync makes them. */
async function blobSpace(): Promise<Workspace> {
  const space = await workspace({ blob: BLOB });
  for (const name of ["store", "indexes", "target"]) await space.directory(name);
  await run(space, "make -s @store @indexes/blob.caibx @blob");
  return space;
}

interface Setup {
  readonly name: string;
  /** Flags of our servers. */
  readonly server?: string;
  /** Flags of desync's commands. */
  readonly client?: string;
  /** What desync's configuration says of our servers. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** What it does not say, so that it is refused. */
  readonly refusal?: string;
  readonly scheme?: "https";
}

const TLS = "--cert @server.pem --key @server.key";
const SETUPS: readonly Setup[] = [
  { name: "plainly" },
  { name: "without compression", server: "-u", options: { uncompressed: true } },
  {
    name: "with authorization",
    server: "--authorization Bearer%x",
    options: { "http-auth": "Bearer%x" },
    refusal: "401",
  },
  { name: "by TLS", server: TLS, client: "--ca-cert @ca.pem", scheme: "https" },
  {
    name: "by mutual TLS",
    server: `${TLS} --mutual-tls --client-ca @ca.pem`,
    client: "--ca-cert @ca.pem --client-cert @client.pem --client-key @client.key",
    // With TLS 1.3, a client believes that it is connected before it is refused, and may meet only the closed connection.
    refusal: "certificate|connection force closed|connection reset|broken pipe|EOF",
    scheme: "https",
  },
];

for (const { name, server = "", client = "", options = {}, refusal, scheme = "http" } of SETUPS) {
  const ignore = desync.ignore || scheme === "https" && openssl.ignore;
  Deno.test(`desync reads from and writes to our servers ${name}`, { ignore }, async () => {
    await using space = await blobSpace();
    if (scheme === "https") {
      await certificateFiles({
        ...space,
        join: (...names) => space.join(names.join("/")),
      });
    }
    const start = (line: string) => startServer(space.words(line));
    const indexFlags = server.replace("-u", "").trim();
    await using chunks = await start(`chunk-server -s @store -l 127.0.0.1:0 ${server}`.trim());
    await using target = await start(
      `chunk-server -s @target -w --skip-verify-write=false -l 127.0.0.1:0 ${server}`.trim(),
    );
    await using indexes = await start(`index-server -s @indexes -w -l 127.0.0.1:0 ${indexFlags}`.trim());
    const url = ({ address }: RunningServer) => `${scheme}://${address}`;
    const patterns = [chunks, target, indexes].map((each) => [url(each), options]);
    await space.write("config.json", JSON.stringify({ "store-options": Object.fromEntries(patterns) }));
    const flags = `--config @config.json ${client}`.trim();
    const index = `${url(indexes)}/blob.caibx`;

    await run(space, `extract ${flags} -s ${url(chunks)} ${index} @out`);
    await assertSameFile(space.join("out"), BLOB);
    assert.equal(await run(space, `cat ${flags} -s ${url(chunks)} -o 499990 -l 20 ${index} @part`), "");
    await assertSameFile(space.join("part"), BLOB.subarray(499_990, 500_010));
    await run(space, `verify-index ${flags} ${index} @blob`);
    const ids = (await run(space, `list-chunks ${flags} ${index}`)).trim().split("\n");
    const info = JSON.parse(await run(space, `info ${flags} -s ${url(chunks)} ${index}`));
    assert.equal(info["in-store"], new Set(ids).size);

    await run(space, `cache ${flags} -s ${url(chunks)} -c ${url(target)} ${index}`);
    assert.equal(
      JSON.parse(await run(space, `info ${flags} -s ${url(target)} ${index}`))["in-store"],
      info["in-store"],
    );
    await space.remove("target");
    await space.directory("target");
    await run(space, `chop ${flags} -s ${url(target)} ${index} @blob`);
    await run(space, `verify -s @target`);
    await space.remove("target");
    await space.directory("target");
    await run(space, `make ${flags} -s ${url(target)} ${url(indexes)}/made.caibx @blob`);
    assert.deepEqual(await space.read("indexes/made.caibx"), await space.read("indexes/blob.caibx"));
    await run(space, `extract ${flags} -s ${url(target)} ${url(indexes)}/made.caibx @again`);
    await assertSameFile(space.join("again"), BLOB);

    if (refusal !== undefined) {
      const less = client.replace(/ ?--client-\S+ \S+/g, "");
      const line = `extract ${less} -e 1 -s ${url(chunks)} @indexes/blob.caibx @no`.replace("  ", " ");
      const { code, stderr } = await runProgram(desync.require(), space.words(line));
      assert.equal(code, 1, stderr);
      assert.match(stderr, new RegExp(refusal));
      assert(!(await space.list()).includes("no"));
    }
  });
}

Deno.test("desync tells a chunk or index that our servers do not have from a failure", {
  ignore: desync.ignore,
}, async () => {
  await using space = await blobSpace();
  await using chunks = await startServer(space.words("chunk-server -s @target -l 127.0.0.1:0"));
  await using indexes = await startServer(space.words("index-server -s @target -l 127.0.0.1:0"));
  // A router moves on only from what is missing.
  await run(space, `extract -s http://${chunks.address} -s @store @indexes/blob.caibx @out`);
  await assertSameFile(space.join("out"), BLOB);
  const absent = await runProgram(
    desync.require(),
    space.words(`list-chunks http://${indexes.address}/x.caibx`),
  );
  assert.equal(absent.code, 1);
  assert.match(absent.stderr, /missing from store/);
  const line = `make -s http://${chunks.address} @refused.caibx @blob`;
  const refused = await runProgram(desync.require(), space.words(line));
  assert.match(refused.stderr, /writing to upstream chunk store is not enabled/);
});

Deno.test("our chunk-server serves what desync's servers have", { ignore: desync.ignore }, async () => {
  await using space = await blobSpace();
  const port = freePort();
  const child = new Deno.Command(desync.require(), {
    args: space.words(`chunk-server -s @store -l 127.0.0.1:${port}`),
    env: { HOME: "/nonexistent" },
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await using ours = await startServer(
      space.words(`chunk-server -e 20 -b 50ms -s http://127.0.0.1:${port} -l 127.0.0.1:0`),
    );
    await run(space, `extract -s http://${ours.address} @indexes/blob.caibx @out`);
    await assertSameFile(space.join("out"), BLOB);
  } finally {
    child.kill();
    await child.status;
  }
});

Deno.test("casync extracts from our servers", { ignore: casync.ignore }, async () => {
  await using space = await workspace({ blob: BLOB });
  await runPeer(casync.require(), space.words("make --store=@store @blob.caibx @blob"));
  await using chunks = await startServer(space.words("chunk-server -s @store -l 127.0.0.1:0"));
  await using indexes = await startServer(space.words("index-server -s @ -l 127.0.0.1:0"));
  const words = space.words(
    `extract --store=http://${chunks.address} http://${indexes.address}/blob.caibx @out --seed-output=no`,
  );
  await runPeer(casync.require(), words);
  await assertSameFile(space.join("out"), BLOB);
});

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}
