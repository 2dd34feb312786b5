; quirks.asm - a boot sector that makes the firmware lie, then starts the image that it stands in
; for.
;
; It is planted into a 1.44 MB image by tests/boot/loader/quirks.py: its first sector takes sector 0
; (BPB and partition table stay), its other sectors the last ones of the image before the very last,
; where the image's own sector 0 has gone. It hides at the top of low memory, hooks the BIOS, and
; enters the real sector 0 at 07C0:0000 with a stack at 7000:0100. Lies, by -D:
;
;   WRONG_DL=n                another drive number is passed on
;   BPB_WRITTEN               media byte, hidden sectors, geometry and drive in the BPB are changed
;   DPT_NINE                  longer reads stop at the last sector that the table behind INT 1Eh names: 9
;   NO_EDD                    function 41h is refused
;   WRITES_DS                 ... after a write of its status through DS, as if that were 40h
;   EDD_EMPTY                 function 41h says yes, but has no packet functions
;   EDD_FAILS_AT=n            block n cannot be read by number
;   EDD_MOST=n                packets of more than n blocks fail
;   EDD_SCRIBBLES             16 bytes behind each packet are overwritten
;   CHS_FAILS                 reads by cylinder, head, sector fail
;   GEOMETRY=n                function 08h answers CX = n, one head
;   FAIL_FIRST=n              the first n reads fail
;   FAIL_EVERY=n              of n reads, one fails
;   FAIL_STATUS=n             with this status (06h, media changed, if not given)
;   ECC                       reads succeed, but say "corrected" with carry set
;   ONE_SECTOR                reads of more than one sector fail
;   TRACK_STRICT              reads that run past the end of a track fail
;   ZERO_AT=n                 cylinder, head, sector of block n: CF clear, and zeros
;   COUNT                     40:F0 counts reads by cylinder, head, sector, 40:F2 their sectors
;   DIRTY                     INT 13h and 10h trash registers, IF and DF; entry with DF set
;   LOW_KIB=n                 so much conventional memory
;   INT12=n                   INT 12h says so, the BIOS data area does not
;   EBDA=n                    the BIOS data area names this segment
;   MAP='"file"'              E820 answers from this file of 24-byte entries; with it:
;     MAP_SIZE=n              bytes an entry (20)
;     MAP_ECX=n               ... and another number in ECX
;     MAP_END=n               the list ends 0: with EBX = 0; 1: with carry, at the call after the last;
;                             2: with carry, at the last entry; 3: never, it begins anew
;     MAP_NEXT=n              EBX counts from here
;     MAP_LOST=n              entry n comes without the signature
;     MAP_PARTLY              only what differs from the entry before is written
;     MAP_DIRTY               ESI, EDI, EBP and segments are trashed
;   NO_E820 NO_E881 NO_E801 NO_88 NO_2401   function refused
;   E881_AX=n BX CX DX        the answer of E881; of E801 with E801_
;   M88=n                     the answer of 88h, with carry set
;   A20_OFF                   the gate is shut at the start
;   A20_SHUT                  ... and again after each INT 13h
;   A20_LIES                  2401h says yes and does nothing
;   MONO                      the display adapter is a monochrome one, in its text mode
;   NO_KEYS                   INT 16h has no key, and waits for one for ever
;
; What a careful loader never asks for (TRACK_STRICT, DPT_NINE) is also told on COM1, since such a
; loader's second try may work.

%ifdef A20_SHUT
%define A20_OFF
%endif
%ifndef FAIL_STATUS
%define FAIL_STATUS 06h
%endif
%ifndef MAP_SIZE
%define MAP_SIZE 20
%endif
%ifndef MAP_ECX
%define MAP_ECX MAP_SIZE
%endif
%ifndef MAP_END
%define MAP_END 0
%endif
%ifndef MAP_NEXT
%define MAP_NEXT 0
%endif

SECTORS         equ 2880
TRACK_SECTORS   equ 18
LAST_CYLINDER   equ 79
PARTS           equ (end - start + 511) / 512   ; sectors of ours
BASE            equ 7C00h
SMAP            equ 534D4150h

        org     BASE
        bits    16
        cpu     386

start:
        jmp     short load
        nop
        times   3Eh - ($ - $$) db 0     ; the image's BPB

