# complete.fish FILE LINE...: what completion offers for each line, separated by
# spaces, one line each.

source $argv[1]; or exit
for line in $argv[2..]
    echo (complete -C $line | string replace --regex '\t.*' '' | string join ' ')
end
