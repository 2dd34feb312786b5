; traps.asm - the first and the last instructions of every exception, interrupt and system call.
;
; A stub a vector makes the stack look the same for all (the CPU pushes an error code for some only)
; and goes on to trap_common, which completes struct trap_frame of trap.h and calls trap_dispatch.
; Two vectors have a way of their own because programs take it all the time: page faults, and system
; calls, whose gate leaves interrupts on. All other gates turn them off. The double fault is no gate
; of this kind: it switches to a task of its own, with its own stack, because the old stack may be
; what failed.
;
;   ring 3 ──► stub ──► frame ──► C ──► return_to_user ──► ring 3
;                                        │      ▲
;                                        └ work ┘    signals, other tasks' turn

; C functions take their first three arguments in EAX, EDX and ECX (gcc's -mregparm=3), so a frame's
; address goes there and nothing lies between the frame and the return address.

%include "frame.inc"

VECTORS         equ 50
DEBUG           equ 1
PAGE_FAULT      equ 14
SYSCALL_VECTOR  equ 0x80

extern trap_dispatch, trap_double_fault, page_fault, breakpoint_reached, task_work, syscall_unknown
extern syscall_table, syscall_count
global trap_stubs, spurious_entry, double_fault_entry, page_fault_entry, debug_entry, syscall_entry, return_to_user
global trap_return, page_fault_return, syscall_return, work_return ; backtraces know them
global restore_segments, restore_segments_end, restore_stack

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
    SAVE_REGISTERS
.dispatch:
    mov eax, esp                    ; struct trap_frame *
    call trap_dispatch
trap_return:
return_from_trap:
    test byte [esp + FRAME_CS], 3
    jnz return_to_user
    popad
    add esp, 4                      ; gs: untouched
    pop fs                          ; the program's, when its system call had only begun
    pop es
    pop ds
    add esp, 8                      ; vector, error code
    iretd

; The debug exception when break= is given (breakpoints.c). At XCHG BX,BX Bochs stops, with nothing
; left to do but the IRET to the place that was reached.
debug_entry:
    push dword 0
    push dword DEBUG
    SAVE_REGISTERS
    mov eax, esp
    call breakpoint_reached
    test al, al
    jz trap_common.dispatch
    popad
    add esp, 4
    pop fs
    pop es
    pop ds
    add esp, 8
    xchg bx, bx
    iretd

page_fault_entry:
    push dword PAGE_FAULT
    SAVE_REGISTERS
    mov eax, esp
    call page_fault
page_fault_return:
    jmp return_from_trap

; In: EAX = number, the rest as syscall.h says. Interrupts stay on.
syscall_entry:
    push eax                        ; in the place of the error code
    push dword SYSCALL_VECTOR
    SAVE_REGISTERS
    cmp eax, [syscall_count]
    jae unknown_call
    mov edx, [syscall_table + eax * 4]
    test edx, edx
    jz unknown_call
.call:
    mov eax, esp
    call edx
syscall_return:
    mov [esp + FRAME_EAX], eax
    ; falls through

; Goes back to ring 3 with the frame at the top of the stack, after the task's work.
return_to_user:
    cli                             ; no interrupt adds work behind the look at it
    mov eax, [fs:CPU_TASK]
    cmp dword [eax + TASK_WORK], 0
    jne user_work
    popad
restore_segments:
    pop gs
    pop fs
    pop es
    pop ds
restore_segments_end:
    add esp, 8
restore_stack:
    iretd
user_work:
    sti
    mov eax, esp
    call task_work
work_return:
    jmp return_to_user

unknown_call:
    mov edx, syscall_unknown
    jmp syscall_entry.call

; An interrupt whose cause had gone before the local APIC could say which it was; it must not be
; ended.
spurious_entry:
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
