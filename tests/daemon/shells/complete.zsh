# complete.zsh FILE LINE...: what the Tab key makes of each line.
#
# Zsh completes only where somebody types: so a shell of its own runs in a
# terminal of its own, and Control-X tells what stands on its command line.

zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1= KEYTIMEOUT=1; unsetopt beep auto_list auto_menu'
zpty -w shell "fpath=(${1:h} \$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w shell 'tell() { print -r -- "<LINE>$BUFFER</LINE>"; zle kill-whole-line }'
zpty -w shell "zle -N tell; bindkey '^I' complete-word '^X' tell; print rea''dy"
shift
zpty -r shell text '*ready*'
for line; do
  zpty -w -n shell "$line"$'\t\x18'
  zpty -r shell text '*</LINE>*'
  text=${text##*<LINE>}
  print -r -- "${text%%</LINE>*}"
done
zpty -d shell