; load - the rest of us behind the first sector, then all to the top of low memory.
load:
        cli
        xor     ax, ax
        mov     ds, ax
        mov     ss, ax
        mov     sp, BASE
        cld
        sti
        mov     [drive], dl
        mov     es, ax
        mov     bx, BASE + 512
        mov     bp, SECTORS - PARTS     ; our second sector, and on to the image's own, the last
        mov     cx, PARTS
.next:
        call    read
        inc     bp
        add     bh, 2
        loop    .next

%ifdef LOW_KIB
        mov     word [0413h], LOW_KIB
%else
        sub     word [0413h], (PARTS + 1) / 2
%endif
        mov     ax, [0413h]
        shl     ax, 6
        mov     es, ax
        sub     ax, BASE >> 4           ; so that the labels hold there
        mov     si, start
        xor     di, di
        mov     cx, PARTS * 256
        rep     movsw
        push    ax
        push    word resident
        retf

; read - block BP to ES:BX, from a medium that works. Keeps all registers.
read:
        pushad
        mov     dl, [drive]
        test    dl, dl
        js      .packet
        mov     cx, bp
        sub     cx, SECTORS - TRACK_SECTORS - 1 ; a sector of the last track
        mov     ch, LAST_CYLINDER
        mov     dh, 1
        mov     ax, 0201h
        int     13h
        jmp     .done
.packet:
        mov     si, packet
        mov     [si+4], bx
        mov     [si+8], bp
        mov     ah, 42h
        int     13h
.done:
        popad
        jc      read
        ret

drive:  db      0
packet: dw      16, 1, 0, 0
        dq      0

        times   1B8h - ($ - $$) db 0    ; the image's partition table
        times   1FEh - ($ - $$) db 0
        dw      0AA55h

; HOOK vector, handler - in segment DS = 0; the old one goes to old_<vector>.
%macro HOOK 2
        mov     eax, [%1 * 4]
        mov     [cs:%2.old], eax
        mov     word [%1 * 4], %2
        mov     [%1 * 4 + 2], cs
%endmacro

%macro TRASH_POINTERS 0
        mov     esi, 0BADBAD03h
        mov     edi, 0BADBAD04h
        mov     ebp, 0BADBAD05h
        mov     ds, si
        mov     es, si
        mov     fs, si
        mov     gs, si
%endmacro

; resident - in our hiding place: the real sector 0 to its own, the lies that cannot wait, hooks,
; go.
resident:
        xor     ax, ax
        mov     es, ax
        mov     si, BASE + PARTS * 512
        mov     di, BASE
        mov     cx, 256
        rep     movsw
        cli
        HOOK    10h, video
        HOOK    12h, low_memory
        HOOK    13h, disk
        HOOK    15h, system
        HOOK    16h, keyboard
%ifdef BPB_WRITTEN
        mov     byte [BASE+15h], 0F8h
        mov     word [BASE+18h], 63
        mov     word [BASE+1Ah], 255
        mov     dword [BASE+1Ch], 63
        mov     byte [BASE+24h], 80h
%endif
%ifdef EBDA
        mov     word [040Eh], EBDA
%endif
%ifdef DPT_NINE
        lds     si, [1Eh * 4]
        mov     di, .table
        push    cs
        pop     es
        mov     cx, 14
        rep     movsb
        mov     byte [cs:.table+4], 9
        xor     ax, ax
        mov     ds, ax
        mov     word [1Eh * 4], .table
        mov     [1Eh * 4 + 2], cs
        jmp     .patched
.table: times   14 db 0
.patched:
%endif
%ifdef MONO
        or      byte [0410h], 30h       ; the equipment word
        mov     ax, 7
        int     10h
%endif
%ifdef A20_OFF
        call    shut_a20
%endif
        mov     dl, [cs:drive]
%ifdef WRONG_DL
        mov     dl, WRONG_DL
%endif
        mov     ax, 7000h
        mov     ss, ax
        mov     sp, 0100h
        sti
%ifdef DIRTY
        cli
        mov     ecx, 0DEAD0000h
        mov     esi, 0BEEF0000h
        mov     ax, 40h
        mov     ds, ax
        mov     es, ax
        std
%endif
        jmp     BASE >> 4:0

%ifdef A20_OFF
shut_a20:
        push    ax
        in      al, 92h
        and     al, 0FCh
        out     92h, al
        pop     ax
        ret
%endif

; The ends of a handler: with carry and status in AH, or without carry.
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

; --- INT 13h ----------------------------------------------------------------------------------

disk:
        mov     [cs:.function], ah
        cmp     ah, 02h
        je      .read
        cmp     ah, 42h
        je      .packet
        cmp     ah, 41h
        je      .check
        cmp     ah, 08h
        je      .geometry
        jmp     .call

