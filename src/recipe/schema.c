#include "recipe/schema.h"

#include <limits.h>
#include <string.h>

/* clang-format off */

/* An enum's words, in the order of its constants. */
#define WORD(constant, word) #word,
static const char *const strategy_words[] = {LEIT_STRATEGY_LIST(WORD) NULL};
static const char *const text_split_words[] = {LEIT_TEXT_SPLIT_LIST(WORD) NULL};
static const char *const mel_scale_words[] = {LEIT_MEL_SCALE_LIST(WORD) NULL};
static const char *const output_activation_words[] = {LEIT_OUTPUT_ACTIVATION_LIST(WORD) NULL};
static const char *const negatives_words[] = {LEIT_NEGATIVES_LIST(WORD) NULL};
static const char *const negative_mask_words[] = {LEIT_NEGATIVE_MASK_LIST(WORD) NULL};
static const char *const w2v_mapping_words[] = {LEIT_W2V_MAPPING_LIST(WORD) NULL};
static const char *const schedule_words[] = {LEIT_SCHEDULE_LIST(WORD) NULL};
static const char *const device_choice_words[] = {LEIT_DEVICE_CHOICE_LIST(WORD) NULL};
static const char *const kernels_words[] = {LEIT_KERNELS_LIST(WORD) NULL};
static const char *const precision_words[] = {LEIT_PRECISION_LIST(WORD) NULL};
static const char *const resume_words[] = {LEIT_RESUME_LIST(WORD) NULL};
static const char *const mapping_words[] = {"va", "w2v", "w2v_paper", "w2v_vectors", "manual", NULL};
#undef WORD

/* Who reads a key. */
#define BIT(constant) (1U << LEIT_STRATEGY_##constant)
#define CLASSIFYING (BIT(CLASSIFICATION) | BIT(MULTIHEAD))
#define REGRESSING (BIT(VA_REGRESSION) | BIT(W2V_REGRESSION))
#define METRIC (BIT(METRIC2) | BIT(METRIC3))
#define SIX (CLASSIFYING | REGRESSING | METRIC)
#define ALL (SIX | BIT(TAGGING))

/* NOLINTBEGIN(bugprone-macro-parentheses): types and initialisers wear none. */
/* The offset of a field, refused by the compiler when the field has another type. */
#define AT(member, field_type) (offsetof(struct leit_recipe, member) + \
    0 * sizeof(char[_Generic(&((struct leit_recipe *)0)->member, field_type *: 1)]))

#define KEY(kind, member, field_type, given, lowest, highest, measure, who, text) \
    .path = #member, .type = LEIT_KEY_##kind, .offset = AT(member, field_type), .default_value = given, \
    .low = lowest, .high = highest, .unit = measure, .readers = who, .description = text
