/* The row of moments of x (pixels, C), `samples` of which hold data; see kernels/batch_moments.h. */
static void REFERENCE(moments)(const real *x, int64_t pixels, int64_t C, int64_t samples,
                               real *moments)
{
    for (int64_t k = 0; k < C; k++) {
        real mean = 0, squares = 0;
        for (int64_t p = 0; p < pixels; p++) mean += x[p * C + k];
        if (pixels > 0) mean /= (real)pixels;
        for (int64_t p = 0; p < pixels; p++)
            squares += (x[p * C + k] - mean) * (x[p * C + k] - mean);
        moments[k] = mean;
        moments[C + k] = squares;
    }
    moments[2 * C] = (real)samples;
}
