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

NR_exit         equ 1
NR_clone        equ 120
NR_rt_sigreturn equ 173
CLONE_VM        equ 0x100
CLONE_FS        equ 0x200
CLONE_FILES     equ 0x400
SIGCHLD         equ 17

global _start, system_call, signal_return, run_beside
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

; int run_beside(void (*run)(void *), void *argument, void *stack_end)
; The new thread finds what to run, and with what, on its stack.
run_beside:
    push ebx
    mov edx, [esp + 8]          ; run
    mov eax, [esp + 12]         ; argument
    mov ecx, [esp + 16]         ; stack_end
    sub ecx, 8
    mov [ecx], edx
    mov [ecx + 4], eax
    mov ebx, CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD
    mov eax, NR_clone
    int 0x80
    test eax, eax
    jz .beside
    pop ebx
    ret
.beside:
    pop eax
    xor ebp, ebp                ; the outermost frame
    call eax
    mov eax, NR_exit
    xor ebx, ebx
    int 0x80

; Where a signal handler returns to: the frame of rt_sigaction lies on the stack.
signal_return:
    mov eax, NR_rt_sigreturn
    int 0x80

section .note.GNU-stack noalloc noexec nowrite progbits
