/** A server of objects in this process, for what opens stores by itself. */

import type { ObjectStore } from "../../lib/objects/objects.ts";
import { MemoryObjects } from "../../lib/objects/memory.ts";
import { openObjectsStore } from "../../lib/store/recipe.ts";
import type { Digest } from "../../lib/digest/digest.ts";
import type { PrunableChunkStore } from "../../lib/store/types.ts";

/** What a server was asked. */
export interface ObjectServer extends AsyncDisposable {
  readonly url: string;
  readonly objects: ObjectStore;
  /** Requests so far, by method. */
  readonly requests: Map<string, number>;
  /** Most requests that were under way at a time. */
  readonly peak: () => number;
}

/** How a server behaves. */
export interface ObjectServerOptions {
  readonly objects?: ObjectStore | undefined;
  /** An answer to give instead; called for every request. */
  readonly instead?: (() => Response | Promise<Response> | undefined) | undefined;
}

/** Serves objects by GET, HEAD and PUT. */
export function serveObjects(options: ObjectServerOptions = {}): ObjectServer {
  const { objects = new MemoryObjects(), instead } = options;
  const requests = new Map<string, number>();
  let running = 0;
  let peak = 0;
  const answer = async (request: Request): Promise<Response> => {
    requests.set(request.method, (requests.get(request.method) ?? 0) + 1);
    const other = await instead?.();
    if (other !== undefined) return other;
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (request.method === "PUT") {
      await objects.put(key, await request.bytes());
      return new Response();
    }
    const bytes = await objects.get(key);
    if (bytes === undefined) return new Response(null, { status: 404 });
    return new Response(request.method === "HEAD" ? null : bytes);
  };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    peak = Math.max(peak, ++running);
    try {
      return await answer(request);
    } finally {
      running--;
    }
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    objects,
    requests,
    peak: () => peak,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** The chunk store on a server, which workers open by themselves. Failures are not tried again. */
export function serverStore(url: string, digest: Digest): Promise<PrunableChunkStore> {
  const transport = { kind: "http", url, options: { tries: 1 } } as const;
  return openObjectsStore({ kind: "objects", transport, form: "zstd", verify: true }, { digest });
}
