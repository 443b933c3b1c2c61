#include "kernels/mel_spectrogram.cuh"

/* One launch from PCM to the result, for n_fft = 512; other sizes go to the plain kernel. Where
 * noise is wanted, one more before it squares the clips: a level needs all samples of a clip.
 *
 * A block takes 16 neighbouring frames of a clip. Their samples, which overlap, are read, amplified
 * and given their noise once, into shared memory. A warp transforms two frames at a time as real and
 * imaginary part of z: with Z = FFT(f + i g), the spectra are F[k] = (Z[k] + conj Z[N - k]) / 2 and
 * G[k] = (Z[k] - conj Z[N - k]) / (2 i). So that a quiet frame keeps its digits beside a loud one,
 * both are scaled by powers of two to the same size before, and silence is silent after.
 *
 * The transform of 512 points is 8 x 8 x 8: decimation in frequency, each lane with two times eight
 * points in registers, and two exchanges through shared memory. With n = 64 a + 8 b + c:
 *   pass 1  over a, lanes along 8 b + c; output a' is turned by w^(a' (8 b + c))
 *   pass 2  over b, lanes along c, then a'; output b' is turned by w^(8 b' c)
 *   pass 3  over c, lanes along a', then b'; output c' is frequency a' + 8 b' + 64 c'
 * Point (a, b, c) lies at (64 a + 8 b + c) xor (9 a mod 32): in each pass the sixteen lanes that one
 * access of 8 bytes serves meet all banks. Z[N - k] lies in lane 32 - lane, so that untangling is a
 * shuffle. Powers lie 2 banks apart from frame to frame, and neighbouring threads filter
 * neighbouring frames: their sums meet no bank twice, and their results are neighbours in y. */

enum { N = 512, FRAMES = 16, WARPS = FRAMES / 2, THREADS = WARPS * LEIT_WARP };
enum { POWERS = N / 2 + 2, WARP_FLOATS = 2 * N + 4 };
/* The samples of frames at most N apart lie where the transforms come later. */
static_assert(FRAMES * N <= WARPS * WARP_FLOATS && 2 * POWERS <= WARP_FLOATS, "shared memory");

/* What squares are summed over by a block. */
enum { PIECE = 4096, PIECE_THREADS = 128 };

static bool is_made_for(const struct leit_mel_spectrogram *args)
{
    return args->tables->n_fft == N;
}

size_t leit_mel_spectrogram_workspace_fast(const struct leit_mel_spectrogram *args, int n_workers)
{
    if (args->tables == nullptr || !is_made_for(args))
        return leit_mel_spectrogram_workspace_cuda(args, n_workers);
    if (!leit_mel_has_noise(args) || args->B < 1) return 0;
    return (size_t)(args->B * leit_pieces(args->S, PIECE)) * sizeof(int64_t);
}

/* squares (B, pieces) */
static __global__ void measure_pieces(leit_mel_call s, int64_t *squares)
{
    LEIT_SHARED(int64_t, partial, [LEIT_WARP]);
    const int64_t pieces = leit_pieces(s.S, PIECE);
    const int64_t b = blockIdx.x / pieces, begin = blockIdx.x % pieces * PIECE;
    int64_t n = s.S - begin;
    if (n > PIECE) n = PIECE;
    if (b >= leit_device_rows(s.n_samples, s.B)) n = 0;
    const int64_t sum = leit_mel_sum_squares(s.pcm + b * s.S + begin, n, partial);
    if (threadIdx.x == 0) squares[blockIdx.x] = sum;
}

/* ---- samples ---- */

struct drawn {
    leit_mel_levels levels;
    leit_mel_mask columns, rows;
};

/* A warp for each thing to draw; all threads of the block call it. */
static __device__ void draw_clip(const leit_mel_call &s, int64_t b, const int64_t *squares,
                                 struct drawn &drawn)
{
    const int warp = (int)threadIdx.x / LEIT_WARP, lane = (int)threadIdx.x % LEIT_WARP;
    if (warp == 0) {
        const int64_t pieces = squares == nullptr ? 0 : leit_pieces(s.S, PIECE);
        int64_t sum = 0;
        for (int64_t i = lane; i < pieces; i += LEIT_WARP) sum += squares[b * pieces + i];
        sum = leit_warp_sum(sum);
        if (lane == 0) drawn.levels = leit_mel_draw_levels(s, b, leit_mel_rms(s, sum));
    }
    const leit_mel_mask nothing = {};
    if (warp == 1 && lane == 0)
        drawn.columns = s.is_augmented ? leit_mel_masked_columns(s, b) : nothing;
    if (warp == 2 && lane == 0) drawn.rows = s.is_augmented ? leit_mel_masked_rows(s, b) : nothing;
    __syncthreads();
}

