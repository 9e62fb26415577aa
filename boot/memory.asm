; The four memory functions that the compiler may call anywhere. Written in Swift or C they could
; be compiled into calls of themselves.
;
; They leave no frame and never move the stack pointer: backtraces know by the section that the
; return address is on top of the stack.

section .text.frameless progbits alloc exec nowrite align=16
global memcpy, memmove, memset, memcmp

; RDI to, RSI from, RDX bytes; returns RDI as it came.
memmove:
  mov rax, rdi
  sub rax, rsi
  cmp rax, rdx                    ; unsigned: below only if the end of FROM overlaps TO
  jae memcpy
  mov rax, rdi
  mov rcx, rdx
  lea rdi, [rdi + rdx - 1]
  lea rsi, [rsi + rdx - 1]
  std
  rep movsb
  cld
  ret

memcpy:
  mov rax, rdi
  mov rcx, rdx
  shr rcx, 3
  rep movsq
  mov ecx, edx
  and ecx, 7
  rep movsb
  ret

; RDI to, ESI byte, RDX bytes; returns RDI as it came.
memset:
  mov r8, rdi
  movzx eax, sil
  mov rcx, 0x0101010101010101
  imul rax, rcx
  mov rcx, rdx
  shr rcx, 3
  rep stosq
  mov ecx, edx
  and ecx, 7
  rep stosb
  mov rax, r8
  ret

; RDI and RSI, RDX bytes; returns the difference of the first two bytes that differ, or 0.
memcmp:
  mov rcx, rdx
  xor eax, eax
  cmp rax, rax                    ; equal, if there is nothing to compare
  repe cmpsb
  je .equal
  movzx eax, byte [rdi - 1]
  movzx ecx, byte [rsi - 1]
  sub eax, ecx
.equal:
  ret
