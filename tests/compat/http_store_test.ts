/** All commands that take stores and indexes, with those on servers of desync. */

import assert from "node:assert/strict";
import { openTreePosix } from "../../lib/platform/tree.ts";
import { lcg, type Workspace, workspace } from "../cli/commands/workspace.ts";
import { concat } from "../support/blobs.ts";
import { certificateFiles, type Certificates, openssl } from "../support/certificates.ts";
import { peer } from "../support/peers.ts";
import { startServer } from "../support/server_process.ts";
import { tempDir } from "../support/temp_dir.ts";
import { xorshift } from "../support/xorshift.ts";
import { assertSameFile, runPeer } from "./programs.ts";

// Native libraries stay open: opened here, they are no leak of the test that packs a tree first.
(await openTreePosix()).userName(1);

const desync = peer("desync");
const ignore = desync.ignore || openssl.ignore;

const NOISE = xorshift(400_000);
const BLOB = concat(NOISE, new Uint8Array(600_000), lcg(60_000), NOISE.subarray(0, 200_000));

/** How servers are protected, and what clients say to that. */
interface Protection {
  readonly name: string;
  readonly scheme: "http" | "https";
  server(certificates: Certificates): readonly string[];
  client(certificates: Certificates): string;
  /** Of the configuration file, for all servers. */
  readonly settings: Readonly<Record<string, unknown>>;
}

const tlsServer = ({ server }: Certificates) => ["--cert", server.cert, "--key", server.key];
const mutual = (files: Certificates) => [...tlsServer(files), "--mutual-tls", "--client-ca", files.ca];

const PROTECTIONS: readonly Protection[] = [
  { name: "nothing", scheme: "http", server: () => [], client: () => "", settings: {} },
  {
    name: "a header",
    scheme: "http",
    server: () => ["--authorization", "Bearer secret"],
    client: () => "",
    settings: { "http-auth": "Bearer secret" },
  },
  {
    name: "TLS",
    scheme: "https",
    server: tlsServer,
    client: ({ ca }) => `--ca-cert ${ca} `,
    settings: {},
  },
  {
    name: "TLS that nobody verifies",
    scheme: "https",
    server: tlsServer,
    client: () => "-t ",
    settings: {},
  },
  {
    name: "mutual TLS and a header",
    scheme: "https",
    server: (files) => [...mutual(files), "--authorization", "Bearer secret"],
    client: ({ ca, client }) => `--ca-cert ${ca} --client-cert ${client.cert} --client-key ${client.key} `,
    settings: { "http-auth": "Bearer secret" },
  },
];

for (const protection of PROTECTIONS) {
  for (const uncompressed of [false, true]) {
    const form = uncompressed ? "uncompressed" : "compressed";
    Deno.test(
      `all commands work with desync's servers behind ${protection.name}, ${form}`,
      { ignore },
      async () => {
        await using dir = await tempDir();
        const files = await certificateFiles(dir);
        await using space = await workspace({ blob: BLOB });
        for (const name of ["store", "indexes", "cache"]) await space.directory(name);
        const serve = (line: string, ...flags: readonly string[]) =>
          startServer(desync.require(), (port) => {
            return [...space.words(line), "-l", `127.0.0.1:${port}`, ...protection.server(files), ...flags];
          });
        await using chunks = await serve("chunk-server -w -s @store", ...uncompressed ? ["-u"] : []);
        await using indexes = await serve("index-server -w -s @indexes");
        const url = (port: number) => `${protection.scheme}://127.0.0.1:${port}`;
        const [store, index] = [url(chunks.port), url(indexes.port)];
        await space.write(
          "config.json",
          JSON.stringify({
            "store-options": {
              "http://127.0.0.1:1/": { uncompressed },
              [`${store}/`]: { ...protection.settings, uncompressed },
              [`${index}/`]: protection.settings,
            },
          }),
        );
        await Deno.chmod(space.join("config.json"), 0o600);
        await useAll(space, { store, index, flags: `-b 1ms ${protection.client(files)}` });
      },
    );
  }
}

/** Uses every command with stores and indexes that are remote. */
async function useAll(
  space: Workspace,
  { store, index, flags }: { readonly store: string; readonly index: string; readonly flags: string },
): Promise<void> {
  const run = (line: string) => {
    const [command, ...rest] = line.split(" ");
    return space.ok(`--config @config.json ${command} ${flags}${rest.join(" ")}`);
  };
  await run(`make -s ${store} ${index}/blob.caibx @blob`);
  await runPeer(desync.require(), space.words("verify-index @indexes/blob.caibx @blob"));
  await run(`verify-index ${index}/blob.caibx @blob`);
  await run(`extract -s ${store} ${index}/blob.caibx @copy`);
  await assertSameFile(space.join("copy"), BLOB);
  await run(`extract -s ${store}/,@store -c @fresh ${index}/blob.caibx @copy`);
  await assertSameFile(space.join("copy"), BLOB);
  await run(`extract -s http://127.0.0.1:1/|${store} ${index}/blob.caibx @copy`);
  await assertSameFile(space.join("copy"), BLOB);
  await run(`cat -s ${store} -o 1000 -l 700000 ${index}/blob.caibx @part`);
  await assertSameFile(space.join("part"), BLOB.subarray(1000, 701_000));
  await run(`cache -s ${store} -c @cache ${index}/blob.caibx`);
  const ids = (await run(`list-chunks ${index}/blob.caibx`)).trim().split("\n");
  const cached = (await space.list("cache")).filter((name) => !name.endsWith("/"));
  assert.equal(cached.length, new Set(ids).size);
  const info = JSON.parse(await run(`info -s ${store} -c @cache ${index}/blob.caibx`));
  assert.deepEqual([info["in-store"], info["in-cache"]], [info.unique, info.unique]);
  assert.equal(JSON.parse(await run(`inspect-chunks ${index}/blob.caibx`)).length, ids.length);

  await space.remove("store");
  await space.directory("store");
  await run(`chop -s ${store} ${index}/blob.caibx @blob`);
  await run(`extract -s ${store} ${index}/blob.caibx @copy`);
  await assertSameFile(space.join("copy"), BLOB);

  await space.directory("tree");
  await space.write("tree/file", BLOB);
  await run(`tar -i -s ${store} ${index}/tree.caidx @tree`);
  await run(`untar -i -s ${store} ${index}/tree.caidx @unpacked`);
  await assertSameFile(space.join("unpacked/file"), BLOB);
  assert.match(await run(`mtree -i -s ${store} ${index}/tree.caidx`), /file .*size=1260000/);
}
