/* Hopper (compute capability 9.0, target sm_90a): barriers in shared memory, boxes of a matrix that the copy
 * engine (TMA) brings, and products of matrices by a warpgroup, four warps of which the first is a multiple of
 * four (wgmma). One thin function for each PTX instruction, as in leit_mma.cuh; on the CPU the same names are
 * tests/cuda_on_cpu/sm90_on_cpu.h. A file that calls these is compiled for sm_90a alone, and has a sibling
 * with mma.sync for every other target.
 *
 * A box lies in shared memory in rows of 128 bytes, of which the 16-byte pieces of row r are exchanged: piece c
 * is at c ^ (r % 8) ("128-byte swizzle"). Copies write it so and products read it so; what threads write
 * themselves goes through leit_swizzled. Boxes begin at multiples of 1024 bytes (leit_align_boxes).
 *
 *   A (64, k)  rows of A, k along the 128 bytes: 16 bf16 or 8 floats, tf32, to a product
 *   B (n, k)   rows of B, that is columns of the product, likewise
 *   d (64, n)  fp32 in registers: warp w of the warpgroup has rows 16 w .. 16 w + 15, and lane l of it, with
 *              group = l / 4 and i = l % 4, has in d[4 j], d[4 j + 1] row group, columns 8 j + 2 i, + 1 and in
 *              d[4 j + 2], d[4 j + 3] the same of row group + 8
 *
 * Order. A barrier counts arrivals and bytes; a phase ends when all it was told to expect has come, and the next
 * begins. What a thread did before it arrived, and the boxes of the phase, are seen by those who have waited for
 * it. What threads write into shared memory a product sees when they have called leit_publish_shared, and
 * then met. A product runs while the warps go on: d and what it reads are its own until
 * leit_warpgroup_await.
 * Source: PTX ISA, "mbarrier", "cp.async.bulk.tensor", "Asynchronous Warpgroup Level Matrix Multiply-Accumulate". */
#ifndef LEIT_KERNELS_LEIT_SM90_CUH
#define LEIT_KERNELS_LEIT_SM90_CUH

#include "kernels/leit_mma.cuh"

enum { LEIT_BOX_ROW_BYTES = 128, LEIT_BOX_ALIGNMENT = 1024, LEIT_WARPGROUP = 128 };

enum leit_box_element { LEIT_BOX_BF16, LEIT_BOX_FLOATS };

static inline int leit_box_element_bytes(enum leit_box_element element)
{
    return element == LEIT_BOX_BF16 ? 2 : 4;
}

/* The first place for boxes; shared memory is asked for with LEIT_BOX_ALIGNMENT bytes more. */
LEIT_DEVICE_FUNCTION unsigned char *leit_align_boxes(unsigned char *shared)
{
    const uintptr_t misplaced = reinterpret_cast<uintptr_t>(shared) % LEIT_BOX_ALIGNMENT;
    return shared + (misplaced == 0 ? 0 : LEIT_BOX_ALIGNMENT - misplaced);
}

/* Where in its box byte `byte` of row `row` lies. */
LEIT_DEVICE_FUNCTION int leit_swizzled(int row, int byte)
{
    return row * LEIT_BOX_ROW_BYTES + (byte ^ row % 8 * 16);
}

#ifdef __CUDACC__

#include <cuda.h>

/* ---- barriers ---- */

struct leit_mbarrier {
    uint64_t state;
};

/* A barrier of n_arrivals a phase, in shared memory. By one thread; leit_mbarrier_publish and __syncthreads
 * come before anyone uses it. */
LEIT_DEVICE_FUNCTION void leit_mbarrier_open(leit_mbarrier *barrier, unsigned n_arrivals)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(leit_shared_address(barrier)),
                 "r"(n_arrivals)
                 : "memory");
}

/* The copy engine sees the barriers that this thread has opened. */
LEIT_DEVICE_FUNCTION void leit_mbarrier_publish()
{
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

LEIT_DEVICE_FUNCTION void leit_mbarrier_arrive(leit_mbarrier *barrier)
{
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(leit_shared_address(barrier))
                 : "memory");
}

/* Arrives, and this phase ends no sooner than `bytes` more have come; less than 2^20 a phase. */
LEIT_DEVICE_FUNCTION void leit_mbarrier_expect(leit_mbarrier *barrier, unsigned bytes)
{
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(
                     leit_shared_address(barrier)),
                 "r"(bytes)
                 : "memory");
}

