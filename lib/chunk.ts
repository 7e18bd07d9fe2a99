/**
 * A chunk on its way between stores and files, in plain and stored form.
 *
 * @module
 */

import { type ChunkId, formatChunkId } from "./chunk_id.ts";
import type { CodecStack } from "./codec/codec_stack.ts";
import type { Digest, DigestName } from "./digest/digest.ts";
import { ChunkInvalidError, FormatError } from "./errors.ts";

/** A stored form, and what is needed to decode it. */
interface StoredForm {
  readonly bytes: Uint8Array;
  readonly codecs: CodecStack;
  readonly maxSize: number;
}

/**
 * A chunk in one form or both. What it was made from is taken on trust: nothing is decoded or hashed until it
 * is asked for, and then once. All bytes that go in and come out are shared: nobody may modify them.
 */
export class Chunk {
  /** The name it goes by. */
  readonly id: ChunkId;
  #plain: Uint8Array | undefined;
  readonly #stored: StoredForm | undefined;
  #verifiedBy: DigestName | undefined;

  private constructor(
    id: ChunkId,
    forms: { readonly plain?: Uint8Array | undefined; readonly stored?: StoredForm | undefined },
  ) {
    this.id = id;
    this.#plain = forms.plain;
    this.#stored = forms.stored;
  }

  /** A chunk as it was cut from a blob. */
  static fromPlain(id: ChunkId, plain: Uint8Array): Chunk {
    return new Chunk(id, { plain });
  }

  /** A chunk as it was read from a store whose layers are `codecs`. */
  static fromStored(
    id: ChunkId,
    stored: Uint8Array,
    options: {
      /** The layers that encoded `stored`. */
      readonly codecs: CodecStack;
      /** What the plain bytes must not exceed. */
      readonly maxSize: number;
    },
  ): Chunk {
    return new Chunk(id, { stored: { bytes: stored, ...options } });
  }

  /** The same chunk for somebody else, who decodes and verifies it for himself. */
  view(): Chunk {
    return new Chunk(this.id, { plain: this.#plain, stored: this.#stored });
  }

  /**
   * The plain bytes.
   *
   * @returns Shared bytes.
   * @throws {ChunkInvalidError} If the stored form cannot be decoded.
   */
  plain(): Uint8Array {
    return this.#plain ??= this.#decoded((stored) => stored.codecs.decode(stored.bytes, stored.maxSize));
  }

  /**
   * The form for a store whose layers are `codecs`: the stored form itself if it has the same layers, else with
   * as few of them done again as possible.
   *
   * @returns Shared bytes.
   * @throws {ChunkInvalidError} If the stored form has to be decoded and cannot be.
   */
  storedAs(codecs: CodecStack): Uint8Array {
    const from = this.#stored?.codecs;
    if (from === undefined || !codecs.equals(from) && codecs.commonLayers(from) === 0) {
      return codecs.encode(this.plain());
    }
    return this.#decoded(({ bytes, maxSize }) => codecs.convert(bytes, { from, maxSize }));
  }

  /**
   * Checks that the plain bytes are those the ID promises.
   *
   * @throws {ChunkInvalidError} If they are not, if there are none, or if the stored form cannot be decoded.
   */
  verify(digest: Digest): void {
    if (this.#verifiedBy === digest.name) return;
    if ((this.#plain ?? this.#stored?.bytes)?.length === 0) {
      throw new ChunkInvalidError(this.id, "it is empty");
    }
    const plain = this.plain();
    if (plain.length === 0) throw new ChunkInvalidError(this.id, "it is empty");
    const found = formatChunkId(digest.digest(plain));
    if (found !== this.id) throw new ChunkInvalidError(this.id, `its content hashes to ${found}`);
    this.#verifiedBy = digest.name;
  }

  #decoded(decode: (stored: StoredForm) => Uint8Array): Uint8Array {
    try {
      return decode(this.#stored!);
    } catch (cause) {
      if (!(cause instanceof FormatError)) throw cause;
      throw new ChunkInvalidError(this.id, `cannot be decoded: ${cause.message}`, { cause });
    }
  }
}
