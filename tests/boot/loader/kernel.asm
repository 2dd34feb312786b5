; kernel.asm - a tiny Multiboot kernel that tells what the loader handed to it, then powers off.
;
; Everything goes to COM1 and port E9. The data of the file, the bss and the modules are summed, so
; that a test can see that every byte came to its place. Build:
;
;   nasm -f elf32 [-DPAD=bytes] [-DBSS=bytes] [-DFLAGS=n] [-DNO_HEADER] [-DSTAYS] -o kernel.o
;   kernel.asm ld -m elf_i386 -N -Ttext=0x100000 -o kernel.elf kernel.o
;   nasm -f bin -DRAW ... for a file loaded by the header's own addresses

%ifndef PAD
%define PAD 2000
%endif
%ifndef BSS
%define BSS 10000
%endif
%ifdef RAW
%define FLAGS 1 << 16
        org     100000h
%endif
%ifndef FLAGS
%define FLAGS 3
%endif

        bits    32
        global  start

section .text
image:
        jmp     start
%ifndef NO_HEADER
        align   4
header:
        dd      1BADB002h, FLAGS, -(1BADB002h + (FLAGS))
        dd      header, image, load_end, bss_end, start
        dd      1, 80, 25, 0
%endif

%macro say 1+
        push    esi
        mov     esi, %%text
        call    puts
        pop     esi
        jmp     %%over
%%text: db      %1, 0
%%over:
%endmacro

start:
        mov     [saved_esp], esp
        mov     esp, stack_top
        pushfd
        mov     ebp, ebx
        mov     [magic], eax
        say     10, "test kernel", 10, "magic="
        mov     eax, [magic]
        call    hex
        say     " eflags="
        pop     eax
        call    hex
        say     " cr0="
        mov     eax, cr0
        call    hex
        say     " esp="
        mov     eax, [saved_esp]
        call    hex
        call    segments
        call    sums
        call    info
        call    modules
        call    map
        call    sections
        call    screen
        say     "done", 10
%ifdef STAYS
        jmp     halt
%endif
        mov     esi, shutdown           ; Bochs
.bochs:
        lodsb
        mov     dx, 8900h
        out     dx, al
        test    al, al
        jnz     .bochs
        mov     al, 10h                 ; QEMU's isa-debug-exit
        mov     dx, 0F4h
        out     dx, al
halt:
        hlt
        jmp     halt

; segments - each register must be flat data: writes above 1 MiB through each.
segments:
        say     " segments="
        mov     eax, [ss:image]
        mov     ebx, [es:image]
        cmp     eax, [fs:image]
        jne     .bad
        cmp     ebx, [gs:image]
        jne     .bad
        cmp     eax, ebx
        jne     .bad
        say     "flat", 10
        ret
.bad:
        say     "BAD", 10
        ret

sums:
        say     "data sum="
        mov     esi, pad
        mov     ecx, PAD
        call    sum
        say     " bss sum="
        mov     esi, bss
        mov     ecx, BSS
        call    sum
        jmp     newline

info:
        say     "flags="
        mov     eax, [ebp]
        call    hex
        say     " mbi="
        mov     eax, ebp
        call    hex
        say     " lower="
        mov     eax, [ebp+4]
        call    dec_
        say     " upper="
        mov     eax, [ebp+8]
        call    dec_
        say     " device="
        mov     eax, [ebp+12]
        call    hex
        say     10, "cmdline=["
        mov     esi, [ebp+16]
        call    puts
        say     "]", 10, "loader=["
        mov     esi, [ebp+64]
        call    puts
        say     "]", 10
        ret

modules:
        mov     ebx, [ebp+24]
        mov     edi, [ebp+20]
        say     "modules="
        mov     eax, edi
        call    dec_
        call    newline
