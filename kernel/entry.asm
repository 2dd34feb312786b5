; entry.asm - from the Multiboot loader to kernel_main.
;
; The loader leaves the CPU in 32-bit protected mode without paging, somewhere in flat segments,
; with EAX and EBX as Multiboot says. Nothing else is relied upon: not its stack, not its GDT (it
; may be gone, or its limit zero), not its CR0, not that bss is clear.
;
;   physical        virtual after paging
;   0 .. 4 MiB      0x00000000 and 0xC0000000, one page table for both; the lower one goes away in
;                   pagetable_init
;                   0xFFC00000: the fixmap's page table, empty
;
; Stacks grow down towards a guard page that pagetable_init unmaps:
;
;   boot_stack_guard | boot_stack .......... boot_stack_top = fault_stack_guard | ...
;   fault_stack_top

%include "control.inc"

MULTIBOOT_HEADER equ 0x1BADB002
MULTIBOOT_LOADER equ 0x2BADB002
MULTIBOOT_FLAGS  equ 0x00000003     ; modules on page bounds, memory information wanted

PAGE_SIZE        equ 4096
BOOT_STACK_SIZE  equ 4 * PAGE_SIZE
FAULT_STACK_SIZE equ 2 * PAGE_SIZE

PAGE_RW          equ 0x003          ; present, writable
DIRECTORY_KERNEL equ 768            ; the entry of the directory for 0xC0000000
DIRECTORY_FIXMAP equ 1023           ; and for 0xFFC00000

EFLAGS_AC        equ 1 << 18

VGA_TEXT         equ 0xB8000
VGA_ALARM        equ 0x4F           ; white on red
COM1             equ 0x3F8
COM_LCR          equ 3
COM_LSR          equ 5
COM_READY        equ 0x20
DEBUG_PORT       equ 0xE9
QEMU_EXIT        equ 0xF4
QEMU_PANIC       equ 0x12

global entry, boot_gdt
global page_directory, low_page_table, fixmap_page_table
global boot_stack_guard, boot_stack_top, fault_stack_guard, fault_stack_top
extern kernel_main, bss_start, kernel_end

; Linked at the physical address, to run before paging.
section .boot progbits alloc exec nowrite align=8
    dd MULTIBOOT_HEADER
    dd MULTIBOOT_FLAGS
    dd -(MULTIBOOT_HEADER + MULTIBOOT_FLAGS)

align 8
boot_gdt:
    dq 0
    dq 0x00CF9A000000FFFF           ; 0x08: code, 4 GiB, ring 0
    dq 0x00CF92000000FFFF           ; 0x10: data, 4 GiB, ring 0
boot_gdt_pointer:
    dw boot_gdt_pointer - boot_gdt - 1
    dd boot_gdt

not_multiboot:
    db "entry: not started by a Multiboot loader (EAX is not 2BADB002h).", 13, 10
    db "octavo: exit status=1 kind=panic", 13, 10, 0
old_cpu:
    db "entry: this kernel needs a 486 or later.", 13, 10
    db "octavo: exit status=1 kind=panic", 13, 10, 0

; In: EAX = MULTIBOOT_LOADER, EBX = physical address of the Multiboot information.
; EBP keeps EAX until the call of kernel_main.
entry:
    xchg bx, bx                     ; a stop for Bochs, when asked for
    cli
    cld
    mov esp, PHYSICAL(boot_stack_top)
    mov ebp, eax
    lgdt [boot_gdt_pointer]
    jmp BOOT_CODE:.own_segments
.own_segments:
    mov eax, BOOT_DATA
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov ss, eax
    push dword 0                    ; no flag of the loader's stays: NT, IOPL, TF
    popfd

    mov esi, not_multiboot
    cmp ebp, MULTIBOOT_LOADER
    jne refuse
    mov esi, old_cpu
    call has_alignment_check
    jz refuse

    xor eax, eax
    mov edi, PHYSICAL(bss_start)
    mov ecx, PHYSICAL(kernel_end)
    sub ecx, edi
    shr ecx, 2                      ; both bounds are aligned
    rep stosd

    call build_page_tables
    mov eax, PHYSICAL(page_directory)
    mov cr3, eax
    mov eax, CR0_VALUE
    mov cr0, eax
    mov eax, entry_high
    jmp eax                         ; from 1 MiB to 3 GiB + 1 MiB