/* The samples of a clip from `begin` to before `end`, which may lie outside of it. */
struct stretch {
    int64_t begin, end;
    float *samples;
};

/* Sample i of the clip, to where it stands in the stretch and where its reflections do. */
static __device__ void place_sample(const struct stretch &stretch, int64_t S, int64_t i, float x)
{
    const int64_t left = -i, right = 2 * (S - 1) - i;
    if (i >= stretch.begin && i < stretch.end) stretch.samples[i - stretch.begin] = x;
    if (i > 0 && left >= stretch.begin) stretch.samples[left - stretch.begin] = x;
    if (right >= S && right < stretch.end) stretch.samples[right - stretch.begin] = x;
}

/* Four samples, for which one Philox block has the noise. */
static __device__ void place_noisy(const leit_mel_call &s, const leit_mel_levels &levels, int64_t b,
                                   int64_t quad, const struct stretch &stretch)
{
    uint32_t words[4];
    leit_mel_draw_block(s, b, (uint32_t)(LEIT_MEL_DRAW_NOISE_BLOCK + quad), words);
    LEIT_UNROLL
    for (int pair = 0; pair < 4; pair += 2) {
        const float radius = leit_mel_radius(words[pair]) * levels.noise_scale;
        const float turn = leit_uniform_from_word(words[pair + 1]);
        const int64_t i = 4 * quad + pair;
        const int16_t *pcm = s.pcm + b * s.S + i;
        if (i < s.S)
            place_sample(stretch, s.S, i,
                         (float)pcm[0] * levels.scale + radius * leit_cos_of_turn(turn));
        if (i + 1 < s.S)
            place_sample(stretch, s.S, i + 1,
                         (float)pcm[1] * levels.scale + radius * leit_sin_of_turn(turn));
    }
}

/* Every sample that the stretch shows, itself or reflected, is read once, by the whole block. */
static __device__ void load_stretch(const leit_mel_call &s, const leit_mel_levels &levels,
                                    int64_t b, const struct stretch &stretch)
{
    int64_t from = 2 * (s.S - 1) - (stretch.end - 1), to = 1 - stretch.begin;
    if (from > stretch.begin) from = stretch.begin;
    if (from < 0) from = 0;
    if (to < stretch.end) to = stretch.end;
    if (to > s.S) to = s.S;
    if (levels.noise_scale != 0.0f) {
        for (int64_t quad = from / 4 + threadIdx.x; 4 * quad < to; quad += THREADS)
            place_noisy(s, levels, b, quad, stretch);
    } else {
        for (int64_t i = from + threadIdx.x; i < to; i += THREADS)
            place_sample(stretch, s.S, i, (float)s.pcm[b * s.S + i] * levels.scale);
    }
    __syncthreads();
}

/* ---- the transform of two frames ---- */

/* Eight points in registers, in their order before and after. */
static __device__ __forceinline__ void transform_eight(leit_complex (&z)[8])
{
    const float diagonal = 0.70710678118654752f;
    leit_complex even[4], odd[4];
    LEIT_UNROLL
    for (int i = 0; i < 2; i++) {
        leit_complex *half = i == 0 ? even : odd;
        const leit_complex sum = leit_plus(z[i], z[i + 4]), off = leit_minus(z[i], z[i + 4]);
        const leit_complex sum2 = leit_plus(z[i + 2], z[i + 6]);
        const leit_complex off2 = leit_turn_back(leit_minus(z[i + 2], z[i + 6]));
        half[0] = leit_plus(sum, sum2);
        half[1] = leit_plus(off, off2);
        half[2] = leit_minus(sum, sum2);
        half[3] = leit_minus(off, off2);
    }
    const leit_complex first = odd[1], third = odd[3];
    odd[1].re = diagonal * (first.re + first.im);
    odd[1].im = diagonal * (first.im - first.re);
    odd[2] = leit_turn_back(odd[2]);
    odd[3].re = diagonal * (third.im - third.re);
    odd[3].im = -diagonal * (third.re + third.im);
    LEIT_UNROLL
    for (int i = 0; i < 4; i++) {
        z[i] = leit_plus(even[i], odd[i]);
        z[i + 4] = leit_minus(even[i], odd[i]);
    }
}

/* z[r] times w^(r step), from three turns of the table. */
static __device__ __forceinline__ void turn_eight(const leit_mel_tables &tables, int step,
                                                  leit_complex (&z)[8])
{
    const leit_complex w1 = leit_mel_turn(tables, step), w2 = leit_mel_turn(tables, 2 * step);
    const leit_complex w3 = leit_mel_turn(tables, 3 * step), w4 = leit_times(w2, w2);
    z[1] = leit_times(z[1], w1);
    z[2] = leit_times(z[2], w2);
    z[3] = leit_times(z[3], w3);
    z[4] = leit_times(z[4], w4);
    z[5] = leit_times(z[5], leit_times(w2, w3));
    z[6] = leit_times(z[6], leit_times(w3, w3));
    z[7] = leit_times(z[7], leit_times(w3, w4));
}

