; How the stub refuses a machine: one line that names what is missing, wherever somebody may see it.

%include "machine.inc"

section .boot progbits alloc exec nowrite align=16
bits 32

extern find_tag, boot_information, font_physical

; Says in one line why Highland cannot boot, on COM1 and on the screen, and halts.
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
  push esi
  call show_text
  pop esi
  call show_pixels
.halt:
  mov al, EXIT_FAILED             ; leaves the emulator, if it has a device for that
  out EXIT_PORT, al
.halted:
  hlt
  jmp .halted

; Writes the line at ESI on a VGA in text mode.
show_text:
  mov dx, VGA_GRAPHICS            ; text mode at 0xb8000: miscellaneous register, bits 3:2 = 11,
  mov al, 6                       ; bit 0 = 0. Without a VGA it reads as all ones.
  out dx, al
  inc dx
  in al, dx
  and al, 0x0d
  cmp al, 0x0c
  jne .done
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
  jae .done
  mov al, ' '
  stosw
  jmp .clear
.done:
  ret

; Draws the line at ESI on a linear framebuffer, if the boot information tells of one:
;
;      8         16      20      24       28    29     32    33
;     +---------+-------+-------+--------+-----+------+-----+----------+
;     | address | pitch | width | height | bpp | type | bits of red: first, count ...
;     +---------+-------+-------+--------+-----+------+-----+----------+
show_pixels:
  mov ebx, [ebp + boot_information]
  test ebx, ebx
  jz .done
  push esi
  mov eax, TAG_FRAMEBUFFER
  call find_tag
  mov ebx, esi
  pop esi
  jnc .done
  sub edx, ebx
  cmp edx, 38
  jb .done
  cmp byte [ebx + 29], 1          ; type 1: fields of bits for red, green and blue
  jne .done
  movzx eax, byte [ebx + 28]
  cmp eax, 15
  jb .done
  cmp eax, 32
  ja .done
  add eax, 7
  shr eax, 3
  mov [ebp + screen.pixel_bytes], eax
  mov ecx, [ebx + 16]
  mov [ebp + screen.pitch], ecx
  cmp dword [ebx + 12], 0         ; all of it has to lie below 4 GiB
  jne .done
  mov eax, [ebx + 24]
  mul ecx
  jc .done
  add eax, [ebx + 8]
  jc .done
  mov eax, [ebx + 20]
  shr eax, 3
  jz .done
  mov [ebp + screen.columns], eax
  mov eax, [ebx + 24]
  shr eax, 4
  mov [ebp + screen.rows_left], eax
  mov eax, 1
  mov cl, [ebx + 33]
  shl eax, cl
  dec eax
  mov cl, [ebx + 32]
  shl eax, cl
  mov [ebp + screen.red], eax

  mov edi, [ebx + 8]
  mov ebx, edi                    ; EBX: where the row begins, EDX: the cells that are left in it
.row:
  dec dword [ebp + screen.rows_left]
  js .done
  mov edx, [ebp + screen.columns]
.character:
  lodsb
  sub al, ' '                     ; the line end, or the NUL behind it
  jb .rest
  test edx, edx
  jnz .glyph
  dec esi                         ; it goes on in the next row
  mov ecx, [ebp + screen.pitch]
  shl ecx, 4
  add ebx, ecx
  mov edi, ebx
  jmp .row
.glyph:
  movzx eax, al
  call draw_glyph
  dec edx
  jmp .character
.rest:                            ; what else stood in that row
  test edx, edx
  jz .done
  xor eax, eax
  call draw_glyph
  dec edx
  jmp .rest
.done:
  ret

; Draws glyph EAX of the font, white on red, and moves EDI from its upper left pixel to the next
; cell's. Keeps EBX, EDX and ESI.
draw_glyph:
  push edx
  push esi
  push edi
  lea eax, [eax + eax * 2]
  lea esi, [ebp + eax * 8 + font_physical + 8]
  mov dh, 16
.row:
  lodsb
  push edi
  mov dl, 8
.pixel:
  mov ecx, [ebp + screen.red]
  shl al, 1
  jnc .store
  or ecx, ~0
.store:
  mov ah, [ebp + screen.pixel_bytes]
.byte:
  mov [edi], cl
  inc edi
  shr ecx, 8
  dec ah
  jnz .byte
  dec dl
  jnz .pixel
  pop edi
  add edi, [ebp + screen.pitch]
  dec dh
  jnz .row
  pop edi
  mov ecx, [ebp + screen.pixel_bytes]
  lea edi, [edi + ecx * 8]
  pop esi
  pop edx
  ret

align 4
screen:
.pixel_bytes: dd 0
.pitch:       dd 0
.columns:     dd 0
.rows_left:   dd 0
.red:         dd 0                ; the pixel

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
