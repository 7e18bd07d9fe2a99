/**
 * The chunk server, without sockets.
 *
 * @module
 */

import { Chunk } from "../chunk.ts";
import type { ChunkId } from "../chunk_id.ts";
import { MAX_CHUNK_SIZE } from "../chunker/sizes.ts";
import type { CodecStack } from "../codec/codec_stack.ts";
import type { Digest } from "../digest/digest.ts";
import { ChunkInvalidError, UnsupportedError } from "../errors.ts";
import type { ChunkStore, WritableChunkStore } from "../store/types.ts";
import { type Authorize, authorizer, unauthorizedReply } from "./authorization.ts";
import { matchesEtag } from "./body.ts";
import { parseChunkPath } from "./chunk_path.ts";
import type { ChunkReader } from "./chunk_reader.ts";
import { CONTENT_HEADERS, contentReply, notModifiedReply } from "./content.ts";
import {
  BodyTooLargeError,
  methodReply,
  type ServerDetail,
  type ServerHandler,
  type ServerReply,
  type ServerRequest,
  storedReply,
  textReply,
} from "./message.ts";

/** What a chunk server works with. */
export interface ChunkHandlerOptions {
  /** What chunks are read from; stays the caller's. Should not verify them, as clients do. */
  readonly store: ChunkStore;
  /**
   * Where the chunk may be that is asked for first, in the form in which it travels; what is not found here the store is
   * asked for. Much faster, as it waits for nothing. @default undefined
   */
  readonly reader?: (() => ChunkReader | undefined) | undefined;
  /** What chunks are written to. @default undefined, PUT is refused */
  readonly target?: WritableChunkStore | undefined;
  /** The form in which chunks travel. */
  readonly codecs: CodecStack;
  /** Verifies what is written, and hashes secrets before they are compared. */
  readonly digest: Digest;
  /** Refuse what is not the chunk that its name says. @default false */
  readonly verifyWrite?: boolean | undefined;
  /** The value of the header `Authorization` that every client has to send. @default none */
  readonly authorization?: string | undefined;
  /** Largest body of a request, in bytes. @default that of the largest chunk, and something for its encoding */
  readonly maxBodySize?: number | undefined;
  /** Told of failures that are not the client's. @default nothing */
  readonly onDetail?: ((detail: ServerDetail) => void) | undefined;
}

/** Room for what encodings add to data that cannot be compressed. */
const ENCODING_OVERHEAD = 1 << 20;

/** What is under the name of a chunk never changes. */
const PUBLIC_CACHING = { "Cache-Control": "public, max-age=31536000, immutable" } as const;
/** What takes a password is not for caches that serve everybody. */
const PRIVATE_CACHING = { "Cache-Control": "private, max-age=31536000, immutable" } as const;

/** Makes the handler of a chunk server. */
export function chunkHandler(options: ChunkHandlerOptions): ServerHandler {
  const server = new ChunkServer(options);
  return (request) => server.answer(request);
}

class ChunkServer {
  readonly #options: ChunkHandlerOptions;
  readonly #authorize: Authorize;
  readonly #caching: Readonly<Record<string, string>>;

  constructor(options: ChunkHandlerOptions) {
    this.#options = options;
    this.#authorize = authorizer(options.authorization, options.digest);
    this.#caching = options.authorization ? PRIVATE_CACHING : PUBLIC_CACHING;
  }

