; traps.asm - the first instructions of every exception and interrupt.
;
; A stub a vector makes the stack look the same for all (the CPU pushes an error code for some only)
; and goes on to trap_common, which completes struct trap_frame of trap.h and calls trap_dispatch.
; All gates turn interrupts off. The double fault is no gate of this kind: it switches to a task of
; its own, with its own stack, because the old stack may be what failed.

KERNEL_DATA     equ 0x10
VECTORS         equ 48

extern trap_dispatch, trap_double_fault
global trap_stubs, trap_return, double_fault_entry

; Vectors for which the CPU pushes an error code (Intel SDM volume 3, table 6-1).
%define HAS_ERROR(v) ((v) == 8 || ((v) >= 10 && (v) <= 14) || (v) == 17 || (v) == 21 || (v) == 29 || (v) == 30)

section .text

%assign vector 0
%rep VECTORS
trap_stub_%[vector]:
    %if !HAS_ERROR(vector)
        push dword 0
    %endif
    push dword vector
    jmp trap_common
    %assign vector vector + 1
%endrep

; In: vector, error code and what the CPU pushed on the stack.
; Out: nothing is clobbered; the frame may have been changed by the handler.
trap_common:
    push ds
    push es
    push fs
    push gs
    pushad
    cld
    mov eax, KERNEL_DATA
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    push esp                        ; struct trap_frame *
    call trap_dispatch
trap_return:                        ; backtraces know this address
    add esp, 4
    popad
    pop gs
    pop fs
    pop es
    pop ds
    add esp, 8                      ; vector, error code
    iretd

; Entered by a task switch with the error code (always 0) on the fault stack. Does not return: what
; was interrupted cannot be resumed.
double_fault_entry:
    xor ebp, ebp
    call trap_double_fault
.stop:
    cli
    hlt
    jmp .stop

section .rodata
align 4
trap_stubs:
%assign vector 0
%rep VECTORS
    dd trap_stub_%[vector]
    %assign vector vector + 1
%endrep
