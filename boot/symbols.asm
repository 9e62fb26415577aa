; The names of the kernel's functions: see Sources/KernelSpace/SymbolTable.swift. The image is linked
; without them first, which tells where the functions lie, and then with them.

section .symbols progbits alloc noexec nowrite align=8
global symbols, symbols.end
symbols:
%ifdef WITH_NAMES
%include "symbols.inc"
%endif
.end:
