/**
 * Digests computed by libcrypto.
 *
 * @module
 */

import { type Libcrypto, libcrypto } from "../../ffi/libcrypto.ts";
import { CHUNK_ID_SIZE } from "../chunk_id.ts";
import { UnsupportedError } from "../errors.ts";
import type { Digest, DigestName, DigestStream } from "./digest.ts";

// OpenSSL's names, as C strings.
const ALGORITHMS: Readonly<Record<DigestName, string>> = {
  "sha512-256": "SHA512-256\0",
  "sha256": "SHA256\0",
};

/**
 * Opens a digest of libcrypto.
 *
 * @returns `undefined` if libcrypto cannot be called, or does not offer this algorithm.
 */
export function openFfiDigest(name: DigestName): Digest | undefined {
  const library = libcrypto();
  if (library === undefined) return undefined;
  const builtin = name === "sha256" ? library.EVP_sha256() : library.EVP_sha512_256();
  // OpenSSL 3 looks a built-in algorithm up anew in every call, under a lock all threads share: 0.5 µs at best.
  const fetched = library.EVP_MD_fetch?.(null, new TextEncoder().encode(ALGORITHMS[name]), null) ?? null;
  const algorithm = fetched ?? builtin;
  if (algorithm === null) return undefined;
  const digest = new FfiDigest(name, { library, algorithm });
  // A FIPS configuration has the functions and may refuse to work.
  return digest.works() ? digest : undefined;
}

class FfiDigest implements Digest {
  readonly name: DigestName;
  readonly implementation = "ffi";
  readonly #library: Libcrypto;
  readonly #algorithm: Deno.PointerObject;

  constructor(
    name: DigestName,
    parts: { readonly library: Libcrypto; readonly algorithm: Deno.PointerObject },
  ) {
    this.name = name;
    this.#library = parts.library;
    this.#algorithm = parts.algorithm;
  }

  works(): boolean {
    return this.#compute(new Uint8Array(0), new Uint8Array(CHUNK_ID_SIZE));
  }

  digest(data: Uint8Array): Uint8Array<ArrayBuffer> {
    const result = new Uint8Array(CHUNK_ID_SIZE);
    if (!this.#compute(data, result)) {
      throw new UnsupportedError(`Cannot compute digest ${this.name}: libcrypto failed`);
    }
    return result;
  }

  stream(): DigestStream {
    return new FfiStream(this.name, { library: this.#library, algorithm: this.#algorithm });
  }

  #compute(data: Uint8Array, result: Uint8Array<ArrayBuffer>): boolean {
    // Within 0.5 % of Init, Update and Final on a context that is kept, and leaves nothing to free.
    return this.#library.EVP_Digest(data, BigInt(data.length), result, null, this.#algorithm, null) === 1;
  }
}

/** A context is taken with the first data and freed with the result, so that what is never used leaves nothing behind. */
class FfiStream implements DigestStream {
  readonly #name: DigestName;
  readonly #library: Libcrypto;
  readonly #algorithm: Deno.PointerObject;
  #context: Deno.PointerObject | undefined;

  constructor(
    name: DigestName,
    parts: { readonly library: Libcrypto; readonly algorithm: Deno.PointerObject },
  ) {
    this.#name = name;
    this.#library = parts.library;
    this.#algorithm = parts.algorithm;
  }

  update(data: Uint8Array): void {
    const context = this.#context ??= this.#open();
    this.#check(this.#library.EVP_DigestUpdate(context, data as BufferSource, BigInt(data.length)));
  }

  digest(): Uint8Array<ArrayBuffer> {
    const result = new Uint8Array(CHUNK_ID_SIZE);
    const context = this.#context ??= this.#open();
    this.#check(this.#library.EVP_DigestFinal_ex(context, result, null));
    this.#library.EVP_MD_CTX_free(context);
    this.#context = undefined;
    return result;
  }

  #open(): Deno.PointerObject {
    const context = this.#library.EVP_MD_CTX_new();
    if (context === null) throw this.#failed();
    this.#check(this.#library.EVP_DigestInit_ex(context, this.#algorithm, null));
    return context;
  }

  #check(result: number): void {
    if (result !== 1) throw this.#failed();
  }

  #failed(): UnsupportedError {
    return new UnsupportedError(`Cannot compute digest ${this.#name}: libcrypto failed`);
  }
}
