#include "kernels/cufft.h"
#include "kernels/mel_spectrogram.cuh"

/* The mathematics of mel_spectrogram.cu with cuFFT in the middle: a launch writes all windowed frames, the library
 * transforms them, and a launch makes rows of the result of the powers. Every n_fft the op has; against
 * the other two kernels it moves a frame through memory four times. */

enum { THREADS = 128 };

/* The arrays in the workspace. */
struct mel_rooms {
    double *rms;             /* (B), where noise is wanted */
    float *frames, *spectra; /* (B W, n_fft), (B W, n_bins, 2) */
    void *library;           /* twice the spectra, the most that a plan may take */
    size_t library_bytes, bytes;
};

static mel_rooms rooms_of(const struct leit_mel_spectrogram *args, void *workspace)
{
    const int64_t n_frames = args->B * leit_mel_frames(args->S, args->tables->hop_length);
    const size_t align = LEIT_CUFFT_ALIGNMENT;
    const size_t spectra =
        leit_up_to_whole((size_t)(n_frames * args->tables->n_bins) * 2 * sizeof(float), align);
    uintptr_t at = leit_up_to_whole(reinterpret_cast<uintptr_t>(workspace), align);
    const uintptr_t begin = at;
    mel_rooms rooms = {};
    rooms.rms = reinterpret_cast<double *>(at);
    at += leit_up_to_whole((size_t)args->B * sizeof(double), align);
    rooms.frames = reinterpret_cast<float *>(at);
    at += leit_up_to_whole((size_t)(n_frames * args->tables->n_fft) * sizeof(float), align);
    rooms.spectra = reinterpret_cast<float *>(at);
    rooms.library = reinterpret_cast<void *>(at += spectra);
    rooms.library_bytes = 2 * spectra;
    rooms.bytes = at - begin + rooms.library_bytes + align;
    return rooms;
}

size_t leit_mel_spectrogram_workspace_library(const struct leit_mel_spectrogram *args,
                                              int n_workers)
{
    (void)n_workers;
    return args->B == 0 ? 0 : rooms_of(args, nullptr).bytes;
}

/* A block writes a frame, doubled (leit_mel_filter takes four times the power); zeros where no clip is. */
static __global__ void write_frames(leit_mel_call s, const double *rms, float *frames)
{
    const leit_mel_tables &tables = s.tables;
    const int64_t b = blockIdx.x / s.W, w = blockIdx.x % s.W;
    const bool is_there = b < leit_device_rows(s.n_samples, s.B);
    leit_mel_levels levels = {};
    if (is_there) levels = leit_mel_draw_levels(s, b, rms == nullptr ? 0.0 : rms[b]);
    const int64_t begin = w * tables.hop_length - tables.n_fft / 2;
    float *frame = frames + (int64_t)blockIdx.x * tables.n_fft;
    for (int n = (int)threadIdx.x; n < tables.n_fft; n += THREADS)
        frame[n] =
            is_there ? 2.0f * leit_mel_sample(s, levels, b, begin + n) * tables.window[n] : 0.0f;
}

static __global__ void filter_frames(leit_mel_call s, const float2 *spectra)
{
    LEIT_DYNAMIC_SHARED(float, power);
    const int n_bins = s.tables.n_bins;
    const int64_t b = blockIdx.x / s.W, w = blockIdx.x % s.W;
    /* The same for all threads of the block. */
    if (b < leit_device_rows(s.n_samples, s.B)) {
        const float2 *spectrum = spectra + (int64_t)blockIdx.x * n_bins;
        for (int k = (int)threadIdx.x; k < n_bins; k += THREADS)
            power[k] = spectrum[k].x * spectrum[k].x + spectrum[k].y * spectrum[k].y;
        __syncthreads();
        leit_mel_write_column(s, power, b, w);
    }
}

leit_status leit_mel_spectrogram_forward_library(const leit_exec *exec,
                                                 const struct leit_mel_spectrogram *args)
{
    LEIT_TRY(leit_mel_spectrogram_check(args));
    LEIT_TRY(leit_check_workspace("mel_spectrogram", exec,
                                  leit_mel_spectrogram_workspace_library(args, 1)));
    if (args->B == 0) return LEIT_OK;
    const leit_mel_call s = leit_mel_call_of(args);
    const mel_rooms rooms = rooms_of(args, exec->workspace);
    const double *rms = leit_mel_has_noise(args) ? rooms.rms : nullptr;
    if (rms != nullptr) leit_mel_measure_clips(exec, &s, rooms.rms);
    const unsigned n_frames = (unsigned)(s.B * s.W);
    LEIT_LAUNCH(write_frames, n_frames, THREADS, 0, exec->stream, s, rms, rooms.frames);
    const struct leit_cufft_transform transform = {s.tables.n_fft, n_frames, rooms.frames,
                                                   rooms.spectra};
    LEIT_TRY(
        leit_cufft_run(exec, "mel_spectrogram", &transform, rooms.library, rooms.library_bytes));
    LEIT_LAUNCH(filter_frames, n_frames, THREADS, (size_t)s.tables.n_bins * sizeof(float),
                exec->stream, s, reinterpret_cast<const float2 *>(rooms.spectra));
    return leit_launch_status("mel_spectrogram");
}
