#!/usr/bin/env bash
# Bad input, verb by verb: one sentence with the file, the place and the cure, the documented exit code, nothing half-written,
# nothing that was saved lost. docs/errors.md is the table of it.   test_bad_input.sh PROGRAM
. "$(dirname "$0")/expect.sh"

# ---- a small world: corpora, a trained run, an index, a text ----

etude=$scratch/etude run=$scratch/run index=$scratch/index.h5 story=docs/examples/story.txt
recipe=recipes/etude/va_regression_alm.yaml
small="data.text=$etude/etude_alm.h5 data.music=$etude/etude_music.h5 data.tags=$etude/etude_tags.h5 train.max_steps=1
       train.batch=4 model.music.channels=1 model.text.layers=1 model.text.width=8 model.text.heads=2 model.text.ffn_width=8
       data.eval_crops=1 run.threads=1"
w=$scratch/w
mkdir -p "$w" "$scratch/music"
expect 0 "" corpus build etude -o "$etude" --texts 5 --clips 5
expect 0 "" train $recipe $small "run.directory=$run"
for clip in "$etude"/clips/happy/*; do cp "$clip" "$scratch/music/"; done
expect 0 "" index "$scratch/music" --model "$run" -o "$index"
expect 0 "" match $story --index "$index"
cp "$scratch/out" "$scratch/cues"
new() { refuses "$1" "$2" "$3" train $recipe $small "run.directory=$w/run" "${@:4}"; [ -e "$w/run" ] && fail "a run folder for: ${*:4}"; }

# ---- missing and unreadable files, directories; chmod stops no root, these do ----

mkdir "$w/folder"
: >"$w/file"
for bad in "$w/none" "$w/file/none" /proc/self/mem; do
    cure="check the"
    for verb in "recipe show" "recipe explain" plan train compare; do refuses 2 "$bad" "$cure" $verb "$bad"; done
    refuses 2 "$bad" "$cure" recipe cp "$bad" "$w/copy.yaml"
    refuses 2 "$bad" "$cure" recipe diff $recipe "$bad"
    refuses 2 "$bad" "$cure" corpus build "$bad" -o "$w/x.h5"
    refuses 3 "$bad" "leitmotif corpus build" corpus check "$bad"
    refuses 3 "$bad" "leitmotif corpus build" corpus stats "$bad"
    for corpus in text music tags; do new 3 "$bad" "leitmotif corpus build" "data.$corpus=$bad"; done
    [ "$bad" = /proc/self/mem ] || new 3 "$bad" "$cure" "model.text.weights=$bad" # says that it is empty
    new 4 "model.music.weights" "train that run first" "model.music.weights=$bad"
    new 4 "train.reuse" "train that run first" "train.reuse=$bad"
    refuses 4 "$bad" "expected a checkpoint or the folder of a run" evaluate "$bad"
    refuses 4 "$bad" "expected a checkpoint or the folder of a run" checkpoint ls "$bad"
    refuses 4 "$bad" "expected a checkpoint or the folder of a run" checkpoint verify "$bad"
    refuses 4 "$bad" "expected a checkpoint or the folder of a run" match $story --index "$index" --model "$bad"
    refuses 4 "$bad" "index again: leitmotif index" match $story --index "$bad"
    refuses 3 "$bad" "name a text file" match "$bad" --index "$index"
done
refuses 2 "$w/folder is a directory" "expected a file" train "$w/folder"
refuses 2 "$w/folder is a directory" "expected a file" corpus build "$w/folder" -o "$w/x.h5"
refuses 3 "$w/folder is a directory" "expected a file" corpus check "$w/folder"
refuses 3 "$w/folder" "name a text file" match "$w/folder" --index "$index"
refuses 4 "$w/folder is a directory" "index again" match $story --index "$w/folder"
refuses 4 "$w/folder" "use another checkpoint of the run, or train again" evaluate "$w/folder"
refuses 4 "$w/folder" "use another checkpoint" compare "$w/folder"
if [ "$(id -u)" -ne 0 ]; then
    printf 'strategy: metric2\n' >"$w/locked.yaml"
    chmod 000 "$w/locked.yaml"
    refuses 2 "$w/locked.yaml: Permission denied" "check the permissions" train "$w/locked.yaml"
fi

# ---- recipes ----

good='strategy: classification\ndata: {text: t, music: m, tags: g}\n'
bad_recipe() { printf "$good$4" >"$w/r.yaml"; refuses 2 "$w/r.yaml:$1" "$2" "$3" "$w/r.yaml"; }
for verb in train plan; do
    bad_recipe 3:9 "unknown key 'learnig_rate', did you mean 'train.learning_rate'?" $verb 'train: {learnig_rate: 1}\n'
    bad_recipe 3:16 "expected a whole number from 1 to 65536" $verb 'train: {batch: ten}\n'
    bad_recipe 4:1 "given twice, first in line 3" $verb 'seed: 1\nseed: 2\n'
    bad_recipe 3:7 "anchors are refused, write the value out" $verb 'name: &a x\n'
    bad_recipe 3:18 "expected a whole number from 1 to 10" $verb 'evaluate: {at_k: 11}\n'
done

# 100 MB of nesting and anchors that explode: refused in seconds, in 400 MB of addresses (sanitizers take more by themselves).
limited() { (ulimit -v 400000 2>/dev/null && "$program" version >/dev/null 2>&1) && ulimit -v 400000; timeout 20 "$program" "$@"; }
head -c 100000000 /dev/zero | tr '\0' '[' >"$w/nest.yaml"
head -c 1000000 /dev/zero | tr '\0' '[' >"$w/deep.yaml"
echo 'a0: &a0 [x,x,x,x,x,x,x,x,x,x]' >"$w/laughs.yaml"
for i in $(seq 30); do echo "a$i: &a$i [*a$((i - 1)),*a$((i - 1)),*a$((i - 1)),*a$((i - 1)),*a$((i - 1))]"; done >>"$w/laughs.yaml"
for bomb in nest deep laughs; do
    for words in "train $w/$bomb.yaml" "recipe validate $w/$bomb.yaml" "corpus build $w/$bomb.yaml -o $w/x.h5"; do
        (limited $words) >"$scratch/out" 2>"$scratch/err"
        code=$?
        { [ $code -eq 2 ] && grep -q "$bomb.yaml" "$scratch/err"; } || fail "$words: exit $code: $(head -c 300 "$scratch/err")"
    done
done
rm "$w/nest.yaml"

# ---- audio in a corpus; every other way a clip can be bad is in audio.test_decode and search.test_index ----

c=$scratch/c
mkdir "$c"
clip=$(ls "$scratch"/music/* | head -n 1)
cp "$clip" "$c/whole.flac"
head -c 9000 "$clip" >"$c/cut.flac"
: >"$c/empty.flac"
head -c 4000 /dev/urandom >"$c/garbage.flac"
mkdir "$c/folder.flac"
printf 'kind: music\nname: x\nformat: clips_csv\nsource: clips.csv\nlabels: [happy]\n' >"$c/m.yaml"
bad_clip() { printf 'path,label,split\n%s,%s,train\n' "$1" "${4:-happy}" >"$c/clips.csv"; refuses 3 "$2" "$3" corpus build "$c/m.yaml" -o "$c/x.h5"; }
bad_clip none.flac "none.flac: No such file" "check the path"
bad_clip cut.flac "cut.flac" "fetch the file again"
bad_clip empty.flac "empty.flac: is empty" "fetch it again"
bad_clip garbage.flac "garbage.flac: cannot be read as audio" "fetch it again"
bad_clip folder.flac "folder.flac: is a directory" "list its files one by one"
little_endian() { printf '\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24)); }
wav() { # FILE COUNT SAMPLE ...: mono 16 kHz, 32-bit floats, each sample (as hexadecimal bytes) COUNT times
    local file=$1 samples=
    shift
    for ((; $# > 0; )); do
        samples+=$(for ((i = 0; i < $1; i++)); do printf %s "$2"; done)
        shift 2
    done
    local bytes=$((${#samples} / 4))
    printf "RIFF$(little_endian $((36 + bytes)))WAVEfmt $(little_endian 16)\\x03\\x00\\x01\\x00$(little_endian 16000)" >"$file"
    printf "$(little_endian 64000)\\x04\\x00\\x20\\x00data$(little_endian $bytes)$samples" >>"$file"
}
zero='\x00\x00\x00\x00' quarter='\x00\x00\x80\x3e' nan='\x00\x00\xc0\x7f'
wav "$c/fine.wav" 9000 $zero 9000 $quarter
wav "$c/nan.wav" 5000 $quarter 1 $nan 3000 $quarter
wav "$c/short.wav" 300 $quarter
bad_clip nan.wav "nan.wav: the sample at 0.312 s is nan" "convert it again"
bad_clip short.wav "short.wav: shorter than 1 s" "take them out of the table or raise it"
bad_clip whole.flac "clips.csv:2: label 'gloomy' is outside the taxonomy" "add it to labels or correct the row" gloomy
[ -e "$c/x.h5" ] && fail "a refused corpus is there"
printf 'path,label,split\nfine.wav,happy,train\n' >"$c/clips.csv"
expect 0 "" corpus build "$c/m.yaml" -o "$c/fine.h5"
printf 'path,label,split\nwhole.flac,happy,train\n' >"$c/clips.csv"
refuses 3 "$c/no/x.h5" "check the path" corpus build "$c/m.yaml" -o "$c/no/x.h5"
refuses 2 "whole.flac is there and no file of Leitmotif" "choose another name" corpus build "$c/m.yaml" -o "$c/whole.flac"
cmp -s "$clip" "$c/whole.flac" || fail "a song was overwritten"
refuses 2 "etude_tags.h5 is a leitmotif tag corpus" "choose another name" corpus build "$c/m.yaml" -o "$etude/etude_tags.h5"
mkfifo "$c/pipe"
refuses 3 "$c/pipe is a device or pipe" "choose another name" corpus build "$c/m.yaml" -o "$c/pipe"
refuses 3 "$c/pipe is a device or pipe" "choose another name" match $story --index "$index" -o "$c/pipe"

# ---- texts ----

printf 'kind: text\nname: x\nformat: etude_text\nsource: t.tsv\nvocabulary: %s\nmax_tokens: 64\nlabels: [happy, sad]\n' \
    "$etude/vocabulary.txt" >"$c/t.yaml"
bad_rows() { printf "$1" >"$c/t.tsv"; refuses 3 "$2" "$3" corpus build "$c/t.yaml" -o "$c/t.h5"; }
bad_rows '' "t.tsv is empty" "fetch it again"
bad_rows 'a\thappy\ttrain\t\n' "no texts" "name a source with texts"
bad_rows 'a\thappy\ttrain\t\xff\xfe\n' "t.tsv:1: not UTF-8" "convert the file first"
bad_rows 'a\tgloomy\ttrain\thello\n' "label 'gloomy' of a is outside the taxonomy: happy, sad" "add it to labels or correct the row"
bad_rows 'a\thappy\n' "t.tsv:1: 2 columns" "expected id, label, split and text"
: >"$w/blank.txt"
refuses 3 "$w/blank.txt: the text is empty or blank" "expected a story" match "$w/blank.txt" --index "$index"
printf ' \n\t\n' >"$w/blank.txt"
refuses 3 "$w/blank.txt: the text is empty or blank" "expected a story" match "$w/blank.txt" --index "$index"
printf 'The wolf \xff\xfe sang.\n' >"$w/latin.txt"
expect 0 "$w/latin.txt: the text is not UTF-8: 2 bytes are read as U+FFFD" match "$w/latin.txt" --index "$index"
yes 'The wolf ran down to the river and wept alone.' | head -c 10000000 >"$w/huge.txt"
expect 0 "" match "$w/huge.txt" --index "$index" --scenes whole
yes x | head -c 67200000 >"$w/huge.txt"
refuses 3 "$w/huge.txt" "match it in parts" match "$w/huge.txt" --index "$index"
rm "$w/huge.txt"

# ---- tags ----

printf 'kind: tags\nname: x\nformat: nrc_vad\nsource: lex.txt\ntext_labels: [happy]\nmusic_labels: [sad]\n' >"$c/g.yaml"
printf 'happy\t1\t0.7\t0.7\n' >"$c/lex.txt"
refuses 3 "lex.txt has no entry for the tag 'sad'" "name a lexicon that has it" corpus build "$c/g.yaml" -o "$c/g.h5"
printf 'kind: tags\nname: x\nformat: etude_tags\nsource: %s\nvectors: vec.txt\n' "$etude/tags.tsv" >"$c/v.yaml"
bad_vectors() { refuses 3 "$1" "$2" corpus build "$c/v.yaml" -o "$c/v.h5"; }
sed '1s/ .*/ 15/' "$etude/vectors.txt" >"$c/vec.txt"
bad_vectors "vec.txt:2: 'anger' has more than 15 numbers" "correct its header"
sed '1s/ .*/ 160/' "$etude/vectors.txt" >"$c/vec.txt"
bad_vectors "vec.txt:2: 'anger' has 16 numbers, the header says 160" "correct its header"
head -n 5 "$etude/vectors.txt" >"$c/vec.txt"
bad_vectors "vec.txt:6: no word here" "fetch the file again"
sed -e '/^angry /d' -e '1s/75/74/' "$etude/vectors.txt" >"$c/vec.txt"
bad_vectors "no vector for the tag 'angry'" "take the tag out"

