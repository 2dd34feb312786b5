; usercopy.asm - copies between the kernel and programs that may fault at any byte.
;
; Each instruction that touches a program's memory has an entry in the section `extable`: where it
; is, and where to go on when its fault cannot be repaired. REP leaves in ECX what is still to do,
; so that the copies know to the byte how far they came; what a failed MOVSD leaves is tried again
; by bytes, which end exactly at the first one that cannot be reached.

global user_copy, user_clear, user_string, user_load, user_store, user_exchange

%macro FAULTS_TO 2                  ; instruction, where to go on
    [section extable progbits alloc noexec nowrite align=4]
    dd %1, %2
    __SECT__
%endmacro

section .text

; size_t user_copy(void *to, const void *from, size_t size);
; In: EAX, EDX, ECX. Out: bytes that were not copied.
user_copy:
    push esi
    push edi
    mov edi, eax
    mov esi, edx
    mov edx, ecx
    shr ecx, 2
    and edx, 3
.words:
    rep movsd
    mov ecx, edx
.bytes:
    rep movsb
.end:
    mov eax, ecx
    pop edi
    pop esi
    ret
.words_failed:
    lea ecx, [edx + ecx * 4]
    jmp .bytes
    FAULTS_TO .words, .words_failed
    FAULTS_TO .bytes, .end

; size_t user_clear(void *to, size_t size);
; In: EAX, EDX. Out: bytes that were not cleared.
user_clear:
    push edi
    mov edi, eax
    mov ecx, edx
    xor eax, eax
    shr ecx, 2
    and edx, 3
.words:
    rep stosd
    mov ecx, edx
.bytes:
    rep stosb
.end:
    mov eax, ecx
    pop edi
    ret
.words_failed:
    lea ecx, [edx + ecx * 4]
    jmp .bytes
    FAULTS_TO .words, .words_failed
    FAULTS_TO .bytes, .end

; long user_string(char *to, const char *from, size_t size);
; Copies up to and with the first zero, at most `size` bytes. Four at a time once `from` is aligned:
; such a word never reaches into the next page, and a zero in it shows in the sign bits below.
; In: EAX, EDX, ECX. Out: length without the zero; `size` when there was no zero; -1 after a fault.
user_string:
    push esi
    push edi
    push ebx
    push eax
    mov edi, eax
    mov esi, edx
.byte:
    test ecx, ecx
    jz .end
    test esi, 3
    jnz .one
    cmp ecx, 4
    jb .one
.word:
    mov eax, [esi]
    lea edx, [eax - 0x01010101]
    mov ebx, eax
    not ebx
    and edx, ebx
    test edx, 0x80808080
    jnz .one                        ; one of the four is the zero
    mov [edi], eax
    add esi, 4
    add edi, 4
    sub ecx, 4
    cmp ecx, 4
    jae .word
    jmp .byte
.one:
    mov al, [esi]
    mov [edi], al
    test al, al
    jz .end
    inc esi
    inc edi
    dec ecx
    jmp .byte
.end:
    mov eax, edi
    sub eax, [esp]
.out:
    add esp, 4
    pop ebx
    pop edi
    pop esi
    ret
.failed:
    mov eax, -1
    jmp .out
    FAULTS_TO .word, .failed
    FAULTS_TO .one, .failed

; bool user_load(uint32_t *value, const void *from);
; In: EAX, EDX.
user_load:
.load:
    mov edx, [edx]
    mov [eax], edx
    mov eax, 1
    ret
.failed:
    xor eax, eax
    ret
    FAULTS_TO .load, .failed

; bool user_store(uint32_t value, void *to);
; In: EAX, EDX.
user_store:
.store:
    mov [edx], eax
    mov eax, 1
    ret
.failed:
    xor eax, eax
    ret
    FAULTS_TO .store, .failed

; bool user_exchange(uint32_t *expected, uint32_t value, void *to);
; Stores the value in one step if the word is *expected, which becomes what the word was.
; In: EAX, EDX, ECX.
user_exchange:
    push ebx
    mov ebx, eax
    mov eax, [ebx]
.exchange:
    lock cmpxchg [ecx], edx
    mov [ebx], eax
    mov eax, 1
    pop ebx
    ret
.failed:
    xor eax, eax
    pop ebx
    ret
    FAULTS_TO .exchange, .failed
