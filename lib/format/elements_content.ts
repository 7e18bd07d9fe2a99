/**
 * Records that name a node or hold its content: FILENAME, SYMLINK, DEVICE, PAYLOAD.
 *
 * @module
 */

import type { ByteReader } from "./byte_reader.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { encodeHeader, RECORD } from "./elements.ts";

/** Longest name of a directory's entry in bytes. */
export const MAX_FILENAME_SIZE = 255;
/** Longest target of a symbolic link in bytes. */
export const MAX_TARGET_SIZE = 4095;
const MAX_MAJOR = 4095;
const MAX_MINOR = 1_048_575;
const DOT = 0x2e;
const SLASH = 0x2f;

/** What is wrong with the name of a directory's entry; undefined if nothing is. */
export function filenameProblem(name: Uint8Array): string | undefined {
  if (name.length === 0) return "name is empty";
  if (name.length > MAX_FILENAME_SIZE) return `name has ${name.length} bytes, more than ${MAX_FILENAME_SIZE}`;
  // A loop, since most names are too short for a call.
  for (const byte of name) {
    if (byte === 0) return "name contains NUL";
    if (byte === SLASH) return "name contains '/'";
  }
  if (name[0] === DOT && (name.length === 1 || (name.length === 2 && name[1] === DOT))) {
    return `name is '${".".repeat(name.length)}'`;
  }
  return undefined;
}

/** Reads the body of FILENAME. @throws {FormatError} If it is no name that an entry can have. */
export function decodeFilename(reader: ByteReader): Uint8Array<ArrayBuffer> {
  const name = reader.text("name");
  const problem = filenameProblem(name);
  if (problem !== undefined) reader.fail(problem);
  return name;
}

/** Reads the body of SYMLINK: the target. @throws {FormatError} If it is empty or not terminated. */
export function decodeTarget(reader: ByteReader): Uint8Array<ArrayBuffer> {
  return reader.text("target");
}

/** Numbers of a device. */
export interface DeviceElement {
  /** Which driver. */
  readonly major: number;
  /** Which of its devices. */
  readonly minor: number;
}

/** Whether Linux has a device of this number. */
export function isDevice({ major, minor }: DeviceElement): boolean {
  return isUpTo(major, MAX_MAJOR) && isUpTo(minor, MAX_MINOR);
}

function isUpTo(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

/** Reads the body of DEVICE. @throws {FormatError} If there is no such device. */
export function decodeDevice(reader: ByteReader): DeviceElement {
  const device = { major: reader.u64("major number"), minor: reader.u64("minor number") };
  if (!isDevice(device)) reader.fail(`there is no device ${device.major}:${device.minor}`);
  return device;
}

/** Appends DEVICE. */
export function encodeDevice(out: ByteWriter, device: DeviceElement): void {
  encodeHeader(out, { type: RECORD.DEVICE, bodySize: 16 });
  out.u64(device.major);
  out.u64(device.minor);
}

/** Appends the header of PAYLOAD; `size` bytes of content have to follow. */
export function encodePayloadHeader(out: ByteWriter, size: number): void {
  encodeHeader(out, { type: RECORD.PAYLOAD, bodySize: size });
}
