; From the boot loader to Swift: the multiboot2 header, the 32-bit stub and the boot page table.
;
; The loader enters at boot_entry in 32-bit protected mode, paging off, EAX the multiboot2 magic,
; EBX the physical address of the boot information (multiboot2 specification, 3.3). The loader may
; have moved the image, so all of the stub finds its data through EBP, which holds how far.
;
; The boot page table, thrown away once the kernel has built its own; 2 MiB pages only, and no
; lower table is shared between two of its parts:
;
;     identity          0 to 4 GiB                  so that turning paging on does not derail us
;     linear mapping    0 to 4 GiB at linear base   where Swift reaches physical memory
;     kernel code       the image, 2 MiB aligned    where Swift runs

%include "machine.inc"

extern highlandEntry, boot_record, boot_stack.top
extern link_start, kernel_code_base, image_end
extern fail, message.magic, message.cpuid, message.long_mode, message.no_execute

MULTIBOOT2_HEADER_MAGIC equ 0xe85250d6
MULTIBOOT2_LOADER_MAGIC equ 0x36d76289
ARCHITECTURE_I386       equ 0

OPTIONAL        equ 1             ; flag of a header tag

TAG_END         equ 0
TAG_COMMANDLINE equ 1
TAG_MEMORYMAP   equ 6

section .multiboot2 progbits alloc noexec nowrite align=8
header:
  dd MULTIBOOT2_HEADER_MAGIC, ARCHITECTURE_I386, header.end - header
  dd 0x100000000 - (MULTIBOOT2_HEADER_MAGIC + ARCHITECTURE_I386 + (header.end - header))
; Information request: the kernel cannot do without a memory map (3.1.4).
align 8
  dw 1, 0
  dd 12, TAG_MEMORYMAP
; Framebuffer: welcome, not needed, of any size and depth (3.1.10).
align 8
  dw 5, OPTIONAL
  dd 20, 0, 0, 0
; Relocatable: anywhere below 4 GiB, 2 MiB aligned, lowest first (3.1.13).
align 8
  dw 10, 0
  dd 24, 0x200000, 0xffffffff, 0x200000, 1
align 8
  dw 0, 0
  dd 8
.end:

section .boottables nobits alloc noexec write align=4096
root:           resb PAGE
identity_upper: resb PAGE         ; 5 levels only: between the root and the level 3 table
linear_upper:   resb PAGE
image_upper:    resb PAGE
identity_3:     resb PAGE
linear_3:       resb PAGE
image_3:        resb PAGE
identity_2:     resb 4 * PAGE
linear_2:       resb 4 * PAGE
image_2:        resb PAGE
tables_end:
stub_stack:     resb PAGE
.top:

section .boot progbits alloc exec nowrite align=16
bits 32

global boot_entry
boot_entry:
  cli
  cld
  ; Finding out where we are takes a CALL, that a stack, and no register promises us one. Borrow
  ; four bytes of low memory and put them back.
  mov ecx, [0x7bfc]
  mov esp, 0x7c00
  call .here
.here:
  pop ebp
  mov [0x7bfc], ecx
  sub ebp, .here
  lea esp, [ebp + stub_stack.top]

  mov esi, message.magic
  cmp eax, MULTIBOOT2_LOADER_MAGIC
  jne fail
  mov [ebp + boot_information], ebx
  call check_cpu
  call clear_tables
  call choose_levels              ; EDX: CR4.LA57 or 0
  call build_tables

  lea eax, [ebp + root]
  mov cr3, eax
  mov eax, CR4_PAE                ; written outright: what the firmware had on, LA57 for one, is off
  or eax, edx
  mov cr4, eax
  mov ecx, MSR_EFER
  rdmsr
  or eax, EFER_LME | EFER_NXE
  wrmsr
  mov eax, CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_PE
  mov cr0, eax

  ; A far return into 64-bit code: LGDT and RETF both take their operands from the stack.
  lea eax, [ebp + boot_gdt]
  push eax
  push word boot_gdt.end - boot_gdt - 1
  lgdt [esp]
  push dword SELECTOR_CODE
  lea eax, [ebp + long_mode]
  push eax
  retf

; Stops with a message unless the CPU has CPUID, long mode and no-execute.
check_cpu:
  pushfd                          ; CPUID is there if EFLAGS.ID can be changed (SDM vol. 1, 20.1.2)
  pop eax
  mov ecx, eax
  xor eax, EFLAGS_ID
  push eax
  popfd
  pushfd
  pop eax
  mov esi, message.cpuid
  cmp eax, ecx
  je fail
  push ebx
  mov esi, message.long_mode
  mov eax, 0x80000000
  cpuid
  cmp eax, 0x80000001
  jb fail
  mov eax, 0x80000001
  cpuid
  bt edx, 29
  jnc fail
  mov esi, message.no_execute
  bt edx, 20
  jnc fail
  pop ebx
  ret

; The ELF format has the loader clear them; trusting it would save nothing.
clear_tables:
  lea edi, [ebp + root]
  mov ecx, (tables_end - root) / 4
  xor eax, eax
  rep stosd
  ret

; Returns in EDX the bit for CR4 that turns 5-level paging on, or 0: no LA57 in the CPU
; (CPUID 7.0 ECX bit 16), or the command line says no5lvl.
choose_levels:
  push ebx
  xor eax, eax
  cpuid
  cmp eax, 7
  jb .four
  mov eax, 7
  xor ecx, ecx
  cpuid
  bt ecx, 16
  jnc .four
  pop ebx
  call find_no5lvl
  mov edx, 0                      ; keeps CF
  jc .done
  mov edx, CR4_LA57
.done:
  ret
.four:
  pop ebx
  xor edx, edx
  ret

; Finds the tag of type EAX in the boot information at EBX: sets CF and returns its address in ESI and
; its end in EDX, or clears CF. Looks at no byte outside the information, and gives up without a word
; on anything odd: Swift names the error later.
global find_tag
find_tag:
  mov esi, ebx
  test esi, 7
  jnz .no
  mov ecx, [esi]                  ; total size; the first tag comes 8 bytes in (3.6.2)
  cmp ecx, LONGEST_INFORMATION
  ja .no
  lea edx, [esi + ecx]
  cmp edx, esi
  jb .no
  add esi, 8
.tag:                             ; ESI: a tag, EDX: the end of the information
  mov edi, edx
  sub edi, esi                    ; what is left
  jb .no
  cmp edi, 8
  jb .no
  mov ecx, [esi + 4]
  cmp dword [esi], TAG_END
  je .no
  cmp ecx, 8
  jb .no
  cmp ecx, edi
  ja .no
  cmp [esi], eax
  je .found
  add ecx, 7
  and ecx, ~7
  add esi, ecx
  jmp .tag
.found:
  lea edx, [esi + ecx]
  stc
  ret
.no:
  clc
  ret

; Sets CF if the word no5lvl stands on the command line of the boot information at EBX.
find_no5lvl:
  mov eax, TAG_COMMANDLINE
  call find_tag
  jnc .no
  add esi, 8                      ; the string's bytes: ESI up to EDX, decoded as Swift does it
  xor ah, ah                      ; the quote that is open
.word:
  xor ecx, ecx                    ; how much of no5lvl the word is so far; past it: another word
.character:
  cmp esi, edx
  jae .end
  lodsb
  test al, al
  jz .end
  cmp al, '\'
  je .escaped
  test ah, ah
  jnz .quoted
  cmp al, ' '
  je .separator
  cmp al, 9
  je .separator
  cmp al, '"'
  je .quote
  cmp al, "'"
  je .quote
.compare:
  cmp ecx, WORD_NO5LVL_LENGTH
  jae .other
  cmp al, [ebp + word_no5lvl + ecx]
  jne .other
  inc ecx
  jmp .character
.other:
  mov ecx, WORD_NO5LVL_LENGTH + 1
  jmp .character
