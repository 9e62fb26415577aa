; Probes: an access that may fault, done so that the trap handler can tell the fault from any other
; and go on behind it. Each returns struct ProbeOutcome of Machine.h, in RAX and RDX.
;
;     probeRead8 ---> .access ---> finished: no fault ---,
;                        |                               v
;                      fault ---> handler ---> stopped: return    RSP comes from RBX: a call may
;                                                                 have pushed, or not yet

section .text
global probeRead8, probeWrite8, probeExecute

; RDI: the address.
probeRead8:
  push rbx
  mov rbx, rsp
.access:
  mov al, [rdi]
  jmp finished

; RDI: the address, SIL: what to write.
probeWrite8:
  push rbx
  mov rbx, rsp
.access:
  mov [rdi], sil
  jmp finished

; RDI: the address, of a function without arguments.
probeExecute:
  push rbx
  mov rbx, rsp
.access:
  call rdi
finished:
  xor eax, eax
  xor edx, edx
stopped:
  mov rsp, rbx
  pop rbx
.ret:
  ret

; struct ProbeSites of Machine.h, field by field.
section .rodata align=8
global probeSites
probeSites:
  dq probeRead8.access, probeWrite8.access, probeExecute.access
  dq finished, stopped, stopped.ret