.geometry:
%ifdef GEOMETRY
        mov     cx, GEOMETRY
        mov     dx, 1
        mov     ah, 0
        jmp     succeeded
%endif
        jmp     .call

.check:
%ifdef WRITES_DS
        mov     byte [41h], 01h         ; with DS = 0: the vector of INT 10h
        mov     ah, 01h
        jmp     failed
%endif
%ifdef NO_EDD
        mov     ah, 01h
        jmp     failed
%endif
%ifdef EDD_EMPTY
        mov     bx, 0AA55h
        mov     cx, 0
        mov     ah, 01h
        jmp     succeeded
%endif
        jmp     .call

.packet:
%ifdef EDD_MOST
        cmp     word [si+2], EDD_MOST
        mov     ah, 01h
        ja      failed
        mov     ah, 42h
%endif
%ifdef EDD_SCRIBBLES
        pushad
        mov     dword [si+16], 0DEADBEEFh
        mov     dword [si+20], 0DEADBEEFh
        mov     dword [si+24], 0DEADBEEFh
        mov     dword [si+28], 0DEADBEEFh
        popad
%endif
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
        jmp     .any

.read:
%ifdef COUNT
        push    ds
        push    ax
        push    word 40h
        pop     ds
        mov     ah, 0
        inc     word [0F0h]
        add     [0F2h], ax
        pop     ax
        pop     ds
%endif
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
%ifdef TRACK_STRICT
        call    .last
        cmp     ah, TRACK_SECTORS
        ja      .careless
        mov     ah, 02h
%endif
%ifdef DPT_NINE
        cmp     al, 1
        je      .single
        call    .last
        push    ds
        push    bx
        push    word 0
        pop     ds
        lds     bx, [1Eh * 4]
        cmp     ah, [bx+4]
        pop     bx
        pop     ds
        ja      .careless
        mov     ah, 02h
.single:
%endif

.any:
%ifdef FAIL_FIRST
        cmp     byte [cs:.failures], 0
        je      .enough
        dec     byte [cs:.failures]
        mov     ah, FAIL_STATUS
        jmp     failed
.failures:
        db      FAIL_FIRST
.enough:
%endif
%ifdef FAIL_EVERY
        dec     byte [cs:.countdown]
        jnz     .not_yet
        mov     byte [cs:.countdown], FAIL_EVERY
        mov     ah, FAIL_STATUS
        jmp     failed
.countdown:
        db      FAIL_EVERY
.not_yet:
%endif

.call:
%ifdef ZERO_AT
        mov     [cs:.cylinder], cx
        mov     [cs:.head], dh
        mov     [cs:.count], al
%endif
        pushf
        cli
        call    far [cs:.old]
        jc      .bad
%ifdef ZERO_AT
        call    .zero
%endif
%ifdef DIRTY
        mov     ah, 5Ah                 ; success is in the carry alone
%endif
        call    .after
        jmp     succeeded
.bad:
        call    .after
        jmp     failed

; .careless - the read that was asked for does not work everywhere: say so, and fail.
.careless:
        push    ax
        push    dx
        push    si
        mov     si, .complaint
        mov     dx, 3F8h
.tell:
        cs lodsb
        out     dx, al
        cmp     al, 10
        jne     .tell
        pop     si
        pop     dx
        pop     ax
        mov     ah, 04h
        jmp     failed
.complaint:
        db      "careless read", 13, 10

; .last - AH = last sector that AL sectors from CL on take.
.last:
        mov     ah, cl
        and     ah, 3Fh
        add     ah, al
        dec     ah
        ret

%ifdef ZERO_AT
.zero:
        cmp     byte [cs:.function], 02h
        jne     .kept
        pushad
        movzx   ax, byte [cs:.cylinder+1]
        add     ax, ax
        add     al, [cs:.head]
        mov     cx, TRACK_SECTORS
        mul     cx
        movzx   cx, byte [cs:.cylinder]
        and     cx, 3Fh
        add     ax, cx
        dec     ax                      ; first block of this read
        neg     ax
        add     ax, ZERO_AT             ; how far into it the block is
        cmp     ah, 0
        jne     .other
        cmp     al, [cs:.count]
        jae     .other
        mov     di, bx
        shl     ax, 9
        add     di, ax
        cld
        xor     ax, ax
        mov     cx, 256
        rep     stosw
