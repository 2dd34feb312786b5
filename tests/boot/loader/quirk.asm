; quirk.asm - a sector that makes the BIOS behave like a bad one, then starts the real sector 0,
; which the test has moved to the last sector of the image.
;
; It hides at the top of low memory and hooks INT 13h and INT 15h. Quirks, by -D:
;
;   LOW_KIB=n                 so much conventional memory
;   NO_E820 NO_E881 NO_E801 NO_88 NO_2401   function refused
;   E820=1                    a list in no order, with overlap, a zero length, types 0 and 99, and a
;                             disabled entry; ends with carry, at the call after the last
;   E820=2                    a list that reserves the start of the second megabyte
;   E820_LOST                 the signature is missing in the third answer
;   E820_ENDLESS              a list that never ends
;   E801_AX=n BX CX DX        the answer of E801
;   M88=n                     the answer of 88h, with carry set
;   A20_OFF                   the gate is shut, and port 92h is what opens it
;   FAIL_FIRST=n              the first n reads fail with "media changed"
;   ONE_SECTOR                reads of more than one sector fail
;   EDD_FAILS_AT=n            block n cannot be read by number
;   CHS_FAILS                 reads by cylinder, head, sector fail
;   DIRTY                     INT 13h trashes ES, DX, BP, IF and DF; entry at 07C0:0000 with DF set
;   WRONG_DL=n                passes another drive number

%ifndef E820
%define E820 0
%endif
SECTORS         equ 2880

        org     7C00h
        bits    16
        cpu     386

start:
        cli
        xor     ax, ax
        mov     ds, ax
        mov     ss, ax
        mov     sp, 7000h
        cld
        mov     [drive], dl
%ifdef LOW_KIB
        mov     word [0413h], LOW_KIB
%else
        dec     word [0413h]
%endif
        int     12h
        shl     ax, 6
        sub     ax, 7C00h >> 4          ; so that the labels hold there
        push    ax
        add     ax, 7C00h >> 4
        mov     es, ax
        mov     eax, [13h * 4]
        mov     [old13], eax
        mov     eax, [15h * 4]
        mov     [old15], eax
        mov     si, start
        xor     di, di
        mov     cx, 256
        rep     movsw
        pop     ax
        mov     word [13h * 4], new13
        mov     [13h * 4 + 2], ax
        mov     word [15h * 4], new15
        mov     [15h * 4 + 2], ax
        push    ax
        push    word .there
        retf
.there:
        sti
        xor     ax, ax
        mov     es, ax
        mov     bx, 7C00h
        mov     si, packet
        push    cs
        pop     ds
        mov     ah, 42h
        mov     dl, [drive]
        mov     dh, 1
        test    dl, dl
        js      .read
        mov     ax, 0201h
        mov     cx, 4F12h
.read:
        pushf
        cli
        call    far [cs:old13]
        jc      .read
%ifdef A20_OFF
        in      al, 92h
        and     al, 0FCh
        out     92h, al
%endif
        mov     byte [cs:active], 1
        mov     dl, [cs:drive]
%ifdef WRONG_DL
        mov     dl, WRONG_DL
%endif
%ifdef DIRTY
        mov     ecx, 0DEAD0000h
        mov     esi, 0BEEF0000h
        mov     ax, 40h
        mov     ds, ax
        std
%endif
        jmp     07C0h:0

new13:
        cmp     byte [cs:active], 0
        je      .old
        cmp     ah, 02h
        je      .read
        cmp     ah, 42h
        jne     .old
%ifdef EDD_FAILS_AT
        push    eax
        push    ecx
        mov     eax, [si+8]
        movzx   ecx, word [si+2]
        add     ecx, eax
        cmp     eax, EDD_FAILS_AT
        ja      .fine
        cmp     ecx, EDD_FAILS_AT
        jbe     .fine
        pop     ecx
        pop     eax
        mov     ah, 0Ch
        jmp     failed
.fine:
        pop     ecx
        pop     eax
%endif
        jmp     .old
.read:
%ifdef CHS_FAILS
        mov     ah, 20h
        jmp     failed
%endif
%ifdef ONE_SECTOR
        cmp     al, 1
        mov     ah, 04h
        jne     failed
        mov     ah, 02h
