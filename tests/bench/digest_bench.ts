import { libcrypto } from "../../ffi/libcrypto.ts";
import { openDigest } from "../../lib/digest/open.ts";

const chunk = new Uint8Array(65_536).map((_, i) => i * i >> 3);

for (const name of ["sha512-256", "sha256"] as const) {
  for (const implementation of ["ffi", "node", "portable"] as const) {
    if (implementation === "ffi" && libcrypto() === undefined) continue;
    const digest = await openDigest(name, { implementation });
    Deno.bench({
      name: `${implementation} ${name}, 64 KiB`,
      group: name,
      fn: () => void digest.digest(chunk),
    });
  }
}
