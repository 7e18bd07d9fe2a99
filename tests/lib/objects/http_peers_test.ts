/** HTTP servers that people use. */

import { Buffer } from "node:buffer";
import type { TLSSocket } from "node:tls";
import assert from "node:assert/strict";
import { StoreError } from "../../../lib/errors.ts";
import { openHttpObjects } from "../../../lib/objects/http.ts";
import { testObjects } from "../../conformance/objects.ts";
import { noise } from "../../support/blobs.ts";
import { chunkOf } from "../../support/chunks.ts";
import { openssl } from "../../support/certificates.ts";
import { desync, nginx, startDesyncServer, startNginx } from "../../support/http_peers.ts";
import { certificates, stillClock } from "../../support/http_transports.ts";
import { chunkObjects } from "../../support/object_stores.ts";
import { tempDir } from "../../support/temp_dir.ts";

const NO_LIST = "HTTP servers do not tell what they have";

for (const transport of ["plain", "fetch"] as const) {
  testObjects({
    name: `HttpObjects (${transport}) of nginx`,
    ignore: nginx.ignore,
    open: async (scope) => {
      const server = scope.use(await startNginx());
      return await openHttpObjects(`${server.url}/dav`, { transport, clock: stillClock() });
    },
    skip: {
      "list() yields every key with the prefix, once": NO_LIST,
      "list() of an empty store yields nothing": NO_LIST,
      "list() can be left early, and objects removed meanwhile": NO_LIST,
      "has a location and says what it can do": NO_LIST,
    },
  });

  Deno.test({
    name: `HttpObjects (${transport}) of the reference program's chunk server: chunks go there and back`,
    ignore: desync.ignore,
    fn: async () => {
      await using server = await startDesyncServer();
      const objects = await openHttpObjects(server.url, { transport, clock: stillClock() });
      await using store = chunkObjects(objects).store;
      const chunks = Array.from({ length: 40 }, (_, i) => chunkOf(noise(1000 + i * 3000, i)));
      assert.equal(await store.has(chunks[0]!.id), false);
      assert.equal(await store.get(chunks[0]!.id), undefined);
      await Promise.all(chunks.map((chunk) => store.put(chunk)));
      await store.put(chunks[0]!);
      for (const chunk of chunks) {
        assert.equal(await store.has(chunk.id), true);
        assert.deepEqual((await store.get(chunk.id))!.plain, chunk.plain);
      }
      await assert.rejects(objects.get("no-chunk"), StoreError);
    },
  });
}

/** Reads and writes by each transport, with and without the client certificate in the second argument. */
const PROGRAM = `
  import { openHttpObjects } from ${
  JSON.stringify(new URL("../../../lib/objects/http.ts", import.meta.url).href)
};
  const [url, certificate] = Deno.args;
  for (const transport of ["fetch", "plain"]) {
    for (const options of [{}, JSON.parse(certificate)]) {
      await using objects = await openHttpObjects(url, { transport, ...options });
      const keys = Array.from({ length: 20 }, (_, i) => "a/" + i);
      await Promise.all(keys.map((key, i) => objects.put(key, new Uint8Array(i * 1000).fill(i))));
      const read = await Promise.all(keys.map((key) => objects.get(key)));
      const right = read.every((bytes, i) => bytes.length === i * 1000 && bytes.every((byte) => byte === i));
      console.log(right, await objects.get("absent"), await objects.has("a/1"));
    }
  }
`;

Deno.test({
  name: "HttpObjects (fetch, plain) of a server that the system trusts: HTTP/2, and client certificates",
  ignore: openssl.ignore,
  fn: async () => {
    const { server: identity, client, ca } = certificates!;
    const objects = new Map<string, Uint8Array>();
    const seen = new Set<string>();
    const { createSecureServer } = await import("node:http2");
    const tls = { ...identity, ca, requestCert: true, rejectUnauthorized: false, allowHTTP1: true };
    const server = createSecureServer(tls, async (request, response) => {
      const socket = (request.stream?.session?.socket ?? request.socket) as TLSSocket;
      seen.add(`${request.httpVersion} ${socket.authorized}`);
      const body = objects.get(request.url);
      if (request.method === "PUT") {
        objects.set(request.url, Buffer.concat(await Array.fromAsync(request)));
        response.writeHead(201).end();
      } else if (body === undefined) response.writeHead(404).end("no");
      else {
        response.writeHead(200, { "content-length": body.length });
        if (request.method === "GET") response.write(body);
        response.end();
      }
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const url = `https://localhost:${(server.address() as { port: number }).port}/d`;
    await using dir = await tempDir();
    await Deno.writeTextFile(dir.join("ca.pem"), ca);
    await Deno.writeTextFile(dir.join("program.ts"), PROGRAM);
    const certificate = JSON.stringify({ clientCert: client.cert, clientKey: client.key });
    const options = ["--no-check", "--allow-all", "--cert", dir.join("ca.pem")];
    const args = ["run", ...options, dir.join("program.ts"), url, certificate];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    await new Promise((done) => server.close(done));
    assert.equal(
      new TextDecoder().decode(stdout),
      "true undefined true\n".repeat(4),
      new TextDecoder().decode(stderr),
    );
    assert.deepEqual([...seen], ["2.0 false", "2.0 true", "1.1 false", "1.1 true"]);
  },
});
