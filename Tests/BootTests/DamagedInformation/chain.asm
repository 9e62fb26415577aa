; A loader between GRUB and Highland that damages the boot information on its way.
;
; GRUB loads this as a multiboot2 kernel, at 16 MiB, with all of Highland's ELF file in it. What to
; damage comes from outside, in a file of QEMU's firmware configuration: so one ISO image serves all
; variants. Then it does to Highland what GRUB does: segments to their physical addresses, the magic
; in EAX, the information in EBX.
;
;     1 MiB          2 MiB                    16 MiB
;     | GRUB's words | Highland's segments    | this | Highland's ELF file | information | recipe |
;
; A recipe is a list of steps of four 32-bit words, the last one with code 0:
;
;     code   1, 2, 3           a word of a tag: set it, flip bits of it, add to it
;            a  the tag's type, or -1: the information itself
;            b  the offset in it
;            c  the value
;     code   5                 append a tag, before the end tag: `a` bytes of it follow, padded to 16
;     code   6, 7              EAX, EBX at Highland's entry become `a`
;     code   8                 the information moves to `a`
;     code   9                 EBX grows by `a`
;
;   nasm -f bin -I DIRECTORY-OF-highland.elf/ -o chain chain.asm

bits 32
org 0x1000000

FW_CFG_SELECTOR  equ 0x510        ; QEMU, docs/specs/fw_cfg
FW_CFG_DATA      equ 0x511
FW_CFG_DIRECTORY equ 0x19
INFORMATION_ROOM equ 256 << 10
RECIPE_ROOM      equ 128 << 10
PT_LOAD          equ 1

header:
  dd 0xe85250d6, 0, header.end - header
  dd 0x100000000 - (0xe85250d6 + (header.end - header))
align 8
  dw 2, 0                         ; addresses (multiboot2, 3.1.5)
  dd 24, header, header, loaded_end, memory_end
align 8
  dw 3, 0                         ; entry
  dd 12, entry
align 8
  dw 0, 0
  dd 8
.end:

entry:
  cli
  cld
  mov esp, stack.top
  mov [magic], eax
  mov dword [pointer], information

  mov esi, ebx                    ; GRUB's information: from here on there is only the copy
  mov ecx, [esi]
  cmp ecx, INFORMATION_ROOM
  ja give_up
  mov edi, information
  rep movsb
  mov eax, 21                     ; it says where it loaded us: let it be where Highland lies
  call find_tag
  jc .no_load_base
  mov dword [esi + 8], 0x200000
.no_load_base:
  call read_recipe
  call follow_recipe

  ; The segments, each at its physical address, what the file lacks as zeros.
  movzx ebx, word [highland + 56]
  mov edx, [highland + 32]
  add edx, highland
.segment:
  cmp dword [edx], PT_LOAD
  jne .next
  mov esi, [edx + 8]
  add esi, highland
  mov edi, [edx + 24]
  mov ecx, [edx + 32]
  rep movsb
  mov ecx, [edx + 40]
  sub ecx, [edx + 32]
  xor eax, eax
  rep stosb
.next:
  movzx eax, word [highland + 54]
  add edx, eax
  dec ebx
  jnz .segment
  mov eax, [magic]
  mov ebx, [pointer]
  jmp [highland + 24]

; Without a recipe, or with one that asks for what is not there: no word, and a status of its own.
give_up:
  mov dx, 0xf4
  mov al, 0x7e
  out dx, al
  hlt
  jmp give_up

; Finds the tag of type EAX; -1 is the information itself. ESI: the tag; CF if there is none.
find_tag:
  mov esi, information
  cmp eax, -1
  je .found
  add esi, 8
.tag:
  cmp [esi], eax
  je .found
  cmp dword [esi], 0
  stc
  je .done
  mov ecx, [esi + 4]
  add ecx, 7
  and ecx, ~7
  add esi, ecx
  jmp .tag
.found:
  clc
.done:
  ret

; Reads the file opt/highland/damage. A directory: a count, then entries of 64 bytes: size, selector,
; two bytes, name; numbers are big-endian.
read_recipe:
  mov dx, FW_CFG_SELECTOR
  mov ax, FW_CFG_DIRECTORY
  out dx, ax
  call read_word
  mov ebx, eax
.file:
  sub ebx, 1
  jb give_up
  mov edi, directory_entry
  mov ecx, 64
  call read_bytes
  mov esi, directory_entry + 8
  mov edi, recipe_name
  mov ecx, recipe_name.end - recipe_name
  repe cmpsb
  jne .file
  mov ax, [directory_entry + 4]
  xchg al, ah
  mov dx, FW_CFG_SELECTOR
  out dx, ax
  mov ecx, [directory_entry]
  bswap ecx
  cmp ecx, RECIPE_ROOM
  ja give_up
  mov edi, recipe
read_bytes:
  mov dx, FW_CFG_DATA
  rep insb
  ret

read_word:
  mov edi, directory_entry
  mov ecx, 4
  call read_bytes
  mov eax, [directory_entry]
  bswap eax
  ret

follow_recipe:
  mov ebp, recipe
.step:
  mov eax, [ebp]
  cmp eax, 0
  je .done
  cmp eax, 5
  je .append
  ja .registers
  mov eax, [ebp + 4]
  call find_tag
  jc give_up
  add esi, [ebp + 8]
  mov ecx, [ebp + 12]
  cmp dword [ebp], 2
  jb .set
  je .flip
  add [esi], ecx
  jmp .next
.set:
  mov [esi], ecx
  jmp .next
.flip:
  xor [esi], ecx
  jmp .next

.append:                          ; over the end tag, and a new one behind
  xor eax, eax
  call find_tag
  jc give_up
  mov edi, esi
  lea esi, [ebp + 16]
  mov ecx, [ebp + 4]
  mov eax, ecx
  rep movsb
  add edi, 7
  and edi, ~7
  mov dword [edi], 0
  mov dword [edi + 4], 8
  add edi, 8
  sub edi, information
  mov [information], edi
  add eax, 15
  and eax, ~15
  add ebp, eax
  jmp .next

.registers:
  mov ecx, [ebp + 4]
  cmp eax, 7
  jb .magic
  je .pointer
  cmp eax, 9
  je .shift
  mov [pointer], ecx              ; all of it, and what lies behind, moves
  mov esi, information
  mov edi, ecx
  mov ecx, 4096
  rep movsb
  jmp .next
.magic:
  mov [magic], ecx
  jmp .next
.pointer:
  mov [pointer], ecx
  jmp .next
.shift:
  add [pointer], ecx
.next:
  add ebp, 16
  jmp .step
.done:
  ret

recipe_name: db "opt/highland/damage", 0
.end:
align 4
magic: dd 0
pointer: dd 0
align 16
highland: incbin "highland.elf"
loaded_end:

section .bss align=4096
information: resb INFORMATION_ROOM
recipe: resb RECIPE_ROOM
directory_entry: resb 64
stack: resb 4096
.top:
memory_end:
