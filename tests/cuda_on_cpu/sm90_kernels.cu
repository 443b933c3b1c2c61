#include "cuda_on_cpu/sm90_kernels.h"

#include "kernels/leit_sm90.cuh"

bool sm90_is_here(void)
{
#ifdef __CUDACC__
    int device = 0, major = 0;
    return cudaGetDevice(&device) == cudaSuccess &&
           cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) ==
               cudaSuccess &&
           major == 9;
#else
    return true;
#endif
}

/* ---- products of boxes ---- */

enum { STAGES = 3, TILE_ROWS = 64, A_BYTES = TILE_ROWS * LEIT_BOX_ROW_BYTES };
enum { PRODUCT_THREADS = LEIT_WARPGROUP + LEIT_WARP, K_STEP_BYTES = 32 };

template <int N>
struct product_sizes {
    static constexpr int STAGE_BYTES = A_BYTES + N * LEIT_BOX_ROW_BYTES;
    static constexpr int SHARED_BYTES = STAGES * STAGE_BYTES + LEIT_BOX_ALIGNMENT;
};

struct stage_barriers {
    leit_mbarrier is_full,
        is_empty; /* one arrival and its bytes; one of each warp that multiplies */
};

/* Sum d of rows and columns that are there. */
template <int n>
static __device__ void store_sums(const float (&d)[n], float *c, int row, int column, int M, int N)
{
    const int warp = (int)threadIdx.x / LEIT_WARP, lane = (int)threadIdx.x % LEIT_WARP;
    LEIT_UNROLL
    for (int i = 0; i < n; i++) {
        const int m = row + 16 * warp + lane / 4 + (i % 4 >= 2 ? 8 : 0);
        const int k = column + 8 * (i / 4) + 2 * (lane % 4) + i % 2;
        if (m < M && k < N) c[m * N + k] = d[i];
    }
}

template <enum leit_box_element element, int N>
static __device__ void multiply_stage(float (&d)[N / 2], const unsigned char *stage)
{
    leit_warpgroup_begin();
    LEIT_UNROLL
    for (int byte = 0; byte < LEIT_BOX_ROW_BYTES; byte += K_STEP_BYTES) {
        const uint64_t a = leit_matrix_in_shared(stage + byte);
        const uint64_t b = leit_matrix_in_shared(stage + A_BYTES + byte);
        if (element == LEIT_BOX_BF16)
            leit_warpgroup_bf16(d, a, b);
        else
            leit_warpgroup_tf32(d, a, b);
    }
    leit_warpgroup_commit();
}

/* n_boxes boxes along k, each into the next stage as soon as it is empty. */
template <int N>
static __device__ void fetch_boxes(const leit_tensor_map &a, const leit_tensor_map &b,
                                   unsigned char *stages, stage_barriers *barriers, int n_boxes,
                                   int box_columns, int row, int column)
{
    for (int i = 0; i < n_boxes; i++) {
        stage_barriers *at = &barriers[i % STAGES];
        unsigned char *stage = stages + i % STAGES * product_sizes<N>::STAGE_BYTES;
        leit_mbarrier_wait(&at->is_empty, (unsigned)(i / STAGES % 2 == 0));
        leit_mbarrier_expect(&at->is_full, product_sizes<N>::STAGE_BYTES);
        leit_copy_box(stage, &a, i * box_columns, row, &at->is_full);
        leit_copy_box(stage + A_BYTES, &b, i * box_columns, column, &at->is_full);
    }
}

