/**
 * Foreign libraries, opened when first used.
 *
 * @module
 */

/** File names of a library by operating system, best first. */
export type LibraryNames = Readonly<Partial<Record<typeof Deno.build.os, readonly string[]>>>;

/**
 * Describes a foreign library without opening it.
 *
 * @returns A function that gives the library's symbols: opened at its first call and kept for the life of the
 * thread, or `undefined` where FFI is not granted, or the library or one of the symbols is absent. It never
 * prompts for a permission.
 */
export function lazyLibrary<const Symbols extends Deno.ForeignLibraryInterface>(
  names: LibraryNames,
  symbols: Symbols,
): () => Deno.StaticForeignLibraryInterface<Symbols> | undefined {
  let opened: { readonly symbols: Deno.StaticForeignLibraryInterface<Symbols> | undefined } | undefined;
  return () => (opened ??= { symbols: openFirst(names, symbols) }).symbols;
}

function openFirst<Symbols extends Deno.ForeignLibraryInterface>(
  names: LibraryNames,
  symbols: Symbols,
): Deno.StaticForeignLibraryInterface<Symbols> | undefined {
  // Also true in Node and in browsers, where there is no Deno namespace. `dlopen` itself would prompt.
  if (typeof globalThis.Deno?.dlopen !== "function") return undefined;
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  for (const name of names[Deno.build.os] ?? []) {
    try {
      return Deno.dlopen(name, symbols).symbols;
    } catch (error) {
      // Deno reports a missing library and a missing symbol alike, as a plain Error or a TypeError.
      if (error instanceof Deno.errors.NotCapable) return undefined;
    }
  }
  return undefined;
}
