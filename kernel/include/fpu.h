/* fpu.h - the registers of x87 and SSE, for those tasks that use them. */
#ifndef OCTAVO_FPU_H
#define OCTAVO_FPU_H

#include "task.h"

/* What FNSAVE writes. */
struct fnsave_image {
    uint32_t control, status, tag, ip, cs, operand, operand_segment;
    uint8_t registers[8][10];
};
_Static_assert(sizeof(struct fnsave_image) == 108, "the CPU defines it");

/* What FXSAVE writes: 512 bytes. */
struct fxsave_image {
    uint16_t control, status, tag, opcode;
    uint32_t ip, cs, operand, operand_segment, mxcsr, mxcsr_mask;
    uint8_t registers[8][16];
    uint8_t xmm[8][16];
    uint8_t reserved[224];
};
_Static_assert(sizeof(struct fxsave_image) == 512, "the CPU defines it");

/* Of one task. Which of the two it is fpu_extended() tells. */
struct fpu_state {
    union {
        struct fnsave_image fnsave;
        struct fxsave_image fxsave;
    };
} __attribute__((aligned(16)));

/* Learns what the CPU has. Once, before the first task in ring 3. */
void fpu_init(void);

/* The same for another CPU, by itself; `cr0` as the first one has it. */
void fpu_start(uint32_t cr0);

/* True when states are of FXSAVE's kind. */
bool fpu_extended(void);

/* The task gets (loses) the CPU: its FPU instructions work at once only if the registers are still
 * its own. */
void fpu_switch(const struct task *task);
/* The task gives up this CPU and may get another: if its values are in the registers, they go to
 * its memory. */
void fpu_leave(const struct task *task);

/* The state of the current task as it is now, to be read; NULL when it has none. */
const struct fpu_state *fpu_get(void);
/* The current task goes on with another state, which is copied. 0, or -ENOMEM. What a program must
 * not set is taken out. */
MUST_CHECK int fpu_set(const struct fpu_state *state);

/* Exceptions of x87 and SSE, at the same place in status and in mask. */
enum {
    FPU_INVALID = 0x01, FPU_DENORMAL = 0x02, FPU_ZERO_DIVIDE = 0x04, FPU_OVERFLOW = 0x08,
    FPU_UNDERFLOW = 0x10, FPU_INEXACT = 0x20, FPU_EXCEPTIONS = 0x3F
};

/* Those that the current task has had and does not mask, of x87 or of SSE. */
unsigned fpu_exceptions(bool simd);

/* The current task, if it has a state, goes on as if it had not used the FPU yet. */
void fpu_reset(void);

/* A copy of the current task's state for its child. 0, or -ENOMEM. */
MUST_CHECK int fpu_copy(struct task *child);

/* The task has no state any more: execve, exit. */
void fpu_drop(struct task *task);

#endif