/* Where point (a, rest) lies, rest = 8 b + c. */
static __device__ __forceinline__ int place_of(int a, int rest)
{
    return (64 * a + rest) ^ (9 * a & 31);
}

/* z[h][r]: point 64 r + 32 h + lane before, that frequency after. `room` is the warp's own. */
static __device__ __forceinline__ void transform(const leit_mel_tables &tables, leit_complex *room,
                                                 leit_complex (&z)[2][8])
{
    const int lane = (int)threadIdx.x % LEIT_WARP;
    LEIT_UNROLL
    for (int h = 0; h < 2; h++) {
        const int rest = 32 * h + lane;
        transform_eight(z[h]);
        turn_eight(tables, rest, z[h]);
        LEIT_UNROLL
        for (int a = 0; a < 8; a++) room[place_of(a, rest)] = z[h][a];
    }
    __syncwarp(LEIT_ALL_LANES);
    LEIT_UNROLL
    for (int h = 0; h < 2; h++) {
        const int a = 4 * h + lane / 8, c = lane % 8;
        LEIT_UNROLL
        for (int b = 0; b < 8; b++) z[h][b] = room[place_of(a, 8 * b + c)];
        transform_eight(z[h]);
        turn_eight(tables, 8 * c, z[h]);
        LEIT_UNROLL
        for (int b = 0; b < 8; b++) room[place_of(a, 8 * b + c)] = z[h][b];
    }
    __syncwarp(LEIT_ALL_LANES);
    LEIT_UNROLL
    for (int h = 0; h < 2; h++) {
        const int a = lane % 8, b = 4 * h + lane / 8;
        LEIT_UNROLL
        for (int c = 0; c < 8; c++) z[h][c] = room[place_of(a, 8 * b + c)];
        transform_eight(z[h]);
    }
}

/* The power of two below x, 0 for 0. */
static __device__ float size_of(float x)
{
    union {
        float value;
        uint32_t bits;
    } size = {x};
    size.bits &= 0x7F800000u;
    return size.value;
}

/* Two frames of the stretch under the window, `step` samples apart; the second one may not be there.
 * Both come out in [1, 2), and sizes are what they were divided by. */
static __device__ void load_pair(const leit_mel_tables &tables, const float *samples, int step,
                                 bool is_second, leit_complex (&z)[2][8], float (&sizes)[2])
{
    const int lane = (int)threadIdx.x % LEIT_WARP;
    float largest_re = 0.0f, largest_im = 0.0f;
    LEIT_UNROLL
    for (int h = 0; h < 2; h++) {
        LEIT_UNROLL
        for (int r = 0; r < 8; r++) {
            const int n = 64 * r + 32 * h + lane;
            const float window = tables.window[n];
            z[h][r].re = samples[n] * window;
            z[h][r].im = is_second ? samples[step + n] * window : 0.0f;
            largest_re = fmaxf(largest_re, fabsf(z[h][r].re));
            largest_im = fmaxf(largest_im, fabsf(z[h][r].im));
        }
    }
    sizes[0] = size_of(leit_warp_max(largest_re));
    sizes[1] = size_of(leit_warp_max(largest_im));
    const float scale_re = sizes[0] > 0.0f ? 1.0f / sizes[0] : 0.0f;
    const float scale_im = sizes[1] > 0.0f ? 1.0f / sizes[1] : 0.0f;
    LEIT_UNROLL
    for (int h = 0; h < 2; h++) {
        LEIT_UNROLL
        for (int r = 0; r < 8; r++) {
            z[h][r].re *= scale_re;
            z[h][r].im *= scale_im;
        }
    }
}

/* Powers at frequency k of the two frames, from Z[k] and Z[N - k]. */
static __device__ void store_powers(float *power, int k, leit_complex z, leit_complex mirrored,
                                    const float (&sizes)[2])
{
    const float sum_re = (z.re + mirrored.re) * sizes[0], off_im = (z.im - mirrored.im) * sizes[0];
    const float off_re = (z.re - mirrored.re) * sizes[1], sum_im = (z.im + mirrored.im) * sizes[1];
    power[k] = sum_re * sum_re + off_im * off_im;
    power[POWERS + k] = off_re * off_re + sum_im * sum_im;
}

/* Frequencies 64 r + 32 h + lane up to N / 2. What mirrors them is in lane 32 - lane, in the other
 * h; lane 0, which mirrors into itself, brings its own. */
