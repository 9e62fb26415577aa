#define _GNU_SOURCE
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static FILE *rows;

uint64_t host_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t *host_memory(uint64_t byte_count) {
  void *memory = aligned_alloc(1 << 21, byte_count);
  if (memory == NULL) host_fail((const uint8_t *)"no memory");
  return memset(memory, 0, byte_count);
}

void host_begin_report(uint64_t rounds) {
  const char *file = getenv("BENCH_ROWS");
  if (file != NULL) {
    rows = fopen(file, "a");
    if (rows == NULL) host_fail((const uint8_t *)file);
  }
  printf("nanoseconds, min / median of %lu rounds\n", (unsigned long)rounds);
  printf("%-26s%-6s%18s%20s%10s%6s\n", "", "a", "floor in C", "Highland", "min/min", "aim");
}

bool host_wants(const uint8_t *name) {
  const char *wanted = getenv("BENCH_ONLY");
  return wanted == NULL || strncmp((const char *)name, wanted, strlen(wanted)) == 0;
}

void host_report(
    const uint8_t *name, const uint8_t *unit, double aim, host_figures floor,
    host_figures subject) {
  double ratio = subject.min / floor.min;
  printf("%-26s%-6s%8.2f / %7.2f%10.2f / %7.2f%10.2f", (const char *)name, (const char *)unit,
         floor.min, floor.median, subject.min, subject.median, ratio);
  if (aim > 0) printf("%6.1f %s", aim, ratio <= aim ? "met" : "missed");
  printf("\n");
  fflush(stdout);
  if (rows == NULL) return;
  fprintf(rows, "host\t%s\t%s\t%.3f\t%.3f\t%.3f\t%.3f\t%.1f\n", (const char *)name,
          (const char *)unit, floor.min, floor.median, subject.min, subject.median, aim);
}

void host_end_report(void) {
  if (rows != NULL && fclose(rows) != 0) {
    host_fail((const uint8_t *)"the rows could not be written");
  }
}

void host_fail(const uint8_t *what) {
  fflush(stdout);
  fprintf(stderr, "bench: %s\n", (const char *)what);
  exit(1);
}