%endif
%ifdef FAIL_FIRST
        cmp     byte [cs:failures], 0
        je      .old
        dec     byte [cs:failures]
        mov     ah, 06h
        jmp     failed
%endif
.old:
%ifdef DIRTY
        pushf
        cli
        call    far [cs:old13]
        push    bp
        mov     bp, sp
        jc      .carry
        and     byte [bp+6], 0FEh
        jmp     .flags
.carry:
        or      byte [bp+6], 1
.flags:
        and     byte [bp+7], 0FDh       ; interrupts stay off
        or      byte [bp+7], 4          ; direction down
        pop     bp
        cmp     byte [cs:active], 0
        je      .clean
        push    word 0F000h
        pop     es
        mov     bp, 0AAAAh
.clean:
        iret
%else
        jmp     far [cs:old13]
%endif

new15:
%ifdef NO_2401
        cmp     ax, 2401h
        je      refused
%endif
%ifdef NO_E820
        cmp     ax, 0E820h
        je      refused
%endif
%ifdef NO_E881
        cmp     ax, 0E881h
        je      refused
%endif
%ifdef NO_E801
        cmp     ax, 0E801h
        je      refused
%endif
%ifdef NO_88
        cmp     ah, 88h
        je      refused
%endif
%ifdef M88
        cmp     ah, 88h
        jne     .no_88
        mov     ax, M88
        jmp     failed
.no_88:
%endif
%ifdef E801_AX
        cmp     ax, 0E801h
        jne     .no_801
        mov     ax, E801_AX
        mov     bx, E801_BX
        mov     cx, E801_CX
        mov     dx, E801_DX
        jmp     succeeded
.no_801:
%endif
%if E820
        cmp     ax, 0E820h
        jne     .no_820
        cmp     bx, (table_end - table) / 24
        jae     refused
        push    si
        push    cx
        mov     ax, 24
        mul     bx
        add     ax, table
        mov     si, ax
        mov     cx, 24
        push    di
.copy:
        cs lodsb
        stosb
        loop    .copy
        pop     di
        pop     cx
        pop     si
        inc     bx
        mov     eax, 534D4150h
        mov     ecx, 24
        jmp     succeeded
.no_820:
%endif
%ifdef E820_LOST
        cmp     ax, 0E820h
        jne     .no_lost
        cmp     bx, 2
        jb      .no_lost
        mov     eax, 12345678h
        jmp     succeeded
.no_lost:
%endif
%ifdef E820_ENDLESS
        cmp     ax, 0E820h
        jne     .no_end
        push    ax
        pushf
        cli
        call    far [cs:old15]
        add     sp, 2
        cmp     bx, 4
        jbe     .more
        mov     bx, 1
.more:
        jmp     succeeded
.no_end:
%endif
        jmp     far [cs:old15]

refused:
        mov     ah, 86h
failed:
        push    bp
        mov     bp, sp
        or      byte [bp+6], 1
        pop     bp
        iret
succeeded:
        push    bp
        mov     bp, sp
        and     byte [bp+6], 0FEh
        pop     bp
        iret

active: db      0
drive:  db      0
%ifdef FAIL_FIRST
failures:
        db      FAIL_FIRST
%endif
old13:  dd      0
old15:  dd      0
packet: dw      16, 1, 7C00h, 0
        dd      SECTORS - 1, 0
%if E820 == 2
table:  dq      0, 9F000h
        dd      1, 1
        dq      100000h, 0F00000h
        dd      1, 1
        dq      0FF000h, 2000h
        dd      2, 1
table_end:
%elif E820
table:  dq      1000000h, 0F0000000h    ; overlaps what follows
        dd      1, 1
        dq      100000h, 0F00000h
        dd      1, 1
        dq      0, 9F000h
        dd      1, 1
        dq      2000000h, 100000000h
        dd      99, 1
        dq      5000000h, 0
        dd      2, 1
        dq      0C0000000h, 1000h
        dd      0, 1
        dq      200000h, 1000h
        dd      2, 0                    ; disabled
table_end:
%endif
        times   510 - ($ - $$) db 0
        dw      0AA55h