# ---- safetensors whose header lies ----

s=$w/s.safetensors
lie() { printf "$1" >"$s"; new 3 "$s" "$2" "model.text.weights=$s"; }
lie '' "fetch it again"
lie '\377\377\377\377\377\377\377\177{}' "it is no safetensors file"
lie '\100\0\0\0\0\0\0\0{}' "fetch it again"
lie '\103\0\0\0\0\0\0\0{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}}  1234' "fetch it again"
lie '\100\0\0\0\0\0\0\0{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,400]}}        1234' "fetch it again"
lie '\002\0\0\0\0\0\0\0{}' "give the safetensors file of one"

# ---- truncated, of another kind or version ----

head -c 5000 "$etude/etude_alm.h5" >"$w/cut.h5"
head -c 3000 /dev/urandom >"$w/garbage.h5"
: >"$w/empty.h5"
for bad in cut garbage empty; do
    for corpus in text music tags; do new 3 "$w/$bad.h5" "build this one again: leitmotif corpus build" "data.$corpus=$w/$bad.h5"; done
    refuses 3 "$w/$bad.h5" "build this one again" plan $recipe $small "data.music=$w/$bad.h5"
    refuses 3 "$w/$bad.h5" "build this one again" corpus check "$w/$bad.h5"
    refuses 3 "$w/$bad.h5" "build this one again" corpus stats "$w/$bad.h5"
    refuses 4 "$w/$bad.h5" "index again: leitmotif index" match $story --index "$w/$bad.h5"
done
refuses 3 "etude_alm.h5 holds a leitmotif text corpus, expected a leitmotif music corpus" "name another corpus" \
    plan $recipe $small "data.music=$etude/etude_alm.h5"
refuses 4 "etude_alm.h5 holds a leitmotif text corpus" "index again" match $story --index "$etude/etude_alm.h5"
best=checkpoints/best
damage() { rm -rf "$w/hurt"; cp -r "$run" "$w/hurt"; rm -rf "$w/hurt/checkpoints/"{latest,step-*}; ln -s best "$w/hurt/checkpoints/latest"; }
check_hurt() {
    for words in "evaluate $w/hurt" "match $story --index $index --model $w/hurt" "checkpoint verify $w/hurt" \
        "index $scratch/music --model $w/hurt -o $w/i.h5" "train $recipe $small run.directory=$w/hurt" "compare $w/hurt"; do
        refuses 4 "$1" "$2" $words
    done
}
damage
head -c 50000 "$run/$best/tensors.h5" >"$w/hurt/$best/tensors.h5"
check_hurt "tensors.h5 has 50000 bytes, the manifest says" "use another checkpoint of the run, or train again"
damage
sed -i 's/"version": 1/"version": 2/' "$w/hurt/$best/manifest.json"
check_hurt "manifest.json has version 2, this program reads version 1" "use the program that wrote it"
damage
rm "$w/hurt/$best/tensors.h5"
check_hurt "$w/hurt/$best/tensors.h5: No such file" "use another checkpoint of the run, or train again"

