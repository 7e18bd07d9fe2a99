/** Preloaded into a process of Deno, writes the most memory that it had to a file when it ends; Linux. */

const path = Deno.env.get("DESYNC_TEST_PEAK_FILE");
if (path !== undefined) {
  addEventListener("unload", () => {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"))!;
    Deno.writeTextFileSync(path, String(Number(kib) * 1024));
  });
}
