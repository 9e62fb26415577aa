; What Swift cannot declare: stacks between guard pages, the CPU's descriptor tables, and the
; record of where everything lies.

%include "machine.inc"

extern text_start, text_end, rodata_start, rodata_end, data_start, data_end
extern link_start, image_end, trap_entries
extern selftests_start, selftests_end
extern font, font.end
extern symbols, symbols.end, frameless_start, frameless_end

BOOT_STACK      equ 16 * PAGE
EXCEPTION_STACK equ 4 * PAGE

; One guard page lies below each stack and one above the last: the kernel page table leaves the
; guards unmapped, and the boot table cannot help mapping them.
section .stacks nobits alloc noexec write align=4096
  resb PAGE
global boot_stack.top
boot_stack:         resb BOOT_STACK
.top:
  resb PAGE
double_fault_stack: resb EXCEPTION_STACK
.top:
  resb PAGE
nmi_stack:          resb EXCEPTION_STACK
.top:
  resb PAGE
machine_check_stack: resb EXCEPTION_STACK
.top:
  resb PAGE

section .bss align=16
idt: resq 2 * 256
gdt: resq 5                       ; null, code, data, task state segment (two entries)
tss: resb 104
; Room for a memory map of 1024 regions, at 40 bytes each, and the free ranges of it, at 24.
memory_map: resb 1024 * 40
.end:
early_frames: resb 1024 * 24
.end:
; What was said before there was a screen, and what a screen shows as long as there are no frames for
; it: 2 bytes a cell, for 38 lines of 80 cells, or 3 of the longest there are.
console_log: resb 32 * 1024
.end:
screen_cells: resb 6 * 1024
.end:
; The commands of run= on the command line.
run_line: resb 4096
.end:
; The areas that the monitor's commands make, 32 bytes at most for each.
area_places: resb 64 * 32
.end:
; What was typed: scan codes, bytes of the serial line, the line they make and another, lines before.
input_storage: resb 256 + 4096 + 2 * 256 + 4096
.end:

; struct BootRecord of Machine.h, field by field.
section .data align=8
global boot_record
boot_record:
  dq 0                            ; information
  dq 0                            ; loadedOffset
  dq link_start, image_end
  dq text_start, text_end
  dq rodata_start, rodata_end
  dq data_start, data_end
  dq boot_stack, boot_stack.top
  dq double_fault_stack, double_fault_stack.top
  dq nmi_stack, nmi_stack.top
  dq machine_check_stack, machine_check_stack.top
  dq gdt, tss, idt
  dq trap_entries
  dq memory_map, memory_map.end - memory_map
  dq early_frames, early_frames.end - early_frames
  dq selftests_start, selftests_end
  dq font, font.end
  dq console_log, console_log.end - console_log
  dq screen_cells, screen_cells.end - screen_cells
  dq run_line, run_line.end - run_line
  dq area_places, area_places.end - area_places
  dq input_storage, input_storage.end - input_storage
  dq symbols, symbols.end
  dq frameless_start, frameless_end
