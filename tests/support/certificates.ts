/** Certificates that are made for one run of the tests. */

import { peer } from "./peers.ts";
import { type TempDir, tempDir } from "./temp_dir.ts";

/** Makes certificates; tests that need them are left out without it. */
export const openssl = peer("openssl");

/** A certificate and its key, in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** What servers and clients show to each other. */
export interface Certificates {
  /** Signs the server's and the client's. */
  readonly ca: string;
  /** For localhost, 127.0.0.1 and ::1. */
  readonly server: Certificate;
  readonly client: Certificate;
  /** An authority that has signed nothing of it. */
  readonly otherCa: string;
}

/** Makes certificates of an authority of their own. */
export async function makeCertificates(): Promise<Certificates> {
  await using dir = await tempDir();
  const run = async (...args: readonly string[]) => {
    const command = new Deno.Command(openssl.require(), { args: [...args], cwd: dir.path, stdin: "null" });
    const { success, stderr } = await command.output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  };
  const read = (name: string) => Deno.readTextFile(dir.join(name));
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const authority = ["req", "-x509", ...newKey, "-days", "2", "-addext", "keyUsage=critical,keyCertSign"];
  const sign = async (name: string, extensions: string) => {
    const request = ["req", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.csr`];
    await run(...request, "-subj", `/CN=${name}`);
    await Deno.writeTextFile(dir.join(`${name}.ext`), extensions);
    const ca = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
    await run("x509", "-req", "-in", `${name}.csr`, ...ca, "-extfile", `${name}.ext`, "-out", `${name}.pem`);
    return { cert: await read(`${name}.pem`), key: await read(`${name}.key`) };
  };
  await run(...authority, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority");
  await run(...authority, "-keyout", "other.key", "-out", "other.pem", "-subj", "/CN=other authority");
  const names = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1";
  return {
    ca: await read("ca.pem"),
    otherCa: await read("other.pem"),
    server: await sign("server", `basicConstraints=CA:FALSE\n${names}\nextendedKeyUsage=serverAuth\n`),
    client: await sign("client", "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n"),
  };
}

/** Makes certificates, and writes them to files. @returns The paths of the files. */
export async function certificateFiles(dir: TempDir): Promise<Certificates> {
  const { ca, otherCa, server, client } = await makeCertificates();
  const write = async (name: string, text: string) => {
    await Deno.writeTextFile(dir.join(name), text);
    return dir.join(name);
  };
  const writeBoth = async (name: string, { cert, key }: Certificate) => ({
    cert: await write(`${name}.pem`, cert),
    key: await write(`${name}.key`, key),
  });
  return {
    ca: await write("ca.pem", ca),
    otherCa: await write("other-ca.pem", otherCa),
    server: await writeBoth("server", server),
    client: await writeBoth("client", client),
  };
}
