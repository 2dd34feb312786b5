; start.asm - where a program begins, how it calls the kernel, and how its signal handlers return.
;
; At _start the stack holds what execve put there, from low to high addresses:
;
;     esp ─► argc │ argv[0] … argv[argc-1] │ 0 │ environment … │ 0 │ auxiliary vector │ strings
;
; System calls are int 0x80: the number in eax, arguments in ebx ecx edx esi edi ebp, the answer in
; eax; all other registers stay as they are.

bits 32
section .text

NR_rt_sigreturn equ 173

global _start, system_call, signal_return
extern runtime_start

_start:
    xor ebp, ebp                ; the outermost frame
    push esp                    ; runtime_start(&argc)
    call runtime_start          ; does not return

; long system_call(int number, ...)
; Up to six arguments. Fewer passed: what lies above them on the stack is handed over unused.
system_call:
    push ebp
    push edi
    push esi
    push ebx
    mov eax, [esp + 20]
    mov ebx, [esp + 24]
    mov ecx, [esp + 28]
    mov edx, [esp + 32]
    mov esi, [esp + 36]
    mov edi, [esp + 40]
    mov ebp, [esp + 44]
    int 0x80
    pop ebx
    pop esi
    pop edi
    pop ebp
    ret

; Where a signal handler returns to: the frame of rt_sigaction lies on the stack.
signal_return:
    mov eax, NR_rt_sigreturn
    int 0x80

section .note.GNU-stack noalloc noexec nowrite progbits
