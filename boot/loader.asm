; loader.asm - stage 2: from a bare PC in real mode to a Multiboot kernel in protected mode.
;
; It lives in the reserved sectors of the floppy, so that files may come and go as they like, and
; runs where stage 1 put it, in segment 0, with every variable in the same segment:
;
;   screen.inc    text to the screen, COM1 and port E9; keys; how to fail
;   cpu.inc       at least a 486
;   disk.inc      sectors, by any of three methods, with retries
;   fat12.inc     the volume, its directory, its chains
;   file.inc      files read ahead, and their bytes to any address
;   memmap.inc    what memory there is, from E820 down to CMOS
;   ram.inc       what of it is free for the kernel and its modules
;   a20.inc       the gate to the second megabyte
;   config.inc    OCTAVO.CFG
;   report.inc    the firmware's answers, kept for the kernel
;   edit.inc      the editor for the command line
;   elf.inc       the kernel file: checked whole, then loaded
;   sections.inc  its symbols
;   module.inc    the other files
;   multiboot.inc the information handed over
;   pmode.inc     copies above 1 MiB, and the last jump
;
; Registers at the start of each routine, unless it says otherwise: DS = SS = 0, DF clear, IF set;
; ES, FS, GS are anybody's. Carry says failure. Nothing above 1 MiB is written before the kernel
; file has been read and checked from end to end.

%include "layout.inc"

        bits    16
        cpu     486
        org     STAGE2_BASE

section .text
section .bss nobits start=STAGE2_BSS
bss_start:
section .text

        dd      STAGE2_MAGIC
stage2_sum:
        dd      0                       ; set by the image maker: all dwords add up to the magic
        dw      STAGE2_SECTORS
        times   STAGE2_HEADER - ($ - $$) db 0

; stage2 - from stage 1: DL = drive, AL = method that read us ('B', 'E' or 'G').
stage2:
        xchg    bx, bx                  ; Bochs stops here when magic_break is on
        push    word 0202h              ; IF alone: stage 1 left NT and IOPL set
        popf
        mov     di, bss_start
        mov     cx, bss_end - bss_start
        mov     bl, al
        xor     ax, ax
        rep     stosb
        mov     [boot_drive], dl
        mov     [boot_method], bl

        call    screen_init
        call    cpu_check
        call    disk_init
        call    fat_mount
        call    config_read
        call    report_start
        call    memmap_read
        call    a20_enable
        call    edit_offer
        call    kernel_check
        call    kernel_load
        call    modules_load
        call    boot_report
        call    multiboot_build
        call    disk_quiet
        jmp     kernel_enter

%include "screen.inc"
%include "cpu.inc"
%include "disk.inc"
%include "fat12.inc"
%include "file.inc"
%include "memmap.inc"
%include "ram.inc"
%include "a20.inc"
%include "config.inc"
%include "report.inc"
%include "edit.inc"
%include "elf.inc"
%include "sections.inc"
%include "module.inc"
%include "multiboot.inc"
%include "pmode.inc"

section .text
        times   STAGE2_SIZE - ($ - $$) db 0

section .bss
bss_end:
%if bss_end - bss_start > 10000h - STAGE2_BSS
%error "variables run into the bounce buffer"
%endif
