import assert from "node:assert/strict";
import { ConfigError } from "../../../lib/errors.ts";
import { formatListenAddress, type ListenAddress, parseListenAddress } from "../../../lib/server/address.ts";

interface AddressRow {
  readonly text: string;
  readonly address: ListenAddress;
}

const ADDRESSES: readonly AddressRow[] = [
  { text: ":8080", address: { kind: "tcp", host: undefined, port: 8080 } },
  { text: ":http", address: { kind: "tcp", host: undefined, port: 80 } },
  { text: "localhost:https", address: { kind: "tcp", host: "localhost", port: 443 } },
  { text: "127.0.0.1:0", address: { kind: "tcp", host: "127.0.0.1", port: 0 } },
  { text: "[::1]:65535", address: { kind: "tcp", host: "::1", port: 65535 } },
  { text: "[fe80::1%eth0]:1", address: { kind: "tcp", host: "fe80::1%eth0", port: 1 } },
  { text: ":Webcache", address: { kind: "tcp", host: undefined, port: 8081 } },
  { text: "h:tproxy", address: { kind: "tcp", host: "h", port: 8082 } },
  { text: "unix:/run/x", address: { kind: "unix", path: "/run/x" } },
];

const services = "# names\nhttp-x 8081/tcp webcache # comment\ntproxy 8082/udp\ntproxy 8082/tcp\n";

Deno.test.each(ADDRESSES)("parseListenAddress() reads $text", ({ text, address }) => {
  assert.deepEqual(parseListenAddress(text, { services }), address);
  if (!/[A-Za-z]$/.test(text)) assert.equal(formatListenAddress(address), text);
});

Deno.test.each([
  "",
  "8080",
  "localhost",
  "::1:80",
  "[::1]",
  "[::1:80",
  ":65536",
  ":-1",
  ":1e3",
  ":0x50",
  ":nosuch",
  "h:",
  "unix:",
  "[x]:1",
])(
  "parseListenAddress() refuses '%s'",
  (text) => {
    assert.throws(() => parseListenAddress(text), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.ok(error.message.startsWith(`Cannot listen on '${text}': `));
      return true;
    });
  },
);
