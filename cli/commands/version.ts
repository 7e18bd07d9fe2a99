import project from "../../deno.json" with { type: "json" };
import { defineCommand } from "../command.ts";
import { formatJson } from "../output.ts";

export default defineCommand({
  usage: "version",
  summary: "Show the version of the program",
  description: "Shows the version of the program, and of what it runs on.",
  examples: ["desync version", "desync version --json"],
  args: { max: 0 },
  flags: {
    json: { kind: "boolean", help: "write a JSON object" },
  },
  async run({ flags, stdout }) {
    const { version } = project;
    const deno = Deno.version.deno;
    const target = Deno.build.target;
    await stdout.writeLine(
      flags.json
        ? formatJson({ version, deno, v8: Deno.version.v8, target })
        : `desync ${version} (Deno ${deno}, ${target})`,
    );
  },
});