  async answer(request: ServerRequest): Promise<ServerReply> {
    if (!this.#authorize(request.header("authorization"))) return unauthorizedReply();
    const path = parseChunkPath(request.target, this.#options.codecs.extension);
    if ("problem" in path) return textReply(400, `${path.problem}\n`);
    switch (request.method) {
      case "GET":
        return await this.#get(path.id, request);
      case "HEAD":
        return await this.#head(path.id, request);
      case "PUT":
        return await this.#put(path.id, request);
      default:
        return methodReply();
    }
  }

  async #get(id: ChunkId, request: ServerRequest): Promise<ServerReply> {
    const { store, codecs } = this.#options;
    const options = { signal: request.signal };
    const content = { etag: this.#etag(id), headers: this.#caching };
    try {
      if (matchesEtag(request.header("if-none-match"), content.etag)) {
        return await store.has(id, options) ? notModifiedReply(content) : missingReply(id);
      }
      const read = this.#options.reader?.()?.read(id);
      if (read !== undefined) {
        return { ...contentReply(request, { ...content, body: read.bytes }), release: read.release };
      }
      const chunk = await store.get(id, options);
      if (chunk === undefined) return missingReply(id);
      return contentReply(request, { ...content, body: chunk.storedAs(codecs) });
    } catch (error) {
      return this.#failure(request, { text: `failed to retrieve chunk ${id}`, error });
    }
  }

  async #head(id: ChunkId, request: ServerRequest): Promise<ServerReply> {
    try {
      const isThere = await this.#options.store.has(id, { signal: request.signal });
      const validators = isThere ? { ETag: this.#etag(id), ...this.#caching } : {};
      return { status: isThere ? 200 : 404, headers: { ...CONTENT_HEADERS, ...validators } };
    } catch (error) {
      return this.#failure(request, { text: `failed to check chunk ${id}`, error });
    }
  }

  async #put(id: ChunkId, request: ServerRequest): Promise<ServerReply> {
    const { target, codecs, maxBodySize = MAX_CHUNK_SIZE + ENCODING_OVERHEAD } = this.#options;
    if (target === undefined) return textReply(400, "writing to upstream chunk store is not enabled\n");
    let body;
    try {
      body = await request.readBody(maxBodySize);
    } catch (error) {
      if (error instanceof BodyTooLargeError) return textReply(413, "chunk is too large\n");
      const text = `failed to read chunk ${id} from client`;
      return this.#failure(request, { text, error }, "failed to read request body\n");
    }
    const chunk = Chunk.fromStored(id, body, { codecs, maxSize: MAX_CHUNK_SIZE });
    try {
      if (body.length === 0) throw new ChunkInvalidError(id, "it is empty");
      const problem = this.#problem(chunk);
      if (problem !== undefined) return textReply(400, `${problem}\n`);
      await target.put(chunk, { signal: request.signal });
      return storedReply();
    } catch (error) {
      if (!(error instanceof UnsupportedError)) {
        return this.#failure(request, { text: `failed to store chunk ${id}`, error });
      }
      const text = `upstream chunk store '${target.location}' does not support writing`;
      this.#options.onDetail?.({ text, error });
      return textReply(400, "upstream chunk store does not support writing\n");
    }
  }

  /** @returns What is wrong with a chunk that came from a client, if that is to be found out. */
  #problem(chunk: Chunk): string | undefined {
    if (!(this.#options.verifyWrite ?? false)) return undefined;
    try {
      chunk.verify(this.#options.digest);
      return undefined;
    } catch (error) {
      if (error instanceof ChunkInvalidError) return invalidText(error);
      throw error;
    }
  }

  #etag(id: ChunkId): string {
    return `"${id}${this.#options.codecs.extension}"`;
  }

  #failure(
    request: ServerRequest,
    detail: ServerDetail,
    answer = "internal server error\n",
  ): ServerReply {
    // That a client has gone is no failure of a store.
    if (!request.signal.aborted) this.#options.onDetail?.(detail);
    return textReply(500, answer);
  }
}

function missingReply(id: ChunkId): ServerReply {
  return textReply(404, `chunk ${id} not found`);
}

/** What users of the reference program's clients expect to read. */
function invalidText({ id, reason }: ChunkInvalidError): string {
  const found = /^its content hashes to ([0-9a-f]+)$/.exec(reason)?.[1];
  return found === undefined
    ? `invalid chunk ${id}: ${reason}`
    : `chunk id ${id} does not match its hash ${found}`;
}
