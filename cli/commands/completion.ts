import { defineCommand } from "../command.ts";
import { completionScript, SHELLS } from "../completion_scripts.ts";
import { formatCommandHelp } from "../help.ts";

const command = defineCommand({
  usage: "completion [bash|zsh|fish|powershell]",
  summary: "Write a completion script for a shell",
  description: `\
Writes a script to standard output that completes commands, options and their
values in the given shell. To have it in every new session:

  bash         desync completion bash > ~/.local/share/bash-completion/completions/desync
  zsh          desync completion zsh > "\${fpath[1]}/_desync"
  fish         desync completion fish > ~/.config/fish/completions/desync.fish
  powershell   desync completion powershell >> $PROFILE`,
  examples: ["source <(desync completion bash)", "desync completion fish | source"],
  args: { max: 1, suggestions: SHELLS },
  flags: {
    noDescriptions: { kind: "boolean", help: "leave descriptions out" },
  },
  async run({ args, flags, stdout }) {
    const shell = SHELLS.find((known) => known === args[0]);
    await stdout.write(
      shell === undefined
        ? formatCommandHelp(command)
        : completionScript(shell, { descriptions: !flags.noDescriptions }),
    );
  },
});

export default command;
