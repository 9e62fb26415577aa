; The font of the screens, as boot/font.awk makes it from the pictures in boot/font.txt: 24 bytes a
; glyph.

section .rodata align=8
global font, font.end
font:
%include "font.inc"
.end:
