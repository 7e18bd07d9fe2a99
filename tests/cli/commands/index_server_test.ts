import assert from "node:assert/strict";
import { startServer } from "../../support/servers.ts";
import { exampleSpace, workspace } from "./workspace.ts";

Deno.test("index-server says what is wrong with its flags", async () => {
  await using space = await workspace();
  const rows = [
    ["", "no store provided"],
    ["--cert x", "--key and --cert options need to be provided together"],
    ["-s @nonexistent", "Cannot open store '@nonexistent': it does not exist"],
    ["-s @ -l x", "Cannot listen on 'x': expected host:port"],
    ["-s ssh://host/path", "Cannot open index 'ssh://host/path': ssh is not supported"],
  ] as const;
  for (const [line, message] of rows) {
    const found = await space.fails(`index-server ${line}`.trim());
    assert.ok(found.startsWith(message), `${line}: ${found}`);
  }
});

Deno.test("index-server serves and stores indexes", async () => {
  await using space = await exampleSpace();
  await space.directory("indexes");
  const words = space.words("index-server -s @indexes -w -l 127.0.0.1:0 --log -");
  await using server = await startServer(words);
  const url = `http://${server.address}`;
  const body = await space.read("hello.caibx");
  const put = await fetch(`${url}/any/hello.caibx`, { method: "PUT", body });
  assert.deepEqual([put.status, await put.text()], [200, ""]);
  const got = await fetch(`${url}/hello.caibx`);
  assert.deepEqual([got.status, await got.bytes()], [200, body]);
  const absent = await fetch(`${url}/absent`);
  assert.deepEqual([absent.status, await absent.text()], [404, "index not found\n"]);
  const head = await fetch(`${url}/hello.caibx`, { method: "HEAD" });
  assert.equal(head.headers.get("content-length"), String(body.length));
  await server.line(/Request: HEAD \/hello\.caibx, Response: 200$/);
  assert.deepEqual(await space.list("indexes"), ["hello.caibx"]);
  assert.equal((await server.stop()).code, 0);
});

Deno.test("index-server tells what another server does not have from what it cannot give", async () => {
  await using space = await exampleSpace();
  await space.write("text", "not an index");
  await using origin = await startServer(space.words("index-server -s @ -l 127.0.0.1:0"));
  const words = [
    "index-server",
    "-e",
    "1",
    "-s",
    `http://${origin.address}/dir?x=y`,
    "-w",
    "-l",
    "127.0.0.1:0",
  ];
  await using server = await startServer(words);
  const ask = async (name: string, init: RequestInit = {}) => {
    const response = await fetch(`http://${server.address}/${name}`, init);
    await response.body?.cancel();
    return response.status;
  };
  for (const method of ["GET", "HEAD"]) {
    assert.equal(await ask("hello.caibx", { method }), 200);
    assert.equal(await ask("absent.caibx", { method }), 404);
    assert.equal(await ask("text", { method }), 400);
  }
  assert.equal(await ask("new.caibx", { method: "PUT", body: await space.read("hello.caibx") }), 500);
  await origin.stop();
  assert.equal(await ask("hello.caibx"), 400);
});
