/**
 * Scripts that make shells ask the program for completions.
 *
 * @module
 */

/** Shells there is a script for. */
export const SHELLS: readonly ["bash", "zsh", "fish", "powershell"] = ["bash", "zsh", "fish", "powershell"];

/** The script for one shell; it runs the program by the word the user has typed. */
export function completionScript(
  shell: typeof SHELLS[number],
  { descriptions }: { readonly descriptions: boolean },
): string {
  return SCRIPTS[shell].replaceAll("__complete_command__", descriptions ? "__complete" : "__completeNoDesc");
}

/** Text as it stands in the source; only `${` and the backquote need a backslash. */
function script(template: TemplateStringsArray): string {
  return template.raw[0]!.replaceAll(/\\(?=\$\{|`)/g, "");
}

const BASH = script`# bash completion for desync

_desync() {
    local line=\${COMP_LINE:0:COMP_POINT} rest="" reply directive prefix value description i
    local -a words=() descriptions=()
    COMPREPLY=()

    # Readline splits words at '=' and ':' too. Put together again what no blank separates.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        rest=\${line#"\${line%%[![:space:]]*}"}
        if ((i < COMP_CWORD)); then
            value=\${COMP_WORDS[i]}
        else
            value=$rest
        fi
        if ((i > 0)) && [[ $rest == "$line" ]]; then
            words[\${#words[@]}-1]+=$value
        else
            words+=("$value")
        fi
        line=\${rest#"$value"}
    done
    local current=\${words[\${#words[@]}-1]}
    # What stands before the part that readline is going to replace.
    case $rest in
        = | :) prefix=$current ;;
        *) prefix=\${current%"$rest"} ;;
    esac

    reply=$("\${words[0]/#\~/$HOME}" __complete_command__ "\${words[@]:1}" 2>/dev/null) || return 0
    directive=\${reply##*:}
    while IFS=$'\t' read -r value description; do
        [[ -n $value && $value == "$current"* ]] || continue
        COMPREPLY+=("\${value#"$prefix"}")
        descriptions+=("$description")
    done <<< "\${reply%:*}"

    # Descriptions are for lists that are only shown: 33, 63 and 64 are '!', '?' and '@'.
    if ((\${#COMPREPLY[@]} > 1)) && [[ $COMP_TYPE == 33 || $COMP_TYPE == 63 || $COMP_TYPE == 64 ]]; then
        for i in "\${!COMPREPLY[@]}"; do
            [[ -z \${descriptions[i]} ]] || COMPREPLY[i]+="  (\${descriptions[i]})"
        done
    fi
    # Without this, readline completes file names if there is nothing else.
    if ((directive & 4)); then
        compopt +o default 2>/dev/null
    fi
    return 0
}

complete -o default -F _desync desync
`;

const ZSH = script`#compdef desync
# zsh completion for desync

_desync() {
    local reply directive value description
    local -a typed candidates
    typed=("\${(@Q)words[1,CURRENT]}")
    reply=$("\${typed[1]/#\~/$HOME}" __complete_command__ "\${(@)typed[2,-1]}" 2>/dev/null) || return 1
    directive=\${reply##*:}
    while IFS=$'\t' read -r value description; do
        if [[ -n $value ]]; then
            candidates+=("\${value//:/\\:}\${description:+:$description}")
        fi
    done <<< "\${reply%:*}"

    if ((\${#candidates})); then
        _describe 'desync' candidates
    elif ((! (directive & 4))); then
        compset -P '--*='
        _files
    fi
}

# Loaded as a function from fpath, this file is the body of the function; else it is sourced.
if [[ "\${funcstack[1]}" == "_desync" ]]; then
    _desync "$@"
else
    compdef _desync desync
fi
`;

const FISH = script`# fish completion for desync

# Succeeds if the program decides what can come next, and fails if it is the name of a file.
function __desync_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r '^~' -- $HOME $words[1])
    set -l reply ($program __complete_command__ $words[2..-1] "$current" 2>/dev/null)
    or return 1
    set -l directive (string sub -s 2 -- $reply[-1])
    set -g __desync_candidates $reply[1..-2]
    test (count $reply) -gt 1; or test $directive -ge 4
end

complete -c desync -e
complete -c desync -n __desync_complete -f -a '$__desync_candidates'
`;

const POWERSHELL = script`# PowerShell completion for desync

Register-ArgumentCompleter -Native -CommandName desync -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $words = @($commandAst.CommandElements |
        Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
        ForEach-Object { $_.ToString() })
    $program = $words[0]
    $arguments = @($words | Select-Object -Skip 1)
    if ($wordToComplete -eq '') {
        # Versions before 7.3 leave out empty arguments of programs unless they are quoted.
        $arguments += if ($PSVersionTable.PSVersion -lt [version]'7.3') { '""' } else { '' }
    }
    $reply = @(& $program __complete_command__ @arguments 2>$null)
    if ($reply.Count -eq 0) { return }

    $reply | Select-Object -SkipLast 1 | ForEach-Object {
        $value, $description = $_ -split "\`t", 2
        if (-not $description) { $description = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $description)
    }
    # An empty answer keeps the shell from completing file names.
    if ($reply.Count -eq 1 -and $reply[0] -eq ':4') { '' }
}
`;

const SCRIPTS: Readonly<Record<typeof SHELLS[number], string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
  powershell: POWERSHELL,
};
