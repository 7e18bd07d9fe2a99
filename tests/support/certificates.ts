/** Certificates for servers and clients on this machine, made for one test run. */

import assert from "node:assert/strict";
import { peer } from "./peers.ts";
import type { TempDir } from "./temp_dir.ts";

/** Makes them; a test that needs certificates has this peer's `ignore`. */
export const openssl = peer("openssl");

/** Paths of PEM files. */
export interface Certificates {
  /** The authority, which signed the others. */
  readonly ca: string;
  /** Of a server called `localhost`, `127.0.0.1` and `::1`. */
  readonly cert: string;
  readonly key: string;
  /** Of a client. */
  readonly clientCert: string;
  readonly clientKey: string;
}

/** Makes an authority, and certificates for a server and a client. */
export async function makeCertificates(dir: TempDir, prefix = "tls"): Promise<Certificates> {
  const file = (name: string) => dir.join(`${prefix}-${name}.pem`);
  const run = async (...args: readonly string[]) => {
    const { code, stderr } = await new Deno.Command(openssl.require(), { args: [...args] }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  };
  const elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await run(
    ...["req", "-x509", ...elliptic, "-subj", "/CN=test authority", "-days", "2"],
    ...["-addext", "basicConstraints=critical,CA:TRUE", "-keyout", file("ca-key"), "-out", file("ca")],
  );
  const sign = async (name: string, extensions: readonly string[]) => {
    await run(
      ...["req", "-x509", ...elliptic, "-subj", `/CN=${name}`, "-days", "2"],
      ...extensions.flatMap((extension) => ["-addext", extension]),
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-CA", file("ca"), "-CAkey", file("ca-key"), "-keyout", file(`${name}-key`), "-out", file(name)],
    );
  };
  await sign("server", ["subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1", "extendedKeyUsage=serverAuth"]);
  await sign("client", ["extendedKeyUsage=clientAuth"]);
  return {
    ca: file("ca"),
    cert: file("server"),
    key: file("server-key"),
    clientCert: file("client"),
    clientKey: file("client-key"),
  };
}
