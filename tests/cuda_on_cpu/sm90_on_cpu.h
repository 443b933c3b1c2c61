/* kernels/leit_sm90.cuh without PTX. Included by that header when the compiler is not nvcc. Boxes come as late as
 * a wait for their barrier allows, and their places are NaN until then (boxes.cc); products are made
 * when a wait says that they must have been, and their sums are NaN until then (warpgroups.cc). */
#ifndef LEIT_TESTS_SM90_ON_CPU_H
#define LEIT_TESTS_SM90_ON_CPU_H

#include "mma_on_cpu.h"

/* The emulator keeps what a barrier counts; this is its name. */
struct leit_mbarrier {
    uint64_t state;
};

struct alignas(64) leit_tensor_map {
    const unsigned char *matrix;
    int64_t rows, columns, step_bytes;
    int element_bytes, box_rows;
};

#define __grid_constant__

namespace emulator {

void open_barrier(place at, const void *barrier, unsigned n_arrivals);
void publish_barriers();
void arrive(place at, const void *barrier, int64_t expected_bytes);
void await_phase(place at, const void *barrier, unsigned parity);

void copy_box(place at, void *target, const leit_tensor_map &map, int column, int row,
              const void *barrier);
void publish_shared();

enum matrix_element { BF16, TF32 };
uint64_t matrix_in_shared(place at, const void *memory);
void begin_products(place at);
void multiply_in_shared(place at, matrix_element element, float *d, int n_columns, uint64_t a,
                        uint64_t b);
void commit_products(place at);
void await_products(place at, size_t n_groups);

} // namespace emulator

inline void leit_mbarrier_open(leit_mbarrier *barrier, unsigned n_arrivals, LEIT_CALLER)
{
    emulator::open_barrier(LEIT_PLACE, barrier, n_arrivals);
}

inline void leit_mbarrier_publish()
{
    emulator::publish_barriers();
}

inline void leit_mbarrier_arrive(leit_mbarrier *barrier, LEIT_CALLER)
{
    emulator::arrive(LEIT_PLACE, barrier, 0);
}

inline void leit_mbarrier_expect(leit_mbarrier *barrier, unsigned bytes, LEIT_CALLER)
{
    emulator::arrive(LEIT_PLACE, barrier, bytes);
}

inline void leit_mbarrier_wait(leit_mbarrier *barrier, unsigned parity, LEIT_CALLER)
{
    emulator::await_phase(LEIT_PLACE, barrier, parity);
}

inline leit_status leit_tensor_map_encode(leit_tensor_map *map, leit_box_element element,
                                          const void *matrix, int64_t rows, int64_t columns,
                                          int64_t step, int box_rows)
{
    const int bytes = leit_box_element_bytes(element);
    *map = {
        static_cast<const unsigned char *>(matrix), rows, columns, step * bytes, bytes, box_rows};
    return LEIT_OK;
}

inline void leit_copy_box(void *shared, const leit_tensor_map *map, int column, int row,
                          leit_mbarrier *barrier, LEIT_CALLER)
{
    emulator::copy_box(LEIT_PLACE, shared, *map, column, row, barrier);
}

inline void leit_publish_shared()
{
    emulator::publish_shared();
}

inline uint64_t leit_matrix_in_shared(const void *shared, LEIT_CALLER)
{
    return emulator::matrix_in_shared(LEIT_PLACE, shared);
}

inline void leit_warpgroup_begin(LEIT_CALLER)
{
    emulator::begin_products(LEIT_PLACE);
}

template <int n>
inline void leit_warpgroup_bf16(float (&d)[n], uint64_t a, uint64_t b, LEIT_CALLER)
{
    static_assert(n == 32 || n == 128, "products have 64 or 256 columns");
    emulator::multiply_in_shared(LEIT_PLACE, emulator::BF16, d, n * 2, a, b);
}

template <int n>
inline void leit_warpgroup_tf32(float (&d)[n], uint64_t a, uint64_t b, LEIT_CALLER)
{
    static_assert(n == 32 || n == 128, "products have 64 or 256 columns");
    emulator::multiply_in_shared(LEIT_PLACE, emulator::TF32, d, n * 2, a, b);
}

inline void leit_warpgroup_commit(LEIT_CALLER)
{
    emulator::commit_products(LEIT_PLACE);
}

template <int n_groups>
inline void leit_warpgroup_await(LEIT_CALLER)
{
    emulator::await_products(LEIT_PLACE, n_groups);
}

#endif
