#include "cuda_on_cpu/fiber.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
enum { STACK_BYTES = 256 * 1024 };
#else
enum { STACK_BYTES = 64 * 1024 };
#endif
enum { PAGE_BYTES = 4096, STAGGER_BYTES = 256 };

/* Last in, first out: the next fiber gets the stack that is still in the cache. */
static std::vector<void *> free_stacks;

static void *take_stack()
{
    if (!free_stacks.empty()) {
        void *stack = free_stacks.back();
        free_stacks.pop_back();
        return stack;
    }
    void *stack = mmap(nullptr, STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    /* The lowest page is a guard. */
    if (stack == MAP_FAILED || mprotect(stack, PAGE_BYTES, PROT_NONE) != 0) {
        perror("fiber: no memory for a stack");
        abort();
    }
    return stack;
}

void fiber_free(fiber *f)
{
#if defined(__SANITIZE_ADDRESS__)
    /* A fiber that was left in the middle of a function leaves its red zones behind. */
    __asan_unpoison_memory_region(static_cast<char *>(f->stack) + PAGE_BYTES,
                                  STACK_BYTES - PAGE_BYTES);
#endif
    free_stacks.push_back(f->stack);
    f->stack = nullptr;
}

#if defined(__SANITIZE_ADDRESS__)
static fiber *departed, *arriving;

static void announce(fiber *from, fiber *to)
{
    departed = from;
    arriving = to;
    __sanitizer_start_switch_fiber(&from->shadow, to->stack, to->stack_bytes);
}

static void arrive()
{
    const void *stack;
    size_t bytes;
    __sanitizer_finish_switch_fiber(arriving->shadow, &stack, &bytes);
    /* So the bounds of the process's own stack become known when it is first left. */
    departed->stack = const_cast<void *>(stack);
    departed->stack_bytes = bytes;
}
#else
static void announce(fiber *, fiber *)
{
}

static void arrive()
{
}
#endif

void fiber_enter()
{
    arrive();
}

#if LEIT_FIBER_IS_UCONTEXT

void fiber_start(fiber *f, void (*entry)())
{
    f->stack = take_stack();
    f->stack_bytes = STACK_BYTES;
    f->shadow = nullptr;
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = f->stack;
    f->context.uc_stack.ss_size = STACK_BYTES;
    f->context.uc_link = nullptr;
    makecontext(&f->context, entry, 0);
}

void fiber_switch(fiber *from, fiber *to)
{
    announce(from, to);
    swapcontext(&from->context, &to->context);
    arrive();
}

#else

/* void leit_fiber_switch(void **save, void *to): what a call must preserve goes onto the old stack
 * and comes off the new one. */
extern "C" void leit_fiber_switch(void **save, void *to);
asm(R"(
.text
.globl leit_fiber_switch
.type leit_fiber_switch, @function
leit_fiber_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size leit_fiber_switch, . - leit_fiber_switch
.section .note.GNU-stack, "", @progbits
.text
)");

void fiber_start(fiber *f, void (*entry)())
{
    f->stack = take_stack();
    f->stack_bytes = STACK_BYTES;
    f->shadow = nullptr;
    /* Tops are staggered: at equal distances a thousand stacks would share the same cache sets. */
    const uintptr_t top = reinterpret_cast<uintptr_t>(f->stack) + STACK_BYTES;
    const unsigned colour =
        static_cast<unsigned>(reinterpret_cast<uintptr_t>(f->stack) / STACK_BYTES);
    void **at = reinterpret_cast<void **>(top - (1 + colour % 16) * STAGGER_BYTES);
    *--at = nullptr; /* entry's return address: keeps the alignment of a call */
    *--at = reinterpret_cast<void *>(entry);
    for (int i = 0; i < 6; i++) *--at = nullptr;
    f->stack_pointer = at;
}

void fiber_switch(fiber *from, fiber *to)
{
    announce(from, to);
    leit_fiber_switch(&from->stack_pointer, to->stack_pointer);
    arrive();
}

#endif
