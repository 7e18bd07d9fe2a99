import { defineCommand } from "../command.ts";
import { complete, formatCompletion } from "../completion.ts";

export default defineCommand({
  usage: "__completeNoDesc [<word>...]",
  summary: "List completions without descriptions, for shell scripts",
  args: {},
  flags: {},
  rawArgs: true,
  async run({ args, commands, stdout }) {
    await stdout.write(formatCompletion(await complete(args, commands), { descriptions: false }));
  },
});