.quoted:
  cmp al, ah
  jne .compare
  xor eax, eax
.quote:
  mov ah, al
  jmp .character
.escaped:
  cmp esi, edx
  jae .end
  lodsb
  test al, al
  jnz .compare
.end:
  cmp ecx, WORD_NO5LVL_LENGTH
  je .yes
  jmp .no
.separator:
  cmp ecx, WORD_NO5LVL_LENGTH
  jne .word
.yes:
  stc
  ret
.no:
  clc
  ret

; Builds the boot page table; keeps EBX and EDX.
build_tables:
  push edx
  lea edi, [ebp + identity_2]
  call map_four_gigabytes
  lea edi, [ebp + linear_2]
  call map_four_gigabytes
  lea edi, [ebp + identity_3]
  lea eax, [ebp + identity_2 + TABLE]
  call link_four
  lea edi, [ebp + linear_3]
  lea eax, [ebp + linear_2 + TABLE]
  call link_four

  ; The image, by as many 2 MiB pages as it takes.
  lea eax, [ebp + link_start]
  or eax, LEAF_2MIB
  lea edi, [ebp + image_2 + 8]    ; link_start is the second 2 MiB page of its window
  mov ecx, image_end
  sub ecx, link_start
  add ecx, 0x1fffff
  shr ecx, 21
.image:
  mov [edi], eax
  add eax, 0x200000
  add edi, 8
  loop .image
  lea eax, [ebp + image_2 + TABLE]
  mov [ebp + image_3 + 510 * 8], eax

  ; The root: entry 0, 256 and 511 on 4 levels and on 5, where one more table lies between.
  lea eax, [ebp + identity_3 + TABLE]
  lea esi, [ebp + linear_3 + TABLE]
  lea ecx, [ebp + image_3 + TABLE]
  pop edx
  test edx, edx
  jz .root
  mov [ebp + identity_upper], eax
  mov [ebp + linear_upper], esi
  mov [ebp + image_upper + 511 * 8], ecx
  lea eax, [ebp + identity_upper + TABLE]
  lea esi, [ebp + linear_upper + TABLE]
  lea ecx, [ebp + image_upper + TABLE]
.root:
  mov [ebp + root], eax
  mov [ebp + root + 256 * 8], esi
  mov [ebp + root + 511 * 8], ecx
  ret

; Fills the four tables at EDI with 2 MiB pages of physical 0 to 4 GiB.
map_four_gigabytes:
  mov eax, LEAF_2MIB
  mov ecx, 4 * 512
.page:
  mov [edi], eax
  add eax, 0x200000
  add edi, 8
  loop .page
  ret

; Points the first four entries at EDI to the four tables at EAX.
link_four:
  mov ecx, 4
.table:
  mov [edi], eax
  add eax, PAGE
  add edi, 8
  loop .table
  ret

bits 64
long_mode:
  mov eax, SELECTOR_DATA
  mov ss, eax
  xor eax, eax
  mov ds, eax
  mov es, eax
  mov fs, eax
  mov gs, eax
  mov rax, higher_half
  jmp rax

global boot_information
boot_information:
  dd 0                            ; where it is, once the loader has shown that it speaks multiboot2
word_no5lvl:
  db "no5lvl"
align 8
boot_gdt:
  dq 0
  dq DESCRIPTOR_CODE
  dq DESCRIPTOR_DATA
.end:

section .text
; In the kernel code window, by the boot page table. EBX: the boot information, EBP: how far the
; loader moved us; the upper halves of both are undefined after the mode switch.
higher_half:
  mov rsp, boot_stack.top
  mov ebx, ebx
  mov ebp, ebp
  lea rdi, [rel boot_record]
  mov [rdi + BootRecord.information], rbx
  mov rax, kernel_code_base
  sub rax, rbp
  mov [rdi + BootRecord.loadedOffset], rax
  xor ebp, ebp                    ; the end of every backtrace
  call highlandEntry
  ud2
