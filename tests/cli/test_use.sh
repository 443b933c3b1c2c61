#!/usr/bin/env bash
# `index` and `match` as a user meets them: built, brought up to date, asked in every form, and everything that can be
# wrong with the folder, the index, the model and the text.   test_use.sh PROGRAM
. "$LEIT_SOURCE_DIR/tests/cli/expect.sh"

etude=$scratch/etude music=$scratch/music index=$scratch/music.h5 story=docs/examples/story.txt

# One step of training makes a model that matches badly and quickly. train NAME STRATEGY OVERRIDES...
train() {
    local name=$1 strategy=$2
    shift 2
    expect 0 "" train "recipes/etude/${strategy}_alm.yaml" "data.text=$etude/etude_alm.h5" "data.music=$etude/etude_music.h5" \
        "data.tags=$etude/etude_tags.h5" train.max_steps=1 train.batch=8 data.eval_crops=1 model.music.channels=1 \
        model.text.layers=1 model.text.width=8 model.text.heads=2 model.text.ffn_width=16 "run.directory=$scratch/$name" -q "$@"
}

expect 0 "" corpus build etude -o "$etude" --texts 5 --clips 5
train model metric2
train other metric2 seed=99
train regression va_regression
train classes classification

# ---- index ----

mkdir "$music" "$music/deep" "$scratch/empty"
songs=("$etude"/library/*.flac)
cp "${songs[@]:0:6}" "$music"
cp "${songs[6]}" "$music/deep/Ünïcode (live).flac"
expect 0 "" index "$music" --model "$scratch/model" -o "$index"
said "7 tracks: 7 new, 0 kept; 0 removed, 0 skipped"
cp "$index" "$scratch/first.h5"

# Nothing has changed: nothing is embedded, and the file is the same. A file that was only touched is not embedded again.
touch "$music/$(basename "${songs[1]}")"
expect 0 "" index "$music" --model "$scratch/model" -o "$index"
said "7 tracks: 0 new, 7 kept; 0 removed, 0 skipped"
expect 0 - index "$music" --model "$scratch/model" -o "$index" -q
[ -s "$scratch/out" ] && fail "index -q prints: $(cat "$scratch/out")"

# One vanishes, one comes, one has become another song, and some were never songs.
rm "$music/$(basename "${songs[0]}")"
cp "${songs[7]}" "$music/new.flac"
cp "${songs[8]}" "$music/$(basename "${songs[2]}")"
head -c 5000 /dev/urandom >"$music/garbage.mp3"
: >"$music/empty.wav"
head -c 20000 "${songs[9]}" >"$music/cut.flac"
echo "not audio" >"$music/notes.txt"
expect 0 "" index "$music" --model "$scratch/model" -o "$index"
said "tracks: 2 new, 5 kept; 1 removed"
said "skipped garbage.mp3: "
said "skipped empty.wav: "
grep -q notes.txt "$scratch/out" && fail "a text file was taken for audio"
expect 0 "" index "$music" --model "$scratch/model" -o "$index" --json
said '"n_new": 0'
said '"path": "garbage.mp3", "reason": '

# An empty folder is an index of nothing, and a match with it says so.
expect 0 "hold no audio that can be used" index "$scratch/empty" --model "$scratch/model" -o "$scratch/empty.h5"
said "0 tracks: 0 new"
expect 0 - match "$story" --index "$scratch/empty.h5"
said "no tracks: the index is empty"

expect 3 "$scratch/nowhere" index "$scratch/nowhere" --model "$scratch/model" -o "$scratch/x.h5"
expect 4 "$scratch/empty" index "$music" --model "$scratch/empty" -o "$scratch/x.h5"
expect 2 "is not overwritten" index "$music" --model "$scratch/model" -o "$etude/etude_alm.h5"
expect 2 "expected --model RUN and -o INDEX.h5" index "$music"
expect 3 "check the path" index "$music" --model "$scratch/model" -o "$scratch/none/x.h5"

# ---- match ----

expect 0 - match "$story" --index "$index" --top 2
said "Scene 1 of "
said "(similarity "
said "like "
cp "$scratch/out" "$scratch/table"
stdin=$story expect 0 - match - --index "$index" --top 2
cmp -s "$scratch/out" "$scratch/table" || fail "standard input is answered otherwise than the file"
expect 0 - match "$story" --index "$index" --model "$scratch/model" --top 2 --json
said '"format": "leitmotif-match-1"'
said '"mood": "'
said '"similarity": '
said '"reason": "similarity '
expect 0 - match "$story" --index "$index" --format m3u -o "$scratch/cues.m3u"
head -1 "$scratch/cues.m3u" | grep -q '^#EXTM3U' || fail "no M3U: $(head -2 "$scratch/cues.m3u")"
grep -v '^#' "$scratch/cues.m3u" | while read -r track; do [ -f "$music/$track" ] || echo "$track"; done >"$scratch/lost"
[ -s "$scratch/lost" ] && fail "the M3U names what is not there: $(head -3 "$scratch/lost")"

# Every kind of strategy names the emotion of a scene and a reason.
expect 0 "" index "$music" --model "$scratch/regression" -o "$scratch/va.h5"
expect 0 - match "$story" --index "$scratch/va.h5" --json
said '"mood": "'
said '"valence": '
said ' away, at valence '
expect 0 "" index "$music" --model "$scratch/classes" -o "$scratch/classes.h5"
expect 0 - match "$story" --index "$scratch/classes.h5" --json
said '"probability": '

# A model of another space is refused, with what differs.
expect 4 "was made with other parameters" match "$story" --index "$index" --model "$scratch/other"
expect 4 "is of strategy metric2, the model $scratch/regression of va_regression" \
    match "$story" --index "$index" --model "$scratch/regression"
mv "$scratch/model" "$scratch/moved"
expect 4 "say where it is now with --model" match "$story" --index "$index"
expect 0 - match "$story" --index "$index" --model "$scratch/moved"

# A damaged index: cut anywhere, or not an index. A changed byte is refused, or lies where nothing is and changes nothing.
size=$(stat -c %s "$index")
for bytes in 0 100 $((size / 2)) $((size - 1)); do
    head -c "$bytes" "$index" >"$scratch/cut.h5"
    expect 4 "index again: leitmotif index" match "$story" --index "$scratch/cut.h5" --model "$scratch/moved"
done
expect 0 - match "$story" --index "$index" --model "$scratch/moved"
cp "$scratch/out" "$scratch/table"
refused=0
for part in $(seq 0 2 62); do
    cp "$index" "$scratch/flipped.h5"
    printf '\xA5' | dd of="$scratch/flipped.h5" bs=1 seek=$((size * part / 64 + 5)) conv=notrunc 2>"$scratch/dd"
    "$program" match "$story" --index "$scratch/flipped.h5" --model "$scratch/moved" >"$scratch/out" 2>"$scratch/err"
    got=$?
    if [ "$got" -eq 4 ]; then
        refused=$((refused + 1))
    elif [ "$got" -ne 0 ] || ! cmp -s "$scratch/out" "$scratch/table"; then
        fail "byte $((size * part / 64 + 5)) of $size flipped: exit $got, $(head -c 300 "$scratch/err")"
    fi
done
[ "$refused" -ge 8 ] || fail "of 32 damaged indexes $refused were refused"
expect 4 "cut.h5" match "$story" --index "$scratch/none/cut.h5" --model "$scratch/moved"
expect 4 "expected a leitmotif-index" match "$story" --index "$etude/etude_alm.h5" --model "$scratch/moved"
expect 0 "all files are embedded again" index "$music" --model "$scratch/moved" -o "$scratch/cut.h5"

# Texts: none, blank, not UTF-8, 10 MB, too large, a binary file.
m=(--index "$index" --model "$scratch/moved")
expect 3 "$scratch/none.txt" match "$scratch/none.txt" "${m[@]}"
: >"$scratch/nothing.txt"
expect 3 "empty or blank" match "$scratch/nothing.txt" "${m[@]}"
printf ' \n\t\n \n' >"$scratch/blank.txt"
expect 3 "empty or blank" match "$scratch/blank.txt" "${m[@]}"
printf 'She wept, and the caf\xe9 was dark.\n' >"$scratch/latin1.txt"
expect 0 "is not UTF-8" match "$scratch/latin1.txt" "${m[@]}"
head -c 20000 /dev/urandom >"$scratch/noise.txt"
expect 0 "is not UTF-8" match "$scratch/noise.txt" "${m[@]}"
for _ in $(seq 64); do cat "$story"; echo; done >"$scratch/long.txt"
for _ in $(seq 1 $((10000000 / $(stat -c %s "$scratch/long.txt") + 1))); do cat "$scratch/long.txt"; done >"$scratch/huge.txt"
expect 0 - match "$scratch/huge.txt" "${m[@]}" --scenes whole --top 1
said "Scene 1 of 1"
head -c $((65 << 20)) /dev/zero | tr '\0' 'a' >"$scratch/enormous.txt"
expect 3 "match it in parts" match "$scratch/enormous.txt" "${m[@]}"
expect 3 "$scratch/empty" match "$scratch/empty" "${m[@]}"

expect 2 "--top is '0', expected a whole number from 1 to 500" match "$story" "${m[@]}" --top 0
expect 2 "--format is 'xml', expected table, json or m3u" match "$story" "${m[@]}" --format xml
expect 2 "expected --index INDEX.h5" match "$story"
expect 3 "$scratch/none/x.m3u" match "$story" "${m[@]}" --format m3u -o "$scratch/none/x.m3u"

verdict
