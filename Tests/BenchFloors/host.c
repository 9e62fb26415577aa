#define _GNU_SOURCE
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static FILE *json;
static const char *separator = "";

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
  const char *json_file = getenv("BENCH_JSON");
  if (json_file != NULL) {
    json = fopen(json_file, "w");
    if (json == NULL) host_fail((const uint8_t *)json_file);
    fprintf(json, "{\"unit\": \"nanoseconds\", \"rounds\": %lu, \"workloads\": [",
            (unsigned long)rounds);
  }
  printf("nanoseconds, min / median of %lu rounds\n", (unsigned long)rounds);
  printf("%-24s%-8s%18s%20s%10s\n", "", "a", "floor in C", "Highland", "min/min");
}

bool host_wants(const uint8_t *name) {
  const char *wanted = getenv("BENCH_ONLY");
  return wanted == NULL || strncmp((const char *)name, wanted, strlen(wanted)) == 0;
}

void host_report(
    const uint8_t *name, const uint8_t *unit, host_figures floor, host_figures subject) {
  double ratio = subject.min / floor.min;
  printf("%-24s%-8s%8.2f / %7.2f%10.2f / %7.2f%10.2f\n", (const char *)name, (const char *)unit,
         floor.min, floor.median, subject.min, subject.median, ratio);
  fflush(stdout);
  if (json == NULL) return;
  fprintf(json,
          "%s\n{\"name\": \"%s\", \"per\": \"%s\", \"floor\": {\"min\": %.3f, \"median\": %.3f}, "
          "\"highland\": {\"min\": %.3f, \"median\": %.3f}, \"ratio\": %.3f}",
          separator, (const char *)name, (const char *)unit, floor.min, floor.median, subject.min,
          subject.median, ratio);
  separator = ",";
}

void host_end_report(void) {
  if (json == NULL) return;
  fprintf(json, "\n]}\n");
  if (fclose(json) != 0) host_fail((const uint8_t *)"the JSON file could not be written");
}

void host_fail(const uint8_t *what) {
  fflush(stdout);
  fprintf(stderr, "bench: %s\n", (const char *)what);
  exit(1);
}
