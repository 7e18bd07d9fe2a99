/**
 * Names of indexes in requests.
 *
 * @module
 */

/**
 * Reads the last component of a request target's path; those in front of it are for the client's own use.
 *
 * @returns The decoded name; undefined if the target is malformed, or the name could mean anything but a file right in
 * the store.
 */
export function parseIndexName(
  target: string,
  { os = Deno.build.os }: { readonly os?: typeof Deno.build.os } = {},
): string | undefined {
  if (!target.startsWith("/")) return undefined;
  const path = decodePath(target.replace(/\?.*$/s, ""));
  if (path === undefined || /[\\\0]/.test(path)) return undefined;
  const components = path.slice(1).split("/");
  // To redirect to the path without them, as the reference does, is of no use to anybody.
  if (components.some((part) => part === "" || part === "." || part === "..")) return undefined;
  const name = components.at(-1)!;
  return os === "windows" && isReserved(name) ? undefined : name;
}

function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined; // A bad escape, or not UTF-8.
  }
}

/** Names of devices, whatever their extension, drives, and streams in files. */
function isReserved(name: string): boolean {
  return /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])([ .]|$)/i.test(name) ||
    /[:<>"|?*]|[ .]$/.test(name);
}
