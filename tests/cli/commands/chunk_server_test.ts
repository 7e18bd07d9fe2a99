import assert from "node:assert/strict";
import { startServer } from "../../support/servers.ts";
import { chunkFile, exampleSpace, HELLO_ID, workspace } from "./workspace.ts";

const path = `/${chunkFile("", HELLO_ID).slice(1)}`;
const missing = "0".repeat(64);

interface RefusalRow {
  readonly line: string;
  readonly message: string;
}

const REFUSALS: readonly RefusalRow[] = [
  { line: "--client-cert x", message: "--client-cert and --client-key must be given together" },
  { line: "--cert x --client-ca y", message: "--key and --cert options need to be provided together" },
  { line: "--key x --mutual-tls", message: "--key and --cert options need to be provided together" },
  {
    line: "--mutual-tls --client-ca x",
    message: "--mutual-tls requires --cert and --key (TLS must be enabled)",
  },
  { line: "--client-ca x", message: "--client-ca requires --cert and --key (TLS must be enabled)" },
  {
    line: "--cert x --key y --mutual-tls",
    message:
      "--mutual-tls requires --client-ca (otherwise it is not said which client certificates to accept)",
  },
  {
    line: "--cert x --key y --client-ca z",
    message: "--client-ca requires --mutual-tls (otherwise client certificates are not verified)",
  },
  { line: "--encryption", message: "no encryption key configured" },
  { line: "--encryption-algorithm foo", message: "no encryption key configured" },
  { line: "--encryption-key zz", message: "invalid encryption key, expected hex-encoded 256-bit key" },
  { line: "--encryption-key abc", message: "invalid encryption key, expected hex-encoded 256-bit key" },
  { line: "--encryption=false --encryption-key abcd", message: "encryption key must be 32 bytes, got 2" },
  {
    line: "--encryption-key abcd --encryption-algorithm foo",
    message: 'unsupported encryption algorithm "foo"',
  },
  { line: "", message: "no store provided" },
  { line: "-w", message: "no store provided" },
  { line: "-w -s @a -s @b", message: "Only one upstream store supported for writing and no cache" },
  { line: "-w -s @a -c @b", message: "Only one upstream store supported for writing and no cache" },
  { line: "-s @a --store-file @f", message: "--store and --store-file can't be used together" },
  { line: "-c @a --store-file @f", message: "--cache and --store-file can't be used together" },
  { line: "--store-file @empty", message: "no store provided" },
  { line: "-w --store-file @two", message: "Only one upstream store supported for writing and no cache" },
  { line: "--store-file @broken", message: "failed to read store-file '@broken': it is not valid JSON" },
  { line: "-s @nonexistent", message: "Cannot open store '@nonexistent': it does not exist" },
  {
    line: "-s @store -l foo",
    message: "Cannot listen on 'foo': expected host:port, [address]:port or unix:path",
  },
  {
    line: "-s @store -l :nosuchport",
    message: "Cannot listen on ':nosuchport': unknown port name 'nosuchport'",
  },
  {
    line: "-s @store --admin-listen x",
    message: "Cannot listen on 'x': expected host:port, [address]:port or unix:path",
  },
  {
    line: "-s @store --cert @no --key @no",
    message: "Cannot read certificate '@no': No such file or directory",
  },
  {
    line: "-s @store --cert @empty --key @empty --mutual-tls --client-ca @empty",
    message: "no client CA certificates found in client-ca file",
  },
  { line: "-s @store --log @no/log", message: "Cannot open log '@no/log': No such file or directory" },
];

Deno.test("chunk-server says what is wrong with its flags", async () => {
  await using space = await workspace({
    empty: "{}",
    two: '{"stores": ["a", "b"]}',
    broken: "nonsense",
  });
  await space.directory("store");
  for (const { line, message } of REFUSALS) {
    const found = await space.fails(`chunk-server ${line}`.trim());
    assert.ok(found.startsWith(message), `${line}: ${found}`);
  }
});

Deno.test("chunk-server does not serve plain text if encryption is asked for", async () => {
  await using space = await workspace();
  await space.directory("store");
  const env = { DESYNC_ENCRYPTION_KEY: "00".repeat(32) };
  const found = await space.fails("chunk-server -s @store --encryption -l 127.0.0.1:0", { env });
  assert.match(found, /encryption is not supported/);
});

