import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import {
  blobFeatureFlags,
  CASYNC_FLAGS,
  digestOf,
  FLAG,
  type FlagOptions,
  flagsOfName,
  formatFeatureFlags,
  normalizeFlags,
  parseFeatureFlags,
  restoreFlags,
  timeGranularity,
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

// The same command lines, and what casync wrote for them.
Deno.test.each<{ options: FlagOptions; written: bigint }>([
  { options: {}, written: CASYNC_FLAGS },
  { options: { without: ["selinux"] }, written: 0xb000_0001_bfef_fe26n },
  { options: { digest: "sha256" }, written: 0x9000_0001_ffef_fe26n },
  { options: { excludeNodump: false }, written: 0x3000_0001_ffff_fe26n },
  { options: { excludeSubmounts: true }, written: 0xf000_0001_ffef_fe26n },
  { options: { excludeFile: false }, written: 0xa000_0001_ffef_fe26n },
  { options: { without: ["acl"] }, written: 0xb000_0001_dfef_ff26n },
  { options: { without: ["32bit-uids"] }, written: 0xb000_0001_ffef_fe25n },
  { options: { with: ["unix"] }, written: 0xb000_0000_0000_1f09n },
  { options: { with: ["fat"] }, written: 0xb000_0000_0000_e0c0n },
  { options: { with: ["fat-attrs"] }, written: 0xb000_0000_0000_e000n },
  { options: { with: ["fuse"] }, written: 0xb000_0000_13ef_ff22n },
  { options: { with: ["privileged"] }, written: 0xb000_0001_ec41_4406n },
  { options: { with: ["chattr"] }, written: 0xb000_0000_03ef_0000n },
  { options: { with: ["best"] }, written: CASYNC_FLAGS },
  { options: { without: ["all"] }, written: 0xb000_0000_0000_0000n },
  { options: { of: "blob" }, written: 0xb000_0000_0000_0000n },
  { options: { of: "blob", digest: "sha256" }, written: 0x9000_0000_0000_0000n },
  { options: { of: "blob", with: ["unix"] }, written: 0xb000_0000_0000_1f09n },
])("parseFeatureFlags() of $options is what casync writes", ({ options, written }) => {
  assert.equal(parseFeatureFlags(options), written);
});

Deno.test("flagsOfName() knows every name, and formatFeatureFlags() is its inverse for single flags", () => {
  const names = formatFeatureFlags(ALL);
  assert.equal(names.length, 33);
  assert.equal(names.reduce((all, name) => all | flagsOfName(name), 0n), ALL);
  for (const name of names) assert.deepEqual(formatFeatureFlags(flagsOfName(name)), [name]);
  assert.equal(flagsOfName("2sec-time"), 0x40n);
  assert.equal(flagsOfName("quota-projid"), 0x1_0000_0000n);
});

Deno.test("flagsOfName() refuses other names", () => {
  for (const name of ["", "ALL", "flag", "sha512-256"]) {
    assert.throws(() => flagsOfName(name), { name: "ConfigError", message: /feature flag/ });
  }
});

Deno.test.each([
  { masked: "nothing", selection: {}, left: CASYNC_FLAGS },
  { masked: "one time of four", selection: { without: ["nsec-time"] }, left: CASYNC_FLAGS },
  {
    masked: "permissions, which an ACL implies",
    selection: { without: ["permissions"] },
    left: CASYNC_FLAGS,
  },
  {
    masked: "all times",
    selection: { without: ["nsec-time", "usec-time", "sec-time", "2sec-time"] },
    left: CASYNC_FLAGS & ~FLAG.nsecTime,
  },
  {
    masked: "ACLs, which leaves permissions",
    selection: { without: ["acl"] },
    left: CASYNC_FLAGS & ~FLAG.acl | FLAG.permissions,
  },
  {
    masked: "numbers of owners",
    selection: { without: ["16bit-uids", "32bit-uids"] },
    left: CASYNC_FLAGS & ~FLAG.uids32,
  },
  {
    masked: "all but FAT's",
    selection: { with: ["fat"] },
    left: 0xb000_0000_0000_0000n | FLAG.nsecTime | FLAG.readOnly | 0xe000n,
  },
  { masked: "everything", selection: { without: ["all"] }, left: 0xb000_0000_0000_0000n },
])("restoreFlags() without $masked", ({ selection, left }) => {
  assert.equal(restoreFlags(CASYNC_FLAGS, selection), left);
});

Deno.test("restoreFlags() never adds what the archive does not have or imply", () => {
  fc.assert(fc.property(flags, (value) => {
    const archive = normalizeFlags(value & ~unassignedFlags(value));
    assert.equal(restoreFlags(archive), archive);
    const part = restoreFlags(archive, { without: ["xattrs", "symlinks"] });
    assert.equal(part & (FLAG.xattrs | FLAG.symlinks), 0n);
    assert.equal(normalizeFlags(part), part);
  }));
});

Deno.test("timeGranularity() is that of the finest time", () => {
  const granularities = [FLAG.nsecTime, FLAG.usecTime, FLAG.secTime, FLAG.twoSecTime, 0n].map(
    timeGranularity,
  );
  assert.deepEqual(granularities, [1n, 1000n, 1_000_000_000n, 2_000_000_000n, 0n]);
});
