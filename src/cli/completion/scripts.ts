/** The shells, and what makes them complete `tare`: each asks `tare __complete` with the words of the command line. */
export const scripts = {
  bash: `# bash completion for tare: tare completion bash > /etc/bash_completion.d/tare
_tare() {
  local line=\${COMP_LINE:0:COMP_POINT} word= quote= isWord= char item i files= program=\${COMP_WORDS[0]/#\\~\\//$HOME/}
  local -a words
  # The words as bash will see them; nothing is expanded.
  for ((i = 0; i < \${#line}; i++)); do
    char=\${line:i:1}
    if [[ $char == "\\\\" && $quote != "'" ]]; then
      word+=\${line:(++i):1}
    elif [[ -n $quote ]]; then
      if [[ $char == "$quote" ]]; then quote=; else word+=$char; fi
    elif [[ $char == [\\'\\"] ]]; then
      quote=$char isWord=1
    elif [[ $char == [[:space:]] ]]; then
      [[ -n $word$isWord ]] && words+=("$word")
      word= isWord=
    else
      word+=$char
    fi
  done
  words+=("$word")
  COMPREPLY=()
  while IFS= read -r item; do
    if [[ $item == :* ]]; then files=\${item#:}; else COMPREPLY+=("\${item%%$'\\t'*}"); fi
  done < <("$program" __complete "\${words[@]:1}" 2> /dev/null)
  # bash replaces what follows the last : or = only.
  if [[ $word == *[:=]* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("\${COMPREPLY[@]#"\${word%"\${word##*[:=]}"}"}")
  fi
  case $files in
    files) compopt -o default -o bashdefault 2> /dev/null ;;
    directories) compopt -o dirnames 2> /dev/null ;;
  esac
}
complete -F _tare tare
`,
  zsh: `#compdef tare
# zsh completion for tare: tare completion zsh > "\${fpath[1]}/_tare"
_tare() {
  local item files=
  local -a described
  for item in "\${(@f)$(\${~words[1]} __complete "\${(@Q)words[2,CURRENT]}" 2> /dev/null)}"; do
    case $item in
      :*) files=\${item#:} ;;
      ?*) described+=("\${\${item%%$'\\t'*}//:/\\\\:}:\${\${item#*$'\\t'}:#$item}") ;;
    esac
  done
  (( \${#described} )) && _describe tare described
  case $files in
    files) _files ;;
    directories) _files -/ ;;
  esac
}
if [ "$funcstack[1]" = "_tare" ]; then _tare "$@"; else compdef _tare tare; fi
`,
  fish: `# fish completion for tare: tare completion fish > ~/.config/fish/completions/tare.fish
function __tare_complete
  set -l words (commandline -opc)
  set -l word (commandline -ct)
  for item in (command $words[1] __complete $words[2..-1] "$word" 2> /dev/null)
    switch $item
      case ':files'
        __fish_complete_path "$word"
      case ':directories'
        __fish_complete_directories "$word"
      case ':*'
      case '*'
        echo $item
    end
  end
end
complete -c tare -f -a '(__tare_complete)'
`,
} as const

export type ShellName = keyof typeof scripts
