/**
 * A server that passes on what it gets after a while: makes a server on this machine a distant one.
 *
 *     deno run --allow-net scripts/delaying_proxy.ts <port> <port of the server> <milliseconds in each direction>
 *
 * @module
 */

const READ_SIZE = 256 * 1024;

async function pass(from: Deno.TcpConn, to: Deno.TcpConn, delayMs: number): Promise<void> {
  const buffer = new Uint8Array(READ_SIZE);
  let written: Promise<unknown> = Promise.resolve();
  for (;;) {
    const size = await from.read(buffer);
    if (size === null) break;
    const bytes = buffer.slice(0, size);
    const due = performance.now() + delayMs;
    written = written.then(() => writeAt(to, bytes, due));
  }
  await written;
  await to.closeWrite();
}

async function writeAt(to: Deno.TcpConn, bytes: Uint8Array, due: number): Promise<void> {
  const wait = due - performance.now();
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

async function serve(client: Deno.TcpConn, port: number, delayMs: number): Promise<void> {
  using _client = client;
  using server = await Deno.connect({ hostname: "127.0.0.1", port });
  client.setNoDelay(true);
  server.setNoDelay(true);
  await Promise.all([pass(client, server, delayMs), pass(server, client, delayMs)]);
}

if (import.meta.main) {
  const [port, target, delayMs] = Deno.args.map(Number) as [number, number, number];
  for await (const client of Deno.listen({ hostname: "127.0.0.1", port })) {
    serve(client, target, delayMs).catch(() => {}); // Either side may go at any time.
  }
}
