/**
 * The program `desync`. The only module that ends the process.
 *
 * @module
 */

import { abortOnSignals, processIo } from "./process.ts";
import { main } from "./program.ts";

if (import.meta.main) {
  const controller = new AbortController();
  abortOnSignals(controller, Deno.exit);
  Deno.exit(await main(Deno.args, processIo(controller.signal)));
}
