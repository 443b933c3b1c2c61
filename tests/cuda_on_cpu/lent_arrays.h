/* Arrays that the cases of tensor_cases.c and sm90_cases.c lend to a device, and the numbers in them. */
#ifndef LEIT_TESTS_LENT_ARRAYS_H
#define LEIT_TESTS_LENT_ARRAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cuda_on_cpu/tensor_cases.h"

void lend_from(const tensor_device *device);
const tensor_device *lending_device(void);

/* An array of the device with these values; NULL: for the kernel to fill. */
void *lend(const char *name, const void *values, size_t bytes);
/* Behind the last launch of a case, before its arrays are taken back. */
void forget_lent(void);
/* What a kernel made of it goes to `values`; NULL: nobody wants it. */
void take_back(const void *memory, void *values, size_t bytes);

/* Numbers that bf16 has, and so tf32: from -8 to 8, whole, or in steps of 1/16. */
void fill_numbers(float *values, int n, bool is_whole, uint32_t stream);

uint32_t bits_of(float value);
float float_of(uint32_t bits);

/* How far from the true sum of K products, `absolute` the sum of their magnitudes, any order of adding them may
 * end: whole numbers nowhere. */
double bound_of(int K, double absolute, bool is_whole);

#endif
