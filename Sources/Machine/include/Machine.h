#pragma once
#include <stdint.h>
static inline void machineOut8(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" :: "a"(value), "Nd"(port)); }
