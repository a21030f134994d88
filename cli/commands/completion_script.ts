// The completion scripts for each shell: small, and all the same idea. They hand
// the words typed so far to `manta __complete` and offer what it prints.

/** The shells that there is a script for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

const SCRIPTS: Record<typeof SHELLS[number], string> = {
  bash: `_manta() {
  local IFS=$'\\n'
  COMPREPLY=($(manta __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == */ ]] && compopt -o nospace
}
complete -o default -F _manta manta
`,
  zsh: `#compdef manta
_manta() {
  local -a proposals
  proposals=("\${(@f)$(manta __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -Q -- \${proposals:#}
}
compdef _manta manta
`,
  fish: `function __manta_complete
  set -l words (commandline -opc) (commandline -ct)
  manta __complete -- $words[2..-1] 2>/dev/null
end
complete -c manta -f -a "(__manta_complete)"
`,
};

/** The text that the user's shell is to evaluate. */
export function completionScript(shell: typeof SHELLS[number]): string {
  return SCRIPTS[shell];
}