/* Until the phase of that parity has ended: phases are 0, 1, 0, ... and the one before the first counts
 * as ended, with parity 1. */
LEIT_DEVICE_FUNCTION void leit_mbarrier_wait(leit_mbarrier *barrier, unsigned parity)
{
    unsigned has_ended = 0;
    while (has_ended == 0)
        asm volatile("{\n"
                     ".reg .pred p;\n"
                     "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
                     "selp.u32 %0, 1, 0, p;\n"
                     "}"
                     : "=r"(has_ended)
                     : "r"(leit_shared_address(barrier)), "r"(parity)
                     : "memory");
}

/* ---- boxes ---- */

/* A matrix in device memory that boxes are cut from. An argument of a kernel: const __grid_constant__. */
typedef CUtensorMap leit_tensor_map;

static inline leit_status leit_tensor_map_encode(leit_tensor_map *map,
                                                 enum leit_box_element element, const void *matrix,
                                                 int64_t rows, int64_t columns, int64_t step,
                                                 int box_rows)
{
    typedef CUresult encode_function(CUtensorMap *, CUtensorMapDataType, cuuint32_t, void *,
                                     const cuuint64_t *, const cuuint64_t *, const cuuint32_t *,
                                     const cuuint32_t *, CUtensorMapInterleave, CUtensorMapSwizzle,
                                     CUtensorMapL2promotion, CUtensorMapFloatOOBfill);
    void *encode = nullptr;
    cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
    const cudaError_t error = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &encode,
                                                               12000, cudaEnableDefault, &found);
    LEIT_FAIL_IF(error != cudaSuccess || found != cudaDriverEntryPointSuccess, LEIT_DEVICE,
                 "this driver has no cuTensorMapEncodeTiled, which CUDA 12.0 brought");
    const int bytes = leit_box_element_bytes(element);
    const cuuint64_t sizes[2] = {(cuuint64_t)columns, (cuuint64_t)rows};
    const cuuint64_t step_bytes[1] = {(cuuint64_t)(step * bytes)};
    const cuuint32_t box[2] = {(cuuint32_t)(LEIT_BOX_ROW_BYTES / bytes), (cuuint32_t)box_rows};
    const cuuint32_t strides[2] = {1, 1};
    const CUresult result = reinterpret_cast<encode_function *>(encode)(
        map,
        element == LEIT_BOX_BF16 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16
                                 : CU_TENSOR_MAP_DATA_TYPE_FLOAT32,
        2, const_cast<void *>(matrix), sizes, step_bytes, box, strides,
        CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
        CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    LEIT_FAIL_IF(result != CUDA_SUCCESS, LEIT_DEVICE, "cuTensorMapEncodeTiled: error %d",
                 (int)result);
    return LEIT_OK;
}

/* By one thread: the box of rows row .. and columns column .. comes to `shared`, and all its bytes count at the
 * barrier when they are there; what lies outside of the matrix is zero. */
LEIT_DEVICE_FUNCTION void leit_copy_box(void *shared, const leit_tensor_map *map, int column,
                                        int row, leit_mbarrier *barrier)
{
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], "
        "[%1, {%2, %3}], [%4];" ::"r"(leit_shared_address(shared)),
        "l"(map), "r"(column), "r"(row), "r"(leit_shared_address(barrier))
        : "memory");
}

