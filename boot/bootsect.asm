; bootsect.asm - stage 1: sector 0 of the floppy, loaded by the BIOS to 7C00.
;
; It does one thing: read stage 2 from the reserved sectors behind it, prove that it is whole, and
; jump to it. Reads that succeed may still be wrong (another drive, another geometry), so only
; the sum of stage 2's dwords, which is STAGE2_MAGIC, tells that a way of reading works. The ways:
;
;   B   cylinder, head, sector by the geometry in the BPB
;   E   block number (EDD, INT 13h function 42h)
;   G   cylinder, head, sector by the geometry that the BIOS reports (function 08h)
;
; A floppy drive is asked in the order B E G, a hard disk or stick in the order E G B, and when all
; fail, the other class of drive is tried, since firmware is known to pass a wrong DL. Each failure
; leaves its letter and the BIOS's status on the screen; status 00 means that the sectors could be
; read but were not our stage 2.
;
; Firmware writes into the BPB and parses the partition table: code and data lie between 3Eh and
; 1B7h only, and variables live elsewhere. Build with -DPT=0 for a table without an entry.

%include "layout.inc"
%ifndef PT
%define PT 1
%endif

TRIES           equ 5

; Variables, relative to BP = SCRATCH.
DRIVE           equ 0                   ; byte
METHOD          equ 1                   ; byte
STATUS          equ 2                   ; byte: AH of the last INT 13h that was no reset
TRACK           equ 4                   ; byte: sectors in a track
HEAD_COUNT      equ 5                   ; byte
                                        ; and the byte at FIRMWARE_DRIVE

        org     STAGE1_BASE
        bits    16
        cpu     8086

start:
        jmp     short entry
        nop
        db      "OCTAVO  "
        BIOS_PARAMETERS
        db      0, 29h                  ; flags, extended signature
        dd      4F435456h
        db      "OCTAVO     FAT12   "
        times   3Eh - ($ - $$) db 0

; entry - from the BIOS: DL = drive, all else unknown (CS may be 7C0h, DS 40h, SS:SP anywhere).
entry:
        xchg    bx, bx                  ; Bochs stops here when magic_break is on
        jmp     0:.normal
.normal:
        cli
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, STACK_TOP
        cld

        ; Flag bits 12 to 15: all set on an 8086, all clear on a 286, 12 to 14 ours on a 386.
        mov     ah, 70h
        push    ax
        popf
        pushf
        pop     ax
        and     ah, 0F0h
        cmp     ah, 70h
        mov     si, old_cpu
        jne     stop

        cpu     386
        sti
        mov     bp, SCRATCH
        mov     [bp+FIRMWARE_DRIVE], dl
        test    dl, 70h                 ; 00-0F and 80-8F are drives
        jz      .drive
        mov     dl, 80h
.drive:
        mov     cl, 2                   ; classes of drive to try
.class:
        mov     [bp+DRIVE], dl
        mov     si, order
        test    dl, dl
        jns     .floppy
        inc     si
.floppy:
        mov     ch, 3                   ; ways of reading
.method:
        lodsb
        mov     [bp+METHOD], al
        call    load
        jnc     STAGE2_BASE + STAGE2_HEADER     ; AL = method, DL = drive
        call    putc                    ; method and status of what failed
        mov     al, [bp+STATUS]
        aam     16
        push    ax
        mov     al, ah
        call    digit
        pop     ax
        call    digit
        mov     al, ' '
        call    putc
        dec     ch
        jnz     .method
        not     dl                      ; the first drive of the other class
        and     dl, 80h
        loop    .class                  ; CH is 0 here
        mov     si, failed

; stop - print the string at SI, wait for a key, let the BIOS go on. Runs on an 8086 too.
        cpu     8086
stop:
        lodsb
        call    putc
        test    al, al
        jnz     stop
        cbw
        sti
        int     16h
        int     18h
        int     19h
        jmp     $

; digit - print the digit in AL. Clobbers AX, BX.
digit:
        cmp     al, 10                  ; '0'-'9', 'A'-'F' by decimal adjustment
        sbb     al, 69h
        das
