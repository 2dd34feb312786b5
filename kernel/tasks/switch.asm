; switch.asm - from one task's kernel stack to another's.
;
; A task that does not run has on its stack, at task->stack_pointer, what the C calling convention
; keeps across a call, and the address to go on at. A new task's stack is made to look like that.

%include "frame.inc"

global task_switch, task_begin
extern task_began

section .text

; void task_switch(struct task *from, struct task *to);
; In: EAX = from, EDX = to. Returns when another switch leads back to `from`. Interrupts must be
; off, and the lock of the CPU's run queue held; who comes off the new stack gives it back.
task_switch:
    push ebp
    push ebx
    push esi
    push edi
    mov [eax + TASK_STACK_POINTER], esp
    mov esp, [edx + TASK_STACK_POINTER]
    pop edi
    pop esi
    pop ebx
    pop ebp
    ret

; Where a task begins that has never run, interrupts off. In: EBX = where it goes on.
task_begin:
    call task_began
    jmp ebx
