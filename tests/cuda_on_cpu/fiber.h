/* Fibers: several stacks in one OS thread, switched by hand. The emulator runs one per CUDA thread.
 *
 * On x86-64 a switch saves six registers in twenty nanoseconds; elsewhere it is ucontext's
 * swapcontext, which asks the kernel twice. AddressSanitizer is told of every switch. */
#ifndef LEIT_TESTS_FIBER_H
#define LEIT_TESTS_FIBER_H

#include <cstddef>

#if !defined(__x86_64__) || defined(LEIT_FIBER_UCONTEXT)
#define LEIT_FIBER_IS_UCONTEXT 1
#include <ucontext.h>
#else
#define LEIT_FIBER_IS_UCONTEXT 0
#endif

struct fiber {
#if LEIT_FIBER_IS_UCONTEXT
    ucontext_t context;
#else
    void *stack_pointer;
#endif
    void *stack; /* lowest address; NULL: the stack that the process came with */
    size_t stack_bytes;
    void *shadow; /* AddressSanitizer's */
};

/* Gives the fiber a stack; the first switch to it calls entry(), which must not return. */
void fiber_start(fiber *f, void (*entry)());

/* Runs `to` until somebody switches back to `from`. */
void fiber_switch(fiber *from, fiber *to);

/* The first thing an entry does. */
void fiber_enter();

/* Takes back the stack of a fiber that is not running and never will again. */
void fiber_free(fiber *f);

#endif