.next:
        sub     edi, 1
        jc      .out
        say     "module start="
        mov     eax, [ebx]
        call    hex
        say     " size="
        mov     ecx, [ebx+4]
        sub     ecx, [ebx]
        mov     eax, ecx
        push    ecx
        call    dec_
        say     " sum="
        pop     ecx
        mov     esi, [ebx]
        call    sum
        say     " string=["
        mov     esi, [ebx+8]
        call    puts
        say     "]", 10
        add     ebx, 16
        jmp     .next
.out:
        ret

map:
        mov     ebx, [ebp+48]
        mov     edi, [ebp+44]
        add     edi, ebx
.next:
        cmp     ebx, edi
        jae     .out
        say     "map size="
        mov     eax, [ebx]
        call    dec_
        say     " base="
        mov     eax, [ebx+8]
        call    hex
        mov     eax, [ebx+4]
        call    hex
        say     " length="
        mov     eax, [ebx+16]
        call    hex
        mov     eax, [ebx+12]
        call    hex
        say     " type="
        mov     eax, [ebx+20]
        call    dec_
        call    newline
        add     ebx, [ebx]
        add     ebx, 4
        jmp     .next
.out:
        ret

; sections - with the names from the section of names, and the sums of those that were loaded.
sections:
        test    byte [ebp], 1 << 5
        jz      .out
        mov     edi, [ebp+28]
        mov     ebx, [ebp+36]
        mov     eax, [ebp+40]
        mul     dword [ebp+32]
        mov     eax, [ebx+eax+12]
        mov     [names], eax
.next:
        sub     edi, 1
        jc      .out
        say     "section name=["
        mov     esi, [names]
        add     esi, [ebx]
        call    puts
        say     "] addr="
        mov     eax, [ebx+12]
        call    hex
        say     " size="
        mov     eax, [ebx+20]
        call    dec_
        say     " sum="
        mov     esi, [ebx+12]
        mov     ecx, [ebx+20]
        call    sum
        call    newline
        add     ebx, [ebp+32]
        jmp     .next
.out:
        ret

screen:
        test    word [ebp], 1 << 12
        jz      .out
        say     "screen at="
        mov     eax, [ebp+88]
        call    hex
        say     " pitch="
        mov     eax, [ebp+96]
        call    dec_
        say     " width="
        mov     eax, [ebp+100]
        call    dec_
        say     " type="
        movzx   eax, byte [ebp+109]
        call    dec_
        call    newline
.out:
        ret

; sum - print the sum of ECX bytes at ESI.
sum:
        xor     edx, edx
        xor     eax, eax
        jecxz   .out
.next:
        lodsb
        add     edx, eax
        dec     ecx
        jnz     .next
.out:
        mov     eax, edx
        jmp     dec_

newline:
        mov     al, 10
putc:
        push    edx
        out     0E9h, al
        push    eax
        mov     dx, 3FDh
.wait:
        in      al, dx
        test    al, 20h
        jz      .wait
        pop     eax
        mov     dx, 3F8h
        out     dx, al
        pop     edx
        ret

puts:
        lodsb
        test    al, al
        jz      .out
        call    putc
        jmp     puts
.out:
        ret

hex:
        push    ecx
        mov     ecx, 8
.next:
        rol     eax, 4
        push    eax
        and     al, 0Fh
        cmp     al, 10
        sbb     al, 69h
        das
        call    putc
        pop     eax
        loop    .next
        pop     ecx
        ret

dec_:
        push    ecx
        push    edx
        mov     ecx, 10
        call    .number
        pop     edx
        pop     ecx
        ret
.number:
        xor     edx, edx
        div     ecx
        push    edx
        test    eax, eax
        jz      .digit
        call    .number
.digit:
        pop     eax
        add     al, '0'
        jmp     putc

section .data
shutdown:
        db      "Shutdown", 0
magic:  dd      0
saved_esp:
        dd      0
names:  dd      0
pad:
%assign i 0
%rep PAD / 4
        dd      i * 2654435761 & 0FFFFFFFFh
%assign i i + 1
%endrep
load_end:

section .bss
bss:    resb    BSS
        resb    4096
stack_top:
bss_end:
