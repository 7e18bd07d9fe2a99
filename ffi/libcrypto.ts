/**
 * OpenSSL's libcrypto: message digests.
 *
 * @module
 */

import { lazyLibrary, type LibraryNames } from "./library.ts";

const NAMES: LibraryNames = {
  linux: ["libcrypto.so.3", "libcrypto.so.1.1"],
  // Homebrew's places. macOS ends the process that opens the system's own, unversioned libcrypto.
  darwin: [
    "/opt/homebrew/opt/openssl@3/lib/libcrypto.3.dylib",
    "/usr/local/opt/openssl@3/lib/libcrypto.3.dylib",
  ],
};

/** Declarations of the functions of libcrypto in use. */
export const LIBCRYPTO_SYMBOLS = {
  // const EVP_MD *EVP_sha256(void)
  EVP_sha256: { parameters: [], result: "pointer" },
  // const EVP_MD *EVP_sha512_256(void)
  EVP_sha512_256: { parameters: [], result: "pointer" },
  // EVP_MD *EVP_MD_fetch(OSSL_LIB_CTX *ctx, const char *algorithm, const char *properties); since OpenSSL 3
  EVP_MD_fetch: { parameters: ["pointer", "buffer", "pointer"], result: "pointer", optional: true },
  // int EVP_Digest(const void *data, size_t count, unsigned char *md, unsigned int *size, const EVP_MD *type, ENGINE *impl)
  EVP_Digest: {
    parameters: ["buffer", "usize", "buffer", "pointer", "pointer", "pointer"],
    result: "i32",
  },
  // EVP_MD_CTX *EVP_MD_CTX_new(void)
  EVP_MD_CTX_new: { parameters: [], result: "pointer" },
  // void EVP_MD_CTX_free(EVP_MD_CTX *ctx)
  EVP_MD_CTX_free: { parameters: ["pointer"], result: "void" },
  // int EVP_DigestInit_ex(EVP_MD_CTX *ctx, const EVP_MD *type, ENGINE *impl)
  EVP_DigestInit_ex: { parameters: ["pointer", "pointer", "pointer"], result: "i32" },
  // int EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *d, size_t cnt)
  EVP_DigestUpdate: { parameters: ["pointer", "buffer", "usize"], result: "i32" },
  // int EVP_DigestFinal_ex(EVP_MD_CTX *ctx, unsigned char *md, unsigned int *s)
  EVP_DigestFinal_ex: { parameters: ["pointer", "buffer", "pointer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions of libcrypto by name. */
export type Libcrypto = Deno.StaticForeignLibraryInterface<typeof LIBCRYPTO_SYMBOLS>;

const open = lazyLibrary(NAMES, LIBCRYPTO_SYMBOLS);

/**
 * Opens the library at the first call.
 *
 * @returns libcrypto; `undefined` where it cannot be called.
 */
export function libcrypto(): Libcrypto | undefined {
  return open();
}