/* A stage is given back when the next one's products have begun: then its own have ended. */
template <enum leit_box_element element, int N>
static __device__ void multiply_boxes(float (&d)[N / 2], const unsigned char *stages,
                                      stage_barriers *barriers, int n_boxes)
{
    const bool is_first_lane = threadIdx.x % LEIT_WARP == 0;
    for (int i = 0; i < n_boxes; i++) {
        leit_mbarrier_wait(&barriers[i % STAGES].is_full, (unsigned)(i / STAGES % 2));
        multiply_stage<element, N>(d, stages + i % STAGES * product_sizes<N>::STAGE_BYTES);
        leit_warpgroup_await<1>();
        if (i > 0 && is_first_lane) leit_mbarrier_arrive(&barriers[(i - 1) % STAGES].is_empty);
    }
    leit_warpgroup_await<0>();
}

template <enum leit_box_element element, int N>
static __global__ void __launch_bounds__(PRODUCT_THREADS)
    product_of_boxes(const __grid_constant__ leit_tensor_map a,
                     const __grid_constant__ leit_tensor_map b, sm90_product p)
{
    LEIT_DYNAMIC_SHARED(unsigned char, shared);
    LEIT_SHARED(stage_barriers, barriers, [STAGES]);
    unsigned char *stages = leit_align_boxes(shared);
    const int box_columns = LEIT_BOX_ROW_BYTES / (element == LEIT_BOX_BF16 ? 2 : 4);
    const int n_boxes = (p.K + box_columns - 1) / box_columns;
    const int row = (int)blockIdx.y * TILE_ROWS, column = (int)blockIdx.x * N;
    if (threadIdx.x == 0) {
        for (int i = 0; i < STAGES; i++) {
            leit_mbarrier_open(&barriers[i].is_full, 1);
            leit_mbarrier_open(&barriers[i].is_empty, LEIT_WARPGROUP / LEIT_WARP);
        }
        leit_mbarrier_publish();
    }
    __syncthreads();
    if (threadIdx.x == LEIT_WARPGROUP) {
        fetch_boxes<N>(a, b, stages, barriers, n_boxes, box_columns, row, column);
    } else if (threadIdx.x < LEIT_WARPGROUP) {
        float d[N / 2] = {};
        multiply_boxes<element, N>(d, stages, barriers, n_boxes);
        store_sums(d, p.c, row, column, p.M, p.N);
    }
}

template <enum leit_box_element element, int N>
static leit_status launch_product(const sm90_product *p)
{
    leit_tensor_map a = {}, b = {};
    LEIT_TRY(leit_tensor_map_make(&a, element, p->a, p->M, p->K, p->K, TILE_ROWS));
    LEIT_TRY(leit_tensor_map_make(&b, element, p->b, p->N, p->K, p->K, N));
    const dim3 grid((unsigned)leit_pieces(p->N, N), (unsigned)leit_pieces(p->M, TILE_ROWS));
    const auto kernel = product_of_boxes<element, N>;
    LEIT_ALLOW_SHARED(kernel);
    LEIT_LAUNCH(kernel, grid, PRODUCT_THREADS, product_sizes<N>::SHARED_BYTES, nullptr, a, b, *p);
    return leit_launch_status("product_of_boxes");
}

leit_status sm90_multiply(const sm90_product *p)
{
    enum { NARROW = 64, WIDE = 256 };
    if (p->is_bf16 != 0)
        return p->is_wide != 0 ? launch_product<LEIT_BOX_BF16, WIDE>(p)
                               : launch_product<LEIT_BOX_BF16, NARROW>(p);
    return p->is_wide != 0 ? launch_product<LEIT_BOX_FLOATS, WIDE>(p)
                           : launch_product<LEIT_BOX_FLOATS, NARROW>(p);
}

/* ---- one box ---- */

enum { BOX_ROWS = 8, BOX_COLUMNS = LEIT_BOX_ROW_BYTES / 4 };

