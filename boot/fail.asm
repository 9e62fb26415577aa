; How the stub refuses a machine: one line that names what is missing, wherever somebody may see it.

%include "machine.inc"

section .boot progbits alloc exec nowrite align=16
bits 32

; Says in one line why Highland cannot boot, on COM1 and on a VGA in text mode, and halts.
; ESI: the message, as linked. EBP: how far the loader moved the image.
global fail
fail:
  add esi, ebp
  push esi
  lea edi, [ebp + serial_setup]
  mov ecx, (serial_setup.end - serial_setup) / 2
.setup:
  movzx edx, byte [edi]
  add edx, COM1
  mov al, [edi + 1]
  out dx, al
  add edi, 2
  loop .setup
.send:
  mov dx, COM1 + 5
  mov ecx, 100000                 ; a port that never gets ready must not hang us
.wait:
  in al, dx
  test al, 0x20                   ; transmitter holding register empty
  loopz .wait
  lodsb
  test al, al
  jz .sent
  mov dx, COM1
  out dx, al
  jmp .send
.sent:
  pop esi
  mov dx, VGA_GRAPHICS            ; text mode at 0xb8000: miscellaneous register, bits 3:2 = 11,
  mov al, 6                       ; bit 0 = 0. Without a VGA it reads as all ones.
  out dx, al
  inc dx
  in al, dx
  and al, 0x0d
  cmp al, 0x0c
  jne .halt
  mov edi, 0xb8000
  mov ah, 0x4f                    ; white on red
.show:
  lodsb
  cmp al, ' '                     ; the line end, or the NUL behind it
  jb .clear
  stosw
  jmp .show
.clear:                           ; what else stood in that line
  cmp edi, 0xb8000 + 2 * 80
  jae .halt
  mov al, ' '
  stosw
  jmp .clear
.halt:
  mov al, EXIT_FAILED             ; leaves the emulator, if it has a device for that
  out EXIT_PORT, al
.halted:
  hlt
  jmp .halted

; COM1 at 115200 8N1: pairs of register and value.
serial_setup:
  db 1, 0x00                      ; no interrupts
  db 3, 0x80                      ; the divisor stands in registers 0 and 1 now
  db 0, 0x01
  db 1, 0x00
  db 3, 0x03                      ; 8 bits, no parity, one stop bit
  db 2, 0xc7                      ; FIFO on and cleared
  db 4, 0x03                      ; data terminal ready, request to send
.end:

global message.magic, message.cpuid, message.long_mode, message.no_execute
message:
.magic:
  db "highland: cannot boot: the loader is not multiboot2 (wrong magic in EAX)", 13, 10, 0
.cpuid:
  db "highland: cannot boot: this CPU has no CPUID instruction", 13, 10, 0
.long_mode:
  db "highland: cannot boot: this CPU has no long mode (64 bits)", 13, 10, 0
.no_execute:
  db "highland: cannot boot: this CPU has no NX (no-execute pages), or the firmware turned it off", 13, 10, 0
