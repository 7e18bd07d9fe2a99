import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import {
  blobFeatureFlags,
  digestOf,
  FLAG,
  normalizeFlags,
  unassignedFlags,
  withDigest,
} from "../../../lib/format/feature_flags.ts";

const ALL = 0x1_ffff_ffffn;
const flags = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

// What was asked for on casync's command line, and what it wrote.
Deno.test.each([
  { options: "(none)", asked: 0xb000_0000_0000_0000n | ALL, written: 0xb000_0001_ffef_fe26n },
  { options: "--without=selinux", asked: 0xb000_0001_bfff_ffffn, written: 0xb000_0001_bfef_fe26n },
  { options: "--digest=sha256", asked: 0x9000_0000_0000_0000n | ALL, written: 0x9000_0001_ffef_fe26n },
  { options: "--exclude-nodump=no", asked: 0x3000_0000_0000_0000n | ALL, written: 0x3000_0001_ffff_fe26n },
  {
    options: "--exclude-submounts=yes",
    asked: 0xf000_0000_0000_0000n | ALL,
    written: 0xf000_0001_ffef_fe26n,
  },
  { options: "--exclude-file=no", asked: 0xa000_0000_0000_0000n | ALL, written: 0xa000_0001_ffef_fe26n },
  { options: "--without=acl", asked: 0xb000_0001_dfff_ffffn, written: 0xb000_0001_dfef_ff26n },
  { options: "--without=32bit-uids", asked: 0xb000_0001_ffff_fffdn, written: 0xb000_0001_ffef_fe25n },
  { options: "--with=unix", asked: 0xb000_0000_0000_1f09n, written: 0xb000_0000_0000_1f09n },
  { options: "--with=fat", asked: 0xb000_0000_0000_e0c0n, written: 0xb000_0000_0000_e0c0n },
  { options: "--with=fuse", asked: 0xb000_0000_13ff_fffbn, written: 0xb000_0000_13ef_ff22n },
  { options: "--with=privileged", asked: 0xb000_0001_ec41_4407n, written: 0xb000_0001_ec41_4406n },
  { options: "--with=chattr", asked: 0xb000_0000_03ff_0000n, written: 0xb000_0000_03ef_0000n },
  { options: "--without=all", asked: 0xb000_0000_0000_0000n, written: 0xb000_0000_0000_0000n },
])("normalizeFlags() gives what casync writes with $options", ({ asked, written }) => {
  assert.equal(normalizeFlags(asked), written);
  assert.equal(normalizeFlags(written), written);
});

Deno.test.each([
  { rule: "an ACL needs some form of owner", from: FLAG.acl, to: FLAG.acl | FLAG.uids32 | FLAG.userNames },
  {
    rule: "an ACL is content with 16-bit owners",
    from: FLAG.acl | FLAG.uids16,
    to: FLAG.acl | FLAG.uids16,
  },
  { rule: "32-bit owners win", from: FLAG.uids16 | FLAG.uids32, to: FLAG.uids32 },
  { rule: "the finest time wins", from: FLAG.twoSecTime | FLAG.secTime | FLAG.usecTime, to: FLAG.usecTime },
  { rule: "seconds are finer than two seconds", from: FLAG.twoSecTime | FLAG.secTime, to: FLAG.secTime },
  {
    rule: "an ACL implies permissions",
    from: FLAG.acl | FLAG.userNames | FLAG.permissions | FLAG.readOnly,
    to: FLAG.acl | FLAG.userNames,
  },
  { rule: "permissions imply read-only", from: FLAG.permissions | FLAG.readOnly, to: FLAG.permissions },
  { rule: "read-only stands alone", from: FLAG.readOnly, to: FLAG.readOnly },
  {
    rule: "what was left out has no no-dump attribute",
    from: FLAG.excludeNodump | FLAG.flagNodump,
    to: FLAG.excludeNodump,
  },
  {
    rule: "a read-only subvolume is a subvolume",
    from: FLAG.subvolumeReadOnly,
    to: FLAG.subvolumeReadOnly | FLAG.subvolume,
  },
])("normalizeFlags(): $rule", ({ from, to }) => {
  assert.equal(normalizeFlags(from), to);
});

Deno.test("normalizeFlags() leaves alone what it has normalized", () => {
  fc.assert(fc.property(flags, (value) => {
    const normal = normalizeFlags(value);
    assert.equal(normalizeFlags(normal), normal);
    assert.equal(unassignedFlags(normal), unassignedFlags(value));
    assert.equal(digestOf(normal), digestOf(value));
  }));
});

Deno.test("unassignedFlags() are bits 33 to 59", () => {
  for (let bit = 0n; bit < 64n; bit++) {
    const expected = bit >= 33n && bit <= 59n ? 1n << bit : 0n;
    assert.equal(unassignedFlags(1n << bit), expected, `bit ${bit}`);
  }
});

Deno.test("blobFeatureFlags() are those that casync writes into the index of a blob", () => {
  assert.equal(blobFeatureFlags("sha512-256"), 0xb000_0000_0000_0000n);
  assert.equal(blobFeatureFlags("sha256"), 0x9000_0000_0000_0000n);
});

Deno.test("withDigest() changes bit 61 alone, and digestOf() reads it", () => {
  fc.assert(fc.property(flags, (value) => {
    for (const name of ["sha512-256", "sha256"] as const) {
      const changed = withDigest(value, name);
      assert.equal(digestOf(changed), name);
      assert.equal((changed ^ value) & ~(1n << 61n), 0n);
    }
    assert.equal(withDigest(value, digestOf(value)), value);
  }));
});
