/**
 * Releasing several resources at once.
 *
 * @module
 */

/**
 * Disposes of all, also after one of them fails.
 *
 * @throws The failure, or an `AggregateError` of several.
 */
export async function disposeAll(resources: readonly AsyncDisposable[]): Promise<void> {
  const settled = await Promise.allSettled(resources.map((resource) => resource[Symbol.asyncDispose]()));
  const failures = settled.flatMap((result) => result.status === "rejected" ? [result.reason] : []);
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, `Cannot close ${failures.length} stores`);
}
