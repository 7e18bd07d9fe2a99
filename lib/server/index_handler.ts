/**
 * The index server, without sockets.
 *
 * @module
 */

import type { Digest } from "../digest/digest.ts";
import { FormatError, IndexMissingError, UnsupportedError } from "../errors.ts";
import { decodeIndex, encodeIndex, type Index, indexDigest } from "../format/index_file.ts";
import type { IndexStore, WritableIndexStore } from "../store/types.ts";
import { type Authorize, authorizer, unauthorizedReply } from "./authorization.ts";
import { CONTENT_HEADERS, contentReply } from "./content.ts";
import { parseIndexName } from "./index_name.ts";
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

/** What an index server works with. */
export interface IndexHandlerOptions {
  /** What indexes are read from; stays the caller's. */
  readonly store: IndexStore;
  /** What indexes are written to. @default undefined, PUT is refused */
  readonly target?: WritableIndexStore | undefined;
  /** The digest that indexes have to be made with; it also hashes their content, and secrets before they are compared. */
  readonly digest: Digest;
  /** The value of the header `Authorization` that every client has to send. @default none */
  readonly authorization?: string | undefined;
  /** Largest body of a request, in bytes. @default 1 GiB, which describes a blob of 1.6 TiB */
  readonly maxBodySize?: number | undefined;
  /** Told of failures that are not the client's. @default nothing */
  readonly onDetail?: ((detail: ServerDetail) => void) | undefined;
}

const MAX_BODY_SIZE = 2 ** 30;
/** An index may be replaced at any time. */
const CACHING = { "Cache-Control": "no-cache" } as const;

/** Makes the handler of an index server. */
export function indexHandler(options: IndexHandlerOptions): ServerHandler {
  const server = new IndexServer(options);
  return (request) => server.answer(request);
}

class IndexServer {
  readonly #options: IndexHandlerOptions;
  readonly #authorize: Authorize;

  constructor(options: IndexHandlerOptions) {
    this.#options = options;
    this.#authorize = authorizer(options.authorization, options.digest);
  }

  async answer(request: ServerRequest): Promise<ServerReply> {
    if (!this.#authorize(request.header("authorization"))) return unauthorizedReply();
    const name = parseIndexName(request.target);
    if (name === undefined) return textReply(400, "invalid index name\n");
    switch (request.method) {
      case "GET":
      case "HEAD":
        return await this.#get(name, request);
      case "PUT":
        return await this.#put(name, request);
      default:
        return methodReply();
    }
  }

  /** The answer to GET and HEAD, which differ in nothing but the body. */
  async #get(name: string, request: ServerRequest): Promise<ServerReply> {
    try {
      const index = await this.#options.store.get(name, { signal: request.signal });
      if (index === undefined) return missingReply(request);
      this.#checkDigest(index);
      const body = encodeIndex(index);
      const etag = `"${this.#options.digest.digest(body).toHex()}"`;
      return contentReply(request, { body, etag, headers: CACHING });
    } catch (error) {
      if (error instanceof IndexMissingError) return missingReply(request);
      this.#report(request, { text: `failed to retrieve index ${name}`, error });
      return textReply(400, "failed to retrieve index\n");
    }
  }

  async #put(name: string, request: ServerRequest): Promise<ServerReply> {
    const { target } = this.#options;
    if (target === undefined) return textReply(400, "writing to upstream index store is not enabled\n");
    let index;
    try {
      index = decodeIndex(await request.readBody(this.#options.maxBodySize ?? MAX_BODY_SIZE));
      this.#checkDigest(index);
    } catch (error) {
      if (error instanceof BodyTooLargeError) return textReply(413, "index is too large\n");
      if (error instanceof FormatError) {
        return textReply(415, `invalid index: ${error.message.replace(/^Cannot read index: /, "")}\n`);
      }
      this.#report(request, { text: `failed to read index ${name} from client`, error });
      return textReply(500, "failed to read request body\n");
    }
    try {
      await target.put(name, index, { signal: request.signal });
      return storedReply();
    } catch (error) {
      if (error instanceof UnsupportedError) {
        this.#report(request, {
          text: `upstream index store '${target.location}' does not support writing`,
          error,
        });
        return textReply(400, "upstream index store does not support writing\n");
      }
      this.#report(request, { text: `failed to store index ${name}`, error });
      return textReply(500, "internal server error\n");
    }
  }

  #checkDigest(index: Index): void {
    const found = indexDigest(index);
    const { name } = this.#options.digest;
    if (found !== name) {
      throw new FormatError(`Cannot read index: it was made with digest ${found}, not ${name}`);
    }
  }

  #report(request: ServerRequest, detail: ServerDetail): void {
    if (!request.signal.aborted) this.#options.onDetail?.(detail);
  }
}

function missingReply(request: ServerRequest): ServerReply {
  return request.method === "HEAD"
    ? { status: 404, headers: CONTENT_HEADERS }
    : textReply(404, "index not found\n");
}
