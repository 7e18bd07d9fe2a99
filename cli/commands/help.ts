import { defineCommand } from "../command.ts";
import { formatCommandHelp, formatRootHelp, formatRootUsage } from "../help.ts";

export default defineCommand({
  usage: "help [<command>]",
  summary: "Explain the program or a command",
  description: "Explains a command, or what the program does and which commands it has.",
  examples: ["desync help", "desync help extract"],
  args: { suggestions: "commands" },
  flags: {},
  async run({ args, commands, stdout, stderr }) {
    const [name] = args;
    if (name === undefined) {
      await stdout.write(formatRootHelp(commands));
      return;
    }
    const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (entry === undefined) {
      stderr.write(`unknown help topic '${name}'\n${formatRootUsage(commands)}`);
      return;
    }
    await stdout.write(formatCommandHelp((await entry.load()).default));
  },
});