Deno.test("chunk-server exits with 1 and a message if it cannot listen", async () => {
  await using space = await workspace();
  await space.directory("store");
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr as Deno.NetAddr;
  const found = await space.fails(`chunk-server -s @store -l 127.0.0.1:0 -l 127.0.0.1:${port}`);
  assert.match(found, new RegExp(`^Cannot listen on '127\\.0\\.0\\.1:${port}': .*in use`, "i"));
});

Deno.test("chunk-server serves a store until SIGTERM, logs requests, and exits with 0", async () => {
  await using space = await exampleSpace();
  const words = space.words("chunk-server -s @store -l 127.0.0.1:0 --log @log --admin-listen 127.0.0.1:0");
  await using server = await startServer(words, { listeners: 2 });
  const get = async (target: string, init?: RequestInit) => {
    const response = await fetch(`http://${server.address}${target}`, init);
    return [response.status, await response.bytes()] as const;
  };
  assert.deepEqual(await get(path), [200, await space.read(`store${path}`)]);
  assert.equal((await get(`/0000/${missing}.cacnk`))[0], 404);
  assert.equal((await get(path, { method: "PUT", body: "x" }))[0], 400);
  assert.equal((await get("/%0a"))[0], 400);
  const admin = async (name: string) => await (await fetch(`http://${server.addresses[1]}/${name}`)).text();
  assert.equal(await admin("healthz"), "ok\n");
  assert.equal(await admin("readyz"), "ok\n");
  assert.match(await admin("metrics"), /^desync_requests_total\{method="GET",status="200"\} 1$/m);
  server.signal("SIGHUP"); // Ignored, as there is nothing to read again.
  const { code, stdout } = await server.stop();
  assert.deepEqual([code, stdout], [0, ""]);
  const log = new TextDecoder().decode(await space.read("log")).trimEnd().split("\n");
  const texts = log.map((line) =>
    line.replace(/^\d{4}(\/\d\d){2} \d\d(:\d\d){2} Client: 127\.0\.0\.1:\d+, /, "")
  );
  assert.deepEqual(texts, [
    `Request: GET ${path}, Response: 200`,
    `Request: GET /0000/${missing}.cacnk, Response: 404`,
    `Request: PUT ${path}, Response: 400`,
    "Request: GET /%0a, Response: 400",
  ]);
  assert.equal((await Deno.stat(space.join("log"))).mode! & 0o777, 0o644);
});

Deno.test("chunk-server -w stores chunks, and warns that it does not verify them", async () => {
  await using space = await exampleSpace();
  await space.directory("target");
  const body = await space.read(`store${path}`);
  const put = async (address: string, target: string) => {
    const response = await fetch(`http://${address}${target}`, { method: "PUT", body });
    return `${response.status} ${await response.text()}`;
  };
  {
    const words = space.words("chunk-server -s @target --writeable -l 127.0.0.1:0 --log -");
    await using server = await startServer(words);
    assert.equal(await put(server.address, path), "200 ");
    assert.equal(await put(server.address, `/0000/${missing}.cacnk`), "200 ");
    await server.line(/Response: 200$/);
    const { code, stderr } = await server.stop("SIGINT");
    assert.equal(code, 0);
    assert.match(stderr, /^--writeable is deprecated, use --writable\nWarning: .*--skip-verify-write=false/);
  }
  assert.deepEqual(await space.read(`target${path}`), body);
  const words = space.words("chunk-server -s @target -w --skip-verify-write=false -l 127.0.0.1:0");
  await using server = await startServer(words);
  assert.match(
    await put(server.address, `/1111/${"1".repeat(64)}.cacnk`),
    /^400 chunk id 1{64} does not match its hash/,
  );
  assert.equal(await put(server.address, path), "200 ");
  assert.doesNotMatch((await server.stop()).stderr, /Warning/);
});

Deno.test("chunk-server takes the expected authorization from the environment", async () => {
  await using space = await exampleSpace();
  const words = space.words("chunk-server -s @store -u -l 127.0.0.1:0 --log - --log-format json");
  await using server = await startServer(words, { env: { DESYNC_HTTP_AUTH: "Bearer x" } });
  const url = `http://${server.address}${path.replace(".cacnk", "")}`;
  const refused = await fetch(url);
  assert.deepEqual([refused.status, await refused.text()], [401, "Unauthorized\n"]);
  const accepted = await fetch(url, { headers: { Authorization: "Bearer x" } });
  assert.deepEqual([accepted.status, await accepted.text()], [200, "hello world\n"]);
  assert.equal(JSON.parse(await server.line(/"status":200/)).sent, 12);
});

