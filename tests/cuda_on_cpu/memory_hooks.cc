/* What -fsanitize=thread calls before a load or a store. Only kernels are compiled with it; the
 * names are the compiler's. */
#include <cstddef>
#include <cstring>

#include "cuda_on_cpu/checker.h"

#define PC __builtin_return_address(0)

/* The compiler may fuse a read and a write of one address into one call. */
#define HOOKS(bytes, aligned)                                                                      \
    void __tsan_##aligned##read##bytes(void *address)                                              \
    {                                                                                              \
        checker::access(address, bytes, checker::READ, PC);                                        \
    }                                                                                              \
    void __tsan_##aligned##write##bytes(void *address)                                             \
    {                                                                                              \
        checker::access(address, bytes, checker::WRITE, PC);                                       \
    }                                                                                              \
    void __tsan_##aligned##read_write##bytes(void *address)                                        \
    {                                                                                              \
        checker::access(address, bytes, checker::READ, PC);                                        \
        checker::access(address, bytes, checker::WRITE, PC);                                       \
    }

extern "C" {

HOOKS(1, )
HOOKS(2, )
HOOKS(4, )
HOOKS(8, )
HOOKS(16, )
HOOKS(2, unaligned_)
HOOKS(4, unaligned_)
HOOKS(8, unaligned_)
HOOKS(16, unaligned_)
HOOKS(1, volatile_)
HOOKS(2, volatile_)
HOOKS(4, volatile_)
HOOKS(8, volatile_)
HOOKS(16, volatile_)

void __tsan_read_range(void *address, size_t bytes)
{
    checker::access(address, bytes, checker::READ, PC);
}

void __tsan_write_range(void *address, size_t bytes)
{
    checker::access(address, bytes, checker::WRITE, PC);
}

void *__tsan_memcpy(void *target, const void *source, size_t bytes)
{
    checker::access(source, bytes, checker::READ, PC);
    checker::access(target, bytes, checker::WRITE, PC);
    return memcpy(target, source, bytes);
}

void *__tsan_memset(void *target, int value, size_t bytes)
{
    checker::access(target, bytes, checker::WRITE, PC);
    return memset(target, value, bytes);
}

void __tsan_init()
{
}

void __tsan_func_entry(void *)
{
}

void __tsan_func_exit()
{
}

} // extern "C"
