; start_cpu.asm - the first instructions of every CPU but the first.
;
; A start-up message has a CPU begin in real mode at the beginning of a page below 1 MiB. There it
; finds a copy of start_cpu_code, which needs nothing but itself, and goes on in the kernel's own
; text, first at its physical address:
;
;   copy, real mode ──► protected mode, no paging ──► starter tables ──► kernel's, stack ──► C
;                       at 1 MiB + n                  both addresses     at 3 GiB + 1 MiB + n
;
; One CPU starts at a time (start_cpus.c), with what the words below say. One that comes too late
; finds no stack and stops.

%include "control.inc"

extern boot_gdt, start_cpu_main
global start_cpu_code, start_cpu_code_end
global start_cpu_stack, start_cpu_structure, start_cpu_tables, start_cpu_kernel, start_cpu_cr4, start_cpu_noexec

section .text

bits 16
start_cpu_code:
    cli
    mov ax, cs
    mov ds, ax
    o32 lgdt [.gdt_pointer - start_cpu_code]
    mov eax, CR0_PE                 ; what INIT left in CR0, caches off among it, goes
    mov cr0, eax
    jmp dword BOOT_CODE:PHYSICAL(start_cpu_protected)
align 4
.gdt_pointer:
    dw 3 * 8 - 1
    dd boot_gdt
start_cpu_code_end:

bits 32
start_cpu_protected:
    mov eax, BOOT_DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov eax, [PHYSICAL(start_cpu_cr4)]
    test eax, eax
    jz .format                      ; there is no CR4, or nothing to set in it
    mov cr4, eax
.format:
    cmp dword [PHYSICAL(start_cpu_noexec)], 0
    je .tables
    mov ecx, MSR_EFER
    rdmsr
    or eax, EFER_NXE
    wrmsr
.tables:
    mov eax, [PHYSICAL(start_cpu_tables)]
    mov cr3, eax
    mov eax, CR0_VALUE
    mov cr0, eax
    mov eax, .high
    jmp eax
.high:
    mov eax, [start_cpu_kernel]     ; the stack may be mapped only there
    mov cr3, eax
    xor eax, eax
    xchg eax, [start_cpu_stack]
    test eax, eax
    jz .stop
    mov esp, eax
    push dword 0
    popfd
    mov eax, [start_cpu_structure]
    xor ebp, ebp                    ; the end of every backtrace
    call start_cpu_main             ; does not return
.stop:
    cli
    hlt
    jmp .stop

section .data
align 4
start_cpu_stack:     dd 0           ; top of it; 0: nobody is to start
start_cpu_structure: dd 0           ; struct cpu *
start_cpu_tables:    dd 0           ; for CR3: the kernel at its physical address too
start_cpu_kernel:    dd 0           ; for CR3: the kernel's
start_cpu_cr4:       dd 0           ; without global pages, whose entries would outlive the tables
start_cpu_noexec:    dd 0           ; not 0: entries may forbid to execute