.other:
        popad
.kept:
        ret
.cylinder:
        dw      0
.head:  db      0
.count: db      0
%endif

; .after - what a BIOS leaves of the registers. Keeps the flags' carry and, but for DIRTY, all.
.after:
%ifdef A20_SHUT
        pushf
        call    shut_a20
        popf
%endif
%ifdef ECC
        cmp     byte [cs:.function], 02h
        jne     .no_read
        add     sp, 2
        mov     ah, 11h
        jmp     failed
.no_read:
%endif
%ifdef DIRTY
        push    bp                      ; the caller's flags: interrupts off, direction down
        mov     bp, sp
        mov     byte [bp+9], 4
        pop     bp
        cmp     byte [cs:.function], 08h
        je      .some
        cmp     byte [cs:.function], 41h
        je      .some
        mov     ebx, 0BADBAD00h
        mov     ecx, 0BADBAD01h
        mov     edx, 0BADBAD02h
.some:
        TRASH_POINTERS
%endif
        ret
.function:
        db      0
.old:   dd      0

; --- INT 15h ----------------------------------------------------------------------------------

; SIZES function, name - an answer in four registers.
%macro SIZES 2
%ifdef %2_AX
        cmp     ax, %1
        jne     %%other
        mov     eax, %2_AX
        mov     ebx, %2_BX
        mov     ecx, %2_CX
        mov     edx, %2_DX
        jmp     succeeded
%%other:
%endif
%endmacro

; REFUSE function, name
%macro REFUSE 2
%ifdef NO_%2
        cmp     ax, %1
        je      refused
%endif
%endmacro

system:
        REFUSE  0E820h, E820
        REFUSE  0E881h, E881
        REFUSE  0E801h, E801
        REFUSE  2401h, 2401
        SIZES   0E881h, E881
        SIZES   0E801h, E801
%ifdef A20_LIES
        cmp     ax, 2401h
        jne     .honest
        mov     ah, 0
        jmp     succeeded
.honest:
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
%ifdef MAP
        cmp     ax, 0E820h
        je      map
%endif
        jmp     far [cs:.old]
.old:   dd      0

%ifdef MAP
; map - entry EBX of the list to ES:DI.
map:
        test    ebx, ebx
        jz      .first
        sub     ebx, MAP_NEXT
.first:
        cmp     ebx, (map_end - map_start) / 24
        jae     refused
        pushad
        imul    si, bx, 24
        add     si, map_start
        mov     cx, MAP_SIZE / 4
        push    ds
        push    cs
        pop     ds
        cld
.dword:
        lodsd
%ifdef MAP_PARTLY
        test    bx, bx
        jz      .write                  ; of the first entry all that is not zero
        cmp     eax, [si-28]
        je      .skip
        jmp     .store
.write:
        test    eax, eax
        jz      .skip
.store:
%endif
        mov     [es:di], eax
.skip:
        add     di, 4
        loop    .dword
        pop     ds
        popad
        mov     eax, SMAP
%ifdef MAP_LOST
        cmp     bx, MAP_LOST
        jne     .signed
        mov     eax, 12345678h
.signed:
%endif
        mov     ecx, MAP_ECX
        inc     ebx
        cmp     bx, (map_end - map_start) / 24
        jb      .more
%if MAP_END == 0
        xor     ebx, ebx
        jmp     .done
%elif MAP_END == 2
        jmp     failed
%elif MAP_END == 3
        mov     bx, 1
%endif
.more:
        add     ebx, MAP_NEXT
.done:
%ifdef MAP_DIRTY
        TRASH_POINTERS
%endif
        jmp     succeeded

map_start:
        incbin  MAP
map_end:
%endif

; --- the others -------------------------------------------------------------------------------

low_memory:
%ifdef INT12
        mov     ax, INT12
        iret
%endif
        jmp     far [cs:.old]
.old:   dd      0

video:
%ifdef DIRTY
        pushf
        call    far [cs:.old]
        mov     bp, 0BADh
        iret
%endif
        jmp     far [cs:.old]
.old:   dd      0

keyboard:
%ifdef NO_KEYS
        test    ah, 0EFh
        jz      .wait
        push    bp
        mov     bp, sp
        or      byte [bp+6], 40h        ; ZF: no key
        pop     bp
        iret
.wait:
        sti
        hlt
        jmp     .wait
%endif
        jmp     far [cs:.old]
.old:   dd      0

end:
        times   PARTS * 512 - ($ - $$) db 0