/* What this thread has written into shared memory is there for products, once it has met those who begin them. */
LEIT_DEVICE_FUNCTION void leit_publish_shared()
{
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

/* ---- products ---- */

/* A box, or from 32, 64 or 96 bytes along its rows: start, 1024 bytes from 8 rows to the next 8, swizzle. */
LEIT_DEVICE_FUNCTION uint64_t leit_matrix_in_shared(const void *shared)
{
    const uint64_t start = (leit_shared_address(shared) & 0x3FFFF) >> 4;
    return start | 1ull << 16 | 64ull << 32 | 1ull << 62;
}

/* Before the first product behind a wait, and behind whatever has touched d: by the whole warpgroup, as all that
 * follow. */
LEIT_DEVICE_FUNCTION void leit_warpgroup_begin()
{
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

/* Makes one group of the products since the last call. */
LEIT_DEVICE_FUNCTION void leit_warpgroup_commit()
{
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

/* Until at most the last `n_groups` are under way. */
template <int n_groups>
LEIT_DEVICE_FUNCTION void leit_warpgroup_await()
{
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(n_groups) : "memory");
}

#define LEIT_EIGHT(i)                                                                              \
    "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]),    \
        "+f"(d[i + 6]), "+f"(d[i + 7])
#define LEIT_NAMES_0_31                                                                            \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                       \
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define LEIT_NAMES_32_127                                                                          \
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "             \
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "             \
    "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "             \
    "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "             \
    "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, "       \
    "%111, %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, "   \
    "%126, %127"

/* d += A B^T of 64 columns, and of 256. */
#define LEIT_WARPGROUP_PRODUCTS(name, k, type, layouts)                                            \
    LEIT_DEVICE_FUNCTION void name(float(&d)[32], uint64_t a, uint64_t b)                          \
    {                                                                                              \
        asm volatile("wgmma.mma_async.sync.aligned.m64n64" k ".f32." type "." type                 \
                     " {" LEIT_NAMES_0_31 "}, %32, %33, 1, 1, 1" layouts ";"                       \
                     : LEIT_EIGHT(0), LEIT_EIGHT(8), LEIT_EIGHT(16), LEIT_EIGHT(24)                \
                     : "l"(a), "l"(b));                                                            \
    }                                                                                              \
    LEIT_DEVICE_FUNCTION void name(float(&d)[128], uint64_t a, uint64_t b)                         \
    {                                                                                              \
        asm volatile("wgmma.mma_async.sync.aligned.m64n256" k ".f32." type "." type                \
                     " {" LEIT_NAMES_0_31 ", " LEIT_NAMES_32_127 "}, %128, %129, 1, 1, 1" layouts  \
                     ";"                                                                           \
                     : LEIT_EIGHT(0), LEIT_EIGHT(8), LEIT_EIGHT(16), LEIT_EIGHT(24),               \
                       LEIT_EIGHT(32), LEIT_EIGHT(40), LEIT_EIGHT(48), LEIT_EIGHT(56),             \
                       LEIT_EIGHT(64), LEIT_EIGHT(72), LEIT_EIGHT(80), LEIT_EIGHT(88),             \
                       LEIT_EIGHT(96), LEIT_EIGHT(104), LEIT_EIGHT(112), LEIT_EIGHT(120)           \
                     : "l"(a), "l"(b));                                                            \
    }
LEIT_WARPGROUP_PRODUCTS(leit_warpgroup_bf16, "k16", "bf16", ", 0, 0")
LEIT_WARPGROUP_PRODUCTS(leit_warpgroup_tf32, "k8", "tf32", "")
#undef LEIT_WARPGROUP_PRODUCTS
#undef LEIT_NAMES_0_31
#undef LEIT_NAMES_32_127
#undef LEIT_EIGHT

#else
#include <sm90_on_cpu.h> /* the same names, for the CPU */
#endif

/* The matrix (rows, columns) of `step` elements from row to row, in boxes of box_rows (at most 256) and 128
 * bytes. It begins at, and its rows lie, multiples of 16 bytes apart. LEIT_DEVICE where the driver refuses. */
static inline leit_status leit_tensor_map_make(leit_tensor_map *map, enum leit_box_element element,
                                               const void *matrix, int64_t rows, int64_t columns,
                                               int64_t step, int box_rows)
{
    const int64_t most = INT64_C(1) << 32, step_bytes = step * leit_box_element_bytes(element);
    LEIT_FAIL_IF(reinterpret_cast<uintptr_t>(matrix) % 16 != 0 || step_bytes % 16 != 0,
                 LEIT_INTERNAL, "boxes want a matrix and rows that are aligned to 16 bytes");
    LEIT_FAIL_IF(rows < 1 || columns < 1 || rows > most || columns > most || step < columns ||
                     box_rows < 1 || box_rows > 256,
                 LEIT_INTERNAL, "boxes of %d rows of a matrix of %lld x %lld, %lld apart", box_rows,
                 (long long)rows, (long long)columns, (long long)step);
    return leit_tensor_map_encode(map, element, matrix, rows, columns, step, box_rows);
}

#endif