static __global__ void read_box(const __grid_constant__ leit_tensor_map map, sm90_box box)
{
    LEIT_DYNAMIC_SHARED(unsigned char, raw);
    LEIT_SHARED(leit_mbarrier, has_come, [1]);
    unsigned char *shared = leit_align_boxes(raw);
    if (threadIdx.x == 0) {
        leit_mbarrier_open(has_come, 1);
        leit_mbarrier_publish();
        leit_mbarrier_expect(has_come, BOX_ROWS * LEIT_BOX_ROW_BYTES);
        leit_copy_box(shared, &map, box.column, box.row, has_come);
    }
    __syncthreads();
    leit_mbarrier_wait(has_come, 0);
    for (int i = (int)threadIdx.x; i < BOX_ROWS * BOX_COLUMNS; i += LEIT_WARP)
        box.to[i] = *reinterpret_cast<const float *>(
            shared + leit_swizzled(i / BOX_COLUMNS, i % BOX_COLUMNS * 4));
}

leit_status sm90_copy_box(const sm90_box *box)
{
    leit_tensor_map map = {};
    LEIT_TRY(leit_tensor_map_make(&map, LEIT_BOX_FLOATS, box->matrix, box->rows, box->columns,
                                  box->columns, BOX_ROWS));
    LEIT_LAUNCH(read_box, 1, LEIT_WARP, BOX_ROWS * LEIT_BOX_ROW_BYTES + LEIT_BOX_ALIGNMENT, nullptr,
                map, *box);
    return leit_launch_status("read_box");
}

/* ---- what threads have written ---- */

static __global__ void product_of_written(const uint16_t *a, const uint16_t *b, float *c)
{
    LEIT_DYNAMIC_SHARED(unsigned char, raw);
    unsigned char *shared = leit_align_boxes(raw);
    float d[32] = {};
    for (int i = (int)threadIdx.x; i < 64 * 64; i += LEIT_WARPGROUP) {
        const int at = leit_swizzled(i / 64, i % 64 * 2);
        *reinterpret_cast<uint16_t *>(shared + at) = a[i];
        *reinterpret_cast<uint16_t *>(shared + A_BYTES + at) = b[i];
    }
    leit_publish_shared();
    __syncthreads();
    multiply_stage<LEIT_BOX_BF16, 64>(d, shared);
    leit_warpgroup_await<0>();
    store_sums(d, c, 0, 0, 64, 64);
}

leit_status sm90_multiply_written(const uint16_t *a, const uint16_t *b, float *c)
{
    LEIT_LAUNCH(product_of_written, 1, LEIT_WARPGROUP, 2 * A_BYTES + LEIT_BOX_ALIGNMENT, nullptr, a,
                b, c);
    return leit_launch_status("product_of_written");
}

/* ---- barriers alone ---- */

static __global__ void hand_over(int n_rounds, int *sums)
{
    LEIT_SHARED(leit_mbarrier, is_given, [1]);
    LEIT_SHARED(leit_mbarrier, is_taken, [1]);
    LEIT_SHARED(int, between, [LEIT_WARP]);
    const int lane = (int)threadIdx.x % LEIT_WARP;
    if (threadIdx.x == 0) {
        leit_mbarrier_open(is_given, LEIT_WARP);
        leit_mbarrier_open(is_taken, LEIT_WARP);
        leit_mbarrier_publish();
        for (int i = 0; i < LEIT_WARP; i++) between[i] = 0;
    }
    __syncthreads();
    for (int round = 0; round < n_rounds; round++) {
        const unsigned parity = (unsigned)(round % 2);
        if (threadIdx.x < LEIT_WARP) {
            leit_mbarrier_wait(is_taken, parity ^ 1);
            between[(lane + 1) % LEIT_WARP] += 1 + round; /* another lane's of the other warp */
            leit_mbarrier_arrive(is_given);
        } else {
            leit_mbarrier_wait(is_given, parity);
            sums[lane] = between[lane];
            leit_mbarrier_arrive(is_taken);
        }
    }
}

leit_status sm90_hand_over(int n_rounds, int *sums)
{
    LEIT_LAUNCH(hand_over, 1, 2 * LEIT_WARP, 0, nullptr, n_rounds, sums);
    return leit_launch_status("hand_over");
}
