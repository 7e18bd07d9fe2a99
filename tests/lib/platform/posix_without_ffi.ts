/** A thread to which FFI is not granted: which implementations does it get? */

/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

import { openPosix } from "../../../lib/platform/posix.ts";

const { implementation } = await openPosix();
const forced = await openPosix({ implementation: "ffi" }).then(() => "opened", (error: Error) => error.name);
self.postMessage({ byDefault: implementation, forced });