# Corpora that are not those a run was trained on.
damage
cp "$etude/etude_isear.h5" "$w/other.h5"
mv "$etude/etude_alm.h5" "$scratch/alm.h5"
cp "$etude/etude_isear.h5" "$etude/etude_alm.h5"
refuses 3 "knows 5 text labels, the corpus has 7" "name the corpora it was trained on" evaluate "$run"
refuses 3 "knows 5 text labels, the corpus has 7" "name the corpora it was trained on" \
    train $recipe $small "run.directory=$run" "train.max_steps=2"
mv "$scratch/alm.h5" "$etude/etude_alm.h5"
expect 0 "" evaluate "$run"

# ---- flipped bits: refused, or nothing is different ----

flip() { # FILE POSITION
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    printf "\\$(printf %o $((byte ^ 16)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
flips() { # CODE FILE EXPECTED WORDS...
    local code=$1 file=$2 expected=$3 size at got n_refused=0
    shift 3
    size=$(stat -c %s "$file")
    for i in $(seq 0 23); do
        at=$((i < 12 ? i * 97 : size / 24 * i))
        flip "$file" $at
        "$program" "$@" >"$scratch/out" 2>"$scratch/err"
        got=$?
        flip "$file" $at
        if [ $got -eq 0 ]; then
            cmp -s "$scratch/out" "$expected" || fail "a bit at $at of $file changes what $* prints"
        else
            n_refused=$((n_refused + 1))
            { [ $got -eq "$code" ] && [ "$(wc -l <"$scratch/err")" -eq 1 ]; } ||
                fail "a bit at $at of $file: $*: exit $got: $(head -c 300 "$scratch/err")"
        fi
    done
    [ $n_refused -ge 6 ] || fail "$n_refused of 24 flips in $file are refused"
}
flips 4 "$index" "$scratch/cues" match $story --index "$index"
flips 4 "$run/$best/tensors.h5" "$scratch/cues" match $story --index "$index"
"$program" evaluate "$run" >"$scratch/figures" 2>/dev/null
flips 3 "$etude/etude_alm.h5" "$scratch/figures" evaluate "$run"
flips 3 "$etude/etude_music.h5" "$scratch/figures" evaluate "$run"
flips 3 "$etude/etude_tags.h5" "$scratch/figures" evaluate "$run"

# ---- a full disk: a limit on the size of files gives the same error ----

full() { # BLOCKS CODE PLACE WORDS...
    local blocks=$1 code=$2 place=$3
    shift 3
    (ulimit -f "$blocks"; exec "$program" "$@" 2>&1 >/dev/null) </dev/null | cat >"$scratch/err"
    local got=${PIPESTATUS[0]}
    { [ "$got" -eq "$code" ] && grep -qF -- "$place" "$scratch/err" && grep -qF "make room" "$scratch/err"; } ||
        fail "a full disk under $*: exit $got: $(head -c 400 "$scratch/err")"
    local left
    left=$(find "$scratch" -name '*.writing' -o -name '.saving-*' -o -name '.latest-*')
    [ -z "$left" ] || fail "a full disk under $* left $left"
}
cp "$index" "$w/index.h5"
cp "$run/evaluation-test.json" "$w/evaluation.json"
full 0 3 "$w/r2.yaml" recipe cp $recipe "$w/r2.yaml"
full 1 3 "$w/f.h5" corpus build "$etude/etude_alm.yaml" -o "$w/f.h5"
full 100 3 "$w/f.h5" corpus build "$etude/etude_music.yaml" -o "$w/f.h5"
full 1 3 "$etude/etude_tags.h5" corpus build "$etude/etude_tags.yaml" -o "$etude/etude_tags.h5"
full 10 4 "the checkpoints before it are untouched" train $recipe $small "run.directory=$w/run"
full 1 3 "$run/evaluation-test.json" evaluate "$run"
full 1 3 "$w/cmp/table" compare "$run" -o "$w/cmp"
rm "$scratch"/music/*0.flac
full 1 3 "$index" index "$scratch/music" --model "$run" -o "$index"
full 0 3 "$w/cues.m3u" match $story --index "$index" -o "$w/cues.m3u"
full 0 3 "leitmotif-doctor" doctor
cmp -s "$index" "$w/index.h5" || fail "a full disk changed the index"
cmp -s "$run/evaluation-test.json" "$w/evaluation.json" || fail "a full disk changed the evaluation"
expect 0 "" corpus check "$etude/etude_tags.h5"
expect 0 "" checkpoint verify "$run"
if [ -c /dev/full ]; then
    for words in "recipe ls recipes/etude" "recipe validate $recipe" "recipe show $recipe" "corpus stats $etude/etude_alm.h5" \
        "plan $recipe $small" "train $recipe $small run.directory=$run" "evaluate $run" "compare $run" \
        "match $story --index $index" "checkpoint ls $run" doctor version help "train --help"; do
        "$program" $words >/dev/full 2>"$scratch/err"
        code=$?
        { [ $code -eq 3 ] && grep -q "standard output: No space left" "$scratch/err"; } ||
            fail "$words into a full stdout: exit $code: $(tail -n 1 "$scratch/err")"
    done
fi
# ---- docs/errors.md names tests that are there ----

grep -o '| `[a-z]*\.test_[a-z_]*` [a-z_0-9]* |' docs/errors.md | tr -d '`|' | tr . ' ' | while read -r room stem name; do
    grep -q "cmocka_unit_test($name)" "tests/$room/$stem.c" || echo "docs/errors.md: $room.$stem has no $name"
done >"$scratch/err"
[ -s "$scratch/err" ] && fail "$(cat "$scratch/err")"
verdict
