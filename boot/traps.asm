; The CPU's way into the trap handler and back: an entry for each exception, one for each interrupt of
; the 8259s, and one for all other interrupts, 16 bytes apart. They bring the stack into the same shape
; for all of them (struct TrapFrame of Machine.h). What the handler
; changes in the frame is what the CPU goes on with.

extern highlandTrap

ENTRIES equ 32 + 16 + 1

; Exceptions whose frame the CPU tops with an error code (SDM volume 3, table 6-1).
%define HAS_ERROR_CODE(v) ((v) == 8 || ((v) >= 10 && (v) <= 14) || (v) == 17 || (v) == 21 || (v) == 29 || (v) == 30)

section .text
global trap_entries
align 16
trap_entries:
%assign vector 0
%rep ENTRIES
  align 16
  %if !HAS_ERROR_CODE(vector)
  push 0
  %endif
  push vector
  jmp enter
  %assign vector vector + 1
%endrep

enter:
  push rax
  push rbx
  push rcx
  push rdx
  push rsi
  push rdi
  push rbp
  push r8
  push r9
  push r10
  push r11
  push r12
  push r13
  push r14
  push r15
  mov rbx, rsp                    ; kept by the calling convention
  mov rdi, rsp
  and rsp, -16                    ; the calling convention's alignment
  cld
  call highlandTrap
  mov rsp, rbx                    ; it returned: on with what was interrupted
  pop r15
  pop r14
  pop r13
  pop r12
  pop r11
  pop r10
  pop r9
  pop r8
  pop rbp
  pop rdi
  pop rsi
  pop rdx
  pop rcx
  pop rbx
  pop rax
  add rsp, 16                     ; vector and error code
  iretq