; The 386 has no AC flag.
; Out: ZF set when EFLAGS.AC cannot be changed. Clobbers EAX, ECX.
has_alignment_check:
    pushfd
    pop eax
    mov ecx, eax
    xor eax, EFLAGS_AC
    push eax
    popfd
    pushfd
    pop eax
    push ecx
    popfd
    xor eax, ecx
    test eax, EFLAGS_AC
    ret

; Fills the three static tables, which are zero. Paging is off.
; Clobbers EAX, ECX, EDI.
build_page_tables:
    mov edi, PHYSICAL(low_page_table)
    mov eax, PAGE_RW
    mov ecx, 1024
.page:
    stosd
    add eax, PAGE_SIZE
    loop .page
    mov edi, PHYSICAL(page_directory)
    mov eax, PHYSICAL(low_page_table) + PAGE_RW
    mov [edi], eax
    mov [edi + 4 * DIRECTORY_KERNEL], eax
    mov eax, PHYSICAL(fixmap_page_table) + PAGE_RW
    mov [edi + 4 * DIRECTORY_FIXMAP], eax
    ret

; Says why the kernel does not start, on every console, and stops. Plain 386 code, paging off.
; In: ESI = text, physical, ends with a zero. Does not return.
refuse:
    mov edi, VGA_TEXT
    mov dx, COM1 + COM_LCR
    mov al, 0x03                    ; eight bits, no parity
    out dx, al
.next:
    lodsb
    test al, al
    jz .end
    out DEBUG_PORT, al
    call .serial
    cmp al, 13
    je .next
    cmp al, 10
    je .line
    mov ah, VGA_ALARM
    stosw
    jmp .next
.line:
    mov edi, VGA_TEXT + 160
    jmp .next
.end:
    mov al, QEMU_PANIC
    out QEMU_EXIT, al
.stop:
    cli
    hlt
    jmp .stop

; Sends AL to COM1, whether the port is there or not. Clobbers EAX's upper half, ECX, EDX.
.serial:
    mov ecx, 100000
    mov ah, al
    mov dx, COM1 + COM_LSR
.wait:
    in al, dx
    test al, COM_READY
    loopz .wait
    mov al, ah
    mov dx, COM1
    out dx, al
    ret

section .text

; The first code at the kernel's own addresses.
; In: EBP = MULTIBOOT_LOADER, EBX = physical address of the Multiboot information.
entry_high:
    mov esp, boot_stack_top
    mov eax, ebp
    mov edx, ebx
    xor ebp, ebp                    ; the end of every backtrace
    call kernel_main                ; does not return
.stop:
    cli
    hlt
    jmp .stop

global paging_change_to_pae
; Turns paging off and on again with tables of PAE's format. Both kinds of tables have the kernel
; at its own addresses and at its physical ones. Interrupts are off.
; In: EAX = physical address of the four pointers, DL = not 0: entries may forbid to execute.
; Clobbers EAX, ECX, EDX.
paging_change_to_pae:
    push eax
    test dl, dl
    jz .format
    mov ecx, MSR_EFER
    rdmsr
    or eax, EFER_NXE
    wrmsr
.format:
    pop ecx
    mov eax, cr0
    and eax, ~CR0_PG
    mov edx, PHYSICAL(.off)
    jmp edx
.off:
    mov cr0, eax
    mov edx, cr4
    or edx, CR4_PAE
    mov cr4, edx
    mov cr3, ecx
    or eax, CR0_PG
    mov cr0, eax
    mov edx, .high
    jmp edx
.high:
    ret

section .bss.page_aligned nobits alloc noexec write align=4096
page_directory:     resb PAGE_SIZE
low_page_table:     resb PAGE_SIZE
fixmap_page_table:  resb PAGE_SIZE
boot_stack_guard:   resb PAGE_SIZE
                    resb BOOT_STACK_SIZE
boot_stack_top:
fault_stack_guard:  resb PAGE_SIZE
                    resb FAULT_STACK_SIZE
fault_stack_top:
