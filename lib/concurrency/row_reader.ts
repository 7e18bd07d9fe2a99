/**
 * Reading the chunks of an index's rows from a store, in one thread: verified, and with buffers that are used again
 * where the store hands out chunks as they are stored.
 *
 * @module
 */

import { CHUNK_ID_SIZE, formatChunkId } from "../chunk_id.ts";
import { CodecStack } from "../codec/codec_stack.ts";
import { ChunkInvalidError } from "../errors.ts";
import { openStore, type StoreRecipe } from "../store/recipe.ts";
import { type CallOptions, type ChunkForm, type ChunkStore, requireChunk } from "../store/types.ts";
import { checkStored, rowId } from "./thread_chunks.ts";
import type { ThreadTools } from "./thread_tools.ts";

/** The columns of an index. */
export interface RowColumns {
  /** 32 bytes a row. */
  readonly ids: Uint8Array;
  /** End offsets in bytes. */
  readonly ends: Float64Array;
}

/** How to read a row. */
export interface ReadRowOptions extends CallOptions {
  /** Takes the row's bytes, which are borrowed for the time of the call: the buffer is used for all rows. */
  readonly use: (plain: Uint8Array) => void;
}

/** Reads rows. */
export interface RowReader extends AsyncDisposable {
  /**
   * Reads the chunk of a row, which has to be there, and verifies it.
   *
   * @throws {ChunkMissingError} If the store does not have it.
   * @throws {ChunkInvalidError} If it is not what its ID says, or has another size than the index says.
   */
  read(row: number, options: ReadRowOptions): Promise<void>;
}

/** Prepares to read rows. @param store Stays the caller's. */
export async function openRowReader(
  columns: RowColumns,
  tools: ThreadTools,
  store: ChunkStore,
): Promise<RowReader> {
  const direct = store.recipe && unverified(store.recipe);
  if (direct === undefined) {
    return {
      read: (row, options) => readVerified(columns, tools, { ...options, row, store }),
      async [Symbol.asyncDispose]() {},
    };
  }
  const opened = await openStore(direct.recipe, tools);
  const { form } = direct;
  const codecs = new CodecStack(form === "plain" ? [] : [tools.zstd]);
  return {
    async read(row, options) {
      const id = rowId(columns.ids, row);
      const chunk = await requireChunk(opened, formatChunkId(id.ids, id.offset), options);
      const size = rowSize(columns, row);
      options.use(checkStored(tools, { id, size, maxSize: size, form, stored: chunk.storedAs(codecs) }));
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

async function readVerified(
  columns: RowColumns,
  tools: ThreadTools,
  wanted: ReadRowOptions & { readonly row: number; readonly store: ChunkStore },
): Promise<void> {
  const id = formatChunkId(columns.ids, wanted.row * CHUNK_ID_SIZE);
  const chunk = await requireChunk(wanted.store, id, wanted);
  chunk.verify(tools.digest);
  const plain = chunk.plain();
  const size = rowSize(columns, wanted.row);
  if (plain.length !== size) {
    throw new ChunkInvalidError(id, `it has ${plain.length} bytes, the index says ${size}`);
  }
  wanted.use(plain);
}

function rowSize({ ends }: RowColumns, row: number): number {
  return ends[row]! - (row === 0 ? 0 : ends[row - 1]!);
}

/**
 * The same store, handing out chunks as they are stored, and the form that all of them have. Undefined if its forms
 * differ, or if it has to look into chunks to decide where they come from: a cache, or a failover group.
 */
function unverified(
  recipe: StoreRecipe,
): { readonly recipe: StoreRecipe; readonly form: ChunkForm } | undefined {
  if (recipe.kind === "objects") return { recipe: { ...recipe, verify: false }, form: recipe.form };
  if (recipe.kind !== "router") return undefined;
  const members = recipe.members.map(unverified);
  const form = members[0]?.form;
  if (form === undefined || !members.every((member) => member?.form === form)) return undefined;
  return { recipe: { kind: "router", members: members.map((member) => member!.recipe) }, form };
}
