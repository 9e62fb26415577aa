// The one place with inline assembly: what the CPU does and Swift cannot say. Each function is one
// instruction or two; what the instruction means is in the SDM, volume 2.
//
// The structs at the end are shared with boot/*.asm, field by field.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Inlined even where the compiler would not: it takes the flags of C and Swift code for too different.
#define INSTRUCTION static inline __attribute__((always_inline))

// Ports

INSTRUCTION void out8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

INSTRUCTION uint8_t in8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static inline void out16(uint16_t port, uint16_t value) {
  __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint16_t in16(uint16_t port) {
  uint16_t value;
  __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static inline void out32(uint16_t port, uint32_t value) {
  __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

// Control registers. Writing CR3 or CR4 is a full barrier for the compiler.

#define READ_CONTROL_REGISTER(name, register)                              \
  INSTRUCTION uint64_t read##name(void) {                                \
    uint64_t value;                                                        \
    __asm__ volatile("mov %%" register ", %0" : "=r"(value) : : "memory"); \
    return value;                                                          \
  }
READ_CONTROL_REGISTER(CR0, "cr0")
READ_CONTROL_REGISTER(CR2, "cr2")
READ_CONTROL_REGISTER(CR3, "cr3")
READ_CONTROL_REGISTER(CR4, "cr4")
#undef READ_CONTROL_REGISTER

INSTRUCTION void writeCR3(uint64_t value) {
  __asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

INSTRUCTION void writeCR4(uint64_t value) {
  __asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

INSTRUCTION uint64_t readCR8(void) {
  uint64_t value;
  __asm__ volatile("mov %%cr8, %0" : "=r"(value));
  return value;
}

INSTRUCTION void writeCR8(uint64_t value) {
  __asm__ volatile("mov %0, %%cr8" : : "r"(value) : "memory");
}

// What the CPU caches: translations and data.

INSTRUCTION void invalidatePage(uint64_t address) {
  __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

// Puts the cache line that holds an address back into memory, and forgets it. Not privileged.
INSTRUCTION void flushCacheLine(uint64_t address) {
  __asm__ volatile("clflush (%0)" : : "r"(address) : "memory");
}

// Has all loads, stores and flushes so far done before the next ones.
INSTRUCTION void memoryFence(void) { __asm__ volatile("mfence" : : : "memory"); }

INSTRUCTION void writeBackCaches(void) { __asm__ volatile("wbinvd" : : : "memory"); }

// Where the caller keeps its caller's frame pointer, and above it where it returns to. Inlined by
// all means: else it would tell its own.
static inline __attribute__((always_inline)) uint64_t readFramePointer(void) {
  uint64_t value;
  __asm__ volatile("mov %%rbp, %0" : "=r"(value) : : "memory");
  return value;
}

// Interrupts, and waiting for another CPU

INSTRUCTION uint64_t readRFLAGS(void) {
  uint64_t value;
  __asm__ volatile("pushfq\n\tpopq %0" : "=r"(value) : : "memory");
  return value;
}

INSTRUCTION void disableInterrupts(void) { __asm__ volatile("cli" : : : "memory"); }

INSTRUCTION void enableInterrupts(void) { __asm__ volatile("sti" : : : "memory"); }

// Interrupts on and HLT, with nothing between: STI takes effect after the instruction that follows, so
// none can come before the CPU halts. Returns after the next.
INSTRUCTION void waitForInterrupt(void) { __asm__ volatile("sti; hlt" : : : "memory"); }

// Interrupts that no device asked for: the last lines of the two 8259s, which is what they name when a
// request was withdrawn, a vector of nobody's, and the phantom of the local APIC. Returns `value`, which
// RAX holds meanwhile.
INSTRUCTION uint64_t raisePhantomInterrupts(uint64_t value) {
  __asm__ volatile("int $39; int $47; int $80; int $255" : "+a"(value) : : "memory");
  return value;
}

INSTRUCTION void spinLoopHint(void) { __asm__ volatile("pause" : : : "memory"); }

// Model-specific registers: an index the CPU does not know is a #GP.

INSTRUCTION uint64_t readMSR(uint32_t index) {
  uint32_t low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
  return (uint64_t)high << 32 | low;
}

INSTRUCTION void writeMSR(uint32_t index, uint64_t value) {
  __asm__ volatile("wrmsr" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

// CPUID, time stamp counter

struct CPUIDResult {
  uint32_t eax, ebx, ecx, edx;
};

INSTRUCTION struct CPUIDResult cpuid(uint32_t leaf, uint32_t subleaf) {
  struct CPUIDResult result;
  __asm__ volatile("cpuid"
                   : "=a"(result.eax), "=b"(result.ebx), "=c"(result.ecx), "=d"(result.edx)
                   : "a"(leaf), "c"(subleaf));
  return result;
}

INSTRUCTION uint64_t readTimeStampCounter(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
  return (uint64_t)high << 32 | low;
}

// Descriptor tables

INSTRUCTION void loadGDT(uint64_t base, uint16_t limit) {
  struct __attribute__((packed)) { uint16_t limit; uint64_t base; } pointer = {limit, base};
  __asm__ volatile("lgdt %0" : : "m"(pointer) : "memory");
}

INSTRUCTION void loadIDT(uint64_t base, uint16_t limit) {
  struct __attribute__((packed)) { uint16_t limit; uint64_t base; } pointer = {limit, base};
  __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

// Reloads CS by a far return, and every data segment.
INSTRUCTION void loadSegments(uint16_t code, uint16_t data) {
  __asm__ volatile(
      "pushq %0\n\t"
      "leaq 1f(%%rip), %%rax\n\t"
      "pushq %%rax\n\t"
      "lretq\n"
      "1:\n\t"
      "movl %k1, %%ss\n\t"
      "movl %k1, %%ds\n\t"
      "movl %k1, %%es\n\t"
      "movl %k1, %%fs\n\t"
      "movl %k1, %%gs"
      : : "r"((uint64_t)code), "r"((uint64_t)data) : "rax", "memory");
}

INSTRUCTION void loadTaskRegister(uint16_t selector) {
  __asm__ volatile("ltr %0" : : "r"(selector) : "memory");
}

// Stops this CPU for good: interrupts off, and HLT again whenever an NMI ends it.
__attribute__((noreturn)) INSTRUCTION void haltForever(void) {
  for (;;) __asm__ volatile("cli; hlt");
}

// Memory at an address that may fault: for probing on purpose. Never optimised away or merged.

INSTRUCTION uint8_t load8(uint64_t address) {
  return *(volatile uint8_t *)address;
}

// Let the kernel touch user pages where CR4.SMAP is set, and stop it again.
INSTRUCTION void allowUserAccess(void) { __asm__ volatile("stac" : : : "memory", "cc"); }

INSTRUCTION void forbidUserAccess(void) { __asm__ volatile("clac" : : : "memory", "cc"); }

INSTRUCTION uint16_t load16(uint64_t address) {
  return *(volatile uint16_t *)address;
}

INSTRUCTION uint32_t load32(uint64_t address) {
  return *(volatile uint32_t *)address;
}

INSTRUCTION uint64_t load64(uint64_t address) {
  return *(volatile uint64_t *)address;
}

INSTRUCTION void store8(uint64_t address, uint8_t value) {
  *(volatile uint8_t *)address = value;
}

INSTRUCTION void store16(uint64_t address, uint16_t value) {
  *(volatile uint16_t *)address = value;
}

INSTRUCTION void store32(uint64_t address, uint32_t value) {
  *(volatile uint32_t *)address = value;
}

INSTRUCTION void store64(uint64_t address, uint64_t value) {
  *(volatile uint64_t *)address = value;
}

// Store a value `count` times, one behind the other.
static inline void fill32(uint64_t address, uint64_t count, uint32_t value) {
  __asm__ volatile("rep stosl" : "+D"(address), "+c"(count) : "a"(value) : "memory");
}

static inline void fill64(uint64_t address, uint64_t count, uint64_t value) {
  __asm__ volatile("rep stosq" : "+D"(address), "+c"(count) : "a"(value) : "memory");
}

// Has all stores so far done, those to write-combining memory too (SDM volume 3, 12.3.1).
INSTRUCTION void storeFence(void) { __asm__ volatile("sfence" : : : "memory"); }

// Runs the code at an address, as a function without arguments.
INSTRUCTION void execute(uint64_t address) {
  __asm__ volatile("call *%0" : : "r"(address) : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory");
}

// An opcode that no CPU will ever define (SDM volume 2, UD).
INSTRUCTION void undefinedOpcode(void) {
  __asm__ volatile("ud1 %%eax, %%eax" : : : "memory");
}

// Moves the stack pointer and pushes: the way a stack overflows.
__attribute__((noreturn)) INSTRUCTION void pushAt(uint64_t stackPointer) {
  __asm__ volatile("movq %0, %%rsp\n\tpushq %%rax\n\tud2" : : "r"(stackPointer) : "memory");
  __builtin_unreachable();
}

// Probes, of boot/probe.asm: an access that may fault, and what came of it.
struct ProbeOutcome {
  uint32_t vector;     // 0: no fault. The accesses cannot raise #DE, which has that number.
  uint32_t errorCode;
  uint64_t address;    // what CR2 held
};

struct ProbeOutcome probeRead8(uint64_t address);
struct ProbeOutcome probeWrite8(uint64_t address, uint8_t value);
struct ProbeOutcome probeExecute(uint64_t address);

// The addresses in boot/probe.asm that the trap handler has to know.
struct ProbeSites {
  uint64_t read, write, call;  // the instructions that may fault
  uint64_t returned;           // where code that was called returns to
  uint64_t stopped;            // where to go on after a fault, with the outcome in RAX and RDX
  uint64_t ret;                // a RET, code that is harmless to call
};
// Hidden: without a word on that the compiler would reach for it through a table of addresses.
extern const struct ProbeSites probeSites __attribute__((visibility("hidden")));

// Where the loader put things and what boot/image.asm set aside. Addresses are virtual, in the
// kernel code window, but for `information` and the two link addresses.
struct BootRecord {
  uint64_t information;   // physical: the multiboot2 boot information
  uint64_t loadedOffset;  // virtual minus physical address of the image
  uint64_t linkStart, linkImageEnd;  // physical, as linked
  uint64_t textStart, textEnd;
  uint64_t rodataStart, rodataEnd;
  uint64_t dataStart, dataEnd;
  uint64_t bootStack, bootStackTop;
  uint64_t doubleFaultStack, doubleFaultStackTop;
  uint64_t nmiStack, nmiStackTop;
  uint64_t machineCheckStack, machineCheckStackTop;
  uint64_t gdt, tss, idt;
  uint64_t trapEntries;   // 32 exceptions, 16 interrupts and one for all others, 16 bytes apart
  uint64_t memoryMapStorage, memoryMapStorageSize;
  uint64_t earlyFramesStorage, earlyFramesStorageSize;
  uint64_t selfTests, selfTestsEnd;
  uint64_t font, fontEnd;
  uint64_t consoleLog, consoleLogSize;
  uint64_t screenCells, screenCellsSize;
  uint64_t runLine, runLineSize;
  uint64_t areaPlaces, areaPlacesSize;
  uint64_t inputStorage, inputStorageSize;
  uint64_t symbols, symbolsEnd;
  uint64_t framelessStart, framelessEnd;
};

// What boot/traps.asm leaves on the stack, lowest address first.
struct TrapFrame {
  uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
  uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
  uint64_t vector, errorCode;
  uint64_t rip, cs, rflags, rsp, ss;
};