Deno.test("chunk-server --skip-verify-read=false does not serve what is damaged", async () => {
  await using space = await exampleSpace();
  await space.write(`store${path}`, "damaged");
  for (const [flag, status] of [["", 200], ["--skip-verify-read=false", 500]] as const) {
    const words = space.words(`chunk-server -s @store -l 127.0.0.1:0 ${flag}`.trim());
    await using server = await startServer(words);
    const response = await fetch(`http://${server.address}${path}`);
    await response.body?.cancel();
    assert.equal(response.status, status);
    if (status === 500) {
      await server.line(new RegExp(`^failed to retrieve chunk ${HELLO_ID}: Cannot use chunk`));
    }
  }
});

Deno.test("chunk-server serves what other servers have, through a cache", async () => {
  await using space = await exampleSpace();
  await space.directory("cache");
  await using origin = await startServer(space.words("chunk-server -s @store -l 127.0.0.1:0"));
  const stores = `http://127.0.0.1:1/|http://${origin.address}/`;
  const words = space.words(`chunk-server -e 1 -s ${stores} -c @cache -l 127.0.0.1:0`);
  await using server = await startServer(words);
  const url = `http://${server.address}${path}`;
  const bodies = await Promise.all([1, 2, 3].map(async () => await (await fetch(url)).bytes()));
  for (const body of bodies) assert.deepEqual(body, await space.read(`store${path}`));
  await origin.stop();
  assert.equal((await (await fetch(url)).bytes()).length, bodies[0]!.length);
  assert.deepEqual(await space.read(`cache${path}`), bodies[0]);
});

Deno.test("chunk-server reads --store-file again on SIGHUP, and keeps the stores if that fails", async () => {
  await using space = await exampleSpace();
  await space.directory("none");
  const file = (text: string) => space.write("stores.json", text.replaceAll("@", `${space.path}/`));
  await file('{"stores": ["@none"]}');
  const words = space.words(
    "chunk-server --store-file @stores.json -l 127.0.0.1:0 --admin-listen 127.0.0.1:0",
  );
  await using server = await startServer(words, { listeners: 2 });
  const status = async () => {
    const response = await fetch(`http://${server.address}${path}`);
    await response.body?.cancel();
    return response.status;
  };
  const reloaded = async (result: string, count: number) => {
    server.signal("SIGHUP");
    for (;;) {
      const text = await (await fetch(`http://${server.addresses[1]}/metrics`)).text();
      if (text.includes(`desync_reloads_total{result="${result}"} ${count}`)) return;
    }
  };
  assert.equal(await status(), 404);
  await file('{"stores": ["@none", "@store"]}');
  await reloaded("ok", 1);
  assert.equal(await status(), 200);
  const failures = ["nonsense", '{"stores": []}', '{"stores": ["@nowhere"]}'];
  for (const [i, text] of failures.entries()) {
    await file(text);
    await reloaded("failed", i + 1);
    assert.equal(await status(), 200);
  }
  await file('{"stores": ["@none"]}');
  await reloaded("ok", 2);
  assert.equal(await status(), 404);
  const { code, stderr } = await server.stop();
  assert.equal(code, 0);
  assert.equal(stderr.match(/^failed to reload configuration: .+$/gm)?.length, 3);
});

Deno.test("chunk-server -w checks its rules again on SIGHUP", async () => {
  await using space = await exampleSpace();
  await space.directory("first");
  await space.directory("second");
  const file = (text: string) => space.write("stores.json", text.replaceAll("@", `${space.path}/`));
  await file('{"stores": ["@first"]}');
  const words = space.words(
    "chunk-server -w --store-file @stores.json -l 127.0.0.1:0 --admin-listen 127.0.0.1:0",
  );
  await using server = await startServer(words, { listeners: 2 });
  await file('{"stores": ["@first", "@second"]}');
  server.signal("SIGHUP");
  await server.line(/^failed to reload configuration: Only one upstream store/);
  await file('{"stores": ["@second"]}');
  server.signal("SIGHUP");
  while (!(await (await fetch(`http://${server.addresses[1]}/metrics`)).text()).includes('result="ok"} 1'));
  const body = await space.read(`store${path}`);
  const response = await fetch(`http://${server.address}${path}`, { method: "PUT", body });
  assert.equal(response.status, 200);
  await response.body?.cancel();
  assert.deepEqual(await space.list("first"), []);
  assert.deepEqual(await space.read(`second${path}`), body);
});