static __device__ void untangle(const leit_complex (&z)[2][8], const float (&sizes)[2],
                                float *power)
{
    const int lane = (int)threadIdx.x % LEIT_WARP, mirror = (LEIT_WARP - lane) % LEIT_WARP;
    LEIT_UNROLL
    for (int h = 0; h < 2; h++) {
        LEIT_UNROLL
        for (int r = 0; r < 4; r++) {
            const leit_complex own = h == 0 ? z[0][(8 - r) % 8] : z[1][7 - r];
            const leit_complex brought = lane == 0 ? own : z[1 - h][7 - r];
            leit_complex mirrored;
            mirrored.re = __shfl_sync(LEIT_ALL_LANES, brought.re, mirror);
            mirrored.im = __shfl_sync(LEIT_ALL_LANES, brought.im, mirror);
            store_powers(power, 64 * r + 32 * h + lane, z[h][r], mirrored, sizes);
        }
    }
    if (lane == 0) store_powers(power, N / 2, z[0][4], z[0][4], sizes);
}

/* ---- the block ---- */

/* From the powers of n_frames frames to y, from column `first` on. */
static __device__ void filter_frames(const leit_mel_call &s, int64_t b, int64_t first, int n_frames,
                                     const struct drawn &drawn, const float *memory)
{
    const int frame = (int)threadIdx.x % FRAMES;
    const float *power = memory + frame / 2 * WARP_FLOATS + frame % 2 * POWERS;
    const int64_t w = first + frame;
    const bool is_column_masked = leit_mel_is_masked(drawn.columns, w);
    for (int m = (int)threadIdx.x / FRAMES; m < s.tables.n_mels; m += THREADS / FRAMES) {
        if (frame >= n_frames) continue;
        const bool is_hidden = is_column_masked || leit_mel_is_masked(drawn.rows, m);
        s.y[(b * s.tables.n_mels + m) * s.W + w] =
            is_hidden ? leit_mel_masked_value(s) : leit_mel_filter(s, power, m);
    }
}

static __global__ void __launch_bounds__(THREADS)
    compute_spectrograms(leit_mel_call s, const int64_t *squares)
{
    LEIT_SHARED(float, memory, [WARPS * WARP_FLOATS]);
    LEIT_SHARED(struct drawn, drawn, [1]);
    const int64_t groups = leit_pieces(s.W, FRAMES);
    const int64_t b = blockIdx.x / groups, first = blockIdx.x % groups * FRAMES;
    /* The same for all threads of the block. */
    if (b < leit_device_rows(s.n_samples, s.B)) {
        const int n_frames = s.W - first < FRAMES ? (int)(s.W - first) : (int)FRAMES;
        const int hop_length = s.tables.hop_length, warp = (int)threadIdx.x / LEIT_WARP;
        draw_clip(s, b, squares, drawn[0]);
        const int64_t begin = first * hop_length - N / 2;
        const struct stretch stretch = {begin, begin + (n_frames - 1) * hop_length + N, memory};
        load_stretch(s, drawn[0].levels, b, stretch);
        leit_complex z[2][8];
        float sizes[2];
        /* Warps without a frame transform the first one, for nobody. */
        const int frame = 2 * warp < n_frames ? 2 * warp : 0;
        load_pair(s.tables, memory + frame * hop_length, hop_length, frame + 1 < n_frames, z,
                  sizes);
        __syncthreads(); /* the samples are in registers: their memory is free */
        float *own = memory + warp * WARP_FLOATS;
        transform(s.tables, reinterpret_cast<leit_complex *>(own), z);
        __syncwarp(LEIT_ALL_LANES); /* the points have been read */
        untangle(z, sizes, own);
        __syncthreads();
        filter_frames(s, b, first, n_frames, drawn[0], memory);
    }
}

leit_status leit_mel_spectrogram_forward_fast(const leit_exec *exec,
                                              const struct leit_mel_spectrogram *args)
{
    LEIT_TRY(leit_mel_spectrogram_check(args));
    if (!is_made_for(args)) return leit_mel_spectrogram_forward_cuda(exec, args);
    LEIT_TRY(leit_check_workspace("mel_spectrogram", exec,
                                  leit_mel_spectrogram_workspace_fast(args, 1)));
    if (args->B == 0) return LEIT_OK;
    const leit_mel_call s = leit_mel_call_of(args);
    int64_t *squares = nullptr;
    if (leit_mel_has_noise(args)) {
        squares = static_cast<int64_t *>(exec->workspace);
        LEIT_LAUNCH(measure_pieces, (unsigned)(s.B * leit_pieces(s.S, PIECE)), PIECE_THREADS, 0,
                    exec->stream, s, squares);
    }
    LEIT_LAUNCH(compute_spectrograms, (unsigned)(s.B * leit_pieces(s.W, FRAMES)), THREADS, 0,
                exec->stream, s, squares);
    return leit_launch_status("mel_spectrogram");
}
