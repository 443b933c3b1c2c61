#include "cuda_on_cpu/lent_arrays.h"

#include <string.h>

#include "core/rng.h"
#include "support/testing.h"

static const tensor_device *lender;

void lend_from(const tensor_device *device)
{
    lender = device;
}

const tensor_device *lending_device(void)
{
    return lender;
}

void *lend(const char *name, const void *values, size_t bytes)
{
    void *memory = lender->memory->allocate(bytes, true);
    if (memory == NULL) fail_msg("%s: %s", name, leit_error_message());
    if (values != NULL) assert_ok(lender->memory->write(memory, values, bytes, NULL));
    if (lender->lend != NULL) lender->lend(name, memory, bytes, values != NULL ? bytes : 0);
    return memory;
}

void forget_lent(void)
{
    if (lender->forget != NULL) lender->forget();
}

void take_back(const void *memory, void *values, size_t bytes)
{
    if (values != NULL) assert_ok(lender->memory->read(values, memory, bytes, NULL));
    lender->memory->release((void *)(uintptr_t)memory);
}

uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void fill_numbers(float *values, int n, bool is_whole, uint32_t stream)
{
    leit_rng rng = leit_rng_start(7, stream, 0, 0);
    const uint32_t step = is_whole ? 1 : 16;
    for (int i = 0; i < n; i++)
        values[i] = ((float)leit_rng_below(&rng, 16 * step + 1) - (float)(8 * step)) / (float)step;
    if (!is_whole) /* and of magnitudes far apart */
        for (int i = 0; i < n; i += 3) values[i] *= 0x1p-12f;
}

/* Every product of two numbers of 8 (bf16) fraction bits is exact in f32. A tensor core adds K of them
 * and the K / 8 sums between, at most, each cut to 23 bits behind the largest exponent it has met,
 * which is of a number not above `absolute`, the sum of magnitudes: it loses less than 2^-22 of it. */
double bound_of(int K, double absolute, bool is_whole)
{
    return is_whole ? 0.0 : 1.125 * K * 0x1p-22 * absolute;
}