; putc - print the character in AL. Clobbers AH, BX.
putc:
        push    bp                      ; old video BIOSes lose it
        mov     ah, 0Eh
        mov     bx, 7
        int     10h
        pop     bp
        ret

        cpu     386
; load - read stage 2 by the method in AL and check it.
; out: CF clear when it is whole. Keeps all 16-bit registers.
load:
        pusha
        mov     word [bp+TRACK], HEADS << 8 | TRACK_SECTORS
        cmp     al, 'E'
        jb      .read
        ja      .geometry

        push    byte 40h                ; an XT's BIOS may write through DS here
        pop     ds
        mov     bx, 55AAh
        mov     ah, 41h
        call    disk
        jc      .verdict
        cmp     bx, 0AA55h
        jne     .bad
        shr     cl, 1                   ; packet functions present?
        jnc     .bad
        jmp     .read

.geometry:
        mov     ah, 08h
        call    disk
        jc      .verdict
        and     cl, 3Fh
        jz      .bad
        inc     dh
        jz      .bad
        mov     ch, dh
        mov     [bp+TRACK], cx

.read:
        mov     si, 1                   ; block
        mov     bx, STAGE2_BASE
.sector:
        mov     di, TRIES
.try:
        call    read_sector
        jnc     .next
        dec     di
        jnz     .try
        jmp     .bad
.next:
        add     bh, SECTOR / 256
        inc     si
        cmp     si, RESERVED
        jb      .sector

        mov     si, STAGE2_BASE
        mov     edx, -STAGE2_MAGIC      ; so sectors full of zeros do not pass
        mov     cx, STAGE2_SIZE / 4
.sum:
        lodsd
        add     edx, eax
        loop    .sum
        test    edx, edx
        jz      .verdict
.bad:
        stc
.verdict:
        popa
        ret

; read_sector - SI = block, BX = destination in segment 0.
; out: CF. Keeps all registers.
read_sector:
        pusha
        cmp     byte [bp+METHOD], 'E'
        je      .packet
        mov     ax, si
        div     byte [bp+TRACK]
        mov     cl, ah
        inc     cx
        cbw
        div     byte [bp+HEAD_COUNT]
        mov     ch, al
        mov     dh, ah
        mov     ax, 0201h
        call    disk
        popa
        ret
.packet:
        pusha                           ; 16 bytes to spare: some BIOSes write past the packet
        push    es
        push    es
        push    es
        push    si
        push    es
        push    bx
        push    byte 1
        push    byte 16
        mov     si, sp
        mov     ah, 42h
        call    disk
        lea     sp, [si+32]
        popa
        ret

; disk - INT 13h on the drive, then a reset if it failed.
; out: CF and registers as the BIOS says, but SI, BP, DS = ES = 0, IF, DF in order; AH in STATUS.
; Only CF tells success, save that status 11h means data corrected by ECC.
disk:
        push    si
        push    bp
        mov     dl, [bp+DRIVE]
        stc
        int     13h
        pop     bp
        pop     si
        mov     [bp+STATUS], ah
        jnc     .out
        cmp     ah, 11h
        je      .out
        pusha
        mov     ah, 0
        mov     dl, [bp+DRIVE]
        int     13h
        popa
        stc
.out:
        push    ss
        pop     ds
        push    ss
        pop     es
        cld
        sti
        ret

order:  db      "BEGB"
failed: db      "Disk error", 0
old_cpu:
        db      "Needs a 486", 0

%if $ - $$ > 1B8h
%error "stage 1 runs into the partition table"
%endif
        times   1B8h - ($ - $$) db 0
        dd      5641544Fh               ; disk signature
        dw      0
%if PT
        db      80h, 0, 1, 0            ; active; cylinder 0, head 0, sector 1
        db      01h, HEADS - 1, TRACK_SECTORS, TOTAL_SECTORS / (HEADS * TRACK_SECTORS) - 1
        dd      0, TOTAL_SECTORS
%endif
        times   1FEh - ($ - $$) db 0
        dw      0AA55h