#define INT(member, given, low, high, unit, readers, text) \
    {KEY(INT, member, int, #given, low, high, unit, readers, text)}
#define FLOAT(member, given, low, high, unit, readers, text) \
    {KEY(FLOAT, member, double, #given, low, high, unit, readers, text)}
/* Without the lower end, without the upper end. */
#define FLOAT_ABOVE(member, given, low, high, unit, readers, text) \
    {KEY(FLOAT, member, double, #given, low, high, unit, readers, text), .above_low = true}
#define FLOAT_BELOW(member, given, low, high, unit, readers, text) \
    {KEY(FLOAT, member, double, #given, low, high, unit, readers, text), .below_high = true}
#define BOOL(member, given, readers, text) \
    {KEY(BOOL, member, bool, #given, 0, 1, "", readers, text)}
#define STRING(member, given, readers, text) \
    {KEY(STRING, member, const char *, given, 0, 0, "", readers, text)}
#define PATH(member, readers, text) \
    {KEY(PATH, member, const char *, "", 0, 0, "", readers, text)}
#define ENUM(member, kind, given, readers, text) \
    {KEY(ENUM, member, enum leit_recipe_##kind, given, 0, 0, "", readers, text), .words = kind##_words}
/* An enum of the kernels. */
#define ENUM_OF_KERNELS(member, kind, given, readers, text) \
    {KEY(ENUM, member, enum leit_##kind, given, 0, 0, "", readers, text), .words = kind##_words}
#define RANGE(member, low, high, unit, readers, text) \
    {KEY(RANGE, member, struct leit_recipe_range, "[]", low, high, unit, readers, text)}
#define STRINGS(member, given, allowed, readers, text) \
    {KEY(STRINGS, member, struct leit_recipe_strings, given, 0, 0, "", readers, text), .words = allowed}
/* NOLINTEND(bugprone-macro-parentheses) */

const struct leit_recipe_key leit_recipe_keys[] = {
STRING(name, "", ALL, "Names the run in tables and in the run folder: letters, digits, '.', '_', '-'. Default: the recipe's file name without .yaml."),
{KEY(ENUM, strategy, enum leit_strategy_id, "", 0, 0, "", ALL, "What is trained (section 3 of the paper); `tagging` pre-trains the music encoder. Has no default."), .words = strategy_words},
INT(seed, 1, 0, INT_MAX, "", ALL, "Every random draw is a function of seed, step, stream and sample. Another seed is another run: report several."),

PATH(data.text, SIX, "The text corpus, made by `leitmotif corpus build`. Its vocabulary and taxonomy come with it."),
PATH(data.music, ALL, "The music corpus, 16 kHz mono. For `tagging` it carries the tag labels."),
PATH(data.tags, SIX, "The tag corpus: valence, arousal and word vector of every mood. The regressions and metric strategies train on it, the mapping `va` is computed from it."),
INT(data.crop_samples, 80000, 1024, 16000000, "samples", ALL, "What the music encoder sees at once, at 16 kHz; shorter clips are zero-padded. Longer: more context, proportionally slower."),
INT(data.eval_crops, 16, 1, 1024, "crops", ALL, "Evenly spaced crops of a clip whose outputs are averaged in evaluation. More: steadier figures, proportionally slower evaluation."),
INT(data.max_tokens, 512, 3, 65536, "tokens", SIX, "Texts are cut here, [CLS] and [SEP] included. Shorter: faster, and long texts lose their end."),
ENUM(data.text_split, text_split, "strict", SIX, "The split that the text corpus must have been built with (one whose source gives the splits fits both): `paper`, which for Alm tunes and tests on the same texts, has to be asked for."),

INT(mel.n_fft, 512, 64, 4096, "samples", ALL, "Length of the Hann window and its Fourier transform, a power of two. Longer: finer pitch, blurrier time."),
INT(mel.hop_length, 256, 1, 4096, "samples", ALL, "Distance of two frames, at most n_fft. Shorter: finer time, proportionally more frames to convolve."),
INT(mel.n_mels, 128, 128, 255, "bins", ALL, "HTK mel bins up to 8 kHz. The encoder halves them seven times and needs one left, hence 128 to 255."),
ENUM(mel.mel_scale, mel_scale, "db", ALL, "`db`: 10 log10 with floor 1e-10, as the paper. `power`: no logarithm, as the music regressions of the public code: loud bins drown the rest."),

RANGE(augment.gain_db, -60, 60, "dB", ALL, "A gain drawn for each training crop. [] is off. Teaches indifference to loudness, which is itself a cue of emotion."),
RANGE(augment.noise_snr_db, -20, 120, "dB", ALL, "White noise added to each training crop at a drawn signal-to-noise ratio. [] is off."),
FLOAT_BELOW(augment.time_mask, 0, 0, 1, "ratio", ALL, "Widest masked stretch of frames, as a part of the crop; 0 is off. Wider: less overfitting, slower learning."),
FLOAT_BELOW(augment.frequency_mask, 0, 0, 1, "ratio", ALL, "Widest masked band of mel bins, as a part of all; 0 is off. Wider: less overfitting, slower learning."),

INT(model.music.channels, 64, 1, 1024, "channels", ALL, "n of the music encoder, whose layers have n, 2n and 4n channels. Cost grows with its square."),
PATH(model.music.weights, ALL, "A checkpoint or run folder whose music encoder is taken over, for instance a `tagging` run. Empty: random start."),
BOOL(model.music.frozen, false, ALL, "Keeps the music encoder as it is and trains the heads alone: fast, and weaker where the weights come from another task."),
INT(model.text.layers, 6, 1, 96, "layers", SIX, "Transformer layers. 6 is DistilBERT and MiniLM-L6."),
INT(model.text.width, 768, 1, 16384, "", SIX, "D, the width of the hidden states; a multiple of heads. 768 is DistilBERT, 384 MiniLM."),
INT(model.text.heads, 12, 1, 256, "heads", SIX, "H, attention heads of each layer."),
INT(model.text.ffn_width, 3072, 1, 65536, "", SIX, "Width between the two linear layers after attention, usually 4 D."),
INT(model.text.max_positions, 512, 2, 65536, "tokens", SIX, "Learned positions; at least data.max_tokens. Must be that of the weights."),
FLOAT_ABOVE(model.text.layernorm_epsilon, 1e-12, 0, 0.1, "", SIX, "Added to the variance in every LayerNorm. Must be that of the weights."),
FLOAT_BELOW(model.text.dropout, 0.1, 0, 1, "probability", SIX, "Dropout of embeddings and of each sub-layer's output while training."),
FLOAT_BELOW(model.text.attention_dropout, 0.1, 0, 1, "probability", SIX, "Dropout of attention weights while training."),
PATH(model.text.weights, SIX, "A safetensors file of the same shape. Empty: random start, which needs far more text than the corpora of the paper have."),
BOOL(model.text.frozen, false, SIX, "Keeps the text encoder as it is and trains the heads alone: several times faster, and weaker than fine-tuning."),
INT(model.head.music_hidden, 64, 1, 16384, "", ALL, "Hidden width of the head on the music encoder; in `multihead` the width of the shared layers."),
INT(model.head.text_hidden, 512, 1, 16384, "", SIX & ~BIT(MULTIHEAD), "Hidden width of the head on the text encoder."),
INT(model.head.tag_hidden, 128, 1, 16384, "", BIT(METRIC3), "Hidden width of the tag encoder; 2n in the paper."),
INT(model.head.embedding_width, 64, 1, 4096, "", METRIC, "E, the common space. Wider: more capacity, a larger index, and sharper distance weights for negatives."),
FLOAT_BELOW(model.head.dropout, 0.5, 0, 1, "probability", ALL & ~BIT(CLASSIFICATION), "Dropout in the heads while training."),
ENUM(model.head.output_activation, output_activation, "none", BIT(W2V_REGRESSION), "`sigmoid` is the public code's: it cannot reach the negative components of a word vector. `none` is the paper's text."),
INT(model.head.shared_layers, 3, 1, 16, "layers", BIT(MULTIHEAD), "Layers that text and music share below the two taxonomies' heads."),

FLOAT(loss.music_focal_gamma, 2, 0, 10, "", BIT(CLASSIFICATION), "Focal loss of the music phase; 0 is cross entropy. Larger: more weight on clips the model gets wrong."),
FLOAT(loss.margin, 0.2, 0, 2, "cosine", METRIC, "How much nearer the positive must be than the negative. Larger: more triplets with a loss, a tighter space."),
ENUM(loss.negatives, negatives, "distance_weighted", METRIC, "`distance_weighted`: uniform over distance (Wu et al. 2017), as the paper says. `cosine`: weight (cos + 1) / 2, as the public code that made its table."),
ENUM(loss.negative_mask, negative_mask, "text_tag", METRIC, "Which items of the batch are no negatives: those of the anchor's text tag (public code), or also the clips of the positive's music tag."),
FLOAT(loss.weight_tag_text, 0.3, 0, 1000, "", BIT(METRIC3), "Weight of the tag-to-text triplets."),
FLOAT(loss.weight_tag_music, 0.3, 0, 1000, "", BIT(METRIC3), "Weight of the tag-to-music triplets."),
FLOAT(loss.weight_text_music, 0.4, 0, 1000, "", BIT(METRIC3), "Weight of the text-to-music triplets."),
FLOAT_ABOVE(loss.distance_cutoff, 0.5, 0, 2, "", METRIC, "`distance_weighted`: nearer negatives count as this near, which bounds the variance of the gradient."),
FLOAT_ABOVE(loss.distance_nonzero_loss_cutoff, 1.4, 0, 2, "", METRIC, "`distance_weighted`: negatives further than this are not drawn, their loss being zero."),

ENUM(mapping.w2v, w2v_mapping, "paper", SIX, "The mapping `w2v` from text to music moods: `paper`, its published column, or `vectors`, computed from data.tags. Metric strategies also draw their triplets by it."),

INT(train.batch, 32, 1, 65536, "items", ALL, "Items of a step; metric strategies take half as tag pairs, half as text-music pairs. Larger: more negatives, steadier BatchNorm, more memory."),
INT(train.music_batch, 0, 0, 65536, "items", BIT(CLASSIFICATION) | REGRESSING, "Batch of the music phase; 0: train.batch. The music regressions of the public code take 64."),
INT(train.epochs, 200, 1, 1000000, "epochs", ALL, "At most so many passes. The state that was best on the validation set, which must have rows, is the one kept."),
INT(train.text_epochs, 0, 0, 1000000, "epochs", BIT(CLASSIFICATION) | REGRESSING, "Epochs of the text phase; 0: train.epochs. Fine-tuning converges in a few."),
INT(train.music_epochs, 0, 0, 1000000, "epochs", BIT(CLASSIFICATION) | REGRESSING, "Epochs of the music phase; 0: train.epochs."),
INT(train.max_steps, 0, 0, INT_MAX, "steps", ALL, "Ends each phase after so many steps, whatever the epochs say; 0: no limit."),
INT(train.steps_per_epoch, 0, 0, INT_MAX, "batches", ALL, "Steps of an epoch, or batches where train.accumulate makes one step of several. 0: one pass over the data, for metric strategies max(clips, texts) draws. Smaller: validated more often."),
FLOAT_ABOVE(train.learning_rate, 1e-4, 0, 10, "", ALL, "Adam's step size after warm-up."),
FLOAT_BELOW(train.beta1, 0.9, 0, 1, "", ALL, "Adam's decay of the mean gradient."),
FLOAT_BELOW(train.beta2, 0.999, 0, 1, "", ALL, "Adam's decay of the squared gradient."),
FLOAT_ABOVE(train.epsilon, 1e-8, 0, 1, "", ALL, "Added to Adam's denominator."),
FLOAT(train.weight_decay, 1e-4, 0, 10, "", ALL, "Coupled L2: added to the gradient before Adam, as torch.optim.Adam does."),
STRINGS(train.weight_decay_exclude, "[word_embeddings]", NULL, ALL, "Parameters whose names contain one of these words are not decayed. Coupled L2 under Adam erases the vectors of words that training never sees; [] is the public code."),
INT(train.warmup_steps, 0, 0, INT_MAX, "steps", ALL, "The learning rate rises linearly from zero over so many steps."),
ENUM(train.schedule, schedule, "constant", ALL, "The learning rate after warm-up: constant, or falling to zero at the last planned step."),
FLOAT(train.clip_norm, 0, 0, 1e6, "", ALL, "Longest gradient, over all parameters together; 0 is off."),
INT(train.accumulate, 1, 1, 65536, "batches", ALL, "Batches whose gradients are averaged before a step: a larger batch in the memory of a small one. Negatives and BatchNorm stay within each batch."),
BOOL(train.sync_batchnorm, false, ALL, "BatchNorm takes the statistics of all run.shards of a batch, as PyTorch's SyncBatchNorm: the model of one shard, for two exchanges of the ranks at each. `false`: of a shard's own rows."),
INT(train.early_stop_epochs, 0, 0, 1000000, "epochs", ALL, "Ends a phase after so many epochs without a better validation figure; 0 is off."),
PATH(train.reuse, SIX, "A run folder whose trained towers are taken over instead of trained: one music tower serves every text corpus. `multihead` and the metrics train both at once and refuse it."),

STRINGS(evaluate.mappings, "[va, w2v, manual]", mapping_words, SIX, "Which music moods are right for a text mood: nearest in valence and arousal, nearest in word-vector space (`w2v`: as mapping.w2v says; `w2v_paper` or `w2v_vectors`: that one), Table 2 of the paper."),
INT(evaluate.at_k, 5, 1, 10, "clips", SIX, "k of precision at k."),
INT(evaluate.bootstrap_samples, 1000, 0, 10000000, "samples", SIX, "Resamplings behind the confidence interval, at least 100; 0: no interval. Of the runs in one table the largest number counts."),
INT(evaluate.permutation_samples, 10000, 0, 10000000, "samples", SIX, "Permutations behind a p-value between two rows of a table, at least 100; 0: no test. The smallest p it can show is 1 / (samples + 1). Of the runs in one table the largest number counts."),

PATH(run.directory, ALL, "The run folder: recipe, metrics, checkpoints, report. Default: runs/ and the name."),
ENUM(run.device, device_choice, "auto", ALL, "Where training runs: `auto` takes a GPU where one can be used, and otherwise says in one line why none can; `cuda` does not do without. Evaluation, `index` and `match` run on the CPU."),
INT(run.threads, 0, 0, 4096, "threads", ALL, "Threads of the CPU backend and of the loader; 0: the cores this process may use. The result does not depend on it."),
BOOL(run.deterministic, true, ALL, "Same recipe, same kind of device, same bits. `false` lets the GPUs of several ranks sum gradients over NCCL, whose order varies (docs/cluster.md). The CPU keeps to the same bits."),
ENUM_OF_KERNELS(run.kernels, kernels, "fast", ALL, "Of a GPU. `plain`: those that are written to be read and judge the others; in fp32 alone. `cudnn`: NVIDIA's libraries where they have the op, `fast` elsewhere. The CPU has one kind."),
ENUM_OF_KERNELS(run.precision, precision, "fp32", ALL, "Of matrix products; master weights, statistics and reductions stay fp32. `tf32` and `bf16` are faster and need the fast kernels of a GPU: the CPU refuses them."),
INT(run.shards, 1, 1, 4096, "shards", ALL, "Fixed parts of a step whose results are summed as a tree: any number of ranks that divides it gives the same bits. Negatives come from all, BatchNorm's statistics with train.sync_batchnorm."),
INT(run.checkpoint_every_steps, 0, 0, INT_MAX, "steps", ALL, "Saves after so many steps; 0: by time alone. The end of a phase is always saved, and a stop saves first."),
INT(run.checkpoint_every_seconds, 600, 0, 31536000, "seconds", ALL, "Saves after so many seconds, which is what a lost node costs at most; 0: by steps alone."),
INT(run.keep_checkpoints, 2, 1, 100000, "checkpoints", ALL, "Newest checkpoints that are kept; the best one is kept besides."),
ENUM(run.resume, resume, "auto", ALL, "`auto` goes on from the newest whole checkpoint of the run folder, bit for bit; `never` starts anew and removes the checkpoints of the run before."),
INT(run.rank_deadline_seconds, 300, 1, 86400, "seconds", ALL, "A rank silent for so long is reported by name and the job ends with 6 (docs/cluster.md). One rank waits for nobody."),
};
const size_t leit_recipe_n_keys = sizeof leit_recipe_keys / sizeof leit_recipe_keys[0];

const struct leit_recipe_section leit_recipe_sections[] = {
    {"data", "What is trained on"},
    {"mel", "The log-mel front end"},
    {"augment", "Random changes of training crops, all off by default"},
    {"model", "The encoders and their heads"},
    {"model.music", "The music encoder"},
    {"model.text", "The text encoder"},
    {"model.head", "The heads on the encoders"},
    {"loss", "What is minimised"},
    {"mapping", "From text moods to music moods"},
    {"train", "The optimizer and how long it runs"},
    {"evaluate", "How a trained model is judged"},
    {"run", "Where and how it runs"},
};
const size_t leit_recipe_n_sections = sizeof leit_recipe_sections / sizeof leit_recipe_sections[0];

/* clang-format on */

static bool same(const char *path, const char *text, size_t length)
{
    return strlen(path) == length && memcmp(path, text, length) == 0;
}

int leit_recipe_find_key(const char *path, size_t length)
{
    for (size_t i = 0; i < leit_recipe_n_keys; i++)
        if (same(leit_recipe_keys[i].path, path, length)) return (int)i;
    return -1;
}

int leit_recipe_find_section(const char *path, size_t length)
{
    for (size_t i = 0; i < leit_recipe_n_sections; i++)
        if (same(leit_recipe_sections[i].path, path, length)) return (int)i;
    return -1;
}

int leit_recipe_key_of(const struct leit_recipe *recipe, const void *field)
{
    size_t offset = (size_t)((const char *)field - (const char *)recipe);
    for (size_t i = 0; i < leit_recipe_n_keys; i++)
        if (leit_recipe_keys[i].offset == offset) return (int)i;
    return -1;
}

const char *leit_key_type_name(enum leit_key_type type)
{
    switch (type) {
    case LEIT_KEY_INT: return "int";
    case LEIT_KEY_FLOAT: return "float";
    case LEIT_KEY_BOOL: return "bool";
    case LEIT_KEY_STRING: return "string";
    case LEIT_KEY_PATH: return "path";
    case LEIT_KEY_ENUM: return "enum";
    case LEIT_KEY_RANGE: return "range";
    case LEIT_KEY_STRINGS: return "list";
    }
    return "";
}

static leit_status write_words(const char *const *words, leit_buffer *text)
{
    for (size_t i = 0; words[i]; i++)
        LEIT_TRY(leit_buffer_printf(text, "%s%s", i ? ", " : "", words[i]));
    return LEIT_OK;
}

static leit_status write_interval(const struct leit_recipe_key *key, leit_buffer *text)
{
    if (key->above_low)
        return leit_buffer_printf(text, "above %g and %s %g", key->low,
                                  key->below_high ? "below" : "at most", key->high);
    if (key->below_high)
        return leit_buffer_printf(text, "from %g to below %g", key->low, key->high);
    return leit_buffer_printf(text, "from %.10g to %.10g", key->low, key->high);
}

leit_status leit_recipe_expected(const struct leit_recipe_key *key, leit_buffer *text)
{
    switch (key->type) {
    case LEIT_KEY_INT: LEIT_TRY(leit_buffer_puts(text, "a whole number ")); break;
    case LEIT_KEY_FLOAT: LEIT_TRY(leit_buffer_puts(text, "a number ")); break;
    case LEIT_KEY_BOOL: return leit_buffer_puts(text, "true or false");
    case LEIT_KEY_STRING: return leit_buffer_puts(text, "a string");
    case LEIT_KEY_PATH: return leit_buffer_puts(text, "a path");
    case LEIT_KEY_ENUM:
        LEIT_TRY(leit_buffer_puts(text, "one of "));
        return write_words(key->words, text);
    case LEIT_KEY_RANGE: LEIT_TRY(leit_buffer_puts(text, "[] or [low, high] with numbers ")); break;
    case LEIT_KEY_STRINGS:
        if (!key->words) return leit_buffer_puts(text, "a list of words such as [a, b]");
        LEIT_TRY(leit_buffer_puts(text, "a list of some of "));
        return write_words(key->words, text);
    }
    return write_interval(key, text);
}
