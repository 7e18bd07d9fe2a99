/**
 * Owners of inodes on this system: which name an ID has, and which ID a name.
 *
 * @module
 */

import type { TreePosix } from "../platform/tree.ts";
import { bytesKey } from "./bytes_order.ts";

/** Names that casync's reader accepts. */
const RECORDABLE = /^[A-Za-z_][A-Za-z0-9_-]{0,254}$/;

/** Looks owners up, each of them once. */
export class Owners {
  readonly #posix: TreePosix;
  readonly #users = new Map<number, Uint8Array | undefined>();
  readonly #groups = new Map<number, Uint8Array | undefined>();
  readonly #userIds = new Map<string, number | undefined>();
  readonly #groupIds = new Map<string, number | undefined>();

  readonly #nameless: "number" | "none";

  /**
   * Asks the user database that `posix` knows.
   *
   * @param options `nameless`: what is recorded for somebody without a name. casync takes the number, but only where it
   * records no numbers. Default `none`.
   */
  constructor(posix: TreePosix, options: { readonly nameless?: "number" | "none" } = {}) {
    this.#posix = posix;
    this.#nameless = options.nameless ?? "none";
  }

  /**
   * Name to record for a user.
   *
   * @returns Undefined for root, for an unknown user, and for a name that casync would refuse to read.
   */
  readonly userName = (id: number): Uint8Array | undefined =>
    cached(this.#users, id, () => this.#recordable(id, () => this.#posix.userName(id)));

  /** Name to record for a group; see {@linkcode userName}. */
  readonly groupName = (id: number): Uint8Array | undefined =>
    cached(this.#groups, id, () => this.#recordable(id, () => this.#posix.groupName(id)));

  #recordable(id: number, find: () => Uint8Array | undefined): Uint8Array | undefined {
    const name = id === 0 ? undefined : find();
    if (name === undefined) {
      return id === 0 || this.#nameless === "none" ? undefined : new TextEncoder().encode(`${id}`);
    }
    const text = bytesKey(name);
    return RECORDABLE.test(text) && text !== "root" ? name : undefined;
  }

  /** ID of a user; undefined if there is none of that name. */
  userId(name: Uint8Array): number | undefined {
    return cached(this.#userIds, bytesKey(name), () => this.#posix.userId(name));
  }

  /** ID of a group; undefined if there is none of that name. */
  groupId(name: Uint8Array): number | undefined {
    return cached(this.#groupIds, bytesKey(name), () => this.#posix.groupId(name));
  }
}

function cached<Key, Value>(map: Map<Key, Value>, key: Key, find: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined || map.has(key)) return known as Value;
  const value = find();
  map.set(key, value);
  return value;
}
