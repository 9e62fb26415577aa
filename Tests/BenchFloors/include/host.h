// What the bench needs of the host, which Embedded Swift has no module for.

#pragma once
#include <stdbool.h>
#include <stdint.h>

/// Nanoseconds since some moment.
uint64_t host_nanoseconds(void);

/// `byte_count` zero bytes that are in memory already, at a 2 MiB boundary.
uint64_t *_Nonnull host_memory(uint64_t byte_count);

/// Nanoseconds a unit.
typedef struct {
  double min;
  double median;
} host_figures;

/// Writes the figures of a workload as a line of a table to the standard output, and as a row to a
/// file if there is one. `aim` is the most that the ratio of the minima is to be, or 0.
void host_report(
    const uint8_t *_Nonnull name, const uint8_t *_Nonnull unit, double aim, host_figures floor,
    host_figures subject);

/// Opens the file and writes the table's head.
void host_begin_report(uint64_t rounds);

/// Whether a workload was asked for.
bool host_wants(const uint8_t *_Nonnull name);

/// Ends the file.
void host_end_report(void);

/// Ends the bench: a figure of something that went wrong is no figure.
_Noreturn void host_fail(const uint8_t *_Nonnull what);
